/* SPDX-License-Identifier: Apache-2.0 */
/* Which tiles the products of models get on which GPUs, without one and without a driver. */
#include "support/opencl_personas.h"

#include "support/device.h"

#include "compute/tiles.h"

#define PRODUCTS 10

/* With 512 rows, twice a batch: op(A)[m×k] · op(B)[k×n]. */
static const struct {
    const char *of;
    bool transpose_a, transpose_b;
    uint32_t m, n, k;
} products[PRODUCTS] = {
    {"784-128-64: the first layer", false, true, 512, 128, 784},
    {"784-128-64: the second layer", false, true, 512, 64, 128},
    {"similarities of 64 columns", false, true, 512, 512, 64},
    {"784-128-64: the second layer's weights", true, false, 64, 128, 512},
    {"784-128-64: the second layer's input", false, false, 512, 128, 64},
    {"784-128-64: the first layer's weights", true, false, 128, 784, 512},
    {"784-2048: its layer", false, true, 512, 2048, 784},
    {"2048-1024: its input", false, false, 512, 2048, 1024},
    {"784-2048: its weights", true, false, 2048, 784, 512},
    {"128-10: its weights", true, false, 10, 128, 512},
};

/* Personas by name, the lanes of their compute units, and for each of the products the elements of
 * a work-item, the work-items of a group, and the groups. */
static const struct {
    const char *name;
    uint32_t lanes;
    const char *tiles[PRODUCTS];
} expected[] = {
    {"nvidia-h200", 128,
        {"2x2 of 64, 256", "2x2 of 64, 128", "4x4 of 64, 256", "2x2 of 64, 32", "2x2 of 64, 256",
            "2x2 of 64, 392", "8x4 of 256, 128", "8x4 of 256, 128", "4x4 of 64, 1600",
            "2x2 of 64, 8"}},
    {"rtx-3060", 128,
        {"4x4 of 64, 64", "2x2 of 64, 128", "4x4 of 64, 256", "2x2 of 64, 32", "4x4 of 64, 64",
            "4x4 of 256, 26", "4x4 of 64, 1024", "4x4 of 64, 1024", "4x4 of 64, 1600",
            "2x2 of 64, 8"}},
    {"rx-6700-xt", 128,
        {"4x4 of 256, 16", "4x4 of 64, 32", "4x4 of 64, 256", "2x2 of 64, 32", "4x4 of 256, 16",
            "4x4 of 64, 100", "4x4 of 256, 256", "4x4 of 256, 256", "4x4 of 64, 1600",
            "2x2 of 64, 8"}},
    {"rx-580", 64,
        {"4x4 of 64, 64", "4x4 of 64, 32", "8x4 of 256, 32", "2x2 of 64, 32", "4x4 of 64, 64",
            "4x4 of 64, 100", "4x4 of 64, 1024", "4x4 of 64, 1024", "4x4 of 64, 1600",
            "2x2 of 64, 8"}},
    {"uhd-620", 8,
        {"4x4 of 64, 64", "4x4 of 64, 32", "8x4 of 256, 32", "4x4 of 64, 8", "4x4 of 64, 64",
            "4x4 of 64, 100", "8x4 of 256, 128", "8x4 of 256, 128", "8x4 of 256, 208",
            "2x2 of 64, 8"}},
    {"iris-xe", 8,
        {"4x4 of 64, 64", "4x4 of 64, 32", "4x4 of 64, 256", "2x2 of 64, 32", "4x4 of 64, 64",
            "4x4 of 64, 100", "8x4 of 256, 128", "8x4 of 256, 128", "4x4 of 64, 1600",
            "2x2 of 64, 8"}},
    {"mali-g52", 32,
        {"8x4 of 256, 8", "8x4 of 256, 4", "8x4 of 256, 32", "4x4 of 256, 2", "8x4 of 256, 8",
            "4x4 of 64, 100", "8x4 of 256, 128", "8x4 of 256, 128", "8x4 of 256, 208",
            "2x2 of 64, 8"}},
    {"gcn-laptop", 64,
        {"4x4 of 64, 64", "4x4 of 64, 32", "4x4 of 64, 256", "4x4 of 64, 8", "4x4 of 64, 64",
            "4x4 of 64, 100", "8x4 of 256, 128", "8x4 of 256, 128", "8x4 of 256, 208",
            "2x2 of 64, 8"}},
    {"haswell-beignet", 8,
        {"4x4 of 64, 64", "4x4 of 64, 32", "8x4 of 256, 32", "4x4 of 256, 2", "4x4 of 64, 64",
            "4x4 of 64, 100", "8x4 of 256, 128", "8x4 of 256, 128", "8x4 of 256, 208",
            "2x2 of 64, 8"}},
};

#define ROWS (sizeof expected / sizeof *expected)
_Static_assert(ROWS == sizeof personas / sizeof *personas, "a row for each persona");

static mcl_gemm product(size_t i)
{
    return (mcl_gemm){.transpose_a = products[i].transpose_a,
        .transpose_b = products[i].transpose_b,
        .m = products[i].m,
        .n = products[i].n,
        .k = products[i].k,
        .alpha = 1.0f};
}

static mcl_context gpu(size_t row)
{
    size_t i = 0;
    while (strcmp(personas[i].name, expected[row].name) != 0)
        ck_assert_uint_lt(++i, ROWS);
    return (mcl_context){.info = {.compute_units = personas[i].units,
                             .lanes = expected[row].lanes,
                             .local_memory = personas[i].local},
        .largest_group = personas[i].group,
        .largest_side = {personas[i].group, personas[i].group}};
}

START_TEST(test_tiles_of_models)
{
    for (size_t row = 0; row < ROWS; row++) {
        const mcl_context device = gpu(row);
        for (size_t i = 0; i < PRODUCTS; i++) {
            const mcl_gemm gemm = product(i);
            const mcl_gpu_tile tile = mcl_gpu_tile_default(&device, &gemm);
            char got[64];
            snprintf(got, sizeof got, "%ux%u of %u, %u", (unsigned)tile.item_rows,
                (unsigned)tile.item_columns, (unsigned)(tile.group_rows * tile.group_columns),
                (unsigned)mcl_gpu_tile_groups(&tile, &gemm));
            ck_assert_msg(strcmp(got, expected[row].tiles[i]) == 0, "%s, %s: %s instead of %s",
                expected[row].name, products[i].of, got, expected[row].tiles[i]);
        }
    }
}
END_TEST

/* However wide the device: two buffers, wide vectors, and no launch of one group for more than 4096
 * elements. */
START_TEST(test_enough_groups)
{
    static const uint32_t sides[] = {1, 10, 64, 100, 128, 300, 784, 2048};
    const size_t count = sizeof sides / sizeof *sides;
    for (size_t row = 0; row < ROWS; row++) {
        const mcl_context device = gpu(row);
        for (size_t i = 0; i < count * count; i++) {
            const mcl_gemm gemm = {.m = sides[i / count], .n = sides[i % count], .k = 512};
            const mcl_gpu_tile tile = mcl_gpu_tile_default(&device, &gemm);
            const uint64_t groups = mcl_gpu_tile_groups(&tile, &gemm);
            ck_assert_uint_eq(tile.buffers, 2);
            ck_assert_uint_eq(tile.load, 4);
            ck_assert_uint_ge(tile.group_rows * tile.group_columns, 64);
            ck_assert_msg(groups > 1 || (uint64_t)gemm.m * gemm.n <= 4096,
                "%s: one group has %u × %u", expected[row].name, (unsigned)gemm.m,
                (unsigned)gemm.n);
        }
    }
}
END_TEST

/* More of anything takes no less time, and a unit more no longer. */
START_TEST(test_costs)
{
    mcl_context device = gpu(1);
    for (size_t i = 0; i < PRODUCTS; i++) {
        const mcl_gemm gemm = product(i);
        const mcl_gpu_tile tile = mcl_gpu_tile_default(&device, &gemm);
        mcl_gemm larger = gemm;
        larger.m *= 2;
        larger.k *= 2;
        const double cost = mcl_gpu_tile_cost(&device, &tile, &gemm);
        const double flops = (double)gemm.m * gemm.n * gemm.k;
        ck_assert(cost >= flops / (device.info.compute_units * (double)device.info.lanes));
        ck_assert(mcl_gpu_tile_cost(&device, &tile, &larger) >= 2 * cost);
        device.info.compute_units++;
        ck_assert(mcl_gpu_tile_cost(&device, &tile, &gemm) <= cost);
        device.info.compute_units--;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tiles");
    TCase *tcase = tcase_create("tiles");
    tcase_add_test(tcase, test_tiles_of_models);
    tcase_add_test(tcase, test_enough_groups);
    tcase_add_test(tcase, test_costs);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
