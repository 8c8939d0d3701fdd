#include "gemm/gemm.h"

#include "gemm/providers.h"

mcl_status mcl_gemm_run(
    mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b, mcl_matrix c)
{
    if (gemm->m == 0 || gemm->n == 0 || gemm->k == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT, "a matrix product of %u × %u × %u has no elements",
            gemm->m, gemm->n, gemm->k);
    if (context->gemm == MCL_GEMM_CLBLAST)
        return mcl_gemm_clblast(context, gemm, a, b, c);
    return mcl_gemm_native(context, gemm, a, b, c);
}

mcl_status mcl_gemm_prepare(mcl_context *context, const mcl_gemm *gemm)
{
    if (context->gemm == MCL_GEMM_CLBLAST)
        return MCL_OK;
    return mcl_gemm_native_prepare(context, gemm);
}
