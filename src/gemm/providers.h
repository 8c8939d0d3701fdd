/* What a provider of the matrix product offers. */
#ifndef MASKCL_GEMM_PROVIDERS_H
#define MASKCL_GEMM_PROVIDERS_H

#include "gemm/gemm.h"

mcl_status mcl_gemm_native(
    mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b, mcl_matrix c);
mcl_status mcl_gemm_native_prepare(mcl_context *context, const mcl_gemm *gemm);

mcl_status mcl_gemm_clblast(
    mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b, mcl_matrix c);

#endif
