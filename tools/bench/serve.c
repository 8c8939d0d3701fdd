/* SPDX-License-Identifier: Apache-2.0 */
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static mcl_status answer(bench_measure *measure, double seconds, void *user)
{
    double rate;
    const mcl_status status = measure(&rate, seconds, user);
    if (status != MCL_OK)
        return status;
    printf("%.6g\n", rate);
    fflush(stdout);
    return MCL_OK;
}

mcl_status bench_serve(bench_measure *measure, void *user)
{
    double rate;
    mcl_status status = measure(&rate, 0.0, user);
    if (isatty(STDIN_FILENO)) {
        for (int i = 0; i < 5 && status == MCL_OK; i++)
            status = answer(measure, 1.0, user);
        return status;
    }
    if (status == MCL_OK)
        puts("ready");
    fflush(stdout);
    char line[64];
    while (status == MCL_OK && fgets(line, sizeof line, stdin))
        status = answer(measure, strtod(line, NULL), user);
    return status;
}

double bench_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}
