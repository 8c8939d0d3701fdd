/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data_options.h"
#include "maskcl/evaluate.h"
#include "maskcl/output.h"

#define NEW_CLASSES_TOLD 5 /* of more, how many there are */

static struct {
    mcl_run_file files[MCL_RUN_FILES_MAX]; /* with paths of their own */
    mcl_output_lock *locks[MCL_RUN_FILES_MAX];
    size_t count;
} claimed;

void mcl_release_files(void)
{
    for (size_t i = 0; i < claimed.count; i++) {
        free((char *)claimed.files[i].path);
        mcl_output_lock_release(claimed.locks[i]);
    }
    claimed.count = 0;
}

static mcl_exit complain_of_two(const mcl_run_file *written, const mcl_run_file *same)
{
    return mcl_complain(MCL_EXIT_USAGE,
        "%s: %s is both %s and %s (%s), and one of them would be lost: name another file",
        written->option, written->path, written->what, same->what, same->path);
}

/* Whether two files may not be one. */
static bool excludes(const mcl_run_file *written, const mcl_run_file *other)
{
    if (written->use == MCL_FILE_READ)
        return false;
    /* a kill may leave a checkpoint under both its names */
    return !other->option || strcmp(written->option, other->option) != 0;
}

static mcl_exit compare_two(const mcl_run_file *a, const mcl_run_file *b)
{
    const bool first = excludes(a, b), second = excludes(b, a);
    if ((!first && !second) || !mcl_output_same(a->path, b->path))
        return MCL_EXIT_DONE;
    return first ? complain_of_two(a, b) : complain_of_two(b, a);
}

mcl_exit mcl_compare_claimed(void)
{
    mcl_exit code = MCL_EXIT_DONE;
    for (size_t i = 0; i < claimed.count; i++) {
        for (size_t k = i + 1; k < claimed.count && code == MCL_EXIT_DONE; k++)
            code = compare_two(&claimed.files[i], &claimed.files[k]);
    }
    return code;
}

static mcl_exit claim(const mcl_run_file *file)
{
    if (!file->path || claimed.count == MCL_RUN_FILES_MAX)
        return MCL_EXIT_DONE;
    char *path = strdup(file->path);
    if (!path)
        return mcl_complain(MCL_EXIT_FAILED, "the host has no memory left");
    claimed.locks[claimed.count] = NULL;
    claimed.files[claimed.count] = *file;
    claimed.files[claimed.count++].path = path;
    return MCL_EXIT_DONE;
}

static mcl_exit check_claimed(size_t i)
{
    const mcl_run_file *file = &claimed.files[i];
    mcl_status status = MCL_OK;
    if (file->use != MCL_FILE_READ)
        status = mcl_output_lock_take(&claimed.locks[i], file->path);
    if (status == MCL_OK && file->use == MCL_FILE_WRITTEN)
        status = mcl_output_check(file->path);
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

mcl_exit mcl_claim_files(const mcl_run_file *files, size_t count)
{
    mcl_exit code = MCL_EXIT_DONE;
    for (size_t i = 0; i < count && code == MCL_EXIT_DONE; i++)
        code = claim(&files[i]);
    if (code == MCL_EXIT_DONE)
        code = mcl_compare_claimed();
    for (size_t i = 0; i < claimed.count && code == MCL_EXIT_DONE; i++)
        code = check_claimed(i);
    return code;
}

bool mcl_ends_in(const char *path, const char *ending)
{
    const size_t length = strlen(path), part = strlen(ending);
    return length > part && strcasecmp(path + length - part, ending) == 0;
}

mcl_exit mcl_check_output_name(const char *output)
{
    if (mcl_ends_in(output, ".npy") || mcl_ends_in(output, ".csv"))
        return MCL_EXIT_DONE;
    return mcl_complain(
        MCL_EXIT_USAGE, "-o: '%s' ends in neither .npy nor .csv, which say what to write", output);
}

mcl_exit mcl_check_output(const char *output, const char *const *inputs, size_t count)
{
    mcl_run_file files[MCL_RUN_FILES_MAX] = {{output, MCL_FILE_WRITTEN, "-o", "the output"}};
    for (size_t i = 0; i < count; i++)
        files[i + 1] = (mcl_run_file){inputs[i], MCL_FILE_READ, NULL, "an input"};
    return mcl_claim_files(files, count + 1);
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
    *layer = asked_for ? asked_for : mcl_model_layers(model);
    return mcl_layer_width(width, model, *layer) == MCL_OK
               ? MCL_EXIT_DONE
               : mcl_complain(MCL_EXIT_USAGE, "--layer: %s", mcl_error_message());
}

/* Images are none, though they have a column of classes. */
static bool is_table(const mcl_schema *schema)
{
    return mcl_schema_columns(schema) > 0 && !mcl_schema_image(NULL, schema);
}

/* Says where rows are a table and the model was trained on plain numbers, or the other way round.
 * Images and plain arrays of their pixels are the same numbers. */
static mcl_exit check_schema(const mcl_data *data, const char *path, const mcl_schema *trained)
{
    const bool table = is_table(mcl_data_schema(data));
    const bool trained_on_table = is_table(trained);
    if (table == trained_on_table)
        return MCL_EXIT_DONE;
    return mcl_complain(MCL_EXIT_FAILED,
        table ? "%s: is a table, but the model was trained on plain numbers: give it an array of "
                "those, or train a model on the table"
              : "%s: has plain numbers, but the model was trained on columns that have names: give "
                "it a table with those, which 'maskcl info MODEL' lists",
        path);
}

/* A warning a line. */
static void warn_of_data(const mcl_data *data)
{
    for (const char *line = mcl_data_warning(data); line && *line;) {
        const size_t length = strcspn(line, "\n");
        mcl_warn("%.*s", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

mcl_exit mcl_load_all(mcl_data **data, const char *const *paths, size_t count,
    const mcl_data_options *options, const mcl_model *model)
{
    mcl_data_options applied;
    mcl_schema *schema = NULL;
    (void)mcl_data_options_init(&applied); /* of this very version */
    if (options)
        applied = *options;
    mcl_status status = mcl_model_schema(&schema, model);
    if (status == MCL_OK && model) {
        applied.schema = schema;
        applied.standardize = schema ? applied.standardize : MCL_STANDARDIZE_NONE;
    }
    if (status == MCL_OK)
        status = mcl_data_open_all(data, paths, count, &applied);
    mcl_exit code = loaded(status);
    if (code == MCL_EXIT_DONE)
        warn_of_data(*data);
    if (code == MCL_EXIT_DONE && model)
        code = check_schema(*data, paths[0], schema);
    if (code == MCL_EXIT_DONE && options)
        code = mcl_check_data_options(*data, paths[0], options);
    mcl_schema_free(schema);
    return code;
}

mcl_exit mcl_load_data(
    mcl_data **data, const char *path, const mcl_data_options *options, const mcl_model *model)
{
    return mcl_load_all(data, &path, 1, options, model);
}

mcl_exit mcl_add_labels(mcl_labelled *set, const char *labels_path, const mcl_data_options *options)
{
    if (options->label)
        return mcl_complain(MCL_EXIT_USAGE,
            "--label: the labels are those in %s: leave one of the two out", labels_path);
    const mcl_exit code = loaded(mcl_data_label(set->data, labels_path, options->like));
    set->labels = mcl_data_labels(set->data);
    return code;
}

mcl_exit mcl_load_labelled(mcl_labelled *set, const char *path, const char *labels_path,
    const mcl_data_options *options, const mcl_model *model)
{
    const mcl_exit code = mcl_load_data(&set->data, path, options, model);
    if (code != MCL_EXIT_DONE)
        return code;
    if (labels_path)
        return mcl_add_labels(set, labels_path, options);
    set->labels = mcl_data_labels(set->data);
    return set->labels ? MCL_EXIT_DONE
                       : mcl_complain(MCL_EXIT_FAILED,
                             "%s: its rows have no labels: name the column that has them with "
                             "--label, or a file of labels",
                             path);
}

mcl_exit mcl_refuse_targets(const mcl_data *data, const char *path)
{
    return mcl_data_has_targets(data)
               ? mcl_complain(MCL_EXIT_FAILED,
                     "%s: the labels are numbers, not all of them whole, such as %s, and no "
                     "classes: 'maskcl probe' measures how well embeddings tell them (classes need "
                     "names that are no such numbers, c%s)",
                     path, mcl_data_class_name(data, 0), mcl_data_class_name(data, 0))
               : MCL_EXIT_DONE;
}

const int32_t *mcl_labels_to_watch(const mcl_data *data)
{
    const int32_t *labels = mcl_data_has_targets(data) ? NULL : mcl_data_labels(data);
    int32_t known = -1;
    for (uint64_t i = 0; labels && i < mcl_data_rows(data); i++) {
        if (labels[i] >= 0 && known >= 0 && labels[i] != known)
            return labels;
        known = labels[i] >= 0 ? labels[i] : known;
    }
    return NULL;
}

void mcl_free_labelled(mcl_labelled *set)
{
    mcl_data_free(set->data);
    free(set->targets);
}

const char *mcl_class_name(char text[MCL_CLASS_SIZE], const mcl_data *data, int32_t label)
{
    const char *name = label < 0 ? NULL : mcl_data_class_name(data, (uint32_t)label);
    if (name)
        snprintf(text, MCL_CLASS_SIZE, "%s", name);
    else
        snprintf(text, MCL_CLASS_SIZE, "%" PRId32, label);
    return text;
}

static int compare_labels(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

mcl_exit mcl_distinct_labels(int32_t **numbers, uint64_t *count, const mcl_labelled *set)
{
    const uint64_t rows = mcl_data_rows(set->data);
    uint64_t labelled = 0;
    int32_t *sorted = malloc((size_t)rows * sizeof *sorted + 1);
    if (!sorted)
        return mcl_complain(MCL_EXIT_FAILED, "the host has no memory for %" PRIu64 " labels", rows);
    for (uint64_t i = 0; i < rows; i++) {
        if (set->labels[i] >= 0)
            sorted[labelled++] = set->labels[i];
    }
    qsort(sorted, (size_t)labelled, sizeof *sorted, compare_labels);
    *count = 0;
    for (uint64_t i = 0; i < labelled; i++) {
        if (i == 0 || sorted[i] != sorted[*count - 1])
            sorted[(*count)++] = sorted[i];
    }
    *numbers = sorted;
    return MCL_EXIT_DONE;
}

mcl_exit mcl_warn_of_unseen(
    const mcl_labelled *train, const mcl_labelled *test, const char *test_path)
{
    const uint64_t rows = mcl_data_rows(test->data);
    uint64_t count = 0, unseen = 0, first = 0;
    int32_t *numbers = NULL;
    char name[MCL_CLASS_SIZE];
    const mcl_exit code = mcl_distinct_labels(&numbers, &count, train);
    if (!numbers)
        return code;
    for (uint64_t i = 0; i < rows; i++) {
        if (test->labels[i] < 0 ||
            bsearch(&test->labels[i], numbers, (size_t)count, sizeof *numbers, compare_labels))
            continue;
        first = unseen++ ? first : i;
    }
    free(numbers);
    if (unseen)
        mcl_warn("%s: %" PRIu64 " of %" PRIu64
                 " test rows are of classes that no training row has, such as %s: they count as "
                 "told wrong",
            test_path, unseen, rows, mcl_class_name(name, test->data, test->labels[first]));
    return MCL_EXIT_DONE;
}

/* Whether the schema has a column of labels, by default of any name, and its place. */
static bool find_labels(size_t *column, const mcl_schema *schema, const char *name)
{
    for (size_t c = 0; c < mcl_schema_columns(schema); c++) {
        const mcl_column found = mcl_schema_column(schema, c);
        *column = c;
        if (found.kind == MCL_COLUMN_LABEL && (!name || strcmp(found.name, name) == 0))
            return true;
    }
    return false;
}

static bool has_class(const mcl_schema *schema, size_t column, const char *name)
{
    const char *text;
    for (uint32_t i = 0; (text = mcl_schema_category(schema, column, i)); i++) {
        if (strcmp(text, name) == 0)
            return true;
    }
    return false;
}

static uint64_t count_rows_of(const mcl_data *data, uint32_t label)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < mcl_data_rows(data); i++)
        count += mcl_data_labels(data)[i] == (int32_t)label;
    return count;
}

void mcl_warn_of_new_classes(const mcl_data *data, const char *path, const char *label)
{
    const mcl_schema *schema = mcl_data_schema(data);
    size_t column;
    uint32_t told = 0, more = 0;
    const char *name;
    if (!mcl_data_labels(data) || mcl_data_has_targets(data) ||
        !find_labels(&column, schema, label))
        return;
    for (uint32_t i = 0; (name = mcl_data_class_name(data, i)); i++) {
        if (has_class(schema, column, name))
            continue;
        const uint64_t rows = told < NEW_CLASSES_TOLD ? count_rows_of(data, i) : 0;
        if (rows)
            mcl_warn("%s: column '%s': %" PRIu64 " row%s of class '%s', which the model does not "
                     "know",
                path, mcl_schema_column(schema, column).name, rows, rows == 1 ? "" : "s", name);
        told += rows > 0;
        more += told == NEW_CLASSES_TOLD && !rows;
    }
    if (more)
        mcl_warn("%s: the model does not know %" PRIu32 " classes more", path, more);
}

void mcl_warn_of_doubts(const mcl_model *model, const mcl_data *data, const char *path)
{
    char doubts[512];
    if (mcl_model_doubts(doubts, sizeof doubts, model, data))
        mcl_warn("%s: %s", path, doubts);
}

/* Whether a shape's text is that of three sizes. */
static bool has_shape(const char *text, uint64_t a, uint64_t b, uint64_t c)
{
    char shape[64];
    snprintf(shape, sizeof shape, "%" PRIu64 "x%" PRIu64 "x%" PRIu64, a, b, c);
    return strcmp(text, shape) == 0;
}

/* Whether rows are the model's images with the channels before height and width, or after. */
static bool is_turned(const mcl_model *model, const mcl_data *data)
{
    uint64_t of[MCL_DIMENSIONS_MAX];
    const char *trained = mcl_model_metadata_get(model, "input_shape");
    return trained && mcl_data_row_shape(data, of) == 3 &&
           !has_shape(trained, of[0], of[1], of[2]) &&
           (has_shape(trained, of[1], of[2], of[0]) || has_shape(trained, of[2], of[0], of[1]));
}

mcl_exit mcl_check_rows(
    const mcl_model *model, const char *model_path, const mcl_data *data, const char *data_path)
{
    const uint64_t input = mcl_model_architecture(model)->input, columns = mcl_data_columns(data);
    if (input == columns && is_turned(model, data))
        return mcl_complain(MCL_EXIT_FAILED,
            "%s: its rows are images with the channels elsewhere than in the %s that %s was "
            "trained "
            "on: give --channels as then, or transpose them",
            data_path, mcl_model_metadata_get(model, "input_shape"), model_path);
    if (input == columns) {
        mcl_warn_of_doubts(model, data, data_path);
        return MCL_EXIT_DONE;
    }
    const char *advice = "use the data that it was trained for, or train on these";
    if (mcl_data_rows(data) == input)
        advice = columns == 1 ? "where it is one row, save array.reshape(1, -1)"
                              : "where its columns are the rows, save array.T";
    return mcl_complain(MCL_EXIT_FAILED,
        "%s: its rows have %" PRIu64 " values, but the model %s takes %" PRIu64 ": %s", data_path,
        columns, model_path, input, advice);
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
