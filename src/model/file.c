/* SPDX-License-Identifier: Apache-2.0 */
/* The model file: a safetensors file whose metadata give the architecture. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "model/model.h"

/* Text from a file in a one-line message: as it is, or a dash when it would break the line. */
static const char *shown(const char *text)
{
    return strlen(text) > 200 || mcl_has_control_character(text) ? "—" : text;
}

/* Reads the digits at *text up to anything else; false when there are none, or a leading zero, or
 * more than fit. *text is advanced past them. */
static bool read_number(uint64_t *number, const char **text)
{
    const char *c = *text;
    uint64_t value = 0;
    if (*c < '1' || *c > '9')
        return false;
    for (; *c >= '0' && *c <= '9'; c++) {
        if (value > (UINT64_MAX - 9) / 10)
            return false;
        value = 10 * value + (uint64_t)(*c - '0');
    }
    *number = value;
    *text = c;
    return true;
}

static mcl_status read_key(
    const char **text, const mcl_safetensors *file, const char *key, const char *path)
{
    *text = mcl_safetensors_metadata_get(file, key);
    if (!*text)
        return mcl_fail(
            MCL_ERROR_FORMAT, "%s: is a damaged maskcl model: it lacks metadata '%s'", path, key);
    return MCL_OK;
}

static mcl_status bad_value(
    const char *key, const char *value, const char *expected, const char *path)
{
    return mcl_fail(
        MCL_ERROR_FORMAT, "%s: metadata '%s' is '%s', not %s", path, key, shown(value), expected);
}

static mcl_status read_size(
    uint64_t *size, const mcl_safetensors *file, const char *key, const char *path)
{
    const char *value;
    MCL_TRY(read_key(&value, file, key, path));
    const char *end = value;
    if (!read_number(size, &end) || *end || *size > UINT32_MAX)
        return bad_value(key, value, "a whole number from 1 to 4294967295", path);
    return MCL_OK;
}

/* Widths joined by commas, at most `most`. */
static mcl_status read_widths(uint32_t *widths, uint32_t *count, uint32_t most, const char *value,
    const char *key, const char *path)
{
    const char *c = value;
    while (*c) {
        uint64_t size;
        char expected[80];
        snprintf(expected, sizeof expected,
            "up to %" PRIu32 " whole numbers from 1 to 4294967295 joined by commas", most);
        if (*count == most || !read_number(&size, &c) || size > UINT32_MAX ||
            (*c && (*c != ',' || !c[1])))
            return bad_value(key, value, expected, path);
        widths[(*count)++] = (uint32_t)size;
        c += *c == ',';
    }
    return MCL_OK;
}

static mcl_status read_hidden(
    mcl_architecture *architecture, const mcl_safetensors *file, const char *path)
{
    const char *value;
    MCL_TRY(read_key(&value, file, MCL_KEY_HIDDEN, path));
    return read_widths(architecture->hidden, &architecture->hidden_count, MCL_HIDDEN_MAX, value,
        MCL_KEY_HIDDEN, path);
}

static mcl_status read_activation(
    mcl_architecture *architecture, const mcl_safetensors *file, const char *path)
{
    const char *value;
    MCL_TRY(read_key(&value, file, MCL_KEY_ACTIVATION, path));
    if (mcl_activation_parse(&architecture->activation, shown(value)) != MCL_OK)
        return mcl_fail(MCL_ERROR_FORMAT, "%s: %s", path, mcl_error_message());
    return MCL_OK;
}

/* Metadata of what the reference model lacks; its file has none of them. */
static mcl_status read_extras(
    mcl_architecture *architecture, const mcl_safetensors *file, const char *path)
{
    const char *normalization = mcl_safetensors_metadata_get(file, MCL_KEY_NORMALIZATION);
    const char *activated = mcl_safetensors_metadata_get(file, MCL_KEY_ACTIVATED);
    const char *projector = mcl_safetensors_metadata_get(file, MCL_KEY_PROJECTOR);
    const char *mask_head = mcl_safetensors_metadata_get(file, MCL_KEY_MASK_HEAD);
    const char *predictor = mcl_safetensors_metadata_get(file, MCL_KEY_PREDICTOR);
    if (normalization &&
        mcl_normalization_parse(&architecture->normalization, shown(normalization)) != MCL_OK)
        return mcl_fail(MCL_ERROR_FORMAT, "%s: %s", path, mcl_error_message());
    if (activated && strcmp(activated, "yes") != 0)
        return bad_value(MCL_KEY_ACTIVATED, activated, "'yes'", path);
    architecture->activated_embedding = activated != NULL;
    if (mask_head && strcmp(mask_head, "yes") != 0)
        return bad_value(MCL_KEY_MASK_HEAD, mask_head, "'yes'", path);
    architecture->mask_head = mask_head != NULL;
    if (projector)
        MCL_TRY(read_widths(architecture->projector, &architecture->projector_count, MCL_HEAD_MAX,
            projector, MCL_KEY_PROJECTOR, path));
    if (predictor)
        MCL_TRY(read_widths(architecture->predictor, &architecture->predictor_count, MCL_HEAD_MAX,
            predictor, MCL_KEY_PREDICTOR, path));
    const char *decoder = mcl_safetensors_metadata_get(file, MCL_KEY_DECODER);
    architecture->own_decoder = decoder != NULL;
    if (decoder)
        MCL_TRY(read_widths(architecture->decoder, &architecture->decoder_count, MCL_HIDDEN_MAX,
            decoder, MCL_KEY_DECODER, path));
    if (mcl_safetensors_metadata_get(file, MCL_KEY_CLASSES)) {
        uint64_t classes = 0;
        MCL_TRY(read_size(&classes, file, MCL_KEY_CLASSES, path));
        architecture->classes = (uint32_t)classes;
    }
    return MCL_OK;
}

/* The map that rows are, where they are one. */
static mcl_status read_map(
    mcl_architecture *architecture, const mcl_safetensors *file, const char *path)
{
    static const char *const keys[] = {MCL_KEY_HEIGHT, MCL_KEY_WIDTH, MCL_KEY_CHANNELS};
    uint32_t *const sizes[] = {
        &architecture->height, &architecture->width, &architecture->channels};
    for (size_t i = 0; i < 3 && mcl_safetensors_metadata_get(file, MCL_KEY_HEIGHT); i++) {
        uint64_t size = 0;
        MCL_TRY(read_size(&size, file, keys[i], path));
        *sizes[i] = (uint32_t)size;
    }
    return MCL_OK;
}

/* An encoder in words, which a file of format 2 has. */
static mcl_status read_encoder(
    mcl_architecture *architecture, const mcl_safetensors *file, const char *path)
{
    const char *text;
    mcl_words words;
    MCL_TRY(read_key(&text, file, MCL_KEY_ENCODER, path));
    if (mcl_words_parse(&words, shown(text)) != MCL_OK || words.count == 0)
        return bad_value(MCL_KEY_ENCODER, text, "layers of an encoder in words", path);
    MCL_TRY(mcl_words_show(architecture->encoder, &words));
    return read_map(architecture, file, path);
}

static mcl_status check_format(uint64_t *number, const mcl_safetensors *file, const char *path)
{
    const char *format = mcl_safetensors_metadata_get(file, MCL_KEY_FORMAT);
    if (!format)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: is a safetensors file, but not a maskcl model: it has no metadata '" MCL_KEY_FORMAT
            "'",
            path);
    const char *end = format;
    if (!read_number(number, &end) || *end)
        return bad_value(MCL_KEY_FORMAT, format, "a whole number from 1", path);
    if (*number > MCL_MODEL_FORMAT)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: made by a newer version of maskcl: model format %" PRIu64
            ", and this one reads up to %d; update maskcl",
            path, *number, MCL_MODEL_FORMAT);
    return MCL_OK;
}

static mcl_status read_architecture(
    mcl_architecture *architecture, uint64_t format, const mcl_safetensors *file, const char *path)
{
    uint64_t embedding = 0;
    *architecture = (mcl_architecture){0};
    if (format > 1)
        MCL_TRY(read_encoder(architecture, file, path));
    MCL_TRY(read_size(&architecture->input, file, MCL_KEY_INPUT, path));
    MCL_TRY(read_hidden(architecture, file, path));
    MCL_TRY(read_size(&embedding, file, MCL_KEY_EMBEDDING, path));
    architecture->embedding = (uint32_t)embedding;
    MCL_TRY(read_activation(architecture, file, path));
    MCL_TRY(read_extras(architecture, file, path));
    if (mcl_architecture_check(architecture) != MCL_OK)
        return mcl_fail(MCL_ERROR_FORMAT, "%s: %s", path, mcl_error_message());
    return MCL_OK;
}

/* Writes a shape as "[128, 784]". */
static const char *format_shape(char text[256], const uint64_t *shape, uint32_t dimensions)
{
    size_t used = (size_t)snprintf(text, 256, "[");
    for (uint32_t d = 0; d < dimensions; d++)
        used += (size_t)snprintf(text + used, 256 - used, "%s%" PRIu64, d ? ", " : "", shape[d]);
    snprintf(text + used, 256 - used, "]");
    return text;
}

static mcl_status check_tensor(
    const mcl_safetensors *file, const mcl_tensor_place *place, const char *path)
{
    const mcl_stored_tensor *stored = mcl_safetensors_find(file, place->name);
    if (!stored)
        return mcl_fail(MCL_ERROR_FORMAT, "%s: lacks tensor '%s'", path, place->name);
    if (stored->dtype != MCL_DTYPE_F32)
        return mcl_fail(MCL_ERROR_FORMAT, "%s: tensor '%s' is of dtype %s, not F32", path,
            place->name, mcl_dtype_name(stored->dtype));
    bool same = stored->dimensions == place->tensor.dimensions;
    for (uint32_t d = 0; same && d < place->tensor.dimensions; d++)
        same = stored->shape[d] == place->tensor.shape[d];
    char is[256], expected[256];
    if (!same)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: tensor '%s' has the shape %s; its architecture needs %s", path, place->name,
            format_shape(is, stored->shape, stored->dimensions),
            format_shape(expected, place->tensor.shape, place->tensor.dimensions));
    return MCL_OK;
}

static bool has_place(const mcl_tensor_place *places, size_t count, const mcl_stored_tensor *stored)
{
    if (strncmp(stored->name, MCL_CHECKPOINT_PREFIX, strlen(MCL_CHECKPOINT_PREFIX)) == 0)
        return true;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(places[i].name, stored->name) == 0)
            return true;
    }
    return false;
}

/* The file has the architecture's tensors and no others but a checkpoint's. */
static mcl_status check_tensors(
    const mcl_safetensors *file, const mcl_architecture *architecture, const char *path)
{
    mcl_tensor_place places[MCL_TENSORS_MAX];
    const size_t count = mcl_architecture_tensors(places, architecture);
    for (size_t i = 0; i < count; i++)
        MCL_TRY(check_tensor(file, &places[i], path));
    for (size_t i = 0; i < mcl_safetensors_count(file); i++) {
        const mcl_stored_tensor *stored = mcl_safetensors_tensor(file, i);
        if (!has_place(places, count, stored))
            return mcl_fail(MCL_ERROR_FORMAT,
                "%s: tensor '%s' has no place in the architecture that the metadata give", path,
                shown(stored->name));
    }
    return MCL_OK;
}

static mcl_status fill(mcl_model *model, const mcl_safetensors *file, const char *path)
{
    for (size_t i = 0; i < model->tensor_count; i++) {
        const mcl_tensor_place *place = &model->places[i];
        memcpy(model->parameters + place->offset, mcl_safetensors_find(file, place->name)->values,
            place->count * sizeof(float));
    }
    if (mcl_model_check_finite(model) != MCL_OK)
        return mcl_fail(MCL_ERROR_FORMAT, "%s: %s", path, mcl_error_message());
    for (size_t i = 0; i < mcl_safetensors_metadata_count(file); i++) {
        const mcl_text_pair *pair = mcl_safetensors_metadata_at(file, i);
        if (!mcl_model_key_is_own(pair->key))
            MCL_TRY(mcl_model_metadata_add(model, pair->key, pair->value));
    }
    return MCL_OK;
}

static mcl_status damaged(const char *path, const char *key)
{
    return mcl_fail(MCL_ERROR_FORMAT,
        "%s: is damaged: metadata '%s' is not the digest of what it holds: take another copy (a "
        "program that changed the file on purpose leaves out '" MCL_KEY_DIGEST
        "' and '" MCL_KEY_FILE_DIGEST "')",
        path, key);
}

/* Models of version 0.1, and those of other programs, have no digest. */
static mcl_status check_digest(const mcl_safetensors *file, const char *path)
{
    char digest[MCL_DIGEST_SIZE];
    const bool checkpoint = mcl_safetensors_metadata_get(file, MCL_KEY_CHECKPOINT_STEP) ||
                            mcl_safetensors_metadata_get(file, MCL_KEY_CHECKPOINT_DIGEST);
    const char *key = checkpoint ? MCL_KEY_CHECKPOINT_DIGEST : MCL_KEY_FILE_DIGEST;
    const char *stored = mcl_safetensors_metadata_get(file, key);
    const bool of_parameters = mcl_safetensors_metadata_get(file, MCL_KEY_DIGEST) != NULL;
    if (!stored && !checkpoint && !of_parameters)
        return MCL_OK;
    MCL_TRY(mcl_file_digest(digest, file, key));
    return stored && strcmp(stored, digest) == 0 ? MCL_OK : damaged(path, key);
}

/* Nothing is allocated for a model before the file is known to hold all of it. */
mcl_status mcl_model_read(mcl_model **model, const mcl_safetensors *file, const char *path)
{
    mcl_architecture architecture;
    const char *version;
    uint64_t format;
    MCL_TRY(check_format(&format, file, path));
    MCL_TRY(read_key(&version, file, MCL_KEY_VERSION, path));
    MCL_TRY(read_architecture(&architecture, format, file, path));
    MCL_TRY(check_tensors(file, &architecture, path));
    MCL_TRY(check_digest(file, path));
    mcl_model *made;
    MCL_TRY(mcl_model_allocate(&made, &architecture, version));
    mcl_status status = fill(made, file, path);
    if (status == MCL_OK)
        *model = made;
    else
        mcl_model_free(made);
    return status;
}

mcl_status mcl_model_load(mcl_model **model, const char *path)
{
    MCL_NEED(model);
    MCL_NEED(path);
    mcl_safetensors *file;
    MCL_TRY(mcl_safetensors_open(&file, path));
    mcl_status status = mcl_model_read(model, file, path);
    mcl_safetensors_close(file);
    return status;
}

#define DIGESTS 2 /* pairs that end the metadata of a file */

/* The model's tensors and metadata, with room for more. */
static mcl_status create_content(
    mcl_content *content, const mcl_model *model, size_t tensor_count, size_t metadata_count)
{
    MCL_TRY(mcl_allocate(
        &content->tensors, model->tensor_count + tensor_count, sizeof *content->tensors));
    MCL_TRY(mcl_allocate(
        &content->pairs, model->metadata_count + metadata_count + DIGESTS, sizeof *content->pairs));
    for (size_t i = 0; i < model->tensor_count; i++) {
        const mcl_tensor_place *place = &model->places[i];
        mcl_stored_tensor *tensor = &content->tensors[content->tensor_count++];
        *tensor = (mcl_stored_tensor){
            .name = place->name,
            .dtype = MCL_DTYPE_F32,
            .dimensions = place->tensor.dimensions,
            .values = model->parameters + place->offset,
        };
        memcpy(tensor->shape, place->tensor.shape, sizeof place->tensor.shape);
    }
    memcpy(content->pairs, model->metadata, model->metadata_count * sizeof *content->pairs);
    content->pair_count = model->metadata_count;
    return MCL_OK;
}

static void free_content(mcl_content *content)
{
    free(content->tensors);
    free(content->pairs);
}

/* Adds the digest of all that is there so far. */
static mcl_status add_digest(mcl_content *content, char digest[MCL_DIGEST_SIZE], const char *key)
{
    MCL_TRY(mcl_content_digest(digest, content, key));
    content->pairs[content->pair_count++] = (mcl_text_pair){key, digest};
    return MCL_OK;
}

static mcl_status check_values(const mcl_model *model, const char *path)
{
    if (mcl_model_check_finite(model) != MCL_OK)
        return mcl_fail(MCL_ERROR_DATA, "%s: not written: %s", path, mcl_error_message());
    return MCL_OK;
}

static mcl_status write_content(const mcl_content *content, const char *path, mcl_output_kind kind)
{
    return mcl_safetensors_write(
        path, kind, content->tensors, content->tensor_count, content->pairs, content->pair_count);
}

mcl_status mcl_model_save_checkpoint(const mcl_model *model, const char *path,
    const mcl_stored_tensor *tensors, size_t tensor_count, const mcl_text_pair *metadata,
    size_t metadata_count)
{
    mcl_content content = {NULL};
    char digest[MCL_DIGEST_SIZE];
    MCL_TRY(check_values(model, path));
    mcl_status status = create_content(&content, model, tensor_count, metadata_count);
    if (status == MCL_OK) {
        for (size_t i = 0; i < tensor_count; i++)
            content.tensors[content.tensor_count++] = tensors[i];
        for (size_t i = 0; i < metadata_count; i++)
            content.pairs[content.pair_count++] = metadata[i];
        status = add_digest(&content, digest, MCL_KEY_CHECKPOINT_DIGEST);
    }
    if (status == MCL_OK)
        status = write_content(&content, path, MCL_OUTPUT_CHECKPOINT);
    free_content(&content);
    return status;
}

mcl_status mcl_model_save(const mcl_model *model, const char *path)
{
    MCL_NEED(model);
    MCL_NEED(path);
    mcl_content content = {NULL};
    char digest[MCL_DIGEST_SIZE], file_digest[MCL_DIGEST_SIZE];
    MCL_TRY(check_values(model, path));
    mcl_status status = create_content(&content, model, 0, 0);
    if (status == MCL_OK) {
        mcl_model_digest(digest, model);
        content.pairs[content.pair_count++] = (mcl_text_pair){MCL_KEY_DIGEST, digest};
        status = add_digest(&content, file_digest, MCL_KEY_FILE_DIGEST);
    }
    if (status == MCL_OK)
        status = write_content(&content, path, MCL_OUTPUT_RESULT);
    free_content(&content);
    return status;
}

/* Saves a model in a folder under a name that is not taken; *name is freed by the caller. */
static mcl_status save_in(char **name, const mcl_model *model, const char *folder, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    const size_t size = strlen(folder) + strlen(base) + 2;
    char *wanted;
    MCL_TRY(mcl_allocate(&wanted, size, 1));
    snprintf(wanted, size, "%s/%s", folder, base);
    mcl_status status = mcl_output_spare_name(name, wanted);
    free(wanted);
    if (status != MCL_OK)
        return status;
    status = mcl_model_save(model, *name);
    if (status != MCL_OK)
        free(*name);
    return status;
}

mcl_status mcl_model_save_anywhere(const mcl_model *model, const char *path)
{
    MCL_NEED(model);
    MCL_NEED(path);
    const char *const folders[] = {getenv("TMPDIR"), "/tmp", "/var/tmp", getenv("HOME")};
    char reason[4096], *name;
    const mcl_status status = mcl_model_save(model, path);
    if (status != MCL_ERROR_FILE || mcl_output_kept())
        return status;
    snprintf(reason, sizeof reason, "%s", mcl_error_message());
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (!folders[i] || folders[i][0] != '/' ||
            save_in(&name, model, folders[i], path) != MCL_OK)
            continue;
        mcl_error_record("%s; the model is in %s: move it from there", reason, name);
        free(name);
        return status;
    }
    return mcl_fail(status, "%s", reason);
}
