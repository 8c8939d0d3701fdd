/* SPDX-License-Identifier: Apache-2.0 */
#include "train/describe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "optim/optimizer.h"

mcl_status mcl_describe(mcl_model *model, const char *key, const char *format, ...)
{
    char text[64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return mcl_model_metadata_set(model, key, text);
}

mcl_status mcl_describe_input(mcl_model *model, const mcl_data *data)
{
    char text[256] = "";
    uint64_t shape[MCL_DIMENSIONS_MAX];
    const size_t dimensions = mcl_data_row_shape(data, shape);
    for (size_t i = 0; i < dimensions; i++) {
        const size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%" PRIu64, i ? "x" : "", shape[i]);
    }
    MCL_TRY(mcl_model_metadata_set(model, "input_shape", text));
    return mcl_model_metadata_set(
        model, "input_scaling", mcl_data_element(data) == MCL_ELEMENT_UINT8 ? "1/255" : "1");
}

/* A model with a prefix for the keys of its metadata. */
struct described {
    mcl_model *model;
    const char *prefix;
};

static mcl_status set(const struct described *described, const char *key, const char *value)
{
    char whole[64];
    snprintf(whole, sizeof whole, "%s%s", described->prefix, key);
    return mcl_model_metadata_set(described->model, whole, value);
}

static mcl_status set_number(const struct described *described, const char *key, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.9g", value);
    return set(described, key, text);
}

static mcl_status set_count(const struct described *described, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return set(described, key, text);
}

static mcl_status describe_schedule(
    const struct described *described, const mcl_schedule_options *schedule)
{
    MCL_TRY(set(described, "schedule", mcl_schedule_name(schedule->kind)));
    if (schedule->warmup > 0.0)
        MCL_TRY(set_number(described, "warmup_epochs", schedule->warmup));
    if (schedule->kind == MCL_SCHEDULE_COSINE)
        MCL_TRY(set_number(described, "final_learning_rate", schedule->final_rate));
    if (schedule->kind != MCL_SCHEDULE_STEP)
        return MCL_OK;
    MCL_TRY(set_count(described, "learning_rate_step_epochs", schedule->step_epochs));
    return set_number(described, "learning_rate_gamma", schedule->gamma);
}

static mcl_status describe_options(
    const struct described *described, const mcl_train_options *options)
{
    const mcl_optimizer_options optimizer = mcl_optimizer_resolve(&options->optimizer);
    MCL_TRY(set(described, "optimizer", mcl_optimizer_name(optimizer.kind)));
    MCL_TRY(set_number(described, "learning_rate", optimizer.learning_rate));
    MCL_TRY(describe_schedule(described, &options->schedule));
    MCL_TRY(set_number(described, "weight_decay", optimizer.weight_decay));
    if (optimizer.kind == MCL_OPTIMIZER_SGD || optimizer.kind == MCL_OPTIMIZER_LARS)
        MCL_TRY(set_number(described, "momentum", optimizer.momentum));
    if (options->clip_norm > 0.0)
        MCL_TRY(set_number(described, "clip_norm", options->clip_norm));
    if (options->ema > 0.0)
        MCL_TRY(set_number(described, "ema", options->ema));
    return options->dropout > 0.0f ? set_number(described, "dropout", (double)options->dropout)
                                   : MCL_OK;
}

mcl_status mcl_describe_training(mcl_model *model, const char *prefix,
    const mcl_train_options *options, const mcl_training *training)
{
    const struct described described = {model, prefix};
    const uint64_t planned = options->epochs * training->steps_per_epoch;
    MCL_TRY(describe_options(&described, options));
    MCL_TRY(set_count(&described, "rows", training->rows));
    MCL_TRY(set_count(&described, "batch", training->batch));
    MCL_TRY(set_count(&described, "epochs", training->steps / training->steps_per_epoch));
    MCL_TRY(set_count(&described, "steps", training->steps));
    if (options->early_stop)
        MCL_TRY(set_count(&described, "early_stop", options->early_stop));
    if (training->steps < planned) {
        MCL_TRY(set_count(&described, "planned_epochs", options->epochs));
        MCL_TRY(set_count(&described, "planned_steps", planned));
    }
    return set_count(&described, "seed", options->seed);
}
