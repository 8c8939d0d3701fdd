/* SPDX-License-Identifier: Apache-2.0 */
#include "data_info.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_SHOWN 12 /* categories or classes of a column; of more, the first */
#define NAME_COLUMN 24 /* the width of columns' names, but for longer ones */
#define CLASSES_MOST (1u << 20)

/* Prints the texts of a column's categories, the missing one as such. */
static void print_categories(const mcl_schema *schema, size_t index, const mcl_column *column)
{
    mcl_print("%" PRIu32, column->categories);
    for (uint32_t i = 0; i < column->categories && i < NAMES_SHOWN; i++) {
        const char *text = mcl_schema_category(schema, index, i);
        mcl_print(i ? ", " : ": ");
        mcl_print_clean(mcl_out, *text ? text : "(missing)");
    }
    if (column->categories > NAMES_SHOWN)
        mcl_print(", and %" PRIu32 " more", column->categories - NAMES_SHOWN);
}

static void print_column(const mcl_schema *schema, size_t index)
{
    const mcl_column column = mcl_schema_column(schema, index);
    const int space = NAME_COLUMN - (int)strlen(column.name);
    mcl_print("  ");
    mcl_print_clean(mcl_out, column.name);
    mcl_print("%*s  %s", space > 0 ? space : 0, "", mcl_column_kind_name(column.kind));
    if (column.categories > 0) {
        mcl_print(column.kind == MCL_COLUMN_LABEL ? "     " : "  ");
        print_categories(schema, index, &column);
    } else if (column.kind == MCL_COLUMN_NUMBER) {
        mcl_print("    mean %.6g, deviation %.6g%s", column.mean, column.deviation,
            column.indicator ? ", has missing values" : "");
    }
    mcl_print("\n");
}

void mcl_print_schema(const mcl_schema *schema)
{
    mcl_image image;
    if (mcl_schema_image(&image, schema))
        mcl_print("images      %" PRIu32 " x %" PRIu32 " x %" PRIu32 "\n", image.height,
            image.width, image.channels);
    else if (schema)
        mcl_print("columns     %zu, which are %" PRIu64 " inputs\n", mcl_schema_columns(schema),
            mcl_schema_inputs(schema));
    for (size_t i = 0; i < mcl_schema_columns(schema); i++)
        print_column(schema, i);
}

static void add_column(cJSON *entry, const mcl_schema *schema, size_t index)
{
    const mcl_column column = mcl_schema_column(schema, index);
    mcl_json_text(entry, "name", column.name);
    mcl_json_text(entry, "kind", mcl_column_kind_name(column.kind));
    mcl_json_number(entry, "first", (double)column.first);
    mcl_json_number(entry, "width", (double)column.width);
    if (column.kind == MCL_COLUMN_NUMBER) {
        mcl_json_number(entry, "mean", column.mean);
        mcl_json_number(entry, "deviation", column.deviation);
        mcl_json_bool(entry, "missing", column.indicator);
    }
    if (column.kind != MCL_COLUMN_CATEGORY && column.kind != MCL_COLUMN_LABEL)
        return;
    cJSON *categories = mcl_json_array_in(entry, "categories");
    for (uint32_t i = 0; i < column.categories; i++)
        mcl_json_text_at(categories, mcl_schema_category(schema, index, i));
}

void mcl_json_schema(cJSON *object, const mcl_schema *schema)
{
    mcl_image image;
    if (!schema)
        return;
    mcl_json_number(object, "inputs", (double)mcl_schema_inputs(schema));
    if (mcl_schema_image(&image, schema)) {
        cJSON *entry = mcl_json_object_in(object, "image");
        mcl_json_number(entry, "height", image.height);
        mcl_json_number(entry, "width", image.width);
        mcl_json_number(entry, "channels", image.channels);
    }
    cJSON *columns = mcl_json_array_in(object, "columns");
    for (size_t i = 0; i < mcl_schema_columns(schema); i++)
        add_column(mcl_json_object_at(columns), schema, i);
}

/* Rows by their labels. */
struct counts {
    uint64_t *of; /* [classes]; NULL: there are too many to be counted one by one */
    uint32_t classes;
    uint64_t labelled;
};

static struct counts count_labels(const mcl_data *data)
{
    const int32_t *labels = mcl_data_labels(data);
    struct counts counts = {NULL, mcl_data_classes(data), 0};
    for (uint64_t i = 0; i < mcl_data_rows(data); i++) {
        counts.labelled += labels[i] >= 0;
        if (labels[i] >= 0 && (uint32_t)labels[i] >= counts.classes)
            counts.classes = (uint32_t)labels[i] + 1;
    }
    counts.of =
        counts.classes <= CLASSES_MOST ? calloc(counts.classes + 1, sizeof *counts.of) : NULL;
    for (uint64_t i = 0; i < mcl_data_rows(data) && counts.of; i++) {
        if (labels[i] >= 0)
            counts.of[labels[i]]++;
    }
    return counts;
}

/* A class's name or number, whole. */
static void print_class(const mcl_data *data, uint32_t number)
{
    const char *name = mcl_data_class_name(data, number);
    if (name)
        mcl_print_clean(mcl_out, name);
    else
        mcl_print("%" PRIu32, number);
}

/* Labels that are numbers. */
struct range {
    uint64_t rows; /* that have one */
    double least, largest, mean;
};

/* False for want of memory. */
static bool find_range(struct range *range, const mcl_data *data)
{
    const uint64_t rows = mcl_data_rows(data);
    double *targets = malloc((size_t)rows * sizeof *targets + 1);
    const bool found = targets && mcl_data_targets(targets, data) == MCL_OK;
    *range = (struct range){0, INFINITY, -INFINITY, 0.0};
    for (uint64_t i = 0; found && i < rows; i++) {
        if (isnan(targets[i]))
            continue;
        range->rows++;
        range->least = fmin(range->least, targets[i]);
        range->largest = fmax(range->largest, targets[i]);
        range->mean += targets[i];
    }
    range->mean /= (double)range->rows;
    free(targets);
    return found;
}

static void print_without(const mcl_data *data, uint64_t labelled)
{
    const uint64_t without = mcl_data_rows(data) - labelled;
    if (without)
        mcl_print("; %" PRIu64 " rows have none", without);
    mcl_print("\n");
}

static void print_labels(const mcl_data *data)
{
    struct range range;
    if (!mcl_data_labels(data))
        return;
    if (mcl_data_has_targets(data) && find_range(&range, data)) {
        mcl_print("labels      %" PRIu64 " numbers from %g to %g, mean %g", range.rows, range.least,
            range.largest, range.mean);
        print_without(data, range.rows);
        return;
    }
    struct counts counts = count_labels(data);
    uint32_t shown = 0, more = 0;
    mcl_print("labels      %" PRIu64, counts.labelled);
    for (uint32_t i = 0; counts.of && i < counts.classes; i++) {
        if (counts.of[i] == 0)
            continue;
        if (shown == NAMES_SHOWN) {
            more++;
            continue;
        }
        mcl_print(shown++ ? ", " : ": ");
        print_class(data, i);
        mcl_print(" %" PRIu64, counts.of[i]);
    }
    if (more)
        mcl_print(", and %" PRIu32 " more classes", more);
    print_without(data, counts.labelled);
    free(counts.of);
}

void mcl_print_data(const mcl_data *data)
{
    uint64_t shape[MCL_DIMENSIONS_MAX];
    const size_t dimensions = mcl_data_row_shape(data, shape);
    char digest[MCL_DIGEST_SIZE];
    mcl_print("rows        %" PRIu64 "\n", mcl_data_rows(data));
    mcl_print("values      ");
    for (size_t i = 0; i < dimensions; i++)
        mcl_print("%s%" PRIu64, i ? " x " : "", shape[i]);
    mcl_print(mcl_data_element(data) == MCL_ELEMENT_UINT8
                  ? " a row, bytes that are divided by 255\n"
                  : " a row, float32\n");
    print_labels(data);
    mcl_data_digest(digest, data);
    mcl_print("digest      %s\n", digest);
    mcl_print_schema(mcl_data_schema(data));
}

static void add_labels(cJSON *object, const mcl_data *data)
{
    struct range range;
    if (!mcl_data_labels(data))
        return;
    if (mcl_data_has_targets(data) && find_range(&range, data)) {
        cJSON *entry = mcl_json_object_in(object, "targets");
        mcl_json_number(object, "labelled_rows", (double)range.rows);
        mcl_json_number(entry, "least", range.least);
        mcl_json_number(entry, "largest", range.largest);
        mcl_json_number(entry, "mean", range.mean);
        return;
    }
    struct counts counts = count_labels(data);
    mcl_json_number(object, "labelled_rows", (double)counts.labelled);
    cJSON *list = mcl_json_array_in(object, "classes");
    for (uint32_t i = 0; counts.of && i < counts.classes; i++) {
        char number[24];
        const char *name = mcl_data_class_name(data, i);
        if (counts.of[i] == 0 && !name)
            continue;
        snprintf(number, sizeof number, "%" PRIu32, i);
        cJSON *entry = mcl_json_object_at(list);
        mcl_json_text(entry, "name", name ? name : number);
        mcl_json_number(entry, "rows", (double)counts.of[i]);
    }
    free(counts.of);
}

void mcl_json_data(cJSON *object, const mcl_data *data)
{
    uint64_t shape[MCL_DIMENSIONS_MAX];
    const size_t dimensions = mcl_data_row_shape(data, shape);
    char digest[MCL_DIGEST_SIZE];
    mcl_json_number(object, "rows", (double)mcl_data_rows(data));
    cJSON *sizes = mcl_json_array_in(object, "row_shape");
    for (size_t i = 0; i < dimensions; i++)
        mcl_json_number_at(sizes, (double)shape[i]);
    mcl_json_text(
        object, "type", mcl_data_element(data) == MCL_ELEMENT_UINT8 ? "uint8" : "float32");
    add_labels(object, data);
    if (mcl_data_warning(data))
        mcl_json_text(object, "warning", mcl_data_warning(data));
    mcl_data_digest(digest, data);
    mcl_json_text(object, "digest", digest);
    mcl_json_schema(object, mcl_data_schema(data));
}
