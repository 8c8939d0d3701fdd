/* SPDX-License-Identifier: Apache-2.0 */
/* The reconstruction objective: squared errors of all elements by cl/reconstruction.cl, what else
 * there is by cl/errors.cl. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/data.h"
#include "device/profile.h"
#include "model/networks.h"
#include "objectives/errors.h"

enum { RECONSTRUCT, LOSS }; /* its own options */

struct reconstruction {
    mcl_context *context;
    mcl_kernel *squares;
    uint32_t batch, columns;
    mcl_network *decoder;
    mcl_terms losses; /* [R] */
    bool by_errors;   /* else squares, of all elements */
    unsigned flags;   /* of errors */
    mcl_errors errors;
};

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    mcl_context *context = setup->context;
    struct reconstruction *reconstruction;
    MCL_TRY(mcl_allocate(&reconstruction, 1, sizeof *reconstruction));
    *state = reconstruction;
    reconstruction->context = context;
    reconstruction->batch = setup->batch;
    reconstruction->columns = (uint32_t)setup->architecture->input;
    MCL_TRY(mcl_kernel_find(
        &reconstruction->squares, context, "reconstruction.cl", "squared_errors", ""));
    MCL_TRY(mcl_terms_create(&reconstruction->losses, context, 2 * (uint64_t)setup->batch));
    reconstruction->flags = (setup->values[LOSS] != 0.0 ? MCL_ERRORS_BCE : 0u) |
                            (setup->values[RECONSTRUCT] != 0.0 ? MCL_ERRORS_ALTERED : 0u);
    /* Cross-entropy takes every input for a probability of its own. */
    const mcl_groups *groups =
        reconstruction->flags & MCL_ERRORS_BCE ? &mcl_groups_none : setup->groups;
    reconstruction->by_errors = reconstruction->flags || groups->columns;
    if (reconstruction->by_errors)
        MCL_TRY(mcl_errors_create(&reconstruction->errors, context, 2 * setup->batch,
            reconstruction->columns, reconstruction->flags, groups));
    return mcl_network_create_part(&reconstruction->decoder, context, setup->architecture,
        MCL_PART_DECODER, 2 * setup->batch, MCL_NETWORK_TRAINING);
}

static void release(void *state)
{
    struct reconstruction *reconstruction = state;
    mcl_terms_release(&reconstruction->losses);
    mcl_errors_release(&reconstruction->errors);
    mcl_network_free(reconstruction->decoder);
    free(reconstruction);
}

/* The mean squared error of all elements, and its gradient. */
static mcl_status squared_errors(
    struct reconstruction *reconstruction, const mcl_objective_step *step, uint32_t target_rows)
{
    const uint32_t d = reconstruction->columns, r = 2 * reconstruction->batch;
    const cl_mem targets = step->input->views->targets;
    const cl_mem output = mcl_network_output(reconstruction->decoder);
    const float elements = (float)((double)r * d);
    mcl_profile_work(reconstruction->context, NULL, 0.0, sizeof(float) * 3.0 * r * d);
    MCL_TRY(mcl_run_rows(reconstruction->squares, r, MCL_BUFFER(output), MCL_BUFFER(targets),
        MCL_UINT(r), MCL_UINT(target_rows), MCL_UINT(d), MCL_FLOAT(2.0f * step->weight / elements),
        MCL_BUFFER(reconstruction->losses.values),
        MCL_BUFFER(mcl_network_output_gradient(reconstruction->decoder)),
        MCL_LOCAL(MCL_ROW_SPACE)));
    return mcl_terms_total(&reconstruction->losses, r, elements, step);
}

/* The same for cross-entropy, for columns of several inputs, or for what is altered alone. */
static mcl_status other_errors(
    struct reconstruction *reconstruction, const mcl_objective_step *step, uint32_t target_rows)
{
    mcl_network *decoder = reconstruction->decoder;
    const mcl_view_buffers *views = step->input->views;
    const uint32_t r = 2 * reconstruction->batch;
    const bool altered = reconstruction->flags & MCL_ERRORS_ALTERED;
    const float terms = altered ? 1.0f : (float)((double)r * reconstruction->errors.terms);
    MCL_TRY(mcl_errors_run(&reconstruction->errors, mcl_network_output(decoder), views->targets,
        target_rows, views->altered, step->weight / terms, 1.0f, reconstruction->losses.values, 0,
        mcl_network_output_gradient(decoder)));
    MCL_TRY(mcl_terms_total(&reconstruction->losses, r, terms, step));
    return altered
               ? mcl_errors_altered_mean(&reconstruction->errors, step->input->metrics, step->at)
               : MCL_OK;
}

static mcl_status run(void *state, const mcl_objective_step *step)
{
    struct reconstruction *reconstruction = state;
    mcl_network *decoder = reconstruction->decoder;
    const mcl_loss_input *input = step->input;
    const uint32_t r = 2 * reconstruction->batch;
    const uint32_t target_rows = input->paired ? r : reconstruction->batch;
    MCL_TRY(mcl_network_forward(decoder, input->parameters, step->embeddings, r));
    MCL_TRY(reconstruction->by_errors ? other_errors(reconstruction, step, target_rows)
                                      : squared_errors(reconstruction, step, target_rows));
    return mcl_gradient_through(step->by_embeddings, decoder, input, step->embeddings, r);
}

static const char *const element_names[] = {"all", "hidden"};
static const mcl_value_type elements = {
    .kind = MCL_VALUE_NAME, .what = "choice of elements", .names = element_names, .name_count = 2};
static const char *const loss_names[] = {"mse", "bce"};
static const mcl_value_type losses = {
    .kind = MCL_VALUE_NAME, .what = "loss", .names = loss_names, .name_count = 2};

static const mcl_objective_option options[] = {
    [RECONSTRUCT] = {.key = "reconstruct",
        .values = "all|hidden",
        .help = "rebuild all elements of a row, or only those that a view hides",
        .type = &elements},
    [LOSS] = {.key = "reconstruction_loss",
        .values = "mse|bce",
        .help = "squared error, and for a table's categories cross-entropy; or binary "
                "cross-entropy of every value, for those from 0 to 1",
        .type = &losses},
};

static bool wants_altered(const double *values)
{
    return values[RECONSTRUCT] != 0.0;
}

/* Refuses floats that are no probabilities. row is the number of the first one. */
static mcl_status check_values(const float *values, uint64_t row, uint64_t rows, uint64_t columns)
{
    for (uint64_t i = 0; i < rows * columns; i++) {
        if (!(values[i] >= 0.0f && values[i] <= 1.0f))
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "the loss bce needs values from 0 to 1, and row %" PRIu64 ", column %" PRIu64
                " of the data is %g: use mse (`reconstruction_loss`)",
                row + i / columns, i % columns, (double)values[i]);
    }
    return MCL_OK;
}

static mcl_status check_rows(const mcl_data *data)
{
    const uint64_t rows = mcl_data_rows(data), most = mcl_data_block(data);
    void *room;
    MCL_TRY(mcl_data_room(&room, data, most));
    mcl_status status = MCL_OK;
    for (uint64_t first = 0; first < rows && status == MCL_OK; first += most) {
        const uint64_t count = rows - first < most ? rows - first : most;
        const void *values = NULL;
        status = mcl_data_look(&values, room, data, first, count);
        if (status == MCL_OK)
            status = check_values(values, first, count, mcl_data_columns(data));
    }
    free(room);
    return status;
}

/* Cross-entropy takes targets for probabilities. */
static mcl_status check_probabilities(const mcl_view_options *views, const mcl_data *data)
{
    if (mcl_data_element(data) == MCL_ELEMENT_UINT8)
        return MCL_OK;
    if (views->brightness > 0.0f)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "the loss bce needs values from 0 to 1, and brightness makes them larger where the "
            "data are no bytes: leave it out, or use mse (`reconstruction_loss`)");
    return check_rows(data);
}

static mcl_status check(const mcl_objective_check *check)
{
    const mcl_view_options *views = &check->options->views;
    if (wants_altered(check->values) && views->mask.kind == MCL_MASK_NONE &&
        !(views->corruption > 0.0f))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "only hidden elements are to be reconstructed, and these views hide none: add a mask "
            "or corruption to them, or reconstruct all (`reconstruct`)");
    return check->values[LOSS] != 0.0 ? check_probabilities(views, check->data) : MCL_OK;
}

const mcl_objective_type mcl_objective_reconstruction = {
    .info = {.name = "reconstruction",
        .summary =
            "mean squared error of the whole row as the decoder rebuilds it from the embedding of "
            "either view; trains the decoder too, which 'maskcl reconstruct' needs; `reconstruct` "
            "hidden leaves out what the view shows, as masked autoencoders do (He et al. 2022; all "
            "as denoising ones, Vincent et al. 2008), `reconstruction_loss` bce is for values from "
            "0 to 1 and better for images",
        .decodes = true},
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .wants_altered = wants_altered,
    .check = check,
    .create = create,
    .free = release,
    .run = run,
};
