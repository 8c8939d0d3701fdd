/* SPDX-License-Identifier: Apache-2.0 */
/* Networks with batch and layer normalization, forward and backward, against PyTorch's. */
#include "support/fixtures.h"

#include "model/networks.h"

/* As write_normalization() of tools/fixtures/torch_fixtures.py has them. */
static const struct shape {
    uint32_t rows;
    mcl_architecture sizes;
} shapes[] = {
    {5, {.input = 3, .hidden = {7}, .hidden_count = 1, .embedding = 5}},
    {64, {.input = 20, .hidden = {33}, .hidden_count = 1, .embedding = 7}},
    {129, {.input = 9, .hidden = {17, 48}, .hidden_count = 2, .embedding = 6}},
};

#define SHAPES (sizeof shapes / sizeof *shapes)

static void setup(void)
{
    context_setup();
    fixtures_open("normalization.safetensors");
}

static void teardown(void)
{
    fixtures_close();
    context_teardown();
}

struct trial {
    char key[80];
    mcl_architecture architecture;
    uint32_t rows;
    mcl_layer layers[MCL_LAYERS_MAX];
    mcl_tensor_place places[MCL_TENSORS_MAX];
    size_t count, tensors, parameters, in, out; /* elements */
    uint64_t seed;
    cl_mem values, gradients, input;
};

/* The layers' parameters are one run of random numbers; weights and biases over √in, the
 * normalization's weights 1 + ½ of them. */
static void draw_values(const struct trial *trial, float *values)
{
    fill_random(
        values, (size_t)mcl_part_end(&trial->architecture, MCL_PART_ENCODER), trial->seed + 1);
    for (size_t t = 0; t < trial->tensors; t++) {
        const mcl_tensor_place *place = &trial->places[t];
        const float scale =
            place->tensor.fan_in ? (float)(1.0 / sqrt((double)place->tensor.fan_in)) : 1.0f;
        const bool encoder = strncmp(place->name, "encoder", 7) == 0;
        const bool running = strstr(place->name, "running") != NULL;
        for (uint64_t i = place->offset; i < place->offset + place->count; i++) {
            if (running || !encoder)
                values[i] = place->tensor.initial;
            else if (place->tensor.fan_in)
                values[i] *= scale;
            else if (place->tensor.initial == 1.0f)
                values[i] = 1.0f + 0.5f * values[i];
        }
    }
}

static struct trial make_trial(mcl_normalization normalization, mcl_activation activation,
    bool activated, const struct shape *shape)
{
    struct trial trial = {.architecture = shape->sizes, .rows = shape->rows};
    trial.architecture.normalization = normalization;
    trial.architecture.activation = activation;
    trial.architecture.activated_embedding = activated;
    snprintf(trial.key, sizeof trial.key, "%s/%s/%s/%u", mcl_normalization_name(normalization),
        mcl_activation_name(activation), activated ? "activated" : "linear", (unsigned)shape->rows);
    trial.count = mcl_part_layers(trial.layers, &trial.architecture, MCL_PART_ENCODER);
    trial.tensors = mcl_architecture_tensors(trial.places, &trial.architecture);
    trial.parameters = (size_t)mcl_architecture_parameters(&trial.architecture);
    trial.in = (size_t)shape->rows * (size_t)shape->sizes.input;
    trial.out = (size_t)shape->rows * shape->sizes.embedding;
    trial.seed = 16 * (uint64_t) * (const int64_t *)stored(trial.key, "seed")->values;
    float *values = allocate(trial.parameters, sizeof *values);
    float *input = allocate(trial.in, sizeof *input);
    draw_values(&trial, values);
    fill_random(input, trial.in, trial.seed);
    trial.values = buffer_with(values, trial.parameters * sizeof *values);
    trial.input = buffer_with(input, trial.in * sizeof *input);
    fill_guard(values, trial.parameters);
    trial.gradients = buffer_with(values, trial.parameters * sizeof *values);
    free(values);
    free(input);
    return trial;
}

static void free_trial(struct trial *trial)
{
    mcl_buffer_release(&trial->values);
    mcl_buffer_release(&trial->gradients);
    mcl_buffer_release(&trial->input);
}

static mcl_network *network_of(const struct trial *trial, bool training)
{
    mcl_network *network;
    ASSERT_OK(mcl_network_create(&network, context, trial->layers, trial->count, trial->rows,
        training ? MCL_NETWORK_TRAINING : MCL_NETWORK_INFERENCE));
    return network;
}

/* The tensors of the encoder in `values` are the stored ones: those that training changes, or the
 * running statistics. Behind a bias batch normalization subtracts the mean: its gradient is nothing
 * but rounding errors, and not stored. */
static void assert_tensors(const struct trial *trial, const float *values, bool running)
{
    const bool batch = trial->architecture.normalization == MCL_NORMALIZATION_BATCH;
    size_t seen = 0;
    for (size_t t = 0; t < trial->tensors; t++) {
        const mcl_tensor_place *place = &trial->places[t];
        const bool bias = place->tensor.fan_in && place->tensor.dimensions == 1;
        const bool normalized = t + 1 < trial->tensors && trial->places[t + 1].tensor.fan_in == 0;
        if (strncmp(place->name, "encoder.", 8) != 0 ||
            (strstr(place->name, "running") != NULL) != running || (batch && bias && normalized))
            continue;
        assert_tensor(trial->key, place->name + 8, values + place->offset, (size_t)place->count);
        seen++;
    }
    ck_assert(seen > 0 || (running && !batch));
}

static void check(struct trial *trial)
{
    const uint64_t end = mcl_part_end(&trial->architecture, MCL_PART_ENCODER);
    float *output = allocate(trial->out, sizeof *output), *dy = allocate(trial->out, sizeof *dy);
    float *dx = allocate(trial->in, sizeof *dx);
    float *values = allocate(trial->parameters, sizeof *values);
    float *guard = allocate(trial->parameters, sizeof *guard);
    fill_random(dy, trial->out, trial->seed + 2);
    cl_mem by_input = buffer_with(dx, trial->in * sizeof *dx);
    mcl_network *network = network_of(trial, true);
    ASSERT_OK(mcl_network_forward(network, trial->values, trial->input, trial->rows));
    read_buffer(output, mcl_network_output(network), trial->out * sizeof *output);
    assert_tensor(trial->key, "output", output, trial->out);
    ASSERT_OK(mcl_buffer_write(
        context, mcl_network_output_gradient(network), 0, dy, trial->out * sizeof *dy));
    ASSERT_OK(mcl_network_backward(
        network, trial->values, trial->gradients, trial->input, trial->rows, by_input, 0.0f));
    read_buffer(dx, by_input, trial->in * sizeof *dx);
    assert_tensor(trial->key, "input", dx, trial->in);
    read_buffer(values, trial->gradients, trial->parameters * sizeof *values);
    assert_tensors(trial, values, false);
    fill_guard(guard, trial->parameters);
    assert_same_bits(
        values + end, guard + end, trial->parameters - end, "what is not the encoder's");
    read_buffer(values, trial->values, trial->parameters * sizeof *values);
    assert_tensors(trial, values, true);
    mcl_network_free(network);

    network = network_of(trial, false); /* by the running statistics, and leaves them alone */
    ASSERT_OK(mcl_network_forward(network, trial->values, trial->input, trial->rows));
    read_buffer(output, mcl_network_output(network), trial->out * sizeof *output);
    assert_tensor(trial->key, "trained", output, trial->out);
    read_buffer(guard, trial->values, trial->parameters * sizeof *guard);
    assert_same_bits(guard, values, trial->parameters, trial->key);
    mcl_network_free(network);
    mcl_buffer_release(&by_input);
    free(output);
    free(dy);
    free(dx);
    free(values);
    free(guard);
}

START_TEST(test_normalization)
{
    const mcl_normalization normalization =
        _i % 2 ? MCL_NORMALIZATION_LAYER : MCL_NORMALIZATION_BATCH;
    for (size_t s = 0; s < SHAPES; s++) {
        for (int activated = 0; activated < 2; activated++) {
            /* Two normalizations with nothing in between: not among the fixtures. */
            if (_i < 2 && shapes[s].sizes.hidden_count + (uint32_t)activated > 1)
                continue;
            struct trial trial =
                make_trial(normalization, (mcl_activation)(_i / 2), activated, &shapes[s]);
            if (!is_oclgrind() || trial.rows < 100)
                check(&trial);
            free_trial(&trial);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("normalization");
    TCase *tcase = tcase_create("normalization");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_normalization, 0, 2 * (MCL_ACTIVATION_TANH + 1));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
