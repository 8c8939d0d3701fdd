/* SPDX-License-Identifier: Apache-2.0 */
/* The product by CLBlast. */
#include <clblast_c.h>
#include <string.h>

#include "compute/providers.h"
#include "device/pace.h"
#include "device/profile.h"

#define RATE_LEAST 2e9 /* operations a second of a compute unit */
#define ROWS_STEP 64u  /* rows of C that a call has a multiple of */

struct plan {
    mcl_context *context;
    mcl_gemm gemm;
    struct mcl_tuning *tuning; /* NULL: there was no memory for one */
    mcl_epilogue_pass epilogue;
};

/* CLBlast keeps its parameters by device, for all its users in this process. */
static mcl_status set_parameters(const mcl_context *context, struct mcl_tuning *tuning)
{
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
                "%s: CLBlast does not take the tuned parameters of %s (%d); try native (`gemm`)",
                context->info.name, kernel->name, code);
    }
    tuning->clblast_is_set = true;
    return MCL_OK;
}

static mcl_status create(
    void *of, mcl_context *context, const mcl_gemm *gemm, const mcl_epilogue *epilogue)
{
    struct plan *plan = of;
    *plan = (struct plan){.context = context, .gemm = *gemm, .tuning = mcl_tuning_of(context)};
    return mcl_epilogue_find(&plan->epilogue, context, gemm->m, gemm->n, gemm->ldc, epilogue);
}

/* How many rows of C a call has. CLBlast's launches cannot be divided: where they must be short its
 * calls are, by the work alone, so that runs have the same bits, at a rate that any GPU has. */
static uint32_t rows_at_once(const mcl_context *context, const mcl_gemm *gemm, uint32_t rows)
{
    const double work = RATE_LEAST * (double)context->info.compute_units * MCL_PACE_SECONDS;
    const double most = work / (2.0 * (double)gemm->n * (double)gemm->k) / ROWS_STEP;
    if (!context->paced || most * ROWS_STEP >= (double)rows)
        return rows;
    return most < 1.0 ? ROWS_STEP : (uint32_t)most * ROWS_STEP;
}

/* Enqueues count rows of the product from the first on. */
static CLBlastStatusCode multiply(
    const struct plan *plan, const mcl_operands *x, uint32_t first, uint32_t count, cl_event *event)
{
    const mcl_gemm *gemm = &plan->gemm;
    const CLBlastTranspose transpose_a =
        gemm->transpose_a ? CLBlastTransposeYes : CLBlastTransposeNo;
    const CLBlastTranspose transpose_b =
        gemm->transpose_b ? CLBlastTransposeYes : CLBlastTransposeNo;
    const uint64_t of_a = gemm->transpose_a ? first : (uint64_t)first * gemm->lda;
    return CLBlastSgemm(CLBlastLayoutRowMajor, transpose_a, transpose_b, count, gemm->n, gemm->k,
        gemm->alpha, x->a.buffer, x->a.offset + of_a, gemm->lda, x->b.buffer, x->b.offset,
        gemm->ldb, x->beta, x->c.buffer, x->c.offset + (uint64_t)first * gemm->ldc, gemm->ldc,
        &plan->context->queue, event);
}

static mcl_status run(const void *of, const mcl_operands *x)
{
    const struct plan *plan = of;
    const mcl_gemm *gemm = &plan->gemm;
    mcl_context *context = plan->context;
    const uint32_t rows = rows_at_once(context, gemm, x->m);
    CLBlastStatusCode code = CLBlastSuccess;
    MCL_TRY(set_parameters(context, plan->tuning));
    for (uint32_t first = 0; first < x->m && code == CLBlastSuccess; first += rows) {
        const uint32_t count = x->m - first < rows ? x->m - first : rows;
        const bool last = first + count == x->m;
        code = multiply(plan, x, first, count, last ? mcl_profile_event(context) : NULL);
        if (!last && code == CLBlastSuccess)
            code = (CLBlastStatusCode)clFlush(context->queue);
    }
    if (code != CLBlastSuccess)
        return mcl_fail(MCL_ERROR_DEVICE,
            "%s: CLBlast's product of %u × %u × %u failed: %s (%d); try native (`gemm`)",
            context->info.name, x->m, gemm->n, gemm->k, mcl_opencl_error_name(code), code);
    mcl_product_record(context, gemm, x->m);
    MCL_TRY(mcl_profile_command(context, NULL, NULL, true));
    return mcl_epilogue_apply(&plan->epilogue, x);
}

/* Each candidate makes CLBlast compile all its kernels anew, so that they are few: those that
 * CLBlast's own database has most often, and for CPUs those that did best in trials. Its direct
 * kernel with vectors makes PoCL 3.1 crash or compile without end: on CPUs only the indirect one is
 * searched. GEMMK 1 needs MWG = NWG: else CLBlast before 1.6.3 reads where there is nothing, and
 * Intel's CPU runtime crashes. Parameters are in the order of mcl_clblast_kernels; the best guesses
 * come first. */
static const size_t cpu_indirect[][MCL_CLBLAST_PARAMETERS_MAX] = {
    /* by turns for compilers that want vectors, and for those that join work-items to vectors */
    {1, 8, 1, 1, 1, 1, 16, 1, 1, 16, 0, 0, 0, 0, 8, 8},
    {1, 1, 1, 1, 16, 16, 16, 1, 1, 16, 0, 0, 0, 0, 1, 1},
    {1, 8, 1, 1, 2, 2, 16, 2, 2, 16, 0, 0, 0, 0, 8, 8},
    {1, 1, 1, 1, 8, 8, 16, 1, 1, 16, 0, 0, 0, 0, 1, 1},
    {1, 4, 1, 1, 4, 4, 32, 4, 4, 32, 0, 0, 0, 0, 4, 4},
    {1, 1, 1, 1, 16, 16, 32, 2, 2, 32, 0, 0, 0, 0, 1, 1},
    {1, 4, 1, 1, 1, 1, 8, 1, 1, 8, 0, 0, 0, 0, 4, 4},
    {1, 1, 1, 1, 16, 16, 64, 4, 4, 64, 0, 0, 0, 0, 1, 1},
};
static const size_t gpu_indirect[][MCL_CLBLAST_PARAMETERS_MAX] = {
    {0, 1, 32, 2, 16, 16, 64, 8, 8, 64, 1, 1, 0, 0, 4, 4},
    {0, 1, 32, 2, 8, 8, 32, 8, 8, 32, 1, 1, 0, 0, 4, 4},
    {0, 1, 32, 2, 8, 8, 64, 32, 16, 128, 1, 1, 1, 1, 2, 2},
    {0, 1, 32, 2, 16, 16, 64, 8, 8, 64, 0, 0, 0, 0, 4, 4},
    {1, 4, 1, 1, 16, 16, 64, 8, 8, 64, 0, 0, 0, 0, 4, 4},
    {0, 1, 32, 2, 8, 8, 128, 32, 16, 128, 1, 1, 1, 1, 4, 4},
    {0, 1, 32, 2, 8, 8, 32, 16, 16, 64, 1, 1, 0, 0, 4, 4},
    {0, 1, 16, 2, 8, 8, 32, 8, 16, 128, 1, 0, 1, 1, 4, 8},
    {0, 1, 32, 2, 16, 16, 64, 8, 8, 32, 1, 1, 0, 0, 4, 4},
    {0, 1, 32, 2, 16, 16, 64, 8, 8, 128, 0, 0, 1, 0, 2, 4},
    {0, 1, 32, 2, 16, 16, 128, 16, 8, 64, 1, 1, 1, 0, 4, 1},
    {0, 1, 32, 2, 16, 16, 64, 32, 8, 128, 0, 1, 1, 0, 1, 2},
    {1, 16, 1, 1, 16, 16, 64, 8, 8, 64, 0, 0, 0, 0, 2, 8},
    {0, 1, 32, 2, 8, 8, 16, 8, 8, 32, 1, 1, 0, 0, 2, 4},
};
static const size_t gpu_direct[][MCL_CLBLAST_PARAMETERS_MAX] = {
    {2, 8, 8, 8, 8, 1, 1, 4, 4, 32},
    {2, 16, 16, 8, 8, 1, 1, 2, 4, 32},
    {2, 8, 8, 8, 8, 1, 1, 1, 1, 16},
    {2, 16, 8, 8, 16, 1, 1, 2, 1, 64},
    {8, 16, 8, 16, 8, 1, 0, 2, 2, 32},
    {8, 32, 16, 8, 8, 1, 0, 1, 4, 32},
    {2, 8, 8, 8, 8, 1, 1, 4, 2, 32},
    {2, 16, 16, 8, 8, 1, 1, 1, 1, 16},
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void add(mcl_candidates *candidates, size_t kernel,
    const size_t (*values)[MCL_CLBLAST_PARAMETERS_MAX], size_t count)
{
    for (size_t i = 0; i < count && candidates->count < MCL_CANDIDATES_MAX; i++) {
        mcl_candidate *candidate = &candidates->list[candidates->count++];
        candidate->clblast.kernel = kernel;
        memcpy(candidate->clblast.values, values[i], sizeof values[i]);
    }
}

static void add_candidates(mcl_candidates *candidates, const mcl_context *context, bool quick)
{
    if (context->info.type == MCL_DEVICE_CPU) {
        add(candidates, MCL_CLBLAST_INDIRECT, cpu_indirect, quick ? 2 : COUNT(cpu_indirect));
        return;
    }
    add(candidates, MCL_CLBLAST_DIRECT, gpu_direct, quick ? 2 : COUNT(gpu_direct));
    add(candidates, MCL_CLBLAST_INDIRECT, gpu_indirect, quick ? 3 : COUNT(gpu_indirect));
}

const mcl_product_provider mcl_product_clblast = {
    .kind = MCL_GEMM_CLBLAST,
    .plan_size = sizeof(struct plan),
    .create = create,
    .run = run,
    .candidates = add_candidates,
};
