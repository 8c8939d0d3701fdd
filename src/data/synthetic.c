/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/data.h"
#include "data/normal.h"

/* The limit of the random generator's counter. */
#define ROWS_MAX ((uint64_t)1 << 48)
#define COLUMNS_MAX ((uint64_t)1 << 34)

/* The middle of the 2^24 equal parts of (0,1) that the word's upper 24 bits choose from. */
static float normal(uint32_t word)
{
    return (float)mcl_normal_quantile(((double)(word >> 8) + 0.5) * 0x1p-24);
}

static void fill_row(float *values, uint64_t columns, uint64_t row, uint64_t seed)
{
    uint32_t words[4];
    for (uint64_t c = 0; c < columns; c++) {
        if (c % 4 == 0)
            mcl_random_words(words, seed, MCL_STREAM_DATA, 0, 0, row, (uint32_t)(c / 4));
        values[c] = normal(words[c % 4]);
    }
}

mcl_status mcl_data_synthetic(mcl_data **data, uint64_t rows, uint64_t columns, uint64_t seed)
{
    MCL_NEED(data);
    const uint64_t shape[] = {rows, columns};
    char source[96];
    snprintf(source, sizeof source, "synthetic data of %" PRIu64 "x%" PRIu64 ", seed %" PRIu64,
        rows, columns, seed);
    uint64_t count;
    if (rows == 0 || columns == 0 || rows > ROWS_MAX || columns > COLUMNS_MAX ||
        !mcl_multiply(&count, rows, columns))
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s: there must be 1 to %" PRIu64 " rows and 1 to %" PRIu64 " columns", source,
            ROWS_MAX, COLUMNS_MAX);
    float *values;
    MCL_TRY(mcl_allocate_pages(&values, count, sizeof *values));
    for (uint64_t row = 0; row < rows; row++)
        fill_row(values + row * columns, columns, row, seed);
    const mcl_status status = mcl_data_create(data, values, MCL_ELEMENT_FLOAT32, shape, 2, source);
    if (status == MCL_OK)
        mcl_data_set_origin(*data, (mcl_data_origin){.synthetic = true, .seed = seed});
    else
        free(values);
    return status;
}
