/* SPDX-License-Identifier: Apache-2.0 */
/* Every command, each defined in the file of its name. */
#ifndef MASKCL_CLI_COMMANDS_H
#define MASKCL_CLI_COMMANDS_H

#include <stddef.h>

#include "options.h"

extern const mcl_command mcl_command_devices;
extern const mcl_command mcl_command_pretrain;
extern const mcl_command mcl_command_embed;
extern const mcl_command mcl_command_neighbors;
extern const mcl_command mcl_command_probe;
extern const mcl_command mcl_command_compare;
extern const mcl_command mcl_command_finetune;
extern const mcl_command mcl_command_predict;
extern const mcl_command mcl_command_reconstruct;
extern const mcl_command mcl_command_views;
extern const mcl_command mcl_command_info;
extern const mcl_command mcl_command_reproduce;
extern const mcl_command mcl_command_diff;
extern const mcl_command mcl_command_tune;
extern const mcl_command mcl_command_verify;
extern const mcl_command mcl_command_help;

/* All of them in the order of the help, NULL at the end. */
extern const mcl_command *const mcl_commands[];

/* NULL when there is none of this name. */
const mcl_command *mcl_command_find(const char *name);

#endif
