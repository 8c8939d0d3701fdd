/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest rows to a few others, on the host. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "maskcl/evaluate.h"

static double product(const float *a, const float *b, uint64_t columns)
{
    double sum = 0.0;
    for (uint64_t i = 0; i < columns; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* Puts a row where it belongs among nearest[count], of which `used` are there and the last one is
 * lost where all are. */
static void insert(mcl_neighbor *nearest, uint64_t used, uint64_t count, mcl_neighbor row)
{
    uint64_t at = used < count ? used : count - 1;
    if (used == count && row.similarity <= nearest[at].similarity)
        return;
    while (at > 0 && nearest[at - 1].similarity < row.similarity)
        at--;
    const uint64_t moved = (used < count ? used : count - 1) - at;
    memmove(nearest + at + 1, nearest + at, (size_t)moved * sizeof *nearest);
    nearest[at] = row;
}

mcl_status mcl_neighbors_find(mcl_neighbor *nearest, const float *candidates, uint64_t rows,
    uint64_t columns, const float *queries, uint64_t query_count, uint64_t count)
{
    MCL_NEED(nearest);
    MCL_NEED(candidates);
    MCL_NEED(queries);
    if (count == 0 || count > rows)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%" PRIu64 " neighbours of %" PRIu64 " rows: 1 to %" PRIu64 " can be found", count,
            rows, rows);
    for (uint64_t row = 0; row < rows; row++) {
        const float *candidate = candidates + row * columns;
        const double square = product(candidate, candidate, columns);
        for (uint64_t q = 0; q < query_count; q++) {
            const float *query = queries + q * columns;
            const double size = sqrt(square) * sqrt(product(query, query, columns));
            const mcl_neighbor found = {
                row, size > 0.0 ? product(candidate, query, columns) / size : 0.0};
            insert(nearest + q * count, row < count ? row : count, count, found);
        }
    }
    return MCL_OK;
}
