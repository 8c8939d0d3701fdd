/* SPDX-License-Identifier: Apache-2.0 */
/* The program's own output. Drivers and their compilers print to the process's standard streams
 * whenever they are called: what they print to standard output goes to standard error, and while
 * a bar is drawn or --quiet holds, both are kept back until there is a place for them. So the
 * program prints by mcl_print(), or to mcl_out and mcl_err, and never to stdout and stderr. */
#ifndef MASKCL_CLI_STREAMS_H
#define MASKCL_CLI_STREAMS_H

#include <stdbool.h>
#include <stdio.h>

extern FILE *mcl_out; /* results: where standard output led when the program began */
extern FILE *mcl_err; /* all else: where standard error led */

/* Called at the start, with descriptors 0 to 2 open. Numbers have a decimal point from now on, in
 * whatever locale a driver sets. */
void mcl_streams_open(void);

/* Called before drivers are loaded. When quiet, what they print is shown only if the program
 * fails; else, on a terminal, on lines of its own between ours. Elsewhere nothing changes. */
void mcl_streams_guard(bool quiet);

/* Called when they are loaded: some set handlers of their own for the signal of an abort, before
 * which what they have printed is shown. */
void mcl_streams_guard_again(void);

/* For a signal's handler: what a driver said before it ends the program is why. */
void mcl_streams_last_words(int number);

/* Whether drivers have printed something that mcl_streams_show() would show now. */
bool mcl_streams_waiting(void);

/* Shows it, each line after "driver: ". */
void mcl_streams_show(void);

/* Called before the program ends, well or not. */
void mcl_streams_end(bool well);

/* A path as the program sees it: /dev/stdout is where its results go. */
const char *mcl_streams_path(const char *path);

/* Prints a result, as printf() does. */
__attribute__((format(printf, 1, 2))) int mcl_print(const char *format, ...);

#endif
