/* SPDX-License-Identifier: Apache-2.0 */
/* Fine-tuning: an encoder and a head by rows as they are and their labels. */
#include "maskcl/finetune.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/classes.h"
#include "data/data.h"
#include "data/draw.h"
#include "model/model.h"
#include "model/parameters.h"
#include "train/check.h"
#include "train/classifier.h"
#include "train/describe.h"
#include "train/options.h"
#include "train/rows.h"
#include "train/trainer.h"
#include "views/views.h"

#define PREFIX MCL_FINETUNE_PREFIX
#define GAPS 4      /* times as many numbers up to the largest as classes, and they are mapped, */
#define MAPPED 1000 /* where they are more than so many: a head of fewer costs little */

struct tuning {
    mcl_finetune_options options;
    const mcl_model *model;    /* that is tuned */
    const int32_t *all_labels; /* [rows of all data] */
    mcl_classes classes;       /* of these */
    int32_t *places;       /* [rows of all data] their places among the classes; NULL: the same */
    mcl_data *chosen_data; /* where not all rows have labels: those that do, and their labels */
    int32_t *chosen_labels;
    mcl_classifier *classifier;
    mcl_unmasked unmasked;
};

/* The labels as the head counts classes. */
static const int32_t *labels_of(const struct tuning *state)
{
    return state->places ? state->places : state->all_labels;
}

static mcl_status create(void *of, mcl_trainer *trainer)
{
    struct tuning *state = of;
    const mcl_task *task = &trainer->task;
    trainer->trained = mcl_part_end(trainer->architecture, MCL_PART_HEAD);
    MCL_TRY(mcl_unmasked_find(&state->unmasked, trainer->context, task->data));
    return mcl_classifier_create(&state->classifier, trainer->context, trainer->architecture,
        state->chosen_labels ? state->chosen_labels : labels_of(state), mcl_data_rows(task->data),
        task->batch);
}

static void release(void *of)
{
    struct tuning *state = of;
    mcl_classifier_free(state->classifier);
    mcl_data_free(state->chosen_data);
    free(state->chosen_labels);
    free(state->places);
    mcl_classes_release(&state->classes);
    free(state);
}

static mcl_status input(void *of, const mcl_trainer *trainer, const mcl_batch *batch)
{
    const struct tuning *state = of;
    return mcl_unmasked_run_rows(
        &state->unmasked, &batch->rows, trainer->task.batch, trainer->input);
}

static mcl_status loss(void *of, const mcl_trainer *trainer, const mcl_batch *batch)
{
    struct tuning *state = of;
    return mcl_classifier_run(state->classifier, trainer->encoder, trainer->parameters,
        trainer->gradients, &batch->rows, mcl_steps_metrics(trainer->steps), batch->slot);
}

static void measure(mcl_step *step, const float *metrics, const mcl_trainer *trainer)
{
    (void)trainer;
    step->loss = (double)metrics[MCL_CLASSIFIER_LOSS];
    step->accuracy = (double)metrics[MCL_CLASSIFIER_ACCURACY];
}

/* What the head's classes are called, where that is not their places. */
static mcl_status describe_classes(mcl_model *model, const mcl_trainer *trainer)
{
    const struct tuning *state = trainer->task.state;
    const mcl_data *source = trainer->task.source;
    char *text;
    if (mcl_data_classes(source) && mcl_data_labels(source) == state->all_labels)
        MCL_TRY(mcl_describe_class_names(model, source));
    if (!state->places)
        return MCL_OK;
    MCL_TRY(mcl_classes_show(&text, &state->classes));
    const mcl_status status = mcl_model_metadata_set(model, MCL_CLASS_NUMBERS, text);
    free(text);
    return status;
}

/* What the training began from, and its labels. */
static mcl_status describe_origin(mcl_model *model, const mcl_trainer *trainer)
{
    const struct tuning *state = trainer->task.state;
    char digest[MCL_DIGEST_SIZE];
    mcl_labels_digest(digest, state->all_labels, mcl_data_rows(trainer->task.source));
    MCL_TRY(mcl_model_metadata_set(model, PREFIX "labels_digest", digest));
    if (state->options.from_scratch)
        return MCL_OK;
    mcl_model_digest(digest, state->model);
    return mcl_model_metadata_set(model, PREFIX "model_digest", digest);
}

/* Beyond what the model that was tuned tells, which it goes on telling but for how it was tuned
 * itself. */
static mcl_status describe(mcl_model *model, const mcl_trainer *trainer)
{
    const struct tuning *state = trainer->task.state;
    const mcl_finetune_options *options = &state->options;
    const mcl_model *from = state->model;
    MCL_TRY(describe_origin(model, trainer));
    for (size_t i = 0; i < from->metadata_count && !options->from_scratch; i++) {
        const mcl_text_pair *pair = &from->metadata[i];
        if (!mcl_model_key_is_own(pair->key) && strncmp(pair->key, PREFIX, strlen(PREFIX)) != 0 &&
            strcmp(pair->key, MCL_KEY_CLASS_NAMES) != 0)
            MCL_TRY(mcl_model_metadata_set(model, pair->key, pair->value));
    }
    MCL_TRY(describe_classes(model, trainer));
    return options->from_scratch /* the untrained encoder is this seed's */
               ? mcl_describe(model, "seed", "%" PRIu64, options->train.seed)
               : MCL_OK;
}

/* A new model is of the same layers, but not of those parameters. */
static mcl_status add_conditions(mcl_conditions *conditions, const mcl_trainer *trainer)
{
    const struct tuning *state = trainer->task.state;
    const mcl_finetune_options *options = &state->options;
    char digest[MCL_DIGEST_SIZE];
    mcl_conditions_add_labels(conditions, state->all_labels, mcl_data_rows(trainer->task.source));
    mcl_conditions_add_layers(conditions, trainer->task.model);
    mcl_model_digest(digest, state->model);
    if (!options->from_scratch)
        mcl_conditions_add(
            conditions, "model", "the digest of the model to begin from", "%s", digest);
    return MCL_OK;
}

static const mcl_task_type tuning = {
    .name = "fine-tuning",
    .prefix = PREFIX,
    .views = 1,
    .metrics = MCL_CLASSIFIER_METRICS,
    .loss_reads_order = true,
    .create = create,
    .free = release,
    .input = input,
    .loss = loss,
    .measure = measure,
    .describe = describe,
    .add_conditions = add_conditions,
};

static bool has_unlabelled(const int32_t *labels, uint64_t rows)
{
    uint64_t i = 0;
    while (i < rows && labels[i] >= 0)
        i++;
    return i < rows;
}

/* *numbers = those of the rows that have labels, freed with free(). */
static mcl_status find_labelled(
    uint64_t **numbers, uint64_t *count, const int32_t *labels, uint64_t rows)
{
    MCL_TRY(mcl_allocate(numbers, rows, sizeof **numbers));
    *count = 0;
    for (uint64_t i = 0; i < rows; i++) {
        if (labels[i] >= 0)
            (*numbers)[(*count)++] = i;
    }
    return MCL_OK;
}

/* The classes of the labels that there are. */
static mcl_status find_classes(struct tuning *state, uint64_t rows)
{
    int32_t *labels;
    uint64_t count = 0;
    if (!has_unlabelled(state->all_labels, rows))
        return mcl_classes_find(&state->classes, state->all_labels, rows);
    MCL_TRY(mcl_allocate(&labels, rows, sizeof *labels));
    for (uint64_t i = 0; i < rows; i++) {
        if (state->all_labels[i] != -1)
            labels[count++] = state->all_labels[i];
    }
    const mcl_status status =
        count ? mcl_classes_find(&state->classes, labels, count)
              : mcl_fail(MCL_ERROR_DATA, "no row has a label: there is nothing to learn");
    free(labels);
    return status;
}

/* *count = how many classes the head has: 1 + the largest label, or where the numbers have large
 * gaps, as those of products have, as many as there are. */
static mcl_status count_classes(uint32_t *count, struct tuning *state, uint64_t rows)
{
    mcl_classes *classes = &state->classes;
    MCL_TRY(find_classes(state, rows));
    const int32_t largest = classes->numbers[classes->count - 1];
    if (classes->count == 1)
        return mcl_fail(MCL_ERROR_DATA,
            "all rows are of class %" PRId32 ": there is nothing to tell apart", largest);
    *count = (uint32_t)largest + 1;
    if (*count <= MAPPED || *count / GAPS < classes->count)
        return MCL_OK;
    *count = classes->count;
    return mcl_classes_places(&state->places, classes, state->all_labels, rows);
}

/* Of task->source only the rows that have labels, and keep them. */
static mcl_status choose_rows(mcl_task *task, struct tuning *state)
{
    const mcl_finetune_options *options = &state->options;
    uint64_t *numbers, count;
    task->data = task->source;
    const uint64_t rows = mcl_data_rows(task->source);
    if (options->labels_per_class)
        MCL_TRY(mcl_draw_labelled(&numbers, &count, state->all_labels, rows,
            options->labels_per_class, options->train.seed));
    else if (has_unlabelled(state->all_labels, rows))
        MCL_TRY(find_labelled(&numbers, &count, state->all_labels, rows));
    else
        return MCL_OK;
    mcl_status status = mcl_allocate(&state->chosen_labels, count, sizeof *state->chosen_labels);
    if (status == MCL_OK)
        status = mcl_data_select(&state->chosen_data, task->source, numbers, count);
    for (uint64_t i = 0; i < count && status == MCL_OK; i++)
        state->chosen_labels[i] = labels_of(state)[numbers[i]];
    free(numbers);
    task->data = state->chosen_data;
    return status;
}

/* The rows, the batch and the model to begin from. What is half made stays in task and state. */
static mcl_status prepare(mcl_task *task, struct tuning *state)
{
    const mcl_train_options *options = task->options;
    mcl_architecture architecture = state->model->architecture;
    architecture.projector_count = architecture.predictor_count = 0;
    architecture.mask_head = false;
    MCL_TRY(mcl_options_expect(task->all_options, MCL_OPTIONS_FINETUNE));
    MCL_TRY(mcl_width_check(&architecture, task->source));
    MCL_TRY(count_classes(&architecture.classes, state, mcl_data_rows(task->source)));
    MCL_TRY(choose_rows(task, state));
    MCL_TRY(mcl_train_check(&task->batch, options, 1, architecture.normalization,
        mcl_encoder_blocks(&architecture) - 1, mcl_data_rows(task->data)));
    mcl_train_resolve(&state->options.train, mcl_data_rows(task->data));
    MCL_TRY(mcl_model_create(&task->model, &architecture, options->seed));
    if (!state->options.from_scratch)
        mcl_model_copy_tensors(task->model, state->model);
    return MCL_OK;
}

mcl_status mcl_finetune_build(mcl_trainer **trainer, mcl_context *context, const mcl_model *model,
    const mcl_data *data, const int32_t *labels, const mcl_finetune_options *options)
{
    struct tuning *state;
    MCL_TRY(mcl_allocate(&state, 1, sizeof *state));
    *state = (struct tuning){.options = *options, .model = model, .all_labels = labels};
    mcl_task task = {.type = &tuning,
        .state = state,
        .all_options = &state->options.base,
        .options = &state->options.train,
        .source = data};
    const mcl_status status = prepare(&task, state);
    if (status != MCL_OK) {
        mcl_model_free(task.model);
        release(state);
        return status;
    }
    return mcl_trainer_create(trainer, context, &task);
}

mcl_status mcl_finetune(mcl_model **tuned, mcl_context *context, const mcl_model *model,
    const mcl_data *data, const int32_t *labels, const mcl_finetune_options *options)
{
    MCL_NEED(tuned);
    MCL_NEED(context);
    MCL_NEED(model);
    MCL_NEED(data);
    MCL_NEED(labels);
    MCL_NEED(options);
    mcl_trainer *trainer;
    MCL_TRY(mcl_finetune_build(&trainer, context, model, data, labels, options));
    const mcl_status status = mcl_trainer_run(tuned, trainer);
    mcl_trainer_free(trainer);
    return status;
}
