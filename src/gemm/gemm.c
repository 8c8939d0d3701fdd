#include "gemm/gemm.h"

#include <stdio.h>

#include "device/record.h"
#include "gemm/providers.h"

static const mcl_finish none = {.kind = MCL_FINISH_NONE};

/* Which of the native kernels. */
static bool is_for_gpu(const mcl_context *context)
{
    return context->gemm == MCL_GEMM_NATIVE ? context->info.type != MCL_DEVICE_CPU
                                            : context->gemm == MCL_GEMM_NATIVE_GPU;
}

mcl_status mcl_gemm_run_finish(mcl_context *context, const mcl_gemm *gemm, mcl_matrix a,
    mcl_matrix b, mcl_matrix c, const mcl_finish *finish)
{
    if (gemm->m == 0 || gemm->n == 0 || gemm->k == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT, "a matrix product of %u × %u × %u has no elements",
            gemm->m, gemm->n, gemm->k);
    if (context->gemm == MCL_GEMM_CLBLAST)
        return mcl_gemm_clblast(context, gemm, a, b, c, finish);
    return is_for_gpu(context) ? mcl_gemm_gpu(context, gemm, a, b, c, finish)
                               : mcl_gemm_cpu(context, gemm, a, b, c, finish);
}

mcl_status mcl_gemm_run(
    mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b, mcl_matrix c)
{
    return mcl_gemm_run_finish(context, gemm, a, b, c, &none);
}

mcl_status mcl_gemm_turn(cl_mem *turned, mcl_context *context, mcl_gemm *gemm, mcl_matrix b)
{
    *turned = NULL;
    if (context->gemm == MCL_GEMM_CLBLAST || is_for_gpu(context))
        return MCL_OK;
    return mcl_gemm_cpu_turn(turned, context, gemm, b);
}

mcl_status mcl_gemm_prepare(mcl_context *context, const mcl_gemm *gemm, const mcl_finish *finish)
{
    if (!finish)
        finish = &none;
    if (context->gemm == MCL_GEMM_CLBLAST)
        return mcl_finish_prepare(context, finish);
    return is_for_gpu(context) ? mcl_gemm_gpu_prepare(context, gemm, finish)
                               : mcl_gemm_cpu_prepare(context, gemm, finish);
}

void mcl_gemm_record(mcl_context *context, const mcl_gemm *gemm)
{
    const double m = gemm->m, n = gemm->n, k = gemm->k;
    char name[64];
    if (!context->record)
        return;
    snprintf(name, sizeof name, "gemm %c%c %u×%u×%u", gemm->transpose_a ? 'T' : 'N',
        gemm->transpose_b ? 'T' : 'N', gemm->m, gemm->n, gemm->k);
    mcl_record_work(context, name, 2.0 * m * n * k, sizeof(float) * (m * k + k * n + m * n));
}
