/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products of which each is run once. */
#ifndef MASKCL_TESTS_PRODUCT_H
#define MASKCL_TESTS_PRODUCT_H

#include "base/rounding.h"
#include "compute/product.h"
#include "support/device.h"

/* Plans a product, runs it and frees the plan; epilogue may be NULL. */
static inline mcl_status run_product(
    const mcl_gemm *gemm, const mcl_operands *operands, const mcl_epilogue *epilogue)
{
    mcl_product *product;
    MCL_TRY(mcl_product_create(&product, context, gemm, epilogue));
    const mcl_status status = mcl_product_run(product, operands);
    mcl_product_free(product);
    return status;
}

/* result[m×n] = op(a)·op(b), and with a transposed a and sums that are not NULL sums[m], those of
 * its stored columns, by a plan with MCL_EPILOGUE_SUMS; whether it writes them. */
static inline bool multiply_and_sum(float *result, float *sums, bool ta, bool tb, uint32_t m,
    uint32_t n, uint32_t k, const float *a, const float *b)
{
    cl_mem buffer_a = buffer_with(a, (size_t)m * k * sizeof *a);
    cl_mem buffer_b = buffer_with(b, (size_t)n * k * sizeof *b);
    cl_mem buffer_c = buffer_with(result, (size_t)m * n * sizeof *result);
    cl_mem buffer_sums = buffer_with(sums ? sums : a, m * sizeof *a);
    const mcl_gemm gemm = {ta, tb, m, n, k, ta ? m : k, tb ? k : n, n, 1.0f};
    const mcl_epilogue epilogue = {.kind = sums ? MCL_EPILOGUE_SUMS : MCL_EPILOGUE_NONE};
    const mcl_operands operands = {.a = {buffer_a, 0},
        .b = {buffer_b, 0},
        .c = {buffer_c, 0},
        .bias = {sums ? buffer_sums : NULL, 0}};
    mcl_product *product;
    ASSERT_OK(mcl_product_create(&product, context, &gemm, &epilogue));
    ASSERT_OK(mcl_product_run(product, &operands));
    const bool writes = mcl_product_sums(product);
    mcl_product_free(product);
    read_buffer(result, buffer_c, (size_t)m * n * sizeof *result);
    if (sums)
        read_buffer(sums, buffer_sums, m * sizeof *sums);
    mcl_buffer_release(&buffer_a);
    mcl_buffer_release(&buffer_b);
    mcl_buffer_release(&buffer_c);
    mcl_buffer_release(&buffer_sums);
    return writes;
}

/* sums[j] = Σ_i values[i×n + j] by the contract: in blocks of 64 rows, and over the blocks. */
static inline void sum_columns(float *sums, const float *values, size_t rows, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        float total = 0.0f;
        for (size_t first = 0; first < rows; first += 64) {
            float block = 0.0f;
            for (size_t i = first; i < rows && i < first + 64; i++)
                block += values[i * n + j];
            total += block;
        }
        sums[j] = mcl_host_flush(total);
    }
}

#endif
