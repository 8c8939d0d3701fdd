/* SPDX-License-Identifier: Apache-2.0 */
#include "data/arrays.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/host_memory.h"
#include "base/memory.h"
#include "data/builder.h"
#include "data/losses.h"
#include "data/scratch.h"

/* Of the memory that rows may take, for a block of rows that is transposed. */
#define BLOCK_PART 8

/* Whether the rows can be used where they are in the file. */
static bool stays(const mcl_array *array, const mcl_source *source)
{
    return mcl_source_file(source) >= 0 && !array->fortran &&
           (array->type == MCL_NUMBER_UINT8 ||
               (array->type == MCL_NUMBER_FLOAT32 && !array->big_endian));
}

static mcl_status add_part(mcl_store *store, const mcl_array *array, const mcl_source *source)
{
    MCL_TRY(mcl_array_check_size(array, source));
    const mcl_store_part part = {.file = fcntl(mcl_source_file(source), F_DUPFD_CLOEXEC, 0),
        .name = mcl_source_name(source),
        .offset = mcl_source_offset(source),
        .rows = array->rows};
    if (part.file < 0)
        return mcl_fail(MCL_ERROR_FILE, "%s: cannot open: %s", part.name, strerror(errno));
    return mcl_store_add(store, &part);
}

/* Reads all rows once, which refuses NaN and infinities, and has their digest. */
static mcl_status check_rows(mcl_data *data)
{
    const uint64_t rows = mcl_data_rows(data), most = mcl_data_block(data);
    const size_t row = (size_t)mcl_data_columns(data) * mcl_element_size(mcl_data_element(data));
    XXH3_state_t *hashing = XXH3_createState();
    char *block = NULL, *digest = NULL;
    mcl_status status = mcl_allocate(&block, most, row);
    if (!hashing)
        status = mcl_fail(MCL_ERROR_MEMORY, "the host has no memory left");
    if (status == MCL_OK)
        XXH3_128bits_reset(hashing);
    for (uint64_t first = 0; first < rows && status == MCL_OK; first += most) {
        const uint64_t count = rows - first < most ? rows - first : most;
        status = mcl_data_read_rows(block, data, first, count);
        if (status == MCL_OK)
            XXH3_128bits_update(hashing, block, (size_t)count * row);
    }
    if (status == MCL_OK)
        status = mcl_allocate(&digest, MCL_DIGEST_SIZE, 1);
    if (status == MCL_OK) {
        mcl_digest_show(digest, XXH3_128bits_digest(hashing));
        mcl_data_set_digest(data, digest);
    }
    XXH3_freeState(hashing);
    free(block);
    return status;
}

/* Makes a data set of a store, which it owns from now on, whatever comes of it. shape is that of
 * all rows. */
static mcl_status create_checked(
    mcl_data **data, mcl_store *store, const mcl_array *shape, const char *source, uint64_t memory)
{
    mcl_data *created;
    mcl_status status = mcl_data_create_stored(&created, store, memory,
        mcl_data_element_of(shape->type), shape->shape, shape->dimensions, source);
    if (status != MCL_OK) {
        mcl_store_free(store);
        return status;
    }
    status = check_rows(created);
    if (status == MCL_OK)
        *data = created;
    else
        mcl_data_free(created);
    return status;
}

static mcl_status leave_in_place(
    mcl_data **data, const mcl_array *array, mcl_source *source, uint64_t memory)
{
    mcl_store *store;
    MCL_TRY(mcl_store_create(&store, mcl_data_element_of(array->type), array->columns));
    const mcl_status status = add_part(store, array, source);
    if (status != MCL_OK) {
        mcl_store_free(store);
        return status;
    }
    return create_checked(data, store, array, mcl_source_name(source), memory);
}

static mcl_status take_values(const void *values, size_t count, void *builder)
{
    return mcl_builder_add_values(builder, values, count);
}

/* Adds an array in Fortran order: by blocks of rows, for which it may take so much memory. */
static mcl_status add_transposed(const mcl_array *array, int file, uint64_t offset,
    const char *name, uint64_t memory, const mcl_array_flow *flow)
{
    const uint64_t rows = memory / BLOCK_PART / array->columns / flow->size;
    return mcl_array_transpose(array, file, offset, name, rows ? rows : 1, flow);
}

/* Refuses what follows the values; at the end of gzip its checksum has been verified. */
static mcl_status check_end(const mcl_array *array, mcl_source *source)
{
    char byte;
    size_t got;
    MCL_TRY(mcl_source_read(&got, source, &byte, 1));
    return got == 0 ? MCL_OK
                    : mcl_source_fail(source, mcl_source_offset(source) - 1,
                          "all %" PRIu64 " values of %s end here, but more bytes follow",
                          array->rows * array->columns, mcl_number_name(array->type));
}

/* *copy = the values as the source has them, in a file, of which any place can be read. */
static mcl_status unpack(mcl_scratch **copy, const mcl_array *array, mcl_source *source)
{
    const uint64_t bytes = array->rows * array->columns * mcl_number_size(array->type);
    mcl_scratch *scratch;
    char *block = NULL;
    MCL_TRY(mcl_scratch_create(
        &scratch, mcl_source_may_have(source, bytes) ? bytes : 0, mcl_source_name(source)));
    mcl_status status = mcl_allocate(&block, 1, 1 << 16);
    for (uint64_t left = bytes; left > 0 && status == MCL_OK;) {
        const size_t now = left < 1 << 16 ? (size_t)left : 1 << 16;
        status = mcl_source_read_whole(source, block, now, "its values");
        if (status == MCL_OK)
            status = mcl_scratch_write(scratch, block, now);
        left -= now;
    }
    if (status == MCL_OK)
        status = check_end(array, source);
    free(block);
    if (status == MCL_OK)
        *copy = scratch;
    else
        mcl_scratch_free(scratch);
    return status;
}

/* The same of one that comes from a pipe or out of gzip. */
static mcl_status add_unpacked(
    const mcl_array *array, mcl_source *source, uint64_t memory, const mcl_array_flow *flow)
{
    mcl_scratch *copy;
    MCL_TRY(unpack(&copy, array, source));
    const mcl_status status =
        add_transposed(array, mcl_scratch_file(copy), 0, mcl_source_name(source), memory, flow);
    mcl_scratch_free(copy);
    return status;
}

static mcl_status add_values(mcl_builder *builder, const mcl_array *array, mcl_source *source,
    uint64_t memory, mcl_array_convert convert, void *state)
{
    const mcl_array_flow flow = {.size = mcl_element_size(mcl_data_element_of(array->type)),
        .convert = convert,
        .state = state,
        .take = take_values,
        .taker = builder};
    MCL_TRY(mcl_array_check_size(array, source));
    if (!array->fortran)
        return mcl_array_stream(array, source, &flow);
    const int file = mcl_source_file(source);
    return file < 0 ? add_unpacked(array, source, memory, &flow)
                    : add_transposed(array, file, mcl_source_offset(source),
                          mcl_source_name(source), memory, &flow);
}

/* Adds the values of an array. of: a warning, char **, that gets what float32 loses of them unless
 * there is one already. */
static mcl_status add_array(
    mcl_builder *builder, const mcl_array *array, mcl_source *source, uint64_t memory, void *of)
{
    char **warning = of;
    mcl_losses *losses;
    MCL_TRY(mcl_losses_create(&losses, array));
    mcl_status status = add_values(builder, array, source, memory,
        mcl_data_converter(mcl_data_element_of(array->type)), losses);
    if (status == MCL_OK && !*warning)
        status = mcl_losses_text(warning, losses, mcl_source_name(source));
    mcl_losses_free(losses);
    return status;
}

/* Rows as a data set keeps them: of more dimensions than it has, the last one is the product of the
 * rest. */
static mcl_row_plan plan_of(const mcl_array *array, uint64_t host_memory, const char *source)
{
    mcl_row_plan plan = {.element = mcl_data_element_of(array->type),
        .shape = {1},
        .dimensions = 1,
        .host_memory = host_memory,
        .source = source};
    for (size_t d = 1; d < array->dimensions; d++) {
        if (d <= MCL_DIMENSIONS_MAX)
            plan.shape[(plan.dimensions = d) - 1] = array->shape[d];
        else
            plan.shape[MCL_DIMENSIONS_MAX - 1] *= array->shape[d];
    }
    return plan;
}

/* The data set of a builder, with a warning that it owns whatever comes of it. */
static mcl_status finish(mcl_data **data, mcl_builder *builder, mcl_status status, char *warning)
{
    if (status == MCL_OK)
        status = mcl_builder_finish(data, builder);
    if (status == MCL_OK)
        mcl_data_set_warning(*data, warning);
    else
        free(warning);
    mcl_builder_free(builder);
    return status;
}

mcl_status mcl_arrays_read_large(
    mcl_data **data, const mcl_array *array, mcl_source *source, uint64_t host_memory)
{
    mcl_builder *builder;
    char *warning = NULL;
    if (stays(array, source))
        return leave_in_place(data, array, source, mcl_host_memory_allowed(host_memory));
    mcl_row_plan plan = plan_of(array, host_memory, mcl_source_name(source));
    MCL_TRY(mcl_array_check_size(array, source));
    const uint64_t bytes = array->rows * array->columns * mcl_number_size(array->type);
    plan.rows = mcl_source_may_have(source, bytes) ? array->rows : 0;
    MCL_TRY(mcl_builder_create(&builder, &plan));
    const mcl_status status =
        add_array(builder, array, source, mcl_host_memory_allowed(host_memory), &warning);
    return finish(data, builder, status, warning);
}

/* Several files. */
struct mcl_arrays {
    const char *const *paths;
    size_t count;
    mcl_array all;     /* the first one's, with the rows of all */
    bool stay;         /* all can be used where they are */
    bool may_be;       /* all can be as large as they say */
    mcl_scratch *copy; /* of the values of the only one, which can be read once; NULL: none */
    char source[512];  /* for messages */
};

/* The values of what was copied. */
static mcl_status open_copy(mcl_source **source, const mcl_arrays *files)
{
    const uint64_t bytes = files->all.rows * files->all.columns * mcl_number_size(files->all.type);
    const int file = fcntl(mcl_scratch_file(files->copy), F_DUPFD_CLOEXEC, 0);
    FILE *stream = file >= 0 ? fdopen(file, "rb") : NULL;
    if (!stream || fseek(stream, 0, SEEK_SET) != 0) {
        if (stream)
            fclose(stream);
        else if (file >= 0)
            close(file);
        return mcl_fail(MCL_ERROR_FILE, "%s: its temporary copy cannot be read: %s", files->source,
            strerror(errno));
    }
    return mcl_source_from_values(source, stream, bytes, files->source);
}

/* Opens file i, of which the header is read. */
static mcl_status open_header(
    mcl_array *array, mcl_source **source, const mcl_arrays *files, size_t i)
{
    if (files->copy) {
        *array = files->all;
        return open_copy(source, files);
    }
    MCL_TRY(mcl_source_open(source, files->paths[i]));
    const mcl_status status = mcl_array_header(array, *source);
    if (status != MCL_OK)
        mcl_source_close(*source);
    return status;
}

static mcl_status refuse_other(const mcl_array *array, const mcl_arrays *files, size_t i)
{
    char shape[MCL_ARRAY_SHAPE_TEXT], first[MCL_ARRAY_SHAPE_TEXT];
    mcl_array_shape_text(shape, array);
    mcl_array_shape_text(first, &files->all);
    return mcl_fail(MCL_ERROR_DATA,
        "%s: its shape is %s, of %s, but that of %s is %s, of %s; files that are one data set have "
        "rows of the same shape and type",
        files->paths[i], shape, mcl_number_name(array->type), files->paths[0], first,
        mcl_number_name(files->all.type));
}

/* Whether the rows of two arrays can be one data set's. */
static bool are_alike(const mcl_array *a, const mcl_array *b)
{
    bool alike = a->dimensions == b->dimensions &&
                 mcl_data_element_of(a->type) == mcl_data_element_of(b->type);
    for (size_t d = 1; d < a->dimensions && alike; d++)
        alike = a->shape[d] == b->shape[d];
    return alike;
}

static mcl_status survey_one(mcl_arrays *files, size_t i)
{
    mcl_array array;
    mcl_source *source;
    const uint64_t before = files->all.rows;
    MCL_TRY(open_header(&array, &source, files, i));
    if (i == 0)
        files->all = array;
    const bool alike = i == 0 || are_alike(&array, &files->all);
    const uint64_t bytes = array.rows * array.columns * mcl_number_size(array.type);
    files->stay = files->stay && stays(&array, source);
    files->may_be = files->may_be && mcl_source_may_have(source, bytes);
    mcl_source_close(source);
    if (!alike)
        return refuse_other(&array, files, i);
    if (i > 0)
        files->all.shape[0] = before + array.rows;
    return mcl_array_count(&files->all, files->source);
}

static mcl_status survey(mcl_arrays *files)
{
    snprintf(files->source, sizeof files->source, "%.400s and %zu more", files->paths[0],
        files->count - 1);
    files->stay = files->may_be = true;
    for (size_t i = 0; i < files->count; i++)
        MCL_TRY(survey_one(files, i));
    return MCL_OK;
}

static mcl_status leave_all(mcl_data **data, const mcl_arrays *files, uint64_t memory)
{
    mcl_store *store;
    uint64_t rows = 0;
    MCL_TRY(mcl_store_create(&store, mcl_data_element_of(files->all.type), files->all.columns));
    mcl_status status = MCL_OK;
    for (size_t i = 0; i < files->count && status == MCL_OK; i++) {
        mcl_array array;
        mcl_source *source;
        status = open_header(&array, &source, files, i);
        if (status != MCL_OK)
            break;
        status = add_part(store, &array, source);
        rows += array.rows;
        mcl_source_close(source);
    }
    if (status == MCL_OK && rows != files->all.rows)
        status = mcl_fail(MCL_ERROR_FILE, "%s: were changed while they were opened", files->source);
    if (status != MCL_OK) {
        mcl_store_free(store);
        return status;
    }
    return create_checked(data, store, &files->all, files->source, memory);
}

/* Adds the values of one of several arrays to a builder. */
typedef mcl_status add_one(
    mcl_builder *builder, const mcl_array *array, mcl_source *source, uint64_t memory, void *of);

/* The data set of all arrays, one after the other, with the warning that adding them leaves. */
static mcl_status join(mcl_data **data, const mcl_arrays *files, uint64_t host_memory, add_one *add,
    void *of, char **warning)
{
    mcl_builder *builder;
    mcl_row_plan plan = plan_of(&files->all, host_memory, files->source);
    plan.rows = files->may_be ? files->all.rows : 0;
    MCL_TRY(mcl_builder_create(&builder, &plan));
    mcl_status status = MCL_OK;
    for (size_t i = 0; i < files->count && status == MCL_OK; i++) {
        mcl_array array;
        mcl_source *source;
        status = open_header(&array, &source, files, i);
        if (status != MCL_OK)
            break;
        status = add(builder, &array, source, mcl_host_memory_allowed(host_memory), of);
        mcl_source_close(source);
    }
    return finish(data, builder, status, *warning);
}

static mcl_status begin(mcl_arrays *files, const mcl_array *array, mcl_source *source)
{
    if (!source || files->count > 1)
        return survey(files);
    files->all = *array;
    snprintf(files->source, sizeof files->source, "%s", mcl_source_name(source));
    const uint64_t bytes = array->rows * array->columns * mcl_number_size(array->type);
    files->may_be = mcl_source_may_have(source, bytes);
    MCL_TRY(mcl_array_check_size(array, source));
    return mcl_source_again(source) ? MCL_OK : unpack(&files->copy, array, source);
}

mcl_status mcl_arrays_create(mcl_arrays **arrays, const mcl_array *array, mcl_source *source,
    const char *const *paths, size_t count)
{
    mcl_arrays *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->paths = paths;
    created->count = count;
    const mcl_status status = begin(created, array, source);
    if (status == MCL_OK)
        *arrays = created;
    else
        mcl_arrays_free(created);
    return status;
}

void mcl_arrays_free(mcl_arrays *arrays)
{
    if (!arrays)
        return;
    mcl_scratch_free(arrays->copy);
    free(arrays);
}

const mcl_array *mcl_arrays_all(const mcl_arrays *arrays)
{
    return &arrays->all;
}

const char *mcl_arrays_name(const mcl_arrays *arrays)
{
    return arrays->source;
}

static mcl_status take_nothing(const void *values, size_t count, void *taker)
{
    (void)values;
    (void)count;
    (void)taker;
    return MCL_OK;
}

mcl_status mcl_arrays_look(const mcl_arrays *arrays, mcl_array_convert convert, void *state)
{
    const mcl_array_flow flow = {
        .size = sizeof(float), .convert = convert, .state = state, .take = take_nothing};
    mcl_status status = MCL_OK;
    for (size_t i = 0; i < arrays->count && status == MCL_OK; i++) {
        mcl_array array;
        mcl_source *source;
        MCL_TRY(open_header(&array, &source, arrays, i));
        status = mcl_array_stream(&array, source, &flow);
        mcl_source_close(source);
    }
    return status;
}

/* How values are converted. */
struct conversion {
    mcl_array_convert convert;
    void *state;
};

static mcl_status add_converted(
    mcl_builder *builder, const mcl_array *array, mcl_source *source, uint64_t memory, void *of)
{
    const struct conversion *conversion = of;
    return add_values(builder, array, source, memory, conversion->convert, conversion->state);
}

mcl_status mcl_arrays_convert(mcl_data **data, const mcl_arrays *arrays, mcl_array_convert convert,
    void *state, uint64_t host_memory)
{
    struct conversion conversion = {convert, state};
    char *warning = NULL;
    return join(data, arrays, host_memory, add_converted, &conversion, &warning);
}

mcl_status mcl_arrays_data(mcl_data **data, const mcl_arrays *arrays, uint64_t host_memory)
{
    const uint64_t memory = mcl_host_memory_allowed(host_memory);
    mcl_array array;
    mcl_source *source;
    char *warning = NULL;
    if (arrays->count > 1)
        return arrays->stay && mcl_array_bytes(&arrays->all) > memory
                   ? leave_all(data, arrays, memory)
                   : join(data, arrays, host_memory, add_array, &warning, &warning);
    MCL_TRY(open_header(&array, &source, arrays, 0));
    const mcl_status status = mcl_data_read_array(data, &array, source, host_memory);
    mcl_source_close(source);
    return status;
}
