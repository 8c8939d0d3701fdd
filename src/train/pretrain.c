/* SPDX-License-Identifier: Apache-2.0 */
/* Pre-training: an encoder by two views of each row and the objectives. */
#include "maskcl/pretrain.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "data/split.h"
#include "evaluate/measures.h"
#include "model/encoder_layers.h"
#include "objectives/loss.h"
#include "objectives/objective.h"
#include "train/check.h"
#include "train/collapse.h"
#include "train/describe.h"
#include "train/filters.h"
#include "train/initial.h"
#include "train/options.h"
#include "train/trainer.h"
#include "views/views.h"

/* What a step measures, one float each: the objectives' means in the order of the options, then the
 * sum of the embedding's standard deviations. */
#define METRICS (MCL_OBJECTIVES_MAX + 1)
#define METRIC_DEVIATION MCL_OBJECTIVES_MAX

struct pretraining {
    mcl_pretrain_options options;
    mcl_groups groups; /* the columns of the data */
    mcl_loss *loss;
    mcl_views views;
    mcl_view_buffers buffers;  /* views are the trainer's input; targets with a decoder only */
    mcl_measures *measures;    /* NULL without a report */
    mcl_collapse_watch *watch; /* NULL: a single row, or not begun */
    mcl_data *rest, *held;     /* the rows that are trained on, and those that are not; NULL: all
                                  are */
};

static mcl_status create_buffers(struct pretraining *state, const mcl_trainer *trainer)
{
    mcl_context *context = trainer->context;
    const uint64_t columns = trainer->architecture->input;
    const uint32_t batch = trainer->task.batch;
    const uint64_t views = 2 * (uint64_t)batch;
    state->buffers.views = trainer->input;
    if (mcl_objectives_decode(&state->options))
        MCL_TRY(mcl_buffer_create(&state->buffers.targets, context,
            mcl_views_paired(&state->views) ? views : batch, columns * sizeof(float),
            "rows of a batch"));
    if (mcl_objectives_want_altered(&state->options))
        MCL_TRY(mcl_buffer_create(
            &state->buffers.altered, context, views, columns, "altered elements"));
    return trainer->task.options->report ? mcl_measures_create(&state->measures, context, batch,
                                               trainer->architecture->embedding)
                                         : MCL_OK;
}

static mcl_status create(void *of, mcl_trainer *trainer)
{
    struct pretraining *state = of;
    mcl_context *context = trainer->context;
    const mcl_pretrain_options *options = &state->options;
    const uint32_t batch = trainer->task.batch;
    MCL_TRY(mcl_groups_of(&state->groups, trainer->task.data));
    MCL_TRY(mcl_loss_create(&state->loss, context, options, trainer->architecture, &state->groups,
        batch, trainer->parameters));
    const bool decoder = mcl_objectives_decode(&state->options);
    trainer->trained =
        mcl_part_end(trainer->architecture, decoder ? MCL_PART_DECODER : MCL_PART_PREDICTOR);
    trainer->settling = mcl_loss_settling(state->loss);
    MCL_TRY(mcl_views_create(&state->views, context, trainer->task.data, &state->groups,
        &options->views, options->train.seed, batch, decoder,
        mcl_objectives_want_altered(&state->options)));
    return create_buffers(state, trainer);
}

static void release(void *of)
{
    struct pretraining *state = of;
    mcl_groups_release(&state->groups);
    mcl_loss_free(state->loss);
    mcl_measures_free(state->measures);
    mcl_collapse_free(state->watch);
    mcl_data_free(state->rest);
    mcl_data_free(state->held);
    mcl_views_release(&state->views);
    mcl_buffer_release(&state->buffers.targets);
    mcl_buffer_release(&state->buffers.altered);
    free(state);
}

static mcl_status input(void *of, const mcl_trainer *trainer, const mcl_batch *batch)
{
    struct pretraining *state = of;
    return mcl_views_run(
        &state->views, &batch->rows, trainer->task.batch, batch->epoch, &state->buffers);
}

static mcl_status loss(void *of, const mcl_trainer *trainer, const mcl_batch *batch)
{
    struct pretraining *state = of;
    const cl_mem metrics = mcl_steps_metrics(trainer->steps);
    const mcl_loss_input input = {
        .encoder = trainer->encoder,
        .parameters = trainer->parameters,
        .gradients = trainer->gradients,
        .views = &state->buffers,
        .paired = mcl_views_paired(&state->views),
        .epoch = batch->epoch,
        .first = batch->first,
        .step = batch->step,
        .metrics = metrics,
        .at = batch->slot * METRICS,
    };
    MCL_TRY(mcl_loss_run(state->loss, &input));
    if (batch->reported && state->measures)
        MCL_TRY(mcl_measures_deviate(state->measures, mcl_network_output(trainer->encoder), metrics,
            batch->slot * METRICS + METRIC_DEVIATION));
    return batch->measured ? mcl_measures_read(state->measures,
                                 mcl_network_output(trainer->encoder), batch->step + 1)
                           : MCL_OK;
}

static void measure(mcl_step *step, const float *metrics, const mcl_trainer *trainer)
{
    const struct pretraining *state = trainer->task.state;
    const mcl_pretrain_options *options = &state->options;
    for (size_t i = 0; i < options->objective_count; i++) {
        step->objective_loss[i] = (double)metrics[i];
        step->loss += (double)options->objectives[i].weight * step->objective_loss[i];
    }
    if (trainer->task.batch > 1) /* a single row has no spread */
        step->spread =
            (double)metrics[METRIC_DEVIATION] / sqrt((double)trainer->architecture->embedding);
    if (mcl_trainer_measures(trainer, step->step))
        mcl_measures_take(step, state->measures);
}

static size_t states(mcl_objective_state *states, const void *of)
{
    const struct pretraining *state = of;
    return mcl_loss_states(states, state->loss);
}

static mcl_status describe_best(mcl_model *model, const float best[2])
{
    char loss[MCL_NUMBER_SIZE];
    mcl_number_show_float(loss, best[0]);
    MCL_TRY(mcl_model_metadata_set(model, "held_out_loss", loss));
    return mcl_describe(model, "best_epoch", "%.0f", (double)best[1]);
}

/* What neither the options nor the data tell: rows that are held out, and the model to begin with.
 */
static mcl_status describe(mcl_model *model, const mcl_trainer *trainer)
{
    const struct pretraining *state = trainer->task.state;
    char digest[MCL_DIGEST_SIZE];
    if (state->held)
        MCL_TRY(mcl_describe(model, "held_out_rows", "%" PRIu64, mcl_data_rows(state->held)));
    if (trainer->best[1] > 0.0f)
        MCL_TRY(describe_best(model, trainer->best));
    mcl_model_digest(digest, state->options.init);
    return *digest ? mcl_model_metadata_set(model, MCL_INITIAL_DIGEST, digest) : MCL_OK;
}

static mcl_status add_conditions(mcl_conditions *conditions, const mcl_trainer *trainer)
{
    const struct pretraining *state = trainer->task.state;
    char digest[MCL_DIGEST_SIZE];
    mcl_model_digest(digest, state->options.init);
    mcl_conditions_add(conditions, "model", "the digest of the model to begin with", "%s",
        *digest ? digest : "none");
    snprintf(conditions->of[conditions->count - 1].unsaid,
        sizeof conditions->of[conditions->count - 1].unsaid, "none");
    return MCL_OK;
}

static mcl_status begin(void *of, const mcl_trainer *trainer)
{
    struct pretraining *state = of;
    return mcl_collapse_begin(&state->watch, trainer->context, trainer->architecture,
        trainer->task.data, trainer->task.options->seed);
}

static mcl_status judge(mcl_model *model, const mcl_trainer *trainer)
{
    struct pretraining *state = trainer->task.state;
    mcl_collapse collapse;
    if (!state->watch)
        return MCL_OK;
    MCL_TRY(mcl_collapse_end(&collapse, state->watch, model));
    return mcl_collapse_describe(model, &collapse);
}

static const mcl_task_type pretraining = {
    .name = MCL_TASK_PRETRAINING,
    .prefix = "",
    .views = 2,
    .metrics = METRICS,
    .create = create,
    .free = release,
    .input = input,
    .loss = loss,
    .measure = measure,
    .states = states,
    .describe = describe,
    .add_conditions = add_conditions,
    .begin = begin,
    .judge = judge,
};

static mcl_status find_architecture(
    mcl_architecture *found, const mcl_pretrain_options *options, const mcl_data *data)
{
    mcl_architecture architecture = {
        .input = mcl_data_columns(data),
        .hidden_count = *options->encoder ? 0 : options->hidden_count,
        .embedding = options->embedding,
        .activation = options->activation,
        .normalization = options->normalization,
        .activated_embedding = options->activated_embedding,
        .projector_count = options->projector_count,
        .predictor_count = options->predictor_count,
        .own_decoder = options->own_decoder,
        .decoder_count = options->own_decoder ? options->decoder_count : 0,
        .mask_head = mcl_objectives_need(options, MCL_NEEDS_MASK_HEAD),
    };
    memcpy(architecture.hidden, options->hidden, sizeof options->hidden);
    memcpy(architecture.encoder, options->encoder, sizeof options->encoder);
    memcpy(architecture.decoder, options->decoder, sizeof options->decoder);
    memcpy(architecture.projector, options->projector, sizeof options->projector);
    memcpy(architecture.predictor, options->predictor, sizeof options->predictor);
    *found = architecture;
    return *options->encoder ? mcl_encoder_fit(found, data) : MCL_OK;
}

/* A task on data, a part of source, whose state is state's, with a model of its own. */
static mcl_status make_task(
    mcl_task *task, struct pretraining *state, const mcl_data *data, const mcl_data *source)
{
    const mcl_pretrain_options *options = &state->options;
    *task = (mcl_task){.type = &pretraining,
        .state = state,
        .all_options = &state->options.base,
        .options = &state->options.train,
        .data = data,
        .source = source};
    MCL_TRY(mcl_pretrain_check(&task->batch, options, data));
    mcl_train_resolve(&state->options.train, mcl_data_rows(data));
    mcl_architecture architecture;
    MCL_TRY(find_architecture(&architecture, options, data));
    MCL_TRY(mcl_model_create(&task->model, &architecture, options->train.seed));
    MCL_TRY(mcl_filters_begin(task->model, data, options));
    return mcl_initial_copy(task->model, options);
}

/* The trainer of the task, or nothing: what it was to be made of is freed then. */
static mcl_status make_trainer(
    mcl_trainer **trainer, mcl_context *context, const mcl_task *task, mcl_status made)
{
    if (made == MCL_OK)
        return mcl_trainer_create(trainer, context, task);
    mcl_trainer_free(task->held);
    mcl_model_free(task->model);
    release(task->state);
    return made;
}

/* A trainer that trains nothing, of rows that are held out from one in batches of so many rows. */
static mcl_status hold_out(mcl_trainer **trainer, mcl_context *context, const mcl_data *held,
    const mcl_pretrain_options *options, uint32_t batch)
{
    const uint64_t rows = mcl_data_rows(held);
    struct pretraining *state;
    mcl_task task;
    MCL_TRY(mcl_allocate(&state, 1, sizeof *state));
    state->options = *options;
    mcl_train_options *train = &state->options.train;
    train->report = NULL;
    train->checkpoint = NULL;
    train->validation_labels = NULL;
    train->ema = 0.0;
    state->options.filters.kind = MCL_FILTERS_RANDOM; /* the parameters are the other trainer's */
    train->batch = rows < batch ? rows : batch;
    const mcl_status made = make_task(&task, state, held, held);
    return make_trainer(trainer, context, &task, made);
}

mcl_status mcl_pretrain_build(mcl_trainer **trainer, mcl_context *context, const mcl_data *data,
    const mcl_pretrain_options *options)
{
    struct pretraining *state;
    mcl_task task;
    MCL_TRY(mcl_allocate(&state, 1, sizeof *state));
    state->options = *options;
    if (options->recipe && strcmp(options->recipe, "auto") == 0)
        state->options.recipe = "default"; /* nobody has fitted it to the data */
    mcl_status made = mcl_options_expect(&options->base, MCL_OPTIONS_PRETRAIN);
    if (made == MCL_OK && options->holdout > 0.0f)
        made = mcl_data_split(
            &state->rest, &state->held, data, (double)options->holdout, options->train.seed);
    if (made != MCL_OK) {
        release(state);
        return made;
    }
    made = make_task(&task, state, state->rest ? state->rest : data, data);
    if (made == MCL_OK && state->held)
        made = hold_out(&task.held, context, state->held, options, task.batch);
    task.keep_best = task.held && options->keep_best;
    return make_trainer(trainer, context, &task, made);
}

mcl_status mcl_pretrain(mcl_model **model, mcl_context *context, const mcl_data *data,
    const mcl_pretrain_options *options)
{
    MCL_NEED(model);
    MCL_NEED(context);
    MCL_NEED(data);
    MCL_NEED(options);
    mcl_trainer *trainer;
    MCL_TRY(mcl_pretrain_build(&trainer, context, data, options));
    const mcl_status status = mcl_trainer_run(model, trainer);
    mcl_trainer_free(trainer);
    return status;
}
