/* What a provider of the matrix product offers. */
#ifndef MASKCL_GEMM_PROVIDERS_H
#define MASKCL_GEMM_PROVIDERS_H

#include "gemm/gemm.h"

/* The native product's two kernels: either runs everywhere and gives the same bits. */
mcl_status mcl_gemm_cpu(mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b,
    mcl_matrix c, const mcl_finish *finish);
mcl_status mcl_gemm_cpu_prepare(
    mcl_context *context, const mcl_gemm *gemm, const mcl_finish *finish);
mcl_status mcl_gemm_cpu_turn(cl_mem *turned, mcl_context *context, mcl_gemm *gemm, mcl_matrix b);
mcl_status mcl_gemm_gpu(mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b,
    mcl_matrix c, const mcl_finish *finish);
mcl_status mcl_gemm_gpu_prepare(
    mcl_context *context, const mcl_gemm *gemm, const mcl_finish *finish);

/* The finish is a kernel of its own here. */
mcl_status mcl_gemm_clblast(mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b,
    mcl_matrix c, const mcl_finish *finish);

/* Says for the profile what product the next command computes. */
void mcl_gemm_record(mcl_context *context, const mcl_gemm *gemm);

/* What a kernel is told of its finish: FINISH_… of cl/finish.clh, 0 for none, and the ACTIVATION
 * that it is built with. Without an activation it is ReLU's build, which most networks have anyway.
 */
uint32_t mcl_finish_how(const mcl_finish *finish);
mcl_activation mcl_finish_activation(const mcl_finish *finish);

#endif
