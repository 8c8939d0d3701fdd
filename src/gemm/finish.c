/* The finish of a product as a kernel of its own, and how it is told to kernels. */
#include <stdio.h>

#include "gemm/providers.h"

#define OPTIONS_SIZE 64

uint32_t mcl_finish_how(const mcl_finish *finish)
{
    switch (finish->kind) {
    case MCL_FINISH_FORWARD:
        return finish->activation == MCL_ACTIVATION_NONE ? 1 : 2;
    case MCL_FINISH_BACKWARD:
        return finish->activation == MCL_ACTIVATION_NONE ? 0 : 3;
    default:
        return 0;
    }
}

mcl_activation mcl_finish_activation(const mcl_finish *finish)
{
    const bool without =
        finish->kind == MCL_FINISH_NONE || finish->activation == MCL_ACTIVATION_NONE;
    return without ? MCL_ACTIVATION_RELU : finish->activation;
}

static void write_options(char options[OPTIONS_SIZE], const mcl_finish *finish)
{
    snprintf(options, OPTIONS_SIZE, "-D ACTIVATION=%d", mcl_finish_activation(finish));
}

mcl_status mcl_finish_prepare(mcl_context *context, const mcl_finish *finish)
{
    char options[OPTIONS_SIZE];
    if (finish->kind == MCL_FINISH_NONE)
        return MCL_OK;
    write_options(options, finish);
    return mcl_kernel_expect(context, "finish.cl", options);
}

mcl_status mcl_finish_run(mcl_context *context, uint32_t m, uint32_t n, uint32_t ldc, mcl_matrix c,
    const mcl_finish *finish)
{
    const mcl_matrix bias = finish->bias.buffer ? finish->bias : c; /* else it is not read */
    char options[OPTIONS_SIZE];
    cl_kernel kernel;
    if (finish->kind == MCL_FINISH_NONE)
        return MCL_OK;
    write_options(options, finish);
    MCL_TRY(mcl_kernel_get(&kernel, context, "finish.cl", "finish_product", options));
    return mcl_launch(context, kernel, n, m, MCL_UINT(mcl_finish_how(finish)), MCL_BUFFER(c.buffer),
        MCL_ULONG(c.offset), MCL_UINT(ldc), MCL_BUFFER(bias.buffer), MCL_ULONG(bias.offset),
        MCL_BUFFER(finish->kept ? finish->kept : c.buffer), MCL_UINT(n));
}
