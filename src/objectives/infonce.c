/* SPDX-License-Identifier: Apache-2.0 */
#include "objectives/infonce.h"

#include <stdlib.h>

#include "base/memory.h"
#include "device/profile.h"

static mcl_status create_products(mcl_infonce *infonce)
{
    mcl_context *context = infonce->context;
    const uint32_t q = infonce->of.queries, k = infonce->of.candidates;
    const uint32_t n = infonce->normalized.columns;
    const float scale = 1.0f / infonce->of.temperature;
    const mcl_gemm similarities = {false, true, q, k, n, n, n, k, scale};
    const mcl_gemm by_queries = {false, false, q, n, k, k, n, n, scale};
    const mcl_gemm by_candidates = {true, false, k, n, q, k, n, n, scale};
    MCL_TRY(mcl_product_create(&infonce->similarities, context, &similarities, NULL));
    MCL_TRY(mcl_product_create(&infonce->by_queries, context, &by_queries, NULL));
    return infonce->of.origin == MCL_CANDIDATES_OTHER
               ? mcl_product_create(&infonce->by_candidates, context, &by_candidates, NULL)
               : MCL_OK;
}

mcl_status mcl_infonce_create(
    mcl_infonce *infonce, const mcl_objective_setup *setup, const mcl_infonce_options *options)
{
    mcl_context *context = setup->context;
    const uint64_t q = options->queries, k = options->candidates;
    infonce->context = context;
    infonce->of = *options;
    MCL_TRY(mcl_kernel_find(&infonce->rows, context, options->file, options->rows, ""));
    MCL_TRY(mcl_kernel_find(&infonce->backward, context, options->file, options->backward, ""));
    MCL_TRY(mcl_terms_create(&infonce->losses, context, q));
    MCL_TRY(
        mcl_normalized_create(&infonce->normalized, context, 2 * setup->batch, setup->projection));
    MCL_TRY(mcl_buffer_create(&infonce->normalizer, context, q, sizeof(float), "normalizers"));
    MCL_TRY(mcl_buffer_create(&infonce->similarity, context, q, k * sizeof(float), options->what));
    return create_products(infonce);
}

void mcl_infonce_release(mcl_infonce *infonce)
{
    mcl_terms_release(&infonce->losses);
    mcl_normalized_release(&infonce->normalized);
    mcl_buffer_release(&infonce->normalizer);
    mcl_buffer_release(&infonce->similarity);
    mcl_product_free(infonce->similarities);
    mcl_product_free(infonce->by_queries);
    mcl_product_free(infonce->by_candidates);
}

/* The place of the queries' first row in ẑ and its gradient. */
static uint64_t first_query(const mcl_infonce *infonce)
{
    const mcl_normalized *normalized = &infonce->normalized;
    return (uint64_t)(normalized->rows - infonce->of.queries) * normalized->columns;
}

static mcl_matrix find_candidates(const mcl_infonce *infonce, cl_mem kept)
{
    return (mcl_matrix){kept ? kept : infonce->normalized.values, 0};
}

mcl_status mcl_infonce_compare(mcl_infonce *infonce, cl_mem projections, cl_mem kept)
{
    MCL_TRY(mcl_normalized_forward(&infonce->normalized, projections));
    return mcl_product_run(infonce->similarities,
        &(mcl_operands){.a = {infonce->normalized.values, first_query(infonce)},
            .b = find_candidates(infonce, kept),
            .c = {infonce->similarity, 0}});
}

mcl_status mcl_infonce_backward(
    mcl_infonce *infonce, const mcl_objective_step *step, cl_mem kept, bool begun)
{
    mcl_normalized *normalized = &infonce->normalized;
    const mcl_matrix similarity = {infonce->similarity, 0};
    const uint32_t q = infonce->of.queries, k = infonce->of.candidates;
    const uint64_t first = first_query(infonce);
    MCL_TRY(mcl_terms_total(&infonce->losses, q, (float)q, step));
    mcl_profile_work(infonce->context, NULL, 0.0, sizeof(float) * 2.0 * q * k);
    MCL_TRY(mcl_run_vectors(infonce->backward, k, q, MCL_BUFFER(infonce->similarity),
        MCL_BUFFER(infonce->normalizer), MCL_UINT(k), MCL_FLOAT(step->weight / (float)q)));
    if (infonce->by_candidates)
        MCL_TRY(mcl_product_run(infonce->by_candidates, &(mcl_operands){.a = similarity,
                                                            .b = {normalized->values, first},
                                                            .c = {normalized->gradient, 0}}));
    MCL_TRY(mcl_product_run(infonce->by_queries, &(mcl_operands){.a = similarity,
                                                     .b = find_candidates(infonce, kept),
                                                     .c = {normalized->gradient, first},
                                                     .beta = begun ? 1.0f : 0.0f}));
    return mcl_normalized_backward(normalized, step->by_projections);
}

mcl_status mcl_infonce_allocate(
    void **state, const mcl_objective_setup *setup, const mcl_infonce_options *options)
{
    mcl_infonce *infonce;
    MCL_TRY(mcl_allocate(&infonce, 1, sizeof *infonce));
    *state = infonce;
    return mcl_infonce_create(infonce, setup, options);
}

void mcl_infonce_free(void *state)
{
    mcl_infonce_release(state);
    free(state);
}

mcl_status mcl_infonce_run(void *state, const mcl_objective_step *step)
{
    mcl_infonce *infonce = state;
    const uint32_t q = infonce->of.queries, k = infonce->of.candidates;
    MCL_TRY(mcl_infonce_compare(infonce, step->projections, NULL));
    mcl_profile_work(infonce->context, NULL, 0.0, sizeof(float) * 1.0 * q * k);
    MCL_TRY(mcl_run_rows(infonce->rows, q, MCL_BUFFER(infonce->similarity), MCL_UINT(k),
        MCL_BUFFER(infonce->normalizer), MCL_BUFFER(infonce->losses.values),
        MCL_LOCAL(MCL_ROW_SPACE)));
    return mcl_infonce_backward(infonce, step, NULL, false);
}
