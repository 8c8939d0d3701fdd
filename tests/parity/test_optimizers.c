/* SPDX-License-Identifier: Apache-2.0 */
/* Twenty steps of every optimizer against PyTorch's, or against the published formula in PyTorch.
 */
#include "support/fixtures.h"

#include "optim/optimizer.h"

#define COUNT 101
#define STEPS 20

/* A matrix and what is none. */
static const mcl_part_range tensors[] = {{0, 77, true}, {77, COUNT - 77, false}};

/* As write_optimizers() of tools/fixtures/torch_fixtures.py has them. */
static const struct trial {
    const char *name;
    mcl_optimizer_options options;
} trials[] = {
    {"adam", {MCL_OPTIMIZER_ADAM, 1e-3, MCL_WEIGHT_DECAY_DEFAULT, 0.0, 0.9, 0.999, 1e-8}},
    {"adam-fast", {MCL_OPTIMIZER_ADAM, 0.05, 0.0, 0.0, 0.8, 0.95, 1e-3}},
    {"adam-decay", {MCL_OPTIMIZER_ADAM, 0.05, 0.1, 0.0, 0.9, 0.999, 1e-8}},
    {"adamw", {MCL_OPTIMIZER_ADAMW, 1e-3, MCL_WEIGHT_DECAY_DEFAULT, 0.0, 0.9, 0.999, 1e-8}},
    {"adamw-decay", {MCL_OPTIMIZER_ADAMW, 0.05, 0.1, 0.0, 0.9, 0.999, 1e-8}},
    {"sgd", {MCL_OPTIMIZER_SGD, 0.05, MCL_WEIGHT_DECAY_DEFAULT, 0.0, 0.9, 0.999, 1e-8}},
    {"sgd-decay", {MCL_OPTIMIZER_SGD, 0.05, 0.1, 0.0, 0.9, 0.999, 1e-8}},
    {"sgd-momentum", {MCL_OPTIMIZER_SGD, 0.01, 0.0, 0.9, 0.9, 0.999, 1e-8}},
    {"sgd-both", {MCL_OPTIMIZER_SGD, 0.01, 0.1, 0.9, 0.9, 0.999, 1e-8}},
    {"lars", {MCL_OPTIMIZER_LARS, 0.02, MCL_WEIGHT_DECAY_DEFAULT, MCL_MOMENTUM_DEFAULT, 0.9, 0.999,
                 MCL_EPSILON_DEFAULT}},
    {"lars-decay", {MCL_OPTIMIZER_LARS, 2.0, 0.1, 0.5, 0.9, 0.999, MCL_EPSILON_DEFAULT}},
    {"lamb",
        {MCL_OPTIMIZER_LAMB, 1e-3, MCL_WEIGHT_DECAY_DEFAULT, 0.0, 0.9, 0.999, MCL_EPSILON_DEFAULT}},
    {"lamb-decay", {MCL_OPTIMIZER_LAMB, 0.05, 0.1, 0.0, 0.8, 0.95, 1e-3}},
};

#define TRIALS (sizeof trials / sizeof *trials)

static void setup(void)
{
    context_setup();
    fixtures_open("optimizers.safetensors");
}

static void teardown(void)
{
    fixtures_close();
    context_teardown();
}

/* Gradients of very different sizes, and some that are always zero. */
static void fill_gradients(float gradients[COUNT], uint64_t seed)
{
    fill_random(gradients, COUNT, seed);
    for (int i = 0; i < COUNT; i++)
        gradients[i] = i % 10 == 0 ? gradients[i] * 0.0f : ldexpf(gradients[i], i % 21 - 16);
}

START_TEST(test_steps)
{
    const struct trial *trial = &trials[_i];
    const mcl_stored_tensor *tensor = mcl_safetensors_find(fixtures, trial->name);
    ck_assert_msg(tensor != NULL && tensor->dimensions == 2 && tensor->shape[0] == STEPS &&
                      tensor->shape[1] == COUNT,
        "%s: not among the fixtures", trial->name);
    float values[COUNT + 1], gradients[COUNT];
    fill_random(values, COUNT, 1);
    fill_guard(values + COUNT, 1);
    cl_mem parameters = buffer_with(values, sizeof values);
    cl_mem slopes = buffer_with(values, sizeof gradients);
    mcl_optimizer *optimizer;
    ASSERT_OK(mcl_optimizer_create(&optimizer, context, &trial->options, COUNT, tensors, 2));
    for (uint64_t step = 0; step < STEPS; step++) {
        const float *expected = (const float *)tensor->values + step * COUNT;
        fill_gradients(gradients, 2 + step);
        ASSERT_OK(mcl_buffer_write(context, slopes, 0, gradients, sizeof gradients));
        ASSERT_OK(mcl_optimizer_step(optimizer, parameters, slopes));
        read_buffer(values, parameters, sizeof values);
        for (size_t i = 0; i < COUNT; i++)
            REQUIRE(fabs((double)values[i] - (double)expected[i]) <=
                        fmax(TOLERANCE * fabs((double)expected[i]), 1e-6),
                "%s: parameter %zu after step %ju is %.9g instead of %.9g", trial->name, i,
                (uintmax_t)step + 1, (double)values[i], (double)expected[i]);
        ck_assert_uint_eq(bits_of(values[COUNT]), GUARD_BITS);
    }
    mcl_optimizer_free(optimizer);
    mcl_buffer_release(&parameters);
    mcl_buffer_release(&slopes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("optimizers");
    TCase *tcase = tcase_create("optimizers");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_steps, 0, TRIALS);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
