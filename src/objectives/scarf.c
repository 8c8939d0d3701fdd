/* SPDX-License-Identifier: Apache-2.0 */
/* The SCARF objective, cl/infonce.cl: of the first view, the corrupted one, and the second. */
#include <stdlib.h>

#include "base/memory.h"
#include "compute/product.h"
#include "device/profile.h"
#include "objectives/normalized.h"

enum { TEMPERATURE }; /* its own options */

struct scarf {
    mcl_context *context;
    uint32_t batch, columns;
    float temperature;
    mcl_terms losses;          /* [B] */
    mcl_normalized normalized; /* [R×P] */
    cl_mem normalizer;         /* [B] log Σ exp s */
    cl_mem similarity;         /* [B×B] s, then its gradient */
};

/* s[B×B] = ẑ₂·ẑ₁ᵀ/τ */
static mcl_gemm similarity_product(const struct scarf *scarf)
{
    const uint32_t b = scarf->batch, n = scarf->columns;
    return (mcl_gemm){false, true, b, b, n, n, n, b, 1.0f / scarf->temperature, 0.0f};
}

/* dẑ₁[B×P] = gᵀ·ẑ₂/τ and dẑ₂ = g·ẑ₁/τ */
static mcl_gemm gradient_product(const struct scarf *scarf, bool first)
{
    const uint32_t b = scarf->batch, n = scarf->columns;
    return (mcl_gemm){first, false, b, n, b, b, n, n, 1.0f / scarf->temperature, 0.0f};
}

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    mcl_context *context = setup->context;
    const uint64_t b = setup->batch;
    struct scarf *scarf;
    MCL_TRY(mcl_allocate(&scarf, 1, sizeof *scarf));
    *state = scarf;
    scarf->context = context;
    scarf->batch = setup->batch;
    scarf->columns = setup->projection;
    scarf->temperature = (float)setup->values[TEMPERATURE];
    MCL_TRY(mcl_terms_create(&scarf->losses, context, b));
    MCL_TRY(mcl_normalized_create(&scarf->normalized, context, 2 * setup->batch, scarf->columns));
    MCL_TRY(mcl_buffer_create(&scarf->normalizer, context, b, sizeof(float), "normalizers"));
    MCL_TRY(mcl_buffer_create(
        &scarf->similarity, context, b, b * sizeof(float), "similarities of scarf"));
    const mcl_gemm products[] = {
        similarity_product(scarf), gradient_product(scarf, true), gradient_product(scarf, false)};
    for (size_t i = 0; i < 3; i++)
        MCL_TRY(mcl_gemm_prepare(context, &products[i], NULL));
    return MCL_OK;
}

static void release(void *state)
{
    struct scarf *scarf = state;
    mcl_terms_release(&scarf->losses);
    mcl_normalized_release(&scarf->normalized);
    mcl_buffer_release(&scarf->normalizer);
    mcl_buffer_release(&scarf->similarity);
    free(scarf);
}

/* ẑ, s and the mean of the rows' losses */
static mcl_status forward(struct scarf *scarf, const mcl_objective_step *step)
{
    mcl_context *context = scarf->context;
    const uint32_t b = scarf->batch;
    const cl_mem normalized = scarf->normalized.values;
    const mcl_gemm product = similarity_product(scarf);
    cl_kernel kernel;
    MCL_TRY(mcl_normalized_forward(&scarf->normalized, step->projections));
    MCL_TRY(mcl_gemm_run(context, &product, (mcl_matrix){normalized, (uint64_t)b * scarf->columns},
        (mcl_matrix){normalized, 0}, (mcl_matrix){scarf->similarity, 0}));
    MCL_TRY(mcl_kernel_get(&kernel, context, "infonce.cl", "infonce_rows", ""));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 1.0 * b * b);
    MCL_TRY(mcl_launch(context, kernel, b, 1, MCL_BUFFER(scarf->similarity), MCL_UINT(b),
        MCL_BUFFER(scarf->normalizer), MCL_BUFFER(scarf->losses.values)));
    return mcl_terms_total(&scarf->losses, context, b, (float)b, step);
}

/* s → g, dẑ of both views, dz through the normalisation */
static mcl_status backward(struct scarf *scarf, const mcl_objective_step *step)
{
    mcl_context *context = scarf->context;
    const uint32_t b = scarf->batch;
    const uint64_t second = (uint64_t)b * scarf->columns;
    const mcl_matrix similarity = {scarf->similarity, 0};
    const mcl_gemm by_first = gradient_product(scarf, true);
    const mcl_gemm by_second = gradient_product(scarf, false);
    mcl_normalized *normalized = &scarf->normalized;
    cl_kernel kernel;
    MCL_TRY(mcl_kernel_get(&kernel, context, "infonce.cl", "infonce_backward", ""));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 2.0 * b * b);
    MCL_TRY(mcl_launch(context, kernel, b, b, MCL_BUFFER(scarf->similarity),
        MCL_BUFFER(scarf->normalizer), MCL_UINT(b), MCL_FLOAT(step->weight / (float)b)));
    MCL_TRY(mcl_gemm_run(context, &by_first, similarity, (mcl_matrix){normalized->values, second},
        (mcl_matrix){normalized->gradient, 0}));
    MCL_TRY(mcl_gemm_run(context, &by_second, similarity, (mcl_matrix){normalized->values, 0},
        (mcl_matrix){normalized->gradient, second}));
    return mcl_normalized_backward(normalized, step->by_projections);
}

static mcl_status run(void *state, const mcl_objective_step *step)
{
    MCL_TRY(forward(state, step));
    return backward(state, step);
}

static const mcl_objective_option options[] = {
    [TEMPERATURE] = {.key = "temperature",
        .stored = "scarf_temperature",
        .values = "T",
        .help = "what their cosines are divided by",
        .type = &mcl_value_positive_float,
        .otherwise = 1.0},
};

const mcl_objective_type mcl_objective_scarf = {
    .info = {.name = "scarf",
        .paper = "Bahri et al. 2022",
        .summary =
            "for tables: tells a row's first, corrupted view from those of the other rows by its "
            "second (Bahri et al. 2022), cosines divided by `temperature` (the paper's 1); where "
            "neither `views` nor `mask` is given, views are corrupt:0.6:one, the paper's",
        .views = "corrupt:0.6:one",
        .spreads = true},
    .needs = MCL_NEEDS_TWO_VIEWS | MCL_NEEDS_OTHER_ROWS,
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .create = create,
    .free = release,
    .run = run,
};
