/* SPDX-License-Identifier: Apache-2.0 */
/* Text tables: what is read of one is read alike by its own schema, and its records are the same
 * whatever it is read in. */
#include "arrays.h"

#include <unistd.h>
#include <xxhash.h>

#include "data/csv.h"

static mcl_data *open_input(
    mcl_status *status, const uint8_t *bytes, size_t size, const mcl_schema *schema)
{
    char path[64];
    int ends[2];
    mcl_data *data = NULL;
    const mcl_data_options options = {.schema = schema};
    FUZZ_ASSERT(pipe(ends) == 0);
    FUZZ_ASSERT(write(ends[1], bytes, size) == (ssize_t)size);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    *status = mcl_data_open_with(&data, path, &options);
    close(ends[0]);
    FUZZ_ASSERT((*status == MCL_OK) == (data != NULL));
    return data;
}

static uint64_t hash_record(uint64_t hash, const mcl_cell *cells, size_t count, uint64_t line)
{
    hash = XXH3_64bits_withSeed(&line, sizeof line, hash);
    for (size_t i = 0; i < count; i++) {
        const mcl_cell *cell = &cells[i];
        FUZZ_ASSERT(cell->known != MCL_CELL_UNREAD && !cell->doubled);
        FUZZ_ASSERT(cell->length < 65536);
        hash = XXH3_64bits_withSeed(cell->text, cell->length, hash + cell->known);
        if (cell->known == MCL_CELL_NUMBER)
            hash = XXH3_64bits_withSeed(&cell->number, sizeof cell->number, hash);
    }
    return hash;
}

/* All records and what ends them, in a number, read so many bytes at once. */
static uint64_t hash_all(
    const uint8_t *bytes, size_t size, const mcl_dialect *dialect, size_t block)
{
    mcl_source *source = fuzz_source(bytes, size, 0);
    mcl_csv *csv = NULL;
    const mcl_cell *cells;
    size_t count = 1;
    uint64_t hash = 0;
    if (!source)
        return 0;
    mcl_status status = mcl_csv_open(&csv, source, NULL, block);
    FUZZ_ASSERT(status == MCL_OK);
    for (bool more = true; more && status == MCL_OK;) {
        status = mcl_csv_next(&cells, &count, csv, dialect);
        more = status == MCL_OK && cells;
        if (more)
            hash = hash_record(hash, cells, count, mcl_csv_line(csv));
    }
    const char *message = status == MCL_OK ? "" : mcl_error_message();
    hash = XXH3_64bits_withSeed(message, strlen(message), hash);
    mcl_csv_close(csv);
    mcl_source_close(source);
    return hash;
}

static void check_blocks(const uint8_t *bytes, size_t size)
{
    static const mcl_dialect dialects[] = {
        {.delimiter = ',', .point = '.'}, {.delimiter = ' ', .point = ','}};
    for (int i = 0; i < 2; i++)
        FUZZ_ASSERT(
            hash_all(bytes, size, &dialects[i], 64) == hash_all(bytes, size, &dialects[i], 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char digests[2][MCL_DIGEST_SIZE];
    mcl_status status;
    if (size > 32768) /* a pipe has room for 65536 */
        size = 32768;
    check_blocks(bytes, size);
    mcl_data *data = open_input(&status, bytes, size, NULL);
    if (!data) {
        FUZZ_ASSERT(!strpbrk(mcl_error_message(), "\n\r"));
        return 0;
    }
    fuzz_check_data(data);
    mcl_data *again =
        mcl_data_schema(data) ? open_input(&status, bytes, size, mcl_data_schema(data)) : NULL;
    if (mcl_data_schema(data)) {
        FUZZ_ASSERT(again);
        mcl_data_digest(digests[0], data);
        mcl_data_digest(digests[1], again);
        FUZZ_ASSERT(strcmp(digests[0], digests[1]) == 0);
    }
    mcl_data_free(again);
    mcl_data_free(data);
    return 0;
}
