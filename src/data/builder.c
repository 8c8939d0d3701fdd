/* SPDX-License-Identifier: Apache-2.0 */
#include "data/builder.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/host_memory.h"
#include "base/memory.h"
#include "data/scratch.h"

#define BUFFER ((uint64_t)4 << 20) /* bytes that are written to a file at once */

struct mcl_builder {
    mcl_row_plan plan;
    char *source;
    uint64_t columns;
    size_t size;         /* bytes of a value */
    uint64_t memory;     /* bytes that values may take */
    uint64_t count;      /* of values that were added */
    unsigned char *held; /* values in memory: all, or those that are to be written next */
    uint64_t held_count, room;
    mcl_scratch *scratch;  /* NULL: all are in memory */
    XXH3_state_t *hashing; /* what is in the file */
};

mcl_status mcl_builder_create(mcl_builder **builder, const mcl_row_plan *plan)
{
    mcl_builder *created;
    uint64_t columns = 1, row;
    for (size_t d = 0; d < plan->dimensions; d++) {
        if (!mcl_multiply(&columns, columns, plan->shape[d]))
            columns = 0;
    }
    if (columns == 0 || !mcl_multiply(&row, columns, mcl_element_size(plan->element)) ||
        row > SIZE_MAX)
        return mcl_fail(MCL_ERROR_DATA, "%s: its rows are too long or empty", plan->source);
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->plan = *plan;
    created->columns = columns;
    created->size = mcl_element_size(plan->element);
    created->memory = mcl_host_memory_allowed(plan->host_memory);
    const mcl_status status = mcl_copy_string(&created->source, plan->source);
    if (status != MCL_OK) {
        mcl_builder_free(created);
        return status;
    }
    *builder = created;
    return MCL_OK;
}

void mcl_builder_free(mcl_builder *builder)
{
    if (!builder)
        return;
    free(builder->held);
    free(builder->source);
    mcl_scratch_free(builder->scratch);
    XXH3_freeState(builder->hashing);
    free(builder);
}

/* Writes what is held to the file. */
static mcl_status flush(mcl_builder *builder)
{
    const size_t bytes = (size_t)builder->held_count * builder->size;
    if (bytes == 0)
        return MCL_OK;
    MCL_TRY(mcl_scratch_write(builder->scratch, builder->held, bytes));
    XXH3_128bits_update(builder->hashing, builder->held, bytes);
    builder->held_count = 0;
    return MCL_OK;
}

/* The bytes of the rows that are expected; 0 where that is not known. */
static uint64_t expected_bytes(const mcl_builder *builder)
{
    uint64_t bytes;
    if (!mcl_multiply(&bytes, builder->plan.rows, builder->columns) ||
        !mcl_multiply(&bytes, bytes, builder->size))
        return UINT64_MAX;
    return bytes;
}

/* Begins a file with what is in memory. */
static mcl_status spill(mcl_builder *builder)
{
    MCL_TRY(mcl_scratch_create(&builder->scratch, expected_bytes(builder), builder->source));
    builder->hashing = XXH3_createState();
    if (!builder->hashing)
        return mcl_fail(MCL_ERROR_MEMORY, "%s: the host has no memory left", builder->source);
    XXH3_128bits_reset(builder->hashing);
    MCL_TRY(flush(builder));
    free(builder->held);
    builder->held = NULL;
    builder->room = BUFFER / builder->size;
    return mcl_allocate(&builder->held, builder->room, builder->size);
}

/* Makes room for so many values in memory, as far as it may be taken: both the old and the new
 * block are there while one is copied to the other. */
static mcl_status grow(mcl_builder *builder, uint64_t count)
{
    const uint64_t most = builder->memory / builder->size, expected = expected_bytes(builder);
    unsigned char *grown;
    uint64_t room = builder->room ? 2 * builder->room : expected / builder->size;
    room = room > count ? room : count;
    if (room > most || builder->room > most - room)
        return spill(builder);
    MCL_TRY(mcl_allocate_pages(&grown, room, builder->size));
    if (builder->held)
        memcpy(grown, builder->held, (size_t)builder->held_count * builder->size);
    free(builder->held);
    builder->held = grown;
    builder->room = room;
    return MCL_OK;
}

static mcl_status store_floats(mcl_builder *builder, const float *values, uint64_t count)
{
    float *to = (float *)(void *)builder->held + builder->held_count;
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t number = builder->count + i;
        if (!mcl_data_store(&to[i], values[i]))
            return mcl_fail(MCL_ERROR_DATA,
                "%s: row %" PRIu64 ", column %" PRIu64
                " (counted from 0) is NaN or infinite; replace or remove it",
                builder->source, number / builder->columns, number % builder->columns);
    }
    return MCL_OK;
}

mcl_status mcl_builder_add_values(mcl_builder *builder, const void *values, uint64_t count)
{
    const unsigned char *from = values;
    if (count > UINT64_MAX - builder->count)
        return mcl_fail(MCL_ERROR_MEMORY, "%s: it has too many rows", builder->source);
    if (!builder->scratch && count > builder->room - builder->held_count)
        MCL_TRY(grow(builder, builder->held_count + count));
    while (count > 0) {
        if (builder->held_count == builder->room)
            MCL_TRY(flush(builder));
        const uint64_t left = builder->room - builder->held_count;
        const uint64_t now = count < left ? count : left;
        if (builder->plan.element == MCL_ELEMENT_FLOAT32)
            MCL_TRY(store_floats(builder, (const float *)(const void *)from, now));
        else
            memcpy(builder->held + builder->held_count, from, (size_t)now);
        builder->held_count += now;
        builder->count += now;
        from += now * builder->size;
        count -= now;
    }
    return MCL_OK;
}

mcl_status mcl_builder_add(mcl_builder *builder, const void *rows, uint64_t count)
{
    uint64_t values;
    if (!mcl_multiply(&values, count, builder->columns))
        return mcl_fail(MCL_ERROR_MEMORY, "%s: it has too many rows", builder->source);
    return mcl_builder_add_values(builder, rows, values);
}

mcl_status mcl_builder_fill(void *values, mcl_builder *builder)
{
    const uint64_t count = expected_bytes(builder) / builder->size;
    void *places = NULL;
    if (count > 0 && count <= builder->memory / builder->size) {
        MCL_TRY(grow(builder, count));
        builder->count = builder->held_count = count;
        places = builder->held;
    }
    memcpy(values, &places, sizeof places);
    return MCL_OK;
}

uint64_t mcl_builder_rows(const mcl_builder *builder)
{
    return builder->count / builder->columns;
}

/* *store = the rows in the file, which it owns. */
static mcl_status store_file(mcl_store **store, mcl_builder *builder)
{
    MCL_TRY(flush(builder));
    MCL_TRY(mcl_store_create(store, builder->plan.element, builder->columns));
    const mcl_store_part part = {.file = mcl_scratch_take(builder->scratch),
        .name = builder->source,
        .rows = mcl_builder_rows(builder),
        .own = true};
    const mcl_status status = mcl_store_add(*store, &part);
    if (status != MCL_OK)
        mcl_store_free(*store);
    return status;
}

static mcl_status finish_stored(mcl_data **data, mcl_builder *builder, const uint64_t *shape)
{
    mcl_store *store;
    char *digest;
    MCL_TRY(store_file(&store, builder));
    mcl_status status = mcl_allocate(&digest, MCL_DIGEST_SIZE, 1);
    if (status == MCL_OK) {
        mcl_digest_show(digest, XXH3_128bits_digest(builder->hashing));
        status = mcl_data_create_stored(data, store, builder->memory, builder->plan.element, shape,
            1 + builder->plan.dimensions, builder->source);
        if (status != MCL_OK)
            free(digest);
    }
    if (status != MCL_OK) {
        mcl_store_free(store);
        return status;
    }
    mcl_data_set_digest(*data, digest);
    return MCL_OK;
}

mcl_status mcl_builder_finish(mcl_data **data, mcl_builder *builder)
{
    uint64_t shape[1 + MCL_DIMENSIONS_MAX] = {mcl_builder_rows(builder)};
    if (shape[0] == 0)
        return mcl_fail(MCL_ERROR_DATA, "%s: holds no rows", builder->source);
    memcpy(shape + 1, builder->plan.shape, sizeof builder->plan.shape);
    if (builder->scratch)
        return finish_stored(data, builder, shape);
    MCL_TRY(mcl_data_create(data, builder->held, builder->plan.element, shape,
        1 + builder->plan.dimensions, builder->source));
    builder->held = NULL;
    builder->count = builder->held_count = builder->room = 0;
    return MCL_OK;
}
