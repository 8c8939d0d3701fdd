/* SPDX-License-Identifier: Apache-2.0 */
/* The table that --profile prints. */
#ifndef MASKCL_CLI_PROFILE_H
#define MASKCL_CLI_PROFILE_H

#include "maskcl/device.h"
#include "message.h"

/* Prints what has run on a context since mcl_profile_start(), beside the device's measured peaks.
 */
mcl_exit mcl_print_profile(mcl_context *context);

/* Prints the same as JSON, without the peaks. */
mcl_exit mcl_print_profile_as_json(mcl_context *context);

#endif
