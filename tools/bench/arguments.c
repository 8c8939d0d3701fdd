/* SPDX-License-Identifier: Apache-2.0 */
#include "arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *bench_text(int count, char **arguments, const char *name, const char *otherwise)
{
    for (int i = 1; i + 1 < count; i++) {
        if (strncmp(arguments[i], "--", 2) == 0 && strcmp(arguments[i] + 2, name) == 0)
            return arguments[i + 1];
    }
    return otherwise;
}

double bench_number(int count, char **arguments, const char *name, double otherwise)
{
    const char *text = bench_text(count, arguments, name, NULL);
    return text ? strtod(text, NULL) : otherwise;
}

mcl_status bench_context(mcl_context **context, int count, char **arguments, const char *gemm)
{
    mcl_context_options options = {
        .platform = bench_text(count, arguments, "platform", NULL),
        .device = bench_text(count, arguments, "device", NULL),
        .compute_units = (uint32_t)bench_number(count, arguments, "compute-units", 0.0),
    };
    mcl_status status =
        mcl_gemm_kind_parse(&options.gemm, bench_text(count, arguments, "gemm", gemm));
    if (status == MCL_OK)
        status = mcl_context_open(context, &options);
    if (status == MCL_OK)
        mcl_context_limit_memory(
            *context, (uint64_t)bench_number(count, arguments, "device-memory", 0.0));
    return status;
}

int bench_failed(void)
{
    fprintf(stderr, "error: %s\n", mcl_error_message());
    return EXIT_FAILURE;
}
