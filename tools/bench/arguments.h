/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of a benchmark program: --name value pairs. */
#ifndef MASKCL_BENCH_ARGUMENTS_H
#define MASKCL_BENCH_ARGUMENTS_H

#include "maskcl/maskcl.h"

/* The value that follows "--name", or otherwise when it is not there. */
const char *bench_text(int count, char **arguments, const char *name, const char *otherwise);
double bench_number(int count, char **arguments, const char *name, double otherwise);

/* Opens the context that --platform, --device, --compute-units, --device-memory (in bytes) and
 * --gemm (default: gemm) ask for. */
mcl_status bench_context(mcl_context **context, int count, char **arguments, const char *gemm);

/* Prints the last error and returns the exit code of a failure. */
int bench_failed(void);

#endif
