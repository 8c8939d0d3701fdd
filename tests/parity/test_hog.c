/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms of oriented gradients against skimage's. */
#include "support/fixtures.h"

#include "maskcl/data.h"
#include "maskcl/evaluate.h"

static const struct trial {
    const char *name;
    uint64_t shape[4];
    uint64_t width;
} trials[] = {
    {"grey", {1, 28, 28}, 1296},
    {"wide", {3, 9, 15}, 72},
    {"colour", {3, 12, 17, 3}, 216},
    {"large", {1, 37, 40}, 1512},
};

#define TRIALS ((int)(sizeof trials / sizeof *trials))

static mcl_data *data_of(const float *values, const uint64_t *shape)
{
    mcl_array_description array = {
        .values = values, .type = MCL_NUMBER_FLOAT32, .dimensions = shape[3] ? 4 : 3};
    mcl_data *data;
    memcpy(array.shape, shape, 4 * sizeof *shape);
    ASSERT_OK(mcl_data_from_memory(&data, &array));
    return data;
}

START_TEST(test_histograms)
{
    const struct trial *trial = &trials[_i];
    uint64_t width = 0;
    fixtures_open("hog.safetensors");
    mcl_data *data = data_of(stored(trial->name, "images")->values, trial->shape);
    ASSERT_OK(mcl_hog_width(&width, data));
    ck_assert_uint_eq(width, trial->width);
    float *features = allocate((size_t)(trial->shape[0] * width), sizeof *features);
    ASSERT_OK(mcl_hog(features, data));
    assert_tensor(trial->name, "hog", features, (size_t)(trial->shape[0] * width));
    free(features);
    mcl_data_free(data);
    fixtures_close();
}
END_TEST

START_TEST(test_what_has_none)
{
    static const float zeros[2 * 7 * 20];
    const uint64_t low[4] = {2, 7, 20};
    uint64_t width;
    mcl_data *images = data_of(zeros, low), *rows;
    ck_assert_int_eq(mcl_hog_width(&width, images), MCL_ERROR_DATA);
    ck_assert_ptr_nonnull(
        strstr(mcl_error_message(), "at least 8 × 8 pixels, and these have 7 × 20"));
    ASSERT_OK(mcl_data_from_floats(&rows, zeros, 2, 140));
    ck_assert_int_eq(mcl_hog_width(&width, rows), MCL_ERROR_DATA);
    ck_assert_ptr_nonnull(strstr(mcl_error_message(), "are of images"));
    mcl_data_free(images);
    mcl_data_free(rows);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hog");
    TCase *tcase = tcase_create("hog");
    tcase_add_loop_test(tcase, test_histograms, 0, TRIALS);
    tcase_add_test(tcase, test_what_has_none);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
