/* SPDX-License-Identifier: Apache-2.0 */
/* A command's options: the program's own and, of commands that train, the library's, spelled as on
 * a command line. */
#ifndef MASKCL_CLI_TABLE_H
#define MASKCL_CLI_TABLE_H

#include "options.h"

/* Options in the order in which they are applied. */
typedef struct mcl_option_table {
    const mcl_option *options;
    size_t count;
} mcl_option_table;

/* The table is the program's, good until another command's is asked for. */
mcl_option_table mcl_command_table(const mcl_command *command);

/* Writes text with every `key` of an option of the library's as a user types it: `batch` becomes
 * --batch, or "batch" where command, if it is not NULL, has no such option. */
void mcl_spell(char *spelled, size_t size, const char *text, const mcl_command *command);

#endif
