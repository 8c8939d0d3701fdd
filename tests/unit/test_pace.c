/* SPDX-License-Identifier: Apache-2.0 */
/* Launches in parts: every work-item once, in whole work-groups, within the time that is allowed.
 */
#include "device/pace.h"
#include "support/product.h"

#define SIDE 300

/* A device of which a launch takes so long, and which notes what it has run. */
struct device {
    unsigned char runs[SIDE][SIDE];
    double seconds; /* of a work-item; the clock cannot be set, so that it is only counted */
    double longest;
    const size_t *local;
    unsigned parts, fails_at; /* the part that cannot be launched, from 1; 0: none */
    bool ended;
};

static cl_int run_part(
    void *of, const size_t offset[2], const size_t size[2], const size_t *local, bool last)
{
    struct device *device = of;
    ck_assert(!device->ended && local == device->local);
    if (++device->parts == device->fails_at)
        return CL_OUT_OF_RESOURCES;
    ck_assert_uint_gt(size[0], 0);
    ck_assert_uint_gt(size[1], 0);
    for (size_t d = 0; local && d < 2; d++) {
        ck_assert_uint_eq(offset[d] % local[d], 0);
        ck_assert_uint_eq(size[d] % local[d], 0);
    }
    for (size_t y = 0; y < size[1]; y++) {
        for (size_t x = 0; x < size[0]; x++)
            device->runs[offset[1] + y][offset[0] + x]++;
    }
    const double taken = device->seconds * (double)size[0] * (double)size[1];
    device->longest = taken > device->longest ? taken : device->longest;
    device->ended = last;
    return CL_SUCCESS;
}

static unsigned launch(struct device *device, mcl_pace *pace, size_t x, size_t y)
{
    const mcl_paced_launch launch = {
        {x, y}, device->local, (double)x * (double)y, run_part, device};
    unsigned parts;
    memset(device->runs, 0, sizeof device->runs);
    device->ended = false;
    device->longest = 0.0;
    ck_assert_int_eq(mcl_pace_launch(&parts, context, pace, &launch), CL_SUCCESS);
    ck_assert(device->ended);
    for (size_t i = 0; i < SIDE; i++) {
        for (size_t j = 0; j < SIDE; j++)
            REQUIRE(device->runs[i][j] == (i < y && j < x), "work-item (%zu, %zu) runs %u times", j,
                i, device->runs[i][j]);
    }
    return parts;
}

/* What is known is that a work-item takes so long: no part takes more than is allowed, unless it is
 * a single work-group. */
START_TEST(test_parts)
{
    static const size_t locals[][2] = {{1, 1}, {8, 4}, {16, 16}, {100, 1}};
    static const size_t sizes[][2] = {{1, 1}, {300, 300}, {3, 300}, {300, 2}, {64, 200}, {65, 7}};
    static const double seconds[] = {1e-9, 1e-6, 1e-4, 1e-2, 1.0};
    for (size_t i = 0; i < 5 * 6 * 5; i++) {
        const size_t *local = i % 5 ? locals[i % 5 - 1] : NULL, *size = sizes[i / 5 % 6];
        const size_t group = local ? local[0] * local[1] : 64;
        struct device device = {.local = local, .seconds = seconds[i / 30]};
        mcl_pace pace = {true, 1e6, 1e6 * device.seconds};
        size_t x = size[0], y = size[1];
        if (local) {
            x = (x - 1) / local[0] * local[0] + local[0];
            y = (y - 1) / local[1] * local[1] + local[1];
        }
        if (x > SIDE || y > SIDE)
            continue;
        /* Nothing is learnt of this device, which takes no time: parts are as the first estimate.
         */
        const double all = device.seconds * (double)(x * y);
        const mcl_pace before = pace;
        const unsigned parts = launch(&device, &pace, x, y);
        if (all <= 0.01)
            ck_assert_uint_eq(parts, 1);
        if (parts > 1 && before.seconds == pace.seconds)
            ck_assert_double_le(device.longest, MCL_PACE_SECONDS > device.seconds * (double)group
                                                    ? MCL_PACE_SECONDS + 1e-12
                                                    : device.seconds * (double)group + 1e-12);
    }
}
END_TEST

/* Of a kernel that has never run the first parts are single work-groups, and later ones grow. */
START_TEST(test_first_launches)
{
    const size_t local[2] = {4, 2};
    struct device device = {.local = local};
    mcl_pace pace = {false, 0.0, 0.0};
    const unsigned first = launch(&device, &pace, 200, 100);
    ck_assert_uint_gt(first, 3);
    ck_assert_uint_lt(first, 60);
    ck_assert(pace.begun && pace.work > 0.0);
    ck_assert_uint_lt(launch(&device, &pace, 200, 100), first);
    for (int i = 0; i < 5; i++)
        (void)launch(&device, &pace, 200, 100);
    ck_assert_uint_eq(launch(&device, &pace, 200, 100), 1);
    ck_assert_uint_eq(launch(&device, &pace, 20, 10), 1);
}
END_TEST

START_TEST(test_a_part_that_fails)
{
    struct device device = {.fails_at = 2};
    mcl_pace pace = {false, 0.0, 0.0};
    const mcl_paced_launch launch = {{300, 300}, NULL, 90000.0, run_part, &device};
    unsigned parts;
    ck_assert_int_eq(mcl_pace_launch(&parts, context, &pace, &launch), CL_OUT_OF_RESOURCES);
    ck_assert_uint_eq(parts, 1);
}
END_TEST

/* Products have the same bits in parts, of which a first launch has several. */
START_TEST(test_products)
{
    enum { M = 70, N = 90, K = 33 };
    static const mcl_gemm_kind kinds[] = {MCL_GEMM_NATIVE_CPU, MCL_GEMM_NATIVE_GPU};
    const mcl_gemm gemm = {false, false, M, N, K, K, N, N, 1.0f};
    static float a[M * K], b[K * N], start[M * N], expected[M * N], got[M * N];
    fill_random(a, M * K, 1);
    fill_random(b, K * N, 2);
    fill_random(start, M * N, 3);
    cl_mem buffers[3] = {
        buffer_with(a, sizeof a), buffer_with(b, sizeof b), buffer_with(start, sizeof start)};
    const mcl_operands operands = {
        .a = {buffers[0], 0}, .b = {buffers[1], 0}, .c = {buffers[2], 0}, .beta = 1.0f};
    for (size_t k = 0; k < 2; k++) {
        context->gemm = kinds[k];
        ASSERT_OK(mcl_buffer_write(context, buffers[2], 0, start, sizeof start));
        ASSERT_OK(run_product(&gemm, &operands, NULL));
        read_buffer(expected, buffers[2], sizeof expected);
        context->paced = true;
        for (int i = 0; i < 3; i++) {
            ASSERT_OK(mcl_buffer_write(context, buffers[2], 0, start, sizeof start));
            ASSERT_OK(run_product(&gemm, &operands, NULL));
            read_buffer(got, buffers[2], sizeof got);
            assert_same_bits(got, expected, M * N, "in parts");
        }
        context->paced = false;
    }
    for (size_t i = 0; i < 3; i++)
        mcl_buffer_release(&buffers[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pace");
    TCase *tcase = tcase_create("pace");
    tcase_add_checked_fixture(tcase, context_setup, context_teardown);
    tcase_add_test(tcase, test_parts);
    tcase_add_test(tcase, test_first_launches);
    tcase_add_test(tcase, test_a_part_that_fails);
    tcase_add_test(tcase, test_products);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
