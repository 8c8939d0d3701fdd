/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/knn.h"

#include <stdlib.h>

#include "base/memory.h"
#include "compute/row_norms.h"
#include "evaluate/blocks.h"
#include "evaluate/neighbours.h"
#include "evaluate/scale.h"

#define QUERIES 1000 /* test rows whose neighbours are sought at once */

/* Rows of features divided by their lengths. */
struct normalized {
    mcl_context *context;
    const mcl_features *features;
    mcl_row_norms norms;
    cl_mem plain, inverse; /* of a block */
};

/* Room for blocks of so many rows. */
static mcl_status create_normalized(
    struct normalized *n, mcl_context *context, const mcl_features *features, uint32_t rows)
{
    n->context = context;
    n->features = features;
    MCL_TRY(mcl_row_norms_find(&n->norms, context));
    MCL_TRY(
        mcl_buffer_create(&n->plain, context, rows, features->columns * sizeof(float), "features"));
    return mcl_buffer_create(&n->inverse, context, rows, sizeof(float), "norms");
}

static void release_normalized(struct normalized *n)
{
    mcl_buffer_release(&n->plain);
    mcl_buffer_release(&n->inverse);
}

/* mcl_block_load */
static mcl_status load_normalized(void *of, cl_mem to, uint64_t first, uint32_t count)
{
    const struct normalized *n = of;
    MCL_TRY(mcl_write_scaled(n->context, n->plain, n->features, first, count, NULL));
    return mcl_row_norms_normalize(
        &n->norms, n->plain, count, (uint32_t)n->features->columns, n->inverse, to);
}

/* A search for the neighbours of test rows, some queries at once, among the training rows. */
struct search {
    mcl_neighbours neighbours;
    struct normalized of_train, of_test;
    mcl_blocks train, test; /* a block of test rows is that of queries at once */
};

static mcl_status create_search(
    struct search *s, mcl_context *context, const mcl_features *train, const mcl_features *test)
{
    const uint32_t columns = (uint32_t)train->columns, most = mcl_block_rows(context, columns);
    const uint32_t queries = most < QUERIES ? most : QUERIES;
    s->test = (mcl_blocks){context, load_normalized, &s->of_test, (uint32_t)test->rows, columns,
        queries < test->rows ? queries : (uint32_t)test->rows, 0, NULL, NULL};
    MCL_TRY(mcl_neighbours_create(
        &s->neighbours, context, s->test.block_rows, (uint32_t)train->rows, columns));
    const uint32_t at_once = s->neighbours.at_once;
    s->train = (mcl_blocks){context, load_normalized, &s->of_train, (uint32_t)train->rows, columns,
        most / at_once * at_once, 0, NULL, NULL};
    if (s->train.block_rows > s->train.rows)
        s->train.block_rows = s->train.rows;
    MCL_TRY(create_normalized(&s->of_train, context, train, s->train.block_rows));
    MCL_TRY(create_normalized(&s->of_test, context, test, s->test.block_rows));
    MCL_TRY(mcl_blocks_create(&s->test, false));
    return mcl_blocks_create(&s->train, true);
}

static void release_search(struct search *s)
{
    (void)mcl_context_finish(s->train.context);
    mcl_blocks_release(&s->train);
    mcl_blocks_release(&s->test);
    release_normalized(&s->of_train);
    release_normalized(&s->of_test);
    mcl_neighbours_release(&s->neighbours);
}

/* Finds the neighbours of a block of test rows: *count of them, and their places. */
static mcl_status search_block(uint32_t *places, uint32_t *count, struct search *s, uint32_t b)
{
    cl_mem queries, candidates;
    uint32_t rows;
    MCL_TRY(mcl_blocks_get(&queries, count, &s->test, b));
    MCL_TRY(mcl_neighbours_begin(&s->neighbours, *count));
    for (uint32_t t = 0; t < s->train.count; t++) {
        MCL_TRY(mcl_blocks_get(&candidates, &rows, &s->train, t));
        MCL_TRY(mcl_neighbours_compare(&s->neighbours, (mcl_matrix){candidates, 0},
            t * s->train.block_rows, rows, (mcl_matrix){queries, 0}, *count));
    }
    return mcl_buffer_read(s->train.context, places, s->neighbours.place, 0,
        (size_t)*count * s->neighbours.count * sizeof *places);
}

mcl_status mcl_knn_find(uint32_t **places, uint32_t *count, mcl_context *context,
    const mcl_features *train, const mcl_features *test)
{
    struct search s = {.train.context = context};
    uint32_t *found = NULL;
    mcl_status status = create_search(&s, context, train, test);
    if (status == MCL_OK)
        status = mcl_allocate(&found, test->rows, s.neighbours.count * sizeof *found);
    for (uint32_t b = 0; b < s.test.count && status == MCL_OK; b++) {
        uint32_t rows;
        status =
            search_block(found + (size_t)b * s.test.block_rows * s.neighbours.count, &rows, &s, b);
    }
    *count = s.neighbours.count;
    release_search(&s);
    if (status == MCL_OK)
        *places = found;
    else
        free(found);
    return status;
}
