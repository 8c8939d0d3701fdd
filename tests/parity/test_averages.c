/* SPDX-License-Identifier: Apache-2.0 */
/* Twenty steps of exponential moving averages against PyTorch's AveragedModel. */
#include "support/fixtures.h"

#include "optim/average.h"

#define COUNT 101
#define STEPS 20

/* As write_averages() of tools/fixtures/torch_fixtures.py has them. */
static const double decays[] = {0.5, 0.9, 0.996};

static void setup(void)
{
    context_setup();
    fixtures_open("averages.safetensors");
}

static void teardown(void)
{
    fixtures_close();
    context_teardown();
}

START_TEST(test_steps)
{
    char name[16];
    snprintf(name, sizeof name, "%g", decays[_i]);
    const mcl_stored_tensor *tensor = mcl_safetensors_find(fixtures, name);
    ck_assert_msg(tensor != NULL && tensor->dimensions == 2 && tensor->shape[0] == STEPS &&
                      tensor->shape[1] == COUNT,
        "%s: not among the fixtures", name);
    float values[COUNT];
    fill_random(values, COUNT, 1);
    cl_mem source = buffer_with(values, sizeof values);
    mcl_average *average;
    ASSERT_OK(mcl_average_create(&average, context, source, COUNT, COUNT));
    for (uint64_t step = 0; step < STEPS; step++) {
        const float *expected = (const float *)tensor->values + step * COUNT;
        fill_random(values, COUNT, 2 + step);
        ASSERT_OK(mcl_buffer_write(context, source, 0, values, sizeof values));
        ASSERT_OK(mcl_average_update(average, source, decays[_i]));
        read_buffer(values, mcl_average_buffer(average), sizeof values);
        for (size_t i = 0; i < COUNT; i++)
            REQUIRE(fabs((double)values[i] - (double)expected[i]) <=
                        fmax(TOLERANCE * fabs((double)expected[i]), 1e-6),
                "%s: number %zu after step %ju is %.9g instead of %.9g", name, i,
                (uintmax_t)step + 1, (double)values[i], (double)expected[i]);
    }
    mcl_average_free(average);
    mcl_buffer_release(&source);
}
END_TEST

/* Of a longer vector, the rest of which is not the average's. */
START_TEST(test_begins_as_its_source)
{
    float values[COUNT], averages[COUNT - 1];
    fill_random(values, COUNT, 1);
    cl_mem source = buffer_with(values, sizeof values);
    mcl_average *average;
    ASSERT_OK(mcl_average_create(&average, context, source, COUNT - 1, COUNT - 1));
    for (int updates = 0; updates < 3; updates++) { /* an average of what does not change */
        read_buffer(averages, mcl_average_buffer(average), sizeof averages);
        assert_same_bits(averages, values, COUNT - 1, "the average");
        ASSERT_OK(mcl_average_update(average, source, 0.7));
    }
    mcl_average_free(average);
    mcl_buffer_release(&source);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("averages");
    TCase *tcase = tcase_create("averages");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_steps, 0, sizeof decays / sizeof *decays);
    tcase_add_test(tcase, test_begins_as_its_source);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
