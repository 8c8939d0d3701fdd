/* SPDX-License-Identifier: Apache-2.0 */
/* The online probe: the rows that it takes, and the accuracy that mcl_embed() and mcl_probe() give
 * for them. */
#include "support/device.h"

#include "data/data.h"
#include "data/permutation.h"
#include "maskcl/evaluate.h"
#include "model/model.h"
#include "train/validation.h"
#include "views/views.h"

#define COLUMNS 9
#define CLASSES 3

/* Rows of noise around a point a class, and what class each has. */
static mcl_data *make_data(int32_t *labels, uint64_t rows, mcl_element element)
{
    const uint64_t shape[] = {rows, COLUMNS};
    const size_t size = mcl_element_size(element);
    unsigned char *values = allocate(rows * COLUMNS, size);
    float *random = allocate(rows * COLUMNS, sizeof *random);
    fill_random(random, rows * COLUMNS, 5);
    for (uint64_t i = 0; i < rows * COLUMNS; i++) {
        labels[i / COLUMNS] = (int32_t)(i / COLUMNS * 5 % CLASSES);
        const bool apart = i % COLUMNS == (uint64_t)labels[i / COLUMNS];
        const float value = random[i] + (apart ? 0.7f : 0.0f);
        if (element == MCL_ELEMENT_FLOAT32)
            memcpy(values + i * size, &value, size);
        else
            values[i] = (unsigned char)(128.0f + 64.0f * value);
    }
    free(random);
    mcl_data *data;
    ASSERT_OK(mcl_data_create(&data, values, element, shape, 2, "a test"));
    return data;
}

/* Of another seed, other parameters; running statistics are not what a batch's are. */
static mcl_model *make_model(uint64_t seed)
{
    const mcl_architecture architecture = {.input = COLUMNS,
        .hidden = {13},
        .hidden_count = 1,
        .embedding = 4,
        .activation = MCL_ACTIVATION_RELU,
        .normalization = MCL_NORMALIZATION_BATCH,
        .activated_embedding = true};
    mcl_model *model;
    ASSERT_OK(mcl_model_create(&model, &architecture, seed));
    mcl_layer layers[MCL_LAYERS_MAX];
    const size_t count = mcl_part_layers(layers, &architecture, MCL_PART_ENCODER);
    float *parameters = mcl_model_parameters(model, NULL, NULL);
    for (size_t l = 0; l < count; l++) {
        float *mean = parameters + layers[l].statistics, *variance = mean + layers[l].out;
        if (mcl_layer_values(&layers[l], true) == 0)
            continue;
        fill_random(mean, layers[l].out, seed + layers[l].block);
        fill_random(variance, layers[l].out, seed + 10 + layers[l].block);
        for (uint32_t j = 0; j < layers[l].out; j++)
            variance[j] += 1.5f;
    }
    return model;
}

static cl_mem upload(mcl_model *model)
{
    uint64_t count;
    const float *parameters = mcl_model_parameters(model, &count, NULL);
    return buffer_with(parameters, count * sizeof *parameters);
}

/* By way of a model, all embeddings, and the order that docs/numerics.md tells. */
static double expected_accuracy(const mcl_model *model, const mcl_data *data, const int32_t *labels)
{
    const uint64_t all = mcl_data_rows(data), rows = all < 2000 ? all : 2000;
    const uint64_t width = mcl_model_architecture(model)->embedding;
    uint64_t *order = allocate(all, sizeof *order);
    float *embeddings = allocate(all * width, sizeof *embeddings);
    float *chosen = allocate(rows * width, sizeof *chosen);
    int32_t *classes = allocate(rows, sizeof *classes);
    mcl_permutation *permutation;
    mcl_probe_result result;
    ASSERT_OK(mcl_permutation_create(&permutation, all));
    mcl_permutation_begin(permutation, 0, UINT32_MAX);
    mcl_permutation_finish(permutation, order);
    mcl_permutation_free(permutation);
    ASSERT_OK(mcl_embed(embeddings, context, model, data));
    for (uint64_t i = 0; i < rows; i++) {
        memcpy(chosen + i * width, embeddings + order[i] * width, width * sizeof *chosen);
        classes[i] = labels[order[i]];
    }
    const uint64_t known = rows - rows / 2;
    const mcl_features train = {chosen, classes, known, width, NULL};
    const mcl_features test = {chosen + known * width, classes + known, rows - known, width, NULL};
    ASSERT_OK(mcl_probe(&result, context, &train, &test));
    free(order);
    free(embeddings);
    free(chosen);
    free(classes);
    return result.knn_accuracy;
}

static const struct trial {
    uint64_t rows;
    mcl_element element;
} trials[] = {{2, MCL_ELEMENT_FLOAT32}, {3, MCL_ELEMENT_UINT8}, {41, MCL_ELEMENT_FLOAT32},
    {612, MCL_ELEMENT_UINT8}, {1999, MCL_ELEMENT_FLOAT32}, {2000, MCL_ELEMENT_UINT8},
    {3001, MCL_ELEMENT_FLOAT32}};

/* Two runs at a time, as may be under way in training, by parameters that differ. */
START_TEST(test_accuracy)
{
    const struct trial *trial = &trials[_i];
    int32_t *labels = allocate(trial->rows, sizeof *labels);
    mcl_data *data = make_data(labels, trial->rows, trial->element);
    mcl_model *models[2] = {make_model(1), make_model(2)};
    cl_mem parameters[2] = {upload(models[0]), upload(models[1])};
    mcl_validation *validation;
    ASSERT_OK(mcl_validation_create(
        &validation, context, data, labels, mcl_model_architecture(models[0])));
    const uint64_t made = context->memory_made;
    for (uint64_t step = 7; step < 13; step += 2) {
        ASSERT_OK(mcl_validation_run(validation, parameters[0], step));
        ASSERT_OK(mcl_validation_run(validation, parameters[1], step + 1));
        ASSERT_OK(mcl_context_finish(context));
        for (uint64_t i = 0; i < 2; i++)
            ck_assert_double_eq(mcl_validation_take(validation, step + i),
                expected_accuracy(models[i], data, labels));
    }
    ck_assert_uint_gt(context->memory_made, made); /* by mcl_embed() alone: */
    const uint64_t before = context->memory_made;
    ASSERT_OK(mcl_validation_run(validation, parameters[0], 13));
    ASSERT_OK(mcl_context_finish(context));
    ck_assert_uint_eq(context->memory_made, before);
    if (trial->rows > 1000) { /* better than chance, and not all right */
        ck_assert_double_gt(mcl_validation_take(validation, 13), 0.4);
        ck_assert_double_lt(mcl_validation_take(validation, 13), 0.99);
    }
    mcl_validation_free(validation);
    for (size_t i = 0; i < 2; i++) {
        mcl_buffer_release(&parameters[i]);
        mcl_model_free(models[i]);
    }
    mcl_data_free(data);
    free(labels);
}
END_TEST

START_TEST(test_nothing_to_tell)
{
    int32_t labels[5];
    mcl_data *data = make_data(labels, 5, MCL_ELEMENT_FLOAT32);
    mcl_model *model = make_model(1);
    mcl_validation *validation = NULL;
    for (size_t i = 0; i < 5; i++)
        labels[i] = 4;
    ck_assert_int_eq(
        mcl_validation_create(&validation, context, data, labels, mcl_model_architecture(model)),
        MCL_ERROR_DATA);
    ck_assert_str_eq(
        mcl_error_message(), "validation: all rows are of class 4: there is nothing to tell apart");
    labels[4] = 0;
    ASSERT_OK(
        mcl_validation_create(&validation, context, data, labels, mcl_model_architecture(model)));
    mcl_validation_free(validation);
    mcl_data_free(data);
    validation = NULL;
    data = make_data(labels, 1, MCL_ELEMENT_FLOAT32);
    ck_assert_int_eq(
        mcl_validation_create(&validation, context, data, labels, mcl_model_architecture(model)),
        MCL_ERROR_DATA);
    ck_assert_str_eq(mcl_error_message(), "validation needs at least 2 rows that have labels");
    ck_assert_ptr_null(validation);
    mcl_model_free(model);
    mcl_data_free(data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("validation");
    TCase *tcase = tcase_create("validation");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, context_setup, context_teardown);
    tcase_add_loop_test(tcase, test_accuracy, 0, sizeof trials / sizeof *trials);
    tcase_add_test(tcase, test_nothing_to_tell);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
