/* SPDX-License-Identifier: Apache-2.0 */
/* Dropout: what it drops is what the generator's host twin says, the same forward and backward. */
#include <math.h>

#include "support/device.h"

#include "base/random.h"
#include "nn/dropout.h"

#define ROWS 7
#define COLUMNS 37

static void expect(float *out, const float *in, const mcl_dropout *dropout, uint32_t layer)
{
    const float factor = 1.0f / (1.0f - dropout->rate);
    for (uint32_t i = 0; i < ROWS; i++) {
        for (uint32_t j = 0; j < COLUMNS; j++) {
            uint32_t words[4];
            mcl_random_words(
                words, dropout->seed, MCL_STREAM_DROPOUT, layer, (uint32_t)dropout->step, i, j / 4);
            const size_t at = i * COLUMNS + j;
            out[at] = mcl_uniform(words[j % 4]) < dropout->rate ? 0.0f : in[at] * factor;
        }
    }
}

START_TEST(test_what_is_dropped)
{
    static const float rates[] = {0.1f, 0.5f, 0.9f};
    const mcl_dropout dropout = {context, rates[_i], 0x9876543210, 0x100000003};
    const size_t count = ROWS * COLUMNS, bytes = count * sizeof(float);
    float *in = allocate(count, sizeof *in), *out = allocate(count, sizeof *out);
    float *expected = allocate(count, sizeof *expected);
    fill_random(in, count, 1);
    cl_mem from = buffer_with(in, bytes), to = buffer_with(out, bytes);
    ASSERT_OK(mcl_dropout_run(&dropout, 2, ROWS, COLUMNS, from, to));
    read_buffer(out, to, bytes);
    expect(expected, in, &dropout, 2);
    assert_same_bits(out, expected, count, "dropout");
    ASSERT_OK(mcl_dropout_run(&dropout, 3, ROWS, COLUMNS, from, from)); /* in place */
    read_buffer(out, from, bytes);
    ck_assert(memcmp(out, expected, bytes) != 0); /* another layer, other elements */
    expect(expected, in, &dropout, 3);
    assert_same_bits(out, expected, count, "dropout in place");
    size_t zeros = 0;
    for (size_t i = 0; i < count; i++)
        zeros += out[i] == 0.0f;
    const double mean = (double)rates[_i] * (double)count;
    ck_assert_msg(fabs((double)zeros - mean) < 5.0 * sqrt(mean * (1.0 - (double)rates[_i])),
        "%zu of %zu elements are dropped at a rate of %g", zeros, count, (double)rates[_i]);
    mcl_buffer_release(&from);
    mcl_buffer_release(&to);
    free(in);
    free(out);
    free(expected);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dropout");
    TCase *tcase = tcase_create("dropout");
    tcase_add_checked_fixture(tcase, context_setup, context_teardown);
    tcase_add_loop_test(tcase, test_what_is_dropped, 0, 3);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
