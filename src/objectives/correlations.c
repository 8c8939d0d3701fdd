/* SPDX-License-Identifier: Apache-2.0 */
#include "objectives/correlations.h"

mcl_status mcl_correlations_create(mcl_correlations *correlations, const mcl_objective_setup *setup,
    bool between, uint32_t divisor, uint64_t terms, const char *what)
{
    mcl_context *context = setup->context;
    const uint32_t b = setup->batch, n = setup->projection, row = n * (uint32_t)sizeof(float);
    const float scale = 1.0f / (float)divisor;
    const mcl_gemm products = {true, false, n, n, b, n, n, n, scale};
    const mcl_gemm by_first = {false, between, b, n, n, n, n, n, between ? scale : 1.0f};
    const mcl_gemm by_second = {false, false, b, n, n, n, n, n, scale};
    correlations->context = context;
    correlations->batch = b;
    correlations->columns = n;
    correlations->between = between;
    MCL_TRY(mcl_terms_create(&correlations->terms, context, terms));
    MCL_TRY(mcl_buffer_create(
        &correlations->centred, context, 2 * (uint64_t)b, row, "centred embeddings"));
    MCL_TRY(mcl_buffer_create(
        &correlations->scales, context, 2 * (uint64_t)n, sizeof(float), "deviations"));
    MCL_TRY(mcl_buffer_create(
        &correlations->matrices, context, (between ? 1 : 2) * (uint64_t)n, row, what));
    MCL_TRY(mcl_buffer_create(&correlations->gradient, context, 2 * (uint64_t)b, row,
        "gradients of the centred embeddings"));
    MCL_TRY(mcl_product_create(&correlations->products, context, &products, NULL));
    MCL_TRY(mcl_product_create(&correlations->by_first, context, &by_first, NULL));
    return between ? mcl_product_create(&correlations->by_second, context, &by_second, NULL)
                   : MCL_OK;
}

void mcl_correlations_release(mcl_correlations *correlations)
{
    mcl_terms_release(&correlations->terms);
    mcl_buffer_release(&correlations->centred);
    mcl_buffer_release(&correlations->scales);
    mcl_buffer_release(&correlations->matrices);
    mcl_buffer_release(&correlations->gradient);
    mcl_product_free(correlations->products);
    mcl_product_free(correlations->by_first);
    mcl_product_free(correlations->by_second);
}

/* View v of x or dx, and the C that belongs to it. */
static mcl_matrix view_of(const mcl_correlations *correlations, cl_mem buffer, uint64_t v)
{
    return (mcl_matrix){buffer, v * correlations->batch * correlations->columns};
}

static mcl_matrix matrix_of(const mcl_correlations *correlations, uint64_t v)
{
    const uint64_t n = correlations->columns;
    return (mcl_matrix){correlations->matrices, correlations->between ? 0 : v * n * n};
}

mcl_status mcl_correlations_forward(mcl_correlations *correlations)
{
    const cl_mem x = correlations->centred;
    for (uint64_t v = 0; v < (correlations->between ? 1 : 2); v++)
        MCL_TRY(mcl_product_run(correlations->products,
            &(mcl_operands){.a = view_of(correlations, x, v),
                .b = view_of(correlations, x, correlations->between ? 1 : v),
                .c = matrix_of(correlations, v)}));
    return MCL_OK;
}

mcl_status mcl_correlations_backward(mcl_correlations *correlations)
{
    for (uint64_t v = 0; v < 2; v++)
        MCL_TRY(mcl_product_run(
            v == 1 && correlations->between ? correlations->by_second : correlations->by_first,
            &(mcl_operands){.a = view_of(correlations, correlations->centred,
                                correlations->between ? 1 - v : v),
                .b = matrix_of(correlations, v),
                .c = view_of(correlations, correlations->gradient, v)}));
    return MCL_OK;
}
