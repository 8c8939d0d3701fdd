/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "data/array.h"
#include "data/data.h"

#define LABEL_MAX 65535

static mcl_status store(int32_t *to, int64_t label, size_t index, const mcl_array_place *place)
{
    if (label < 0 || label > LABEL_MAX)
        return mcl_fail(MCL_ERROR_DATA,
            "%s: the label of row %" PRIu64 " (counted from 0) is %" PRId64 "; labels are 0 to %d",
            place->source, place->first + index, label, LABEL_MAX);
    *to = (int32_t)label;
    return MCL_OK;
}

static mcl_status convert_uint8(
    void *to, const void *from, size_t count, const mcl_array_place *place)
{
    const uint8_t *values = from;
    int32_t *labels = to;
    for (size_t i = 0; i < count; i++)
        MCL_TRY(store(&labels[i], values[i], i, place));
    return MCL_OK;
}

static mcl_status convert_int32(
    void *to, const void *from, size_t count, const mcl_array_place *place)
{
    const int32_t *values = from;
    int32_t *labels = to;
    for (size_t i = 0; i < count; i++)
        MCL_TRY(store(&labels[i], values[i], i, place));
    return MCL_OK;
}

static mcl_status convert_int64(
    void *to, const void *from, size_t count, const mcl_array_place *place)
{
    const int64_t *values = from;
    int32_t *labels = to;
    for (size_t i = 0; i < count; i++)
        MCL_TRY(store(&labels[i], values[i], i, place));
    return MCL_OK;
}

mcl_status mcl_labels_read(int32_t **labels, uint64_t *count, mcl_source *source)
{
    mcl_array array;
    MCL_TRY(mcl_array_header(&array, source));
    if (array.dimensions != 1) {
        char shape[MCL_ARRAY_SHAPE_TEXT];
        mcl_array_shape_text(shape, &array);
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: its shape is %s; labels have one dimension, a number for each row",
            mcl_source_name(source), shape);
    }
    mcl_array_convert convert;
    switch (array.type) {
    case MCL_ARRAY_UINT8:
        convert = convert_uint8;
        break;
    case MCL_ARRAY_INT32:
        convert = convert_int32;
        break;
    case MCL_ARRAY_INT64:
        convert = convert_int64;
        break;
    default:
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: the elements are %s; labels are uint8, int32 or int64: save "
            "labels.astype(numpy.int64)",
            mcl_source_name(source), mcl_array_type_name(array.type));
    }
    MCL_TRY(mcl_array_read(labels, &array, source, sizeof **labels, convert));
    *count = array.rows;
    return MCL_OK;
}

mcl_status mcl_labels_open(int32_t **labels, uint64_t *count, const char *path)
{
    MCL_NEED(labels);
    MCL_NEED(count);
    MCL_NEED(path);
    mcl_source *source;
    MCL_TRY(mcl_source_open(&source, path));
    const mcl_status status = mcl_labels_read(labels, count, source);
    mcl_source_close(source);
    return status;
}

void mcl_labels_free(int32_t *labels)
{
    free(labels);
}
