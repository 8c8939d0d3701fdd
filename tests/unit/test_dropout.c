/* SPDX-License-Identifier: Apache-2.0 */
/* Dropout: what it drops is what the generator's host twin says, the same forward and backward. */
#include <math.h>

#include "support/device.h"

#include "base/random.h"
#include "nn/layers.h"

#define ROWS 7
#define STEP 0x100000003 /* of which 3 is drawn for */

static const float rates[] = {0.1f, 0.5f, 0.9f};
static const uint32_t widths[] = {37, 64, 1028};

static void expect(float *out, const float *in, const mcl_layer *layer)
{
    const uint32_t columns = layer->out;
    const float rate = layer->options.dropout.rate, factor = 1.0f / (1.0f - rate);
    const uint64_t seed = layer->options.dropout.seed;
    for (uint32_t i = 0; i < ROWS; i++) {
        for (uint32_t j = 0; j < columns; j++) {
            uint32_t words[4];
            mcl_random_words(
                words, seed, MCL_STREAM_DROPOUT, layer->block, (uint32_t)STEP, i, j / 4);
            const size_t at = i * columns + j;
            out[at] = mcl_uniform(words[j % 4]) < rate ? 0.0f : in[at] * factor;
        }
    }
}

static void *state_of(const mcl_layer *layer)
{
    const mcl_layer_setup setup = {
        .context = context, .layer = layer, .rows = ROWS, .by_batch = true, .backward = true};
    void *state = NULL;
    ASSERT_OK(layer->type->create(&state, &setup));
    return state;
}

START_TEST(test_what_is_dropped)
{
    const float rate = rates[_i % 3];
    const uint32_t columns = widths[_i / 3];
    mcl_layer layer = mcl_layer_dropout(rate, 0x9876543210, columns);
    const size_t count = (size_t)ROWS * columns, bytes = count * sizeof(float);
    float *in = allocate(count, sizeof *in), *out = allocate(count, sizeof *out);
    float *expected = allocate(count, sizeof *expected);
    fill_random(in, count, 1);
    cl_mem from = buffer_with(in, bytes), to = buffer_with(out, bytes);
    mcl_pass pass = {.rows = ROWS, .step = STEP, .x = from, .y = to, .dy = from, .dx = from};
    layer.block = 2;
    void *state = state_of(&layer);
    ASSERT_OK(layer.type->forward(state, &pass));
    layer.type->free(state);
    read_buffer(out, to, bytes);
    expect(expected, in, &layer);
    assert_same_bits(out, expected, count, "dropout");
    layer.block = 3;
    state = state_of(&layer);
    ASSERT_OK(layer.type->backward(state, &pass)); /* in place */
    layer.type->free(state);
    read_buffer(out, from, bytes);
    ck_assert(memcmp(out, expected, bytes) != 0); /* another block, other elements */
    expect(expected, in, &layer);
    assert_same_bits(out, expected, count, "dropout in place");
    size_t zeros = 0;
    for (size_t i = 0; i < count; i++)
        zeros += out[i] == 0.0f;
    const double mean = (double)rate * (double)count;
    ck_assert_msg(fabs((double)zeros - mean) < 5.0 * sqrt(mean * (1.0 - (double)rate)),
        "%zu of %zu elements are dropped at a rate of %g", zeros, count, (double)rate);
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
    tcase_add_loop_test(tcase, test_what_is_dropped, 0, 9);
    suite_add_tcase(suite, tcase);
    TCase *spread = tcase_create("spread");
    tcase_add_checked_fixture(spread, context_setup_spread, context_teardown);
    tcase_add_loop_test(spread, test_what_is_dropped, 0, 9);
    suite_add_tcase(suite, spread);
    return run_suite(suite);
}
