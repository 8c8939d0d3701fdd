/* SPDX-License-Identifier: Apache-2.0 */
#include "data/split.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/builder.h"
#include "data/data.h"
#include "data/schema.h"

#define BLOCK ((uint64_t)1 << 20) /* bytes that are read at once */

enum { REST, HELD, PARTS };

/* Both parts as they are made, and the rows of a block that go to each. */
struct split {
    const mcl_data *data;
    double part; /* of the rows, that is held */
    uint64_t seed;
    mcl_builder *builders[PARTS];
    uint64_t *numbers; /* [block] */
    char *rows;        /* [block] */
};

bool mcl_row_is_held_out(uint64_t row, double holdout, uint64_t seed)
{
    uint32_t words[4];
    mcl_random_words(words, seed, MCL_STREAM_HELD_OUT, 0, 0, row, 0);
    return (double)((uint64_t)words[0] << 32 | words[1]) < holdout * 0x1p64;
}

static mcl_status add_block(const struct split *split, uint64_t first, uint64_t count)
{
    for (size_t part = 0; part < PARTS; part++) {
        uint64_t taken = 0;
        for (uint64_t row = first; row < first + count; row++) {
            if (mcl_row_is_held_out(row, split->part, split->seed) == (part == HELD))
                split->numbers[taken++] = row;
        }
        MCL_TRY(mcl_data_gather(split->rows, split->data, split->numbers, taken));
        MCL_TRY(mcl_builder_add(split->builders[part], split->rows, taken));
    }
    return MCL_OK;
}

static mcl_status begin(struct split *split, uint64_t block, double part)
{
    const mcl_data *data = split->data;
    const uint64_t rows = mcl_data_rows(data);
    const uint64_t row = mcl_data_columns(data) * mcl_element_size(mcl_data_element(data));
    mcl_row_plan plan = {.element = mcl_data_element(data), .source = mcl_data_source(data)};
    plan.dimensions = mcl_data_row_shape(data, plan.shape);
    for (size_t i = 0; i < PARTS; i++) {
        plan.rows = (uint64_t)((double)rows * (i == HELD ? part : 1.0 - part));
        MCL_TRY(mcl_builder_create(&split->builders[i], &plan));
    }
    MCL_TRY(mcl_allocate(&split->numbers, block, sizeof *split->numbers));
    return mcl_allocate(&split->rows, block, row);
}

static mcl_status finish(mcl_data **part, mcl_builder *builder, const mcl_data *data)
{
    const mcl_schema *schema = mcl_data_schema(data);
    mcl_schema *copy;
    MCL_TRY(mcl_builder_finish(part, builder));
    mcl_data_set_origin(*part, mcl_data_origin_of(data));
    if (!schema)
        return MCL_OK;
    MCL_TRY(mcl_schema_copy(&copy, schema));
    mcl_data_set_schema(*part, copy);
    return MCL_OK;
}

static mcl_status fill(mcl_data *parts[PARTS], struct split *split, double part)
{
    const uint64_t rows = mcl_data_rows(split->data);
    const uint64_t row =
        mcl_data_columns(split->data) * mcl_element_size(mcl_data_element(split->data));
    const uint64_t block = row < BLOCK ? BLOCK / row : 1;
    MCL_TRY(begin(split, block, part));
    for (uint64_t first = 0; first < rows; first += block)
        MCL_TRY(add_block(split, first, rows - first < block ? rows - first : block));
    const uint64_t held = mcl_builder_rows(split->builders[HELD]);
    if (held < 2 || rows - held < 2)
        return mcl_fail(MCL_ERROR_DATA,
            "%s: `holdout` %g leaves %" PRIu64 " of %" PRIu64
            " rows to train on: it takes at least 2, and 2 to hold out",
            mcl_data_source(split->data), part, rows - held, rows);
    for (size_t i = 0; i < PARTS; i++)
        MCL_TRY(finish(&parts[i], split->builders[i], split->data));
    return MCL_OK;
}

mcl_status mcl_data_split(
    mcl_data **rest, mcl_data **held, const mcl_data *data, double part, uint64_t seed)
{
    struct split split = {.data = data, .part = part, .seed = seed};
    mcl_data *parts[PARTS] = {NULL};
    const mcl_status status = fill(parts, &split, part);
    for (size_t i = 0; i < PARTS; i++) {
        mcl_builder_free(split.builders[i]);
        if (status != MCL_OK)
            mcl_data_free(parts[i]);
    }
    free(split.numbers);
    free(split.rows);
    if (status != MCL_OK)
        return status;
    *rest = parts[REST];
    *held = parts[HELD];
    return MCL_OK;
}
