/* SPDX-License-Identifier: Apache-2.0 */
/* Feeding the readers of data and labels from memory. */
#ifndef MASKCL_TESTS_FUZZ_ARRAYS_H
#define MASKCL_TESTS_FUZZ_ARRAYS_H

#include "fuzz.h"

#include <math.h>

#include "data/data.h"

#define FUZZ_NAME "input"

/* The input as a file of known size, or as a pipe. NULL when it cannot be a source, with the reason
 * checked. */
static inline mcl_source *fuzz_source(const uint8_t *bytes, size_t size, int pipe)
{
    mcl_source *source = NULL;
    FILE *stream = fmemopen((void *)(uintptr_t)bytes, size, "r");
    if (!stream)
        return NULL;
    FUZZ_ASSERT(mcl_source_from_stream(
                    &source, stream, pipe ? MCL_SOURCE_UNKNOWN : size, FUZZ_NAME) == MCL_OK);
    return source;
}

static inline void fuzz_check_data(const mcl_data *data)
{
    uint64_t shape[MCL_DIMENSIONS_MAX], columns = 1;
    const size_t dimensions = mcl_data_row_shape(data, shape);
    FUZZ_ASSERT(dimensions >= 1 && dimensions <= MCL_DIMENSIONS_MAX);
    for (size_t d = 0; d < dimensions; d++)
        columns *= shape[d];
    FUZZ_ASSERT(mcl_data_rows(data) >= 1 && columns >= 1 && columns == mcl_data_columns(data));
    float *row = malloc(columns * sizeof *row);
    for (uint64_t r = 0; row && r < mcl_data_rows(data); r++) {
        FUZZ_ASSERT(mcl_data_floats(row, data, r, 1) == MCL_OK);
        for (uint64_t c = 0; c < columns; c++)
            FUZZ_ASSERT(row[c] == 0 || (isfinite(row[c]) && fabsf(row[c]) >= 0x1p-125f));
    }
    free(row);
}

/* Reads data from the input as a file, as a pipe, and as a pipe whose rows memory has no room for.
 * Each time it must be taken with the same values, or refused. */
static inline void fuzz_data(const uint8_t *bytes, size_t size)
{
    char digests[3][MCL_DIGEST_SIZE] = {"", "", ""};
    for (int way = 0; way < 3; way++) {
        mcl_data *data = NULL;
        mcl_source *source = fuzz_source(bytes, size, way > 0);
        if (!source)
            return;
        const mcl_status status = mcl_data_read_within(&data, source, way == 2 ? 1 : 0);
        mcl_source_close(source);
        FUZZ_ASSERT((status == MCL_OK) == (data != NULL));
        if (data)
            fuzz_check_data(data);
        else
            fuzz_check_refusal(status, FUZZ_NAME);
        mcl_data_digest(digests[way], data);
        mcl_data_free(data);
        FUZZ_ASSERT(strcmp(digests[way], digests[0]) == 0);
    }
}

/* Feeds the input as a .npy file; and, so that mutations need not keep lengths right, as a header
 * by itself, with the length that it has and the values that follow the first newline. */
static inline void fuzz_npy(
    void (*take)(const uint8_t *bytes, size_t size), const uint8_t *data, size_t size)
{
    const size_t prefix = 12;
    take(data, size);
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    const size_t length = end ? (size_t)(end - data) + 1 : size;
    uint8_t *file = malloc(prefix + size);
    if (!file)
        return;
    memcpy(file, "\x93NUMPY\2", 8);
    for (int i = 0; i < 4; i++)
        file[8 + i] = (uint8_t)(length >> 8 * i);
    if (size)
        memcpy(file + prefix, data, size);
    take(file, prefix + size);
    free(file);
}

#endif
