/* SPDX-License-Identifier: Apache-2.0 */
#include "train/resume.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/memory.h"
#include "maskcl/version.h"
#include "model/parameters.h"

#define RETRY_SECONDS 60.0 /* at most, after a checkpoint that could not be written */

/* A position with room for its arrays, and where its states are: on the device or, where that is
 * NULL, on the host. */
struct place {
    mcl_position position;
    cl_mem buffers[MCL_STATES_MAX];
    const float *numbers[MCL_STATES_MAX]; /* of the trainer */
};

static mcl_status add_state(struct place *place, const char *name, cl_mem buffer, uint64_t count)
{
    const size_t at = place->position.state_count++;
    mcl_state *state = &place->position.states[at];
    *state = (mcl_state){.name = name, .count = count};
    place->buffers[at] = buffer;
    return mcl_allocate(&state->values, count, sizeof(float));
}

/* The same of numbers[2] on the host. */
static mcl_status add_numbers(struct place *place, const char *name, const float *numbers)
{
    place->numbers[place->position.state_count] = numbers;
    return add_state(place, name, NULL, 2);
}

/* What the optimizer, the average, the task, early stop and the best model keep. */
static mcl_status add_states(struct place *place, const mcl_trainer *trainer)
{
    static const char *const names[2] = {
        MCL_CHECKPOINT_PREFIX "moment1", MCL_CHECKPOINT_PREFIX "moment2"};
    const mcl_task *task = &trainer->task;
    mcl_objective_state states[MCL_OBJECTIVE_STATES_MAX];
    cl_mem moments[2];
    uint64_t parameters;
    const size_t moment_count = mcl_optimizer_moments(moments, trainer->optimizer);
    for (size_t i = 0; i < moment_count && i < 2; i++)
        MCL_TRY(add_state(place, names[i], moments[i], trainer->trained));
    mcl_model_parameters(task->model, &parameters, NULL);
    if (trainer->average)
        MCL_TRY(add_state(place, MCL_CHECKPOINT_PREFIX "weights", trainer->parameters, parameters));
    const size_t count = task->type->states ? task->type->states(states, task->state) : 0;
    for (size_t i = 0; i < count; i++)
        MCL_TRY(add_state(place, states[i].name, states[i].buffer, states[i].count));
    if (trainer->best_model) {
        MCL_TRY(add_state(place, MCL_CHECKPOINT_PREFIX "best", trainer->best_model, parameters));
        MCL_TRY(add_numbers(place, MCL_CHECKPOINT_PREFIX "best_loss", trainer->best));
    }
    return task->options->early_stop
               ? add_numbers(place, MCL_CHECKPOINT_PREFIX "patience", trainer->patience)
               : MCL_OK;
}

/* Freed with free_place(), whatever comes of it. */
static mcl_status create_place(struct place *place, const mcl_trainer *trainer)
{
    mcl_position *position = &place->position;
    *place = (struct place){
        .position.metric_count = trainer->steps_per_epoch * trainer->task.type->metrics};
    MCL_TRY(mcl_allocate(&position->metrics, position->metric_count, sizeof(float)));
    return add_states(place, trainer);
}

static void free_place(struct place *place)
{
    free(place->position.metrics);
    for (size_t i = 0; i < place->position.state_count; i++)
        free(place->position.states[i].values);
}

/* Floats that the steps of an epoch before step number `step` of the run have measured. */
static uint64_t metrics_before(const mcl_trainer *trainer, uint64_t step)
{
    return step % trainer->steps_per_epoch * trainer->task.type->metrics;
}

/* Puts a checkpoint's contents to where the run left them. */
static mcl_status restore(mcl_trainer *trainer, const struct place *place)
{
    mcl_context *context = trainer->context;
    const mcl_position *position = &place->position;
    const mcl_train_options *options = trainer->task.options;
    uint64_t count;
    const float *parameters = mcl_model_parameters(trainer->task.model, &count, NULL);
    const uint64_t done = metrics_before(trainer, position->step);
    if (position->step > options->epochs * trainer->steps_per_epoch ||
        position->metric_count != done)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: is a damaged checkpoint: its step %" PRIu64 " does not fit its metrics",
            options->checkpoint, position->step);
    trainer->first = position->step;
    mcl_steps_skip(trainer->steps, position->step);
    mcl_optimizer_skip(trainer->optimizer, position->step);
    MCL_TRY(mcl_buffer_write(
        context, mcl_trainer_model(trainer), 0, parameters, count * sizeof(float)));
    MCL_TRY(mcl_buffer_write(
        context, mcl_steps_metrics(trainer->steps), 0, position->metrics, done * sizeof(float)));
    for (size_t i = 0; i < position->state_count; i++) {
        const mcl_state *state = &position->states[i];
        const size_t size = (size_t)state->count * sizeof(float);
        if (place->buffers[i])
            MCL_TRY(mcl_buffer_write(context, place->buffers[i], 0, state->values, size));
        else
            memcpy(place->numbers[i] == trainer->best ? trainer->best : trainer->patience,
                state->values, size);
    }
    return MCL_OK;
}

static mcl_status read_checkpoint(mcl_trainer *trainer)
{
    struct place place;
    mcl_status status = create_place(&place, trainer);
    if (status == MCL_OK)
        status = mcl_checkpoint_read(trainer->task.model, &place.position,
            trainer->task.options->checkpoint, &trainer->conditions);
    if (status == MCL_OK)
        status = restore(trainer, &place);
    free_place(&place);
    return status;
}

static mcl_status find_conditions(mcl_trainer *trainer)
{
    const mcl_task *task = &trainer->task;
    mcl_conditions *conditions = &trainer->conditions;
    mcl_conditions_begin(conditions, task->type->name);
    MCL_TRY(mcl_conditions_add_options(
        conditions, task->all_options, "seed")); /* synthetic data follow from it */
    mcl_conditions_add_data(conditions, task->source);
    if (task->type->add_conditions)
        MCL_TRY(task->type->add_conditions(conditions, trainer));
    MCL_TRY(mcl_conditions_add_options(conditions, task->all_options, NULL));
    mcl_conditions_add_product(conditions, mcl_context_gemm(trainer->context));
    return MCL_OK;
}

mcl_status mcl_trainer_resume(mcl_trainer *trainer)
{
    const mcl_train_options *options = trainer->task.options;
    if (!options->checkpoint)
        return MCL_OK;
    MCL_TRY(find_conditions(trainer));
    /* The metrics of a step that is not reported are not all written. */
    MCL_TRY(mcl_buffer_zero(trainer->context, mcl_steps_metrics(trainer->steps), 0,
        (size_t)trainer->steps_per_epoch * trainer->task.type->metrics * sizeof(float)));
    return options->resume && access(options->checkpoint, F_OK) == 0 ? read_checkpoint(trainer)
                                                                     : MCL_OK;
}

static mcl_status read_states(struct place *place, const mcl_trainer *trainer)
{
    mcl_context *context = trainer->context;
    mcl_position *position = &place->position;
    for (size_t i = 0; i < position->state_count; i++) {
        const mcl_state *state = &position->states[i];
        const size_t size = (size_t)state->count * sizeof(float);
        if (place->buffers[i])
            MCL_TRY(mcl_buffer_read(context, state->values, place->buffers[i], 0, size));
        else
            memcpy(state->values, place->numbers[i], size);
    }
    return MCL_OK;
}

/* Reads what a checkpoint holds beside the model. */
static mcl_status read_position(struct place *place, const mcl_trainer *trainer)
{
    mcl_position *position = &place->position;
    position->step = mcl_steps_ended(trainer->steps);
    position->metric_count = metrics_before(trainer, position->step);
    MCL_TRY(mcl_buffer_read(trainer->context, position->metrics, mcl_steps_metrics(trainer->steps),
        0, (size_t)position->metric_count * sizeof(float)));
    return read_states(place, trainer);
}

static mcl_status digest_states(char digest[MCL_DIGEST_SIZE], const struct place *place)
{
    XXH3_state_t *hash = XXH3_createState();
    if (!hash)
        return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory for a digest");
    XXH3_128bits_reset(hash);
    for (size_t i = 0; i < place->position.state_count; i++) {
        const mcl_state *state = &place->position.states[i];
        XXH3_128bits_update(hash, state->values, (size_t)state->count * sizeof(float));
    }
    mcl_digest_show(digest, XXH3_128bits_digest(hash));
    XXH3_freeState(hash);
    return MCL_OK;
}

mcl_status mcl_trainer_digest(char digest[MCL_DIGEST_SIZE], const mcl_trainer *trainer)
{
    struct place place;
    uint64_t parameters;
    mcl_model_parameters(trainer->task.model, &parameters, NULL);
    mcl_status status = create_place(&place, trainer);
    if (status == MCL_OK)
        status = add_state(&place, "model", mcl_trainer_model(trainer), parameters);
    if (status == MCL_OK)
        status = read_states(&place, trainer);
    if (status == MCL_OK)
        status = digest_states(digest, &place);
    free_place(&place);
    return status;
}

/* Writes it with a model of its own: the run's says at its end that it is whole. */
static mcl_status write_checkpoint(mcl_trainer *trainer)
{
    mcl_model *model = NULL;
    struct place place;
    mcl_status status = create_place(&place, trainer);
    if (status == MCL_OK)
        status = mcl_model_allocate(&model, trainer->architecture, mcl_version());
    if (status == MCL_OK)
        status = mcl_parameters_fetch(model, trainer->context, mcl_trainer_model(trainer));
    if (status == MCL_OK)
        status = mcl_trainer_describe(model, trainer);
    if (status == MCL_OK)
        status = read_position(&place, trainer);
    if (status == MCL_OK)
        status = mcl_checkpoint_write(
            trainer->task.options->checkpoint, model, &trainer->conditions, &place.position);
    mcl_model_free(model);
    free_place(&place);
    return status;
}

/* Neither a full disk nor a full memory need stay so, nor lose what is trained. */
static bool may_pass(mcl_status status)
{
    return status == MCL_ERROR_FILE || status == MCL_ERROR_MEMORY;
}

mcl_status mcl_trainer_save(mcl_trainer *trainer)
{
    const mcl_train_options *options = trainer->task.options;
    const uint64_t step = mcl_steps_ended(trainer->steps);
    const mcl_status status = write_checkpoint(trainer);
    trainer->checkpoint_time = mcl_clock_seconds();
    trainer->checkpoint_failed = status != MCL_OK;
    if (status == MCL_OK)
        trainer->checkpoint_step = step;
    if (!options->checkpointed || (status != MCL_OK && !may_pass(status)))
        return status;
    options->checkpointed(step, status == MCL_OK ? NULL : mcl_error_message(), options->user);
    return MCL_OK;
}

bool mcl_trainer_save_due(const mcl_trainer *trainer)
{
    const mcl_train_options *options = trainer->task.options;
    if (!options->checkpoint)
        return false;
    if (options->checkpoint_steps &&
        mcl_steps_enqueued(trainer->steps) % options->checkpoint_steps == 0)
        return true;
    const double since = mcl_clock_seconds() - trainer->checkpoint_time;
    return (trainer->checkpoint_failed && since >= RETRY_SECONDS) ||
           (options->checkpoint_seconds > 0.0 && since >= options->checkpoint_seconds);
}
