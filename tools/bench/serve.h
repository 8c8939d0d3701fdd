/* SPDX-License-Identifier: Apache-2.0 */
/* How tools/bench/run takes turns between programs: each is started once, prints "ready", then for
 * every line "SECONDS" on standard input measures for at least so long and prints its rate. */
#ifndef MASKCL_BENCH_SERVE_H
#define MASKCL_BENCH_SERVE_H

#include "maskcl/maskcl.h"

typedef mcl_status bench_measure(double *rate, double seconds, void *user);

/* Serves until standard input ends. One short measurement comes before "ready": everything is
 * compiled then. On a terminal, where nobody asks, it measures five times for a second. */
mcl_status bench_serve(bench_measure *measure, void *user);

/* Seconds of a clock that is never set. */
double bench_now(void);

#endif
