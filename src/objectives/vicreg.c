/* SPDX-License-Identifier: Apache-2.0 */
/* The VICReg objective, cl/vicreg.cl. */
#include <stdlib.h>

#include "base/memory.h"
#include "device/profile.h"
#include "objectives/correlations.h"

/* The paper's coefficients. */
#define INVARIANCE 25.0
#define VARIANCE 25.0
#define COVARIANCE 1.0

struct vicreg {
    /* In each view, of centred columns; scales: by which they are the gradient of the deviations;
     * terms: [2P] of the deviations, [B] of the distances, [2P] of the covariances. */
    mcl_correlations each;
    mcl_kernel *columns, *distances, *covariances, *backward;
};

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    mcl_context *context = setup->context;
    const uint64_t terms = setup->batch + 4 * (uint64_t)setup->projection;
    struct vicreg *vicreg;
    MCL_TRY(mcl_allocate(&vicreg, 1, sizeof *vicreg));
    *state = vicreg;
    MCL_TRY(mcl_kernel_find(&vicreg->columns, context, "vicreg.cl", "vicreg_columns", ""));
    MCL_TRY(mcl_kernel_find(&vicreg->distances, context, "vicreg.cl", "vicreg_distances", ""));
    MCL_TRY(mcl_kernel_find(&vicreg->covariances, context, "vicreg.cl", "vicreg_covariances", ""));
    MCL_TRY(mcl_kernel_find(&vicreg->backward, context, "vicreg.cl", "vicreg_backward", ""));
    return mcl_correlations_create(&vicreg->each, setup, false, setup->batch - 1, terms,
        "covariances of vicreg (`projector` or `embedding`)");
}

static void release(void *state)
{
    struct vicreg *vicreg = state;
    mcl_correlations_release(&vicreg->each);
    free(vicreg);
}

/* The terms of the loss, and what their gradients are made of. */
static mcl_status forward(struct vicreg *vicreg, const mcl_objective_step *step)
{
    mcl_correlations *each = &vicreg->each;
    const uint32_t b = each->batch, n = each->columns;
    const double weight = (double)step->weight, pairs = (double)n * (b - 1);
    mcl_profile_work(each->context, NULL, 0.0, sizeof(float) * 6.0 * b * n);
    MCL_TRY(mcl_run_elements(vicreg->columns, n, 2, MCL_BUFFER(step->projections), MCL_UINT(b),
        MCL_UINT(n), MCL_FLOAT(VARIANCE / (2.0 * n)), MCL_FLOAT(weight * VARIANCE / (2.0 * pairs)),
        MCL_BUFFER(each->centred), MCL_BUFFER(each->scales), MCL_BUFFER(each->terms.values)));
    mcl_profile_work(each->context, NULL, 0.0, sizeof(float) * 2.0 * b * n);
    MCL_TRY(mcl_run_rows(vicreg->distances, b, MCL_BUFFER(step->projections), MCL_UINT(b),
        MCL_UINT(n), MCL_FLOAT(INVARIANCE / ((double)b * n)), MCL_BUFFER(each->terms.values),
        MCL_UINT(2 * n), MCL_LOCAL(MCL_ROW_SPACE)));
    MCL_TRY(mcl_correlations_forward(each));
    mcl_profile_work(each->context, NULL, 0.0, sizeof(float) * 4.0 * n * n);
    MCL_TRY(mcl_run_rows(vicreg->covariances, 2 * (size_t)n, MCL_BUFFER(each->matrices),
        MCL_UINT(n), MCL_FLOAT(COVARIANCE / n), MCL_FLOAT(weight * 4.0 * COVARIANCE / pairs),
        MCL_BUFFER(each->terms.values), MCL_UINT(2 * n + b), MCL_LOCAL(MCL_ROW_SPACE)));
    return mcl_terms_total(&each->terms, b + 4 * n, 1.0f, step);
}

static mcl_status backward(struct vicreg *vicreg, const mcl_objective_step *step)
{
    mcl_correlations *each = &vicreg->each;
    const uint32_t b = each->batch, n = each->columns;
    MCL_TRY(mcl_correlations_backward(each));
    mcl_profile_work(each->context, NULL, 0.0, sizeof(float) * 8.0 * b * n);
    return mcl_run_elements(vicreg->backward, n, b, MCL_BUFFER(step->projections),
        MCL_BUFFER(each->centred), MCL_BUFFER(each->scales), MCL_BUFFER(each->gradient),
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
