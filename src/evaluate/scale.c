/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/scale.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

mcl_status mcl_features_check(const mcl_features *train, const mcl_features *test)
{
    if (!train || !test || !train->values || !test->values)
        return mcl_fail(MCL_ERROR_ARGUMENT, "a probe needs training rows and test rows, not NULL");
    if (train->columns != test->columns)
        return mcl_fail(MCL_ERROR_DATA,
            "the training rows have %" PRIu64 " columns, the test rows %" PRIu64, train->columns,
            test->columns);
    if (train->rows == 0 || test->rows == 0 || train->columns == 0)
        return mcl_fail(MCL_ERROR_DATA, "a probe needs training rows, test rows and columns");
    return MCL_OK;
}

#define ROUNDING 0x1p-23          /* of a float, by its size */
#define ROWS_MOST 1024            /* whose directions are looked at */
#define CLOSE 0x1p-22             /* 1 - cosine, at the mean, of rows that merge*/
#define EQUAL 0x1p-46             /* the same of equal rows, by the rounding of doubles */
#define CHUNK (UINT64_C(1) << 18) /* values that are scaled before they are sent, or a row */

mcl_status mcl_standards_find(mcl_standards *standards, const mcl_features *features)
{
    const uint64_t n = features->columns;
    const double rows = (double)features->rows;
    *standards = (mcl_standards){NULL, NULL};
    MCL_TRY(mcl_allocate(&standards->mean, n, sizeof *standards->mean));
    MCL_TRY(mcl_allocate(&standards->inverse, n, sizeof *standards->inverse));
    double *mean = standards->mean, *squares = standards->inverse;
    for (uint64_t i = 0; i < features->rows; i++) {
        const float *row = mcl_features_row(features, i);
        for (uint64_t j = 0; j < n; j++)
            mean[j] += (double)row[j];
    }
    for (uint64_t j = 0; j < n; j++)
        mean[j] /= rows;
    for (uint64_t i = 0; i < features->rows; i++) {
        const float *row = mcl_features_row(features, i);
        for (uint64_t j = 0; j < n; j++) {
            const double difference = (double)row[j] - mean[j];
            squares[j] += difference * difference;
        }
    }
    for (uint64_t j = 0; j < n; j++) {
        const double deviation = sqrt(squares[j] / rows);
        /* What is not finite stays so, and is refused with the loss. */
        standards->inverse[j] = deviation <= ROUNDING * fabs(mean[j]) ? 0.0 : 1.0 / deviation;
    }
    return MCL_OK;
}

void mcl_standards_release(mcl_standards *standards)
{
    free(standards->mean);
    free(standards->inverse);
    *standards = (mcl_standards){NULL, NULL};
}

void mcl_standardize_row(float *to, const float *from, uint64_t n, const mcl_standards *standards)
{
    for (uint64_t j = 0; j < n; j++)
        to[j] = (float)(((double)from[j] - standards->mean[j]) * standards->inverse[j]);
}

static void scale_row(float *to, const float *from, uint64_t n)
{
    float largest = 0.0f;
    int exponent = 0;
    for (uint64_t j = 0; j < n; j++)
        largest = fmaxf(largest, fabsf(from[j]));
    if (largest > 0.0f && largest < INFINITY)
        (void)frexpf(largest, &exponent);
    const double factor = ldexp(1.0, -exponent);
    for (uint64_t j = 0; j < n; j++)
        to[j] = (float)((double)from[j] * factor);
}

mcl_status mcl_write_scaled(mcl_context *context, cl_mem to, const mcl_features *features,
    uint64_t first, uint32_t count, const mcl_standards *standards)
{
    const uint64_t n = features->columns, fit = CHUNK / n;
    const uint64_t at_once = fit < 1 ? 1 : fit < count ? fit : count;
    const size_t row = (size_t)n * sizeof(float);
    float *scaled = NULL;
    mcl_status status = mcl_allocate(&scaled, at_once, row);
    for (uint64_t i = 0; i < count && status == MCL_OK; i += at_once) {
        const uint64_t rows = count - i < at_once ? count - i : at_once;
        for (uint64_t k = 0; k < rows; k++) {
            const float *from = mcl_features_row(features, first + i + k);
            if (standards)
                mcl_standardize_row(scaled + k * n, from, n, standards);
            else
                scale_row(scaled + k * n, from, n);
        }
        status = mcl_buffer_write(context, to, (size_t)i * row, scaled, (size_t)rows * row);
    }
    free(scaled);
    return status;
}

/* sum += the row divided by its length, which is not 0. */
static void add_direction(double *sum, const float *row, uint64_t n, double *count)
{
    double squares = 0.0;
    for (uint64_t j = 0; j < n; j++)
        squares += (double)row[j] * (double)row[j];
    if (!(squares > 0.0))
        return;
    const double inverse = 1.0 / sqrt(squares);
    for (uint64_t j = 0; j < n; j++)
        sum[j] += (double)row[j] * inverse;
    ++*count;
}

mcl_status mcl_directions_merge(bool *merge, const mcl_features *features)
{
    const uint64_t n = features->columns;
    const uint64_t step = features->rows > ROWS_MOST ? features->rows / ROWS_MOST : 1;
    double *sum, count = 0.0, squares = 0.0;
    MCL_TRY(mcl_allocate(&sum, n, sizeof *sum));
    for (uint64_t i = 0; i < features->rows; i += step)
        add_direction(sum, mcl_features_row(features, i), n, &count);
    for (uint64_t j = 0; j < n; j++)
        squares += sum[j] * sum[j];
    free(sum);
    const double apart = count > 0.0 ? 1.0 - squares / (count * count) : 1.0; /* 1 - mean cosine */
    *merge = apart > EQUAL && apart < CLOSE;
    return MCL_OK;
}
