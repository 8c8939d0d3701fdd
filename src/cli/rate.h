/* SPDX-License-Identifier: Apache-2.0 */
/* Learning rates that nobody can guess. */
#ifndef MASKCL_CLI_RATE_H
#define MASKCL_CLI_RATE_H

#include "maskcl/optimizer.h"
#include "options.h"

/* MCL_EXIT_USAGE where an optimizer is taken whose learning rate must be chosen, and none is. */
mcl_exit mcl_check_rate(mcl_optimizer_kind kind, const mcl_arguments *arguments);

#endif
