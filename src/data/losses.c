/* SPDX-License-Identifier: Apache-2.0 */
#include "data/losses.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

#define EXACT 0x1p24           /* float32 has every integer up to it */
#define WHOLE 0x1p53           /* doubles have */
#define LEAST 0x1p-125         /* smaller floats are kept as 0 */
#define COLUMNS_MOST (1 << 20) /* of doubles that are looked at: 56 bytes each */

/* Parts of a column's deviation: an error above the first is seen in any figure. One above the
 * second is of numbers far from 0, and matters where it makes equals of many rows in sequence. A
 * deviation below the third, of the largest value, is the doubles' own rounding error. */
#define LARGE_ERROR 0.01
#define SMALL_ERROR 2e-6
#define NOISE 1e-12
#define MERGED 0.01 /* part of the rows that equal the one before as floats, but not as doubles */

/* What is known of a column of doubles. */
struct column {
    double first, last;
    double sum, squares; /* of the differences to first */
    double worst;        /* the value whose rounding error is the largest */
    uint64_t merged;
    bool fractions; /* it has more than integers that doubles have all of */
};

struct mcl_losses {
    const mcl_array *array;
    struct column *columns; /* [columns] as the file has them, of doubles */
    /* Of integers: the first that float32 does not have. */
    bool found;
    char text[MCL_NUMBER_TEXT];
    float stored;
    uint64_t number;
};

/* What is kept of a value: nothing of one below the least normal float32 but one. */
static float kept(double value)
{
    return fabs(value) < LEAST ? 0.0f : (float)value;
}

static double error_of(double value)
{
    return fabs(value - (double)kept(value));
}

mcl_status mcl_losses_create(mcl_losses **losses, const mcl_array *array)
{
    mcl_losses *created;
    *losses = NULL;
    if (mcl_number_fits_float(array->type))
        return MCL_OK;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->array = array;
    mcl_status status = MCL_OK;
    if (array->type == MCL_NUMBER_FLOAT64 && array->columns <= COLUMNS_MOST)
        status = mcl_allocate(&created->columns, array->columns, sizeof *created->columns);
    if (status == MCL_OK)
        *losses = created;
    else
        mcl_losses_free(created);
    return status;
}

void mcl_losses_free(mcl_losses *losses)
{
    if (!losses)
        return;
    free(losses->columns);
    free(losses);
}

/* Whether a float that an integer was rounded to is that integer. */
static bool has_integer(float stored, const void *values, mcl_number type, size_t index)
{
    switch (type) {
    case MCL_NUMBER_INT64: /* the largest ones are rounded to a number that no int64_t is */
        return stored < 0x1p63f && (int64_t)stored == ((const int64_t *)values)[index];
    case MCL_NUMBER_UINT64:
        return stored < 0x1p64f && (uint64_t)stored == ((const uint64_t *)values)[index];
    default:
        return (double)stored == mcl_number_at(values, type, index);
    }
}

static void add_integers(
    mcl_losses *losses, const void *values, const float *stored, size_t count, uint64_t first)
{
    const mcl_number type = losses->array->type;
    for (size_t i = 0; i < count && !losses->found; i++) {
        if (fabs((double)stored[i]) < EXACT || has_integer(stored[i], values, type, i))
            continue;
        losses->found = true;
        losses->stored = stored[i];
        losses->number = first + i;
        mcl_number_text(losses->text, values, type, i);
    }
}

static void add_double(struct column *column, double value, float stored, bool first)
{
    if (first)
        column->first = column->worst = column->last = value;
    const double difference = value - column->first;
    column->sum += difference;
    column->squares += difference * difference;
    column->merged += value != column->last && stored == kept(column->last);
    column->fractions = column->fractions || fabs(value) > WHOLE || value != rint(value);
    if (error_of(value) > error_of(column->worst))
        column->worst = value;
    column->last = value;
}

static void add_doubles(
    mcl_losses *losses, const double *values, const float *stored, size_t count, uint64_t first)
{
    const mcl_array *array = losses->array;
    const uint64_t inner = array->fortran ? array->rows : array->columns;
    uint64_t outer_at = first / inner, inner_at = first % inner;
    for (size_t i = 0; i < count; i++) {
        const uint64_t column = array->fortran ? outer_at : inner_at;
        const uint64_t row = array->fortran ? inner_at : outer_at;
        add_double(&losses->columns[column], values[i], stored[i], row == 0);
        if (++inner_at == inner) {
            inner_at = 0;
            outer_at++;
        }
    }
}

void mcl_losses_add(
    mcl_losses *losses, const void *values, const float *stored, size_t count, uint64_t first)
{
    if (!losses)
        return;
    if (losses->columns)
        add_doubles(losses, values, stored, count, first);
    else if (losses->array->type != MCL_NUMBER_FLOAT64)
        add_integers(losses, values, stored, count, first);
}

/* Whether float32 lacks too much of a column. */
static bool is_lost(const struct column *column, uint64_t rows)
{
    const double error = error_of(column->worst), mean = column->sum / (double)rows;
    const double variance = column->squares / (double)rows - mean * mean;
    const double deviation = variance > 0.0 ? sqrt(variance) : 0.0;
    if (!(deviation > NOISE * fabs(column->worst)))
        return false;
    return error > LARGE_ERROR * deviation || (error > 0.0 && !column->fractions) ||
           (error > SMALL_ERROR * deviation && (double)column->merged > MERGED * (double)rows);
}

/* A line on a value of a column, counted as the file has them. */
static mcl_status tell(char **text, const mcl_losses *losses, const char *name, const char *value,
    float stored, uint64_t number)
{
    const mcl_array_run run = {losses->array, name, number, NULL};
    const char *format =
        "%s: column %" PRIu64
        " (counted from 0) has numbers such as %s that float32, in which rows "
        "are kept, does not have: it becomes %.9g, as others do; %s and save it again, or leave "
        "the column out";
    const char *advice = stored == 0.0f ? "divide the column by its largest number"
                                        : "subtract the column's least number";
    uint64_t row, column;
    mcl_array_locate(&row, &column, &run, 0);
    const int length = snprintf(NULL, 0, format, name, column, value, (double)stored, advice);
    MCL_TRY(mcl_allocate(text, (uint64_t)length + 1, 1));
    snprintf(*text, (size_t)length + 1, format, name, column, value, (double)stored, advice);
    return MCL_OK;
}

mcl_status mcl_losses_text(char **text, const mcl_losses *losses, const char *name)
{
    *text = NULL;
    if (!losses)
        return MCL_OK;
    if (losses->found)
        return tell(text, losses, name, losses->text, losses->stored, losses->number);
    const mcl_array *array = losses->array;
    for (uint64_t c = 0; losses->columns && c < array->columns; c++) {
        const struct column *column = &losses->columns[c];
        char value[MCL_NUMBER_TEXT];
        if (!is_lost(column, array->rows))
            continue;
        mcl_number_text(value, &column->worst, MCL_NUMBER_FLOAT64, 0);
        return tell(
            text, losses, name, value, kept(column->worst), array->fortran ? c * array->rows : c);
    }
    return MCL_OK;
}
