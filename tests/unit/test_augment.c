/* SPDX-License-Identifier: Apache-2.0 */
/* Views that are moved, lit, corrupted, noisy and masked, bit for bit as src/verify's reference on
 * the host has them, which is not the kernel's way: an element at a time. */
#include <stdio.h>

#include "support/device.h"

#include "data/data.h"
#include "verify/reference_views.h"
#include "views/views.h"

#define SEED 0xFEDCBA9876543210u
#define EPOCH 7
#define GUARDS 40

struct shape {
    uint64_t sizes[4]; /* rows first */
    size_t dimensions;
};

static mcl_data *make_data(mcl_element element, const struct shape *shape)
{
    size_t count = 1;
    for (size_t d = 0; d < shape->dimensions; d++)
        count *= (size_t)shape->sizes[d];
    const size_t size = mcl_element_size(element);
    void *values = allocate(count, size);
    float *random = allocate(count, sizeof *random);
    fill_random(random, count, 5);
    for (size_t i = 0; i < count; i++) {
        if (element == MCL_ELEMENT_UINT8)
            ((uint8_t *)values)[i] = (uint8_t)((random[i] + 1) * 128);
        else
            ((float *)values)[i] = i % 7 ? random[i] : random[i] * 0x1p-122f;
    }
    free(random);
    mcl_data *data;
    ASSERT_OK(mcl_data_create(&data, values, element, shape->sizes, shape->dimensions, "a test"));
    return data;
}

static void check_groups(
    const char *text, mcl_element element, const struct shape *shape, const mcl_groups *groups)
{
    enum { BATCH = 3 };
    const uint64_t order[BATCH + 1] = {0, shape->sizes[0] - 1, 0, shape->sizes[0] / 2};
    mcl_data *data = make_data(element, shape);
    mcl_view_options options;
    mcl_views views;
    ASSERT_OK(mcl_view_options_parse(&options, text));
    ASSERT_OK(mcl_views_create(&views, context, data, groups, &options, SEED, BATCH, true, true));
    const size_t columns = (size_t)mcl_data_columns(data), half = BATCH * columns;
    const size_t count = 2 * half + GUARDS;
    float *expected = allocate(count, sizeof(float)), *got = allocate(count, sizeof(float));
    float *targets = allocate(count, sizeof(float));
    unsigned char *altered = allocate(count, 1), *got_altered = allocate(count, 1);
    fill_guard(expected, count);
    fill_guard(targets, count);
    memset(altered, 0x77, count);
    mcl_rows rows = {.first = 1};
    ASSERT_OK(mcl_data_upload(&rows.data, context, data));
    rows.order = buffer_with(order, sizeof order);
    mcl_view_buffers out = {buffer_with(expected, count * sizeof(float)),
        buffer_with(targets, count * sizeof(float)), buffer_with(altered, count)};
    ASSERT_OK(mcl_views_run(&views, &rows, BATCH, EPOCH, &out));
    float *unpaired = allocate(columns, sizeof(float));
    for (size_t i = 0; i < BATCH; i++) {
        const size_t at = i * columns;
        mcl_reference_views row = {{expected + at, expected + half + at},
            {targets + at, mcl_views_paired(&views) ? targets + half + at : unpaired},
            {altered + at, altered + half + at}};
        mcl_reference_views_of(
            &row, data, groups, &options, SEED, EPOCH, order[1 + i], order[1 + i]);
    }
    char what[200];
    snprintf(what, sizeof what, "%.120s, %s, rows of %zu", text,
        element == MCL_ELEMENT_UINT8 ? "uint8" : "float", columns);
    read_buffer(got, out.views, count * sizeof(float));
    assert_same_bits(got, expected, count, what);
    read_buffer(got, out.targets, count * sizeof(float));
    assert_same_bits(got, targets, count, what);
    read_buffer(got_altered, out.altered, count);
    ck_assert_msg(memcmp(got_altered, altered, count) == 0, "%s: altered", what);
    mcl_buffer_release(&rows.data);
    mcl_buffer_release(&rows.order);
    mcl_buffer_release(&out.views);
    mcl_buffer_release(&out.targets);
    mcl_buffer_release(&out.altered);
    mcl_views_release(&views);
    mcl_data_free(data);
    free(expected);
    free(got);
    free(targets);
    free(altered);
    free(got_altered);
    free(unpaired);
}

static void check(const char *text, mcl_element element, const struct shape *shape)
{
    check_groups(text, element, shape, &mcl_groups_none);
}

/* Around the 16 lanes and the 32 elements of a work-item on CPUs and the 4 of one elsewhere; lines
 * of one pixel and of less than 16. */
static const struct shape images[] = {{{9, 1, 1}, 3}, {{9, 1, 2}, 3}, {{9, 3, 1}, 3},
    {{9, 33, 1}, 3}, {{9, 4, 4}, 3}, {{9, 5, 7}, 3}, {{9, 2, 17}, 3}, {{9, 3, 16}, 3},
    {{9, 28, 28}, 3}, {{9, 1, 49}, 3}};
static const struct shape colours[] = {{{9, 1, 1, 3}, 4}, {{9, 5, 7, 3}, 4}, {{9, 4, 4, 3}, 4}};
static const struct shape tables[] = {
    {{9, 1}, 2}, {{9, 15}, 2}, {{9, 16}, 2}, {{9, 31}, 2}, {{9, 49}, 2}, {{5000, 3}, 2}};

#define CHECK_ALL(text, element, shapes)                                                           \
    for (size_t shape = 0; shape < sizeof(shapes) / sizeof *(shapes); shape++)                     \
    check(text, element, &(shapes)[shape])

START_TEST(test_moves)
{
    CHECK_ALL("shift:0.4,scale:0.6,rotate:3,flip", MCL_ELEMENT_UINT8, images);
    CHECK_ALL("affine:0.9,flip:0.2,brightness:1", MCL_ELEMENT_FLOAT32, images);
    CHECK_ALL("shift:1,rotate:3.1415927", MCL_ELEMENT_UINT8, colours);
}
END_TEST

START_TEST(test_light)
{
    CHECK_ALL("brightness:0.9,mask:uniform", MCL_ELEMENT_UINT8, images);
}
END_TEST

START_TEST(test_corruption)
{
    CHECK_ALL("corrupt:0.6", MCL_ELEMENT_FLOAT32, tables);
    CHECK_ALL("corrupt:0.3:one,mask:bernoulli:0.5:whole", MCL_ELEMENT_UINT8, tables);
}
END_TEST

/* Columns of one input, of as many as a work-item has, and of more. */
START_TEST(test_columns)
{
    enum { INPUTS = 263 };
    static const struct shape shape = {{9, INPUTS}, 2};
    for (uint32_t widest = 1; widest <= 70; widest += 23) {
        mcl_group columns[INPUTS];
        mcl_groups groups = {columns, 0};
        for (uint32_t first = 0; first < INPUTS; groups.count++) {
            const uint32_t width = 1 + groups.count * 7 % widest, left = INPUTS - first;
            columns[groups.count] =
                (mcl_group){.first = first, .width = width < left ? width : left};
            first += columns[groups.count].width;
        }
        check_groups("corrupt:0.6", MCL_ELEMENT_FLOAT32, &shape, &groups);
        check_groups("mask:uniform", MCL_ELEMENT_UINT8, &shape, &groups);
        check_groups("corrupt:0.3:one,noise,mask:bernoulli:0.5:independent", MCL_ELEMENT_FLOAT32,
            &shape, &groups);
    }
}
END_TEST

static const struct shape sequences[] = {
    {{9, 2}, 2}, {{9, 49}, 2}, {{9, 33, 1}, 3}, {{9, 16, 3}, 3}, {{9, 5, 17}, 3}, {{9, 7, 40}, 3}};

START_TEST(test_sequences)
{
    CHECK_ALL("amplitude:0.5,span:0.4", MCL_ELEMENT_FLOAT32, sequences);
    CHECK_ALL("span:0.99,mask:bernoulli:0.5", MCL_ELEMENT_UINT8, sequences);
    CHECK_ALL("amplitude:1,corrupt:0.3,noise,span:1e-3,mask:uniform:independent",
        MCL_ELEMENT_FLOAT32, sequences);
}
END_TEST

START_TEST(test_noise)
{
    CHECK_ALL("noise:0.5,mask:uniform:independent", MCL_ELEMENT_FLOAT32, tables);
}
END_TEST

START_TEST(test_blocks)
{
    CHECK_ALL("noise:1e-3,mask:block:0.3:1px:independent", MCL_ELEMENT_UINT8, images);
    static const struct shape larger[] = {{{9, 5, 7, 3}, 4}, {{9, 4, 4, 3}, 4}, {{9, 9, 3, 3}, 4}};
    CHECK_ALL("mask:block:0.5:4px:whole", MCL_ELEMENT_FLOAT32, larger);
}
END_TEST

/* Sides that are drawn for each row; both ways of hiding patches. */
START_TEST(test_blocks_of_several_sides)
{
    static const struct shape some[] = {{{9, 6, 7, 3}, 4}, {{9, 19, 17, 3}, 4}};
    CHECK_ALL("mask:block:0.5:2-5px", MCL_ELEMENT_UINT8, some);
    CHECK_ALL("noise,mask:block:0.3:1-4px:independent", MCL_ELEMENT_FLOAT32, some);
}
END_TEST

/* Colours of one pixel, of lines of less than 16 elements, and of more pixels than an item has. */
static const struct shape rgb[] = {
    {{9, 1, 1, 3}, 4}, {{9, 5, 7, 3}, 4}, {{9, 4, 4, 3}, 4}, {{9, 3, 33, 3}, 4}};
static const struct shape channels[] = {{{9, 5, 7}, 3}, {{9, 5, 3, 129}, 4}};

START_TEST(test_crops)
{
    CHECK_ALL("crop", MCL_ELEMENT_UINT8, images);
    CHECK_ALL("crop:0.3-0.9:0.5-3,flip", MCL_ELEMENT_FLOAT32, rgb);
    CHECK_ALL("crop:0.9-1:20-30", MCL_ELEMENT_FLOAT32, rgb); /* where none fits */
    CHECK_ALL("crop:0.9-1:0.05-0.06", MCL_ELEMENT_FLOAT32, rgb);
    CHECK_ALL("crop:0.2,flip,rotate:3,scale", MCL_ELEMENT_UINT8, channels);
}
END_TEST

START_TEST(test_colours)
{
    CHECK_ALL("hue:0.5,grey:0.3", MCL_ELEMENT_FLOAT32, rgb);
    CHECK_ALL("contrast:1,jitter:0.5", MCL_ELEMENT_FLOAT32, channels);
    CHECK_ALL("crop,flip,color:0.5:0.9,grey:0.5,mask:block:0.5:1px", MCL_ELEMENT_UINT8, rgb);
}
END_TEST

START_TEST(test_blur)
{
    static const struct shape some[] = {
        {{3, 45, 50, 3}, 4}, {{3, 61, 13, 3}, 4}, {{9, 2, 40, 3}, 4}};
    CHECK_ALL("blur", MCL_ELEMENT_FLOAT32, channels);
    CHECK_ALL("blur:0.8:0.5-7,hue", MCL_ELEMENT_FLOAT32, some);
}
END_TEST

START_TEST(test_rows_as_they_are)
{
    CHECK_ALL("none", MCL_ELEMENT_FLOAT32, tables);
}
END_TEST

START_TEST(test_everything)
{
    static const struct shape some[] = {{{9, 5, 7}, 3}, {{9, 28, 28}, 3}, {{4099, 2, 2}, 3}};
    CHECK_ALL(
        "affine,flip,brightness,corrupt:0.2,noise,mask:block:0.5:2px", MCL_ELEMENT_UINT8, some);
}
END_TEST

START_TEST(test_spread)
{
    static const struct shape some[] = {{{9, 1, 2}, 3}, {{9, 5, 7}, 3}, {{9, 4, 17}, 3}};
    static const struct shape colour[] = {{{9, 3, 4, 3}, 4}, {{9, 5, 7, 3}, 4}};
    static const struct shape widths[] = {{{9, 1}, 2}, {{9, 6}, 2}, {{9, 263}, 2}, {{9, 1028}, 2}};
    CHECK_ALL("affine:0.9,flip,brightness:1,corrupt:0.2,noise,mask:block:0.5:2px:independent",
        MCL_ELEMENT_UINT8, some);
    CHECK_ALL("shift:1,rotate:3.1415927,mask:block:0.5:3px", MCL_ELEMENT_FLOAT32, colour);
    CHECK_ALL("brightness:0.9,mask:uniform", MCL_ELEMENT_FLOAT32, some);
    CHECK_ALL("corrupt:0.3:one,mask:bernoulli:0.5:whole", MCL_ELEMENT_UINT8, widths);
    CHECK_ALL("noise:0.5,corrupt:0.4,mask:uniform:independent", MCL_ELEMENT_FLOAT32, widths);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("augment");
    TCase *tcase = tcase_create("augment");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, context_setup, context_teardown);
    tcase_add_test(tcase, test_moves);
    tcase_add_test(tcase, test_light);
    tcase_add_test(tcase, test_corruption);
    tcase_add_test(tcase, test_columns);
    tcase_add_test(tcase, test_sequences);
    tcase_add_test(tcase, test_noise);
    tcase_add_test(tcase, test_blocks);
    tcase_add_test(tcase, test_blocks_of_several_sides);
    tcase_add_test(tcase, test_crops);
    tcase_add_test(tcase, test_colours);
    tcase_add_test(tcase, test_blur);
    tcase_add_test(tcase, test_rows_as_they_are);
    tcase_add_test(tcase, test_everything);
    suite_add_tcase(suite, tcase);
    TCase *spread = tcase_create("spread");
    tcase_set_timeout(spread, 300);
    tcase_add_checked_fixture(spread, context_setup_spread, context_teardown);
    tcase_add_test(spread, test_spread);
    tcase_add_test(spread, test_blocks_of_several_sides);
    tcase_add_test(spread, test_crops);
    tcase_add_test(spread, test_colours);
    tcase_add_test(spread, test_blur);
    tcase_add_test(spread, test_columns);
    tcase_add_test(spread, test_sequences);
    suite_add_tcase(suite, spread);
    return run_suite(suite);
}
