/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels give the same bits in either mapping of work-items, see cl/common.clh and
 * device/geometry.h, and launches are made of work-groups that the device can have. */
#include <math.h>

#include "support/device.h"

#include "base/rounding.h"
#include "compute/row_norms.h"
#include "device/geometry.h"

/* The test's context with the mapping for GPUs or for CPUs, work-groups of at most `forced` items,
 * if not 0, and a device whose largest one has `largest`, if not 0. */
static void open_mapped(bool spreads, size_t forced, size_t largest)
{
    context_setup();
    context->spreads = spreads;
    context->work_group = forced;
    context->largest_group = largest ? largest : context->largest_group;
}

#define SOFTMAX_ROWS 18

/* Numbers after a result that stay as they are. */
#define GUARDS 40

static void run_norms(float *inverse, float *normalized, const float *z, uint32_t rows, uint32_t n)
{
    const size_t count = (size_t)rows * n;
    mcl_row_norms norms;
    ASSERT_OK(mcl_row_norms_find(&norms, context));
    fill_guard(inverse, rows + GUARDS);
    fill_guard(normalized, count + GUARDS);
    cl_mem z_buffer = buffer_with(z, count * sizeof *z);
    cl_mem inverse_buffer = buffer_with(inverse, (rows + GUARDS) * sizeof *z);
    cl_mem normalized_buffer = buffer_with(normalized, (count + GUARDS) * sizeof *z);
    ASSERT_OK(
        mcl_row_norms_normalize(&norms, z_buffer, rows, n, inverse_buffer, normalized_buffer));
    read_buffer(inverse, inverse_buffer, (rows + GUARDS) * sizeof *z);
    read_buffer(normalized, normalized_buffer, (count + GUARDS) * sizeof *z);
    mcl_buffer_release(&z_buffer);
    mcl_buffer_release(&inverse_buffer);
    mcl_buffer_release(&normalized_buffer);
}

static void run_softmax(float *s, float *normalizer, float *loss, const float *values, uint32_t n)
{
    const size_t count = (size_t)n * n;
    mcl_kernel *forward, *backward;
    ASSERT_OK(mcl_kernel_find(&forward, context, "infonce.cl", "infonce_rows", ""));
    ASSERT_OK(mcl_kernel_find(&backward, context, "infonce.cl", "infonce_backward", ""));
    fill_guard(normalizer, n + GUARDS);
    fill_guard(loss, n + GUARDS);
    fill_guard(s, count + GUARDS);
    memcpy(s, values, count * sizeof *s);
    cl_mem s_buffer = buffer_with(s, (count + GUARDS) * sizeof *s);
    cl_mem normalizer_buffer = buffer_with(normalizer, (n + GUARDS) * sizeof *s);
    cl_mem loss_buffer = buffer_with(loss, (n + GUARDS) * sizeof *s);
    ASSERT_OK(mcl_run_rows(forward, n, MCL_BUFFER(s_buffer), MCL_UINT(n),
        MCL_BUFFER(normalizer_buffer), MCL_BUFFER(loss_buffer), MCL_LOCAL(MCL_ROW_SPACE)));
    ASSERT_OK(mcl_run_vectors(backward, n, n, MCL_BUFFER(s_buffer), MCL_BUFFER(normalizer_buffer),
        MCL_UINT(n), MCL_FLOAT(0.7f)));
    read_buffer(s, s_buffer, (count + GUARDS) * sizeof *s);
    read_buffer(normalizer, normalizer_buffer, (n + GUARDS) * sizeof *s);
    read_buffer(loss, loss_buffer, (n + GUARDS) * sizeof *s);
    mcl_buffer_release(&s_buffer);
    mcl_buffer_release(&normalizer_buffer);
    mcl_buffer_release(&loss_buffer);
}

/* Results one after the other, each with its guards. */
struct results {
    float *values;
    size_t count;
};

static struct results run_all(uint32_t rows, uint32_t n)
{
    const size_t count = (size_t)rows * n, square = (size_t)rows * rows;
    struct results results = {.count = 3 * (size_t)rows + count + square + 5 * GUARDS};
    results.values = allocate(results.count, sizeof(float));
    float *z = allocate(count + square, sizeof *z), *at = results.values;
    fill_random(z, count + square, rows);
    run_norms(at, at + rows + GUARDS, z, rows, n);
    at += rows + count + 2 * GUARDS;
    run_softmax(at + 2 * (rows + GUARDS), at, at + rows + GUARDS, z + count, rows);
    free(z);
    return results;
}

START_TEST(test_the_same_bits)
{
    static const uint32_t sizes[][2] = {{3, 16}, {17, 31}, {70, 257}};
    static const size_t groups[][2] = {{0, 0}, {7, 0}, {0, 100}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        open_mapped(false, 0, 0);
        const bool is_slow = is_oclgrind();
        const struct results expected = run_all(sizes[i][0], sizes[i][1]);
        context_teardown();
        for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
            open_mapped(true, groups[g][0], groups[g][1]);
            context->paced = g == 0; /* divided into parts at first */
            const struct results got = run_all(sizes[i][0], sizes[i][1]);
            assert_same_bits(got.values, expected.values, expected.count, "the other mapping");
            free(got.values);
            context_teardown();
        }
        free(expected.values);
        if (is_slow && i == 1)
            break;
    }
}
END_TEST

/* Softmax regression by its formula: logits become their gradient. */
static void expect_softmax(
    float *logits, float *losses, const float *bias, const uint32_t *labels, uint32_t classes)
{
    for (size_t i = 0; i < SOFTMAX_ROWS; i++) {
        float *row = logits + i * classes, most = -INFINITY, total = 0.0f;
        for (size_t c = 0; c < classes; c++) {
            row[c] += bias[c];
            most = row[c] > most ? row[c] : most;
        }
        const float own = row[labels[i]] - most;
        for (size_t c = 0; c < classes; c++)
            total += row[c] = mcl_host_exp(row[c] - most);
        losses[i] = mcl_host_log(total) - own;
        const float inverse = mcl_host_reciprocal(total);
        for (size_t c = 0; c < classes; c++)
            row[c] = 0.3f * fmaf(row[c], inverse, c == labels[i] ? -1.0f : 0.0f);
    }
}

static void check_softmax_rows(uint32_t classes)
{
    const size_t count = (size_t)SOFTMAX_ROWS * classes;
    float *logits = allocate(count, sizeof *logits), *got = allocate(count, sizeof *got);
    float *bias = allocate(classes, sizeof *bias), losses[SOFTMAX_ROWS], expected[SOFTMAX_ROWS];
    uint32_t labels[SOFTMAX_ROWS];
    mcl_kernel *kernel;
    fill_random(logits, count, 1);
    fill_random(bias, classes, 2);
    for (uint32_t i = 0; i < SOFTMAX_ROWS; i++)
        labels[i] = 7 * i % classes;
    cl_mem logits_buffer = buffer_with(logits, count * sizeof *logits);
    cl_mem bias_buffer = buffer_with(bias, classes * sizeof *bias);
    cl_mem labels_buffer = buffer_with(labels, sizeof labels);
    cl_mem losses_buffer = buffer_with(losses, sizeof losses);
    ASSERT_OK(mcl_kernel_find(&kernel, context, "probe.cl", "softmax_rows", ""));
    ASSERT_OK(mcl_run_rows(kernel, SOFTMAX_ROWS, MCL_BUFFER(logits_buffer), MCL_UINT(SOFTMAX_ROWS),
        MCL_BUFFER(bias_buffer), MCL_ULONG(0), MCL_BUFFER(labels_buffer), MCL_UINT(0),
        MCL_UINT(classes), MCL_FLOAT(0.3f), MCL_BUFFER(losses_buffer), MCL_LOCAL(MCL_ROW_SPACE)));
    read_buffer(got, logits_buffer, count * sizeof *got);
    read_buffer(losses, losses_buffer, sizeof losses);
    expect_softmax(logits, expected, bias, labels, classes);
    assert_same_bits(got, logits, count, "the gradient by the logits");
    assert_same_bits(losses, expected, SOFTMAX_ROWS, "the losses");
    mcl_buffer_release(&logits_buffer);
    mcl_buffer_release(&bias_buffer);
    mcl_buffer_release(&labels_buffer);
    mcl_buffer_release(&losses_buffer);
    free(logits);
    free(got);
    free(bias);
}

#define QUERIES 9
#define CANDIDATES 101
#define NEAREST 7

/* Of numbers with many equal ones, of which the first come first. */
static void check_nearest(void)
{
    float similarity[QUERIES * CANDIDATES], best[QUERIES * NEAREST], values[QUERIES * NEAREST];
    uint32_t places[QUERIES * NEAREST] = {0}, expected[QUERIES * NEAREST];
    mcl_kernel *kernel;
    fill_random(similarity, QUERIES * CANDIDATES, 3);
    for (size_t i = 0; i < QUERIES * CANDIDATES; i++)
        similarity[i] = roundf(8.0f * similarity[i]);
    for (size_t q = 0; q < QUERIES; q++) {
        bool taken[CANDIDATES] = {false};
        for (size_t k = 0; k < NEAREST; k++) {
            size_t most = CANDIDATES;
            for (size_t j = 0; j < CANDIDATES; j++) {
                if (!taken[j] && (most == CANDIDATES || similarity[q * CANDIDATES + j] >
                                                            similarity[q * CANDIDATES + most]))
                    most = j;
            }
            taken[most] = true;
            values[q * NEAREST + k] = similarity[q * CANDIDATES + most];
            expected[q * NEAREST + k] = 5 + (uint32_t)most;
            best[q * NEAREST + k] = -INFINITY;
        }
    }
    cl_mem similarity_buffer = buffer_with(similarity, sizeof similarity);
    cl_mem best_buffer = buffer_with(best, sizeof best);
    cl_mem places_buffer = buffer_with(places, sizeof places);
    ASSERT_OK(mcl_kernel_find(&kernel, context, "probe.cl", "nearest", ""));
    ASSERT_OK(mcl_run_rows(kernel, QUERIES, MCL_BUFFER(similarity_buffer), MCL_UINT(QUERIES),
        MCL_UINT(CANDIDATES), MCL_UINT(5), MCL_UINT(NEAREST), MCL_BUFFER(best_buffer),
        MCL_BUFFER(places_buffer), MCL_LOCAL(MCL_ROW_SPACE)));
    read_buffer(best, best_buffer, sizeof best);
    read_buffer(places, places_buffer, sizeof places);
    assert_same_bits(best, values, QUERIES * NEAREST, "the nearest similarities");
    ck_assert_mem_eq(places, expected, sizeof places);
    mcl_buffer_release(&similarity_buffer);
    mcl_buffer_release(&best_buffer);
    mcl_buffer_release(&places_buffer);
}

/* The probe's kernels, which maskcl verify leaves out, against their formulas. */
START_TEST(test_probe)
{
    for (int spreads = 0; spreads < 2; spreads++) {
        open_mapped(spreads, 0, 0);
        check_softmax_rows(3);
        check_softmax_rows(37);
        check_nearest();
        context_teardown();
    }
}
END_TEST

/* What a launch of a kernel of rows or elements would be. */
static mcl_geometry geometry(mcl_mapping mapping, size_t columns, size_t rows)
{
    mcl_kernel *kernel;
    cl_kernel built;
    const bool by_rows = mapping == MCL_MAP_ROWS;
    ASSERT_OK(mcl_kernel_find(
        &kernel, context, "infonce.cl", by_rows ? "infonce_rows" : "infonce_backward", ""));
    ASSERT_OK(mcl_kernel_build(&built, kernel));
    return mcl_geometry_of(kernel, mapping, columns, rows);
}

#define ASSERT_GEOMETRY(mapping, columns, rows, g0, g1, l0, l1)                                    \
    do {                                                                                           \
        const mcl_geometry g = geometry(mapping, columns, rows);                                   \
        REQUIRE(!g.open && g.global[0] == (g0) && g.global[1] == (g1) && g.local[0] == (l0) &&     \
                    g.local[1] == (l1),                                                            \
            #mapping " of %d × %d is %zu × %zu in groups of %zu × %zu", columns, rows,             \
            g.global[0], g.global[1], g.local[0], g.local[1]);                                     \
    } while (0)

START_TEST(test_geometry_of_gpus)
{
    open_mapped(true, 0, 0);
    context->info.compute_units = 8;
    ASSERT_GEOMETRY(MCL_MAP_ROWS, 1, 1000, 16, 1008, 16, 16);
    ASSERT_GEOMETRY(MCL_MAP_ROWS, 1, 129, 16, 136, 16, 8); /* two groups for each unit … */
    ASSERT_GEOMETRY(MCL_MAP_ROWS, 1, 33, 16, 36, 16, 4);   /* … but no tiny ones */
    ASSERT_GEOMETRY(MCL_MAP_ROWS, 1, 1, 16, 1, 16, 1);
    ASSERT_GEOMETRY(MCL_MAP_COLUMNS, 1, 3, 16, 3, 16, 1);
    ASSERT_GEOMETRY(MCL_MAP_COLUMNS, 130, 4, 160, 4, 32, 1);
    ASSERT_GEOMETRY(MCL_MAP_COLUMNS, 130, 8, 192, 8, 64, 1);
    ASSERT_GEOMETRY(MCL_MAP_WHOLE_COLUMNS, 1024, 4, 1024, 4, 16, 4);
    ASSERT_GEOMETRY(MCL_MAP_WHOLE_COLUMNS, 130, 40, 144, 16, 16, 16);
    ASSERT_GEOMETRY(MCL_MAP_WHOLE_COLUMNS, 1024, 1, 1024, 1, 64, 1);
    ASSERT_GEOMETRY(MCL_MAP_WHOLE_COLUMNS, 130, 1, 144, 1, 16, 1);
    ASSERT_GEOMETRY(MCL_MAP_ELEMENTS, 1024, 512, 1024, 512, 256, 1);
    ASSERT_GEOMETRY(MCL_MAP_ELEMENTS, 784, 512, 832, 512, 64, 4);
    ASSERT_GEOMETRY(MCL_MAP_ELEMENTS, 10, 512, 16, 512, 16, 16);
    ASSERT_GEOMETRY(MCL_MAP_ELEMENTS, 10, 3, 64, 3, 64, 1);
    ASSERT_GEOMETRY(MCL_MAP_VECTORS, 784, 512, 832, 512, 64, 4);
    context_teardown();
    open_mapped(true, 0, 40); /* of a kernel, too */
    context->info.compute_units = 8;
    ASSERT_GEOMETRY(MCL_MAP_ROWS, 1, 1000, 16, 1000, 16, 2);
    ASSERT_GEOMETRY(MCL_MAP_COLUMNS, 130, 8, 160, 8, 40, 1);
    ASSERT_GEOMETRY(MCL_MAP_WHOLE_COLUMNS, 130, 40, 144, 2, 16, 2);
    ASSERT_GEOMETRY(MCL_MAP_ELEMENTS, 10, 512, 10, 512, 10, 4);
    context_teardown();
    open_mapped(true, 7, 0);
    ASSERT_GEOMETRY(MCL_MAP_ROWS, 1, 1000, 16, 1000, 16, 1);
    ASSERT_GEOMETRY(MCL_MAP_COLUMNS, 130, 3, 133, 3, 7, 1);
    ASSERT_GEOMETRY(MCL_MAP_ELEMENTS, 100, 512, 105, 512, 7, 1);
    context_teardown();
}
END_TEST

START_TEST(test_geometry_of_cpus)
{
    open_mapped(false, 0, 0);
    ck_assert(geometry(MCL_MAP_ROWS, 1, 100).open);
    ck_assert_uint_eq(geometry(MCL_MAP_ROWS, 1, 100).global[0], 100);
    ck_assert_uint_eq(geometry(MCL_MAP_ELEMENTS, 30, 100).global[0], 30);
    ck_assert_uint_eq(geometry(MCL_MAP_VECTORS, 33, 100).global[0], 3);
    ASSERT_GEOMETRY(MCL_MAP_COLUMNS, 33, 5, 3, 5, 1, 1);
    ASSERT_GEOMETRY(MCL_MAP_WHOLE_COLUMNS, 33, 5, 3, 1, 1, 1);
    context_teardown();
}
END_TEST

/* The choice, on whatever device the tests run: a CPU's kernels have vectors. */
START_TEST(test_choice)
{
    context_setup();
    const bool cpu = context->info.type == MCL_DEVICE_CPU;
    ck_assert(mcl_context_spreads(context) == (!cpu || mcl_context_cuts_loops(context)));
    context_teardown();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mappings");
    TCase *tests = tcase_create("mappings");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, test_the_same_bits);
    tcase_add_test(tests, test_probe);
    tcase_add_test(tests, test_geometry_of_gpus);
    tcase_add_test(tests, test_geometry_of_cpus);
    tcase_add_test(tests, test_choice);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
