/* SPDX-License-Identifier: Apache-2.0 */
/* The epilogue of a product as a kernel of its own, and how it is told to kernels. */
#include <stdio.h>

#include "compute/providers.h"
#include "constants.clh"
#include "device/profile.h"

#define OPTIONS_SIZE 64

uint32_t mcl_epilogue_how(const mcl_epilogue *epilogue)
{
    switch (epilogue->kind) {
    case MCL_EPILOGUE_FORWARD:
        return epilogue->activation == MCL_ACTIVATION_NONE ? MCL_STORE_LINEAR : MCL_STORE_FORWARD;
    case MCL_EPILOGUE_BACKWARD:
        return epilogue->activation == MCL_ACTIVATION_NONE ? MCL_STORE_PRODUCT : MCL_STORE_BACKWARD;
    default:
        return MCL_STORE_PRODUCT;
    }
}

mcl_activation mcl_epilogue_activation(const mcl_epilogue *epilogue)
{
    const bool without =
        epilogue->kind == MCL_EPILOGUE_NONE || epilogue->activation == MCL_ACTIVATION_NONE;
    return without ? MCL_ACTIVATION_RELU : epilogue->activation;
}

mcl_status mcl_epilogue_find(mcl_epilogue_pass *pass, mcl_context *context, uint32_t m, uint32_t n,
    uint32_t ldc, const mcl_epilogue *epilogue)
{
    char options[OPTIONS_SIZE];
    *pass = (mcl_epilogue_pass){context, NULL, mcl_epilogue_how(epilogue), m, n, ldc};
    if (epilogue->kind == MCL_EPILOGUE_NONE || epilogue->kind == MCL_EPILOGUE_SUMS)
        return MCL_OK;
    snprintf(options, sizeof options, "-D ACTIVATION=%d", mcl_epilogue_activation(epilogue));
    return mcl_kernel_find(&pass->kernel, context, "epilogue.cl", "epilogue_product", options);
}

mcl_status mcl_epilogue_apply(const mcl_epilogue_pass *pass, const mcl_operands *operands)
{
    const mcl_matrix c = operands->c;
    const mcl_matrix bias = operands->bias.buffer ? operands->bias : c; /* else it is not read */
    if (!pass->kernel)
        return MCL_OK;
    const uint32_t rows = operands->m ? operands->m : pass->m;
    const double matrices = operands->kept ? 3.0 : 2.0;
    mcl_profile_work(
        pass->context, NULL, 0.0, matrices * sizeof(float) * (double)rows * (double)pass->n);
    return mcl_run_elements(pass->kernel, pass->n, rows, MCL_UINT(pass->how), MCL_BUFFER(c.buffer),
        MCL_ULONG(c.offset), MCL_UINT(pass->ldc), MCL_BUFFER(bias.buffer), MCL_ULONG(bias.offset),
        MCL_BUFFER(operands->kept ? operands->kept : c.buffer), MCL_ULONG(operands->kept_offset),
        MCL_UINT(pass->n));
}
