/* SPDX-License-Identifier: Apache-2.0 */
/* How far vectors are apart, and in how many directions, on the host: sums in a fixed order, so
 * that the same vectors have the same bits everywhere. Shapes: N rows of D columns, row-major. */
#ifndef MASKCL_EVALUATE_SPREAD_H
#define MASKCL_EVALUATE_SPREAD_H

#include <stddef.h>
#include <stdint.h>

#include "maskcl/status.h"

/* Workspace of the effective rank. */
typedef struct mcl_rank_room {
    double *matrix; /* [least×least], the lesser of rows and columns */
    double *spectrum, *space;
} mcl_rank_room;

mcl_status mcl_rank_room_create(mcl_rank_room *room, uint64_t rows, uint64_t columns);
void mcl_rank_room_release(mcl_rank_room *room);

/* to[N×D] = the rows, each divided by its length. */
void mcl_unit_rows(double *to, const float *rows, size_t count, size_t columns);

/* to[n×n] = the lower triangle of a·aᵀ, a[i·row + k·column] for i < n and k < depth */
void mcl_gram(double *to, const double *a, size_t n, size_t depth, size_t row, size_t column);

/* exp of the entropy of the singular values of the centred rows, as parts of their sum (Roy and
 * Vetterli 2007); 0 where all rows are the same. Centres the rows. */
double mcl_effective_rank(double *rows, size_t count, size_t columns, mcl_rank_room *room);

typedef struct mcl_dispersion {
    /* Of the rows of length 1: √D times the mean over the columns of their standard deviation
     * (Chen and He 2021, section 4.1). */
    double spread;
    double rank; /* mcl_effective_rank() of the same rows */
} mcl_dispersion;

mcl_status mcl_disperse(
    mcl_dispersion *dispersion, const float *rows, uint64_t count, uint64_t columns);

#endif
