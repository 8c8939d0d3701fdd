/* SPDX-License-Identifier: Apache-2.0 */
/* What a provider of the matrix product offers. */
#ifndef MASKCL_COMPUTE_PROVIDERS_H
#define MASKCL_COMPUTE_PROVIDERS_H

#include "compute/product.h"

/* The native product's two kernels: either runs everywhere and gives the same bits. */
mcl_status mcl_gemm_cpu(mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b,
    mcl_matrix c, const mcl_epilogue *epilogue);
mcl_status mcl_gemm_cpu_prepare(
    mcl_context *context, const mcl_gemm *gemm, const mcl_epilogue *epilogue);
mcl_status mcl_gemm_cpu_pack(cl_mem *packed, mcl_context *context, mcl_gemm *gemm, mcl_matrix b);
mcl_status mcl_gemm_gpu(mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b,
    mcl_matrix c, const mcl_epilogue *epilogue);
mcl_status mcl_gemm_gpu_prepare(
    mcl_context *context, const mcl_gemm *gemm, const mcl_epilogue *epilogue);

/* The epilogue is a kernel of its own here. */
mcl_status mcl_gemm_clblast(mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b,
    mcl_matrix c, const mcl_epilogue *epilogue);

/* Says for the profile what product the next command computes. */
void mcl_gemm_record(mcl_context *context, const mcl_gemm *gemm);

/* What a kernel is told of its epilogue: FINISH_… of cl/epilogue.clh, 0 for none, and the
 * ACTIVATION that it is built with. Without an activation it is ReLU's build, which most networks
 * have anyway.
 */
uint32_t mcl_epilogue_how(const mcl_epilogue *epilogue);
mcl_activation mcl_epilogue_activation(const mcl_epilogue *epilogue);

#endif
