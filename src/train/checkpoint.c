/* SPDX-License-Identifier: Apache-2.0 */
#include "train/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/data.h"
#include "optim/optimizer.h"
#include "train/describe.h"
#include "train/options.h"
#include "views/views.h"

#define PREFIX MCL_CHECKPOINT_PREFIX

#define METRICS_NAME PREFIX "metrics"

void mcl_conditions_add(
    mcl_conditions *conditions, const char *key, const char *option, const char *format, ...)
{
    va_list arguments;
    const size_t at = conditions->count++;
    snprintf(conditions->of[at].key, sizeof conditions->of[at].key, PREFIX "%s", key);
    conditions->of[at].option = option;
    conditions->of[at].unsaid[0] = '\0';
    conditions->of[at].former = NULL;
    conditions->of[at].kind = 0;
    va_start(arguments, format);
    vsnprintf(conditions->of[at].value, sizeof conditions->of[at].value, format, arguments);
    va_end(arguments);
}

void mcl_conditions_begin(mcl_conditions *conditions, const char *task)
{
    conditions->count = 0;
    mcl_conditions_add(conditions, "task", "the task", "%s", task);
    snprintf(conditions->of[0].unsaid, sizeof conditions->of[0].unsaid, MCL_TASK_PRETRAINING);
}

void mcl_conditions_add_data(mcl_conditions *conditions, const mcl_data *data)
{
    char digest[MCL_DIGEST_SIZE], sizes[192] = "";
    uint64_t shape[MCL_DIMENSIONS_MAX];
    const size_t dimensions = mcl_data_row_shape(data, shape);
    for (size_t i = 0; i < dimensions; i++) {
        const size_t used = strlen(sizes);
        snprintf(sizes + used, sizeof sizes - used, " x %" PRIu64, shape[i]);
    }
    mcl_data_digest(digest, data);
    mcl_conditions_add(conditions, "data", "the data", "%" PRIu64 "%s, digest %s",
        mcl_data_rows(data), sizes, digest);
}

void mcl_conditions_add_labels(mcl_conditions *conditions, const int32_t *labels, uint64_t rows)
{
    char digest[MCL_DIGEST_SIZE];
    mcl_labels_digest(digest, labels, rows);
    mcl_conditions_add(conditions, "labels", "the labels' digest", "%s", digest);
}

/* A model's own metadata but those of the file. */
void mcl_conditions_add_layers(mcl_conditions *conditions, const mcl_model *model)
{
    char text[sizeof conditions->of->value] = "";
    for (size_t i = 0; i < model->metadata_count; i++) {
        const mcl_text_pair *pair = &model->metadata[i];
        const size_t used = strlen(text);
        if (mcl_model_key_is_own(pair->key) && strcmp(pair->key, MCL_KEY_FORMAT) != 0 &&
            strcmp(pair->key, MCL_KEY_VERSION) != 0)
            snprintf(text + used, sizeof text - used, "%s%s=%s", used ? " " : "", pair->key,
                pair->value);
    }
    mcl_conditions_add(conditions, "layers", "the architecture", "%s", text);
}

static bool has_condition(const mcl_conditions *conditions, const char *key)
{
    for (size_t i = 0; i < conditions->count; i++) {
        if (strcmp(conditions->of[i].key + strlen(PREFIX), key) == 0)
            return true;
    }
    return false;
}

struct added {
    mcl_conditions *conditions;
    const mcl_options *options;
    const char *only; /* this option; NULL: all */
};

static mcl_status add_option(void *to, const mcl_stored_option *option)
{
    const struct added *added = to;
    mcl_conditions *conditions = added->conditions;
    if (!(option->flags & MCL_ROW_BITS) || has_condition(conditions, option->stored) ||
        (added->only && strcmp(added->only, option->key) != 0))
        return MCL_OK;
    mcl_conditions_add(conditions, option->stored, option->key, "%s", option->value);
    const size_t at = conditions->count - 1;
    conditions->of[at].former = option->former;
    conditions->of[at].kind = added->options->kind;
    /* A checkpoint that says nothing of it was made when it was not there: by its default. */
    return mcl_option_default(conditions->of[at].unsaid, added->options, option->key);
}

mcl_status mcl_conditions_add_options(
    mcl_conditions *conditions, const mcl_options *options, const char *only)
{
    struct added added = {conditions, options, only};
    return mcl_options_each(options, add_option, &added);
}

void mcl_conditions_add_product(mcl_conditions *conditions, mcl_gemm_kind product)
{
    mcl_conditions_add(
        conditions, "product", "the product (gemm)", "%s", mcl_product_bits(product));
}

static mcl_stored_tensor tensor_of(const char *name, const float *values, uint64_t count)
{
    return (mcl_stored_tensor){
        .name = name, .dtype = MCL_DTYPE_F32, .shape = {count}, .dimensions = 1, .values = values};
}

void mcl_checkpoint_previous(char *previous, size_t size, const char *path)
{
    static const char suffix[] = ".safetensors";
    if (!previous || size == 0)
        return;
    *previous = '\0';
    if (!path)
        return;
    size_t length = strlen(path);
    if (length > strlen(suffix) && strcmp(path + length - strlen(suffix), suffix) == 0)
        length -= strlen(suffix);
    snprintf(previous, size, "%.*s.previous.safetensors", (int)length, path);
}

/* Gives what is at path its other name, so that there is always one under the first. */
static mcl_status keep_previous(const char *path)
{
    char previous[4096];
    mcl_checkpoint_previous(previous, sizeof previous, path);
    if (unlink(previous) != 0 && errno != ENOENT)
        return mcl_fail(MCL_ERROR_FILE, "%s: cannot remove: %s", previous, strerror(errno));
    /* of what a symbolic link leads to, since that is what will be replaced */
    if (linkat(AT_FDCWD, path, AT_FDCWD, previous, AT_SYMLINK_FOLLOW) == 0 || errno == ENOENT)
        return MCL_OK;
    /* A link to another file system stays, and what it leads to has no other name there. */
    struct stat information;
    if (lstat(path, &information) == 0 && S_ISLNK(information.st_mode))
        return MCL_OK;
    /* A file system without hard links has none at path for a moment. */
    if (rename(path, previous) == 0)
        return MCL_OK;
    return mcl_fail(MCL_ERROR_FILE, "%s: cannot rename to %s: %s", path, previous, strerror(errno));
}

/* Undoes keep_previous() where it left nothing at path. */
static void put_previous_back(const char *path)
{
    char previous[4096];
    mcl_checkpoint_previous(previous, sizeof previous, path);
    if (access(path, F_OK) != 0)
        (void)rename(previous, path);
}

mcl_status mcl_checkpoint_write(const char *path, const mcl_model *model,
    const mcl_conditions *conditions, const mcl_position *position)
{
    mcl_stored_tensor tensors[MCL_STATES_MAX + 1];
    mcl_text_pair pairs[MCL_CONDITIONS_MAX + 1];
    size_t tensor_count = 0, pair_count = conditions->count;
    char step[24];
    snprintf(step, sizeof step, "%" PRIu64, position->step);
    for (size_t i = 0; i < position->state_count; i++) {
        const mcl_state *state = &position->states[i];
        tensors[tensor_count++] = tensor_of(state->name, state->values, state->count);
    }
    if (position->metric_count)
        tensors[tensor_count++] =
            tensor_of(METRICS_NAME, position->metrics, position->metric_count);
    for (size_t i = 0; i < pair_count; i++)
        pairs[i] = (mcl_text_pair){conditions->of[i].key, conditions->of[i].value};
    pairs[pair_count++] = (mcl_text_pair){MCL_KEY_CHECKPOINT_STEP, step};
    MCL_TRY(keep_previous(path));
    const mcl_status status =
        mcl_model_save_checkpoint(model, path, tensors, tensor_count, pairs, pair_count);
    if (status != MCL_OK)
        put_previous_back(path);
    return status;
}

static mcl_status damaged(const char *path, const char *how)
{
    return mcl_fail(MCL_ERROR_FORMAT, "%s: is a damaged checkpoint: %s", path, how);
}

/* What a checkpoint says of a condition; one of 0.1 may call it by another key, or have it in a
 * list. NULL: nothing. */
static const char *stored_value(
    char room[MCL_OPTION_SIZE], const mcl_safetensors *file, const char *key, const char *former)
{
    const char *value = mcl_safetensors_metadata_get(file, key);
    char name[64];
    if (value || !former)
        return value;
    const size_t length = strcspn(former, "#");
    snprintf(name, sizeof name, PREFIX "%.*s", (int)length, former);
    value = mcl_safetensors_metadata_get(file, name);
    if (!value || !former[length])
        return value;
    for (int place = former[length + 1] - '0'; place > 0; place--)
        value += strcspn(value, ",") + (strchr(value, ',') != NULL);
    snprintf(room, MCL_OPTION_SIZE, "%.*s", (int)strcspn(value, ","), value);
    return room;
}

static mcl_status check_conditions(
    const mcl_safetensors *file, const char *path, const mcl_conditions *conditions)
{
    for (size_t i = 0; i < conditions->count; i++) {
        char room[MCL_OPTION_SIZE];
        const char *value = conditions->of[i].value, *option = conditions->of[i].option;
        const mcl_options_kind kind = conditions->of[i].kind;
        const char *stored =
            stored_value(room, file, conditions->of[i].key, conditions->of[i].former);
        if (!stored && conditions->of[i].unsaid[0])
            stored = conditions->of[i].unsaid;
        if (stored &&
            (kind ? mcl_option_agrees(kind, option, stored, value) : strcmp(stored, value) == 0))
            continue;
        const char *mark = kind ? "`" : "";
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s: is of a run in which %s%s%s was %s, and here it is %s: a run goes on with the "
            "same data, options and seed only%s",
            path, mark, option, mark, stored ? stored : "not there", value,
            strcmp(option, "epochs") == 0 && kind == MCL_OPTIONS_PRETRAIN
                ? "; a new run can begin with the model of a finished one (`init`)"
                : "");
    }
    return MCL_OK;
}

/* Copies a tensor of at most `room` numbers, or exactly as many when that is asked for. */
static mcl_status copy_tensor(float *values, uint64_t *count, const mcl_safetensors *file,
    const char *path, const char *name, uint64_t room, bool exact)
{
    const mcl_stored_tensor *stored = mcl_safetensors_find(file, name);
    const bool fits = stored && stored->dtype == MCL_DTYPE_F32 && stored->dimensions == 1 &&
                      stored->shape[0] <= room && (!exact || stored->shape[0] == room);
    if (!fits && (stored || exact))
        return damaged(path, "a tensor of the run's state is missing or of another size");
    *count = stored ? stored->shape[0] : 0;
    if (stored)
        memcpy(values, stored->values, stored->shape[0] * sizeof *values);
    return MCL_OK;
}

static mcl_status read_step(uint64_t *step, const mcl_safetensors *file, const char *path)
{
    const char *text = mcl_safetensors_metadata_get(file, MCL_KEY_CHECKPOINT_STEP);
    if (!text || !*text || strlen(text) > 19 || text[strspn(text, "0123456789")])
        return damaged(path, "it does not tell its step");
    *step = strtoull(text, NULL, 10);
    return MCL_OK;
}

static mcl_status check_digest(const mcl_safetensors *file, const char *path)
{
    char digest[MCL_DIGEST_SIZE];
    const char *stored = mcl_safetensors_metadata_get(file, MCL_KEY_CHECKPOINT_DIGEST);
    if (!stored)
        return mcl_fail(MCL_ERROR_FORMAT, "%s: is not a checkpoint of a run", path);
    MCL_TRY(mcl_file_digest(digest, file, MCL_KEY_CHECKPOINT_DIGEST));
    if (strcmp(stored, digest) != 0)
        return damaged(path, "its digest is not that of what it holds");
    return MCL_OK;
}

static mcl_status read_into(mcl_model *model, mcl_position *position, const mcl_safetensors *file,
    const char *path, const mcl_conditions *conditions)
{
    mcl_model *stored;
    uint64_t count;
    MCL_TRY(check_digest(file, path));
    MCL_TRY(check_conditions(file, path, conditions));
    MCL_TRY(read_step(&position->step, file, path));
    for (size_t i = 0; i < position->state_count; i++) {
        const mcl_state *state = &position->states[i];
        MCL_TRY(copy_tensor(state->values, &count, file, path, state->name, state->count, true));
    }
    MCL_TRY(copy_tensor(position->metrics, &position->metric_count, file, path, METRICS_NAME,
        position->metric_count, false));
    MCL_TRY(mcl_model_read(&stored, file, path));
    const bool same = stored->parameter_count == model->parameter_count;
    if (same)
        memcpy(model->parameters, stored->parameters,
            model->parameter_count * sizeof *model->parameters);
    mcl_model_free(stored);
    return same ? MCL_OK : damaged(path, "its model is of another size");
}

/* Writes a path as a shell reads it, for a command that can be pasted. */
static void write_for_shell(char *text, size_t size, const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_./,:+=@%-";
    size_t used = (size_t)snprintf(text, size, "%s", *path == '-' ? "./" : "");
    if (!path[strspn(path, plain)]) {
        snprintf(text + used, size - used, "%s", path);
        return;
    }
    text[used++] = '\'';
    for (; *path && used + 6 < size; path++)
        used += (size_t)snprintf(text + used, size - used, *path == '\'' ? "'\\''" : "%c", *path);
    snprintf(text + used, size - used, "'");
}

/* Adds to the message what can be done about a damaged checkpoint. */
static mcl_status offer_previous(const char *path)
{
    char message[1024], previous[4096], from[4200], to[4200];
    snprintf(message, sizeof message, "%s", mcl_error_message());
    mcl_checkpoint_previous(previous, sizeof previous, path);
    if (access(previous, R_OK) != 0)
        return mcl_fail(MCL_ERROR_FORMAT, "%s; there is none before it", message);
    write_for_shell(from, sizeof from, previous);
    write_for_shell(to, sizeof to, path);
    return mcl_fail(
        MCL_ERROR_FORMAT, "%s; to go on from the one before it: mv %s %s", message, from, to);
}

mcl_status mcl_checkpoint_read(
    mcl_model *model, mcl_position *position, const char *path, const mcl_conditions *conditions)
{
    mcl_safetensors *file;
    mcl_status status = mcl_safetensors_open(&file, path);
    if (status == MCL_OK) {
        status = read_into(model, position, file, path, conditions);
        mcl_safetensors_close(file);
    }
    return status == MCL_ERROR_FORMAT ? offer_previous(path) : status;
}
