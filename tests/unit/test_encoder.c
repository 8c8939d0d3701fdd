/* SPDX-License-Identifier: Apache-2.0 */
/* A session's embeddings have the bits of mcl_embed()'s, whatever the number of rows. */
#include "support/device.h"

#include "data/data.h"
#include "maskcl/encoder.h"
#include "maskcl/evaluate.h"

#define ROWS 20 /* of the session */
#define ALL (2 * ROWS + 3)
#define COLUMNS 37
#define LAYERS 4 /* two of the encoder, two of the projector */

static mcl_model *model;
static float *values; /* [ALL × COLUMNS] */

/* Running statistics are not what a new model has. */
static mcl_model *make_model(mcl_activation activation, mcl_normalization normalization)
{
    const mcl_architecture architecture = {.input = COLUMNS,
        .hidden = {65},
        .hidden_count = 1,
        .embedding = 11,
        .activation = activation,
        .normalization = normalization,
        .projector = {9, 5},
        .projector_count = 2};
    mcl_model *made;
    ASSERT_OK(mcl_model_create(&made, &architecture, 5));
    for (size_t t = 0; t < mcl_model_tensor_count(made); t++) {
        const mcl_tensor tensor = mcl_model_tensor(made, t);
        const bool variance = strstr(tensor.name, "running_var") != NULL;
        if (!variance && !strstr(tensor.name, "running_mean"))
            continue;
        fill_random(tensor.values, (size_t)tensor.shape[0], t);
        for (uint64_t j = 0; variance && j < tensor.shape[0]; j++)
            tensor.values[j] += 1.5f;
    }
    return made;
}

static void setup(void)
{
    context_setup();
    model = make_model(MCL_ACTIVATION_GELU, MCL_NORMALIZATION_BATCH);
    values = allocate((size_t)ALL * COLUMNS, sizeof *values);
    fill_random(values, (size_t)ALL * COLUMNS, 1);
    for (size_t i = 0; i < ALL; i++)
        values[i * COLUMNS + i % COLUMNS] *= 0x1p-126f; /* subnormal: counts as zero */
}

static void teardown(void)
{
    mcl_model_free(model);
    free(values);
    context_teardown();
}

/* What mcl_embed_layer() makes of all rows; 0: mcl_embed(). */
static float *expected(const mcl_model *of, uint32_t layer, uint32_t *width)
{
    const uint64_t shape[] = {ALL, COLUMNS};
    float *copy = allocate((size_t)ALL * COLUMNS, sizeof *copy);
    mcl_data *data;
    memcpy(copy, values, (size_t)ALL * COLUMNS * sizeof *copy);
    ASSERT_OK(mcl_data_create(&data, copy, MCL_ELEMENT_FLOAT32, shape, 2, "a test"));
    ASSERT_OK(mcl_layer_width(width, of, layer ? layer : 2));
    float *embeddings = allocate((size_t)ALL * *width, sizeof *embeddings);
    if (layer)
        ASSERT_OK(mcl_embed_layer(embeddings, context, of, data, layer));
    else
        ASSERT_OK(mcl_embed(embeddings, context, of, data));
    mcl_data_free(data);
    return embeddings;
}

/* Runs rows from first on, and finds them among the embeddings of all. */
static void check_rows(mcl_encoder *encoder, const float *embeddings, uint64_t first, uint64_t rows)
{
    const uint32_t width = mcl_encoder_width(encoder);
    float *got = allocate((size_t)(rows + 1) * width, sizeof *got);
    fill_guard(got, (size_t)(rows + 1) * width);
    ASSERT_OK(mcl_encoder_run(encoder, got, values + first * COLUMNS, rows));
    assert_same_bits(got, embeddings + first * width, (size_t)rows * width, "embeddings");
    ck_assert_uint_eq(bits_of(got[rows * width]), GUARD_BITS);
    free(got);
}

START_TEST(test_any_number_of_rows)
{
    static const uint64_t numbers[] = {1, 2, 7, ROWS, ROWS + 1, 0, ALL, 1, 2 * ROWS};
    const uint32_t layer = (uint32_t)_i;
    uint32_t width;
    mcl_encoder *encoder;
    float *embeddings = expected(model, layer, &width);
    ASSERT_OK(mcl_encoder_open(&encoder, context, model, layer, ROWS));
    ck_assert_uint_eq(mcl_encoder_width(encoder), width);
    ck_assert_uint_eq(mcl_encoder_columns(encoder), COLUMNS);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        check_rows(encoder, embeddings, ALL - numbers[i], numbers[i]);
    mcl_encoder_close(encoder);
    free(embeddings);
}
END_TEST

START_TEST(test_one_row)
{
    uint32_t width;
    mcl_encoder *encoder;
    float *embeddings = expected(model, 0, &width);
    ASSERT_OK(mcl_encoder_open(&encoder, context, model, 0, 1));
    for (uint64_t i = 0; i < 5; i++)
        check_rows(encoder, embeddings, i, 1);
    check_rows(encoder, embeddings, 1, 5);
    mcl_encoder_close(encoder);
    free(embeddings);
}
END_TEST

START_TEST(test_two_sessions_without_their_models)
{
    mcl_model *other = make_model(MCL_ACTIVATION_TANH, MCL_NORMALIZATION_LAYER);
    mcl_encoder *one, *two;
    uint32_t width;
    float *of_one = expected(model, 0, &width), *of_two = expected(other, 3, &width);
    ASSERT_OK(mcl_encoder_open(&one, context, model, 0, ROWS));
    ASSERT_OK(mcl_encoder_open(&two, context, other, 3, ROWS + 7));
    mcl_model_free(other);
    mcl_model_free(model);
    model = NULL;
    for (uint64_t i = 0; i < 4; i++) {
        check_rows(one, of_one, i, 3 * i + 1);
        check_rows(two, of_two, 2 * i, ALL - 2 * i);
    }
    mcl_encoder_close(one);
    check_rows(two, of_two, 0, ROWS);
    mcl_encoder_close(two);
    free(of_one);
    free(of_two);
}
END_TEST

static void assert_refused(mcl_status status, const char *message)
{
    ck_assert_int_eq(status, MCL_ERROR_ARGUMENT);
    ck_assert_msg(strstr(mcl_error_message(), message) != NULL, "'%s' lacks '%s'",
        mcl_error_message(), message);
}

START_TEST(test_what_is_refused)
{
    float embedding[11];
    mcl_encoder *encoder = NULL;
    assert_refused(mcl_encoder_open(NULL, context, model, 0, 1), "NULL");
    assert_refused(mcl_encoder_open(&encoder, NULL, model, 0, 1), "NULL");
    assert_refused(mcl_encoder_open(&encoder, context, NULL, 0, 1), "NULL");
    assert_refused(mcl_encoder_open(&encoder, context, model, 0, 0), "0 rows");
    assert_refused(
        mcl_encoder_open(&encoder, context, model, LAYERS + 1, 1), "there is no layer 5");
    mcl_context_limit_memory(context, 100000);
    ck_assert_int_eq(mcl_encoder_open(&encoder, context, model, 0, ROWS * ROWS), MCL_ERROR_DEVICE);
    ck_assert_ptr_null(encoder);
    ASSERT_OK(mcl_encoder_open(&encoder, context, model, 0, 1));
    assert_refused(mcl_encoder_run(NULL, embedding, values, 1), "NULL");
    assert_refused(mcl_encoder_run(encoder, NULL, values, 1), "NULL");
    assert_refused(mcl_encoder_run(encoder, embedding, NULL, 1), "NULL");
    ASSERT_OK(mcl_encoder_run(encoder, NULL, NULL, 0));
    mcl_encoder_close(encoder);
    mcl_encoder_close(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("encoder");
    TCase *tcase = tcase_create("encoder");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_any_number_of_rows, 0, LAYERS + 1);
    tcase_add_test(tcase, test_one_row);
    tcase_add_test(tcase, test_two_sessions_without_their_models);
    tcase_add_test(tcase, test_what_is_refused);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
