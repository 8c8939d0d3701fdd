/* SPDX-License-Identifier: Apache-2.0 */
/* The head and its cross-entropy, forward and backward, against PyTorch's. */
#include "support/fixtures.h"

#include "train/classifier.h"

/* As write_classifier() of tools/fixtures/torch_fixtures.py has them. */
static const struct trial {
    uint32_t batch, input, embedding, classes;
} trials[] = {{1, 3, 1, 2}, {37, 20, 37, 10}, {129, 50, 64, 17}, {5, 7, 37, 300}};

#define TRIALS (sizeof trials / sizeof *trials)
#define FIRST 3 /* of the order: where the batch's rows begin */
#define SLOT 2  /* of the metrics */

static void setup(void)
{
    context_setup();
    fixtures_open("classifier.safetensors");
}

static void teardown(void)
{
    fixtures_close();
    context_teardown();
}

/* The classes of a data set of which the batch has every row once, in an order of its own; the
 * batch's row i is of class 7·i mod C. */
static cl_mem make_order(int32_t *labels, const struct trial *trial)
{
    uint64_t *order = allocate(FIRST + trial->batch, sizeof *order);
    for (uint32_t i = 0; i < trial->batch; i++) {
        order[FIRST + i] = trial->batch - 1 - i;
        labels[order[FIRST + i]] = (int32_t)(i * 7 % trial->classes);
    }
    cl_mem buffer = buffer_with(order, (FIRST + trial->batch) * sizeof *order);
    free(order);
    return buffer;
}

/* The batch's rows as fill_random() and a factor have them. */
static cl_mem make_input(const struct trial *trial, float scale, uint64_t seed)
{
    const size_t count = (size_t)trial->batch * trial->input;
    float *values = allocate(count, sizeof *values);
    fill_random(values, count, seed);
    for (size_t i = 0; i < count; i++)
        values[i] *= scale;
    cl_mem buffer = buffer_with(values, count * sizeof *values);
    free(values);
    return buffer;
}

START_TEST(test_head_and_loss)
{
    const struct trial *trial = &trials[_i / 2];
    const float scale = _i % 2 ? 64 : 1;
    const uint64_t seed = 16 * (trial->batch + 10000 * trial->embedding + trial->classes);
    const mcl_architecture architecture = {.input = trial->input,
        .embedding = trial->embedding,
        .activation = MCL_ACTIVATION_RELU,
        .classes = trial->classes};
    char key[64];
    snprintf(key, sizeof key, "%u/%u-%u-%u/%g", trial->batch, trial->input, trial->embedding,
        trial->classes, (double)scale);

    mcl_layer layers[2], part[MCL_LAYERS_MAX];
    ck_assert_uint_eq(mcl_part_layers(part, &architecture, MCL_PART_ENCODER), 1);
    layers[0] = part[0];
    ck_assert_uint_eq(mcl_part_layers(part, &architecture, MCL_PART_HEAD), 1);
    layers[1] = part[0];
    const size_t count = (size_t)mcl_part_end(&architecture, MCL_PART_HEAD);
    float *values = allocate(count, sizeof *values), *gradients = allocate(count, sizeof *values);
    draw_parameters(values, layers, 2, seed + 1);
    cl_mem parameters = buffer_with(values, count * sizeof *values);
    cl_mem slopes = buffer_with(values, count * sizeof *values);
    float measured[(SLOT + 1) * MCL_CLASSIFIER_METRICS + 1];
    fill_guard(measured, sizeof measured / sizeof *measured);
    cl_mem metrics = buffer_with(measured, sizeof measured);

    int32_t *labels = allocate(trial->batch, sizeof *labels);
    const mcl_rows rows = {.order = make_order(labels, trial), .first = FIRST};
    cl_mem input = make_input(trial, scale, seed);
    mcl_network *encoder;
    mcl_classifier *classifier;
    ASSERT_OK(mcl_network_create(&encoder, context, layers, 1, trial->batch, MCL_NETWORK_TRAINING));
    ASSERT_OK(mcl_classifier_create(
        &classifier, context, &architecture, labels, trial->batch, trial->batch));
    ASSERT_OK(mcl_network_forward(encoder, parameters, input, trial->batch));
    ASSERT_OK(mcl_classifier_run(classifier, encoder, parameters, slopes, &rows, metrics, SLOT));

    read_buffer(measured, metrics, sizeof measured);
    for (size_t i = 0; i < sizeof measured / sizeof *measured; i++) {
        if (i / MCL_CLASSIFIER_METRICS != SLOT)
            ck_assert_uint_eq(bits_of(measured[i]), GUARD_BITS);
    }
    const float *expected = stored_values(key, "measured", MCL_CLASSIFIER_METRICS);
    const float *got = measured + SLOT * MCL_CLASSIFIER_METRICS;
    ck_assert_double_eq_tol((double)got[MCL_CLASSIFIER_LOSS], (double)expected[0],
        TOLERANCE * fmax((double)expected[0], 1.0));
    ck_assert_double_eq_tol((double)got[MCL_CLASSIFIER_ACCURACY], (double)expected[1], 1e-6);
    read_buffer(gradients, slopes, count * sizeof *gradients);
    const float *head = gradients + layers[1].parameters;
    const size_t weights = (size_t)trial->embedding * trial->classes;
    assert_tensor(key, "1.weight", head, weights);
    assert_tensor(key, "1.bias", head + weights, trial->classes);
    const size_t outputs = (size_t)trial->batch * trial->embedding;
    float *by_output = allocate(outputs, sizeof *by_output);
    read_buffer(by_output, mcl_network_output_gradient(encoder), outputs * sizeof *by_output);
    assert_tensor(key, "embedding", by_output, outputs);

    mcl_network_free(encoder);
    mcl_classifier_free(classifier);
    cl_mem buffers[] = {parameters, slopes, metrics, rows.order, input};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        mcl_buffer_release(&buffers[i]);
    free(values);
    free(gradients);
    free(labels);
    free(by_output);
}
END_TEST

/* One launch of the kernel on logits[rows×classes]; row i has the class labels[i]. */
static void run_kernel(float *loss, float *right, float *gradient, const float *logits,
    const uint32_t *labels, uint32_t rows, uint32_t classes)
{
    uint64_t order[8];
    mcl_kernel *kernel;
    ck_assert_uint_le(rows, 8);
    for (uint32_t i = 0; i < rows; i++)
        order[i] = i;
    const size_t bytes = (size_t)rows * classes * sizeof(float);
    cl_mem in = buffer_with(logits, bytes), numbers = buffer_with(order, sizeof order);
    cl_mem of = buffer_with(labels, rows * sizeof *labels), out = buffer_with(logits, bytes);
    cl_mem losses = buffer_with(logits, rows * sizeof(float));
    cl_mem hits = buffer_with(logits, rows * sizeof(float));
    ASSERT_OK(mcl_kernel_find(&kernel, context, "cross_entropy.cl", "cross_entropy", ""));
    ASSERT_OK(mcl_run_rows(kernel, rows, MCL_BUFFER(in), MCL_UINT(rows), MCL_UINT(classes),
        MCL_BUFFER(numbers), MCL_ULONG(0), MCL_BUFFER(of), MCL_FLOAT(0.5f), MCL_BUFFER(losses),
        MCL_BUFFER(hits), MCL_BUFFER(out), MCL_LOCAL(MCL_ROW_SPACE)));
    read_buffer(loss, losses, rows * sizeof(float));
    read_buffer(right, hits, rows * sizeof(float));
    read_buffer(gradient, out, bytes);
    cl_mem buffers[] = {in, numbers, of, out, losses, hits};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        mcl_buffer_release(&buffers[i]);
}

/* Of logits that are equal the first class is told; far apart ones neither overflow nor vanish. */
START_TEST(test_hard_logits)
{
    const float logits[] = {2, 2, 1, 2, 2, 1, -3e38f, 3e38f, 0, 0, -100, -200};
    const uint32_t labels[] = {0, 1, 1, 0};
    float loss[4], right[4], gradient[12];
    run_kernel(loss, right, gradient, logits, labels, 4, 3);
    ck_assert_float_eq(right[0], 1);
    ck_assert_float_eq(right[1], 0);
    ck_assert_float_eq(right[2], 1);
    ck_assert_float_eq(right[3], 1);
    ck_assert_float_eq(loss[0], loss[1]);
    ck_assert_double_eq_tol((double)loss[0], log(2 + exp(-1)), 1e-6);
    ck_assert_float_eq(loss[2], 0);
    ck_assert_float_eq(loss[3], 0);
    for (int i = 6; i < 12; i++)
        ck_assert_float_eq(gradient[i], 0);
    ck_assert_double_eq_tol((double)gradient[2], 0.5 * exp(1) / (2 * exp(2) + exp(1)), 1e-7);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("classifier");
    TCase *tcase = tcase_create("classifier");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_head_and_loss, 0, 2 * TRIALS);
    tcase_add_test(tcase, test_hard_logits);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
