/* SPDX-License-Identifier: Apache-2.0 */
#include "data/facts.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

/* Sums over the values seen so far; `shift` is one of them, so that squares lose nothing where all
 * are far from 0. */
struct sums {
    uint64_t count, far, unusual, negative, rows, far_rows;
    double shift, sum, squares, magnitudes, least, largest;
};

static void add_row(
    struct sums *sums, const float *row, uint64_t columns, const mcl_distances *distances)
{
    const uint64_t far = sums->far;
    if (sums->count == 0)
        sums->shift = sums->least = sums->largest = (double)row[0];
    for (uint64_t j = 0; j < columns; j++) {
        const double value = (double)row[j], difference = value - sums->shift;
        sums->sum += difference;
        sums->squares += difference * difference;
        sums->magnitudes += fabs(value);
        sums->least = value < sums->least ? value : sums->least;
        sums->largest = value > sums->largest ? value : sums->largest;
        sums->negative += value < 0.0;
        sums->far += fabs(value - distances->centre) > distances->far;
        sums->unusual += fabs(value - distances->centre) > distances->unusual;
    }
    sums->count += columns;
    sums->rows++;
    sums->far_rows += sums->far > far;
}

mcl_status mcl_facts_find(
    mcl_facts *facts, const mcl_data *data, uint64_t most, const mcl_distances *distances)
{
    static const mcl_distances none = {0.0, DBL_MAX, DBL_MAX};
    const uint64_t rows = mcl_data_rows(data), columns = mcl_data_columns(data);
    const uint64_t step = rows > most ? rows / most : 1;
    struct sums sums = {.count = 0};
    float *row;
    MCL_TRY(mcl_allocate(&row, columns, sizeof *row));
    for (uint64_t i = 0; i < rows; i += step) {
        (void)mcl_data_floats(row, data, i, 1); /* the row is there */
        add_row(&sums, row, columns, distances ? distances : &none);
    }
    free(row);
    const double count = (double)sums.count, mean = sums.sum / count;
    const double variance = sums.squares / count - mean * mean;
    *facts = (mcl_facts){.least = sums.least,
        .largest = sums.largest,
        .mean = sums.shift + mean,
        .deviation = variance > 0.0 ? sqrt(variance) : 0.0,
        .magnitude = sums.magnitudes / count,
        .far = (double)sums.far / count,
        .unusual = (double)sums.unusual / count,
        .negative = (double)sums.negative / count,
        .far_rows = (double)sums.far_rows / (double)sums.rows};
    return MCL_OK;
}
