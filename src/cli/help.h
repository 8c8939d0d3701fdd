/* SPDX-License-Identifier: Apache-2.0 */
/* The help, made from the tables that the command line is read by. */
#ifndef MASKCL_CLI_HELP_H
#define MASKCL_CLI_HELP_H

#include "options.h"

/* Prints text in words, as many as fit on a line of 80, and ends the line; column is where the
 * cursor stands, indent where the following lines begin. */
void mcl_print_wrapped(const char *text, size_t column, size_t indent);

/* Prints an entry of a list: what it is called, and after it or below it what it is. */
void mcl_print_entry(const char *name, const char *text);

/* Prints a command's help on standard output. */
mcl_exit mcl_help_command(const mcl_command *command);

#endif
