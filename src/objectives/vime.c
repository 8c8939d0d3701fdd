/* SPDX-License-Identifier: Apache-2.0 */
/* The VIME objective, cl/errors.cl: from the embedding of a view one layer tells which elements are
 * altered, and the decoder what the row was. */
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/networks.h"
#include "objectives/errors.h"

#define VALUES 2.0f /* weight of the values' error against the mask's, the paper's alpha */

struct vime {
    uint32_t batch, columns;
    mcl_network *mask_head, *decoder;
    mcl_errors mask_errors, value_errors;
    mcl_terms losses; /* [R] of the mask, [R] of the values */
};

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    mcl_context *context = setup->context;
    const uint32_t r = 2 * setup->batch;
    struct vime *vime;
    MCL_TRY(mcl_allocate(&vime, 1, sizeof *vime));
    *state = vime;
    vime->batch = setup->batch;
    vime->columns = (uint32_t)setup->architecture->input;
    MCL_TRY(mcl_errors_create(&vime->mask_errors, context, r, vime->columns,
        MCL_ERRORS_BCE | MCL_ERRORS_BYTES, setup->groups));
    MCL_TRY(mcl_errors_create(&vime->value_errors, context, r, vime->columns, 0, setup->groups));
    MCL_TRY(mcl_terms_create(&vime->losses, context, 2 * (uint64_t)r));
    MCL_TRY(mcl_network_create_part(&vime->mask_head, context, setup->architecture,
        MCL_PART_MASK_HEAD, r, MCL_NETWORK_TRAINING));
    return mcl_network_create_part(
        &vime->decoder, context, setup->architecture, MCL_PART_DECODER, r, MCL_NETWORK_TRAINING);
}

static void release(void *state)
{
    struct vime *vime = state;
    mcl_errors_release(&vime->mask_errors);
    mcl_errors_release(&vime->value_errors);
    mcl_terms_release(&vime->losses);
    mcl_network_free(vime->mask_head);
    mcl_network_free(vime->decoder);
    free(vime);
}

static mcl_status run(void *state, const mcl_objective_step *step)
{
    struct vime *vime = state;
    const mcl_loss_input *input = step->input;
    const mcl_view_buffers *views = input->views;
    const uint32_t r = 2 * vime->batch, target_rows = input->paired ? r : vime->batch;
    const float terms = (float)((double)r * vime->value_errors.terms);
    MCL_TRY(mcl_network_forward(vime->mask_head, input->parameters, step->embeddings, r));
    MCL_TRY(mcl_network_forward(vime->decoder, input->parameters, step->embeddings, r));
    MCL_TRY(mcl_errors_run(&vime->mask_errors, mcl_network_output(vime->mask_head), views->altered,
        r, NULL, step->weight / terms, 1.0f, vime->losses.values, 0,
        mcl_network_output_gradient(vime->mask_head)));
    MCL_TRY(mcl_errors_run(&vime->value_errors, mcl_network_output(vime->decoder), views->targets,
        target_rows, NULL, VALUES * step->weight / terms, VALUES, vime->losses.values, r,
        mcl_network_output_gradient(vime->decoder)));
    MCL_TRY(mcl_terms_total(&vime->losses, 2 * r, terms, step));
    MCL_TRY(mcl_gradient_through(step->by_embeddings, vime->mask_head, input, step->embeddings, r));
    return mcl_gradient_through(step->by_embeddings, vime->decoder, input, step->embeddings, r);
}

static bool wants_altered(const double *values)
{
    (void)values;
    return true;
}

static mcl_status check(const mcl_objective_check *check)
{
    const mcl_view_options *views = &check->options->views;
    if (views->mask.kind == MCL_MASK_UNIFORM)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "vime tells which elements a view alters, and a uniform mask alters all: take another");
    if (views->mask.kind == MCL_MASK_NONE && !(views->corruption > 0.0f))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "vime tells which elements a view alters, and these views alter none: add corruption "
            "or a mask to them");
    return MCL_OK;
}

const mcl_objective_type mcl_objective_vime = {
    .info = {.name = "vime",
        .paper = "Yoon et al. 2020",
        .summary =
            "for tables: tells from a view's embedding which elements are not the row's own, by "
            "cross-entropy, and what the row was, by squared error with weight 2, of the decoder "
            "(Yoon et al. 2020); where neither `views` nor `mask` is given, views are corrupt:0.3, "
            "the paper's",
        .views = "corrupt:0.3",
        .decodes = true},
    .needs = MCL_NEEDS_MASK_HEAD,
    .wants_altered = wants_altered,
    .check = check,
    .create = create,
    .free = release,
    .run = run,
};
