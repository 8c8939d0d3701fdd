/* SPDX-License-Identifier: Apache-2.0 */
#include "data/kept.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/memory.h"

#define CHUNK ((uint64_t)2 << 20) /* bytes, one of a processor's large pages */

struct mcl_kept {
    size_t columns;
    uint64_t rows, chunk_rows, most; /* chunks that it may take */
    uint64_t **chunks;               /* [chunk_count], each of [chunk_rows × columns] */
    uint64_t chunk_count, room;
    uint64_t last;          /* row that was asked for */
    uint64_t *next;         /* the one after it, … */
    uint64_t within;        /* … in its chunk */
    mcl_dictionary **texts; /* [columns] */
};

mcl_status mcl_kept_create(mcl_kept **kept, size_t columns, uint64_t most)
{
    mcl_kept *created;
    const uint64_t row = columns * sizeof(uint64_t);
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->columns = columns;
    created->chunk_rows = row < CHUNK ? CHUNK / row : 1;
    created->within = created->chunk_rows;
    created->most = most / (created->chunk_rows * row);
    const mcl_status status = mcl_allocate(&created->texts, columns, sizeof(mcl_dictionary *));
    if (status == MCL_OK)
        *kept = created;
    else
        free(created);
    return status;
}

static void free_chunks(mcl_kept *kept)
{
    for (uint64_t i = 0; i < kept->chunk_count; i++)
        free(kept->chunks[i]);
    free(kept->chunks);
    kept->chunks = NULL;
    kept->chunk_count = kept->room = 0;
}

void mcl_kept_free(mcl_kept *kept)
{
    if (!kept)
        return;
    free_chunks(kept);
    for (size_t c = 0; c < kept->columns; c++)
        mcl_dictionary_free(kept->texts[c]);
    free(kept->texts);
    free(kept);
}

/* false: there is no memory for one. */
static bool add_chunk(mcl_kept *kept)
{
    if (kept->chunk_count == kept->most)
        return false;
    if (kept->chunk_count == kept->room) {
        const uint64_t room = kept->room ? 2 * kept->room : 16;
        uint64_t **chunks = realloc(kept->chunks, room * sizeof *chunks);
        if (!chunks)
            return false;
        kept->chunks = chunks;
        kept->room = room;
    }
    const uint64_t bytes = kept->chunk_rows * kept->columns * sizeof(uint64_t);
    uint64_t *chunk = aligned_alloc(CHUNK, (size_t)((bytes + CHUNK - 1) / CHUNK * CHUNK));
    if (!chunk)
        return false;
    if (kept->chunk_count > 0) /* a small table needs none */
        madvise(chunk, (size_t)CHUNK, MADV_HUGEPAGE);
    kept->chunks[kept->chunk_count++] = chunk;
    return true;
}

uint64_t *mcl_kept_row(mcl_kept *kept, uint64_t row)
{
    if (kept->within == kept->chunk_rows || row != kept->last + 1) { /* not the next of a chunk */
        const uint64_t chunk = row / kept->chunk_rows;
        if (chunk == kept->chunk_count && !add_chunk(kept)) {
            free_chunks(kept);
            kept->most = 0;
            return NULL;
        }
        kept->within = row % kept->chunk_rows;
        kept->next = kept->chunks[chunk] + kept->within * kept->columns;
    }
    uint64_t *cells = kept->next;
    kept->next += kept->columns;
    kept->within++;
    kept->last = row;
    kept->rows = row < kept->rows ? kept->rows : row + 1;
    return cells;
}

void mcl_kept_set_texts(mcl_kept *kept, size_t column, mcl_dictionary *texts)
{
    kept->texts[column] = texts;
}

uint64_t mcl_kept_rows(const mcl_kept *kept)
{
    return kept->rows;
}

size_t mcl_kept_columns(const mcl_kept *kept)
{
    return kept->columns;
}

const mcl_strings *mcl_kept_texts(const mcl_kept *kept, size_t column)
{
    return kept->texts[column] ? mcl_dictionary_texts(kept->texts[column]) : NULL;
}

const uint64_t *mcl_kept_cells(uint64_t *count, const mcl_kept *kept, uint64_t row)
{
    const uint64_t chunk = row / kept->chunk_rows, within = row % kept->chunk_rows;
    const uint64_t left = kept->rows - row, whole = kept->chunk_rows - within;
    *count = left < whole ? left : whole;
    return kept->chunks[chunk] + within * kept->columns;
}
