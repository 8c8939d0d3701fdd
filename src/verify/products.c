/* SPDX-License-Identifier: Apache-2.0 */
/* Both native matrix products with every way of finishing them, and sums. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rounding.h"
#include "compute/product.h"
#include "compute/sums.h"
#include "constants.clh"
#include "verify/checker.h"
#include "verify/reference.h"

/* No multiples of any tile, and several blocks of the depth. */
#define M 61
#define N 67
#define K 300

struct product {
    const char *name;
    bool transpose_a, transpose_b;
    mcl_epilogue_kind finish;
    mcl_activation activation;
    float alpha, beta;
    bool without_bias; /* which is 0 then */
};

static const struct product products[] = {
    {"NN, alpha and beta", false, false, MCL_EPILOGUE_NONE, MCL_ACTIVATION_NONE, 0.7f, 1.0f, false},
    {"TN", true, false, MCL_EPILOGUE_SUMS, MCL_ACTIVATION_NONE, 1.0f, 0.0f, false},
    {"NT, bias", false, true, MCL_EPILOGUE_FORWARD, MCL_ACTIVATION_NONE, 1.0f, 0.0f, false},
    {"NT, bias and relu", false, true, MCL_EPILOGUE_FORWARD, MCL_ACTIVATION_RELU, 1.0f, 0.0f,
        false},
    {"NT, bias and gelu", false, true, MCL_EPILOGUE_FORWARD, MCL_ACTIVATION_GELU, 1.0f, 0.0f,
        false},
    {"NT, bias and tanh", false, true, MCL_EPILOGUE_FORWARD, MCL_ACTIVATION_TANH, 1.0f, 0.0f,
        false},
    /* Numbers from 2^-126 on that must be made 0. */
    {"NT, relu of a tiny z", false, true, MCL_EPILOGUE_FORWARD, MCL_ACTIVATION_RELU, 0x1p-126f,
        0.0f, true},
    {"NN, relu backward", false, false, MCL_EPILOGUE_BACKWARD, MCL_ACTIVATION_RELU, 1.0f, 0.0f,
        false},
    {"NN, gelu backward", false, false, MCL_EPILOGUE_BACKWARD, MCL_ACTIVATION_GELU, 1.0f, 0.0f,
        false},
    {"NN, tanh backward", false, false, MCL_EPILOGUE_BACKWARD, MCL_ACTIVATION_TANH, 1.0f, 0.0f,
        false},
};
#define PRODUCTS (sizeof products / sizeof *products)

/* The numbers that a product is made of, and on the device the same. */
struct operands {
    float *a, *b, *c, *bias, *kept, *sums, *expected; /* sums[M×N]: the chains */
    cl_mem a_buffer, b_buffer, c_buffer, bias_buffer, zero_buffer, kept_buffer, rows_buffer;
};

/* sums[i×N + j] = the chain of fma over k of A_ik·B_kj, which are stored as the product says */
static void make_chains(struct operands *x, const struct product *product)
{
    for (size_t i = 0; i < M; i++) {
        for (size_t j = 0; j < N; j++) {
            float sum = 0.0f;
            for (size_t k = 0; k < K; k++)
                sum = fmaf(x->a[product->transpose_a ? k * M + i : i * K + k],
                    x->b[product->transpose_b ? j * K + k : k * N + j], sum);
            x->sums[i * N + j] = sum;
        }
    }
}

static float finish(const struct product *product, const struct operands *x, size_t at)
{
    float result = product->alpha * x->sums[at];
    if (product->beta != 0.0f)
        result = fmaf(product->beta, x->c[at], result);
    const float bias = product->without_bias ? 0.0f : x->bias[at % N];
    if (product->finish == MCL_EPILOGUE_FORWARD)
        return mcl_reference_activate(product->activation, mcl_host_flush(result + bias));
    if (product->finish == MCL_EPILOGUE_BACKWARD)
        result = result * mcl_reference_derivative(product->activation, x->kept[at]);
    return mcl_host_flush(result);
}

/* sums[j] = Σ_i values[i×n + j] in blocks of rows */
static void sum_columns(float *sums, const float *values, size_t rows, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        float total = 0.0f;
        for (size_t first = 0; first < rows; first += MCL_SUM_ROWS) {
            float block = 0.0f;
            for (size_t i = first; i < rows && i < first + MCL_SUM_ROWS; i++)
                block += values[i * n + j];
            total += block;
        }
        sums[j] = mcl_host_flush(total);
    }
}

static mcl_gemm shape_of(const struct product *product)
{
    return (mcl_gemm){product->transpose_a, product->transpose_b, M, N, K,
        product->transpose_a ? M : K, product->transpose_b ? K : N, N, product->alpha};
}

static mcl_operands operands_of(const struct product *product, const struct operands *x)
{
    mcl_operands operands = {
        .a = {x->a_buffer, 0}, .b = {x->b_buffer, 0}, .c = {x->c_buffer, 0}, .beta = product->beta};
    if (product->finish == MCL_EPILOGUE_FORWARD)
        operands.bias.buffer = product->without_bias ? x->zero_buffer : x->bias_buffer;
    if (product->finish == MCL_EPILOGUE_SUMS)
        operands.bias.buffer = x->rows_buffer;
    if (product->finish != MCL_EPILOGUE_NONE)
        operands.kept = x->kept_buffer;
    return operands;
}

static mcl_status check_product(
    mcl_checker *checker, const struct product *product, mcl_product *plan, struct operands *x)
{
    mcl_context *context = checker->context;
    const mcl_operands operands = operands_of(product, x);
    char name[64];
    snprintf(name, sizeof name, "%s %s", context->gemm == MCL_GEMM_NATIVE_GPU ? "gemm_gpu" : "gemm",
        product->name);
    for (size_t i = 0; i < (size_t)M * N; i++)
        x->expected[i] = finish(product, x, i);
    MCL_TRY(mcl_buffer_write(context, x->c_buffer, 0, x->c, sizeof(float) * M * N));
    MCL_TRY(mcl_buffer_write(context, x->kept_buffer, 0, x->kept, sizeof(float) * M * N));
    MCL_TRY(mcl_product_run(plan, &operands));
    MCL_TRY(mcl_checker_expect(checker, name, x->expected, x->c_buffer, (size_t)M * N));
    if (!mcl_product_sums(plan))
        return MCL_OK;
    sum_columns(x->expected, x->a, K, M);
    return mcl_checker_expect(checker, "gemm_gpu TN, sums of rows", x->expected, x->rows_buffer, M);
}

static mcl_status make_operands(mcl_checker *checker, struct operands *x)
{
    MCL_TRY(mcl_checker_values(&x->a, checker, (size_t)M * K, 1));
    MCL_TRY(mcl_checker_values(&x->b, checker, (size_t)N * K, 2));
    MCL_TRY(mcl_checker_values(&x->c, checker, (size_t)M * N, 3));
    MCL_TRY(mcl_checker_values(&x->bias, checker, N, 4));
    MCL_TRY(mcl_checker_values(&x->kept, checker, (size_t)M * N, 5));
    MCL_TRY(mcl_checker_memory(&x->sums, checker, (size_t)M * N, sizeof(float)));
    MCL_TRY(mcl_checker_memory(&x->expected, checker, (size_t)M * N, sizeof(float)));
    MCL_TRY(mcl_checker_buffer(&x->a_buffer, checker, x->a, sizeof(float) * M * K));
    MCL_TRY(mcl_checker_buffer(&x->b_buffer, checker, x->b, sizeof(float) * N * K));
    MCL_TRY(mcl_checker_buffer(&x->c_buffer, checker, x->c, sizeof(float) * M * N));
    /* As yet expected is zeros. */
    MCL_TRY(mcl_checker_buffer(&x->zero_buffer, checker, x->expected, sizeof(float) * N));
    MCL_TRY(mcl_checker_buffer(&x->bias_buffer, checker, x->bias, sizeof(float) * N));
    MCL_TRY(mcl_checker_buffer(&x->rows_buffer, checker, x->expected, sizeof(float) * M));
    return mcl_checker_buffer(&x->kept_buffer, checker, x->kept, sizeof(float) * M * N);
}

/* By the kernel of the context; all plans come first, so that they are built together. */
static mcl_status check_kernel(mcl_checker *checker, struct operands *x)
{
    mcl_product *plans[PRODUCTS] = {NULL};
    mcl_status status = MCL_OK;
    for (size_t i = 0; i < PRODUCTS && status == MCL_OK; i++) {
        const mcl_gemm gemm = shape_of(&products[i]);
        const mcl_epilogue epilogue = {
            .kind = products[i].finish, .activation = products[i].activation};
        status = mcl_product_create(&plans[i], checker->context, &gemm, &epilogue);
    }
    for (size_t i = 0; i < PRODUCTS && status == MCL_OK; i++) {
        make_chains(x, &products[i]);
        status = check_product(checker, &products[i], plans[i], x);
    }
    for (size_t i = 0; i < PRODUCTS; i++)
        mcl_product_free(plans[i]);
    return status;
}

mcl_status mcl_check_products(mcl_checker *checker)
{
    static const mcl_gemm_kind kinds[2] = {MCL_GEMM_NATIVE_CPU, MCL_GEMM_NATIVE_GPU};
    struct operands x;
    MCL_TRY(make_operands(checker, &x));
    for (size_t kind = 0; kind < 2; kind++) {
        checker->context->gemm = kinds[kind];
        MCL_TRY(check_kernel(checker, &x));
    }
    return MCL_OK;
}

static mcl_status check_sum(mcl_checker *checker, const char *name, size_t n)
{
    float *values, *sums, *space;
    cl_mem in, out, space_buffer;
    mcl_sums kernels;
    const float divisor = 77.0f;
    MCL_TRY(mcl_checker_values(&values, checker, n, n));
    MCL_TRY(mcl_checker_memory(&sums, checker, n, sizeof *sums));
    MCL_TRY(mcl_checker_memory(&space, checker, n, sizeof *space));
    MCL_TRY(mcl_checker_buffer(&in, checker, values, n * sizeof *values));
    MCL_TRY(mcl_checker_buffer(&out, checker, sums, sizeof *sums));
    MCL_TRY(mcl_checker_buffer(&space_buffer, checker, space, n * sizeof *space));
    MCL_TRY(mcl_sums_find(&kernels, checker->context));
    MCL_TRY(mcl_sums_run(&kernels, in, (uint32_t)n, divisor, space_buffer, out, 0));
    memcpy(sums, values, n * sizeof *sums);
    while (n > MCL_SUM_BLOCK) {
        const size_t blocks = (n + MCL_SUM_BLOCK - 1) / MCL_SUM_BLOCK;
        for (size_t b = 0; b < blocks; b++)
            sums[b] = mcl_host_divide(
                mcl_reference_sum(sums + b * MCL_SUM_BLOCK,
                    n - b * MCL_SUM_BLOCK < MCL_SUM_BLOCK ? n - b * MCL_SUM_BLOCK : MCL_SUM_BLOCK),
                1.0f);
        n = blocks;
    }
    sums[0] = mcl_host_divide(mcl_reference_sum(sums, n), divisor);
    MCL_TRY(mcl_checker_expect(checker, name, sums, out, 1));
    mcl_checker_clear(checker);
    return MCL_OK;
}

#define ROWS 330
#define COLUMNS 37

static mcl_status check_column_sums(mcl_checker *checker)
{
    float *values, *sums;
    cl_mem in, out, space;
    mcl_sums kernels;
    MCL_TRY(mcl_checker_values(&values, checker, (size_t)ROWS * COLUMNS, 9));
    MCL_TRY(mcl_checker_memory(&sums, checker, COLUMNS, sizeof *sums));
    MCL_TRY(mcl_checker_buffer(&in, checker, values, sizeof *values * ROWS * COLUMNS));
    MCL_TRY(mcl_checker_buffer(&out, checker, sums, COLUMNS * sizeof *sums));
    MCL_TRY(mcl_checker_buffer(&space, checker, values,
        (size_t)mcl_column_sums_workspace(ROWS, COLUMNS) * sizeof *values));
    MCL_TRY(mcl_sums_find(&kernels, checker->context));
    MCL_TRY(mcl_sums_run_columns(&kernels, in, ROWS, COLUMNS, space, out, 0));
    sum_columns(sums, values, ROWS, COLUMNS);
    return mcl_checker_expect(checker, "column_sums", sums, out, COLUMNS);
}

mcl_status mcl_check_sums(mcl_checker *checker)
{
    MCL_TRY(check_sum(checker, "sum of 7", 7));
    MCL_TRY(check_sum(checker, "sum of 1000", 1000));
    MCL_TRY(check_sum(checker, "sum of 3000", 3000));
    return check_column_sums(checker);
}
