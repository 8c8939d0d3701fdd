/* SPDX-License-Identifier: Apache-2.0 */
/* Clipping against torch.nn.utils.clip_grad_norm_. */
#include "support/fixtures.h"

#include "optim/clip.h"

#define COUNT_MAX 5001

static const size_t counts[] = {101, 1024, COUNT_MAX};
static const double limits[] = {0.5, 20.0, 1e6};

static void setup(void)
{
    context_setup();
    fixtures_open("clipping.safetensors");
}

static void teardown(void)
{
    fixtures_close();
    context_teardown();
}

START_TEST(test_clipping)
{
    static float values[COUNT_MAX + 1];
    const size_t count = counts[_i / 3];
    const double limit = limits[_i % 3];
    char count_text[16], limit_text[16];
    snprintf(count_text, sizeof count_text, "%zu", count);
    snprintf(limit_text, sizeof limit_text, "%g", limit);
    const float *expected = stored_values(count_text, limit_text, count);
    fill_random(values, count, count);
    fill_guard(values + count, 1);
    cl_mem gradients = buffer_with(values, (count + 1) * sizeof *values);
    mcl_clip *clip;
    ASSERT_OK(mcl_clip_create(&clip, context, count, limit));
    ASSERT_OK(mcl_clip_run(clip, gradients));
    read_buffer(values, gradients, (count + 1) * sizeof *values);
    const size_t stride = count <= WHOLE_MAX ? 1 : STRIDE;
    for (size_t i = 0; i < stored_count(count); i++)
        REQUIRE(fabs((double)values[i * stride] - (double)expected[i]) <=
                    TOLERANCE * fabs((double)expected[i]),
            "%zu numbers to %g: number %zu is %.9g instead of %.9g", count, limit, i * stride,
            (double)values[i * stride], (double)expected[i]);
    ck_assert_uint_eq(bits_of(values[count]), GUARD_BITS);
    mcl_clip_free(clip);
    mcl_buffer_release(&gradients);
}
END_TEST

/* Nothing but zeros stays so, and what is below the limit keeps its bits. */
START_TEST(test_what_is_small_enough)
{
    float values[101], clipped[101];
    cl_mem gradients;
    mcl_clip *clip;
    ASSERT_OK(mcl_clip_create(&clip, context, 101, 1e3));
    for (int zero = 0; zero < 2; zero++) {
        fill_random(values, 101, 7);
        for (size_t i = 0; i < 101; i++)
            values[i] = zero ? 0.0f : values[i];
        gradients = buffer_with(values, sizeof values);
        ASSERT_OK(mcl_clip_run(clip, gradients));
        read_buffer(clipped, gradients, sizeof clipped);
        assert_same_bits(clipped, values, 101, "what is small enough");
        mcl_buffer_release(&gradients);
    }
    mcl_clip_free(clip);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clipping");
    TCase *tcase = tcase_create("clipping");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_clipping, 0, 9);
    tcase_add_test(tcase, test_what_is_small_enough);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
