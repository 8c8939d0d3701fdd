/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a table, as often as is said, and prints the least seconds:
 *
 *     bench_table FILE TIMES */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "maskcl/maskcl.h"

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

int main(int count, char **arguments)
{
    double least = -1.0;
    const long times = count == 3 ? strtol(arguments[2], NULL, 10) : 0;
    if (times < 1) {
        fprintf(stderr, "usage: bench_table FILE TIMES\n");
        return 2;
    }
    for (long i = 0; i < times; i++) {
        mcl_data *data = NULL;
        const double start = now();
        if (mcl_data_open(&data, arguments[1]) != MCL_OK) {
            fprintf(stderr, "bench_table: %s\n", mcl_error_message());
            return 1;
        }
        const double seconds = now() - start;
        least = least < 0.0 || seconds < least ? seconds : least;
        mcl_data_free(data);
    }
    printf("%.3f\n", least);
    return 0;
}
