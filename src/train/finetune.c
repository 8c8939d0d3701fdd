/* SPDX-License-Identifier: Apache-2.0 */
/* Fine-tuning: the training of an encoder and a head by labels. */
#include "maskcl/finetune.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/data.h"
#include "data/draw.h"
#include "data/feed.h"
#include "model/model.h"
#include "nn/parameters.h"
#include "optim/schedule.h"
#include "train/check.h"
#include "train/classifier.h"
#include "train/describe.h"
#include "train/options.h"
#include "train/steps.h"

#define LABEL_MAX 65535

struct trainer {
    mcl_context *context;
    const mcl_finetune_options *options;
    const mcl_data *data;
    const int32_t *labels;
    mcl_data *chosen_data; /* where few rows keep their labels: those, and their labels */
    int32_t *chosen_labels;
    mcl_architecture architecture;
    uint32_t batch;
    uint64_t steps_per_epoch;
    mcl_model *model;
    mcl_network *encoder;
    mcl_classifier *classifier;
    mcl_optimizer *optimizer;
    mcl_feed *feed;
    mcl_steps *steps;
    cl_mem input; /* [B×D] */
    cl_mem parameters, gradients;
};

/* *classes = 1 + the largest label. */
static mcl_status count_classes(uint32_t *classes, const struct trainer *trainer)
{
    const uint64_t rows = mcl_data_rows(trainer->data);
    int32_t most = 0, least = INT32_MAX;
    for (uint64_t i = 0; i < rows; i++) {
        const int32_t label = trainer->labels[i];
        if (label < 0 || label > LABEL_MAX)
            return mcl_fail(MCL_ERROR_DATA,
                "the label of row %" PRIu64 " is %" PRId32 "; labels are 0 to %d", i, label,
                LABEL_MAX);
        most = label > most ? label : most;
        least = label < least ? label : least;
    }
    if (most == least)
        return mcl_fail(MCL_ERROR_DATA,
            "all rows are of class %" PRId32 ": there is nothing to tell apart", most);
    *classes = (uint32_t)most + 1;
    return MCL_OK;
}

/* Leaves only the rows that keep their labels. */
static mcl_status choose_rows(struct trainer *trainer)
{
    const mcl_finetune_options *options = trainer->options;
    uint64_t *numbers, count;
    if (options->labels_per_class == 0)
        return MCL_OK;
    MCL_TRY(mcl_draw_labelled(&numbers, &count, trainer->labels, mcl_data_rows(trainer->data),
        options->labels_per_class, options->train.seed));
    mcl_status status =
        mcl_allocate(&trainer->chosen_labels, count, sizeof *trainer->chosen_labels);
    if (status == MCL_OK)
        status = mcl_data_select(&trainer->chosen_data, trainer->data, numbers, count);
    for (uint64_t i = 0; i < count && status == MCL_OK; i++)
        trainer->chosen_labels[i] = trainer->labels[numbers[i]];
    free(numbers);
    trainer->data = trainer->chosen_data;
    trainer->labels = trainer->chosen_labels;
    return status;
}

/* Copies the tensors of the model that the new one has too. */
static void copy_tensors(mcl_model *to, const mcl_model *from)
{
    for (size_t i = 0; i < from->tensor_count; i++) {
        const mcl_tensor_place *source = &from->places[i];
        for (size_t j = 0; j < to->tensor_count; j++) {
            const mcl_tensor_place *place = &to->places[j];
            if (strncmp(place->name, "head.", 5) != 0 && strcmp(place->name, source->name) == 0)
                memcpy(to->parameters + place->offset, from->parameters + source->offset,
                    place->count * sizeof(float));
        }
    }
}

static mcl_status create_model(struct trainer *trainer, const mcl_model *model)
{
    MCL_TRY(
        mcl_model_create(&trainer->model, &trainer->architecture, trainer->options->train.seed));
    if (trainer->options->from_scratch)
        return MCL_OK;
    copy_tensors(trainer->model, model);
    for (size_t i = 0; i < model->metadata_count; i++) {
        const mcl_text_pair *pair = &model->metadata[i];
        if (!mcl_model_key_is_own(pair->key))
            MCL_TRY(mcl_model_metadata_set(trainer->model, pair->key, pair->value));
    }
    return MCL_OK;
}

/* The learning rate of a step, from 0. */
static double rate_of(const struct trainer *trainer, uint64_t step)
{
    const mcl_finetune_options *options = trainer->options;
    return mcl_schedule_rate(&options->train.schedule, options->train.optimizer.learning_rate,
        options->train.epochs, trainer->steps_per_epoch, step);
}

static void measure(mcl_step *step, const float *metrics, const void *of)
{
    const struct trainer *trainer = of;
    step->loss = (double)metrics[MCL_CLASSIFIER_LOSS];
    step->accuracy = (double)metrics[MCL_CLASSIFIER_ACCURACY];
    step->spread = step->alignment = step->uniformity = step->effective_rank = NAN;
    step->validation = NAN;
    step->learning_rate = rate_of(trainer, step->step - 1);
}

static mcl_status create_steps(struct trainer *trainer)
{
    const mcl_steps_options options = {
        .batch = trainer->batch,
        .per_epoch = trainer->steps_per_epoch,
        .epochs = trainer->options->train.epochs,
        .metrics = MCL_CLASSIFIER_METRICS,
        .measure = measure,
        .trainer = trainer,
        .report = trainer->options->train.report,
        .user = trainer->options->train.user,
        .report_every = trainer->options->train.report_every,
    };
    return mcl_steps_create(&trainer->steps, trainer->context, &options);
}

/* What is trained is the encoder and the head, which come first. */
static mcl_status create_networks(struct trainer *trainer)
{
    mcl_context *context = trainer->context;
    const mcl_architecture *architecture = &trainer->architecture;
    MCL_TRY(mcl_unmasked_rows_expect(context, trainer->data));
    MCL_TRY(mcl_network_create_part(
        &trainer->encoder, context, architecture, MCL_PART_ENCODER, trainer->batch, true));
    if (trainer->options->train.dropout > 0.0f)
        MCL_TRY(mcl_network_enable_dropout(
            trainer->encoder, trainer->options->train.dropout, trainer->options->train.seed));
    MCL_TRY(mcl_classifier_create(&trainer->classifier, context, architecture, trainer->labels,
        mcl_data_rows(trainer->data), trainer->batch));
    return mcl_parameters_optimizer(&trainer->optimizer, context,
        &trainer->options->train.optimizer, architecture,
        mcl_part_end(architecture, MCL_PART_HEAD));
}

static mcl_status create_buffers(struct trainer *trainer)
{
    mcl_context *context = trainer->context;
    uint64_t count;
    mcl_model_parameters(trainer->model, &count, NULL);
    MCL_TRY(mcl_buffer_create(&trainer->input, context, trainer->batch,
        mcl_data_columns(trainer->data) * sizeof(float), "rows of a batch"));
    MCL_TRY(mcl_parameters_upload(&trainer->parameters, context, trainer->model));
    return mcl_buffer_create(&trainer->gradients, context, count, sizeof(float), "gradients");
}

static mcl_status create(struct trainer *trainer, const mcl_model *model)
{
    mcl_context *context = trainer->context;
    const mcl_finetune_options *options = trainer->options;
    const uint64_t memory_before = context->memory_made;
    MCL_TRY(mcl_width_check(&model->architecture, trainer->data));
    trainer->architecture = model->architecture;
    trainer->architecture.projector_count = trainer->architecture.predictor_count = 0;
    trainer->architecture.mask_head = false;
    MCL_TRY(count_classes(&trainer->architecture.classes, trainer));
    MCL_TRY(choose_rows(trainer));
    MCL_TRY(mcl_train_check(&trainer->batch, &options->train, model->architecture.normalization,
        model->architecture.hidden_count, mcl_data_rows(trainer->data)));
    trainer->steps_per_epoch = mcl_data_rows(trainer->data) / trainer->batch;
    MCL_TRY(create_model(trainer, model));
    MCL_TRY(create_networks(trainer));
    MCL_TRY(create_buffers(trainer));
    MCL_TRY(create_steps(trainer));
    const mcl_shuffle shuffle = {options->train.seed, (uint32_t)options->train.epochs};
    return mcl_feed_create(
        &trainer->feed, context, trainer->data, trainer->batch, &shuffle, memory_before);
}

static void release(struct trainer *trainer)
{
    mcl_steps_free(trainer->steps);
    mcl_network_free(trainer->encoder);
    mcl_classifier_free(trainer->classifier);
    mcl_optimizer_free(trainer->optimizer);
    mcl_feed_free(trainer->feed);
    mcl_buffer_release(&trainer->input);
    mcl_buffer_release(&trainer->parameters);
    mcl_buffer_release(&trainer->gradients);
    mcl_model_free(trainer->model);
    mcl_data_free(trainer->chosen_data);
    free(trainer->chosen_labels);
}

/* Enqueues step number `number` of the run. The batch's row numbers are read last by the loss. */
static mcl_status train_step(struct trainer *trainer, uint64_t number)
{
    const uint64_t per_epoch = trainer->steps_per_epoch, index = number % per_epoch;
    const uint32_t batch = trainer->batch;
    mcl_rows rows;
    if (index == 0)
        MCL_TRY(mcl_feed_epoch(trainer->feed, (uint32_t)(number / per_epoch)));
    MCL_TRY(mcl_feed_batch(&rows, trainer->feed, index * batch, batch));
    MCL_TRY(mcl_unmasked_rows(trainer->context, &rows, trainer->data, batch, trainer->input));
    mcl_network_set_step(trainer->encoder, number);
    MCL_TRY(mcl_network_forward(trainer->encoder, trainer->parameters, trainer->input, batch));
    MCL_TRY(mcl_classifier_run(trainer->classifier, trainer->encoder, trainer->parameters,
        trainer->gradients, &rows, mcl_steps_metrics(trainer->steps), index));
    MCL_TRY(mcl_feed_taken(trainer->feed));
    MCL_TRY(mcl_network_backward(trainer->encoder, trainer->parameters, trainer->gradients,
        trainer->input, batch, NULL, 0.0f));
    mcl_optimizer_set_rate(trainer->optimizer, rate_of(trainer, number));
    MCL_TRY(mcl_optimizer_step(trainer->optimizer, trainer->parameters, trainer->gradients));
    MCL_TRY(mcl_steps_add(trainer->steps));
    mcl_feed_ahead(trainer->feed);
    return MCL_OK;
}

static mcl_status train(struct trainer *trainer)
{
    const mcl_finetune_options *options = trainer->options;
    const uint64_t planned = options->train.epochs * trainer->steps_per_epoch;
    MCL_TRY(mcl_context_finish(trainer->context));
    mcl_steps_begin(trainer->steps);
    for (uint64_t number = 0; number < planned; number++) {
        if (options->train.stop && *options->train.stop) {
            MCL_TRY(mcl_steps_finish(trainer->steps));
            return mcl_fail(MCL_INTERRUPTED, "stopped in epoch %" PRIu64 " after step %" PRIu64,
                number / trainer->steps_per_epoch + 1, number);
        }
        MCL_TRY(train_step(trainer, number));
    }
    return mcl_steps_finish(trainer->steps);
}

/* What a reader of the model file needs to know beyond what the model that was tuned tells. */
static mcl_status describe(mcl_model *model, const struct trainer *trainer)
{
    const mcl_finetune_options *options = trainer->options;
    const uint64_t steps = mcl_steps_ended(trainer->steps), per_epoch = trainer->steps_per_epoch;
    MCL_TRY(mcl_describe_input(model, trainer->data));
    if (options->from_scratch) /* the untrained encoder is this seed's */
        MCL_TRY(mcl_describe(model, "seed", "%" PRIu64, options->train.seed));
    MCL_TRY(mcl_describe(model, "finetune_rows", "%" PRIu64, mcl_data_rows(trainer->data)));
    mcl_finetune_options resolved = *options;
    mcl_train_resolve(&resolved.train, mcl_data_rows(trainer->data));
    MCL_TRY(mcl_options_describe(model, &resolved.base));
    MCL_TRY(mcl_describe(model, "finetune_epochs", "%" PRIu64, steps / per_epoch));
    MCL_TRY(mcl_describe(model, "finetune_steps", "%" PRIu64, steps));
    return MCL_OK;
}

mcl_status mcl_finetune(mcl_model **tuned, mcl_context *context, const mcl_model *model,
    const mcl_data *data, const int32_t *labels, const mcl_finetune_options *options)
{
    struct trainer trainer = {
        .context = context, .options = options, .data = data, .labels = labels};
    mcl_status status = create(&trainer, model);
    mcl_status trained = MCL_OK;
    if (status == MCL_OK) {
        trained = train(&trainer);
        mcl_steps_deliver(trainer.steps);
        if (trained != MCL_OK && trained != MCL_INTERRUPTED)
            status = trained;
    }
    if (status == MCL_OK)
        status = mcl_parameters_fetch(trainer.model, context, trainer.parameters);
    if (status == MCL_OK)
        status = describe(trainer.model, &trainer);
    if (status == MCL_OK) {
        *tuned = trainer.model;
        trainer.model = NULL;
        status = trained;
    }
    release(&trainer);
    return status;
}
