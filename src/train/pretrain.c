/* SPDX-License-Identifier: Apache-2.0 */
/* The training loop. */
#include "maskcl/pretrain.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "data/data.h"
#include "data/feed.h"
#include "evaluate/measures.h"
#include "maskcl/version.h"
#include "model/model.h"
#include "nn/network.h"
#include "nn/parameters.h"
#include "objectives/loss.h"
#include "objectives/objective.h"
#include "optim/average.h"
#include "optim/clip.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "train/check.h"
#include "train/checkpoint.h"
#include "train/describe.h"
#include "train/options.h"
#include "train/steps.h"
#include "train/validation.h"
#include "views/views.h"

struct trainer {
    mcl_context *context;
    const mcl_data *data;
    const mcl_pretrain_options *options;
    mcl_architecture architecture;
    uint32_t batch;
    uint64_t steps_per_epoch;
    mcl_model *model;
    mcl_network *encoder;
    mcl_loss *loss;
    mcl_optimizer *optimizer;
    mcl_average *average; /* of the weights, or NULL */
    mcl_clip *clip;       /* of the gradients, or NULL */
    mcl_feed *feed;
    mcl_measures *measures;     /* NULL when nobody asks for a report */
    mcl_validation *validation; /* NULL without a report, or labels */
    mcl_views views;
    mcl_view_buffers input; /* targets with a decoder only */
    cl_mem parameters, gradients;
    mcl_steps *steps;
    float patience[2]; /* the least loss of an epoch, and for how many none has been below */
    uint64_t first;    /* step of the run: 0, or where a checkpoint was made */
    mcl_conditions conditions; /* of a run with checkpoints */
    uint64_t checkpoint_step;
    double checkpoint_time;
};

static mcl_status create_buffers(struct trainer *trainer)
{
    mcl_context *context = trainer->context;
    const uint64_t columns = mcl_data_columns(trainer->data);
    uint64_t count;
    mcl_model_parameters(trainer->model, &count, NULL);
    const uint64_t views = 2 * (uint64_t)trainer->batch;
    MCL_TRY(mcl_buffer_create(
        &trainer->input.views, context, views, columns * sizeof(float), "views of a batch"));
    if (mcl_objectives_decode(trainer->options))
        MCL_TRY(mcl_buffer_create(&trainer->input.targets, context,
            mcl_views_paired(&trainer->views) ? views : trainer->batch, columns * sizeof(float),
            "rows of a batch"));
    if (mcl_objectives_want_altered(trainer->options))
        MCL_TRY(mcl_buffer_create(
            &trainer->input.altered, context, views, columns, "altered elements"));
    if (trainer->options->train.ema > 0.0)
        MCL_TRY(mcl_average_create(&trainer->average, context, trainer->parameters, count,
            mcl_part_end(&trainer->architecture, MCL_PART_DECODER)));
    return mcl_buffer_create(&trainer->gradients, context, count, sizeof(float), "gradients");
}

/* Where the model is: its weights, or their average. */
static cl_mem model_buffer(const struct trainer *trainer)
{
    return trainer->average ? mcl_average_buffer(trainer->average) : trainer->parameters;
}

/* The weighted sum of the objectives' means. */
static double total_loss(const struct trainer *trainer, const float *metrics)
{
    double total = 0.0;
    for (size_t i = 0; i < trainer->options->objective_count; i++)
        total += (double)trainer->options->objectives[i].weight * (double)metrics[i];
    return total;
}

/* The learning rate of a step, from 0. */
static double rate_of(const struct trainer *trainer, uint64_t step)
{
    const mcl_pretrain_options *options = trainer->options;
    return mcl_schedule_rate(&options->train.schedule, options->train.optimizer.learning_rate,
        options->train.epochs, trainer->steps_per_epoch, step);
}

/* Whether a step, from 1, has the measures that cost more than others: where any epoch may be the
 * last, the end of each. */
static bool measured(const struct trainer *trainer, uint64_t step)
{
    const uint64_t per_epoch = trainer->steps_per_epoch;
    return trainer->measures &&
           (mcl_measures_due(step, per_epoch, trainer->options->train.epochs) ||
               (trainer->options->train.early_stop && step % per_epoch == 0));
}

static void measure(mcl_step *step, const float *metrics, const void *of)
{
    const struct trainer *trainer = of;
    step->loss = total_loss(trainer, metrics);
    for (size_t i = 0; i < trainer->options->objective_count; i++)
        step->objective_loss[i] = (double)metrics[i];
    step->spread = NAN; /* which a single row has none of */
    if (trainer->batch > 1)
        step->spread =
            (double)metrics[MCL_METRIC_DEVIATION] / sqrt((double)trainer->architecture.embedding);
    step->learning_rate = rate_of(trainer, step->step - 1);
    step->collapsed = step->spread < MCL_COLLAPSE_SPREAD;
    step->alignment = step->uniformity = step->effective_rank = NAN;
    step->validation = NAN;
    if (!measured(trainer, step->step))
        return;
    mcl_measures_take(step, trainer->measures);
    if (trainer->validation)
        step->validation = mcl_validation_take(trainer->validation, step->step);
}

static mcl_status create_steps(struct trainer *trainer)
{
    const mcl_steps_options options = {
        .batch = trainer->batch,
        .per_epoch = trainer->steps_per_epoch,
        .epochs = trainer->options->train.epochs,
        .metrics = MCL_METRICS,
        .measure = measure,
        .trainer = trainer,
        .report = trainer->options->train.report,
        .user = trainer->options->train.user,
        .report_every = trainer->options->train.report_every,
    };
    return mcl_steps_create(&trainer->steps, trainer->context, &options);
}

/* Adds what a buffer holds, or with NULL what trainer->patience does, to a position. */
static mcl_status add_state(mcl_position *position, cl_mem buffers[MCL_STATES_MAX],
    const char *name, cl_mem buffer, uint64_t count)
{
    mcl_state *state = &position->states[position->state_count];
    *state = (mcl_state){.name = name, .count = count};
    buffers[position->state_count++] = buffer;
    return mcl_allocate(&state->values, count, sizeof(float));
}

/* Room for a checkpoint's arrays, freed with free_position(), and the buffers of its states. */
static mcl_status create_position(
    mcl_position *position, cl_mem buffers[MCL_STATES_MAX], const struct trainer *trainer)
{
    static const char *const names[2] = {
        MCL_CHECKPOINT_PREFIX "moment1", MCL_CHECKPOINT_PREFIX "moment2"};
    cl_mem moments[2];
    uint64_t parameters;
    *position = (mcl_position){.metric_count = trainer->steps_per_epoch * MCL_METRICS};
    MCL_TRY(mcl_allocate(&position->metrics, position->metric_count, sizeof(float)));
    const size_t moment_count = mcl_optimizer_moments(moments, trainer->optimizer);
    for (size_t i = 0; i < moment_count && i < 2; i++)
        MCL_TRY(add_state(
            position, buffers, names[i], moments[i], mcl_optimizer_size(trainer->optimizer)));
    mcl_model_parameters(trainer->model, &parameters, NULL);
    if (trainer->average)
        MCL_TRY(add_state(
            position, buffers, MCL_CHECKPOINT_PREFIX "weights", trainer->parameters, parameters));
    mcl_objective_state carried[MCL_OBJECTIVE_STATES_MAX];
    const size_t carried_count = mcl_loss_states(carried, trainer->loss);
    for (size_t i = 0; i < carried_count; i++)
        MCL_TRY(add_state(position, buffers, carried[i].name, carried[i].buffer, carried[i].count));
    if (!trainer->options->train.early_stop)
        return MCL_OK;
    return add_state(position, buffers, MCL_CHECKPOINT_PREFIX "patience", NULL, 2);
}

static void free_position(mcl_position *position)
{
    free(position->metrics);
    for (size_t i = 0; i < position->state_count; i++)
        free(position->states[i].values);
}

/* Puts a checkpoint's contents to where the run left them. */
static mcl_status restore(
    struct trainer *trainer, const mcl_position *position, const cl_mem buffers[MCL_STATES_MAX])
{
    mcl_context *context = trainer->context;
    uint64_t count;
    const float *parameters = mcl_model_parameters(trainer->model, &count, NULL);
    const uint64_t done = position->step % trainer->steps_per_epoch * MCL_METRICS;
    if (position->step > trainer->options->train.epochs * trainer->steps_per_epoch ||
        position->metric_count != done)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: is a damaged checkpoint: its step %" PRIu64 " does not fit its metrics",
            trainer->options->train.checkpoint, position->step);
    trainer->first = position->step;
    mcl_steps_skip(trainer->steps, position->step);
    mcl_optimizer_skip(trainer->optimizer, position->step);
    MCL_TRY(mcl_buffer_write(context, model_buffer(trainer), 0, parameters, count * sizeof(float)));
    MCL_TRY(mcl_buffer_write(
        context, mcl_steps_metrics(trainer->steps), 0, position->metrics, done * sizeof(float)));
    for (size_t i = 0; i < position->state_count; i++) {
        const mcl_state *state = &position->states[i];
        const size_t size = (size_t)state->count * sizeof(float);
        if (buffers[i])
            MCL_TRY(mcl_buffer_write(context, buffers[i], 0, state->values, size));
        else
            memcpy(trainer->patience, state->values, size);
    }
    return MCL_OK;
}

/* Goes on from the checkpoint, if there is one. */
static mcl_status resume(struct trainer *trainer)
{
    const char *path = trainer->options->train.checkpoint;
    mcl_position position;
    cl_mem buffers[MCL_STATES_MAX] = {NULL};
    if (access(path, F_OK) != 0)
        return MCL_OK;
    mcl_status status = create_position(&position, buffers, trainer);
    if (status == MCL_OK)
        status = mcl_checkpoint_read(trainer->model, &position, path, &trainer->conditions);
    if (status == MCL_OK)
        status = restore(trainer, &position, buffers);
    free_position(&position);
    return status;
}

static mcl_status prepare_checkpoints(struct trainer *trainer)
{
    const mcl_pretrain_options *options = trainer->options;
    if (!options->train.checkpoint)
        return MCL_OK;
    mcl_conditions_of(&trainer->conditions, options, trainer->data, trainer->batch,
        mcl_context_gemm(trainer->context));
    /* The metrics of a step that is not reported are not all written. */
    MCL_TRY(mcl_buffer_zero(trainer->context, mcl_steps_metrics(trainer->steps), 0,
        (size_t)trainer->steps_per_epoch * MCL_METRICS * sizeof(float)));
    return options->train.resume ? resume(trainer) : MCL_OK;
}

static mcl_architecture architecture_of(const mcl_pretrain_options *options, uint64_t input)
{
    mcl_architecture architecture = {
        .input = input,
        .hidden_count = options->hidden_count,
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
    memcpy(architecture.decoder, options->decoder, sizeof options->decoder);
    memcpy(architecture.projector, options->projector, sizeof options->projector);
    memcpy(architecture.predictor, options->predictor, sizeof options->predictor);
    return architecture;
}

static mcl_status create(struct trainer *trainer)
{
    mcl_context *context = trainer->context;
    const mcl_pretrain_options *options = trainer->options;
    const uint64_t memory_before = context->memory_made;
    MCL_TRY(mcl_pretrain_check(&trainer->batch, options, trainer->data));
    trainer->steps_per_epoch = mcl_data_rows(trainer->data) / trainer->batch;
    trainer->architecture = architecture_of(options, mcl_data_columns(trainer->data));
    MCL_TRY(mcl_model_create(&trainer->model, &trainer->architecture, options->train.seed));

    MCL_TRY(mcl_network_create_part(&trainer->encoder, context, &trainer->architecture,
        MCL_PART_ENCODER, 2 * trainer->batch, true));
    if (options->train.dropout > 0.0f)
        MCL_TRY(mcl_network_enable_dropout(
            trainer->encoder, options->train.dropout, options->train.seed));
    MCL_TRY(mcl_parameters_upload(&trainer->parameters, context, trainer->model));
    MCL_TRY(mcl_loss_create(&trainer->loss, context, options, &trainer->architecture,
        trainer->batch, trainer->parameters));
    const bool decoder = mcl_objectives_decode(trainer->options);
    const mcl_part last = decoder ? MCL_PART_DECODER : MCL_PART_PREDICTOR;
    MCL_TRY(mcl_parameters_optimizer(&trainer->optimizer, context, &options->train.optimizer,
        &trainer->architecture, mcl_part_end(&trainer->architecture, last)));
    if (options->train.clip_norm > 0.0)
        MCL_TRY(mcl_clip_create(&trainer->clip, context, mcl_optimizer_size(trainer->optimizer),
            options->train.clip_norm));
    MCL_TRY(mcl_views_create(&trainer->views, context, trainer->data, &options->views,
        options->train.seed, trainer->batch, decoder,
        mcl_objectives_want_altered(trainer->options)));
    MCL_TRY(create_buffers(trainer));
    if (options->train.report)
        MCL_TRY(mcl_measures_create(
            &trainer->measures, context, trainer->batch, trainer->architecture.embedding));
    if (options->train.report && options->train.validation_labels)
        MCL_TRY(mcl_validation_create(&trainer->validation, context, trainer->data,
            options->train.validation_labels, &trainer->architecture));
    MCL_TRY(create_steps(trainer));
    const mcl_shuffle shuffle = {options->train.seed, (uint32_t)options->train.epochs};
    MCL_TRY(mcl_feed_create(
        &trainer->feed, context, trainer->data, trainer->batch, &shuffle, memory_before));
    return prepare_checkpoints(trainer);
}

static void release(struct trainer *trainer)
{
    mcl_steps_free(trainer->steps);
    mcl_network_free(trainer->encoder);
    mcl_loss_free(trainer->loss);
    mcl_optimizer_free(trainer->optimizer);
    mcl_average_free(trainer->average);
    mcl_clip_free(trainer->clip);
    mcl_feed_free(trainer->feed);
    mcl_measures_free(trainer->measures);
    mcl_validation_free(trainer->validation);
    mcl_views_release(&trainer->views);
    mcl_buffer_release(&trainer->input.views);
    mcl_buffer_release(&trainer->input.targets);
    mcl_buffer_release(&trainer->input.altered);
    mcl_buffer_release(&trainer->parameters);
    mcl_buffer_release(&trainer->gradients);
    mcl_model_free(trainer->model);
}

/* Enqueues views, encoder, objectives, backward and optimizer for batch number `index` of the
 * epoch, and what is measured then. */
static mcl_status step(struct trainer *trainer, uint32_t epoch, uint64_t index)
{
    const uint32_t views = 2 * trainer->batch;
    const cl_mem metrics = mcl_steps_metrics(trainer->steps);
    const uint64_t number = epoch * trainer->steps_per_epoch + index;
    mcl_rows rows;
    MCL_TRY(mcl_feed_batch(&rows, trainer->feed, index * trainer->batch, trainer->batch));
    MCL_TRY(mcl_views_run(&trainer->views, &rows, trainer->batch, epoch, &trainer->input));
    MCL_TRY(mcl_feed_taken(trainer->feed));
    mcl_network_set_step(trainer->encoder, number);
    MCL_TRY(
        mcl_network_forward(trainer->encoder, trainer->parameters, trainer->input.views, views));
    const mcl_loss_input input = {
        .encoder = trainer->encoder,
        .parameters = trainer->parameters,
        .gradients = trainer->gradients,
        .views = &trainer->input,
        .paired = mcl_views_paired(&trainer->views),
        .epoch = epoch,
        .first = index * trainer->batch,
        .step = number,
        .metrics = metrics,
        .slot = index,
    };
    MCL_TRY(mcl_loss_run(trainer->loss, &input));
    if (mcl_steps_reports(trainer->steps))
        MCL_TRY(mcl_loss_spread(trainer->loss, trainer->encoder, metrics, index));
    if (measured(trainer, number + 1))
        MCL_TRY(
            mcl_measures_read(trainer->measures, mcl_network_output(trainer->encoder), number + 1));
    MCL_TRY(mcl_network_backward(trainer->encoder, trainer->parameters, trainer->gradients,
        trainer->input.views, views, NULL, 0.0f));
    if (trainer->clip)
        MCL_TRY(mcl_clip_run(trainer->clip, trainer->gradients));
    mcl_optimizer_set_rate(trainer->optimizer, rate_of(trainer, number));
    MCL_TRY(mcl_optimizer_step(trainer->optimizer, trainer->parameters, trainer->gradients));
    if (trainer->average)
        MCL_TRY(mcl_average_update(trainer->average, trainer->parameters,
            mcl_average_decay(trainer->options->train.ema, number)));
    return trainer->validation && measured(trainer, number + 1)
               ? mcl_validation_run(trainer->validation, model_buffer(trainer), number + 1)
               : MCL_OK;
}

/* What a reader of the model file needs to know: how the input was made and the model trained. */
static mcl_status describe(mcl_model *model, const struct trainer *trainer)
{
    const mcl_pretrain_options *options = trainer->options;
    MCL_TRY(mcl_describe_input(model, trainer->data));
    mcl_pretrain_options resolved = *options;
    mcl_train_resolve(&resolved.train, mcl_data_rows(trainer->data));
    MCL_TRY(mcl_options_describe(model, &resolved.base));
    MCL_TRY(mcl_describe(model, "rows", "%" PRIu64, mcl_data_rows(trainer->data)));
    const uint64_t steps = mcl_steps_ended(trainer->steps);
    const uint64_t planned = options->train.epochs * trainer->steps_per_epoch;
    MCL_TRY(mcl_describe(model, "epochs", "%" PRIu64, steps / trainer->steps_per_epoch));
    MCL_TRY(mcl_describe(model, "steps", "%" PRIu64, steps));
    return steps < planned ? mcl_describe(model, "planned_steps", "%" PRIu64, planned) : MCL_OK;
}

/* The parameters so far, or their average, to a model. */
static mcl_status fetch(mcl_model *model, const struct trainer *trainer)
{
    return mcl_parameters_fetch(model, trainer->context, model_buffer(trainer));
}

/* Reads what a checkpoint holds, when no step is under way. */
static mcl_status read_position(
    mcl_position *position, const struct trainer *trainer, const cl_mem buffers[MCL_STATES_MAX])
{
    mcl_context *context = trainer->context;
    position->step = mcl_steps_ended(trainer->steps);
    position->metric_count = position->step % trainer->steps_per_epoch * MCL_METRICS;
    MCL_TRY(mcl_buffer_read(context, position->metrics, mcl_steps_metrics(trainer->steps), 0,
        (size_t)position->metric_count * sizeof(float)));
    for (size_t i = 0; i < position->state_count; i++) {
        const mcl_state *state = &position->states[i];
        const size_t size = (size_t)state->count * sizeof(float);
        if (buffers[i])
            MCL_TRY(mcl_buffer_read(context, state->values, buffers[i], 0, size));
        else
            memcpy(state->values, trainer->patience, size);
    }
    return MCL_OK;
}

/* Writes a checkpoint with a model of its own: the run's says at its end that it is whole. */
static mcl_status write_checkpoint(struct trainer *trainer)
{
    mcl_model *model = NULL;
    mcl_position position;
    cl_mem buffers[MCL_STATES_MAX] = {NULL};
    mcl_status status = create_position(&position, buffers, trainer);
    if (status == MCL_OK)
        status = mcl_model_allocate(&model, &trainer->architecture, mcl_version());
    if (status == MCL_OK)
        status = fetch(model, trainer);
    if (status == MCL_OK)
        status = describe(model, trainer);
    if (status == MCL_OK)
        status = read_position(&position, trainer, buffers);
    if (status == MCL_OK)
        status = mcl_checkpoint_write(
            trainer->options->train.checkpoint, model, &trainer->conditions, &position);
    mcl_model_free(model);
    free_position(&position);
    trainer->checkpoint_step = mcl_steps_ended(trainer->steps);
    trainer->checkpoint_time = mcl_clock_seconds();
    return status;
}

static bool checkpoint_is_due(const struct trainer *trainer)
{
    const mcl_pretrain_options *options = trainer->options;
    if (!options->train.checkpoint)
        return false;
    if (options->train.checkpoint_steps &&
        mcl_steps_enqueued(trainer->steps) % options->train.checkpoint_steps == 0)
        return true;
    return options->train.checkpoint_seconds > 0.0 &&
           mcl_clock_seconds() - trainer->checkpoint_time >= options->train.checkpoint_seconds;
}

/* Ends a run on request, when the steps under way have ended. */
static mcl_status interrupt(struct trainer *trainer)
{
    MCL_TRY(mcl_steps_finish(trainer->steps));
    mcl_steps_deliver(trainer->steps);
    const uint64_t ended = mcl_steps_ended(trainer->steps);
    if (trainer->options->train.checkpoint && ended > trainer->checkpoint_step)
        MCL_TRY(write_checkpoint(trainer));
    return mcl_fail(MCL_INTERRUPTED, "stopped in epoch %" PRIu64 " after step %" PRIu64,
        ended / trainer->steps_per_epoch + 1, ended);
}

/* Whether the run has had enough, after the epoch whose last step is the newest. */
static bool out_of_patience(const struct trainer *trainer)
{
    const uint64_t patience = trainer->options->train.early_stop;
    return patience && trainer->patience[1] >= (float)patience;
}

/* Waits for the end of an epoch and looks at its loss. */
static mcl_status judge_epoch(struct trainer *trainer, uint64_t epoch)
{
    MCL_TRY(mcl_steps_finish(trainer->steps));
    (void)epoch;
    const float loss = (float)mcl_steps_epoch_loss(trainer->steps);
    const bool better = loss < trainer->patience[0];
    trainer->patience[0] = better ? loss : trainer->patience[0];
    trainer->patience[1] = better ? 0.0f : trainer->patience[1] + 1.0f;
    return MCL_OK;
}

/* Enqueues step number `number` of the run and what comes with it. */
static mcl_status train_step(struct trainer *trainer, uint64_t number)
{
    const mcl_pretrain_options *options = trainer->options;
    const uint64_t steps = trainer->steps_per_epoch, epoch = number / steps, index = number % steps;
    if (index == 0 || number == trainer->first)
        MCL_TRY(mcl_feed_epoch(trainer->feed, (uint32_t)epoch));
    MCL_TRY(step(trainer, (uint32_t)epoch, index));
    MCL_TRY(mcl_steps_add(trainer->steps));
    mcl_feed_ahead(trainer->feed);
    if (options->train.early_stop && index + 1 == steps)
        MCL_TRY(judge_epoch(trainer, epoch));
    if (!checkpoint_is_due(trainer) || number + 1 == options->train.epochs * steps ||
        out_of_patience(trainer))
        return MCL_OK;
    MCL_TRY(mcl_steps_finish(trainer->steps));
    mcl_steps_deliver(trainer->steps); /* what a checkpoint is behind has been reported */
    return write_checkpoint(trainer);
}

static mcl_status train(struct trainer *trainer)
{
    const mcl_pretrain_options *options = trainer->options;
    const uint64_t planned = options->train.epochs * trainer->steps_per_epoch;
    MCL_TRY(mcl_context_finish(trainer->context));
    trainer->checkpoint_time = mcl_clock_seconds();
    trainer->checkpoint_step = trainer->first;
    mcl_steps_begin(trainer->steps);
    for (uint64_t number = trainer->first; number < planned && !out_of_patience(trainer);
         number++) {
        if (options->train.stop && *options->train.stop)
            return interrupt(trainer);
        MCL_TRY(train_step(trainer, number));
    }
    return mcl_steps_finish(trainer->steps);
}

mcl_status mcl_pretrain(mcl_model **model, mcl_context *context, const mcl_data *data,
    const mcl_pretrain_options *options)
{
    struct trainer trainer = {
        .context = context, .data = data, .options = options, .patience = {INFINITY, 0.0f}};
    mcl_status status = create(&trainer);
    mcl_status trained = MCL_OK;
    if (status == MCL_OK) {
        trained = train(&trainer);
        mcl_steps_deliver(trainer.steps);
        if (trained != MCL_OK && trained != MCL_INTERRUPTED)
            status = trained;
    }
    if (status == MCL_OK)
        status = fetch(trainer.model, &trainer);
    if (status == MCL_OK)
        status = describe(trainer.model, &trainer);
    if (status == MCL_OK) {
        *model = trainer.model;
        trainer.model = NULL;
        status = trained;
    }
    release(&trainer);
    return status;
}
