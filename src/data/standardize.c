/* SPDX-License-Identifier: Apache-2.0 */
#include "data/standardize.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/arrays.h"
#include "data/builder.h"
#include "data/notes.h"
#include "data/schema.h"
#include "data/sums.h"

#define SAMPLE 4096 /* rows, evenly spread, by which columns are found to be alike */
#define MUCH 30.0   /* median deviations by which columns that are alike do not differ */

/* Columns 0, 1, … of numbers, as many as the data have. */
static bool fits(const mcl_schema *schema, uint64_t columns)
{
    char name[32];
    if (mcl_schema_columns(schema) != columns)
        return false;
    for (size_t c = 0; c < mcl_schema_columns(schema); c++) {
        const mcl_column column = mcl_schema_column(schema, c);
        snprintf(name, sizeof name, "%zu", c);
        if (column.kind != MCL_COLUMN_NUMBER || column.indicator || strcmp(column.name, name) != 0)
            return false;
    }
    return true;
}

static bool are_vectors(const mcl_data *data)
{
    uint64_t shape[MCL_DIMENSIONS_MAX];
    return mcl_data_element(data) == MCL_ELEMENT_FLOAT32 && mcl_data_row_shape(data, shape) == 1;
}

static void add_row(mcl_moments *moments, const float *row, uint64_t columns)
{
    for (uint64_t c = 0; c < columns; c++)
        mcl_moments_add(&moments[c], (double)row[c]);
}

/* The moments of columns, of every step-th row that options have the schema fitted to. */
static mcl_status measure(
    mcl_moments *moments, const mcl_data *data, uint64_t step, const mcl_data_options *options)
{
    const uint64_t columns = mcl_data_columns(data), all = mcl_data_rows(data);
    const uint64_t most = step == 1 ? mcl_data_block(data) : 1;
    const void *rows;
    float *room;
    MCL_TRY(mcl_data_room(&room, data, most));
    mcl_status status = MCL_OK;
    for (uint64_t first = 0; first < all && status == MCL_OK; first += step == 1 ? most : step) {
        const uint64_t count = all - first < most ? all - first : most;
        status = mcl_data_look(&rows, room, data, first, count);
        for (uint64_t r = 0; status == MCL_OK && r < count; r++) {
            if (!options->fit_to || options->fit_to(first + r, options->fit_user))
                add_row(moments, (const float *)rows + r * columns, columns);
        }
    }
    free(room);
    return status;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The middle one of values, which are sorted; 0 of none. */
static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return count ? values[count / 2] : 0.0;
}

/* Whether some column's deviation, or its mean's distance from the median one, is many times the
 * median deviation of those that vary. */
static mcl_status differ(bool *much, const mcl_moments *moments, uint64_t columns)
{
    double *deviations, *means;
    size_t varying = 0;
    MCL_TRY(mcl_allocate(&deviations, 2 * columns, sizeof *deviations));
    means = deviations + columns;
    for (uint64_t c = 0; c < columns; c++) {
        const double deviation = mcl_moments_deviation(&moments[c]);
        means[varying] = mcl_moments_mean(&moments[c]);
        deviations[varying] = deviation;
        varying += deviation > 0.0;
    }
    const double scale = median(deviations, varying), centre = median(means, varying);
    *much = varying > 1 &&
            (deviations[varying - 1] > MUCH * scale || means[varying - 1] - centre > MUCH * scale ||
                centre - means[0] > MUCH * scale);
    free(deviations);
    return MCL_OK;
}

/* Whether the columns are to be standardized by their own moments. */
static mcl_status decide(bool *wanted, const mcl_data *data, const mcl_data_options *options)
{
    const uint64_t columns = mcl_data_columns(data), rows = mcl_data_rows(data);
    mcl_moments *moments;
    *wanted = options->standardize != MCL_STANDARDIZE_AUTO;
    if (*wanted || columns < 2)
        return MCL_OK;
    MCL_TRY(mcl_allocate(&moments, columns, sizeof *moments));
    mcl_status status = measure(moments, data, (rows + SAMPLE - 1) / SAMPLE, options);
    if (status == MCL_OK)
        status = differ(wanted, moments, columns);
    free(moments);
    return status;
}

static double common_deviation(const mcl_moments *moments, uint64_t columns)
{
    double sum = 0.0;
    for (uint64_t c = 0; c < columns; c++) {
        const double deviation = mcl_moments_deviation(&moments[c]);
        sum += deviation * deviation;
    }
    return sum > 0.0 ? sqrt(sum / (double)columns) : 1.0;
}

static mcl_status add_columns(
    mcl_schema *schema, const mcl_moments *moments, uint64_t columns, mcl_standardize standardize)
{
    const bool center = standardize == MCL_STANDARDIZE_CENTER;
    const double common = center ? common_deviation(moments, columns) : 1.0;
    for (uint64_t c = 0; c < columns; c++) {
        char name[32];
        const double own = mcl_moments_deviation(&moments[c]);
        snprintf(name, sizeof name, "%" PRIu64, c);
        const mcl_column column = {.name = name,
            .kind = MCL_COLUMN_NUMBER,
            .mean = mcl_moments_mean(&moments[c]),
            .deviation = center      ? common
                         : own > 0.0 ? own
                                     : 1.0};
        MCL_TRY(mcl_schema_add(schema, &column, NULL));
    }
    return MCL_OK;
}

static mcl_status fit(mcl_schema **schema, const mcl_data *data, const mcl_data_options *options)
{
    const uint64_t columns = mcl_data_columns(data);
    mcl_schema *created = NULL;
    mcl_moments *moments;
    MCL_TRY(mcl_allocate(&moments, columns, sizeof *moments));
    mcl_status status = measure(moments, data, 1, options);
    if (status == MCL_OK)
        status = mcl_schema_create(&created);
    if (status == MCL_OK)
        status = add_columns(created, moments, columns, options->standardize);
    free(moments);
    if (status == MCL_OK)
        *schema = created;
    else
        mcl_schema_free(created);
    return status;
}

/* to[count × columns] = the standardized rows; to may be rows. */
static mcl_status transform(float *to, const float *rows, uint64_t first, uint64_t count,
    const mcl_data *data, const mcl_schema *schema)
{
    const uint64_t columns = mcl_data_columns(data);
    for (uint64_t c = 0; c < columns; c++) {
        const mcl_column column = mcl_schema_column(schema, (size_t)c);
        for (uint64_t r = 0; r < count; r++) {
            const double used = ((double)rows[r * columns + c] - column.mean) / column.deviation;
            if (!(fabs(used) <= (double)FLT_MAX))
                return mcl_fail(MCL_ERROR_DATA,
                    "%s: row %" PRIu64 ", column %" PRIu64
                    " (counted from 0) is too large for float32 when it is standardized",
                    mcl_data_source(data), first + r, c);
            (void)mcl_data_store(&to[r * columns + c], (float)used);
        }
    }
    return MCL_OK;
}

/* A data set of the standardized rows, which memory has no room for. */
static mcl_status rebuild(mcl_data **data, const mcl_schema *schema, uint64_t host_memory)
{
    const mcl_data *from = *data;
    const uint64_t rows = mcl_data_rows(from), columns = mcl_data_columns(from);
    const uint64_t most = mcl_data_block(from);
    const mcl_row_plan plan = {.element = MCL_ELEMENT_FLOAT32,
        .shape = {columns},
        .dimensions = 1,
        .rows = rows,
        .host_memory = host_memory,
        .source = mcl_data_source(from)};
    mcl_builder *builder;
    float *block;
    MCL_TRY(mcl_builder_create(&builder, &plan));
    mcl_status status = mcl_allocate(&block, most * columns, sizeof *block);
    for (uint64_t first = 0; first < rows && status == MCL_OK; first += most) {
        const uint64_t count = rows - first < most ? rows - first : most;
        status = mcl_data_read_rows(block, from, first, count);
        if (status == MCL_OK)
            status = transform(block, block, first, count, from, schema);
        if (status == MCL_OK)
            status = mcl_builder_add(builder, block, count);
    }
    mcl_data *built = NULL;
    if (status == MCL_OK)
        status = mcl_builder_finish(&built, builder);
    if (status == MCL_OK) {
        mcl_data_free(*data);
        *data = built;
    }
    free(block);
    mcl_builder_free(builder);
    return status;
}

static mcl_status apply(mcl_data **data, const mcl_schema *schema, uint64_t host_memory)
{
    float *own = mcl_data_own_floats(*data);
    return own ? transform(own, own, 0, mcl_data_rows(*data), *data, schema)
               : rebuild(data, schema, host_memory);
}

/* Says that it was done, where nobody has asked for it. */
static mcl_status note(mcl_notes *notes, const mcl_data *data)
{
    if (mcl_data_warning(data))
        MCL_TRY(mcl_notes_add(notes, "%s", mcl_data_warning(data)));
    return mcl_notes_add(notes,
        "%s: its columns differ much in size, or are far from 0, and are standardized, each by its "
        "mean and deviation; `standardize` = none leaves them as they are",
        mcl_data_source(data));
}

mcl_status mcl_data_standardize(mcl_data **data, const mcl_data_options *options)
{
    bool wanted = false;
    mcl_schema *schema = NULL;
    mcl_notes notes = {NULL};
    const bool fitted = !options->schema;
    if (!are_vectors(*data) || (fitted ? options->standardize == MCL_STANDARDIZE_NONE
                                       : !fits(options->schema, mcl_data_columns(*data))))
        return MCL_OK;
    if (fitted)
        MCL_TRY(decide(&wanted, *data, options));
    if (fitted && !wanted)
        return MCL_OK;
    mcl_status status =
        fitted ? fit(&schema, *data, options) : mcl_schema_copy(&schema, options->schema);
    if (status == MCL_OK && fitted && options->standardize == MCL_STANDARDIZE_AUTO)
        status = note(&notes, *data);
    if (status == MCL_OK)
        status = apply(data, schema, options->host_memory);
    if (status != MCL_OK) {
        mcl_schema_free(schema);
        free(notes.text);
        return status;
    }
    mcl_data_set_schema(*data, schema);
    if (notes.text)
        mcl_data_set_warning(*data, notes.text);
    return MCL_OK;
}

/* Arrays whose numbers are looked at and standardized before they become float32. */

#define FAR_FROM_ZERO (0x1p24 / 100) /* deviations; there float32 has an error of 1% of one */

struct looking {
    mcl_moments *all, *sampled; /* [columns] */
    uint64_t step;              /* every so-manyth row is in the sample */
    uint64_t before, next;      /* rows before the present array, and with it */
};

/* Makes nothing of the values. */
static mcl_status look(void *to, const void *from, size_t count, const mcl_array_run *run)
{
    struct looking *looking = run->state;
    const mcl_array *array = run->array;
    uint64_t row, column;
    (void)to;
    if (run->first == 0) {
        looking->before = looking->next;
        looking->next += array->rows;
    }
    mcl_array_locate(&row, &column, run, 0);
    for (size_t i = 0; i < count; i++) {
        const double value = mcl_number_at(from, array->type, i);
        if (!isfinite(value))
            return mcl_data_refuse(run, i, value);
        mcl_moments_add(&looking->all[column], value);
        if ((looking->before + row) % looking->step == 0)
            mcl_moments_add(&looking->sampled[column], value);
        if (array->fortran && ++row == array->rows) {
            mcl_array_locate(&row, &column, run, i + 1);
        } else if (!array->fortran && ++column == array->columns) {
            column = 0;
            row++;
        }
    }
    return MCL_OK;
}

static bool are_far(const mcl_moments *moments, uint64_t columns)
{
    for (uint64_t c = 0; c < columns; c++) {
        const double deviation = mcl_moments_deviation(&moments[c]);
        if (deviation > 0.0 && fabs(mcl_moments_mean(&moments[c])) > FAR_FROM_ZERO * deviation)
            return true;
    }
    return false;
}

/* Whether the sums of all columns are numbers. */
static bool have_moments(const mcl_moments *moments, uint64_t columns)
{
    for (uint64_t c = 0; c < columns; c++) {
        if (!isfinite(mcl_moments_mean(&moments[c])) ||
            !isfinite(mcl_moments_deviation(&moments[c])))
            return false;
    }
    return true;
}

/* *schema = NULL where the columns are to stay as they are: also those of numbers too large for
 * sums of their squares, which float32 does not have. */
static mcl_status fit_arrays(
    mcl_schema **schema, const mcl_arrays *arrays, mcl_standardize standardize)
{
    const mcl_array *all = mcl_arrays_all(arrays);
    const uint64_t columns = all->columns;
    struct looking looking = {.step = (all->rows + SAMPLE - 1) / SAMPLE};
    bool wanted = standardize != MCL_STANDARDIZE_AUTO;
    mcl_schema *created = NULL;
    MCL_TRY(mcl_allocate(&looking.all, 2 * columns, sizeof *looking.all));
    looking.sampled = looking.all + columns;
    mcl_status status = mcl_arrays_look(arrays, look, &looking);
    if (status == MCL_OK && !wanted && columns > 1)
        status = differ(&wanted, looking.sampled, columns);
    wanted = (wanted || are_far(looking.all, columns)) && have_moments(looking.all, columns);
    if (status == MCL_OK && wanted)
        status = mcl_schema_create(&created);
    if (status == MCL_OK && wanted)
        status = add_columns(created, looking.all, columns, standardize);
    free(looking.all);
    if (status == MCL_OK)
        *schema = created;
    else
        mcl_schema_free(created);
    return status;
}

struct scale {
    double mean, deviation;
};

static mcl_status convert(void *to, const void *from, size_t count, const mcl_array_run *run)
{
    const struct scale *scales = run->state;
    float *stored = to;
    for (size_t i = 0; i < count; i++) {
        const double value = mcl_number_at(from, run->array->type, i);
        uint64_t row, column;
        mcl_array_locate(&row, &column, run, i);
        const double used = (value - scales[column].mean) / scales[column].deviation;
        if (!(fabs(used) <= (double)FLT_MAX))
            return mcl_data_refuse(run, i, isfinite(value) ? used : value);
        (void)mcl_data_store(&stored[i], (float)used);
    }
    return MCL_OK;
}

static mcl_status convert_arrays(
    mcl_data **data, const mcl_arrays *arrays, const mcl_schema *schema, uint64_t host_memory)
{
    const uint64_t columns = mcl_arrays_all(arrays)->columns;
    struct scale *scales;
    MCL_TRY(mcl_allocate(&scales, columns, sizeof *scales));
    for (uint64_t c = 0; c < columns; c++) {
        const mcl_column column = mcl_schema_column(schema, (size_t)c);
        scales[c] = (struct scale){column.mean, column.deviation};
    }
    const mcl_status status = mcl_arrays_convert(data, arrays, convert, scales, host_memory);
    free(scales);
    return status;
}

static mcl_status open_wide(
    mcl_data **data, const mcl_arrays *arrays, const mcl_data_options *options)
{
    mcl_schema *schema = NULL;
    mcl_notes notes = {NULL};
    const bool fitted = !options->schema;
    MCL_TRY(fitted ? fit_arrays(&schema, arrays, options->standardize)
                   : mcl_schema_copy(&schema, options->schema));
    if (!schema)
        return mcl_arrays_data(data, arrays, options->host_memory);
    mcl_status status = convert_arrays(data, arrays, schema, options->host_memory);
    if (status != MCL_OK) {
        mcl_schema_free(schema);
        return status;
    }
    mcl_data_set_schema(*data, schema);
    if (fitted && options->standardize == MCL_STANDARDIZE_AUTO)
        status = note(&notes, *data);
    if (status == MCL_OK)
        mcl_data_set_warning(*data, notes.text);
    else
        mcl_data_free(*data);
    return status;
}

/* Whether an array's values are to be looked at before they are rounded. */
static bool is_wide(const mcl_array *array, const mcl_data_options *options)
{
    return !mcl_number_fits_float(array->type) && array->dimensions <= 2 &&
           (options->schema ? fits(options->schema, array->columns)
                            : options->standardize != MCL_STANDARDIZE_NONE);
}

static mcl_status open_narrow(
    mcl_data **data, const mcl_data_options *options, mcl_status status, mcl_data *read)
{
    if (status == MCL_OK)
        status = mcl_data_standardize(&read, options);
    if (status == MCL_OK)
        *data = read;
    else
        mcl_data_free(read);
    return status;
}

static mcl_status open_several(mcl_data **data, const mcl_opening *opening)
{
    const mcl_data_options *options = opening->options;
    mcl_arrays *arrays;
    mcl_data *read = NULL;
    MCL_TRY(mcl_arrays_create(&arrays, NULL, NULL, opening->paths, opening->count));
    mcl_status status;
    if (is_wide(mcl_arrays_all(arrays), options)) {
        status = open_wide(data, arrays, options);
    } else {
        status = mcl_arrays_data(&read, arrays, options->host_memory);
        status = open_narrow(data, options, status, read);
    }
    mcl_arrays_free(arrays);
    return status;
}

mcl_status mcl_arrays_open_standardized(mcl_data **data, const mcl_opening *opening)
{
    const mcl_data_options *options = opening->options;
    mcl_array array;
    mcl_arrays *arrays;
    mcl_data *read = NULL;
    if (opening->count > 1)
        return open_several(data, opening);
    MCL_TRY(mcl_array_header(&array, opening->source));
    if (!is_wide(&array, options)) {
        const mcl_status status =
            mcl_data_read_array(&read, &array, opening->source, options->host_memory);
        return open_narrow(data, options, status, read);
    }
    MCL_TRY(mcl_arrays_create(&arrays, &array, opening->source, opening->paths, 1));
    const mcl_status status = open_wide(data, arrays, options);
    mcl_arrays_free(arrays);
    return status;
}
