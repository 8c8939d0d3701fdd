/* SPDX-License-Identifier: Apache-2.0 */
#include "model/safetensors.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/names.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "tensors are little-endian and are read and written as they are in memory");

#define LENGTH_BYTES 8 /* before the header */
#define ALIGNMENT 16   /* of every tensor in memory */
#define METADATA "__metadata__"

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [MCL_DTYPE_F32] = {"F32", 4},
    [MCL_DTYPE_F64] = {"F64", 8},
    [MCL_DTYPE_I32] = {"I32", 4},
    [MCL_DTYPE_I64] = {"I64", 8},
    [MCL_DTYPE_U8] = {"U8", 1},
};

#define DTYPES (sizeof dtypes / sizeof *dtypes)

/* A tensor with its place in the data: [begin, end). */
struct entry {
    mcl_stored_tensor tensor;
    uint64_t begin, end;
    size_t place; /* in the header */
};

struct mcl_safetensors {
    cJSON *header; /* owns the strings */
    struct entry *entries;
    size_t count;
    mcl_text_pair *metadata;
    size_t metadata_count;
    unsigned char *values;
};

const char *mcl_dtype_name(mcl_dtype dtype)
{
    return dtypes[dtype].name;
}

size_t mcl_dtype_size(mcl_dtype dtype)
{
    return dtypes[dtype].size;
}

bool mcl_stored_tensor_count(uint64_t *count, const mcl_stored_tensor *tensor)
{
    uint64_t product = 1, bytes;
    bool fits = true, empty = false;
    for (uint32_t d = 0; d < tensor->dimensions; d++) {
        empty |= tensor->shape[d] == 0;
        fits = fits && mcl_multiply(&product, product, tensor->shape[d]);
    }
    if (empty) /* whatever the other sizes are */
        product = 0;
    else if (!fits || !mcl_multiply(&bytes, product, mcl_dtype_size(tensor->dtype)))
        return false;
    *count = product;
    return true;
}

/* *number = item as a whole number from 0 to 2^53, up to which doubles have them all. */
static bool whole_number(uint64_t *number, const cJSON *item)
{
    const double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (!(value >= 0 && value <= 0x1p53) || (double)(uint64_t)value != value)
        return false;
    *number = (uint64_t)value;
    return true;
}

/* *item = the one member of an object with this key. */
static mcl_status member(
    const cJSON **item, const cJSON *object, const char *key, const char *path, const char *name)
{
    const cJSON *found = NULL, *child;
    cJSON_ArrayForEach(child, object)
    {
        if (strcmp(child->string, key) != 0)
            continue;
        if (found)
            return mcl_fail(
                MCL_ERROR_FORMAT, "%s: tensor '%s' has more than one '%s'", path, name, key);
        found = child;
    }
    if (!found)
        return mcl_fail(MCL_ERROR_FORMAT, "%s: tensor '%s' has no '%s'", path, name, key);
    *item = found;
    return MCL_OK;
}

static mcl_status parse_dtype(mcl_stored_tensor *tensor, const cJSON *item, const char *path)
{
    const char *names[DTYPES];
    for (size_t i = 0; i < DTYPES; i++)
        names[i] = dtypes[i].name;
    size_t index;
    if (!cJSON_IsString(item) || mcl_has_control_character(item->valuestring))
        return mcl_fail(
            MCL_ERROR_FORMAT, "%s: tensor '%s': its dtype is not a name", path, tensor->name);
    if (mcl_name_parse(&index, item->valuestring, names, DTYPES, "dtype") != MCL_OK)
        return mcl_fail(
            MCL_ERROR_FORMAT, "%s: tensor '%s': %s", path, tensor->name, mcl_error_message());
    tensor->dtype = (mcl_dtype)index;
    return MCL_OK;
}

static mcl_status parse_shape(mcl_stored_tensor *tensor, const cJSON *item, const char *path)
{
    if (!cJSON_IsArray(item))
        return mcl_fail(
            MCL_ERROR_FORMAT, "%s: tensor '%s': its shape is not a list", path, tensor->name);
    const cJSON *size;
    cJSON_ArrayForEach(size, item)
    {
        if (tensor->dimensions == MCL_DIMENSIONS_MAX)
            return mcl_fail(MCL_ERROR_FORMAT, "%s: tensor '%s' has more than %d dimensions", path,
                tensor->name, MCL_DIMENSIONS_MAX);
        if (!whole_number(&tensor->shape[tensor->dimensions++], size))
            return mcl_fail(MCL_ERROR_FORMAT,
                "%s: tensor '%s': size %" PRIu32 " of its shape is not a whole number", path,
                tensor->name, tensor->dimensions);
    }
    return MCL_OK;
}

/* The offsets must hold as many bytes as the shape needs; data is what the file has. */
static mcl_status parse_offsets(
    struct entry *entry, const cJSON *item, const char *path, uint64_t data)
{
    const mcl_stored_tensor *tensor = &entry->tensor;
    if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 2 ||
        !whole_number(&entry->begin, item->child) || !whole_number(&entry->end, item->child->next))
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: tensor '%s': its data_offsets are not two whole numbers", path, tensor->name);
    if (entry->begin > entry->end || entry->end > data)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: tensor '%s' lies at bytes %" PRIu64 " to %" PRIu64
            " of the data, which has %" PRIu64 "; the file is damaged or cut off",
            path, tensor->name, entry->begin, entry->end, data);
    uint64_t count;
    if (!mcl_stored_tensor_count(&count, tensor))
        return mcl_fail(
            MCL_ERROR_FORMAT, "%s: tensor '%s': its shape is too large", path, tensor->name);
    const uint64_t needed = count * mcl_dtype_size(tensor->dtype);
    if (entry->end - entry->begin != needed)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: tensor '%s' has %" PRIu64 " bytes; its shape and dtype need %" PRIu64, path,
            tensor->name, entry->end - entry->begin, needed);
    return MCL_OK;
}

static mcl_status parse_tensor(
    struct entry *entry, const cJSON *item, const char *path, uint64_t data)
{
    mcl_stored_tensor *tensor = &entry->tensor;
    if (mcl_has_control_character(item->string))
        return mcl_fail(
            MCL_ERROR_FORMAT, "%s: a tensor's name has a control character in it", path);
    tensor->name = item->string;
    if (!cJSON_IsObject(item))
        return mcl_fail(
            MCL_ERROR_FORMAT, "%s: tensor '%s' is not described by an object", path, tensor->name);
    const cJSON *dtype = NULL, *shape = NULL, *offsets = NULL;
    MCL_TRY(member(&dtype, item, "dtype", path, tensor->name));
    MCL_TRY(member(&shape, item, "shape", path, tensor->name));
    MCL_TRY(member(&offsets, item, "data_offsets", path, tensor->name));
    MCL_TRY(parse_dtype(tensor, dtype, path));
    MCL_TRY(parse_shape(tensor, shape, path));
    return parse_offsets(entry, offsets, path, data);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Fails if two children of an object have the same name. */
static mcl_status check_distinct(const cJSON *object, const char *path, const char *what)
{
    const char **names;
    size_t count = 0;
    const cJSON *child;
    MCL_TRY(mcl_allocate(&names, (uint64_t)cJSON_GetArraySize(object), sizeof *names));
    cJSON_ArrayForEach(child, object)
    {
        names[count++] = child->string;
    }
    qsort(names, count, sizeof *names, by_text);
    mcl_status status = MCL_OK;
    for (size_t i = 1; i < count && status == MCL_OK; i++) {
        if (strcmp(names[i - 1], names[i]) == 0)
            status = mcl_fail(MCL_ERROR_FORMAT, "%s: the header has two %s '%s'", path, what,
                mcl_has_control_character(names[i]) ? "…" : names[i]);
    }
    free(names);
    return status;
}

static mcl_status parse_metadata(mcl_safetensors *file, const cJSON *object, const char *path)
{
    if (!cJSON_IsObject(object))
        return mcl_fail(MCL_ERROR_FORMAT, "%s: " METADATA " is not an object", path);
    MCL_TRY(check_distinct(object, path, "metadata keys"));
    MCL_TRY(mcl_allocate(
        &file->metadata, (uint64_t)cJSON_GetArraySize(object), sizeof *file->metadata));
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        if (mcl_has_control_character(item->string))
            return mcl_fail(
                MCL_ERROR_FORMAT, "%s: a metadata key has a control character in it", path);
        if (!cJSON_IsString(item))
            return mcl_fail(
                MCL_ERROR_FORMAT, "%s: metadata '%s' is not a string", path, item->string);
        file->metadata[file->metadata_count++] = (mcl_text_pair){item->string, item->valuestring};
    }
    return MCL_OK;
}

static int by_begin(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) /* an empty tensor comes before the one at the same place */
        return x->end < y->end ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

/* Sorts the tensors by place and checks that they cover the data. */
static mcl_status check_cover(mcl_safetensors *file, const char *path, uint64_t data)
{
    qsort(file->entries, file->count, sizeof *file->entries, by_begin);
    uint64_t end = 0;
    for (size_t i = 0; i < file->count; i++) {
        const struct entry *entry = &file->entries[i];
        if (entry->begin != end)
            return mcl_fail(MCL_ERROR_FORMAT,
                "%s: tensor '%s' begins at byte %" PRIu64
                " of the data; the one before it ends at %" PRIu64,
                path, entry->tensor.name, entry->begin, end);
        end = entry->end;
    }
    if (end != data)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: the tensors end at byte %" PRIu64 " of the data, which has %" PRIu64, path, end,
            data);
    return MCL_OK;
}

/* Converts the header's JSON to entries and metadata. */
static mcl_status parse_header(mcl_safetensors *file, const char *path, uint64_t data)
{
    MCL_TRY(check_distinct(file->header, path, "tensors"));
    MCL_TRY(mcl_allocate(
        &file->entries, (uint64_t)cJSON_GetArraySize(file->header), sizeof *file->entries));
    const cJSON *item;
    cJSON_ArrayForEach(item, file->header)
    {
        if (strcmp(item->string, METADATA) == 0) {
            MCL_TRY(parse_metadata(file, item, path));
            continue;
        }
        struct entry *entry = &file->entries[file->count];
        entry->place = file->count++;
        MCL_TRY(parse_tensor(entry, item, path, data));
    }
    return check_cover(file, path, data);
}

static mcl_status read_bytes(void *bytes, uint64_t count, FILE *stream, const char *path)
{
    errno = 0;
    if (count == 0 || fread(bytes, 1, (size_t)count, stream) == count)
        return MCL_OK;
    if (ferror(stream))
        return mcl_fail(MCL_ERROR_FILE, "%s: cannot read: %s", path, strerror(errno));
    return mcl_fail(MCL_ERROR_FILE, "%s: ends early: it became shorter while it was read", path);
}

/* Parses length bytes of JSON that only white space follows. */
static mcl_status parse_json(cJSON **header, const char *json, size_t length, const char *path)
{
    if (!mcl_is_utf8(json, length) || mcl_json_has_zero(json, length))
        return mcl_fail(MCL_ERROR_FORMAT, "%s: the header is not UTF-8 text", path);
    if (json[0] != '{')
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: is not a safetensors file: its header does not begin with '{'", path);
    const char *end = json;
    cJSON *root = cJSON_ParseWithLengthOpts(json, length, &end, false);
    if (!root)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: the header is not JSON, or too large for the memory: byte %zu", path,
            LENGTH_BYTES + (size_t)(end - json));
    while (end < json + length && strchr(" \t\r\n", *end))
        end++;
    if (end != json + length) {
        cJSON_Delete(root);
        return mcl_fail(MCL_ERROR_FORMAT, "%s: the header goes on after its object, at byte %zu",
            path, LENGTH_BYTES + (size_t)(end - json));
    }
    *header = root;
    return MCL_OK;
}

/* *data = how many bytes follow the header. */
static mcl_status read_header(
    mcl_safetensors *file, uint64_t *data, FILE *stream, uint64_t size, const char *path)
{
    unsigned char bytes[LENGTH_BYTES];
    uint64_t length = 0;
    if (size < LENGTH_BYTES + 2)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: is not a safetensors file: it has %" PRIu64 " bytes, too few for a header", path,
            size);
    MCL_TRY(read_bytes(bytes, sizeof bytes, stream, path));
    for (int i = LENGTH_BYTES; i-- > 0;)
        length = length << 8 | bytes[i];
    if (length > MCL_SAFETENSORS_HEADER_MAX && length <= size - LENGTH_BYTES)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: is no model: its header has %" PRIu64 " bytes, and models have %d at most", path,
            length, MCL_SAFETENSORS_HEADER_MAX);
    if (length < 2 || length > size - LENGTH_BYTES)
        return mcl_fail(
            MCL_ERROR_FORMAT, "%s: is no model (no safetensors file, or cut off)", path);
    char *json; /* with a zero byte after it: some releases of cJSON read one byte too far */
    MCL_TRY(mcl_allocate(&json, length + 1, 1));
    mcl_status status = read_bytes(json, length, stream, path);
    if (status == MCL_OK)
        status = parse_json(&file->header, json, (size_t)length, path);
    free(json);
    *data = size - LENGTH_BYTES - length;
    return status;
}

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Reads the tensors, each to its own aligned place: in the file they may have any alignment. */
static mcl_status read_values(mcl_safetensors *file, FILE *stream, const char *path)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < file->count; i++)
        bytes += aligned(file->entries[i].end - file->entries[i].begin);
    MCL_TRY(mcl_allocate(&file->values, bytes, 1));
    unsigned char *values = file->values;
    for (size_t i = 0; i < file->count; i++) {
        struct entry *entry = &file->entries[i];
        MCL_TRY(read_bytes(values, entry->end - entry->begin, stream, path));
        entry->tensor.values = values;
        values += aligned(entry->end - entry->begin);
    }
    return MCL_OK;
}

static mcl_status read_file(mcl_safetensors *file, FILE *stream, const char *path)
{
    struct stat information;
    if (fstat(fileno(stream), &information) != 0)
        return mcl_fail(MCL_ERROR_FILE, "%s: cannot read: %s", path, strerror(errno));
    if (!S_ISREG(information.st_mode))
        return mcl_fail(MCL_ERROR_FILE, "%s: is %s, not a regular file", path,
            S_ISDIR(information.st_mode) ? "a folder" : "a device or a pipe");
    uint64_t data = 0;
    MCL_TRY(read_header(file, &data, stream, (uint64_t)information.st_size, path));
    MCL_TRY(parse_header(file, path, data));
    return read_values(file, stream, path);
}

mcl_status mcl_safetensors_open(mcl_safetensors **file, const char *path)
{
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return mcl_fail(MCL_ERROR_FILE, "%s: cannot open: %s", path, strerror(errno));
    mcl_safetensors *opened = NULL;
    mcl_status status = mcl_allocate(&opened, 1, sizeof *opened);
    if (status == MCL_OK)
        status = read_file(opened, stream, path);
    fclose(stream);
    if (status == MCL_OK)
        *file = opened;
    else
        mcl_safetensors_close(opened);
    return status;
}

void mcl_safetensors_close(mcl_safetensors *file)
{
    if (!file)
        return;
    cJSON_Delete(file->header);
    free(file->entries);
    free(file->metadata);
    free(file->values);
    free(file);
}

size_t mcl_safetensors_count(const mcl_safetensors *file)
{
    return file->count;
}

const mcl_stored_tensor *mcl_safetensors_tensor(const mcl_safetensors *file, size_t index)
{
    return &file->entries[index].tensor;
}

const mcl_stored_tensor *mcl_safetensors_find(const mcl_safetensors *file, const char *name)
{
    for (size_t i = 0; i < file->count; i++) {
        if (strcmp(file->entries[i].tensor.name, name) == 0)
            return &file->entries[i].tensor;
    }
    return NULL;
}

size_t mcl_safetensors_metadata_count(const mcl_safetensors *file)
{
    return file->metadata_count;
}

const mcl_text_pair *mcl_safetensors_metadata_at(const mcl_safetensors *file, size_t index)
{
    return &file->metadata[index];
}

const char *mcl_safetensors_metadata_get(const mcl_safetensors *file, const char *key)
{
    for (size_t i = 0; i < file->metadata_count; i++) {
        if (strcmp(file->metadata[i].key, key) == 0)
            return file->metadata[i].value;
    }
    return NULL;
}

/* Appends a number to an array; false when the host has no memory. */
static bool add_number(cJSON *array, uint64_t number)
{
    cJSON *item = cJSON_CreateNumber((double)number);
    if (item && cJSON_AddItemToArray(array, item))
        return true;
    cJSON_Delete(item);
    return false;
}

/* Describes a tensor of `bytes` bytes at `begin` in the header. */
static bool describe(cJSON *header, const mcl_stored_tensor *tensor, uint64_t begin, uint64_t bytes)
{
    cJSON *object = cJSON_AddObjectToObject(header, tensor->name);
    if (!object || !cJSON_AddStringToObject(object, "dtype", mcl_dtype_name(tensor->dtype)))
        return false;
    cJSON *shape = cJSON_AddArrayToObject(object, "shape");
    if (!shape)
        return false;
    for (uint32_t d = 0; d < tensor->dimensions; d++) {
        if (!add_number(shape, tensor->shape[d]))
            return false;
    }
    cJSON *offsets = cJSON_AddArrayToObject(object, "data_offsets");
    return offsets && add_number(offsets, begin) && add_number(offsets, begin + bytes);
}

static bool describe_metadata(cJSON *header, const mcl_text_pair *metadata, size_t count)
{
    if (count == 0)
        return true;
    cJSON *object = cJSON_AddObjectToObject(header, METADATA);
    for (size_t i = 0; object && i < count; i++) {
        if (!cJSON_AddStringToObject(object, metadata[i].key, metadata[i].value))
            return false;
    }
    return object != NULL;
}

/* *json = the header, freed with cJSON_free(). sizes[count] are the tensors' bytes. */
static mcl_status format_header(char **json, const mcl_stored_tensor *tensors,
    const uint64_t *sizes, size_t count, const mcl_text_pair *metadata, size_t metadata_count)
{
    cJSON *header = cJSON_CreateObject();
    bool done = header && describe_metadata(header, metadata, metadata_count);
    uint64_t begin = 0;
    for (size_t i = 0; done && i < count; i++) {
        done = describe(header, &tensors[i], begin, sizes[i]);
        begin += sizes[i];
    }
    char *text = done ? cJSON_PrintUnformatted(header) : NULL;
    cJSON_Delete(header);
    if (!text)
        return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory for a file's header");
    *json = text;
    return MCL_OK;
}

/* The header is padded with spaces, so that the data start at a multiple of 8 bytes. */
static mcl_status write_header(mcl_output *output, const char *json)
{
    const size_t length = strlen(json), padding = (8 - length % 8) % 8;
    unsigned char bytes[LENGTH_BYTES];
    for (int i = 0; i < LENGTH_BYTES; i++)
        bytes[i] = (unsigned char)((uint64_t)(length + padding) >> 8 * i);
    MCL_TRY(mcl_output_write(output, bytes, sizeof bytes));
    MCL_TRY(mcl_output_write(output, json, length));
    return mcl_output_write(output, "       ", padding);
}

static mcl_status write_file(const char *path, mcl_output_kind kind, const char *json,
    const mcl_stored_tensor *tensors, const uint64_t *sizes, size_t count)
{
    mcl_output *output;
    MCL_TRY(mcl_output_open(&output, path, kind));
    mcl_status status = write_header(output, json);
    for (size_t i = 0; status == MCL_OK && i < count; i++)
        status = mcl_output_write(output, tensors[i].values, (size_t)sizes[i]);
    if (status == MCL_OK)
        return mcl_output_commit(output);
    mcl_output_abandon(output);
    return status;
}

mcl_status mcl_safetensors_write(const char *path, mcl_output_kind kind,
    const mcl_stored_tensor *tensors, size_t count, const mcl_text_pair *metadata,
    size_t metadata_count)
{
    uint64_t *sizes;
    MCL_TRY(mcl_allocate(&sizes, count, sizeof *sizes));
    char *json = NULL;
    mcl_status status = MCL_OK;
    for (size_t i = 0; status == MCL_OK && i < count; i++) {
        if (mcl_stored_tensor_count(&sizes[i], &tensors[i]))
            sizes[i] *= mcl_dtype_size(tensors[i].dtype);
        else
            status = mcl_fail(
                MCL_ERROR_ARGUMENT, "tensor '%s': its shape is too large", tensors[i].name);
    }
    if (status == MCL_OK)
        status = format_header(&json, tensors, sizes, count, metadata, metadata_count);
    if (status == MCL_OK)
        status = write_file(path, kind, json, tensors, sizes, count);
    cJSON_free(json);
    free(sizes);
    return status;
}
