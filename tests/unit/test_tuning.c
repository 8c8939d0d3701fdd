/* SPDX-License-Identifier: Apache-2.0 */
/* The tuning's file, and that the tiles in it are used without a change of bits. */
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/product.h"

#include "tune/search.h"

static char folder[] = "/tmp/maskcl-tuning-XXXXXX";
static struct mcl_tuning *tuning, *loaded;
static mcl_device_info device;

/* A cache folder of its own: the user's tuning is not touched. */
static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(setenv("XDG_CACHE_HOME", folder, 1), 0);
    context_setup();
    tuning = allocate(1, sizeof *tuning);
    loaded = allocate(1, sizeof *loaded);
    device = *mcl_context_device(context);
}

static void teardown(void)
{
    char command[64];
    context_teardown();
    free(tuning);
    free(loaded);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static mcl_tuned_tile tile_for(uint32_t m, bool for_gpu)
{
    const mcl_gemm gemm = {false, true, m, 7, 9, 9, 9, 7, 1.0f};
    mcl_tuned_tile tile = {for_gpu, false, true, m, 7, 9, mcl_cpu_tile_default(context),
        mcl_gpu_tile_default(context, &gemm)};
    if (for_gpu)
        memset(&tile.cpu, 0, sizeof tile.cpu);
    else
        memset(&tile.gpu, 0, sizeof tile.gpu);
    return tile;
}

START_TEST(test_what_is_stored_is_loaded)
{
    char path[1024];
    ck_assert_int_eq(mcl_tuning_load(loaded, &device), MCL_TUNING_NONE);
    ck_assert_str_eq(loaded->problem, "");
    tuning->has_cpu = true;
    tuning->cpu = (mcl_cpu_tile){6, 8, 2, 96, 256};
    for (uint32_t m = 1; m <= MCL_TUNED_MAX; m++) {
        const mcl_tuned_tile tile = tile_for(m, m % 3 == 0);
        mcl_tuning_add(tuning, &tile);
    }
    for (int i = 0; i < MCL_CLBLAST_KERNELS; i += 2) {
        tuning->has_clblast[i] = true;
        for (size_t p = 0; p < mcl_clblast_kernels[i].count; p++)
            tuning->clblast[i][p] = mcl_clblast_kernels[i].most - p;
    }
    tuning->clblast[MCL_CLBLAST_INDIRECT][0] = 0; /* GEMMK */
    ASSERT_OK(mcl_tuning_store(tuning, &device, path, sizeof path));
    ck_assert_int_eq(strncmp(path, folder, strlen(folder)), 0);
    ck_assert_int_eq(mcl_tuning_load(loaded, &device), MCL_TUNING_STORED);
    ck_assert_uint_eq(loaded->tile_count, MCL_TUNED_MAX);
    for (size_t i = 0; i < MCL_TUNED_MAX; i++) { /* those for CPUs come first in the file */
        size_t same = 0;
        for (size_t j = 0; j < MCL_TUNED_MAX; j++) {
            const mcl_tuned_tile *a = &tuning->tiles[i], *b = &loaded->tiles[j];
            same += a->for_gpu == b->for_gpu && a->transpose_a == b->transpose_a &&
                    a->transpose_b == b->transpose_b && a->m == b->m && a->n == b->n &&
                    a->k == b->k && memcmp(&a->cpu, &b->cpu, sizeof a->cpu) == 0 &&
                    memcmp(&a->gpu, &b->gpu, sizeof a->gpu) == 0;
        }
        ck_assert_uint_eq(same, 1);
    }
    ck_assert(loaded->has_cpu && !loaded->has_gpu && !loaded->forced);
    ck_assert_int_eq(memcmp(&loaded->cpu, &tuning->cpu, sizeof tuning->cpu), 0);
    ck_assert_int_eq(
        memcmp(loaded->has_clblast, tuning->has_clblast, sizeof tuning->has_clblast), 0);
    ck_assert_int_eq(memcmp(loaded->clblast, tuning->clblast, sizeof tuning->clblast), 0);
    ck_assert_int_eq(mcl_device_tuning(&device, NULL, 0), MCL_TUNING_STORED);
}
END_TEST

/* CLBlast 1.5.3 would read outside its buffers. */
START_TEST(test_gemmk_1_is_square)
{
    static const size_t cases[][3] = {{1, 16, 16}, {1, 16, 32}, {0, 16, 32}, {2, 16, 16}};
    static const bool good[] = {true, false, true, false};
    size_t *values = tuning->clblast[MCL_CLBLAST_INDIRECT];
    tuning->has_clblast[MCL_CLBLAST_INDIRECT] = true;
    ck_assert_str_eq(mcl_clblast_kernels[MCL_CLBLAST_INDIRECT].parameters[0], "GEMMK");
    ck_assert_str_eq(mcl_clblast_kernels[MCL_CLBLAST_INDIRECT].parameters[6], "MWG");
    ck_assert_str_eq(mcl_clblast_kernels[MCL_CLBLAST_INDIRECT].parameters[9], "NWG");
    for (size_t i = 0; i < 4; i++) {
        values[0] = cases[i][0];
        values[6] = cases[i][1];
        values[9] = cases[i][2];
        ASSERT_OK(mcl_tuning_store(tuning, &device, NULL, 0));
        ck_assert_int_eq(
            mcl_tuning_load(loaded, &device), good[i] ? MCL_TUNING_STORED : MCL_TUNING_REFUSED);
    }
}
END_TEST

START_TEST(test_another_device_has_another_file)
{
    char first[1024], second[1024];
    ASSERT_OK(mcl_tuning_store(tuning, &device, first, sizeof first));
    mcl_device_info other = device;
    snprintf(other.name, sizeof other.name, "another");
    ck_assert_int_eq(mcl_tuning_load(loaded, &other), MCL_TUNING_NONE);
    ASSERT_OK(mcl_tuning_store(tuning, &other, second, sizeof second));
    ck_assert_str_ne(first, second);
    /* but a new driver for the same device makes its file stale */
    snprintf(other.driver_version, sizeof other.driver_version, "next");
    ck_assert_int_eq(mcl_tuning_load(loaded, &other), MCL_TUNING_REFUSED);
    ck_assert_ptr_nonnull(strstr(loaded->problem, second));
    ck_assert_ptr_nonnull(strstr(loaded->problem, "another driver_version than 'next'"));
    ck_assert_ptr_nonnull(strstr(loaded->problem, "'maskcl tune'"));
}
END_TEST

START_TEST(test_a_product_has_one_tile)
{
    for (uint32_t m = 1; m <= 5; m++) {
        const mcl_tuned_tile tile = tile_for(m, true);
        mcl_tuning_add(tuning, &tile);
    }
    mcl_tuned_tile tile = tile_for(2, true);
    tile.gpu.depth = 32;
    mcl_tuning_add(tuning, &tile);
    ck_assert_uint_eq(tuning->tile_count, 5);
    ck_assert_uint_eq(tuning->tiles[4].m, 2);
    ck_assert_uint_eq(tuning->tiles[4].gpu.depth, 32);
    tile.for_gpu = false; /* of the other kernel */
    mcl_tuning_add(tuning, &tile);
    ck_assert_uint_eq(tuning->tile_count, 6);
    for (uint32_t m = 10; m < 10 + MCL_TUNED_MAX; m++) {
        tile = tile_for(m, true);
        mcl_tuning_add(tuning, &tile);
    }
    ck_assert_uint_eq(tuning->tile_count, MCL_TUNED_MAX);
    ck_assert_uint_eq(tuning->tiles[0].m, 10); /* the oldest made room */
    ck_assert_uint_eq(tuning->tiles[MCL_TUNED_MAX - 1].m, 9 + MCL_TUNED_MAX);
}
END_TEST

/* The defaults must fit whatever a device has. */
START_TEST(test_default_tiles_fit)
{
    const mcl_gemm sizes[] = {{false, false, 1, 1, 1, 1, 1, 1, 1},
        {false, false, 64, 64, 64, 64, 64, 64, 1},
        {false, false, 5000, 5000, 5000, 5000, 5000, 5000, 1}};
    static const uint64_t memories[] = {1024, 4096, 16384, 32768, 49152, 1 << 20};
    static const size_t groups[] = {1, 2, 16, 64, 128, 256, 1024};
    static const uint32_t widths[] = {1, 4, 8, 16};
    for (size_t l = 0; l < 6; l++) {
        context->info.local_memory = memories[l];
        for (size_t w = 0; w < 4; w++) {
            context->vector_width = widths[w];
            const mcl_cpu_tile tile = mcl_cpu_tile_default(context);
            ck_assert_msg(l == 0 || mcl_cpu_tile_fits(context, &tile), "%u bytes, width %u",
                (unsigned)memories[l], (unsigned)widths[w]);
        }
        for (size_t g = 0; g < 7; g++) {
            context->largest_group = groups[g];
            for (size_t s = 0; s < 3; s++) {
                const mcl_gpu_tile tile = mcl_gpu_tile_default(context, &sizes[s]);
                ck_assert_msg(mcl_gpu_tile_fits(context, &tile), "%u bytes, %u items, size %u",
                    (unsigned)memories[l], (unsigned)groups[g], (unsigned)s);
            }
        }
    }
}
END_TEST

START_TEST(test_large_products_get_large_tiles)
{
    const mcl_gemm large = {false, false, 4096, 4096, 64, 64, 4096, 4096, 1};
    const mcl_gemm small = {false, false, 32, 32, 64, 64, 32, 32, 1};
    context->info.local_memory = 32768;
    context->largest_group = 256;
    context->info.compute_units = 64;
    context->info.lanes = 64;
    const mcl_gpu_tile of_large = mcl_gpu_tile_default(context, &large);
    const mcl_gpu_tile of_small = mcl_gpu_tile_default(context, &small);
    ck_assert_uint_eq(of_large.item_rows * of_large.group_rows, 128);
    ck_assert_uint_eq(of_small.item_rows * of_small.group_rows, 16);
}
END_TEST

/* result = a·b of m × n × k by the context's parameters. */
static void multiply(float *result, bool ta, bool tb, uint32_t m, uint32_t n, uint32_t k)
{
    float *a = allocate((size_t)m * k, sizeof *a), *b = allocate((size_t)n * k, sizeof *b);
    fill_random(a, (size_t)m * k, 1);
    fill_random(b, (size_t)n * k, 2);
    multiply_and_sum(result, NULL, ta, tb, m, n, k, a, b);
    free(a);
    free(b);
}

#define M 45
#define N 37
#define K 29

/* Tiles that no default has: long and flat ones, odd numbers of items, every width. */
START_TEST(test_every_tile_gives_the_same_bits)
{
    static const mcl_gpu_tile gpu[] = {{1, 1, 1, 1, 1, 1, 0, 1, 2}, {3, 5, 7, 2, 5, 1, 1, 1, 2},
        {4, 4, 1, 8, 4, 4, 4, 4, 1}, {2, 8, 4, 3, 8, 2, 2, 2, 1}, {8, 4, 2, 8, 16, 4, 0, 4, 2},
        {6, 2, 3, 5, 4, 2, 32, 2, 2}, {1, 4, 8, 4, 12, 1, 3, 4, 1}};
    static const mcl_cpu_tile cpu[] = {
        {1, 4, 1, 1, 1}, {4, 16, 2, 8, 7}, {12, 8, 1, 24, 29}, {5, 4, 3, 10, 16}};
    float expected[M * N], got[M * N], sums[M], expected_sums[M], a[M * 3 * K], b[N * 3 * K];
    struct mcl_tuning *used = mcl_tuning_of(context);
    fill_random(a, M * 3 * K, 1);
    fill_random(b, N * 3 * K, 2);
    sum_columns(expected_sums, a, 3 * K, M);
    used->forced = true;
    for (int form = 0; form < 4; form++) {
        const bool ta = form & 1, tb = form & 2;
        context->gemm = MCL_GEMM_NATIVE_CPU;
        used->has_cpu = used->has_gpu = false;
        multiply(expected, ta, tb, M, N, K);
        char what[64];
        for (size_t i = 0; i < sizeof cpu / sizeof *cpu; i++) {
            ck_assert(mcl_cpu_tile_fits(context, &cpu[i]));
            used->has_cpu = true;
            used->cpu = cpu[i];
            multiply(got, ta, tb, M, N, K);
            snprintf(what, sizeof what, "tile %zu for CPUs, form %d", i, form);
            assert_same_bits(got, expected, M * N, what);
        }
        context->gemm = MCL_GEMM_NATIVE_GPU;
        for (size_t i = 0; i < sizeof gpu / sizeof *gpu; i++) {
            ck_assert(mcl_gpu_tile_fits(context, &gpu[i]));
            used->has_gpu = true;
            used->gpu = gpu[i];
            multiply(got, ta, tb, M, N, K);
            snprintf(what, sizeof what, "tile %zu for GPUs, form %d", i, form);
            assert_same_bits(got, expected, M * N, what);
            if (!ta)
                continue;
            ck_assert(multiply_and_sum(got, sums, ta, tb, M, N, 3 * K, a, b));
            assert_same_bits(sums, expected_sums, M, what);
        }
    }
}
END_TEST

START_TEST(test_the_tile_of_a_product_is_used)
{
    const mcl_gemm gemm = {false, true, M, N, K, K, K, N, 1.0f};
    const mcl_cpu_tile common = {4, 4, 1, 8, 8}, own = {2, 8, 1, 4, 16};
    tuning->has_cpu = true;
    tuning->cpu = common;
    const mcl_tuned_tile tile = {.transpose_b = true, .m = M, .n = N, .k = K, .cpu = own};
    mcl_tuning_add(tuning, &tile);
    ASSERT_OK(mcl_tuning_store(tuning, &device, NULL, 0));
    ck_assert_ptr_null(mcl_context_tuning_problem(context));
    ck_assert_uint_eq(mcl_cpu_tile_of(context, &gemm).rows, own.rows);
    mcl_gemm other = gemm;
    other.m++;
    ck_assert_uint_eq(mcl_cpu_tile_of(context, &other).rows, common.rows);
    other = gemm;
    other.transpose_a = true;
    ck_assert_uint_eq(mcl_cpu_tile_of(context, &other).rows, common.rows);
    const mcl_gpu_tile of_gpu = mcl_gpu_tile_of(context, &gemm);
    const mcl_gpu_tile by_default = mcl_gpu_tile_default(context, &gemm);
    ck_assert_int_eq(memcmp(&of_gpu, &by_default, sizeof of_gpu), 0);
}
END_TEST

/* A tile that passes the checks but does not build is given up for the default. */
START_TEST(test_a_tile_that_does_not_build)
{
    float expected[M * N], got[M * N];
    context->gemm = MCL_GEMM_NATIVE_CPU;
    multiply(expected, false, true, M, N, K);
    struct mcl_tuning *used = mcl_tuning_of(context);
    used->has_cpu = true;
    used->cpu = mcl_cpu_tile_default(context);
    used->cpu.vector = 5; /* a file could not say so */
    multiply(got, false, true, M, N, K);
    assert_same_bits(got, expected, M * N, "after the tile was given up");
    ck_assert(!used->has_cpu);
}
END_TEST

/* Of several plans with such a tile, each falls back. */
START_TEST(test_plans_that_do_not_build)
{
    static const mcl_gemm gemm = {false, false, 2, 2, 3, 3, 2, 2, 1.0f};
    const float values[6] = {1, 2, 3, 4, 5, 6}, expected[4] = {22, 28, 49, 64};
    float got[4] = {0};
    cl_mem in = buffer_with(values, sizeof values), out = buffer_with(got, sizeof got);
    const mcl_operands operands = {.a = {in, 0}, .b = {in, 0}, .c = {out, 0}};
    struct mcl_tuning *used = mcl_tuning_of(context);
    mcl_product *plans[2];
    context->gemm = MCL_GEMM_NATIVE_CPU;
    used->has_cpu = true;
    used->cpu = mcl_cpu_tile_default(context);
    used->cpu.vector = 5;
    for (size_t i = 0; i < 2; i++)
        ASSERT_OK(mcl_product_create(&plans[i], context, &gemm, NULL));
    for (size_t i = 0; i < 2; i++) {
        ASSERT_OK(mcl_buffer_zero(context, out, 0, sizeof got));
        ASSERT_OK(mcl_product_run(plans[i], &operands));
        read_buffer(got, out, sizeof got);
        assert_same_bits(got, expected, 4, "after the tile was given up");
        mcl_product_free(plans[i]);
    }
    /* but one that is forced fails */
    used->forced = used->has_cpu = true;
    ck_assert_int_eq(run_product(&gemm, &operands, NULL), MCL_ERROR_DEVICE);
    mcl_buffer_release(&in);
    mcl_buffer_release(&out);
}
END_TEST

START_TEST(test_tiles_that_do_not_suit_are_refused)
{
    mcl_tuned_tile tile = tile_for(3, true);
    tile.gpu.group_rows = 64;
    tile.gpu.group_columns = 64;
    mcl_tuning_add(tuning, &tile);
    ASSERT_OK(mcl_tuning_store(tuning, &device, NULL, 0));
    ck_assert_int_eq(mcl_device_tuning(&device, NULL, 0), MCL_TUNING_STORED);
    context->largest_group = 1024;
    ck_assert_ptr_nonnull(mcl_context_tuning_problem(context));
    ck_assert_ptr_nonnull(strstr(mcl_context_tuning_problem(context), "do not suit the device"));
    ck_assert_uint_eq(mcl_tuning_of(context)->tile_count, 0);
}
END_TEST

/* The default run without hidden layers. */
static mcl_pretrain_options run_of(uint32_t embedding, uint64_t batch)
{
    mcl_pretrain_options run;
    ASSERT_OK(mcl_pretrain_options_init(&run));
    run.hidden_count = 0;
    run.embedding = embedding;
    run.train.batch = batch;
    return run;
}

START_TEST(test_a_wrong_result_is_no_candidate)
{
    static const volatile sig_atomic_t stop = 1;
    const mcl_pretrain_options run = run_of(3, 2);
    mcl_tune_options options = {
        .run = &run, .columns = 5, .native = true, .quick = true, .stop = &stop};
    mcl_tuned_product *products = NULL;
    size_t count = 0;
    ck_assert_int_eq(mcl_tune(&products, &count, NULL, 0, context, &options), MCL_INTERRUPTED);
    ck_assert_ptr_null(products);
    ck_assert_int_eq(mcl_device_tuning(&device, NULL, 0), MCL_TUNING_NONE);

    mcl_search search = {.context = context, .options = &options, .count = 1};
    float values[6] = {1, 2, 3, 4, 5, 6}, expected[4], got[4];
    search.products[0] = (mcl_gemm){false, false, 2, 2, 3, 3, 2, 2, 1.0f};
    search.a = buffer_with(values, sizeof values);
    search.b = buffer_with(values, sizeof values);
    search.c = buffer_with(values, sizeof got);
    search.expected[0] = expected;
    search.got = got;
    const float right[4] = {22, 28, 49, 64};
    memcpy(expected, right, sizeof right);
    ck_assert(isfinite(mcl_search_time(&search, 0)));
    expected[2] = nextafterf(49, 50);
    ck_assert(isinf(mcl_search_time(&search, 0)));
    mcl_buffer_release(&search.a);
    mcl_buffer_release(&search.b);
    mcl_buffer_release(&search.c);
}
END_TEST

/* "NT 4 3 5;" for each product of a run. */
static void list_products(char *text, size_t size, const mcl_tune_options *options)
{
    mcl_search *search = allocate(1, sizeof *search);
    *search = (mcl_search){.context = context, .options = options};
    ASSERT_OK(mcl_search_list(search));
    ck_assert_ptr_null(mcl_product_first(context)); /* the run is gone */
    *text = '\0';
    for (size_t i = 0; i < search->count; i++) {
        const mcl_gemm *p = &search->products[i];
        const size_t used = strlen(text);
        snprintf(text + used, size - used, "%c%c %u %u %u;", p->transpose_a ? 'T' : 'N',
            p->transpose_b ? 'T' : 'N', (unsigned)p->m, (unsigned)p->n, (unsigned)p->k);
        ck_assert_uint_eq(p->lda, p->transpose_a ? p->m : p->k);
        ck_assert_uint_eq(p->ldb, p->transpose_b ? p->k : p->n);
    }
    free(search);
}

static void assert_lists(const char *text, const char *const *products, size_t count)
{
    size_t there = 0;
    for (const char *at = text; (at = strchr(at, ';')); at++)
        there++;
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(strstr(text, products[i]) != NULL, "%s is not in %s", products[i], text);
    ck_assert_msg(there == count, "%zu products are expected: %s", count, text);
}

/* Whatever a run is made of, its products are searched: here a decoder of its own, a projector, a
 * predictor, and those of vicreg. */
START_TEST(test_all_products_of_a_run)
{
    static const char *const simple[] = {
        "NT 8 3 5;", "TN 3 5 8;", "NT 8 5 3;", "TN 5 3 8;", "NN 8 3 5;", "NT 8 8 3;", "NN 8 3 8;"};
    static const char *const rich[] = {"NT 8 3 5;", "TN 3 5 8;", /* encoder */
        "NT 8 6 3;", "TN 6 3 8;", "NN 8 3 6;",                   /* projector */
        "NT 8 2 6;", "TN 2 6 8;", "NN 8 6 2;",                   /* predictor */
        "NT 8 6 2;", "TN 6 2 8;", "NN 8 2 6;",                   /* and its last layer */
        "NT 8 7 3;", "TN 7 3 8;", "NN 8 3 7;",                   /* decoder */
        "NT 8 5 7;", "TN 5 7 8;", "NN 8 7 5;",                   /* and its last layer */
        "TN 6 6 4;", "NN 4 6 6;"};                               /* vicreg */
    mcl_pretrain_options run = run_of(3, 4);
    mcl_tune_options options = {.run = &run, .columns = 5};
    char text[1024];
    list_products(text, sizeof text, &options);
    assert_lists(text, simple, sizeof simple / sizeof *simple);
    ASSERT_OK(mcl_options_set(&run.base, "objective", "simsiam+vicreg+reconstruction"));
    ASSERT_OK(mcl_options_set(&run.base, "decoder", "7"));
    ASSERT_OK(mcl_options_set(&run.base, "projector", "6"));
    ASSERT_OK(mcl_options_set(&run.base, "predictor", "2"));
    list_products(text, sizeof text, &options);
    assert_lists(text, rich, sizeof rich / sizeof *rich);

    /* the same run, as its model tells it */
    mcl_data *data;
    mcl_model *model;
    ASSERT_OK(mcl_data_synthetic(&data, 8, 5, 1));
    run.train.epochs = 1;
    ASSERT_OK(mcl_pretrain(&model, context, data, &run));
    mcl_pretrain_options plain = run_of(9, 4);
    options = (mcl_tune_options){.run = &plain, .model = model};
    list_products(text, sizeof text, &options);
    assert_lists(text, rich, sizeof rich / sizeof *rich);
    mcl_model_free(model);
    mcl_data_free(data);
}
END_TEST

START_TEST(test_sizes_are_checked)
{
    const struct {
        uint64_t columns, batch;
        uint32_t embedding, hidden_count, hidden;
    } wrong[] = {{0, 2, 3, 0, 1}, {4, 2, 0, 0, 1}, {UINT64_MAX, 2, 3, 0, 1},
        {4, 2, 3, MCL_HIDDEN_MAX + 1, 1}, {4, 2, 3, 1, 0}, {4, 0, 3, 0, 1},
        {4, MCL_BATCH_ALL, 3, 0, 1}, {4, INT32_MAX, 3, 0, 1}};
    mcl_tuned_product *products;
    size_t count;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        mcl_pretrain_options run = run_of(wrong[i].embedding, wrong[i].batch);
        run.hidden_count = wrong[i].hidden_count;
        run.hidden[0] = wrong[i].hidden;
        const mcl_tune_options options = {.run = &run, .columns = wrong[i].columns, .native = true};
        ck_assert_int_eq(
            mcl_tune(&products, &count, NULL, 0, context, &options), MCL_ERROR_ARGUMENT);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tuning");
    TCase *tcase = tcase_create("tuning");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_what_is_stored_is_loaded);
    tcase_add_test(tcase, test_gemmk_1_is_square);
    tcase_add_test(tcase, test_another_device_has_another_file);
    tcase_add_test(tcase, test_a_product_has_one_tile);
    tcase_add_test(tcase, test_default_tiles_fit);
    tcase_add_test(tcase, test_large_products_get_large_tiles);
    tcase_add_test(tcase, test_every_tile_gives_the_same_bits);
    tcase_add_test(tcase, test_the_tile_of_a_product_is_used);
    tcase_add_test(tcase, test_a_tile_that_does_not_build);
    tcase_add_test(tcase, test_plans_that_do_not_build);
    tcase_add_test(tcase, test_tiles_that_do_not_suit_are_refused);
    tcase_add_test(tcase, test_a_wrong_result_is_no_candidate);
    tcase_add_test(tcase, test_all_products_of_a_run);
    tcase_add_test(tcase, test_sizes_are_checked);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
