/* SPDX-License-Identifier: Apache-2.0 */
#include "train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "data/data.h"
#include "evaluate/measures.h"
#include "model/networks.h"
#include "model/parameters.h"
#include "optim/schedule.h"
#include "optim/tensors.h"
#include "train/describe.h"
#include "train/holdout.h"
#include "train/options.h"
#include "train/resume.h"

cl_mem mcl_trainer_model(const mcl_trainer *trainer)
{
    return trainer->average ? mcl_average_buffer(trainer->average) : trainer->parameters;
}

static uint64_t planned_steps(const mcl_trainer *trainer)
{
    return trainer->task.options->epochs * trainer->steps_per_epoch;
}

/* The learning rate of a step, from 0. */
static double rate_of(const mcl_trainer *trainer, uint64_t step)
{
    const mcl_train_options *options = trainer->task.options;
    return mcl_schedule_rate(&options->schedule, options->optimizer.learning_rate, options->epochs,
        trainer->steps_per_epoch, step);
}

bool mcl_trainer_measures(const mcl_trainer *trainer, uint64_t step)
{
    const mcl_train_options *options = trainer->task.options;
    const uint64_t per_epoch = trainer->steps_per_epoch;
    return options->report && (mcl_measures_due(step, per_epoch, options->epochs) ||
                                  (options->early_stop && step % per_epoch == 0));
}

static void measure(mcl_step *step, const float *metrics, const void *of)
{
    const mcl_trainer *trainer = of;
    step->learning_rate = rate_of(trainer, step->step - 1);
    trainer->task.type->measure(step, metrics, trainer);
    if (trainer->validation && mcl_trainer_measures(trainer, step->step))
        step->validation = mcl_validation_take(trainer->validation, step->step);
    if (trainer->task.held && step->step % trainer->steps_per_epoch == 0)
        step->held_out = trainer->held_out;
}

static mcl_status create_steps(mcl_trainer *trainer)
{
    const mcl_steps_options options = {
        .train = trainer->task.options,
        .batch = trainer->task.batch,
        .per_epoch = trainer->steps_per_epoch,
        .metrics = trainer->task.type->metrics,
        .measure = measure,
        .trainer = trainer,
    };
    return mcl_steps_create(&trainer->steps, trainer->context, &options);
}

/* The encoder, and the parameters with what trains them. */
static mcl_status create_encoder(mcl_trainer *trainer)
{
    mcl_context *context = trainer->context;
    const mcl_train_options *options = trainer->task.options;
    const uint32_t rows = trainer->task.type->views * trainer->task.batch;
    uint64_t count;
    mcl_model_parameters(trainer->task.model, &count, NULL);
    MCL_TRY(mcl_network_create_encoder(
        &trainer->encoder, context, trainer->architecture, rows, options->dropout, options->seed));
    MCL_TRY(mcl_buffer_create(&trainer->input, context, rows,
        mcl_data_columns(trainer->task.data) * sizeof(float), "input of a batch"));
    MCL_TRY(mcl_parameters_upload(&trainer->parameters, context, trainer->task.model));
    return mcl_buffer_create(&trainer->gradients, context, count, sizeof(float), "gradients");
}

static mcl_status create_optimizer(mcl_trainer *trainer)
{
    mcl_context *context = trainer->context;
    const mcl_train_options *options = trainer->task.options;
    uint64_t count;
    mcl_model_parameters(trainer->task.model, &count, NULL);
    MCL_TRY(mcl_parameters_optimizer(&trainer->optimizer, context, &options->optimizer,
        trainer->architecture, trainer->trained));
    if (options->freeze > 0)
        MCL_TRY(mcl_frozen_create(&trainer->frozen, context, trainer->architecture, options->freeze,
            trainer->parameters));
    if (options->clip_norm > 0.0)
        MCL_TRY(mcl_clip_create(&trainer->clip, context, trainer->trained, options->clip_norm));
    return options->ema > 0.0 ? mcl_average_create(&trainer->average, context, trainer->parameters,
                                    count, trainer->trained)
                              : MCL_OK;
}

/* The feed comes last: it takes what memory the others leave. */
static mcl_status create(mcl_trainer *trainer)
{
    mcl_context *context = trainer->context;
    const mcl_task *task = &trainer->task;
    const mcl_train_options *options = task->options;
    trainer->memory_before = task->held ? task->held->memory_before : context->memory_made;
    const mcl_shuffle shuffle = {options->seed, (uint32_t)options->epochs};
    MCL_TRY(create_encoder(trainer));
    MCL_TRY(task->type->create(task->state, trainer));
    MCL_TRY(create_optimizer(trainer));
    if (options->report && options->validation_labels)
        MCL_TRY(mcl_validation_create(&trainer->validation, context, task->source,
            options->validation_labels, trainer->architecture));
    MCL_TRY(create_steps(trainer));
    if (task->keep_best) {
        uint64_t count;
        mcl_model_parameters(task->model, &count, NULL);
        MCL_TRY(mcl_buffer_create(
            &trainer->best_model, context, count, sizeof(float), "the best parameters"));
    }
    return mcl_feed_create(
        &trainer->feed, context, task->data, task->batch, &shuffle, trainer->memory_before);
}

mcl_status mcl_trainer_create(mcl_trainer **trainer, mcl_context *context, const mcl_task *task)
{
    mcl_trainer *created;
    mcl_status status = mcl_allocate(&created, 1, sizeof *created);
    if (status != MCL_OK) {
        mcl_trainer_free(task->held);
        task->type->free(task->state);
        mcl_model_free(task->model);
        return status;
    }
    *created = (mcl_trainer){.context = context,
        .task = *task,
        .architecture = &task->model->architecture,
        .steps_per_epoch = mcl_data_rows(task->data) / task->batch,
        .best = {INFINITY, 0.0f},
        .patience = {INFINITY, 0.0f}};
    created->advises = !context->advice;
    if (created->advises)
        context->advice = "a smaller `batch` or network, a lower `device_memory` or another "
                          "`device`";
    mcl_data_digest(created->data_digest, task->source);
    status = task->options->epochs > 0 ? create(created) : MCL_OK;
    if (status != MCL_OK) {
        mcl_trainer_free(created);
        return status;
    }
    *trainer = created;
    return MCL_OK;
}

void mcl_trainer_free(mcl_trainer *trainer)
{
    if (!trainer)
        return;
    mcl_trainer_free(trainer->task.held);
    mcl_steps_free(trainer->steps);
    mcl_network_free(trainer->encoder);
    trainer->task.type->free(trainer->task.state);
    mcl_optimizer_free(trainer->optimizer);
    mcl_average_free(trainer->average);
    mcl_clip_free(trainer->clip);
    mcl_frozen_free(trainer->frozen);
    mcl_validation_free(trainer->validation);
    mcl_feed_free(trainer->feed);
    mcl_buffer_release(&trainer->input);
    mcl_buffer_release(&trainer->parameters);
    mcl_buffer_release(&trainer->gradients);
    mcl_buffer_release(&trainer->best_model);
    mcl_model_free(trainer->task.model);
    if (trainer->advises)
        trainer->context->advice = NULL;
    free(trainer);
}

/* Enqueues the change of the parameters by the gradients, and the model that it makes. */
static mcl_status update(mcl_trainer *trainer, uint64_t number)
{
    if (trainer->frozen)
        MCL_TRY(mcl_frozen_clear(trainer->frozen, trainer->gradients));
    if (trainer->clip)
        MCL_TRY(mcl_clip_run(trainer->clip, trainer->gradients));
    mcl_optimizer_set_rate(trainer->optimizer, rate_of(trainer, number));
    MCL_TRY(mcl_optimizer_step(trainer->optimizer, trainer->parameters, trainer->gradients));
    if (trainer->frozen)
        MCL_TRY(mcl_frozen_restore(trainer->frozen, trainer->parameters));
    if (!trainer->average)
        return MCL_OK;
    return mcl_average_update(trainer->average, trainer->parameters,
        mcl_average_decay(trainer->task.options->ema, number));
}

/* After an epoch, from 1: what the model so far makes of the rows that are held out. */
static mcl_status measure_held(mcl_trainer *trainer, uint64_t epoch)
{
    uint64_t count;
    MCL_TRY(mcl_holdout_measure(&trainer->held_out, trainer->task.held, trainer));
    if (!trainer->best_model || !((float)trainer->held_out < trainer->best[0]))
        return MCL_OK;
    trainer->best[0] = (float)trainer->held_out;
    trainer->best[1] = (float)epoch;
    mcl_model_parameters(trainer->task.model, &count, NULL);
    return mcl_buffer_copy(trainer->context, trainer->best_model, 0, mcl_trainer_model(trainer), 0,
        count * sizeof(float));
}

/* Enqueues step number `number` of the run, forward, backward and update, and what is measured
 * then. */
static mcl_status step(mcl_trainer *trainer, uint64_t number)
{
    const mcl_task *task = &trainer->task;
    const uint32_t rows = task->type->views * task->batch;
    const uint64_t slot = number % trainer->steps_per_epoch;
    mcl_batch batch = {
        .epoch = (uint32_t)(number / trainer->steps_per_epoch),
        .first = slot * task->batch,
        .step = number,
        .slot = slot,
        .reported = mcl_steps_reports(trainer->steps),
        .measured = mcl_trainer_measures(trainer, number + 1),
    };
    MCL_TRY(mcl_feed_batch(&batch.rows, trainer->feed, batch.first, task->batch));
    MCL_TRY(task->type->input(task->state, trainer, &batch));
    if (!task->type->loss_reads_order)
        MCL_TRY(mcl_feed_taken(trainer->feed));
    mcl_network_set_step(trainer->encoder, number);
    MCL_TRY(mcl_network_forward(trainer->encoder, trainer->parameters, trainer->input, rows));
    MCL_TRY(task->type->loss(task->state, trainer, &batch));
    if (task->type->loss_reads_order)
        MCL_TRY(mcl_feed_taken(trainer->feed));
    MCL_TRY(mcl_network_backward(trainer->encoder, trainer->parameters, trainer->gradients,
        trainer->input, rows, NULL, 0.0f));
    MCL_TRY(update(trainer, number));
    if (task->held && slot + 1 == trainer->steps_per_epoch)
        MCL_TRY(measure_held(trainer, number / trainer->steps_per_epoch + 1));
    return trainer->validation && batch.measured
               ? mcl_validation_run(trainer->validation, mcl_trainer_model(trainer), number + 1)
               : MCL_OK;
}

/* Ends a run on request, when the steps under way have ended. */
static mcl_status interrupt(mcl_trainer *trainer)
{
    MCL_TRY(mcl_steps_finish(trainer->steps));
    mcl_steps_deliver(trainer->steps);
    const uint64_t ended = mcl_steps_ended(trainer->steps);
    if (trainer->task.options->checkpoint && ended > trainer->checkpoint_step)
        MCL_TRY(mcl_trainer_save(trainer));
    return mcl_fail(MCL_INTERRUPTED, "stopped in epoch %" PRIu64 " after step %" PRIu64,
        ended / trainer->steps_per_epoch + 1, ended);
}

/* Whether the run has had enough, after the epoch whose last step is the newest. */
static bool out_of_patience(const mcl_trainer *trainer)
{
    const uint64_t patience = trainer->task.options->early_stop;
    return patience && trainer->patience[1] >= (float)patience;
}

/* Waits for the end of an epoch and looks at its loss. */
static mcl_status judge_epoch(mcl_trainer *trainer, uint64_t epoch)
{
    MCL_TRY(mcl_steps_finish(trainer->steps));
    if (epoch * trainer->steps_per_epoch < trainer->settling)
        return MCL_OK;
    const float loss =
        (float)(trainer->task.held ? trainer->held_out : mcl_steps_epoch_loss(trainer->steps));
    const bool better = loss < trainer->patience[0];
    trainer->patience[0] = better ? loss : trainer->patience[0];
    trainer->patience[1] = better ? 0.0f : trainer->patience[1] + 1.0f;
    return MCL_OK;
}

mcl_status mcl_trainer_step(mcl_trainer *trainer, uint64_t number)
{
    const uint64_t steps = trainer->steps_per_epoch, epoch = number / steps, index = number % steps;
    if (index == 0 || number == trainer->first)
        MCL_TRY(mcl_feed_epoch(trainer->feed, (uint32_t)epoch));
    MCL_TRY(step(trainer, number));
    MCL_TRY(mcl_steps_add(trainer->steps));
    mcl_feed_ahead(trainer->feed);
    if (trainer->task.held && index + 1 == steps)
        MCL_TRY(mcl_steps_finish(trainer->steps)); /* its report has this epoch's loss on them */
    if (trainer->task.options->early_stop && index + 1 == steps)
        MCL_TRY(judge_epoch(trainer, epoch));
    if (!mcl_trainer_save_due(trainer) || number + 1 == planned_steps(trainer) ||
        out_of_patience(trainer))
        return MCL_OK;
    MCL_TRY(mcl_steps_finish(trainer->steps));
    mcl_steps_deliver(trainer->steps); /* what a checkpoint comes after has been reported */
    return mcl_trainer_save(trainer);
}

mcl_status mcl_trainer_begin(mcl_trainer *trainer)
{
    MCL_TRY(mcl_facts_find(&trainer->facts, trainer->task.data, UINT64_MAX, NULL));
    MCL_TRY(mcl_trainer_resume(trainer));
    MCL_TRY(mcl_context_finish(trainer->context));
    trainer->checkpoint_time = mcl_clock_seconds();
    trainer->checkpoint_step = trainer->first;
    mcl_steps_begin(trainer->steps);
    return MCL_OK;
}

static mcl_status train(mcl_trainer *trainer)
{
    const mcl_train_options *options = trainer->task.options;
    for (uint64_t number = trainer->first;
         number < planned_steps(trainer) && !out_of_patience(trainer); number++) {
        if ((options->stop && *options->stop) ||
            (options->stop_after && number >= options->stop_after))
            return interrupt(trainer);
        MCL_TRY(mcl_trainer_step(trainer, number));
    }
    return mcl_steps_finish(trainer->steps);
}

mcl_status mcl_trainer_describe(mcl_model *model, const mcl_trainer *trainer)
{
    const mcl_training training = {
        .rows = mcl_data_rows(trainer->task.data),
        .steps = trainer->steps ? mcl_steps_ended(trainer->steps) : 0,
        .steps_per_epoch = trainer->steps_per_epoch,
    };
    const mcl_task *task = &trainer->task;
    if (task->type->describe)
        MCL_TRY(task->type->describe(model, trainer));
    if (out_of_patience(trainer))
        MCL_TRY(mcl_describe_early_end(model, task->type->prefix));
    MCL_TRY(mcl_describe_input(model, task->data));
    MCL_TRY(mcl_describe_schema(model, task->source));
    MCL_TRY(mcl_model_set_facts(model, &trainer->facts));
    MCL_TRY(mcl_describe_origin(model, task->type->prefix, task->source, trainer->data_digest,
        mcl_context_gemm(trainer->context)));
    MCL_TRY(mcl_options_describe(model, task->all_options));
    return mcl_describe_training(model, task->type->prefix, planned_steps(trainer), &training);
}

/* Training does not depend on what can be said of the model. */
static void warn_unjudged(const mcl_trainer *trainer)
{
    mcl_context_warn(trainer->context, "whether the embeddings collapse cannot be seen: %s",
        mcl_error_message());
}

/* Leaves the message of how training ended as it was. */
static void judge(mcl_trainer *trainer, mcl_status trained)
{
    const mcl_task *task = &trainer->task;
    char message[512];
    snprintf(message, sizeof message, "%s", mcl_error_message());
    mcl_feed_free(trainer->feed); /* its memory may be all that there is */
    trainer->feed = NULL;
    if (task->type->judge && task->type->judge(task->model, trainer) != MCL_OK)
        warn_unjudged(trainer);
    if (trained != MCL_OK)
        (void)mcl_fail(trained, "%s", message);
}

/* The model of a run without steps is what it would begin with. */
static mcl_status run_without_steps(mcl_model **model, mcl_trainer *trainer)
{
    MCL_TRY(mcl_facts_find(&trainer->facts, trainer->task.data, UINT64_MAX, NULL));
    MCL_TRY(mcl_trainer_describe(trainer->task.model, trainer));
    judge(trainer, MCL_OK);
    *model = trainer->task.model;
    trainer->task.model = NULL;
    return MCL_OK;
}

mcl_status mcl_trainer_run(mcl_model **model, mcl_trainer *trainer)
{
    const mcl_task *task = &trainer->task;
    if (task->type->begin && task->type->begin(task->state, trainer) != MCL_OK)
        warn_unjudged(trainer);
    if (task->options->epochs == 0)
        return run_without_steps(model, trainer);
    MCL_TRY(mcl_trainer_begin(trainer));
    const mcl_status trained = train(trainer);
    mcl_steps_deliver(trainer->steps);
    if (trained != MCL_OK && trained != MCL_INTERRUPTED)
        return trained;
    const bool best = trainer->best[1] > 0.0f;
    MCL_TRY(mcl_parameters_fetch(trainer->task.model, trainer->context,
        best ? trainer->best_model : mcl_trainer_model(trainer)));
    MCL_TRY(mcl_trainer_describe(trainer->task.model, trainer));
    if (mcl_steps_ended(trainer->steps) > 0)
        judge(trainer, trained);
    *model = trainer->task.model;
    trainer->task.model = NULL;
    return trained;
}
