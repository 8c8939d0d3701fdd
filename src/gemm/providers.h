/* What a provider of the matrix product offers. */
#ifndef MASKCL_GEMM_PROVIDERS_H
#define MASKCL_GEMM_PROVIDERS_H

#include "gemm/gemm.h"

/* The native product's two kernels: either runs everywhere and gives the same bits. */
mcl_status mcl_gemm_cpu(mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b,
    mcl_matrix c, const mcl_finish *finish);
mcl_status mcl_gemm_cpu_prepare(
    mcl_context *context, const mcl_gemm *gemm, const mcl_finish *finish);
mcl_status mcl_gemm_gpu(mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b,
    mcl_matrix c, const mcl_finish *finish);
mcl_status mcl_gemm_gpu_prepare(
    mcl_context *context, const mcl_gemm *gemm, const mcl_finish *finish);

/* The finish is a kernel of its own here. */
mcl_status mcl_gemm_clblast(mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b,
    mcl_matrix c, const mcl_finish *finish);
mcl_status mcl_gemm_clblast_prepare(mcl_context *context, const mcl_finish *finish);

/* Says for the profile what product the next command computes. */
void mcl_gemm_record(mcl_context *context, const mcl_gemm *gemm);

#endif
