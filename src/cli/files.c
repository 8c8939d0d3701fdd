/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "maskcl/evaluate.h"
#include "maskcl/output.h"

bool mcl_same_file(const char *a, const char *b)
{
    struct stat first, second;
    if (stat(a, &first) != 0 || stat(b, &second) != 0)
        return strcmp(a, b) == 0;
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

mcl_exit mcl_check_output(const char *output, const char *const *inputs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (inputs[i] && mcl_same_file(output, inputs[i]))
            return mcl_complain(MCL_EXIT_USAGE,
                "-o: %s is the input %s, which would be lost: name another file", output,
                inputs[i]);
    }
    mcl_status status = mcl_output_check(output);
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

static mcl_exit loaded(mcl_status status)
{
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

mcl_exit mcl_load_model(mcl_model **model, const char *path)
{
    return loaded(mcl_model_load(model, path));
}

mcl_exit mcl_find_layer(
    uint32_t *layer, uint32_t *width, const mcl_model *model, uint32_t asked_for)
{
    *layer = asked_for ? asked_for : mcl_model_architecture(model)->hidden_count + 1;
    return mcl_layer_width(width, model, *layer) == MCL_OK
               ? MCL_EXIT_DONE
               : mcl_complain(MCL_EXIT_USAGE, "--layer: %s", mcl_error_message());
}

mcl_exit mcl_load_data(mcl_data **data, const char *path)
{
    const mcl_exit code = loaded(mcl_data_open(data, path));
    if (code == MCL_EXIT_DONE && mcl_data_warning(*data))
        mcl_warn("%s", mcl_data_warning(*data));
    return code;
}

mcl_exit mcl_load_labels(int32_t **labels, uint64_t *count, const char *path)
{
    return loaded(mcl_labels_open(labels, count, path));
}

mcl_exit mcl_load_labelled(mcl_labelled *set, const char *path, const char *labels_path)
{
    uint64_t count;
    mcl_exit code = mcl_load_data(&set->data, path);
    if (code == MCL_EXIT_DONE)
        code = mcl_load_labels(&set->labels, &count, labels_path);
    if (code == MCL_EXIT_DONE && count != mcl_data_rows(set->data))
        code = mcl_complain(MCL_EXIT_FAILED,
            "%s has %" PRIu64 " labels, but %s has %" PRIu64
            " rows: a label for each row is needed",
            labels_path, count, path, mcl_data_rows(set->data));
    return code;
}

void mcl_free_labelled(mcl_labelled *set)
{
    mcl_data_free(set->data);
    mcl_labels_free(set->labels);
}

#define SCALING_ROWS 256 /* that are looked at */

/* A model of bytes, which were divided by 255, has not seen what is far above 1. */
static mcl_exit warn_of_scaling(const mcl_model *model, const mcl_data *data, const char *path)
{
    const char *scaling = mcl_model_metadata_get(model, "input_scaling");
    if (mcl_data_element(data) == MCL_ELEMENT_UINT8 || !scaling || strcmp(scaling, "1/255") != 0)
        return MCL_EXIT_DONE;
    const uint64_t all = mcl_data_rows(data), columns = mcl_data_columns(data);
    const uint64_t rows = all < SCALING_ROWS ? all : SCALING_ROWS;
    float *values, most = 0.0f;
    const mcl_exit code = mcl_allocate_values(&values, rows, columns);
    if (!values)
        return code;
    if (mcl_data_floats(values, data, 0, rows) == MCL_OK) {
        for (uint64_t i = 0; i < rows * columns; i++)
            most = values[i] > most ? values[i] : most;
    }
    free(values);
    if (most > 2.0f)
        mcl_warn("%s: has values such as %g, and the model was trained on bytes that were divided "
                 "by 255: divide these in the same way, or leave them bytes",
            path, (double)most);
    return code;
}

mcl_exit mcl_check_rows(
    const mcl_model *model, const char *model_path, const mcl_data *data, const char *data_path)
{
    const uint64_t input = mcl_model_architecture(model)->input, columns = mcl_data_columns(data);
    if (input == columns)
        return warn_of_scaling(model, data, data_path);
    return mcl_complain(MCL_EXIT_FAILED,
        "%s: its rows have %" PRIu64 " values, but the model %s takes %" PRIu64
        ": use the data that it was trained for, or train on these",
        data_path, columns, model_path, input);
}

mcl_exit mcl_allocate_values(float **values, uint64_t rows, uint64_t columns)
{
    const uint64_t most = SIZE_MAX / sizeof **values;
    const bool fits = columns == 0 || rows <= most / columns;
    *values = fits ? malloc((size_t)(rows * columns) * sizeof **values + 1) : NULL;
    if (*values)
        return MCL_EXIT_DONE;
    return mcl_complain(MCL_EXIT_FAILED,
        "the host has no memory for %" PRIu64 " rows of %" PRIu64 " values", rows, columns);
}
