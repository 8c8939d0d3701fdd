/* SPDX-License-Identifier: Apache-2.0 */
/* A tensor of a safetensors file (huggingface/safetensors) as data, which FILE:NAME names: 8 bytes,
 * the header's length; the header, a JSON object; the tensors' values. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "data/array.h"
#include "data/data.h"
#include "data/notes.h"
#include "data/opening.h"
#include "data/standardize.h"

#define LENGTH_BYTES 8
#define HEADER_MOST (8 << 20) /* bytes; parsed, JSON takes up to 40 times as much */
#define METADATA "__metadata__"
#define BRAIN "BF16" /* the upper halves of float32 numbers */

static const struct {
    const char *name;
    mcl_number type;
} dtypes[] = {{"BOOL", MCL_NUMBER_BOOL}, {"U8", MCL_NUMBER_UINT8}, {"I8", MCL_NUMBER_INT8},
    {"U16", MCL_NUMBER_UINT16}, {"I16", MCL_NUMBER_INT16}, {"U32", MCL_NUMBER_UINT32},
    {"I32", MCL_NUMBER_INT32}, {"U64", MCL_NUMBER_UINT64}, {"I64", MCL_NUMBER_INT64},
    {"F16", MCL_NUMBER_FLOAT16}, {"F32", MCL_NUMBER_FLOAT32}, {"F64", MCL_NUMBER_FLOAT64},
    {BRAIN, MCL_NUMBER_FLOAT32}};

struct tensor {
    mcl_source *source;
    uint64_t offset; /* of its values after the header */
    uint64_t left;   /* bytes of them */
    bool brain;
    mcl_array array;
};

static uint64_t length_of(const unsigned char *bytes)
{
    uint64_t length = 0;
    for (int i = LENGTH_BYTES; i-- > 0;)
        length = length << 8 | bytes[i];
    return length;
}

static bool recognize(const mcl_opening *opening)
{
    return opening->byte_count > LENGTH_BYTES && opening->bytes[LENGTH_BYTES] == '{' &&
           length_of(opening->bytes) <= HEADER_MOST;
}

static bool whole_number(uint64_t *number, const cJSON *item)
{
    const double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (!(value >= 0 && value <= 0x1p53) || (double)(uint64_t)value != value)
        return false;
    *number = (uint64_t)value;
    return true;
}

static mcl_status parse_dtype(struct tensor *tensor, const cJSON *item, const char *name)
{
    char quote[MCL_QUOTE_SIZE];
    for (size_t i = 0; cJSON_IsString(item) && i < sizeof dtypes / sizeof *dtypes; i++) {
        if (strcmp(item->valuestring, dtypes[i].name) == 0) {
            tensor->array.type = dtypes[i].type;
            tensor->brain = strcmp(item->valuestring, BRAIN) == 0;
            return MCL_OK;
        }
    }
    return mcl_fail(MCL_ERROR_FORMAT, "%s: its dtype '%s' is not read; save it as F32", name,
        mcl_quote(quote, cJSON_IsString(item) ? item->valuestring : "?"));
}

static mcl_status parse_shape(struct tensor *tensor, const cJSON *item, const char *name)
{
    mcl_array *array = &tensor->array;
    const cJSON *size;
    bool good = cJSON_IsArray(item) && cJSON_GetArraySize(item) > 0;
    cJSON_ArrayForEach(size, item)
    {
        good = good && array->dimensions < MCL_ARRAY_DIMENSIONS_MAX &&
               whole_number(&array->shape[array->dimensions], size);
        if (good)
            array->dimensions++;
    }
    return good ? mcl_array_count(array, name)
                : mcl_fail(MCL_ERROR_FORMAT, "%s: its shape is that of no rows", name);
}

static mcl_status parse_offsets(struct tensor *tensor, const cJSON *item, const char *name)
{
    uint64_t end = 0;
    const bool good = cJSON_IsArray(item) && cJSON_GetArraySize(item) == 2 &&
                      whole_number(&tensor->offset, item->child) &&
                      whole_number(&end, item->child->next) && tensor->offset <= end;
    const uint64_t size = tensor->brain ? 2 : mcl_number_size(tensor->array.type);
    tensor->left = end - tensor->offset;
    if (!good || tensor->left != tensor->array.rows * tensor->array.columns * size)
        return mcl_fail(MCL_ERROR_FORMAT, "%s: its data_offsets do not fit its shape", name);
    return MCL_OK;
}

/* Finds the member among the tensors, or the only one. */
static mcl_status find_tensor(const cJSON **found, const cJSON *header, const mcl_opening *opening)
{
    mcl_list names = {.used = 0};
    const cJSON *item;
    *found = NULL;
    cJSON_ArrayForEach(item, header)
    {
        if (strcmp(item->string, METADATA) == 0)
            continue;
        mcl_list_add(&names, item->string);
        if (!opening->member || strcmp(item->string, opening->member) == 0)
            *found = item;
    }
    if (!*found)
        return mcl_fail(MCL_ERROR_DATA, "%s: has no tensor '%s'; it has %s", opening->file,
            opening->member ? opening->member : "", names.count ? mcl_list_text(&names) : "none");
    if (!opening->member && names.count > 1)
        return mcl_fail(MCL_ERROR_DATA,
            "%s: has more than one tensor; name one as %s:NAME: it has %s", opening->file,
            opening->file, mcl_list_text(&names));
    return MCL_OK;
}

static mcl_status parse(
    struct tensor *tensor, const char *json, size_t length, const mcl_opening *opening)
{
    const cJSON *found;
    const char *name = opening->file;
    if (!mcl_is_utf8(json, length) || mcl_json_has_zero(json, length))
        return mcl_fail(MCL_ERROR_FORMAT, "%s: the header is not UTF-8 text", name);
    cJSON *header = cJSON_ParseWithLength(json, length);
    if (!cJSON_IsObject(header)) {
        cJSON_Delete(header);
        return mcl_fail(
            MCL_ERROR_FORMAT, "%s: the header is not JSON, or too large for the memory", name);
    }
    mcl_status status = find_tensor(&found, header, opening);
    if (status == MCL_OK)
        status = parse_dtype(tensor, cJSON_GetObjectItemCaseSensitive(found, "dtype"), name);
    if (status == MCL_OK)
        status = parse_shape(tensor, cJSON_GetObjectItemCaseSensitive(found, "shape"), name);
    if (status == MCL_OK)
        status =
            parse_offsets(tensor, cJSON_GetObjectItemCaseSensitive(found, "data_offsets"), name);
    cJSON_Delete(header);
    return status;
}

static mcl_status read_header(struct tensor *tensor, const mcl_opening *opening)
{
    unsigned char bytes[LENGTH_BYTES];
    char *json; /* with a zero byte after it: some releases of cJSON read one byte too far */
    MCL_TRY(mcl_source_read_whole(opening->source, bytes, sizeof bytes, "a header's length"));
    const size_t length = (size_t)length_of(bytes);
    MCL_TRY(mcl_allocate(&json, length + 1, 1));
    mcl_status status = mcl_source_read_whole(opening->source, json, length, "a header");
    if (status == MCL_OK)
        status = parse(tensor, json, length, opening);
    free(json);
    return status;
}

static mcl_status skip(mcl_source *source, uint64_t count)
{
    unsigned char bytes[4096];
    while (count > 0) {
        const size_t part = count < sizeof bytes ? (size_t)count : sizeof bytes;
        MCL_TRY(mcl_source_read_whole(source, bytes, part, "other tensors"));
        count -= part;
    }
    return MCL_OK;
}

/* Each half becomes the upper half of a float, from the last to the first. */
static void widen(unsigned char *bytes, size_t halves)
{
    for (size_t i = halves; i-- > 0;) {
        const unsigned char low = bytes[2 * i], high = bytes[2 * i + 1];
        bytes[4 * i] = bytes[4 * i + 1] = 0;
        bytes[4 * i + 2] = low;
        bytes[4 * i + 3] = high;
    }
}

/* Reads the tensor's values and no more: an mcl_byte_reader's. */
static mcl_status read_values(size_t *got, void *state, void *bytes, size_t count, const char *name)
{
    struct tensor *tensor = state;
    (void)name;
    size_t wanted = tensor->brain ? count / 4 * 2 : count;
    if (wanted > tensor->left)
        wanted = (size_t)tensor->left;
    MCL_TRY(mcl_source_read_whole(tensor->source, bytes, wanted, "a tensor"));
    tensor->left -= wanted;
    if (tensor->brain)
        widen(bytes, wanted / 2);
    *got = tensor->brain ? 2 * wanted : wanted;
    return MCL_OK;
}

static void close_values(void *state)
{
    (void)state;
}

static mcl_status open_tensor(mcl_data **data, const mcl_opening *opening)
{
    struct tensor *tensor;
    mcl_source *values;
    mcl_data *read = NULL;
    if (opening->count > 1)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s: is a safetensors file, and the tensors of several are not joined", opening->file);
    MCL_TRY(mcl_allocate(&tensor, 1, sizeof *tensor));
    tensor->source = opening->source;
    mcl_status status = read_header(tensor, opening);
    if (status == MCL_OK)
        status = skip(opening->source, tensor->offset);
    if (status == MCL_OK)
        status = mcl_source_from_plain(
            &values, &(mcl_byte_reader){read_values, close_values, tensor}, opening->file);
    if (status == MCL_OK) {
        status = mcl_data_read_array(&read, &tensor->array, values, opening->options->host_memory);
        mcl_source_close(values);
    }
    free(tensor);
    if (status == MCL_OK)
        status = mcl_data_standardize(&read, opening->options);
    if (status == MCL_OK)
        *data = read;
    else
        mcl_data_free(read);
    return status;
}

const mcl_holder mcl_holder_tensor = {
    .name = "safetensors", .recognize = recognize, .open = open_tensor};
