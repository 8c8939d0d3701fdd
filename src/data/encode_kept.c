/* SPDX-License-Identifier: Apache-2.0 */
/* Encoder inputs of what was kept of a table, block of rows by block, in threads. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/ahead.h"
#include "data/encode.h"

#define BLOCK_VALUES 65536 /* inputs in a block, if a row has not more */

/* A column that has inputs. */
struct source {
    size_t column;
    const mcl_column *of;
    uint32_t *places; /* [texts]: of categories, by their number; NULL: numbers */
    uint32_t missing; /* the place of missing ones */
};

struct block {
    uint64_t first, count; /* rows */
    float *room;           /* [block_rows × inputs]; NULL: rows go where they stay */
    bool large;            /* some number is too large for float32: … */
    uint64_t row;
    size_t column;
};

struct blocks {
    mcl_encoding *encoding;
    const mcl_kept *kept;
    struct source *sources; /* [count] */
    size_t count;
    struct block *items; /* [item_count] */
    size_t item_count;
    uint64_t block_rows, next; /* row */
    float *all;                /* [rows × inputs], where they stay; NULL: memory has no room */
};

static mcl_status find_place(uint32_t *place, mcl_target *target, const char *text)
{
    MCL_TRY(mcl_lookup_find(place, target->lookup, text, strlen(text)));
    if (*place == MCL_LOOKUP_NONE)
        *place = target->column.categories;
    return MCL_OK;
}

static mcl_status add_source(struct blocks *blocks, size_t column)
{
    mcl_target *target = &blocks->encoding->targets[column];
    struct source *source = &blocks->sources[blocks->count++];
    const mcl_strings *texts = mcl_kept_texts(blocks->kept, column);
    *source = (struct source){.column = column, .of = &target->column};
    if (!target->lookup)
        return MCL_OK;
    MCL_TRY(mcl_allocate(&source->places, mcl_strings_count(texts), sizeof *source->places));
    for (uint64_t i = 0; i < mcl_strings_count(texts); i++)
        MCL_TRY(find_place(&source->places[i], target, mcl_strings_at(texts, i)));
    return find_place(&source->missing, target, "");
}

static mcl_status prepare(struct blocks *blocks)
{
    const mcl_encoding *encoding = blocks->encoding;
    MCL_TRY(mcl_allocate(&blocks->sources, encoding->columns, sizeof *blocks->sources));
    for (size_t c = 0; c < encoding->columns; c++) {
        if (encoding->targets[c].column.width > 0)
            MCL_TRY(add_source(blocks, c));
    }
    blocks->block_rows = encoding->inputs < BLOCK_VALUES ? BLOCK_VALUES / encoding->inputs : 1;
    blocks->item_count = 2 * mcl_ahead_threads() + 1;
    MCL_TRY(mcl_allocate(&blocks->items, blocks->item_count, sizeof *blocks->items));
    MCL_TRY(mcl_builder_fill(&blocks->all, encoding->builder));
    for (size_t i = 0; i < blocks->item_count && !blocks->all; i++)
        MCL_TRY(mcl_allocate(
            &blocks->items[i].room, blocks->block_rows * encoding->inputs, sizeof(float)));
    return MCL_OK;
}

static bool next_block(void *item, void *state)
{
    struct block *block = item;
    struct blocks *blocks = state;
    if (blocks->next == mcl_kept_rows(blocks->kept))
        return false;
    block->first = blocks->next;
    (void)mcl_kept_cells(&block->count, blocks->kept, block->first);
    if (block->count > blocks->block_rows)
        block->count = blocks->block_rows;
    block->large = false;
    blocks->next += block->count;
    return true;
}

static void encode_number(
    float *row, struct block *block, const struct source *source, uint64_t number, uint64_t kept)
{
    const mcl_column *column = source->of;
    double value;
    if (kept == MCL_KEPT_MISSING) {
        if (column->indicator)
            row[column->first + 1] = 1.0f;
        return;
    }
    memcpy(&value, &kept, sizeof value);
    const double used = (value - column->mean) / column->deviation;
    if (!(fabs(used) <= (double)FLT_MAX)) {
        block->large = true;
        block->row = number;
        block->column = source->column;
        return;
    }
    (void)mcl_data_store(&row[column->first], (float)used);
}

static void encode_category(float *row, const struct source *source, uint64_t kept)
{
    const uint32_t place =
        kept == MCL_KEPT_MISSING ? source->missing : source->places[kept - MCL_KEPT_TEXT];
    row[source->of->first + place] = 1.0f;
}

static void encode_block(void *item, void *state)
{
    struct block *block = item;
    const struct blocks *blocks = state;
    const uint64_t inputs = blocks->encoding->inputs;
    const size_t columns = blocks->encoding->columns;
    uint64_t count;
    const uint64_t *cells = mcl_kept_cells(&count, blocks->kept, block->first);
    float *rows = block->room ? block->room : blocks->all + block->first * inputs;
    memset(rows, 0, (size_t)(block->count * inputs) * sizeof *rows);
    for (uint64_t r = 0; r < block->count; r++) {
        float *row = rows + r * inputs;
        for (size_t i = 0; i < blocks->count; i++) {
            const struct source *source = &blocks->sources[i];
            const uint64_t kept = cells[r * columns + source->column];
            if (source->places)
                encode_category(row, source, kept);
            else
                encode_number(row, block, source, block->first + r, kept);
        }
    }
}

static mcl_status add_labels(const struct blocks *blocks, const struct block *block)
{
    const size_t label = (size_t)blocks->encoding->label, columns = blocks->encoding->columns;
    const mcl_strings *texts = mcl_kept_texts(blocks->kept, label);
    uint64_t count;
    const uint64_t *cells = mcl_kept_cells(&count, blocks->kept, block->first);
    for (uint64_t r = 0; r < block->count; r++) {
        const uint64_t kept = cells[r * columns + label];
        const char *text =
            kept == MCL_KEPT_MISSING ? NULL : mcl_strings_at(texts, kept - MCL_KEPT_TEXT);
        MCL_TRY(mcl_row_labels_add(blocks->encoding->labels, text, text ? strlen(text) : 0));
    }
    return MCL_OK;
}

static mcl_status take_block(bool *settled, void *item, void *state)
{
    const struct block *block = item;
    const struct blocks *blocks = state;
    const mcl_encoding *encoding = blocks->encoding;
    char quote[MCL_QUOTE_SIZE];
    *settled = true;
    if (block->large)
        return mcl_fail(MCL_ERROR_DATA,
            "%s: column '%s' has in row %" PRIu64
            " (counted from 0) a number too large for float32; scale it",
            mcl_table_source(encoding->table),
            mcl_quote(quote, encoding->targets[block->column].column.name), block->row);
    if (encoding->label != MCL_DICTIONARY_NONE)
        MCL_TRY(add_labels(blocks, block));
    return block->room ? mcl_builder_add(encoding->builder, block->room, block->count) : MCL_OK;
}

mcl_status mcl_encode_kept(mcl_encoding *encoding, const mcl_kept *kept)
{
    struct blocks blocks = {.encoding = encoding, .kept = kept};
    mcl_status status = prepare(&blocks);
    const mcl_ahead work = {.state = &blocks,
        .items = blocks.items,
        .count = blocks.item_count,
        .size = sizeof *blocks.items,
        .next = next_block,
        .run = encode_block,
        .take = take_block};
    if (status == MCL_OK)
        status = mcl_work_ahead(&work);
    for (size_t i = 0; blocks.items && i < blocks.item_count; i++)
        free(blocks.items[i].room);
    for (size_t i = 0; i < blocks.count; i++)
        free(blocks.sources[i].places);
    free(blocks.items);
    free(blocks.sources);
    return status;
}
