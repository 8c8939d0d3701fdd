/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/product.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "compute/providers.h"
#include "device/profile.h"

static const mcl_epilogue none = {.kind = MCL_EPILOGUE_NONE};

/* Which of the native kernels. */
static bool is_for_gpu(const mcl_context *context)
{
    return context->gemm == MCL_GEMM_NATIVE ? context->info.type != MCL_DEVICE_CPU
                                            : context->gemm == MCL_GEMM_NATIVE_GPU;
}

mcl_status mcl_gemm_run_epilogue(mcl_context *context, const mcl_gemm *gemm, mcl_matrix a,
    mcl_matrix b, mcl_matrix c, const mcl_epilogue *epilogue)
{
    if (gemm->m == 0 || gemm->n == 0 || gemm->k == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT, "a matrix product of %u × %u × %u has no elements",
            gemm->m, gemm->n, gemm->k);
    if (context->gemm == MCL_GEMM_CLBLAST)
        return mcl_gemm_clblast(context, gemm, a, b, c, epilogue);
    return is_for_gpu(context) ? mcl_gemm_gpu(context, gemm, a, b, c, epilogue)
                               : mcl_gemm_cpu(context, gemm, a, b, c, epilogue);
}

mcl_status mcl_gemm_run(
    mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b, mcl_matrix c)
{
    return mcl_gemm_run_epilogue(context, gemm, a, b, c, &none);
}

mcl_status mcl_gemm_pack(cl_mem *packed, mcl_context *context, mcl_gemm *gemm, mcl_matrix b)
{
    *packed = NULL;
    if (context->gemm == MCL_GEMM_CLBLAST || is_for_gpu(context))
        return MCL_OK;
    return mcl_gemm_cpu_pack(packed, context, gemm, b);
}

mcl_status mcl_gemm_prepare(
    mcl_context *context, const mcl_gemm *gemm, const mcl_epilogue *epilogue)
{
    if (!epilogue)
        epilogue = &none;
    if (context->gemm == MCL_GEMM_CLBLAST)
        return mcl_epilogue_prepare(context, epilogue);
    return is_for_gpu(context) ? mcl_gemm_gpu_prepare(context, gemm, epilogue)
                               : mcl_gemm_cpu_prepare(context, gemm, epilogue);
}

struct mcl_product {
    mcl_context *context;
    mcl_gemm gemm;
    mcl_epilogue epilogue;
    cl_mem packed; /* B the other way round, or NULL */
};

mcl_status mcl_product_create(
    mcl_product **product, mcl_context *context, const mcl_gemm *gemm, const mcl_epilogue *epilogue)
{
    mcl_product *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    created->gemm = *gemm;
    created->epilogue = epilogue ? *epilogue : none;
    const mcl_status status = mcl_gemm_prepare(context, gemm, epilogue);
    if (status == MCL_OK)
        *product = created;
    else
        free(created);
    return status;
}

void mcl_product_free(mcl_product *product)
{
    if (!product)
        return;
    mcl_buffer_release(&product->packed);
    free(product);
}

mcl_status mcl_product_pack(mcl_product *product, mcl_matrix b)
{
    mcl_gemm gemm = product->gemm;
    if (product->packed) {
        gemm.transpose_b = true;
        gemm.ldb = gemm.k;
    }
    mcl_buffer_release(&product->packed);
    MCL_TRY(mcl_gemm_pack(&product->packed, product->context, &gemm, b));
    product->gemm = gemm;
    return MCL_OK;
}

mcl_status mcl_product_run(mcl_product *product, const mcl_operands *operands)
{
    mcl_gemm gemm = product->gemm;
    mcl_epilogue epilogue = product->epilogue;
    gemm.m = operands->m ? operands->m : gemm.m;
    gemm.beta = operands->beta;
    epilogue.bias = operands->bias;
    epilogue.kept = operands->kept;
    const mcl_matrix b = product->packed ? (mcl_matrix){product->packed, 0} : operands->b;
    return mcl_gemm_run_epilogue(product->context, &gemm, operands->a, b, operands->c, &epilogue);
}

void mcl_gemm_record(mcl_context *context, const mcl_gemm *gemm)
{
    const double m = gemm->m, n = gemm->n, k = gemm->k;
    char name[64];
    if (!context->profiler)
        return;
    snprintf(name, sizeof name, "gemm %c%c %u×%u×%u", gemm->transpose_a ? 'T' : 'N',
        gemm->transpose_b ? 'T' : 'N', gemm->m, gemm->n, gemm->k);
    mcl_profile_work(context, name, 2.0 * m * n * k, sizeof(float) * (m * k + k * n + m * n));
}
