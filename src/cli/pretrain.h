/* SPDX-License-Identifier: Apache-2.0 */
/* What the help shows of pretrain's options. */
#ifndef MASKCL_CLI_PRETRAIN_H
#define MASKCL_CLI_PRETRAIN_H

#include "message.h"

/* Prints every recipe with the options that it stands for. */
mcl_exit mcl_print_recipes(void);

#endif
