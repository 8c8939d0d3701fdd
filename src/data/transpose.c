/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays in Fortran order that are larger than memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/array.h"

#define COLUMNS 16u  /* that are written side by side: a line of the processor's cache at once */
#define PIECE 65536u /* bytes that are read at once */

struct transposition {
    const mcl_array *array;
    int file;
    uint64_t offset;
    const char *name;
    const mcl_array_flow *flow;
    uint64_t most;        /* rows at once */
    unsigned char *slab;  /* [COLUMNS × most] columns, one after the other */
    unsigned char *block; /* [most × columns] rows */
    unsigned char *piece; /* as the file has it */
};

static mcl_status read_piece(const struct transposition *work, uint64_t offset, size_t count)
{
    for (size_t done = 0; done < count;) {
        const ssize_t got =
            pread(work->file, work->piece + done, count - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return mcl_fail(MCL_ERROR_FILE, "%s: cannot read: %s", work->name,
                got < 0 ? strerror(errno) : "it was cut while it was read");
        done += (size_t)got;
    }
    return MCL_OK;
}

/* to[rows] = rows row … of a column, counted as the file has them. */
static mcl_status read_column(const struct transposition *work, unsigned char *to, uint64_t column,
    uint64_t row, uint64_t rows)
{
    const mcl_array *array = work->array;
    const size_t size = mcl_number_size(array->type);
    mcl_array_run run = {array, work->name, column * array->rows + row, work->flow->state};
    while (rows > 0) {
        const size_t count = rows < PIECE / size ? (size_t)rows : PIECE / size;
        MCL_TRY(read_piece(work, work->offset + run.first * size, count * size));
        if (array->big_endian)
            mcl_number_swap(work->piece, array->type, count);
        MCL_TRY(work->flow->convert(to, work->piece, count, &run));
        to += count * work->flow->size;
        run.first += count;
        rows -= count;
    }
    return MCL_OK;
}

/* Writes columns of the slab to their places in the block. */
static void scatter(
    const struct transposition *work, uint64_t column, uint64_t columns, uint64_t rows)
{
    const mcl_array *array = work->array;
    const size_t size = work->flow->size;
    uint64_t to[COLUMNS];
    for (uint64_t c = 0; c < columns; c++)
        to[c] = mcl_array_c_column(array, column + c);
    for (uint64_t r = 0; r < rows; r++) {
        unsigned char *line = work->block + r * array->columns * size;
        for (uint64_t c = 0; c < columns; c++)
            memcpy(line + to[c] * size, work->slab + (c * work->most + r) * size, size);
    }
}

/* Gives the rows from number `row` on. */
static mcl_status give_rows(const struct transposition *work, uint64_t row, uint64_t rows)
{
    const uint64_t all = work->array->columns;
    for (uint64_t column = 0; column < all; column += COLUMNS) {
        const uint64_t columns = all - column < COLUMNS ? all - column : COLUMNS;
        for (uint64_t c = 0; c < columns; c++)
            MCL_TRY(read_column(
                work, work->slab + c * work->most * work->flow->size, column + c, row, rows));
        scatter(work, column, columns, rows);
    }
    return work->flow->take(work->block, (size_t)(rows * all), work->flow->taker);
}

mcl_status mcl_array_transpose(const mcl_array *array, int file, uint64_t offset, const char *name,
    uint64_t rows, const mcl_array_flow *flow)
{
    struct transposition work = {.array = array,
        .file = file,
        .offset = offset,
        .name = name,
        .flow = flow,
        .most = rows < array->rows ? rows : array->rows};
    mcl_status status = mcl_allocate(&work.slab, COLUMNS * work.most, flow->size);
    if (status == MCL_OK)
        status = mcl_allocate(&work.block, work.most * array->columns, flow->size);
    if (status == MCL_OK)
        status = mcl_allocate(&work.piece, PIECE, 1);
    for (uint64_t row = 0; row < array->rows && status == MCL_OK; row += work.most) {
        const uint64_t left = array->rows - row;
        status = give_rows(&work, row, left < work.most ? left : work.most);
    }
    free(work.slab);
    free(work.block);
    free(work.piece);
    return status;
}
