/* The help, made from the tables that the command line is read by. */
#ifndef MASKCL_CLI_HELP_H
#define MASKCL_CLI_HELP_H

#include "options.h"

/* Prints a command's help on standard output. */
mcl_exit mcl_help_command(const mcl_command *command);

#endif
