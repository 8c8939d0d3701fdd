/* The SimSiam objective, cl/predicted.cl. */
#include <stdlib.h>

#include "base/memory.h"
#include "device/record.h"
#include "nn/network.h"
#include "ssl/objective.h"

struct simsiam {
    mcl_context *context;
    uint32_t batch, columns;
    mcl_network *predictor;
    mcl_terms losses; /* [R] */
};

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    mcl_context *context = setup->context;
    mcl_layer layers[MCL_LAYERS_MAX];
    const size_t count = mcl_part_layers(layers, setup->architecture, MCL_PART_PREDICTOR);
    struct simsiam *simsiam;
    MCL_TRY(mcl_allocate(&simsiam, 1, sizeof *simsiam));
    *state = simsiam;
    simsiam->context = context;
    simsiam->batch = setup->batch;
    simsiam->columns = setup->projection;
    MCL_TRY(mcl_kernel_expect(context, "predicted.cl", ""));
    MCL_TRY(mcl_terms_create(&simsiam->losses, context, 2 * (uint64_t)setup->batch));
    return mcl_network_create(&simsiam->predictor, context, layers, count,
        setup->architecture->activation, 2 * setup->batch, true);
}

static void release(void *state)
{
    struct simsiam *simsiam = state;
    mcl_terms_release(&simsiam->losses);
    mcl_network_free(simsiam->predictor);
    free(simsiam);
}

static mcl_status run(void *state, const mcl_objective_step *step)
{
    struct simsiam *simsiam = state;
    mcl_context *context = simsiam->context;
    mcl_network *predictor = simsiam->predictor;
    const mcl_loss_input *input = step->input;
    const uint32_t b = simsiam->batch, n = simsiam->columns, r = 2 * b;
    cl_kernel kernel;
    MCL_TRY(mcl_network_forward(predictor, input->parameters, step->projections, r));
    MCL_TRY(mcl_kernel_get(&kernel, context, "predicted.cl", "negative_cosines", ""));
    mcl_record_work(context, NULL, 0.0, sizeof(float) * 3.0 * r * n);
    MCL_TRY(mcl_launch(context, kernel, r, 1, MCL_BUFFER(mcl_network_output(predictor)),
        MCL_BUFFER(step->projections), MCL_UINT(b), MCL_UINT(n), MCL_FLOAT(step->weight / (float)r),
        MCL_BUFFER(simsiam->losses.values), MCL_BUFFER(mcl_network_output_gradient(predictor))));
    MCL_TRY(mcl_terms_total(&simsiam->losses, context, r, (float)r, step));
    const float keep = mcl_gradient_accumulates(step->by_projections) ? 1.0f : 0.0f;
    return mcl_network_backward(predictor, input->parameters, input->gradients, step->projections,
        r, step->by_projections->buffer, keep);
}

const mcl_objective_type mcl_objective_simsiam = {.create = create, .free = release, .run = run};
