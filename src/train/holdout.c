/* SPDX-License-Identifier: Apache-2.0 */
#include "train/holdout.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "device/buffer.h"

/* The parameters, and what the objectives carry from step to step: a forward pass changes both. */
static mcl_status copy_model(mcl_trainer *held, const mcl_trainer *trainer)
{
    mcl_context *context = trainer->context;
    const mcl_task_type *type = trainer->task.type;
    mcl_objective_state from[MCL_OBJECTIVE_STATES_MAX], to[MCL_OBJECTIVE_STATES_MAX];
    const size_t states = type->states ? type->states(from, trainer->task.state) : 0;
    uint64_t count;
    mcl_model_parameters(trainer->task.model, &count, NULL);
    MCL_TRY(mcl_buffer_copy(
        context, held->parameters, 0, mcl_trainer_model(trainer), 0, count * sizeof(float)));
    if (states)
        (void)type->states(to, held->task.state);
    for (size_t i = 0; i < states; i++)
        MCL_TRY(mcl_buffer_copy(
            context, to[i].buffer, 0, from[i].buffer, 0, from[i].count * sizeof(float)));
    return MCL_OK;
}

static mcl_status enqueue(mcl_trainer *held)
{
    const mcl_task *task = &held->task;
    const uint32_t rows = task->type->views * task->batch;
    MCL_TRY(mcl_feed_epoch(held->feed, 0));
    for (uint64_t number = 0; number < held->steps_per_epoch; number++) {
        mcl_batch batch = {.first = number * task->batch, .step = number, .slot = number};
        MCL_TRY(mcl_feed_batch(&batch.rows, held->feed, batch.first, task->batch));
        MCL_TRY(task->type->input(task->state, held, &batch));
        MCL_TRY(mcl_feed_taken(held->feed));
        mcl_network_set_step(held->encoder, number);
        MCL_TRY(mcl_network_forward(held->encoder, held->parameters, held->input, rows));
        MCL_TRY(task->type->loss(task->state, held, &batch));
    }
    return MCL_OK;
}

mcl_status mcl_holdout_measure(double *loss, mcl_trainer *held, const mcl_trainer *trainer)
{
    const uint64_t steps = held->steps_per_epoch;
    const size_t each = held->task.type->metrics;
    float *metrics;
    double sum = 0.0;
    MCL_TRY(copy_model(held, trainer));
    MCL_TRY(enqueue(held));
    MCL_TRY(mcl_allocate(&metrics, steps * each, sizeof *metrics));
    const mcl_status status = mcl_buffer_read(held->context, metrics,
        mcl_steps_metrics(held->steps), 0, (size_t)steps * each * sizeof *metrics);
    for (uint64_t i = 0; i < steps && status == MCL_OK; i++) {
        mcl_step step = {.step = i + 1};
        held->task.type->measure(&step, metrics + i * each, held);
        sum += step.loss;
    }
    free(metrics);
    *loss = sum / (double)steps;
    return status;
}
