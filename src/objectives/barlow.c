/* SPDX-License-Identifier: Apache-2.0 */
/* The Barlow Twins objective, cl/barlow.cl. */
#include <stdlib.h>

#include "base/memory.h"
#include "device/profile.h"
#include "objectives/correlations.h"

struct barlow {
    mcl_correlations between; /* the views' columns, standardised; scales: 1/σ; terms: [P] */
    mcl_kernel *columns, *correlations, *along, *backward;
    cl_mem products; /* [2P] mean of ẑ·dẑ over a column */
};

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    mcl_context *context = setup->context;
    const uint32_t n = setup->projection;
    struct barlow *barlow;
    MCL_TRY(mcl_allocate(&barlow, 1, sizeof *barlow));
    *state = barlow;
    MCL_TRY(mcl_kernel_find(&barlow->columns, context, "barlow.cl", "barlow_columns", ""));
    MCL_TRY(
        mcl_kernel_find(&barlow->correlations, context, "barlow.cl", "barlow_correlations", ""));
    MCL_TRY(mcl_kernel_find(&barlow->along, context, "barlow.cl", "barlow_along", ""));
    MCL_TRY(mcl_kernel_find(&barlow->backward, context, "barlow.cl", "barlow_backward", ""));
    MCL_TRY(mcl_buffer_create(
        &barlow->products, context, 2 * (uint64_t)n, sizeof(float), "deviations"));
    return mcl_correlations_create(&barlow->between, setup, true, setup->batch, n,
        "correlations of barlow (`projector` or `embedding`)");
}

static void release(void *state)
{
    struct barlow *barlow = state;
    mcl_correlations_release(&barlow->between);
    mcl_buffer_release(&barlow->products);
    free(barlow);
}

/* ẑ, C, the loss and dC in C's place */
static mcl_status forward(struct barlow *barlow, const mcl_objective_step *step)
{
    mcl_correlations *between = &barlow->between;
    const uint32_t b = between->batch, n = between->columns;
    mcl_profile_work(between->context, NULL, 0.0, sizeof(float) * 8.0 * b * n);
    MCL_TRY(mcl_run_elements(barlow->columns, n, 2, MCL_BUFFER(step->projections), MCL_UINT(b),
        MCL_UINT(n), MCL_BUFFER(between->scales), MCL_BUFFER(between->centred)));
    MCL_TRY(mcl_correlations_forward(between));
    mcl_profile_work(between->context, NULL, 0.0, sizeof(float) * 2.0 * n * n);
    MCL_TRY(mcl_run_rows(barlow->correlations, n, MCL_BUFFER(between->matrices), MCL_UINT(n),
        MCL_FLOAT(2.0f * step->weight), MCL_BUFFER(between->terms.values),
        MCL_LOCAL(MCL_ROW_SPACE)));
    return mcl_terms_total(&between->terms, n, 1.0f, step);
}

/* dẑ, and dz through the standardisation */
static mcl_status backward(struct barlow *barlow, const mcl_objective_step *step)
{
    mcl_correlations *between = &barlow->between;
    const uint32_t b = between->batch, n = between->columns;
    MCL_TRY(mcl_correlations_backward(between));
    mcl_profile_work(between->context, NULL, 0.0, sizeof(float) * 4.0 * b * n);
    MCL_TRY(mcl_run_elements(barlow->along, n, 2, MCL_BUFFER(between->centred),
        MCL_BUFFER(between->gradient), MCL_UINT(b), MCL_UINT(n), MCL_BUFFER(barlow->products)));
    mcl_profile_work(between->context, NULL, 0.0, sizeof(float) * 6.0 * b * n);
    return mcl_run_elements(barlow->backward, n, 2 * (size_t)b, MCL_BUFFER(between->centred),
        MCL_BUFFER(between->gradient), MCL_BUFFER(barlow->products), MCL_BUFFER(between->scales),
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
