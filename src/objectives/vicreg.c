/* SPDX-License-Identifier: Apache-2.0 */
/* The VICReg objective, cl/vicreg.cl. */
#include <stdlib.h>

#include "base/memory.h"
#include "compute/product.h"
#include "device/profile.h"
#include "objectives/objective.h"

/* The paper's coefficients. */
#define INVARIANCE 25.0
#define VARIANCE 25.0
#define COVARIANCE 1.0

struct vicreg {
    mcl_context *context;
    uint32_t batch, columns;
    mcl_terms terms;    /* [2P] of the deviations, [B] of the distances, [2P] of the covariances */
    cl_mem centred;     /* [R×P] */
    cl_mem pull;        /* [2P] */
    cl_mem covariances; /* [2×P×P] */
    cl_mem across;      /* [R×P] */
};

/* C[P×P] = centredᵀ·centred/(B − 1), of one view */
static mcl_gemm covariance_product(const struct vicreg *vicreg)
{
    const uint32_t b = vicreg->batch, n = vicreg->columns;
    return (mcl_gemm){true, false, n, n, b, n, n, n, 1.0f / (float)(b - 1), 0.0f};
}

/* across[B×P] = centred·C, of one view */
static mcl_gemm gradient_product(const struct vicreg *vicreg)
{
    const uint32_t b = vicreg->batch, n = vicreg->columns;
    return (mcl_gemm){false, false, b, n, n, n, n, n, 1.0f, 0.0f};
}

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    mcl_context *context = setup->context;
    const uint64_t b = setup->batch, n = setup->projection;
    struct vicreg *vicreg;
    MCL_TRY(mcl_allocate(&vicreg, 1, sizeof *vicreg));
    *state = vicreg;
    vicreg->context = context;
    vicreg->batch = setup->batch;
    vicreg->columns = setup->projection;
    MCL_TRY(mcl_terms_create(&vicreg->terms, context, b + 4 * n));
    MCL_TRY(mcl_buffer_create(
        &vicreg->centred, context, 2 * b, n * sizeof(float), "centred embeddings"));
    MCL_TRY(mcl_buffer_create(&vicreg->pull, context, 2 * n, sizeof(float), "deviations"));
    MCL_TRY(mcl_buffer_create(
        &vicreg->covariances, context, 2 * n, n * sizeof(float), "covariances of vicreg"));
    MCL_TRY(mcl_buffer_create(
        &vicreg->across, context, 2 * b, n * sizeof(float), "gradients of the covariances"));
    const mcl_gemm forward = covariance_product(vicreg), backward = gradient_product(vicreg);
    MCL_TRY(mcl_gemm_prepare(context, &forward, NULL));
    return mcl_gemm_prepare(context, &backward, NULL);
}

static void release(void *state)
{
    struct vicreg *vicreg = state;
    mcl_terms_release(&vicreg->terms);
    mcl_buffer_release(&vicreg->centred);
    mcl_buffer_release(&vicreg->pull);
    mcl_buffer_release(&vicreg->covariances);
    mcl_buffer_release(&vicreg->across);
    free(vicreg);
}

/* The terms of the loss, and what their gradients are made of. */
static mcl_status forward(struct vicreg *vicreg, const mcl_objective_step *step)
{
    mcl_context *context = vicreg->context;
    const uint32_t b = vicreg->batch, n = vicreg->columns;
    const double weight = (double)step->weight, pairs = (double)n * (b - 1);
    const mcl_gemm product = covariance_product(vicreg);
    cl_kernel kernel;
    MCL_TRY(mcl_kernel_get(&kernel, context, "vicreg.cl", "vicreg_columns", ""));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 6.0 * b * n);
    MCL_TRY(mcl_launch(context, kernel, n, 2, MCL_BUFFER(step->projections), MCL_UINT(b),
        MCL_UINT(n), MCL_FLOAT(VARIANCE / (2.0 * n)), MCL_FLOAT(weight * VARIANCE / (2.0 * pairs)),
        MCL_BUFFER(vicreg->centred), MCL_BUFFER(vicreg->pull), MCL_BUFFER(vicreg->terms.values)));
    MCL_TRY(mcl_kernel_get(&kernel, context, "vicreg.cl", "vicreg_distances", ""));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 2.0 * b * n);
    MCL_TRY(mcl_launch(context, kernel, b, 1, MCL_BUFFER(step->projections), MCL_UINT(b),
        MCL_UINT(n), MCL_FLOAT(INVARIANCE / ((double)b * n)), MCL_BUFFER(vicreg->terms.values),
        MCL_UINT(2 * n)));
    for (uint64_t view = 0; view < 2; view++) {
        const mcl_matrix centred = {vicreg->centred, view * b * n};
        MCL_TRY(mcl_gemm_run(
            context, &product, centred, centred, (mcl_matrix){vicreg->covariances, view * n * n}));
    }
    MCL_TRY(mcl_kernel_get(&kernel, context, "vicreg.cl", "vicreg_covariances", ""));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 4.0 * n * n);
    MCL_TRY(mcl_launch(context, kernel, n, 2, MCL_BUFFER(vicreg->covariances), MCL_UINT(n),
        MCL_FLOAT(COVARIANCE / n), MCL_FLOAT(weight * 4.0 * COVARIANCE / pairs),
        MCL_BUFFER(vicreg->terms.values), MCL_UINT(2 * n + b)));
    return mcl_terms_total(&vicreg->terms, context, b + 4 * n, 1.0f, step);
}

static mcl_status backward(struct vicreg *vicreg, const mcl_objective_step *step)
{
    mcl_context *context = vicreg->context;
    const uint32_t b = vicreg->batch, n = vicreg->columns;
    const mcl_gemm product = gradient_product(vicreg);
    cl_kernel kernel;
    for (uint64_t view = 0; view < 2; view++)
        MCL_TRY(mcl_gemm_run(context, &product, (mcl_matrix){vicreg->centred, view * b * n},
            (mcl_matrix){vicreg->covariances, view * n * n},
            (mcl_matrix){vicreg->across, view * b * n}));
    MCL_TRY(mcl_kernel_get(&kernel, context, "vicreg.cl", "vicreg_backward", ""));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 8.0 * b * n);
    return mcl_launch(context, kernel, n, b, MCL_BUFFER(step->projections),
        MCL_BUFFER(vicreg->centred), MCL_BUFFER(vicreg->pull), MCL_BUFFER(vicreg->across),
        MCL_UINT(b), MCL_UINT(n),
        MCL_FLOAT((double)step->weight * 2.0 * INVARIANCE / ((double)b * n)),
        MCL_UINT(mcl_gradient_accumulates(step->by_projections)),
        MCL_BUFFER(step->by_projections->buffer));
}

static mcl_status run(void *state, const mcl_objective_step *step)
{
    MCL_TRY(forward(state, step));
    return backward(state, step);
}

const mcl_objective_type mcl_objective_vicreg = {
    .info = {.name = "vicreg",
        .paper = "Bardes et al. 2022",
        .summary =
            "pulls a row's two views together, and keeps every column of the embedding varied and "
            "no two alike (Bardes et al. 2022, weights 25, 25 and 1): no negatives, no "
            "temperature; for wide embeddings and small batches",
        .spreads = true},
    .needs = MCL_NEEDS_TWO_VIEWS | MCL_NEEDS_OTHER_ROWS,
    .create = create,
    .free = release,
    .run = run,
};
