/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/spread.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/rounding.h"
#include "evaluate/eigenvalues.h"

#define NORM_LEAST 1e-12       /* as in cl/normalize.cl */
#define VARIANCE_LEAST 0x1p-44 /* of a row: what rounding to floats leaves */

mcl_status mcl_rank_room_create(mcl_rank_room *room, uint64_t rows, uint64_t columns)
{
    const uint64_t least = rows < columns ? rows : columns;
    *room = (mcl_rank_room){NULL};
    mcl_status status = mcl_allocate(&room->matrix, least * least, sizeof(double));
    if (status == MCL_OK)
        status = mcl_allocate(&room->spectrum, least, sizeof(double));
    if (status == MCL_OK)
        status = mcl_allocate(&room->space, least, sizeof(double));
    if (status != MCL_OK)
        mcl_rank_room_release(room);
    return status;
}

void mcl_rank_room_release(mcl_rank_room *room)
{
    free(room->matrix);
    free(room->spectrum);
    free(room->space);
    *room = (mcl_rank_room){NULL};
}

void mcl_unit_rows(double *to, const float *rows, size_t count, size_t columns)
{
    for (size_t i = 0; i < count; i++) {
        double square = 0.0;
        for (size_t j = 0; j < columns; j++)
            square += (double)rows[i * columns + j] * (double)rows[i * columns + j];
        const double length = sqrt(square) > NORM_LEAST ? sqrt(square) : NORM_LEAST;
        for (size_t j = 0; j < columns; j++)
            to[i * columns + j] = (double)rows[i * columns + j] / length;
    }
}

void mcl_gram(double *to, const double *a, size_t n, size_t depth, size_t row, size_t column)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double lanes[4] = {0.0}; /* sums that a processor takes side by side */
            for (size_t k = 0; k < depth; k++)
                lanes[k % 4] += a[i * row + k * column] * a[j * row + k * column];
            to[i * n + j] = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
        }
    }
}

/* Takes the columns' means off. */
static void center(double *values, size_t rows, size_t columns)
{
    for (size_t j = 0; j < columns; j++) {
        double mean = 0.0;
        for (size_t i = 0; i < rows; i++)
            mean += values[i * columns + j];
        mean /= (double)rows;
        for (size_t i = 0; i < rows; i++)
            values[i * columns + j] -= mean;
    }
}

/* The squares of the singular values are the eigenvalues of the smaller one of the two products of
 * the rows with themselves. */
double mcl_effective_rank(double *rows, size_t count, size_t columns, mcl_rank_room *room)
{
    const size_t n = count < columns ? count : columns;
    double sum = 0.0, squares = 0.0, entropy = 0.0;
    center(rows, count, columns);
    if (count < columns)
        mcl_gram(room->matrix, rows, n, columns, columns, 1);
    else
        mcl_gram(room->matrix, rows, n, count, 1, columns);
    for (size_t i = 0; i < n; i++) {
        squares += room->matrix[i * n + i];
        for (size_t j = 0; j < i; j++)
            room->matrix[j * n + i] = room->matrix[i * n + j];
    }
    if (!(squares > VARIANCE_LEAST * (double)count))
        return 0.0;
    mcl_eigenvalues(room->spectrum, room->matrix, n, room->space);
    for (size_t i = 0; i < n; i++) {
        const double square = room->spectrum[i];
        room->spectrum[i] = square > 0.0 ? sqrt(square) : 0.0;
        sum += room->spectrum[i];
    }
    for (size_t i = 0; i < n; i++) {
        const double part = room->spectrum[i] / sum;
        if ((float)part > 0x1p-126f)
            entropy -= part * (double)mcl_host_log((float)part);
    }
    return (double)mcl_host_exp((float)entropy);
}

/* Of rows that are centred. */
static double spread(const double *rows, size_t count, size_t columns)
{
    double deviations = 0.0;
    for (size_t j = 0; j < columns; j++) {
        double squares = 0.0;
        for (size_t i = 0; i < count; i++)
            squares += rows[i * columns + j] * rows[i * columns + j];
        deviations += sqrt(squares / (double)count);
    }
    return deviations / sqrt((double)columns);
}

mcl_status mcl_disperse(
    mcl_dispersion *dispersion, const float *rows, uint64_t count, uint64_t columns)
{
    mcl_rank_room room;
    double *values;
    MCL_TRY(mcl_rank_room_create(&room, count, columns));
    const mcl_status status = mcl_allocate(&values, count * columns, sizeof *values);
    if (status == MCL_OK) {
        mcl_unit_rows(values, rows, count, columns);
        dispersion->rank = mcl_effective_rank(values, count, columns, &room);
        dispersion->spread = spread(values, count, columns);
        free(values);
    }
    mcl_rank_room_release(&room);
    return status;
}
