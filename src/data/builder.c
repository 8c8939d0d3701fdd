/* SPDX-License-Identifier: Apache-2.0 */
#include "data/builder.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

struct mcl_builder {
    mcl_row_plan plan;
    char *source;
    uint64_t columns;
    size_t row; /* bytes */
    unsigned char *values;
    uint64_t rows, room;
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
    created->row = (size_t)row;
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
    free(builder->values);
    free(builder->source);
    free(builder);
}

static mcl_status reserve(mcl_builder *builder, uint64_t rows)
{
    const uint64_t expected = builder->plan.rows;
    unsigned char *grown;
    uint64_t room = builder->room ? builder->room : expected > rows ? expected : rows;
    if (rows <= builder->room)
        return MCL_OK;
    while (room < rows)
        room = room < UINT64_MAX / 2 ? 2 * room : rows;
    MCL_TRY(mcl_allocate_pages(&grown, room, builder->row));
    if (builder->values)
        memcpy(grown, builder->values, (size_t)builder->rows * builder->row);
    free(builder->values);
    builder->values = grown;
    builder->room = room;
    return MCL_OK;
}

static mcl_status store_floats(mcl_builder *builder, const float *rows, uint64_t count)
{
    float *to = (float *)(void *)(builder->values + builder->rows * builder->row);
    for (uint64_t i = 0; i < count * builder->columns; i++) {
        if (!mcl_data_store(&to[i], rows[i]))
            return mcl_fail(MCL_ERROR_DATA,
                "%s: row %" PRIu64 ", column %" PRIu64
                " (counted from 0) is NaN or infinite; replace or remove it",
                builder->source, builder->rows + i / builder->columns, i % builder->columns);
    }
    return MCL_OK;
}

mcl_status mcl_builder_add(mcl_builder *builder, const void *rows, uint64_t count)
{
    uint64_t all;
    if (__builtin_add_overflow(builder->rows, count, &all))
        return mcl_fail(MCL_ERROR_MEMORY, "%s: it has too many rows", builder->source);
    MCL_TRY(reserve(builder, all));
    if (builder->plan.element == MCL_ELEMENT_FLOAT32)
        MCL_TRY(store_floats(builder, rows, count));
    else
        memcpy(builder->values + builder->rows * builder->row, rows, (size_t)count * builder->row);
    builder->rows = all;
    return MCL_OK;
}

uint64_t mcl_builder_rows(const mcl_builder *builder)
{
    return builder->rows;
}

mcl_status mcl_builder_finish(mcl_data **data, mcl_builder *builder)
{
    uint64_t shape[1 + MCL_DIMENSIONS_MAX] = {builder->rows};
    if (builder->rows == 0)
        return mcl_fail(MCL_ERROR_DATA, "%s: holds no rows", builder->source);
    memcpy(shape + 1, builder->plan.shape, sizeof builder->plan.shape);
    MCL_TRY(mcl_data_create(data, builder->values, builder->plan.element, shape,
        1 + builder->plan.dimensions, builder->source));
    builder->values = NULL;
    builder->rows = builder->room = 0;
    return MCL_OK;
}
