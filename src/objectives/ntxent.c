/* SPDX-License-Identifier: Apache-2.0 */
/* The NT-Xent objective, cl/ntxent.cl. */
#include <stdlib.h>

#include "base/memory.h"
#include "compute/product.h"
#include "device/profile.h"
#include "objectives/normalized.h"

enum { TEMPERATURE }; /* its own options */

struct ntxent {
    mcl_context *context;
    uint32_t batch, columns;
    float temperature;
    mcl_terms losses;          /* [R] */
    mcl_normalized normalized; /* [R×P] */
    cl_mem normalizer;         /* [R] log Σ exp s */
    cl_mem similarity;         /* [R×R] s, then its gradient */
};

/* s[R×R] = ẑ·ẑᵀ/τ */
static mcl_gemm similarity_product(const struct ntxent *ntxent)
{
    const uint32_t r = 2 * ntxent->batch, n = ntxent->columns;
    return (mcl_gemm){false, true, r, r, n, n, n, r, 1.0f / ntxent->temperature, 0.0f};
}

/* dẑ[R×P] = g[R×R]·ẑ/τ */
static mcl_gemm gradient_product(const struct ntxent *ntxent)
{
    const uint32_t r = 2 * ntxent->batch, n = ntxent->columns;
    return (mcl_gemm){false, false, r, n, r, r, n, n, 1.0f / ntxent->temperature, 0.0f};
}

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    mcl_context *context = setup->context;
    const uint32_t views = 2 * setup->batch;
    struct ntxent *ntxent;
    MCL_TRY(mcl_allocate(&ntxent, 1, sizeof *ntxent));
    *state = ntxent;
    ntxent->context = context;
    ntxent->batch = setup->batch;
    ntxent->columns = setup->projection;
    ntxent->temperature = (float)setup->values[TEMPERATURE];
    MCL_TRY(mcl_terms_create(&ntxent->losses, context, views));
    MCL_TRY(mcl_normalized_create(&ntxent->normalized, context, views, ntxent->columns));
    MCL_TRY(mcl_buffer_create(&ntxent->normalizer, context, views, sizeof(float), "normalizers"));
    MCL_TRY(mcl_buffer_create(
        &ntxent->similarity, context, views, views * sizeof(float), "similarities of nt-xent"));
    const mcl_gemm forward = similarity_product(ntxent), backward = gradient_product(ntxent);
    MCL_TRY(mcl_gemm_prepare(context, &forward, NULL));
    return mcl_gemm_prepare(context, &backward, NULL);
}

static void release(void *state)
{
    struct ntxent *ntxent = state;
    mcl_terms_release(&ntxent->losses);
    mcl_normalized_release(&ntxent->normalized);
    mcl_buffer_release(&ntxent->normalizer);
    mcl_buffer_release(&ntxent->similarity);
    free(ntxent);
}

/* ẑ = z/|z|, s = ẑẑᵀ/τ, the mean of the views' losses */
static mcl_status forward(struct ntxent *ntxent, const mcl_objective_step *step)
{
    mcl_context *context = ntxent->context;
    const uint32_t r = 2 * ntxent->batch;
    const mcl_gemm product = similarity_product(ntxent);
    const mcl_matrix normalized = {ntxent->normalized.values, 0};
    cl_kernel kernel;
    MCL_TRY(mcl_normalized_forward(&ntxent->normalized, step->projections));
    MCL_TRY(mcl_gemm_run(
        context, &product, normalized, normalized, (mcl_matrix){ntxent->similarity, 0}));
    MCL_TRY(mcl_kernel_get(&kernel, context, "ntxent.cl", "ntxent_rows", ""));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 1.0 * r * r);
    MCL_TRY(mcl_launch(context, kernel, r, 1, MCL_BUFFER(ntxent->similarity), MCL_UINT(r),
        MCL_BUFFER(ntxent->normalizer), MCL_BUFFER(ntxent->losses.values)));
    return mcl_terms_total(&ntxent->losses, context, r, (float)r, step);
}

/* s → g, dẑ = g·ẑ/τ, dz through the normalisation */
static mcl_status backward(struct ntxent *ntxent, const mcl_objective_step *step)
{
    mcl_context *context = ntxent->context;
    const uint32_t r = 2 * ntxent->batch;
    const mcl_gemm product = gradient_product(ntxent);
    cl_kernel kernel;
    MCL_TRY(mcl_kernel_get(&kernel, context, "ntxent.cl", "ntxent_backward", ""));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 2.0 * r * r);
    MCL_TRY(mcl_launch(context, kernel, (r + 15) / 16, r, MCL_BUFFER(ntxent->similarity),
        MCL_BUFFER(ntxent->normalizer), MCL_UINT(r), MCL_FLOAT(step->weight / (float)r)));
    MCL_TRY(mcl_gemm_run(context, &product, (mcl_matrix){ntxent->similarity, 0},
        (mcl_matrix){ntxent->normalized.values, 0}, (mcl_matrix){ntxent->normalized.gradient, 0}));
    return mcl_normalized_backward(&ntxent->normalized, step->by_projections);
}

static mcl_status run(void *state, const mcl_objective_step *step)
{
    MCL_TRY(forward(state, step));
    return backward(state, step);
}

static const mcl_objective_option options[] = {
    [TEMPERATURE] = {.key = "temperature",

        .values = "T",
        .help = "what their cosines are divided by",
        .type = &mcl_value_positive_float,
        .otherwise = 0.2f},
};

const mcl_objective_type mcl_objective_ntxent = {
    .info = {.name = "nt-xent",
        .paper = "Chen et al. 2020",
        .summary =
            "SimCLR's: tells a row's other view from the views of all other rows of the batch by "
            "cosine, divided by `temperature` (0.2; Chen et al. 2020 found 0.1 to 0.5 best, by "
            "data and batch); does not collapse",
        .spreads = true},
    .needs = MCL_NEEDS_TWO_VIEWS | MCL_NEEDS_OTHER_ROWS,
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .create = create,
    .free = release,
    .run = run,
};
