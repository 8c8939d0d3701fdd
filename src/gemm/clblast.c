/* The product by CLBlast. */
#include <clblast_c.h>

#include "gemm/providers.h"

mcl_status mcl_gemm_clblast(
    mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b, mcl_matrix c)
{
    const CLBlastTranspose transpose_a =
        gemm->transpose_a ? CLBlastTransposeYes : CLBlastTransposeNo;
    const CLBlastTranspose transpose_b =
        gemm->transpose_b ? CLBlastTransposeYes : CLBlastTransposeNo;
    const CLBlastStatusCode code = CLBlastSgemm(CLBlastLayoutRowMajor, transpose_a, transpose_b,
        gemm->m, gemm->n, gemm->k, gemm->alpha, a.buffer, a.offset, gemm->lda, b.buffer, b.offset,
        gemm->ldb, gemm->beta, c.buffer, c.offset, gemm->ldc, &context->queue, NULL);
    if (code == CLBlastSuccess)
        return MCL_OK;
    return mcl_fail(MCL_ERROR_DEVICE,
        "%s: CLBlast's product of %u × %u × %u failed: %s (%d); try --gemm native",
        context->info.name, gemm->m, gemm->n, gemm->k, mcl_opencl_error_name(code), code);
}
