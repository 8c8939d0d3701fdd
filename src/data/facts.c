/* SPDX-License-Identifier: Apache-2.0 */
#include "data/facts.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/data.h"

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

/* Adds every step-th row; those that follow each other are read at once. */
static mcl_status add_rows(
    struct sums *sums, const mcl_data *data, uint64_t step, const mcl_distances *distances)
{
    const uint64_t rows = mcl_data_rows(data), columns = mcl_data_columns(data);
    const uint64_t most = step == 1 ? mcl_data_block(data) : 1, stride = step == 1 ? most : step;
    float *block;
    MCL_TRY(mcl_allocate(&block, most * columns, sizeof *block));
    mcl_status status = MCL_OK;
    for (uint64_t first = 0; first < rows && status == MCL_OK; first += stride) {
        const uint64_t count = rows - first < most ? rows - first : most;
        status = mcl_data_floats(block, data, first, count);
        for (uint64_t i = 0; i < count && status == MCL_OK; i++)
            add_row(sums, block + i * columns, columns, distances);
    }
    free(block);
    return status;
}

mcl_status mcl_facts_find(
    mcl_facts *facts, const mcl_data *data, uint64_t most, const mcl_distances *distances)
{
    static const mcl_distances none = {0.0, DBL_MAX, DBL_MAX};
    const uint64_t rows = mcl_data_rows(data);
    const uint64_t step = rows > most ? rows / most : 1;
    struct sums sums = {.count = 0};
    MCL_TRY(add_rows(&sums, data, step, distances ? distances : &none));
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
