/* SPDX-License-Identifier: Apache-2.0 */
/* The matrix product: the native provider bit by bit against a chain of fma on the host, CLBlast
 * within a tolerance. */
#include <clblast_c.h>

#include <math.h>

#include "support/product.h"

#include "base/rounding.h"
#include "compute/tuning.h"

#define GUARDS 5

/* A stored matrix within a larger piece of memory, full of guards where it has no elements. */
struct stored {
    float *values;
    size_t count; /* with the guards */
    uint32_t rows, columns, ld, offset;
};

static struct stored store(uint32_t rows, uint32_t columns, uint32_t extra, uint32_t offset)
{
    struct stored s = {NULL, 0, rows, columns, columns + extra, offset};
    s.count = offset + (size_t)rows * s.ld + GUARDS;
    s.values = allocate(s.count, sizeof *s.values);
    fill_guard(s.values, s.count);
    return s;
}

static void fill_stored(struct stored *s, uint64_t seed)
{
    for (uint32_t i = 0; i < s->rows; i++)
        fill_random(s->values + s->offset + (size_t)i * s->ld, s->columns, seed + 1000 * i);
}

static float element(const struct stored *s, bool transposed, size_t i, size_t j)
{
    return s->values[s->offset + (transposed ? j * s->ld + i : i * s->ld + j)];
}

/* c = alpha · op(a) · op(b) + beta · c as src/compute/product.h has it. */
static void multiply(
    struct stored *c, const mcl_gemm *g, float beta, const struct stored *a, const struct stored *b)
{
    for (uint32_t i = 0; i < g->m; i++) {
        for (uint32_t j = 0; j < g->n; j++) {
            float sum = 0.0f;
            for (uint32_t p = 0; p < g->k; p++)
                sum = fmaf(element(a, g->transpose_a, i, p), element(b, g->transpose_b, p, j), sum);
            float *to = &c->values[c->offset + (size_t)i * c->ld + j];
            const float product = g->alpha * sum;
            *to = mcl_host_flush(beta != 0.0f ? fmaf(beta, *to, product) : product);
        }
    }
}

/* What is tried besides the sizes. */
struct form {
    bool transpose_a, transpose_b;
    float alpha, beta;
    uint32_t extra, offset; /* elements behind each row, and before the first */
};

static void assert_close(const float *got, const float *expected, size_t count, const char *what)
{
    for (size_t i = 0; i < count; i++) {
        if (bits_of(expected[i]) == GUARD_BITS)
            REQUIRE(bits_of(got[i]) == GUARD_BITS, "%s: guard %zu is overwritten", what, i);
        else
            REQUIRE(fabsf(got[i] - expected[i]) <= 1e-4f, "%s: element %zu is %g instead of %g",
                what, i, (double)got[i], (double)expected[i]);
    }
}

static void check_product(struct form form, uint32_t m, uint32_t n, uint32_t k)
{
    struct stored a =
        store(form.transpose_a ? k : m, form.transpose_a ? m : k, form.extra * 3, form.offset);
    struct stored b =
        store(form.transpose_b ? n : k, form.transpose_b ? k : n, form.extra * 2, form.offset * 2);
    struct stored c = store(m, n, form.extra, form.offset * 3);
    fill_stored(&a, 1);
    fill_stored(&b, 2);
    if (form.beta != 0.0f) /* else it stays NaN, which must not be read */
        fill_stored(&c, 3);
    const mcl_gemm g = {form.transpose_a, form.transpose_b, m, n, k, a.ld, b.ld, c.ld, form.alpha};
    cl_mem buffer_a = buffer_with(a.values, a.count * sizeof(float));
    cl_mem buffer_b = buffer_with(b.values, b.count * sizeof(float));
    cl_mem buffer_c = buffer_with(c.values, c.count * sizeof(float));
    const mcl_operands operands = {.a = {buffer_a, a.offset},
        .b = {buffer_b, b.offset},
        .c = {buffer_c, c.offset},
        .beta = form.beta};
    ASSERT_OK(run_product(&g, &operands, NULL));
    float *got = allocate(c.count, sizeof *got);
    read_buffer(got, buffer_c, c.count * sizeof *got);
    multiply(&c, &g, form.beta, &a, &b);
    char what[128];
    snprintf(what, sizeof what, "%c%c %u × %u × %u, alpha %g, beta %g, %u behind rows, offset %u",
        g.transpose_a ? 'T' : 'N', g.transpose_b ? 'T' : 'N', (unsigned)m, (unsigned)n, (unsigned)k,
        (double)g.alpha, (double)form.beta, (unsigned)form.extra, (unsigned)form.offset);
    if (mcl_context_gemm(context) != MCL_GEMM_CLBLAST)
        assert_same_bits(got, c.values, c.count, what);
    else
        assert_close(got, c.values, c.count, what);
    mcl_buffer_release(&buffer_a);
    mcl_buffer_release(&buffer_b);
    mcl_buffer_release(&buffer_c);
    free(a.values);
    free(b.values);
    free(c.values);
    free(got);
}

/* Loop tests run once for each way to store the operands. */
static struct form form_of(int loop)
{
    return (struct form){.transpose_a = loop & 1, .transpose_b = loop & 2, .alpha = 1.0f};
}

/* Around the tiles' 6 or 8 rows and 8, 16 or 32 columns, and less than a block of rows. */
static const uint32_t sizes[] = {1, 5, 6, 7, 8, 9, 10, 15, 16, 17, 31, 33, 37, 65, 129};
#define SIZES (sizeof sizes / sizeof *sizes)

/* All pairs of sizes, each with one depth in turn, and equal ones with all depths. */
START_TEST(test_all_sizes)
{
    static const uint32_t depths[] = {1, 2, 16, 17, 130};
    const size_t count = sizeof depths / sizeof *depths;
    size_t products = 0;
    for (size_t i = 0; i < SIZES; i++) {
        for (size_t j = 0; j < SIZES; j++) {
            for (size_t p = 0; p < count; p++) {
                if ((i != j && p != (i + j) % count) ||
                    (is_oclgrind() && sizes[i] * sizes[j] * depths[p] > 1500))
                    continue;
                check_product(form_of(_i), sizes[i], sizes[j], depths[p]);
                products++;
            }
        }
    }
    ck_assert_uint_gt(products, 50);
}
END_TEST

START_TEST(test_offsets_and_longer_rows)
{
    for (size_t i = 0; i < SIZES; i++) {
        if (is_oclgrind() && sizes[i] > 17)
            break;
        struct form form = form_of(_i);
        form.extra = 1;
        form.offset = 7;
        check_product(form, sizes[i], sizes[SIZES / 2 - 1 + i % 3], 5);
        form.extra = 19;
        form.offset = 0;
        check_product(form, sizes[SIZES / 2 - i % 3], sizes[i], 3);
    }
}
END_TEST

START_TEST(test_alpha_and_beta)
{
    static const float pairs[][2] = {
        {1, 1}, {0.7f, 0}, {-1.3f, 0.3f}, {0, 1}, {0, 0}, {2, -1}, {1, 0x1p-20f}, {1e-3f, 1.1f}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct form form = form_of(_i);
        form.alpha = pairs[i][0];
        form.beta = pairs[i][1];
        form.extra = 2;
        form.offset = 3;
        check_product(form, 7, 17, 9); /* whole tiles, and parts of them */
        check_product(form, 13, 32, 4);
        check_product(form, 6, 10, 11);
    }
}
END_TEST

START_TEST(test_large_product)
{
    if (!is_oclgrind())
        check_product(form_of(_i), 256, 131, 784);
}
END_TEST

/* More rows than the compute units take with one block each, and a depth of several blocks, the
 * last one shorter. */
START_TEST(test_blocks_of_rows_and_depth)
{
    if (is_oclgrind())
        return;
    struct form form = form_of(_i);
    form.beta = 0.5f;
    check_product(form, 1027, 33, 257);
    check_product(form, 5, 3, 1025);
}
END_TEST

/* So many columns for one compute unit that a work-item takes four panels of them, and copies A's
 * rows where they are stored transposed; there is less than a whole tile at every end. */
START_TEST(test_several_panels)
{
    if (is_oclgrind())
        return;
    struct form form = form_of(_i);
    form.beta = 0.5f;
    form.extra = 3;
    check_product(form, 37, 1013, 300);
    check_product(form, 301, 1013, 33);
    check_product(form, 3, 1013, 5);
}
END_TEST

/* A fused finish gives the bits of the plain product that cl/epilogue.cl goes over afterwards.
 * Every activation is a kernel of its own, so that only the first shape has all of them. */
START_TEST(test_finish)
{
    static const uint32_t shapes[][3] = {{7, 40, 9}, {17, 32, 300}, {3, 5, 2}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const uint32_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
        const size_t count = (size_t)m * n;
        float *values = allocate(m * k + n * k + count + n + 1, sizeof *values);
        float *fused = allocate(count, sizeof *fused), *apart = allocate(count, sizeof *apart);
        float *kept = allocate(count, sizeof *kept), *kept_apart = allocate(count, sizeof *kept);
        fill_random(values, m * k + n * k + count + n + 1, 5 + s);
        cl_mem a = buffer_with(values, m * k * sizeof(float));
        cl_mem b = buffer_with(values + m * k, n * k * sizeof(float));
        cl_mem bias = buffer_with(values + m * k + n * k + count, (n + 1) * sizeof(float));
        const mcl_gemm g = {false, true, m, n, k, k, k, n, 0.5f};
        for (int kind = MCL_EPILOGUE_FORWARD; kind <= MCL_EPILOGUE_BACKWARD; kind++) {
            for (int f = MCL_ACTIVATION_NONE; f <= MCL_ACTIVATION_TANH; f++) {
                if (s > 0 && f != MCL_ACTIVATION_RELU)
                    continue;
                cl_mem c = buffer_with(fused, count * sizeof(float));
                cl_mem with = buffer_with(values + m * k + n * k, count * sizeof(float));
                cl_mem with_apart = buffer_with(values + m * k + n * k, count * sizeof(float));
                const mcl_epilogue finish = {
                    .kind = (mcl_epilogue_kind)kind, .activation = (mcl_activation)f};
                const mcl_operands operands = {
                    .a = {a, 0}, .b = {b, 0}, .c = {c, 0}, .bias = {bias, 1}, .kept = with};
                ASSERT_OK(run_product(&g, &operands, &finish));
                read_buffer(fused, c, count * sizeof(float));
                read_buffer(kept, with, count * sizeof(float));

                char options[64], what[96];
                mcl_kernel *kernel;
                snprintf(options, sizeof options, "-D ACTIVATION=%d", f);
                snprintf(what, sizeof what, "%u × %u × %u, finish %d, %s", (unsigned)m, (unsigned)n,
                    (unsigned)k, kind, options);
                ASSERT_OK(run_product(&g, &operands, NULL));
                ASSERT_OK(
                    mcl_kernel_find(&kernel, context, "epilogue.cl", "epilogue_product", options));
                ASSERT_OK(mcl_run(kernel, n, m, MCL_UINT(kind + 1), MCL_BUFFER(c), MCL_ULONG(0),
                    MCL_UINT(n), MCL_BUFFER(bias), MCL_ULONG(1), MCL_BUFFER(with_apart),
                    MCL_ULONG(0), MCL_UINT(n)));
                read_buffer(apart, c, count * sizeof(float));
                read_buffer(kept_apart, with_apart, count * sizeof(float));
                assert_same_bits(fused, apart, count, what);
                assert_same_bits(kept, kept_apart, count, what);
                mcl_buffer_release(&c);
                mcl_buffer_release(&with);
                mcl_buffer_release(&with_apart);
            }
        }
        mcl_buffer_release(&a);
        mcl_buffer_release(&b);
        mcl_buffer_release(&bias);
        free(values);
        free(fused);
        free(apart);
        free(kept);
        free(kept_apart);
    }
}
END_TEST

/* The sums of a transposed A's rows beside the product, where the kernel has them: within a block
 * of rows, of several, and of more rows and columns than a tile has. */
START_TEST(test_sums)
{
    static const uint32_t shapes[][3] = {
        {1, 1, 1}, {7, 40, 63}, {65, 3, 64}, {130, 70, 65}, {33, 17, 300}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const uint32_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
        if (is_oclgrind() && m * n * k > 20000)
            continue;
        float *a = allocate((size_t)m * k, sizeof *a), *b = allocate((size_t)n * k, sizeof *b);
        float *c = allocate((size_t)m * n, sizeof *c), *plain = allocate((size_t)m * n, sizeof *c);
        float *sums = allocate(m, sizeof *sums), *expected = allocate(m, sizeof *sums);
        fill_random(a, (size_t)m * k, 1);
        fill_random(b, (size_t)n * k, 2);
        a[0] = 0x1p-126f; /* its column's sum is flushed where it is the only row */
        sum_columns(expected, a, k, m);
        multiply_and_sum(plain, NULL, true, false, m, n, k, a, b);
        if (multiply_and_sum(c, sums, true, false, m, n, k, a, b))
            assert_same_bits(sums, expected, m, "sums");
        else
            ck_assert_int_eq(mcl_context_gemm(context), MCL_GEMM_NATIVE_CPU);
        assert_same_bits(c, plain, (size_t)m * n, "the product beside sums");
        free(a);
        free(b);
        free(c);
        free(plain);
        free(sums);
        free(expected);
    }
}
END_TEST

/* 1 + 2^-24 − 1 is 0 only in this order. The last product of a chain is exact: the rounded square
 * of 1+2^-12 is 1+2^-11, of which nothing is left, but when the other term comes first, the last
 * bit of the square survives. */
START_TEST(test_chain_ascends_and_is_fused)
{
    static const struct {
        float a[3], b[3], result;
    } cases[] = {
        {{1, 0x1p-24f, -1}, {1, 1, 1}, 0},
        {{1, -1, 0x1p-24f}, {1, 1, 1}, 0x1p-24f},
        {{1 + 0x1p-12f, -1, 0}, {1 + 0x1p-12f, 1 + 0x1p-11f, 0}, 0},
        {{-1, 1 + 0x1p-12f, 0}, {1 + 0x1p-11f, 1 + 0x1p-12f, 0}, 0x1p-24f},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float got = 7;
        cl_mem buffer_a = buffer_with(cases[i].a, sizeof cases[i].a);
        cl_mem buffer_b = buffer_with(cases[i].b, sizeof cases[i].b);
        cl_mem buffer_c = buffer_with(&got, sizeof got);
        const mcl_gemm g = {false, false, 1, 1, 3, 3, 1, 1, 1.0f};
        const mcl_operands operands = {.a = {buffer_a, 0}, .b = {buffer_b, 0}, .c = {buffer_c, 0}};
        ASSERT_OK(run_product(&g, &operands, NULL));
        read_buffer(&got, buffer_c, sizeof got);
        ck_assert_msg(bits_of(got) == bits_of(cases[i].result), "case %zu: %a instead of %a", i,
            (double)got, (double)cases[i].result);
        mcl_buffer_release(&buffer_a);
        mcl_buffer_release(&buffer_b);
        mcl_buffer_release(&buffer_c);
    }
}
END_TEST

/* A row of zeros in A does not hide a NaN or an infinity in B. */
START_TEST(test_nan_and_infinity_spread)
{
    float a[2 * 3] = {0, 0, 0, 1, 1, 1}, b[3 * 17], c[2 * 17];
    fill_random(b, 3 * 17, 1);
    b[1 * 17 + 4] = INFINITY;
    b[2 * 17 + 16] = NAN;
    cl_mem buffer_a = buffer_with(a, sizeof a), buffer_b = buffer_with(b, sizeof b);
    cl_mem buffer_c = buffer_with(c, sizeof c);
    const mcl_gemm g = {false, false, 2, 17, 3, 3, 17, 17, 1.0f};
    const mcl_operands operands = {.a = {buffer_a, 0}, .b = {buffer_b, 0}, .c = {buffer_c, 0}};
    ASSERT_OK(run_product(&g, &operands, NULL));
    read_buffer(c, buffer_c, sizeof c);
    for (size_t j = 0; j < 17; j++) {
        ck_assert_msg(j == 4 || j == 16 ? isnan(c[j]) : c[j] == 0.0f, "column %zu", j);
        ck_assert_msg(j == 16  ? isnan(c[17 + j])
                      : j == 4 ? isinf(c[17 + j])
                               : isfinite(c[17 + j]),
            "column %zu", j);
    }
    mcl_buffer_release(&buffer_a);
    mcl_buffer_release(&buffer_b);
    mcl_buffer_release(&buffer_c);
}
END_TEST

/* Bytes of device memory that a plan makes. */
static uint64_t made_for(const mcl_gemm *g)
{
    const uint64_t before = context->memory_made;
    mcl_product *product;
    ASSERT_OK(mcl_product_create(&product, context, g, NULL));
    mcl_product_free(product);
    return context->memory_made - before;
}

/* A plan reserves the workspace that running it needs; all share it. */
START_TEST(test_plans_reserve_workspace)
{
    mcl_gemm g = {false, true, 200, 20, 9, 9, 9, 20, 1.0f};
    (void)made_for(&g);
    ck_assert_uint_eq(made_for(&g), 0);
    check_product((struct form){false, true, 1, 0, 0, 0}, 200, 20, 9);
    g.n = 16; /* smaller: no new one */
    ck_assert_uint_eq(made_for(&g), 0);
    check_product((struct form){false, true, 1, 0, 0, 0}, 200, 16, 9);
    g = (mcl_gemm){false, true, 3000, 700, 300, 300, 300, 700, 1.0f};
    ck_assert_uint_gt(made_for(&g), 0);
    check_product((struct form){false, true, 1, 0, 0, 0}, 200, 20, 9);
    g = (mcl_gemm){false, true, 7, 64, 300, 300, 300, 64, 1.0f}; /* nothing is packed */
    ck_assert_uint_eq(made_for(&g), 0);
}
END_TEST

START_TEST(test_plans_alive)
{
    const mcl_gemm g = {false, true, 2, 3, 4, 4, 4, 3, 1.0f};
    mcl_product *products[4];
    ck_assert_ptr_null(mcl_product_first(context));
    for (size_t i = 0; i < 4; i++)
        ASSERT_OK(mcl_product_create(&products[i], context, &g, NULL));
    ck_assert_uint_eq(mcl_product_gemm(products[0])->n, 3);
    mcl_product_free(products[1]);
    mcl_product_free(products[3]); /* the last one */
    ASSERT_OK(mcl_product_create(&products[1], context, &g, NULL));
    ck_assert_ptr_eq(mcl_product_first(context), products[0]);
    ck_assert_ptr_eq(mcl_product_next(products[0]), products[2]);
    ck_assert_ptr_eq(mcl_product_next(products[2]), products[1]);
    ck_assert_ptr_null(mcl_product_next(products[1]));
    mcl_product_free(products[0]);
    mcl_product_free(products[2]);
    mcl_product_free(products[1]);
    mcl_product_free(NULL);
    ck_assert_ptr_null(mcl_product_first(context));
}
END_TEST

#define ROWS 45
#define COLUMNS 70
#define DEPTH 37

/* Fewer rows than planned, and a copy of B made before: the same bits. */
START_TEST(test_fewer_rows_and_a_packed_b)
{
    static const uint32_t rows[] = {1, 5, 6, 44, 0};
    const mcl_gemm g = {false, true, ROWS, COLUMNS, DEPTH, DEPTH, DEPTH + 2, COLUMNS, 1.0f};
    const size_t count = (size_t)ROWS * COLUMNS;
    float a[ROWS * DEPTH], b[COLUMNS * (DEPTH + 2)], expected[ROWS * COLUMNS], got[ROWS * COLUMNS];
    float clear[ROWS * COLUMNS];
    fill_random(a, ROWS * DEPTH, 1);
    fill_random(b, COLUMNS * (DEPTH + 2), 2);
    fill_guard(clear, count);
    cl_mem buffer_a = buffer_with(a, sizeof a), buffer_b = buffer_with(b, sizeof b);
    cl_mem buffer_c = buffer_with(clear, sizeof clear);
    mcl_operands operands = {.a = {buffer_a, 0}, .b = {buffer_b, 0}, .c = {buffer_c, 0}};
    mcl_product *product;
    ASSERT_OK(mcl_product_create(&product, context, &g, NULL));
    ASSERT_OK(mcl_product_run(product, &operands));
    read_buffer(expected, buffer_c, sizeof expected);
    for (int packed = 0; packed < 3; packed++) {
        if (packed) { /* what it is given then does not count */
            ASSERT_OK(mcl_product_pack(product, (mcl_matrix){buffer_b, 0}));
            ASSERT_OK(mcl_product_pack(product, (mcl_matrix){buffer_b, 0}));
        }
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            char what[64];
            operands.m = rows[i];
            ASSERT_OK(mcl_buffer_write(context, buffer_c, 0, clear, sizeof clear));
            ASSERT_OK(mcl_product_run(product, &operands));
            read_buffer(got, buffer_c, sizeof got);
            snprintf(what, sizeof what, "%u rows, packed %d times", (unsigned)rows[i], packed);
            const size_t written = (rows[i] ? rows[i] : ROWS) * (size_t)COLUMNS;
            assert_same_bits(got, expected, written, what);
            assert_same_bits(got + written, clear + written, count - written, what);
        }
    }
    operands.m = ROWS + 1;
    ck_assert_int_eq(mcl_product_run(product, &operands), MCL_ERROR_ARGUMENT);
    mcl_product_free(product);
    mcl_buffer_release(&buffer_a);
    mcl_buffer_release(&buffer_b);
    mcl_buffer_release(&buffer_c);
}
END_TEST

START_TEST(test_products_without_elements_are_refused)
{
    static const uint32_t none[3][3] = {{0, 2, 3}, {2, 0, 3}, {2, 3, 0}};
    for (size_t i = 0; i < 3; i++) {
        const uint32_t *n = none[i];
        const mcl_gemm g = {false, false, n[0], n[1], n[2], 3, 3, 3, 1.0f};
        mcl_product *product;
        char message[128];
        snprintf(message, sizeof message, "a matrix product of %u × %u × %u has no elements",
            (unsigned)n[0], (unsigned)n[1], (unsigned)n[2]);
        ck_assert_int_eq(mcl_product_create(&product, context, &g, NULL), MCL_ERROR_ARGUMENT);
        ck_assert_str_eq(mcl_error_message(), message);
    }
    ck_assert_ptr_null(mcl_product_first(context));
}
END_TEST

static void override(size_t which, const size_t *values)
{
    const mcl_clblast_kernel *kernel = &mcl_clblast_kernels[which];
    const char *names[MCL_CLBLAST_PARAMETERS_MAX];
    memcpy(names, kernel->parameters, sizeof names);
    ck_assert_int_eq(CLBlastOverrideParameters(context->device, kernel->name,
                         CLBlastPrecisionSingle, kernel->count, names, values),
        CLBlastSuccess);
}

/* Whether CLBlast takes large row-major matrices as they are, once a plan is made: with GEMMK 1. */
static bool takes_as_it_is(void)
{
    const mcl_gemm g = {false, false, 8, 8, 8, 8, 8, 8, 1.0f};
    const size_t n = (size_t)1 << 20;
    size_t bytes = 1;
    mcl_product *product;
    ASSERT_OK(mcl_product_create(&product, context, &g, NULL));
    mcl_product_free(product);
    ck_assert_int_eq(CLBlastSGemmTempBufferSize(CLBlastLayoutRowMajor, CLBlastTransposeNo,
                         CLBlastTransposeNo, n, n, n, 0, n, 0, n, 0, n, &context->queue, &bytes),
        CLBlastSuccess);
    return bytes == 0;
}

static void keep_warning(const char *line, void *user)
{
    snprintf(user, 1024, "%s", line);
}

/* CLBlast compiles for seconds when it is first called, so that all is one test of few sizes. */
START_TEST(test_clblast)
{
    if (is_oclgrind())
        return;
    context_teardown();
    char warning[1024] = "";
    const mcl_context_options options = {
        .gemm = MCL_GEMM_CLBLAST, .warn = keep_warning, .warn_user = warning};
    ASSERT_OK(mcl_context_open(&context, &options));
    ck_assert_int_eq(mcl_context_gemm(context), MCL_GEMM_CLBLAST);
    for (int loop = 0; loop < 4; loop++) {
        struct form form = form_of(loop);
        check_product(form, 7, 17, 33);
        check_product(form, 64, 40, 129);
        form.extra = 3;
        form.offset = 5;
        form.alpha = -0.7f;
        form.beta = 0.3f;
        check_product(form, 7, 17, 33);
    }
    context->paced = true; /* in calls of 64 rows, to which a device of no units comes */
    const uint32_t units = context->info.compute_units;
    context->info.compute_units = 0;
    for (int loop = 0; loop < 4; loop++)
        check_product(form_of(loop), 130, 17, 33);
    context->info.compute_units = units;
    context->paced = false;
    const mcl_gemm g = {false, false, 8, 8, 8, 8, 8, 8, 1.0f};
    ck_assert_uint_eq(made_for(&g), 0);

    /* GEMMK 1 is right with square tiles, and so are other kernels with any */
    override(
        MCL_CLBLAST_INDIRECT, (const size_t[]){1, 2, 1, 1, 4, 4, 32, 4, 4, 32, 0, 0, 0, 0, 2, 2});
    ck_assert(takes_as_it_is());
    override(
        MCL_CLBLAST_INDIRECT, (const size_t[]){1, 2, 1, 1, 4, 4, 32, 8, 8, 64, 0, 0, 0, 0, 2, 2});
    ck_assert(!takes_as_it_is());

    /* what its own table has for HD Graphics Skylake ULT GT2 writes outside before 1.6.3 */
    override(MCL_CLBLAST_ROUTINE, (const size_t[]){1});
    override(
        MCL_CLBLAST_INDIRECT, (const size_t[]){1, 2, 1, 1, 4, 4, 32, 8, 8, 64, 0, 0, 0, 0, 2, 2});
    for (int loop = 0; loop < 4; loop++)
        check_product(form_of(loop), 65, 33, 47);
    /* what it refuses, native products do: rows that are shorter than what they hold */
    const mcl_gemm wrong = {false, false, 8, 8, 8, 4, 8, 8, 1.0f};
    float values[64] = {0};
    cl_mem buffer = buffer_with(values, sizeof values), out = buffer_with(values, sizeof values);
    const mcl_operands operands = {.a = {buffer, 0}, .b = {buffer, 0}, .c = {out, 0}};
    ck_assert_str_eq(warning, "");
    ASSERT_OK(run_product(&wrong, &operands, NULL));
    ck_assert_msg(strstr(warning, "CLBlast") != NULL, "%s", warning);
    ck_assert_ptr_nonnull(strstr(warning, "; native products take over from here on"));
    *warning = '\0';
    ASSERT_OK(run_product(&wrong, &operands, NULL));
    ck_assert_str_eq(warning, "");
    check_product(form_of(0), 7, 17, 33);
    mcl_buffer_release(&buffer);
    mcl_buffer_release(&out);
}
END_TEST

static void setup(mcl_gemm_kind kind, uint32_t compute_units)
{
    const mcl_context_options options = {.gemm = kind, .compute_units = compute_units};
    ASSERT_OK(mcl_context_open(&context, &options));
}

static void cpu_setup(void)
{
    setup(MCL_GEMM_NATIVE_CPU, 0);
}

/* Plans go by the number alone, which a device that cannot be divided is told as well. */
static void unit_setup(void)
{
    const mcl_context_options options = {.gemm = MCL_GEMM_NATIVE_CPU, .compute_units = 1};
    if (mcl_context_open(&context, &options) != MCL_OK)
        setup(MCL_GEMM_NATIVE_CPU, 0);
    context->info.compute_units = 1;
}

static void gpu_setup(void)
{
    setup(MCL_GEMM_NATIVE_GPU, 0);
}

static void add_native(Suite *suite, const char *name, SFun fixture)
{
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, fixture, context_teardown);
    tcase_add_loop_test(tcase, test_all_sizes, 0, 4);
    tcase_add_loop_test(tcase, test_offsets_and_longer_rows, 0, 4);
    tcase_add_loop_test(tcase, test_alpha_and_beta, 0, 4);
    tcase_add_loop_test(tcase, test_large_product, 0, 4);
    tcase_add_loop_test(tcase, test_blocks_of_rows_and_depth, 0, 4);
    tcase_add_test(tcase, test_finish);
    tcase_add_test(tcase, test_sums);
    tcase_add_test(tcase, test_chain_ascends_and_is_fused);
    tcase_add_test(tcase, test_nan_and_infinity_spread);
    tcase_add_test(tcase, test_products_without_elements_are_refused);
    tcase_add_test(tcase, test_plans_alive);
    tcase_add_test(tcase, test_fewer_rows_and_a_packed_b);
    suite_add_tcase(suite, tcase);
}

int main(void)
{
    Suite *suite = suite_create("gemm");
    add_native(suite, "native for CPUs", cpu_setup);
    add_native(suite, "native for GPUs", gpu_setup);
    TCase *tcase = tcase_create("native for CPUs: workspace");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, cpu_setup, context_teardown);
    tcase_add_test(tcase, test_plans_reserve_workspace);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("native for CPUs: one compute unit");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, unit_setup, context_teardown);
    tcase_add_loop_test(tcase, test_several_panels, 0, 4);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("clblast");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, context_setup, context_teardown);
    tcase_add_test(tcase, test_clblast);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
