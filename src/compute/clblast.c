/* SPDX-License-Identifier: Apache-2.0 */
/* The product by CLBlast. */
#include <clblast_c.h>
#include <string.h>

#include "compute/providers.h"
#include "compute/tuning.h"
#include "device/profile.h"

/* CLBlast keeps its parameters by device, for all its users in this process. */
static mcl_status set_parameters(mcl_context *context)
{
    struct mcl_tuning *tuning = mcl_tuning_of(context);
    if (!tuning || tuning->clblast_is_set)
        return MCL_OK;
    for (size_t i = 0; i < MCL_CLBLAST_KERNELS; i++) {
        const mcl_clblast_kernel *kernel = &mcl_clblast_kernels[i];
        const char *names[MCL_CLBLAST_PARAMETERS_MAX];
        if (!tuning->has_clblast[i])
            continue;
        memcpy(names, kernel->parameters, sizeof names);
        const CLBlastStatusCode code = CLBlastOverrideParameters(context->device, kernel->name,
            CLBlastPrecisionSingle, kernel->count, names, tuning->clblast[i]);
        if (code != CLBlastSuccess)
            return mcl_fail(MCL_ERROR_DEVICE,
                "%s: CLBlast does not take the tuned parameters of %s (%d); try --gemm native",
                context->info.name, kernel->name, code);
    }
    tuning->clblast_is_set = true;
    return MCL_OK;
}

mcl_status mcl_gemm_clblast(mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b,
    mcl_matrix c, const mcl_epilogue *epilogue)
{
    const CLBlastTranspose transpose_a =
        gemm->transpose_a ? CLBlastTransposeYes : CLBlastTransposeNo;
    const CLBlastTranspose transpose_b =
        gemm->transpose_b ? CLBlastTransposeYes : CLBlastTransposeNo;
    MCL_TRY(set_parameters(context));
    const CLBlastStatusCode code =
        CLBlastSgemm(CLBlastLayoutRowMajor, transpose_a, transpose_b, gemm->m, gemm->n, gemm->k,
            gemm->alpha, a.buffer, a.offset, gemm->lda, b.buffer, b.offset, gemm->ldb, gemm->beta,
            c.buffer, c.offset, gemm->ldc, &context->queue, mcl_profile_event(context));
    if (code != CLBlastSuccess)
        return mcl_fail(MCL_ERROR_DEVICE,
            "%s: CLBlast's product of %u × %u × %u failed: %s (%d); try --gemm native",
            context->info.name, gemm->m, gemm->n, gemm->k, mcl_opencl_error_name(code), code);
    mcl_gemm_record(context, gemm);
    MCL_TRY(mcl_profile_command(context, NULL, NULL, true));
    return mcl_epilogue_run(context, gemm->m, gemm->n, gemm->ldc, c, epilogue);
}
