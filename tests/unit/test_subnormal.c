/* SPDX-License-Identifier: Apache-2.0 */
/* What a step stores for the next must not be subnormal: docs/numerics.md says where it is flushed.
 */
#include <math.h>

#include "support/product.h"

#define M 9
#define N 19
#define K 3

static const mcl_gemm_kind providers[] = {MCL_GEMM_NATIVE_CPU, MCL_GEMM_NATIVE_GPU};

static void open_with(mcl_gemm_kind provider)
{
    const mcl_context_options options = {.gemm = provider};
    ASSERT_OK(mcl_context_open(&context, &options));
}

/* A product whose element in row i and column j is 2^-131·(i + 1)·(j + 1), negative for odd i + j.
 */
static void check_finish(mcl_epilogue_kind kind, mcl_activation activation)
{
    const float scale = 0x1p-131f;
    float a[M * K] = {0.0f}, b[K * N] = {0.0f}, bias[N] = {0.0f}, got[M * N], kept[M * N];
    for (size_t i = 0; i < M; i++)
        a[i * K + i % K] = (i % 2 ? -1.0f : 1.0f) * (float)(i + 1);
    for (size_t j = 0; j < N; j++) {
        for (size_t p = 0; p < K; p++)
            b[p * N + j] = (j % 2 ? -scale : scale) * (float)(j + 1);
    }
    for (size_t at = 0; at < M * N; at++)
        kept[at] = 0.5f;
    cl_mem buffer_a = buffer_with(a, sizeof a), buffer_b = buffer_with(b, sizeof b);
    cl_mem buffer_c = buffer_with(got, sizeof got), buffer_bias = buffer_with(bias, sizeof bias);
    cl_mem buffer_kept = buffer_with(kept, sizeof kept);
    const mcl_gemm product = {false, false, M, N, K, K, N, N, 1.0f};
    const mcl_epilogue finish = {.kind = kind, .activation = activation};
    const mcl_operands operands = {.a = {buffer_a, 0},
        .b = {buffer_b, 0},
        .c = {buffer_c, 0},
        .bias = {buffer_bias, 0},
        .kept = buffer_kept};
    ASSERT_OK(run_product(&product, &operands, &finish));
    read_buffer(got, buffer_c, sizeof got);
    read_buffer(kept, buffer_kept, sizeof kept);
    size_t flushed = 0, normal = 0;
    for (size_t at = 0; at < M * N; at++) {
        const double i = (double)(at / N) + 1, j = (double)(at % N) + 1;
        const double exact = (double)scale * i * j;
        const bool small = exact < 0x1p-125;
        if (small)
            REQUIRE(bits_of(got[at]) == 0,
                "finish %d, activation %d: %a is stored for a product of %a", (int)kind,
                (int)activation, (double)got[at], exact);
        if (kind == MCL_EPILOGUE_FORWARD && activation == MCL_ACTIVATION_GELU && small)
            REQUIRE(bits_of(kept[at]) == 0, "gelu: %a is kept for %a", (double)kept[at], exact);
        flushed += small;
        normal += got[at] != 0.0f;
    }
    ck_assert_uint_gt(flushed, 20);
    ck_assert_uint_gt(normal, 20);
    mcl_buffer_release(&buffer_a);
    mcl_buffer_release(&buffer_b);
    mcl_buffer_release(&buffer_c);
    mcl_buffer_release(&buffer_bias);
    mcl_buffer_release(&buffer_kept);
}

START_TEST(test_products)
{
    open_with(providers[_i]);
    check_finish(MCL_EPILOGUE_NONE, MCL_ACTIVATION_NONE);
    for (int f = MCL_ACTIVATION_NONE; f <= MCL_ACTIVATION_TANH; f++)
        check_finish(MCL_EPILOGUE_FORWARD, (mcl_activation)f);
    for (int f = MCL_ACTIVATION_RELU; f <= MCL_ACTIVATION_TANH; f++)
        check_finish(MCL_EPILOGUE_BACKWARD, (mcl_activation)f);
    context_teardown();
}
END_TEST

/* ẑ·dẑ of rows in normalize_backward: with a last element of ẑ that is large, and of dẑ that is 0,
 * it shows in the last element of dz = dẑ − ẑ (ẑ·dẑ). */
START_TEST(test_row_dots)
{
    const cl_uint n = 21;
    float x[2 * 21], y[2 * 21], inverse[2] = {1.0f, 1.0f}, got[2 * 21] = {0};
    for (size_t j = 0; j < 2 * 21; j++) {
        x[j] = j % 21 == 20 ? 0x1p+100f : 0x1p-65f;
        y[j] = j % 21 == 20 ? 0.0f : j < 21 ? 0x1p-65f : -0x1p-60f;
    }
    open_with(MCL_GEMM_NATIVE);
    cl_mem buffer_x = buffer_with(x, sizeof x), buffer_y = buffer_with(y, sizeof y);
    cl_mem buffer_inverse = buffer_with(inverse, sizeof inverse);
    cl_mem buffer_got = buffer_with(got, sizeof got);
    mcl_kernel *kernel;
    ASSERT_OK(mcl_kernel_find(&kernel, context, "normalize.cl", "normalize_backward", ""));
    ASSERT_OK(mcl_run_rows(kernel, 2, MCL_BUFFER(buffer_x), MCL_BUFFER(buffer_y),
        MCL_BUFFER(buffer_inverse), MCL_UINT(2), MCL_UINT(n), MCL_UINT(0), MCL_BUFFER(buffer_got),
        MCL_LOCAL(MCL_ROW_SPACE)));
    read_buffer(got, buffer_got, sizeof got);
    ck_assert_uint_eq(bits_of(got[20]), 0); /* not −20·2^-130·2^100 */
    ck_assert_uint_eq(bits_of(got[41]), bits_of(20.0f * 0x1p-25f));
    mcl_buffer_release(&buffer_x);
    mcl_buffer_release(&buffer_y);
    mcl_buffer_release(&buffer_inverse);
    mcl_buffer_release(&buffer_got);
    context_teardown();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("subnormal");
    TCase *tcase = tcase_create("stored");
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, test_products, 0, (int)(sizeof providers / sizeof *providers));
    tcase_add_test(tcase, test_row_dots);
    return run_suite(suite);
}
