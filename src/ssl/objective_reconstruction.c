/* The reconstruction objective, cl/reconstruction.cl. */
#include <stdlib.h>

#include "base/memory.h"
#include "device/record.h"
#include "nn/network.h"
#include "ssl/objective.h"

struct reconstruction {
    mcl_context *context;
    uint32_t batch, columns;
    mcl_network *decoder;
    mcl_terms losses; /* [R] */
};

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    mcl_context *context = setup->context;
    mcl_layer layers[MCL_LAYERS_MAX];
    const size_t count = mcl_part_layers(layers, setup->architecture, MCL_PART_DECODER);
    struct reconstruction *reconstruction;
    MCL_TRY(mcl_allocate(&reconstruction, 1, sizeof *reconstruction));
    *state = reconstruction;
    reconstruction->context = context;
    reconstruction->batch = setup->batch;
    reconstruction->columns = (uint32_t)setup->architecture->input;
    MCL_TRY(mcl_kernel_expect(context, "reconstruction.cl", ""));
    MCL_TRY(mcl_terms_create(&reconstruction->losses, context, 2 * (uint64_t)setup->batch));
    return mcl_network_create(&reconstruction->decoder, context, layers, count,
        setup->architecture->activation, 2 * setup->batch, true);
}

static void release(void *state)
{
    struct reconstruction *reconstruction = state;
    mcl_terms_release(&reconstruction->losses);
    mcl_network_free(reconstruction->decoder);
    free(reconstruction);
}

static mcl_status run(void *state, const mcl_objective_step *step)
{
    struct reconstruction *reconstruction = state;
    mcl_context *context = reconstruction->context;
    mcl_network *decoder = reconstruction->decoder;
    const uint32_t d = reconstruction->columns, r = 2 * reconstruction->batch;
    const cl_mem targets = step->views->targets;
    const float elements = (float)((double)r * d);
    cl_kernel kernel;
    MCL_TRY(mcl_network_forward(decoder, step->parameters, step->embeddings, r));
    const cl_mem output = mcl_network_output(decoder);
    MCL_TRY(mcl_kernel_get(&kernel, context, "reconstruction.cl", "squared_errors", ""));
    mcl_record_work(context, NULL, 0.0, sizeof(float) * 2.0 * r * d);
    MCL_TRY(mcl_launch(context, kernel, r, 1, MCL_BUFFER(output), MCL_BUFFER(targets),
        MCL_UINT(step->target_rows), MCL_UINT(d), MCL_BUFFER(reconstruction->losses.values)));
    MCL_TRY(mcl_terms_total(&reconstruction->losses, context, r, elements, step));
    MCL_TRY(mcl_kernel_get(&kernel, context, "reconstruction.cl", "reconstruction_backward", ""));
    mcl_record_work(context, NULL, 0.0, sizeof(float) * 3.0 * r * d);
    MCL_TRY(mcl_launch(context, kernel, d, r, MCL_BUFFER(output), MCL_BUFFER(targets),
        MCL_UINT(step->target_rows), MCL_UINT(d), MCL_FLOAT(2.0f * step->weight / elements),
        MCL_BUFFER(mcl_network_output_gradient(decoder))));
    const float keep = mcl_gradient_accumulates(step->by_embeddings) ? 1.0f : 0.0f;
    return mcl_network_backward(decoder, step->parameters, step->gradients, step->embeddings, r,
        step->by_embeddings->buffer, keep);
}

const mcl_objective_type mcl_objective_reconstruction = {
    .has_decoder = true, .create = create, .free = release, .run = run};
