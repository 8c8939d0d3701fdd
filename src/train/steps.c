/* SPDX-License-Identifier: Apache-2.0 */
#include "train/steps.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "train/rate.h"

/* Steps that the host may run ahead of the device: enough to keep it busy, few enough that a stop
 * and a report come soon. */
#define STEPS_AHEAD 4

/* Reports that may wait for the run's first rate to settle. */
#define HELD_MAX 1024

/* A step that the device may still be at work on. */
struct pending {
    cl_event done;
    uint64_t step; /* from 0, over the whole run */
    bool reported; /* its metrics are being read */
    float *metrics;
};

struct mcl_steps {
    mcl_context *context;
    mcl_steps_options options;
    cl_mem metrics;       /* [per_epoch × metrics] */
    float *epoch_metrics; /* the same on the host */
    float *step_metrics;  /* [STEPS_AHEAD × metrics], the pending steps' */
    struct pending pending[STEPS_AHEAD];
    uint64_t oldest, newest; /* pending[i mod STEPS_AHEAD] for oldest ≤ i < newest */
    uint64_t first;          /* step of the run: 0, or where a checkpoint was made */
    double start;
    double epoch_loss; /* of the epoch that ended last */
    mcl_rate rate;
    mcl_step *held; /* [HELD_MAX] reports to deliver */
    size_t held_count;
};

static mcl_status allocate(mcl_steps *steps)
{
    const mcl_steps_options *options = &steps->options;
    const uint64_t row = options->metrics * sizeof(float);
    MCL_TRY(mcl_allocate(&steps->held, HELD_MAX, sizeof *steps->held));
    MCL_TRY(mcl_allocate(&steps->epoch_metrics, options->per_epoch, row));
    MCL_TRY(mcl_allocate(&steps->step_metrics, STEPS_AHEAD, row));
    for (size_t i = 0; i < STEPS_AHEAD; i++)
        steps->pending[i].metrics = steps->step_metrics + i * options->metrics;
    return mcl_buffer_create(&steps->metrics, steps->context, options->per_epoch, row, "metrics");
}

mcl_status mcl_steps_create(
    mcl_steps **steps, mcl_context *context, const mcl_steps_options *options)
{
    mcl_steps *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    created->options = *options;
    const mcl_status status = allocate(created);
    if (status != MCL_OK) {
        mcl_steps_free(created);
        return status;
    }
    *steps = created;
    return MCL_OK;
}

void mcl_steps_free(mcl_steps *steps)
{
    if (!steps)
        return;
    clFinish(steps->context->queue); /* a read may still be writing to the host */
    for (; steps->oldest < steps->newest; steps->oldest++)
        clReleaseEvent(steps->pending[steps->oldest % STEPS_AHEAD].done);
    mcl_buffer_release(&steps->metrics);
    free(steps->epoch_metrics);
    free(steps->step_metrics);
    free(steps->held);
    free(steps);
}

cl_mem mcl_steps_metrics(const mcl_steps *steps)
{
    return steps->metrics;
}

void mcl_steps_skip(mcl_steps *steps, uint64_t done)
{
    steps->first = steps->oldest = steps->newest = done;
}

void mcl_steps_begin(mcl_steps *steps)
{
    steps->start = mcl_clock_seconds();
    mcl_rate_start(&steps->rate, steps->start);
}

uint64_t mcl_steps_enqueued(const mcl_steps *steps)
{
    return steps->newest;
}

uint64_t mcl_steps_ended(const mcl_steps *steps)
{
    return steps->oldest;
}

static bool ends_epoch(const mcl_steps *steps, uint64_t step)
{
    return (step + 1) % steps->options.per_epoch == 0;
}

/* *measured = what the metrics of a step say. */
static mcl_status measure(
    mcl_step *measured, const mcl_steps *steps, const float *metrics, uint64_t step)
{
    *measured = (mcl_step){
        .step = step + 1,
        .epoch_loss = NAN,
        .spread = NAN,
        .held_out = NAN,
        .accuracy = NAN,
        .epoch_accuracy = NAN,
        .alignment = NAN,
        .uniformity = NAN,
        .effective_rank = NAN,
        .validation = NAN,
    };
    steps->options.measure(measured, metrics, steps->options.trainer);
    if (isfinite(measured->loss))
        return MCL_OK;
    if (step == 0)
        return mcl_fail(MCL_ERROR_DATA,
            "the loss is not finite in the first step, before any change of the weights: the data "
            "or the views have values too large, or the temperature is too low");
    return mcl_fail(MCL_ERROR_DATA,
        "the loss is no longer finite in step %" PRIu64
        ": lower the learning rate (`learning_rate`)",
        step + 1);
}

void mcl_steps_deliver(mcl_steps *steps)
{
    for (size_t i = 0; i < steps->held_count; i++) {
        steps->held[i].rows_per_second = mcl_rate_value(&steps->rate);
        steps->options.train->report(&steps->held[i], steps->options.train->user);
    }
    steps->held_count = 0;
}

/* Completes what a step measured, and delivers or keeps it. */
static void report(mcl_steps *steps, mcl_step *step, uint64_t number)
{
    const mcl_steps_options *options = &steps->options;
    step->steps = options->train->epochs * options->per_epoch;
    step->epoch = number / options->per_epoch + 1;
    step->epochs = options->train->epochs;
    step->epoch_end = ends_epoch(steps, number);
    step->seconds = steps->rate.now.time - steps->start;
    steps->held[steps->held_count++] = *step;
    if (mcl_rate_settled(&steps->rate) || steps->held_count == HELD_MAX)
        mcl_steps_deliver(steps);
}

/* An epoch's last step, number `last`, and the means of all of its steps. */
static mcl_status measure_epoch(mcl_step *reported, const mcl_steps *steps, uint64_t last)
{
    const uint64_t count = steps->options.per_epoch;
    double loss = 0.0, accuracy = 0.0;
    for (uint64_t i = 0; i < count; i++) {
        MCL_TRY(measure(reported, steps, steps->epoch_metrics + i * steps->options.metrics,
            last + 1 - count + i));
        loss += reported->loss;
        accuracy += reported->accuracy;
    }
    reported->epoch_loss = loss / (double)count;
    reported->epoch_accuracy = accuracy / (double)count;
    return MCL_OK;
}

/* Waits for the oldest pending step and reports it where that was asked for. */
static mcl_status finish_oldest(mcl_steps *steps)
{
    const mcl_steps_options *options = &steps->options;
    const struct pending *pending = &steps->pending[steps->oldest % STEPS_AHEAD];
    const cl_int code = clWaitForEvents(1, &pending->done);
    clReleaseEvent(pending->done);
    steps->oldest++;
    if (code != CL_SUCCESS)
        return mcl_context_fail(steps->context, "waiting for a step", code);
    mcl_rate_step(
        &steps->rate, mcl_clock_seconds(), (steps->oldest - steps->first) * options->batch);
    if (!pending->reported)
        return MCL_OK;
    mcl_step step;
    if (ends_epoch(steps, pending->step)) {
        MCL_TRY(measure_epoch(&step, steps, pending->step));
        steps->epoch_loss = step.epoch_loss;
    } else {
        MCL_TRY(measure(&step, steps, pending->metrics, pending->step));
    }
    if (options->train->report)
        report(steps, &step, pending->step);
    return MCL_OK;
}

double mcl_steps_epoch_loss(const mcl_steps *steps)
{
    return steps->epoch_loss;
}

mcl_status mcl_steps_finish(mcl_steps *steps)
{
    while (steps->oldest < steps->newest)
        MCL_TRY(finish_oldest(steps));
    return MCL_OK;
}

bool mcl_steps_reports(const mcl_steps *steps)
{
    const uint64_t every = steps->options.train->report_every;
    return ends_epoch(steps, steps->newest) || (every && (steps->newest + 1) % every == 0);
}

mcl_status mcl_steps_add(mcl_steps *steps)
{
    const bool reported = mcl_steps_reports(steps);
    const uint64_t step = steps->newest, per_epoch = steps->options.per_epoch;
    const bool whole = ends_epoch(steps, step);
    if (steps->newest - steps->oldest == STEPS_AHEAD)
        MCL_TRY(finish_oldest(steps));
    while (whole && steps->oldest + per_epoch <= step)
        MCL_TRY(finish_oldest(steps)); /* epoch_metrics may still be those of the last epoch */
    struct pending *pending = &steps->pending[step % STEPS_AHEAD];
    pending->step = step;
    pending->reported = reported;
    const size_t size = steps->options.metrics * sizeof(float);
    cl_command_queue queue = steps->context->queue;
    cl_int code =
        reported ? clEnqueueReadBuffer(queue, steps->metrics, CL_FALSE,
                       whole ? 0 : (size_t)(step % per_epoch) * size,
                       whole ? (size_t)per_epoch * size : size,
                       whole ? steps->epoch_metrics : pending->metrics, 0, NULL, &pending->done)
                 : clEnqueueMarkerWithWaitList(queue, 0, NULL, &pending->done);
    if (code == CL_SUCCESS) {
        steps->newest++;
        code = clFlush(queue);
    }
    return code == CL_SUCCESS ? MCL_OK
                              : mcl_context_fail(steps->context, "enqueueing a step", code);
}
