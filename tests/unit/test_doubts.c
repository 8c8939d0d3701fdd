/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that are not scaled as those were that a model was trained on, and rows that are. */
#include "support/inputs.h"

#include <math.h>

#include "data/data.h"
#include "model/model.h"

#define COLUMNS 6

/* An even number from 0 to 1 that depends on i. */
static double even(uint64_t i)
{
    return (double)(i * 2654435761u % 4294967296u) / 4294967296.0;
}

static double normal(uint64_t i)
{
    return sqrt(-2.0 * log(even(i + 1) + 1e-9)) * cos(6.2831853 * even(7919 * i + 3));
}

static double cauchy(uint64_t i)
{
    return tan(3.1 * (even(i) - 0.5));
}

static double sparse(uint64_t i)
{
    return even(i) < 0.1 ? floor(1.0 / (even(31 * i) + 0.005)) : 0.0;
}

static double unit(uint64_t i)
{
    return even(i);
}

static double truth(uint64_t i)
{
    return even(i) < 0.2;
}

typedef double (*made)(uint64_t);

static mcl_data *floats(made value, uint64_t first, uint64_t rows, double scale, double shift)
{
    mcl_data *data = NULL;
    float values[600 * COLUMNS];
    for (uint64_t i = 0; i < rows * COLUMNS; i++)
        values[i] = (float)(scale * value(first + i) + shift);
    ck_assert_int_eq(mcl_data_from_floats(&data, values, rows, COLUMNS), MCL_OK);
    return data;
}

static mcl_data *bytes(made value, uint64_t rows, double scale)
{
    mcl_data *data = NULL;
    uint8_t values[600 * COLUMNS];
    for (uint64_t i = 0; i < rows * COLUMNS; i++)
        values[i] = (uint8_t)(scale * value(i));
    const mcl_array_description array = {
        .values = values, .type = MCL_NUMBER_UINT8, .dimensions = 2, .shape = {rows, COLUMNS}};
    ck_assert_int_eq(mcl_data_from_memory(&data, &array), MCL_OK);
    return data;
}

/* A model as one trained on the rows, which are freed. */
static mcl_model *model_of(mcl_data *data)
{
    const mcl_architecture architecture = {.input = COLUMNS, .embedding = 2};
    mcl_model *model = NULL;
    mcl_facts facts;
    ck_assert_int_eq(mcl_model_create(&model, &architecture, 1), MCL_OK);
    ck_assert_int_eq(mcl_facts_find(&facts, data, UINT64_MAX, NULL), MCL_OK);
    ck_assert_int_eq(mcl_model_set_facts(model, &facts), MCL_OK);
    ck_assert_int_eq(mcl_model_metadata_set(model, "input_scaling",
                         mcl_data_element(data) == MCL_ELEMENT_UINT8 ? "1/255" : "1"),
        MCL_OK);
    mcl_data_free(data);
    return model;
}

/* Frees the rows. part NULL: nothing is said. */
static void assert_doubt(const mcl_model *model, mcl_data *data, const char *part)
{
    char text[512] = "";
    const bool said = mcl_model_doubts(text, sizeof text, model, data);
    ck_assert_msg(said == (part != NULL), "'%s' and not '%s'", text, part ? part : "");
    if (part)
        ck_assert_msg(strstr(text, part) != NULL, "'%s' lacks '%s'", text, part);
    mcl_data_free(data);
}

START_TEST(test_facts)
{
    const float values[] = {1, -2, 3, 100001, 0, 0};
    const mcl_distances distances = {.centre = 1.0, .far = 2.5, .unusual = 1e5};
    mcl_data *data = NULL;
    mcl_facts facts;
    ck_assert_int_eq(mcl_data_from_floats(&data, values, 3, 2), MCL_OK);
    ck_assert_int_eq(mcl_facts_find(&facts, data, UINT64_MAX, &distances), MCL_OK);
    ck_assert_double_eq(facts.least, -2);
    ck_assert_double_eq(facts.largest, 100001);
    ck_assert_double_eq_tol(facts.mean, 100003.0 / 6, 1e-9);
    ck_assert_double_eq_tol(facts.magnitude, 100007.0 / 6, 1e-9);
    ck_assert_double_eq_tol(facts.deviation, 37268, 0.5);
    ck_assert_double_eq_tol(facts.far, 2.0 / 6, 1e-9);
    ck_assert_double_eq_tol(facts.unusual, 0.0, 1e-9);
    ck_assert_double_eq_tol(facts.negative, 1.0 / 6, 1e-9);
    ck_assert_double_eq_tol(facts.far_rows, 2.0 / 3, 1e-9);
    ck_assert_int_eq(mcl_facts_find(&facts, data, 1, NULL), MCL_OK);
    ck_assert_double_eq(facts.largest, 1); /* of the first row alone */
    mcl_data_free(data);
}
END_TEST

/* Of the same distribution, in a few rows, and of nothing but zeros: no false alarm. */
START_TEST(test_rows_like_those_of_training)
{
    const made distributions[] = {normal, cauchy, sparse, unit, truth};
    const double shifts[] = {0.0, 1000.0, -1e6};
    for (size_t d = 0; d < sizeof distributions / sizeof *distributions; d++) {
        for (size_t s = 0; s < sizeof shifts / sizeof *shifts; s++) {
            mcl_model *model = model_of(floats(distributions[d], 0, 500, 3.0, shifts[s]));
            for (uint64_t rows = 1; rows <= 256; rows *= 2) {
                for (uint64_t first = 5000; first < 5010; first++)
                    assert_doubt(
                        model, floats(distributions[d], first, rows, 3.0, shifts[s]), NULL);
            }
            if (s == 0)
                assert_doubt(model, floats(unit, 0, 20, 0.0, 0.0), NULL);
            mcl_model_free(model);
        }
    }
}
END_TEST

START_TEST(test_other_scales)
{
    const made distributions[] = {normal, unit, truth};
    const double scales[] = {1e-13, 1.0 / 255, 0.01, 100, 255, 1e20};
    for (size_t d = 0; d < sizeof distributions / sizeof *distributions; d++) {
        mcl_model *model = model_of(floats(distributions[d], 0, 500, 1.0, 0.0));
        for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
            assert_doubt(model, floats(distributions[d], 5000, 100, scales[i], 0.0),
                "scale these as those were");
        assert_doubt(model, floats(distributions[d], 5000, 100, 1.0, 1000.0), "has values such as");
        mcl_model_free(model);
    }
}
END_TEST

/* Standardised in training or in use alone, by columns whose scales do not differ much. */
START_TEST(test_standardised_or_not)
{
    mcl_model *model = model_of(floats(normal, 0, 500, 1.0, 0.0));
    assert_doubt(model, floats(unit, 5000, 100, 8.0, 0.0), "with a mean of");
    assert_doubt(model, floats(normal, 5000, 16, 10.0, 0.0), "scale these as those were");
    mcl_model_free(model);
    model = model_of(floats(unit, 0, 500, 8.0, 0.1));
    assert_doubt(model, floats(normal, 5000, 100, 1.0, 0.0), "with a mean of");
    assert_doubt(model, floats(unit, 5000, 100, 1.0, 0.0), "has values up to");
    mcl_model_free(model);
    model = model_of(floats(cauchy, 0, 500, 1.0, 0.0)); /* outliers hide all but the most */
    assert_doubt(model, floats(cauchy, 5000, 100, 1000.0, 0.0), "scale these as those were");
    mcl_model_free(model);
}
END_TEST

/* A single value of each row is not 0, as in wide tables of categories. */
START_TEST(test_one_hot)
{
    enum { WIDTH = 300, ROWS = 32 };
    static uint8_t bytes_of[ROWS * WIDTH];
    static float floats_of[ROWS * WIDTH];
    const mcl_architecture architecture = {.input = WIDTH, .embedding = 2};
    mcl_array_description array = {
        .values = bytes_of, .type = MCL_NUMBER_UINT8, .dimensions = 2, .shape = {ROWS, WIDTH}};
    mcl_data *data = NULL;
    mcl_model *model = NULL;
    mcl_facts facts;
    for (size_t i = 0; i < ROWS; i++) {
        bytes_of[i * WIDTH + 7 * i] = 1;
        floats_of[i * WIDTH + 7 * i] = 1.0f;
    }
    ck_assert_int_eq(mcl_data_from_memory(&data, &array), MCL_OK);
    ck_assert_int_eq(mcl_facts_find(&facts, data, UINT64_MAX, NULL), MCL_OK);
    ck_assert_int_eq(mcl_model_create(&model, &architecture, 1), MCL_OK);
    ck_assert_int_eq(mcl_model_set_facts(model, &facts), MCL_OK);
    ck_assert_int_eq(mcl_model_metadata_set(model, "input_scaling", "1/255"), MCL_OK);
    assert_doubt(model, data, NULL);
    ck_assert_int_eq(mcl_data_from_floats(&data, floats_of, ROWS, WIDTH), MCL_OK);
    assert_doubt(model, data, "scale these as those were");
    mcl_model_free(model);
}
END_TEST

START_TEST(test_bytes_and_floats)
{
    mcl_model *model = model_of(bytes(unit, 500, 256));
    assert_doubt(model, bytes(unit, 3, 256), NULL);
    assert_doubt(model, bytes(unit, 3, 0), NULL);
    assert_doubt(model, floats(unit, 0, 100, 1.0, 0.0), NULL); /* divided already */
    assert_doubt(
        model, floats(unit, 0, 100, 255, 0.0), "trained on bytes that were divided by 255");
    assert_doubt(model, floats(normal, 0, 100, 1.0, 0.0), "trained on bytes that were divided");
    assert_doubt(model, floats(unit, 0, 100, 1.0 / 255, 0.0), "scale these as those were");
    mcl_model_free(model);
    model = model_of(floats(unit, 0, 500, 255, 0.0));
    assert_doubt(
        model, bytes(unit, 100, 256), "has bytes, which are divided by 255, and the model");
    mcl_model_free(model);
    model = model_of(floats(normal, 0, 500, 1.0, 0.0));
    assert_doubt(
        model, bytes(unit, 100, 256), "has bytes, which are divided by 255, and the model");
    mcl_model_free(model);
    model = model_of(floats(unit, 0, 500, 1.0, 0.0));
    assert_doubt(model, bytes(unit, 100, 256), NULL);
    mcl_model_free(model);
    model = model_of(floats(truth, 0, 500, 1.0, 0.0));
    assert_doubt(model, bytes(truth, 100, 1), "has bytes, which are divided by 255, and the model");
    mcl_model_free(model);
    model = model_of(bytes(truth, 500, 1));
    assert_doubt(model, bytes(truth, 100, 1), NULL);
    assert_doubt(model, floats(truth, 0, 100, 1.0, 0.0), "scale these as those were");
    mcl_model_free(model);
}
END_TEST

/* Before any training. */
START_TEST(test_bytes_that_are_no_pixels)
{
    assert_doubt(NULL, bytes(truth, 100, 1), "no byte is above 1, and bytes are divided by 255");
    assert_doubt(NULL, bytes(unit, 100, 17), "no byte is above 16, ");
    assert_doubt(NULL, bytes(unit, 100, 256), NULL);
    assert_doubt(NULL, bytes(unit, 100, 0), NULL);
    assert_doubt(NULL, floats(truth, 0, 100, 1.0, 0.0), NULL);
}
END_TEST

/* Models of earlier versions, and of other programs, do not say what they were trained on. */
START_TEST(test_a_model_without_facts)
{
    const mcl_architecture architecture = {.input = COLUMNS, .embedding = 2};
    mcl_model *model = NULL;
    ck_assert_int_eq(mcl_model_create(&model, &architecture, 1), MCL_OK);
    assert_doubt(model, floats(unit, 0, 100, 255, 0.0), NULL);
    ck_assert_int_eq(mcl_model_metadata_set(model, "input_scaling", "1/255"), MCL_OK);
    assert_doubt(
        model, floats(unit, 0, 100, 255, 0.0), "trained on bytes that were divided by 255");
    ck_assert_int_eq(mcl_model_metadata_set(model, "input_least", "much"), MCL_OK);
    assert_doubt(model, bytes(unit, 100, 256), NULL);
    mcl_model_free(model);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("doubts");
    TCase *tcase = tcase_create("doubts");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_facts);
    tcase_add_test(tcase, test_rows_like_those_of_training);
    tcase_add_test(tcase, test_other_scales);
    tcase_add_test(tcase, test_standardised_or_not);
    tcase_add_test(tcase, test_one_hot);
    tcase_add_test(tcase, test_bytes_and_floats);
    tcase_add_test(tcase, test_bytes_that_are_no_pixels);
    tcase_add_test(tcase, test_a_model_without_facts);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
