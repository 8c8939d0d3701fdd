/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks of layers, forward and backward, against PyTorch's. */
#include "support/fixtures.h"

#include "nn/layers.h"
#include "nn/network.h"

#define BEFORE 3 /* other parameters before the network's own */
#define LAYERS 3
#define MORE 5 /* rows that the network could take and does not get */

/* As write_layers() of tools/fixtures/torch_fixtures.py has them. */
static const struct shape {
    uint32_t rows;
    uint32_t widths[LAYERS + 1]; /* 0 behind the last */
} shapes[] = {
    {1, {37, 129, 1}},
    {37, {1, 37, 1}},
    {129, {37, 1, 129}},
    {37, {1000, 129, 37}},
    {1000, {37, 129, 1}},
    {129, {37, 1000, 129}},
    {1, {1, 1, 1}},
    {129, {129, 37}},
    {129, {37, 20, 37, 129}},
};

#define SHAPES (sizeof shapes / sizeof *shapes)

static void setup(void)
{
    context_setup();
    fixtures_open("layers.safetensors");
}

static void teardown(void)
{
    fixtures_close();
    context_teardown();
}

/* A case, with its arrays in host memory. */
struct trial {
    char key[80];
    uint32_t rows;
    mcl_layer layers[2 * LAYERS];
    size_t count, parameter_count, in, out; /* elements: of the input and the output */
    uint64_t seed;
    float *parameters, *input, *output_gradient;
};

static struct trial make_trial(mcl_activation activation, const struct shape *shape)
{
    struct trial trial = {.rows = shape->rows};
    uint64_t offset = BEFORE;
    int length = snprintf(trial.key, sizeof trial.key, "%s/%u/%u", mcl_activation_name(activation),
        (unsigned)shape->rows, (unsigned)shape->widths[0]);
    for (size_t l = 0; l < LAYERS && shape->widths[l + 1]; l++) {
        const uint32_t in = shape->widths[l], out = shape->widths[l + 1];
        if (l > 0)
            trial.layers[trial.count++] = mcl_layer_activation(activation, in);
        trial.layers[trial.count] = mcl_layer_dense(in, out);
        trial.layers[trial.count++].parameters = offset;
        offset += (uint64_t)in * out + out;
        length +=
            snprintf(trial.key + length, sizeof trial.key - (size_t)length, "-%u", (unsigned)out);
    }
    trial.parameter_count = (size_t)offset;
    trial.in = (size_t)shape->rows * shape->widths[0];
    trial.out = (size_t)shape->rows * trial.layers[trial.count - 1].out;
    trial.seed = 16 * (uint64_t) * (const int64_t *)stored(trial.key, "seed")->values;
    trial.parameters = allocate(trial.parameter_count, sizeof(float));
    trial.input = allocate(trial.in, sizeof(float));
    trial.output_gradient = allocate(trial.out, sizeof(float));
    fill_random(trial.input, trial.in, trial.seed);
    fill_guard(trial.parameters, BEFORE);
    draw_parameters(trial.parameters, trial.layers, trial.count, trial.seed + 1);
    fill_random(trial.output_gradient, trial.out, trial.seed + 2);
    return trial;
}

static void free_trial(struct trial *trial)
{
    free(trial->parameters);
    free(trial->input);
    free(trial->output_gradient);
}

/* Forward and backward; gradients[parameter_count], and dx = the gradient by the input plus keep
 * times what dx holds. dx may be NULL. */
static void run(const struct trial *trial, float *output, float *gradients, float *dx, float keep)
{
    mcl_network *network;
    ASSERT_OK(mcl_network_create(
        &network, context, trial->layers, trial->count, trial->rows + MORE, MCL_NETWORK_TRAINING));
    cl_mem parameters = buffer_with(trial->parameters, trial->parameter_count * sizeof(float));
    cl_mem input = buffer_with(trial->input, trial->in * sizeof(float));
    fill_guard(gradients, trial->parameter_count);
    cl_mem written = buffer_with(gradients, trial->parameter_count * sizeof(float));
    cl_mem input_gradient = dx ? buffer_with(dx, trial->in * sizeof(float)) : NULL;
    ASSERT_OK(mcl_network_forward(network, parameters, input, trial->rows));
    read_buffer(output, mcl_network_output(network), trial->out * sizeof(float));
    ASSERT_OK(mcl_buffer_write(context, mcl_network_output_gradient(network), 0,
        trial->output_gradient, trial->out * sizeof(float)));
    ASSERT_OK(mcl_network_backward(
        network, parameters, written, input, trial->rows, input_gradient, keep));
    read_buffer(gradients, written, trial->parameter_count * sizeof(float));
    if (dx)
        read_buffer(dx, input_gradient, trial->in * sizeof(float));
    mcl_buffer_release(&parameters);
    mcl_buffer_release(&input);
    mcl_buffer_release(&written);
    mcl_buffer_release(&input_gradient);
    mcl_network_free(network);
}

static void check(const struct trial *trial)
{
    float guard[BEFORE];
    float *output = allocate(trial->out, sizeof *output);
    float *gradients = allocate(trial->parameter_count, sizeof *gradients);
    float *again = allocate(trial->parameter_count, sizeof *again);
    float *dx = allocate(trial->in, sizeof *dx), *sum = allocate(trial->in, sizeof *sum);
    fill_guard(guard, BEFORE);
    fill_guard(dx, trial->in); /* with keep 0 it is not read */
    run(trial, output, gradients, dx, 0.0f);
    assert_tensor(trial->key, "output", output, trial->out);
    assert_layer_gradients(trial->key, gradients, trial->layers, trial->count);
    assert_same_bits(gradients, guard, BEFORE, "the gradients of other parameters");
    assert_tensor(trial->key, "input", dx, trial->in);

    fill_random(sum, trial->in, trial->seed + 3);
    run(trial, output, again, sum, 1.0f);
    assert_same_bits(again, gradients, trial->parameter_count, trial->key);
    float *held = allocate(trial->in, sizeof *held);
    fill_random(held, trial->in, trial->seed + 3);
    for (size_t i = 0; i < trial->in; i++)
        held[i] += dx[i];
    assert_same_bits(sum, held, trial->in, trial->key);

    run(trial, output, again, NULL, 0.0f);
    assert_same_bits(again, gradients, trial->parameter_count, trial->key);
    free(output);
    free(gradients);
    free(again);
    free(dx);
    free(sum);
    free(held);
}

START_TEST(test_layers)
{
    for (size_t s = 0; s < SHAPES; s++) {
        struct trial trial = make_trial((mcl_activation)_i, &shapes[s]);
        if (!is_oclgrind() || trial.parameter_count < 1000)
            check(&trial);
        free_trial(&trial);
    }
}
END_TEST

/* A network that is not for training has the same output, and the same bits once it is frozen. */
START_TEST(test_output_alone)
{
    struct trial trial = make_trial((mcl_activation)_i, &shapes[0]);
    float *output = allocate(trial.out, sizeof *output);
    float *frozen = allocate(trial.out, sizeof *frozen);
    mcl_network *network;
    ASSERT_OK(mcl_network_create(
        &network, context, trial.layers, trial.count, trial.rows, MCL_NETWORK_INFERENCE));
    cl_mem parameters = buffer_with(trial.parameters, trial.parameter_count * sizeof(float));
    cl_mem input = buffer_with(trial.input, trial.in * sizeof(float));
    ASSERT_OK(mcl_network_forward(network, parameters, input, trial.rows));
    read_buffer(output, mcl_network_output(network), trial.out * sizeof(float));
    assert_tensor(trial.key, "output", output, trial.out);
    ASSERT_OK(mcl_network_freeze(network, parameters));
    ASSERT_OK(mcl_buffer_zero(context, mcl_network_output(network), 0, trial.out * sizeof(float)));
    ASSERT_OK(mcl_network_forward(network, parameters, input, trial.rows));
    read_buffer(frozen, mcl_network_output(network), trial.out * sizeof(float));
    if (mcl_context_gemm(context) != MCL_GEMM_CLBLAST)
        assert_same_bits(frozen, output, trial.out, trial.key);
    mcl_buffer_release(&parameters);
    mcl_buffer_release(&input);
    mcl_network_free(network);
    free(output);
    free(frozen);
    free_trial(&trial);
}
END_TEST

/* Lists that no network can be made of. */
START_TEST(test_what_does_not_fit)
{
    const mcl_layer dense = mcl_layer_dense(3, 3);
    const mcl_layer relu = mcl_layer_activation(MCL_ACTIVATION_RELU, 3);
    const mcl_layer dropout = mcl_layer_dropout(0.5f, 1, 3);
    const mcl_layer first[] = {relu, dense}, twice[] = {dense, relu, relu};
    const mcl_layer after[] = {dense, dropout, relu}, without[] = {dropout, dense};
    mcl_network *network;
    ck_assert_int_eq(mcl_network_create(&network, context, first, 2, 5, MCL_NETWORK_INFERENCE),
        MCL_ERROR_ARGUMENT);
    ck_assert_int_eq(mcl_network_create(&network, context, twice, 3, 5, MCL_NETWORK_INFERENCE),
        MCL_ERROR_ARGUMENT);
    ck_assert_int_eq(mcl_network_create(&network, context, after, 3, 5, MCL_NETWORK_INFERENCE),
        MCL_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mcl_error_message(), "layer 3 of a network is an activation"));
    ck_assert_int_eq(mcl_network_create(&network, context, without, 2, 5, MCL_NETWORK_TRAINING),
        MCL_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mcl_error_message(), "begins with a dropout layer"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layers");
    TCase *tcase = tcase_create("layers");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_layers, MCL_ACTIVATION_NONE, MCL_ACTIVATION_TANH + 1);
    tcase_add_loop_test(tcase, test_output_alone, MCL_ACTIVATION_NONE, MCL_ACTIVATION_TANH + 1);
    tcase_add_test(tcase, test_what_does_not_fit);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
