/* SPDX-License-Identifier: Apache-2.0 */
/* The Barlow Twins objective, cl/barlow.cl. */
#include <stdlib.h>

#include "base/memory.h"
#include "compute/product.h"
#include "device/profile.h"
#include "objectives/objective.h"

struct barlow {
    mcl_context *context;
    uint32_t batch, columns;
    mcl_terms losses;    /* [P] */
    cl_mem inverse;      /* [2P] 1/σ */
    cl_mem standard;     /* [R×P] ẑ */
    cl_mem gradient;     /* [R×P] dẑ */
    cl_mem along;        /* [2P] */
    cl_mem correlations; /* [P×P], then their gradient */
};

/* C[P×P] = ẑ₁ᵀ·ẑ₂/B */
static mcl_gemm correlation_product(const struct barlow *barlow)
{
    const uint32_t b = barlow->batch, n = barlow->columns;
    return (mcl_gemm){true, false, n, n, b, n, n, n, 1.0f / (float)b, 0.0f};
}

/* dẑ₁[B×P] = ẑ₂·dCᵀ/B and dẑ₂ = ẑ₁·dC/B */
static mcl_gemm gradient_product(const struct barlow *barlow, bool first)
{
    const uint32_t b = barlow->batch, n = barlow->columns;
    return (mcl_gemm){false, first, b, n, n, n, n, n, 1.0f / (float)b, 0.0f};
}

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    mcl_context *context = setup->context;
    const uint64_t views = 2 * (uint64_t)setup->batch, n = setup->projection;
    struct barlow *barlow;
    MCL_TRY(mcl_allocate(&barlow, 1, sizeof *barlow));
    *state = barlow;
    barlow->context = context;
    barlow->batch = setup->batch;
    barlow->columns = setup->projection;
    MCL_TRY(mcl_terms_create(&barlow->losses, context, n));
    MCL_TRY(mcl_buffer_create(&barlow->inverse, context, 2 * n, sizeof(float), "deviations"));
    MCL_TRY(mcl_buffer_create(
        &barlow->standard, context, views, n * sizeof(float), "standardised embeddings"));
    MCL_TRY(mcl_buffer_create(&barlow->gradient, context, views, n * sizeof(float),
        "gradients of the standardised embeddings"));
    MCL_TRY(mcl_buffer_create(&barlow->along, context, 2 * n, sizeof(float), "deviations"));
    MCL_TRY(mcl_buffer_create(
        &barlow->correlations, context, n, n * sizeof(float), "correlations of barlow"));
    const mcl_gemm products[] = {correlation_product(barlow), gradient_product(barlow, true),
        gradient_product(barlow, false)};
    for (size_t i = 0; i < 3; i++)
        MCL_TRY(mcl_gemm_prepare(context, &products[i], NULL));
    return MCL_OK;
}

static void release(void *state)
{
    struct barlow *barlow = state;
    mcl_terms_release(&barlow->losses);
    mcl_buffer_release(&barlow->inverse);
    mcl_buffer_release(&barlow->standard);
    mcl_buffer_release(&barlow->gradient);
    mcl_buffer_release(&barlow->along);
    mcl_buffer_release(&barlow->correlations);
    free(barlow);
}

/* ẑ, C, the loss and dC in C's place */
static mcl_status forward(struct barlow *barlow, const mcl_objective_step *step)
{
    mcl_context *context = barlow->context;
    const uint32_t b = barlow->batch, n = barlow->columns;
    const mcl_gemm product = correlation_product(barlow);
    cl_kernel kernel;
    MCL_TRY(mcl_kernel_get(&kernel, context, "barlow.cl", "barlow_columns", ""));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 8.0 * b * n);
    MCL_TRY(mcl_launch(context, kernel, n, 2, MCL_BUFFER(step->projections), MCL_UINT(b),
        MCL_UINT(n), MCL_BUFFER(barlow->inverse), MCL_BUFFER(barlow->standard)));
    MCL_TRY(mcl_gemm_run(context, &product, (mcl_matrix){barlow->standard, 0},
        (mcl_matrix){barlow->standard, (uint64_t)b * n}, (mcl_matrix){barlow->correlations, 0}));
    MCL_TRY(mcl_kernel_get(&kernel, context, "barlow.cl", "barlow_correlations", ""));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 2.0 * n * n);
    MCL_TRY(mcl_launch(context, kernel, n, 1, MCL_BUFFER(barlow->correlations), MCL_UINT(n),
        MCL_FLOAT(2.0f * step->weight), MCL_BUFFER(barlow->losses.values)));
    return mcl_terms_total(&barlow->losses, context, n, 1.0f, step);
}

/* dẑ, and dz through the standardisation */
static mcl_status backward(struct barlow *barlow, const mcl_objective_step *step)
{
    mcl_context *context = barlow->context;
    const uint32_t b = barlow->batch, n = barlow->columns;
    const uint64_t second = (uint64_t)b * n;
    const mcl_matrix correlations = {barlow->correlations, 0};
    const mcl_gemm by_first = gradient_product(barlow, true);
    const mcl_gemm by_second = gradient_product(barlow, false);
    cl_kernel kernel;
    MCL_TRY(mcl_gemm_run(context, &by_first, (mcl_matrix){barlow->standard, second}, correlations,
        (mcl_matrix){barlow->gradient, 0}));
    MCL_TRY(mcl_gemm_run(context, &by_second, (mcl_matrix){barlow->standard, 0}, correlations,
        (mcl_matrix){barlow->gradient, second}));
    MCL_TRY(mcl_kernel_get(&kernel, context, "barlow.cl", "barlow_along", ""));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 4.0 * b * n);
    MCL_TRY(mcl_launch(context, kernel, n, 2, MCL_BUFFER(barlow->standard),
        MCL_BUFFER(barlow->gradient), MCL_UINT(b), MCL_UINT(n), MCL_BUFFER(barlow->along)));
    MCL_TRY(mcl_kernel_get(&kernel, context, "barlow.cl", "barlow_backward", ""));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 6.0 * b * n);
    return mcl_launch(context, kernel, n, 2 * (size_t)b, MCL_BUFFER(barlow->standard),
        MCL_BUFFER(barlow->gradient), MCL_BUFFER(barlow->along), MCL_BUFFER(barlow->inverse),
        MCL_UINT(b), MCL_UINT(n), MCL_UINT(mcl_gradient_accumulates(step->by_projections)),
        MCL_BUFFER(step->by_projections->buffer));
}

static mcl_status run(void *state, const mcl_objective_step *step)
{
    MCL_TRY(forward(state, step));
    return backward(state, step);
}

const mcl_objective_type mcl_objective_barlow = {
    .info = {.name = "barlow",
        .paper = "Zbontar et al. 2021",
        .summary =
            "Barlow Twins: makes each column of one view's embedding correlate with the same "
            "column of the other's and with no other one (Zbontar et al. 2021, lambda 0.0051): no "
            "negatives, no temperature; gains from wide embeddings",
        .spreads = true},
    .needs = MCL_NEEDS_TWO_VIEWS | MCL_NEEDS_OTHER_ROWS,
    .create = create,
    .free = release,
    .run = run,
};
