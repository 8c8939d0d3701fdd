/* SPDX-License-Identifier: Apache-2.0 */
/* Views of a batch on the device, word for word as the host's generator has it. */
#include <math.h>

#include "support/device.h"

#include "base/rounding.h"
#include "data/data.h"
#include "views/views.h"

#define GUARDS 40

/* A data set, and how its views are to be made. */
struct set {
    mcl_element element;
    uint64_t shape[4]; /* rows, then a row's dimensions */
    size_t dimensions;
    mcl_mask mask;
    uint64_t seed;
    uint32_t epoch;
};

static uint64_t columns_of(const struct set *set)
{
    uint64_t columns = 1;
    for (size_t d = 1; d < set->dimensions; d++)
        columns *= set->shape[d];
    return columns;
}

static mcl_data *make_data(const struct set *set)
{
    const size_t count = (size_t)(set->shape[0] * columns_of(set));
    const size_t size = mcl_element_size(set->element);
    void *values = allocate(count, size);
    float *random = allocate(count, sizeof *random);
    fill_random(random, count, 5);
    for (size_t i = 0; i < count; i++) {
        if (set->element == MCL_ELEMENT_UINT8)
            ((uint8_t *)values)[i] = (uint8_t)((random[i] + 1) * 128);
        else
            ((float *)values)[i] = random[i];
    }
    free(random);
    mcl_data *data;
    ASSERT_OK(mcl_data_create(&data, values, set->element, set->shape, set->dimensions, "a test"));
    return data;
}

static float value_at(const struct set *set, const void *values, uint64_t index)
{
    return set->element == MCL_ELEMENT_UINT8 ? (float)((const uint8_t *)values)[index] / 255.0f
                                             : ((const float *)values)[index];
}

/* The number in [0,1) that an element, or a patch, of a row has. */
static float drawn(const struct set *set, uint64_t row, uint32_t element)
{
    uint32_t words[4];
    mcl_random_words(words, set->seed, MCL_STREAM_MASK, 0, set->epoch, row, element / 4);
    return mcl_uniform(words[element % 4]);
}

static float mask_at(const struct set *set, uint64_t row, uint32_t column)
{
    uint32_t element = column;
    if (set->mask.kind == MCL_MASK_BLOCK) {
        const uint32_t width = (uint32_t)set->shape[2];
        const uint32_t channels = set->dimensions > 3 ? (uint32_t)set->shape[3] : 1;
        const uint32_t across = (width + set->mask.patch - 1) / set->mask.patch;
        const uint32_t pixel = column / channels;
        element = pixel / width / set->mask.patch * across + pixel % width / set->mask.patch;
    }
    const float u = drawn(set, row, element);
    return set->mask.kind == MCL_MASK_UNIFORM ? u : u < set->mask.ratio ? 1.0f : 0.0f;
}

/* Compares the views of rows order[first … first+batch-1] with the host's. Rows are numbers for the
 * masks; their values are those of row number mod place_modulus. */
static void check_views(const struct set *set, const uint64_t *order, size_t order_count,
    uint64_t first, uint32_t batch, bool with_whole, uint64_t place_modulus)
{
    const uint64_t columns = columns_of(set);
    const size_t view = (size_t)(batch * columns), count = 2 * view + GUARDS;
    unsigned char *altered = allocate(count, 1), *got_altered = allocate(count, 1);
    memset(altered, 0x77, count);
    mcl_data *data = make_data(set);
    const void *values = mcl_data_values(data);
    float *expected = allocate(count, sizeof(float)), *got = allocate(count, sizeof(float));
    float *whole = allocate(count, sizeof(float)), *got_whole = allocate(count, sizeof(float));
    fill_guard(expected, count);
    fill_guard(whole, count);
    mcl_rows rows = {.first = first};
    ASSERT_OK(mcl_data_upload(&rows.data, context, data));
    rows.order = buffer_with(order, order_count * sizeof *order);
    cl_mem out = buffer_with(expected, count * sizeof(float));
    cl_mem out_whole = buffer_with(whole, count * sizeof(float));
    mcl_views views;
    ASSERT_OK(mcl_views_create(&views, context, data, &mcl_groups_none,
        &(mcl_view_options){.mask = set->mask}, set->seed, batch, with_whole, with_whole));
    cl_mem out_altered = buffer_with(altered, count);
    const mcl_view_buffers buffers = {
        out, with_whole ? out_whole : NULL, with_whole ? out_altered : NULL};
    ASSERT_OK(mcl_views_run(&views, &rows, batch, set->epoch, &buffers));
    read_buffer(got, out, count * sizeof(float));
    read_buffer(got_whole, out_whole, count * sizeof(float));
    read_buffer(got_altered, out_altered, count);
    for (uint32_t i = 0; i < batch; i++) {
        const uint64_t row = order[first + i];
        for (uint32_t c = 0; c < columns; c++) {
            const float x = value_at(set, values, row % place_modulus * columns + c);
            const float m = mask_at(set, row, c);
            expected[i * columns + c] = mcl_host_flush(x * m);
            expected[view + i * columns + c] = mcl_host_flush(x * (1.0f - m));
            if (with_whole) {
                whole[i * columns + c] = x;
                altered[i * columns + c] = m != 1.0f;
                altered[view + i * columns + c] = m != 0.0f;
            }
        }
    }
    char what[128];
    snprintf(what, sizeof what, "%s, %s, %u rows of %u", mcl_mask_kind_name(set->mask.kind),
        set->element == MCL_ELEMENT_UINT8 ? "uint8" : "float", (unsigned)batch, (unsigned)columns);
    assert_same_bits(got, expected, count, what);
    snprintf(what, sizeof what, "whole rows, %s, %u rows of %u",
        set->element == MCL_ELEMENT_UINT8 ? "uint8" : "float", (unsigned)batch, (unsigned)columns);
    assert_same_bits(got_whole, whole, count, what);
    ck_assert_mem_eq(got_altered, altered, count);
    mcl_buffer_release(&rows.data);
    mcl_buffer_release(&rows.order);
    mcl_buffer_release(&out);
    mcl_buffer_release(&out_whole);
    mcl_buffer_release(&out_altered);
    mcl_data_free(data);
    free(altered);
    free(got_altered);
    free(expected);
    free(got);
    free(whole);
    free(got_whole);
}

#define SEED 0xFEDCBA9876543210u
#define NO_MODULUS UINT64_MAX

static const uint64_t order[] = {8, 3, 0, 7, 1, 6, 2, 5, 4};
#define ORDER (sizeof order / sizeof *order)

/* Loop tests run for uint8 and float, without and with whole rows. */
static mcl_element element_of(int loop)
{
    return loop & 1 ? MCL_ELEMENT_FLOAT32 : MCL_ELEMENT_UINT8;
}

/* Around the 32 elements of a work-item, and the 16 or 4 of a vector. */
static const uint32_t widths[] = {
    1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 784};
#define WIDTHS (sizeof widths / sizeof *widths)

static void check_widths(int loop, mcl_mask mask)
{
    for (size_t i = 0; i < WIDTHS; i++) {
        if (is_oclgrind() && widths[i] > 65)
            break;
        const struct set set = {element_of(loop), {9, widths[i]}, 2, mask, SEED, 3};
        check_views(&set, order, ORDER, 0, ORDER, loop & 2, NO_MODULUS);
        check_views(&set, order, ORDER, 4, 3, loop & 2, NO_MODULUS);
    }
}

START_TEST(test_uniform)
{
    check_widths(_i, (mcl_mask){MCL_MASK_UNIFORM, 0, 0, 0});
}
END_TEST

START_TEST(test_bernoulli)
{
    check_widths(_i, (mcl_mask){MCL_MASK_BERNOULLI, 0.5f, 0, 0});
    check_widths(_i, (mcl_mask){MCL_MASK_BERNOULLI, 0.1f, 0, 0});
}
END_TEST

START_TEST(test_block)
{
    static const uint32_t images[][4] = {/* height, width, channels (0: none), side */
        {1, 1, 0, 1}, {5, 7, 0, 2}, {7, 5, 0, 3}, {6, 6, 0, 2}, {5, 7, 3, 2}, {9, 4, 1, 4},
        {3, 11, 2, 5}, {4, 4, 0, 1}, {5, 9, 0, 9}, {28, 28, 0, 4}, {28, 28, 0, 28}};
    for (size_t i = 0; i < sizeof images / sizeof *images; i++) {
        const uint32_t *image = images[i];
        if (is_oclgrind() && image[0] > 9)
            break;
        for (int ratio = 1; ratio < 4; ratio++) {
            const struct set set = {element_of(_i), {9, image[0], image[1], image[2]},
                image[2] ? 4 : 3, {MCL_MASK_BLOCK, 0.25f * (float)ratio, image[3], 0}, SEED, 1};
            check_views(&set, order, ORDER, 0, ORDER, _i & 2, NO_MODULUS);
            check_views(&set, order, ORDER, 2, 3, _i & 2, NO_MODULUS);
        }
    }
}
END_TEST

START_TEST(test_epochs_and_seeds)
{
    static const uint64_t seeds[] = {0, 1, UINT32_MAX, (uint64_t)1 << 32, UINT64_MAX};
    static const uint32_t epochs[] = {0, 1, 65536, UINT32_MAX};
    for (size_t s = 0; s < sizeof seeds / sizeof *seeds; s++) {
        for (size_t e = 0; e < sizeof epochs / sizeof *epochs; e++) {
            struct set set = {
                element_of(_i), {9, 5, 7}, 3, {MCL_MASK_UNIFORM, 0, 0, 0}, seeds[s], epochs[e]};
            check_views(&set, order, ORDER, 1, 2, _i & 2, NO_MODULUS);
            set.mask = (mcl_mask){MCL_MASK_BLOCK, 0.5f, 2, 0};
            check_views(&set, order, ORDER, 1, 2, _i & 2, NO_MODULUS);
        }
    }
}
END_TEST

/* A row twice in a batch has the same views twice; one row of a batch has those of a larger one. */
START_TEST(test_any_order)
{
    static const uint64_t twice[] = {2, 2, 0, 2};
    const struct set set = {element_of(_i), {3, 37}, 2, {MCL_MASK_UNIFORM, 0, 0, 0}, SEED, 0};
    check_views(&set, twice, 4, 0, 4, _i & 2, NO_MODULUS);
    check_views(&set, twice, 4, 3, 1, _i & 2, NO_MODULUS);
}
END_TEST

/* Row numbers beyond 32 bits, without data of that size: 2^44 rows of 2^20 bytes are 2^64 bytes, so
 * that row 2^44+n lies in memory where row n does. */
START_TEST(test_row_numbers_have_64_bits)
{
    const uint64_t far = (uint64_t)1 << 44, rows[] = {1, far + 1, 3 * far};
    if (is_oclgrind() || sizeof(void *) < 8)
        return;
    struct set set = {MCL_ELEMENT_UINT8, {2, 1024, 1024}, 3, {MCL_MASK_UNIFORM, 0, 0, 0}, SEED, 2};
    check_views(&set, rows, 3, 0, 3, false, far);
    set.mask = (mcl_mask){MCL_MASK_BLOCK, 0.5f, 16, 0};
    check_views(&set, rows, 3, 0, 3, false, far);
    ck_assert(drawn(&set, 1, 0) != drawn(&set, far + 1, 0));
}
END_TEST

/* Rows of a batch one after the other, somewhere in a buffer, have the views of their numbers in
 * the data set. */
static void check_gathered(const struct set *set, bool with_whole)
{
    static const uint64_t numbers[] = {77, 8, 0, 3, (uint64_t)1 << 44, 5}; /* from the second on */
    enum { BEFORE = 64, BATCH = 5 };
    const uint64_t columns = columns_of(set);
    const size_t view = (size_t)(BATCH * columns);
    struct set batch = *set;
    batch.shape[0] = BATCH;
    mcl_data *data = make_data(&batch);
    const void *values = mcl_data_values(data);
    const size_t size = mcl_element_size(set->element);
    unsigned char *bytes = allocate(BEFORE + view, size);
    memset(bytes, 0x77, BEFORE * size);
    memcpy(bytes + BEFORE * size, values, view * size);
    mcl_rows rows = {buffer_with(bytes, (BEFORE + view) * size), BEFORE,
        buffer_with(numbers, sizeof numbers), 1, true};
    float *expected = allocate(3 * view, sizeof(float)), *got = allocate(3 * view, sizeof(float));
    cl_mem out = buffer_with(got, 2 * view * sizeof(float));
    cl_mem whole = buffer_with(got, view * sizeof(float));
    mcl_views views;
    ASSERT_OK(mcl_views_create(&views, context, data, &mcl_groups_none,
        &(mcl_view_options){.mask = set->mask}, set->seed, BATCH, with_whole, false));
    const mcl_view_buffers buffers = {.views = out, .targets = with_whole ? whole : NULL};
    ASSERT_OK(mcl_views_run(&views, &rows, BATCH, set->epoch, &buffers));
    read_buffer(got, out, 2 * view * sizeof(float));
    read_buffer(got + 2 * view, whole, view * sizeof(float));
    for (uint32_t i = 0; i < BATCH; i++) {
        for (uint32_t c = 0; c < columns; c++) {
            const float x = value_at(set, values, i * columns + c);
            const float m = mask_at(set, numbers[1 + i], c);
            expected[i * columns + c] = mcl_host_flush(x * m);
            expected[view + i * columns + c] = mcl_host_flush(x * (1.0f - m));
            expected[2 * view + i * columns + c] = with_whole ? x : 0.0f;
        }
    }
    assert_same_bits(got, expected, 3 * view, mcl_mask_kind_name(set->mask.kind));
    mcl_buffer_release(&rows.data);
    mcl_buffer_release(&rows.order);
    mcl_buffer_release(&out);
    mcl_buffer_release(&whole);
    mcl_data_free(data);
    free(bytes);
    free(expected);
    free(got);
}

START_TEST(test_gathered_rows)
{
    static const uint32_t sizes[][2] = {{1, 1}, {5, 7}, {4, 8}, {3, 13}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct set set = {
            element_of(_i), {0, sizes[i][0], sizes[i][1]}, 3, {MCL_MASK_UNIFORM, 0, 0, 0}, SEED, 6};
        check_gathered(&set, _i & 2);
        set.mask = (mcl_mask){MCL_MASK_BERNOULLI, 0.5f, 0, 0};
        check_gathered(&set, _i & 2);
        set.mask = (mcl_mask){MCL_MASK_BLOCK, 0.5f, 1, 0};
        check_gathered(&set, _i & 2);
    }
}
END_TEST

/* Every byte is divided by 255 with one rounding, in vectors and in the rest of a row. */
START_TEST(test_bytes_are_scaled_with_one_rounding)
{
    static const uint64_t one[] = {0};
    for (uint64_t width = 256; width <= 256 + 15; width += 15) {
        const uint64_t shape[] = {1, width};
        uint8_t *bytes = allocate(width, 1);
        for (size_t i = 0; i < width; i++) /* all bytes, and 241 … 255 behind the last vector */
            bytes[i] = (uint8_t)(i < 256 ? i : i - 15);
        mcl_data *data;
        ASSERT_OK(mcl_data_create(&data, bytes, MCL_ELEMENT_UINT8, shape, 2, "bytes"));
        static float expected[300], got[300], floats[300];
        for (size_t i = 0; i < width; i++)
            expected[i] = (float)((double)bytes[i] / 255.0);
        const mcl_view_options options = {.mask = {MCL_MASK_UNIFORM, 0, 0, 0}};
        mcl_rows rows = {.order = buffer_with(one, sizeof one)};
        ASSERT_OK(mcl_data_upload(&rows.data, context, data));
        cl_mem out = NULL, whole = NULL;
        ASSERT_OK(mcl_buffer_create(&out, context, 2 * width, sizeof(float), "views"));
        ASSERT_OK(mcl_buffer_create(&whole, context, width, sizeof(float), "rows"));
        mcl_views views;
        ASSERT_OK(
            mcl_views_create(&views, context, data, &mcl_groups_none, &options, 0, 1, true, false));
        const mcl_view_buffers buffers = {.views = out, .targets = whole};
        ASSERT_OK(mcl_views_run(&views, &rows, 1, 0, &buffers));
        read_buffer(got, whole, width * sizeof(float));
        assert_same_bits(got, expected, width, "bytes in views");
        mcl_unmasked unmasked;
        ASSERT_OK(mcl_unmasked_find(&unmasked, context, data));
        ASSERT_OK(mcl_unmasked_run(&unmasked, rows.data, 0, 1, whole));
        read_buffer(got, whole, width * sizeof(float));
        assert_same_bits(got, expected, width, "unmasked bytes");
        ASSERT_OK(mcl_data_floats(floats, data, 0, 1));
        assert_same_bits(floats, expected, width, "bytes on the host");
        mcl_buffer_release(&rows.data);
        mcl_buffer_release(&rows.order);
        mcl_buffer_release(&out);
        mcl_buffer_release(&whole);
        mcl_data_free(data);
    }
}
END_TEST

START_TEST(test_unmasked_floats_and_parts_of_the_data)
{
    const struct set set = {MCL_ELEMENT_FLOAT32, {5, 7}, 2, {MCL_MASK_UNIFORM, 0, 0, 0}, 0, 0};
    mcl_data *data = make_data(&set);
    const float *values = mcl_data_values(data);
    float expected[35], got[35];
    fill_guard(expected, 35);
    cl_mem device_data = NULL, out = buffer_with(expected, sizeof expected);
    ASSERT_OK(mcl_data_upload(&device_data, context, data));
    mcl_unmasked unmasked;
    ASSERT_OK(mcl_unmasked_find(&unmasked, context, data));
    ASSERT_OK(mcl_unmasked_run(&unmasked, device_data, 14, 3, out));
    read_buffer(got, out, sizeof got);
    memcpy(expected, values + 14, 21 * sizeof(float));
    assert_same_bits(got, expected, 35, "rows 2 to 4");
    mcl_buffer_release(&device_data);
    mcl_buffer_release(&out);
    mcl_data_free(data);
}
END_TEST

START_TEST(test_masks_that_do_not_fit_are_refused)
{
    const struct set rows = {MCL_ELEMENT_FLOAT32, {5, 7}, 2, {MCL_MASK_BLOCK, 0.5f, 2, 0}, 0, 0};
    mcl_data *data = make_data(&rows);
    mcl_views views = {.columns = 77};
    ck_assert_int_eq(mcl_views_create(&views, context, data, &mcl_groups_none,
                         &(mcl_view_options){.mask = rows.mask}, 0, 5, false, false),
        MCL_ERROR_ARGUMENT);
    ck_assert_uint_eq(views.columns, 77);
    mcl_data_free(data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("views");
    TCase *tcase = tcase_create("views");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, context_setup, context_teardown);
    tcase_add_loop_test(tcase, test_uniform, 0, 4);
    tcase_add_loop_test(tcase, test_bernoulli, 0, 4);
    tcase_add_loop_test(tcase, test_block, 0, 4);
    tcase_add_loop_test(tcase, test_epochs_and_seeds, 0, 4);
    tcase_add_loop_test(tcase, test_any_order, 0, 4);
    tcase_add_loop_test(tcase, test_gathered_rows, 0, 4);
    tcase_add_test(tcase, test_row_numbers_have_64_bits);
    tcase_add_test(tcase, test_bytes_are_scaled_with_one_rounding);
    tcase_add_test(tcase, test_unmasked_floats_and_parts_of_the_data);
    tcase_add_test(tcase, test_masks_that_do_not_fit_are_refused);
    suite_add_tcase(suite, tcase);
    TCase *spread = tcase_create("spread");
    tcase_set_timeout(spread, 300);
    tcase_add_checked_fixture(spread, context_setup_spread, context_teardown);
    tcase_add_loop_test(spread, test_uniform, 2, 4);
    tcase_add_loop_test(spread, test_bernoulli, 1, 2);
    tcase_add_loop_test(spread, test_block, 2, 4);
    tcase_add_loop_test(spread, test_gathered_rows, 3, 4);
    tcase_add_test(spread, test_row_numbers_have_64_bits);
    tcase_add_test(spread, test_bytes_are_scaled_with_one_rounding);
    tcase_add_test(spread, test_unmasked_floats_and_parts_of_the_data);
    suite_add_tcase(suite, spread);
    return run_suite(suite);
}
