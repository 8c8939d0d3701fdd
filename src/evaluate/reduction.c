/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/reduction.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "evaluate/gram.h"

#define TOGETHER 16   /* columns that are read at once: a line of the cache */
#define NOTHING 1e-13 /* of the longest row's square: what is left of a row by rounding */

void mcl_standardized_row(
    double *to, const mcl_features *features, const mcl_standards *standards, uint64_t i)
{
    const float *from = mcl_features_row(features, i);
    for (uint64_t j = 0; j < features->columns; j++)
        to[j] = ((double)from[j] - standards->mean[j]) * standards->inverse[j];
}

/* products[rows×rows] = X·Xᵀ */
static mcl_status multiply(
    double *products, const mcl_features *features, const mcl_standards *standards)
{
    const uint64_t rows = features->rows, columns = features->columns;
    double *block;
    MCL_TRY(mcl_allocate(&block, rows, TOGETHER * sizeof *block));
    for (uint64_t first = 0; first < columns; first += TOGETHER) {
        const uint64_t count = columns - first < TOGETHER ? columns - first : TOGETHER;
        for (uint64_t i = 0; i < rows; i++) {
            const float *row = mcl_features_row(features, i) + first;
            for (uint64_t j = 0; j < count; j++)
                block[j * rows + i] =
                    ((double)row[j] - standards->mean[first + j]) * standards->inverse[first + j];
        }
        mcl_gram_add(products, (size_t)rows, block, (size_t)count);
    }
    mcl_gram_mirror(products, (size_t)rows);
    free(block);
    return MCL_OK;
}

/* Column k of the factor, from the row of products of its pivot: what the columns before it do not
 * have of them. */
static void add_column(
    double *columns, uint64_t k, const double *products, uint64_t rows, uint64_t pivot, double root)
{
    double *restrict to = columns + k * rows;
    memcpy(to, products + pivot * rows, (size_t)rows * sizeof *to);
    for (uint64_t m = 0; m < k; m++) {
        const double *restrict from = columns + m * rows, factor = from[pivot];
        for (uint64_t i = 0; i < rows; i++)
            to[i] -= factor * from[i];
    }
    for (uint64_t i = 0; i < rows; i++)
        to[i] /= root;
}

static uint64_t place_of_largest(const double *values, uint64_t count)
{
    uint64_t largest = 0;
    for (uint64_t i = 1; i < count; i++)
        largest = values[i] > values[largest] ? i : largest;
    return largest;
}

static mcl_status check_finite(const double *products, uint64_t rows)
{
    for (uint64_t i = 0; i < rows; i++) {
        if (!isfinite(products[i * rows + i]))
            return mcl_fail(MCL_ERROR_DATA, "the features of the probe are not all finite numbers");
    }
    return MCL_OK;
}

/* columns[rows×rows], of which as many are filled as the rows have dimensions; left[rows] is
 * workspace. */
static void factorize(
    mcl_reduction *reduction, double *columns, double *left, const double *products)
{
    const uint64_t rows = reduction->features->rows;
    double longest = 0.0;
    for (uint64_t i = 0; i < rows; i++) {
        left[i] = products[i * rows + i];
        longest = fmax(longest, left[i]);
    }
    for (uint64_t k = 0; k < rows; k++) {
        const uint64_t pivot = place_of_largest(left, rows);
        if (!(left[pivot] > NOTHING * longest))
            return;
        add_column(columns, k, products, rows, pivot, sqrt(left[pivot]));
        for (uint64_t i = 0; i < rows; i++)
            left[i] -= columns[k * rows + i] * columns[k * rows + i];
        left[pivot] = 0.0;
        reduction->pivots[reduction->columns++] = pivot;
    }
}

static mcl_status take_rows(mcl_reduction *reduction, const double *columns)
{
    const uint64_t rows = reduction->features->rows, count = reduction->columns;
    MCL_TRY(mcl_allocate(&reduction->values, rows, count * sizeof *reduction->values));
    for (uint64_t i = 0; i < rows; i++) {
        for (uint64_t k = 0; k < count; k++)
            reduction->values[i * count + k] = columns[k * rows + i];
    }
    return MCL_OK;
}

mcl_status mcl_reduction_find(
    mcl_reduction *reduction, const mcl_features *features, const mcl_standards *standards)
{
    const uint64_t rows = features->rows;
    double *products = NULL, *columns = NULL;
    *reduction = (mcl_reduction){.features = features, .standards = standards};
    mcl_status status = mcl_allocate(&products, rows, (rows + 1) * sizeof *products);
    if (status == MCL_OK)
        status = mcl_allocate(&columns, rows, rows * sizeof *columns);
    if (status == MCL_OK)
        status = mcl_allocate(&reduction->pivots, rows, sizeof *reduction->pivots);
    if (status == MCL_OK)
        status = multiply(products, features, standards);
    if (status == MCL_OK)
        status = check_finite(products, rows);
    if (status == MCL_OK) {
        factorize(reduction, columns, products + rows * rows, products);
        status = take_rows(reduction, columns);
    }
    free(products);
    free(columns);
    return status;
}

void mcl_reduction_release(mcl_reduction *reduction)
{
    free(reduction->values);
    free(reduction->pivots);
}

/* The weights are a sum of the pivots' rows, by factors for which these have the right products:
 * their part of L is lower triangular. */
mcl_status mcl_reduction_expand(
    double *weights, const mcl_reduction *reduction, const double *reduced)
{
    const uint64_t width = reduction->features->columns, count = reduction->columns;
    double *factors, *row;
    MCL_TRY(mcl_allocate(&factors, count + width, sizeof *factors));
    row = factors + count;
    memset(weights, 0, (size_t)width * sizeof *weights);
    memcpy(factors, reduced, (size_t)count * sizeof *factors);
    for (uint64_t k = count; k-- > 0;) {
        const double *values = reduction->values + reduction->pivots[k] * count;
        factors[k] /= values[k];
        for (uint64_t m = 0; m < k; m++)
            factors[m] -= factors[k] * values[m];
        mcl_standardized_row(row, reduction->features, reduction->standards, reduction->pivots[k]);
        for (uint64_t j = 0; j < width; j++)
            weights[j] += factors[k] * row[j];
    }
    free(factors);
    return MCL_OK;
}
