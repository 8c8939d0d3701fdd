/* SPDX-License-Identifier: Apache-2.0 */
/* The data of a run as the library takes it. */
#ifndef MASKCL_CONFORMANCE_DATA_H
#define MASKCL_CONFORMANCE_DATA_H

#include "cases.h"

#include <unistd.h>

#include "data/data.h"
#include "data/schema.h"
#include "maskcl/maskcl.h"

static inline bool case_write_images(
    FILE *file, const unsigned char *values, const struct run_case *run)
{
    const unsigned sizes[] = {run->rows, run->height, run->width, run->channels};
    const size_t count = (size_t)run->rows * run->columns;
    unsigned char header[20] = {0, 0, 8, 4};
    for (size_t i = 0; i < 4; i++) {
        header[4 + 4 * i + 2] = (unsigned char)(sizes[i] >> 8);
        header[4 + 4 * i + 3] = (unsigned char)sizes[i];
    }
    return fwrite(header, sizeof header, 1, file) == 1 && fwrite(values, count, 1, file) == 1 &&
           fflush(file) == 0;
}

/* uint8 comes from files only. */
static inline mcl_status case_open_images(mcl_data **data, const struct run_case *run)
{
    char path[] = "/tmp/maskcl-runs-XXXXXX";
    const int descriptor = mkstemp(path);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    unsigned char *values = malloc((size_t)run->rows * run->columns);
    if (!file || !values)
        exit(EXIT_FAILURE);
    case_make_bytes(values, run);
    if (!case_write_images(file, values, run))
        exit(EXIT_FAILURE);
    const mcl_status status = mcl_data_open(data, path);
    fclose(file);
    unlink(path);
    free(values);
    return status;
}

/* The schema of a table, see case_table_value(). */
static inline mcl_status case_add_schema(mcl_data *data, const struct run_case *run)
{
    mcl_schema *schema;
    mcl_status status = mcl_schema_create(&schema);
    for (uint32_t i = 0; i < run->columns / 36 * CASE_TABLE_COLUMNS && status == MCL_OK; i++) {
        const uint32_t which = i % CASE_TABLE_COLUMNS, width = case_table_widths[which];
        const mcl_column column = {.name = "column",
            .kind = width > 2 ? MCL_COLUMN_CATEGORY : MCL_COLUMN_NUMBER,
            .deviation = 1.0,
            .indicator = width == 2};
        mcl_strings *categories;
        status = mcl_strings_create(&categories);
        for (uint32_t c = 0; c + 1 < width && width > 2 && status == MCL_OK; c++)
            status = mcl_strings_add(categories, "abcdefghijklmnopqrstuvwxyzABCDE" + c, 1);
        if (status == MCL_OK)
            status = mcl_schema_add(schema, &column, categories);
        mcl_strings_free(categories);
    }
    if (status == MCL_OK)
        mcl_data_set_schema(data, schema);
    return status;
}

static inline mcl_status case_open_data(mcl_data **data, const struct run_case *run)
{
    mcl_data *normal;
    if (strcmp(run->kind, "images") == 0)
        return case_open_images(data, run);
    mcl_status status = mcl_data_synthetic(&normal, run->rows, run->columns, CASE_DATA_SEED);
    if (status != MCL_OK)
        return status;
    float *values = malloc((size_t)run->rows * run->columns * sizeof *values);
    if (!values)
        exit(EXIT_FAILURE);
    status = mcl_data_floats(values, normal, 0, run->rows);
    mcl_data_free(normal);
    case_make_floats(values, run);
    if (status == MCL_OK)
        status = mcl_data_from_floats(data, values, run->rows, run->columns);
    if (status == MCL_OK && strcmp(run->kind, "table") == 0)
        status = case_add_schema(*data, run);
    free(values);
    return status;
}

#endif
