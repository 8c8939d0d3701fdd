/* SPDX-License-Identifier: Apache-2.0 */
#include "data/labels.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "data/array.h"
#include "data/data.h"

mcl_status mcl_labels_refuse(const void *from, size_t index, const mcl_array_run *run)
{
    const mcl_number type = run->array->type;
    const double value = mcl_number_at(from, type, index);
    const uint64_t row = run->first + index;
    char text[MCL_NUMBER_TEXT];
    if (isnan(value))
        return mcl_fail(MCL_ERROR_DATA,
            "%s: the label of row %" PRIu64
            " (counted from 0) is NaN; leave rows without a label out of both files",
            run->source, row);
    mcl_number_text(text, from, type, index);
    if (value != rint(value))
        return mcl_fail(MCL_ERROR_DATA,
            "%s: the label of row %" PRIu64
            " (counted from 0) is %s; labels are whole numbers from 0 to %d: where these stand for "
            "classes save numpy.unique(labels, return_inverse=True)[1]",
            run->source, row, text, MCL_LABEL_MAX);
    return mcl_fail(MCL_ERROR_DATA,
        "%s: the label of row %" PRIu64
        " (counted from 0) is %s; labels are 0 to %d: save numpy.unique(labels, "
        "return_inverse=True)[1], or leave rows without a label out of both files",
        run->source, row, text, MCL_LABEL_MAX);
}

static mcl_status convert(void *to, const void *from, size_t count, const mcl_array_run *run)
{
    int32_t *labels = to;
    for (size_t i = 0; i < count; i++) {
        const double value = mcl_number_at(from, run->array->type, i);
        if (!(value >= 0.0 && value <= MCL_LABEL_MAX) || value != rint(value))
            return mcl_labels_refuse(from, i, run);
        labels[i] = (int32_t)value;
    }
    return MCL_OK;
}

mcl_status mcl_labels_check_shape(const mcl_array *array, const char *source)
{
    char shape[MCL_ARRAY_SHAPE_TEXT];
    uint64_t most = 1;
    for (size_t d = 0; d < array->dimensions; d++)
        most = array->shape[d] > most ? array->shape[d] : most;
    if (most == array->rows * array->columns)
        return MCL_OK;
    mcl_array_shape_text(shape, array);
    return mcl_fail(MCL_ERROR_FORMAT,
        "%s: its shape is %s, of %s (%s); labels have one dimension, a number for each row: save "
        "labels.argmax(axis=1) of one-hot rows, or else the column that has the classes, "
        "labels[:, 0] for the first",
        source, shape, mcl_number_words(array->type), mcl_number_name(array->type));
}

mcl_status mcl_labels_read(int32_t **labels, uint64_t *count, mcl_source *source)
{
    mcl_array array;
    MCL_TRY(mcl_array_header(&array, source));
    MCL_TRY(mcl_labels_check_shape(&array, mcl_source_name(source)));
    MCL_TRY(mcl_array_read(labels, &array, source, sizeof **labels, convert, NULL));
    *count = array.rows * array.columns;
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
