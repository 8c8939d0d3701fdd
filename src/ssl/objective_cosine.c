/* The cosine objective, cl/cosine.cl. */
#include <stdlib.h>

#include "base/memory.h"
#include "device/record.h"
#include "ssl/objective.h"

struct cosine {
    mcl_context *context;
    uint32_t batch, columns;
    mcl_terms losses; /* [B] */
};

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    struct cosine *cosine;
    MCL_TRY(mcl_allocate(&cosine, 1, sizeof *cosine));
    *state = cosine;
    cosine->context = setup->context;
    cosine->batch = setup->batch;
    cosine->columns = setup->projection;
    MCL_TRY(mcl_kernel_expect(setup->context, "cosine.cl", ""));
    return mcl_terms_create(&cosine->losses, setup->context, setup->batch);
}

static void release(void *state)
{
    struct cosine *cosine = state;
    mcl_terms_release(&cosine->losses);
    free(cosine);
}

static mcl_status run(void *state, const mcl_objective_step *step)
{
    struct cosine *cosine = state;
    mcl_context *context = cosine->context;
    const uint32_t b = cosine->batch, n = cosine->columns;
    cl_kernel kernel;
    MCL_TRY(mcl_kernel_get(&kernel, context, "cosine.cl", "cosine_embedding", ""));
    mcl_record_work(context, NULL, 0.0, sizeof(float) * 4.0 * b * n);
    MCL_TRY(mcl_launch(context, kernel, b, 1, MCL_BUFFER(step->projections), MCL_UINT(b),
        MCL_UINT(n), MCL_FLOAT(step->weight / (float)b),
        MCL_UINT(mcl_gradient_accumulates(step->by_projections)), MCL_BUFFER(cosine->losses.values),
        MCL_BUFFER(step->by_projections->buffer)));
    return mcl_terms_total(&cosine->losses, context, b, (float)b, step);
}

const mcl_objective_type mcl_objective_cosine = {.create = create, .free = release, .run = run};
