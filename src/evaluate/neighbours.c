/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/neighbours.h"

#include <math.h>

#include "device/profile.h"

#define AT_ONCE 8192 /* candidates at most */

/* similarity[rows×candidates] = queries · candidatesᵀ */
static mcl_gemm similarity_product(const mcl_neighbours *neighbours, uint32_t rows, uint32_t n)
{
    const uint32_t columns = neighbours->columns;
    return (mcl_gemm){false, true, rows, n, columns, columns, columns, n, 1.0f, 0.0f};
}

mcl_status mcl_neighbours_create(mcl_neighbours *neighbours, mcl_context *context, uint32_t queries,
    uint32_t candidates, uint32_t columns)
{
    *neighbours = (mcl_neighbours){
        .context = context,
        .candidates = candidates,
        .columns = columns,
        .count = candidates < MCL_NEIGHBOURS ? candidates : MCL_NEIGHBOURS,
        .at_once = candidates < AT_ONCE ? candidates : AT_ONCE,
    };
    const mcl_gemm product = similarity_product(neighbours, queries, neighbours->at_once);
    MCL_TRY(mcl_gemm_prepare(context, &product, NULL));
    MCL_TRY(mcl_buffer_create(&neighbours->similarity, context, queries,
        neighbours->at_once * sizeof(float), "similarities"));
    MCL_TRY(mcl_buffer_create(
        &neighbours->best, context, queries, neighbours->count * sizeof(float), "neighbours"));
    return mcl_buffer_create(
        &neighbours->place, context, queries, neighbours->count * sizeof(cl_uint), "neighbours");
}

void mcl_neighbours_release(mcl_neighbours *neighbours)
{
    mcl_buffer_release(&neighbours->similarity);
    mcl_buffer_release(&neighbours->best);
    mcl_buffer_release(&neighbours->place);
}

mcl_status mcl_neighbours_search(
    mcl_neighbours *neighbours, mcl_matrix candidates, mcl_matrix queries, uint32_t rows)
{
    mcl_context *context = neighbours->context;
    const uint32_t count = neighbours->count, columns = neighbours->columns;
    const size_t elements = (size_t)rows * count;
    const cl_float none = -INFINITY;
    cl_kernel kernel;
    const cl_int code = clEnqueueFillBuffer(context->queue, neighbours->best, &none, sizeof none, 0,
        elements * sizeof none, 0, NULL, NULL);
    if (code != CL_SUCCESS)
        return mcl_context_fail(context, "clearing a buffer", code);
    MCL_TRY(mcl_buffer_zero(context, neighbours->place, 0, elements * sizeof(cl_uint)));
    MCL_TRY(mcl_kernel_get(&kernel, context, "probe.cl", "nearest", ""));
    for (uint32_t first = 0; first < neighbours->candidates; first += neighbours->at_once) {
        const uint32_t left = neighbours->candidates - first;
        const uint32_t n = left < neighbours->at_once ? left : neighbours->at_once;
        const mcl_gemm product = similarity_product(neighbours, rows, n);
        const mcl_matrix part = {candidates.buffer, candidates.offset + (uint64_t)first * columns};
        MCL_TRY(mcl_gemm_run(
            context, &product, queries, part, (mcl_matrix){neighbours->similarity, 0}));
        mcl_profile_work(context, NULL, 0.0, sizeof(float) * (double)rows * n);
        MCL_TRY(mcl_launch(context, kernel, rows, 1, MCL_BUFFER(neighbours->similarity),
            MCL_UINT(n), MCL_UINT(first), MCL_UINT(count), MCL_BUFFER(neighbours->best),
            MCL_BUFFER(neighbours->place)));
    }
    return MCL_OK;
}

/* The class that most neighbours have; of equals the one whose first neighbour is nearest. */
static int32_t vote(const uint32_t *places, uint32_t count, const int32_t *labels)
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
        right += vote(places + (size_t)i * neighbours->count, neighbours->count, labels) ==
                 right_labels[i];
    return right;
}
