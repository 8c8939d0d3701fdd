/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a device's fma is correctly rounded, by trying it. */
#ifndef MASKCL_DEVICE_FMA_H
#define MASKCL_DEVICE_FMA_H

#include <stdbool.h>

#include "device/context.h"

/* What was tried, and the first case that differs. */
typedef struct mcl_fma_trial {
    size_t cases;
    bool agrees;
    float a, b, c, expected, got; /* unless it agrees */
} mcl_fma_trial;

/* Computes hard cases of a·b + c on the device, as numbers and in vectors: exact results that lie
 * just beside the middle between two floats, that cancel all but the product's last bits, or whose
 * terms differ widely. None is subnormal. */
mcl_status mcl_fma_try(mcl_fma_trial *trial, mcl_context *context);

#endif
