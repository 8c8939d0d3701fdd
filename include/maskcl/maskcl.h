/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl: masked contrastive pre-training on any OpenCL device. This header includes them all. */
#ifndef MASKCL_MASKCL_H
#define MASKCL_MASKCL_H

#include "maskcl/data.h"
#include "maskcl/device.h"
#include "maskcl/encoder.h"
#include "maskcl/evaluate.h"
#include "maskcl/finetune.h"
#include "maskcl/mask.h"
#include "maskcl/model.h"
#include "maskcl/objectives.h"
#include "maskcl/optimizer.h"
#include "maskcl/options.h"
#include "maskcl/output.h"
#include "maskcl/pretrain.h"
#include "maskcl/profile.h"
#include "maskcl/reproduce.h"
#include "maskcl/schema.h"
#include "maskcl/status.h"
#include "maskcl/train.h"
#include "maskcl/tune.h"
#include "maskcl/verify.h"
#include "maskcl/version.h"
#include "maskcl/views.h"

#endif
