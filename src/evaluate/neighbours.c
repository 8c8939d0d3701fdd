/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/neighbours.h"

#include <math.h>

#include "base/integers.h"
#include "device/profile.h"
#include "evaluate/blocks.h"

#define AT_ONCE 8192 /* candidates at most */

/* Plans similarity[queries×n] = queries · candidatesᵀ. */
static mcl_status plan(
    mcl_product **product, const mcl_neighbours *neighbours, uint32_t queries, uint32_t n)
{
    const uint32_t columns = neighbours->columns;
    const mcl_gemm gemm = {false, true, queries, n, columns, columns, columns, n, 1.0f};
    return mcl_product_create(product, neighbours->context, &gemm, NULL);
}

/* As many candidates as a block of a caller's can have, and a buffer their similarities. */
static uint32_t at_once(
    const mcl_context *context, uint32_t queries, uint32_t candidates, uint32_t columns)
{
    const uint32_t most =
        (uint32_t)mcl_least(mcl_block_rows(context, columns), mcl_block_rows(context, queries));
    return (uint32_t)mcl_least(candidates, (uint32_t)mcl_least(most, AT_ONCE));
}

mcl_status mcl_neighbours_create(mcl_neighbours *neighbours, mcl_context *context, uint32_t queries,
    uint32_t candidates, uint32_t columns)
{
    *neighbours = (mcl_neighbours){
        .context = context,
        .candidates = candidates,
        .columns = columns,
        .count = candidates < MCL_NEIGHBOURS ? candidates : MCL_NEIGHBOURS,
        .at_once = at_once(context, queries, candidates, columns),
    };
    const uint32_t rest = candidates % neighbours->at_once;
    MCL_TRY(plan(&neighbours->product, neighbours, queries, neighbours->at_once));
    if (rest)
        MCL_TRY(plan(&neighbours->rest, neighbours, queries, rest));
    MCL_TRY(mcl_kernel_find(&neighbours->nearest, context, "probe.cl", "nearest", ""));
    MCL_TRY(mcl_buffer_create(&neighbours->similarity, context, queries,
        neighbours->at_once * sizeof(float), "similarities"));
    MCL_TRY(mcl_buffer_create(
        &neighbours->best, context, queries, neighbours->count * sizeof(float), "neighbours"));
    return mcl_buffer_create(
        &neighbours->place, context, queries, neighbours->count * sizeof(cl_uint), "neighbours");
}

void mcl_neighbours_release(mcl_neighbours *neighbours)
{
    mcl_product_free(neighbours->product);
    mcl_product_free(neighbours->rest);
    mcl_buffer_release(&neighbours->similarity);
    mcl_buffer_release(&neighbours->best);
    mcl_buffer_release(&neighbours->place);
}

mcl_status mcl_neighbours_begin(mcl_neighbours *neighbours, uint32_t rows)
{
    mcl_context *context = neighbours->context;
    const size_t elements = (size_t)rows * neighbours->count;
    const cl_float none = -INFINITY;
    const cl_int code = clEnqueueFillBuffer(context->queue, neighbours->best, &none, sizeof none, 0,
        elements * sizeof none, 0, NULL, NULL);
    if (code != CL_SUCCESS)
        return mcl_context_fail(context, "clearing a buffer", code);
    return mcl_buffer_zero(context, neighbours->place, 0, elements * sizeof(cl_uint));
}

mcl_status mcl_neighbours_compare(mcl_neighbours *neighbours, mcl_matrix candidates, uint32_t first,
    uint32_t count, mcl_matrix queries, uint32_t rows)
{
    for (uint32_t done = 0; done < count; done += neighbours->at_once) {
        const uint32_t left = count - done;
        const uint32_t n = left < neighbours->at_once ? left : neighbours->at_once;
        const mcl_operands operands = {.a = queries,
            .b = {candidates.buffer, candidates.offset + (uint64_t)done * neighbours->columns},
            .c = {neighbours->similarity, 0},
            .m = rows};
        MCL_TRY(mcl_product_run(
            n < neighbours->at_once ? neighbours->rest : neighbours->product, &operands));
        mcl_profile_work(neighbours->context, NULL, 0.0, sizeof(float) * (double)rows * n);
        MCL_TRY(mcl_run_rows(neighbours->nearest, rows, MCL_BUFFER(neighbours->similarity),
            MCL_UINT(rows), MCL_UINT(n), MCL_UINT(first + done), MCL_UINT(neighbours->count),
            MCL_BUFFER(neighbours->best), MCL_BUFFER(neighbours->place), MCL_LOCAL(MCL_ROW_SPACE)));
    }
    return MCL_OK;
}

mcl_status mcl_neighbours_search(
    mcl_neighbours *neighbours, mcl_matrix candidates, mcl_matrix queries, uint32_t rows)
{
    MCL_TRY(mcl_neighbours_begin(neighbours, rows));
    return mcl_neighbours_compare(neighbours, candidates, 0, neighbours->candidates, queries, rows);
}

int32_t mcl_neighbours_vote(const uint32_t *places, uint32_t count, const int32_t *labels)
{
    uint32_t most = 0;
    int32_t winner = -1;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t votes = 0;
        for (uint32_t j = 0; j < count; j++)
            votes += labels[places[j]] == labels[places[i]];
        if (votes > most) {
            most = votes;
            winner = labels[places[i]];
        }
    }
    return winner;
}

uint64_t mcl_neighbours_right(const mcl_neighbours *neighbours, const uint32_t *places,
    uint64_t rows, const int32_t *labels, const int32_t *right_labels)
{
    uint64_t right = 0;
    for (uint64_t i = 0; i < rows; i++)
        right += mcl_neighbours_vote(places + (size_t)i * neighbours->count, neighbours->count,
                     labels) == right_labels[i];
    return right;
}
