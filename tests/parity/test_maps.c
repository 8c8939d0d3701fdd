/* SPDX-License-Identifier: Apache-2.0 */
/* Networks of layers on maps, forward and backward, against PyTorch's; and the same bits in either
 * mapping of work-items. The networks are the lines of tests/fixtures/maps.txt. */
#include "support/fixtures.h"

#include "nn/layers.h"
#include "nn/network.h"

#define LAYERS 16
#define LINE 512
#define NUMBERS 12 /* of a layer, at most */
#define MORE 2     /* rows that the network could take and does not get */

/* A network and what goes into it; results are those of the passes over it. */
struct trial {
    char line[LINE], key[16];
    uint32_t rows;
    bool is_coarse;
    mcl_layer layers[LAYERS];
    size_t count, in, out, parameters, values; /* values: parameters and running statistics */
    uint64_t seed;
};

struct results {
    float *output, *gradients, *input_gradient, *values, *trained;
};

/* A word as "conv:8,3,3": its name ends at the colon, and numbers[] are what follows. */
static void split_word(char *word, uint32_t numbers[NUMBERS])
{
    char *at = strchr(word, ':');
    size_t count = 0;
    if (!at)
        return;
    for (*at++ = '\0'; *at; at += *at == ',') {
        ck_assert_uint_lt(count, NUMBERS);
        numbers[count++] = (uint32_t)strtoul(at, &at, 10);
    }
}

/* The shape of a convolution of n[0] filters from the numbers after it. */
static mcl_convolution_shape shape_of(const mcl_map *map, uint32_t filters, const uint32_t *n)
{
    return (mcl_convolution_shape){
        .size = {map->height, map->width},
        .channels = map->channels,
        .filters = filters,
        .kernel = {n[0], n[1]},
        .stride = {n[2], n[3]},
        .padding = {n[4], n[5]},
        .dilation = {n[6], n[7]},
    };
}

/* A transposed convolution is that of a convolution from what it makes to what it takes. */
static mcl_layer transposed(const mcl_map *map, const uint32_t *n)
{
    const mcl_map made = {n[9], n[10], n[0]};
    const mcl_convolution_shape shape = shape_of(&made, map->channels, n + 1);
    ck_assert_uint_eq(mcl_convolution_out(&shape, 0), map->height);
    ck_assert_uint_eq(mcl_convolution_out(&shape, 1), map->width);
    return mcl_layer_transposed_convolution(&shape);
}

static mcl_layer convolution(const mcl_map *map, const uint32_t *n)
{
    const mcl_convolution_shape shape = shape_of(map, n[0], n + 1);
    ASSERT_OK(mcl_convolution_check(&shape));
    return mcl_layer_convolution(&shape);
}

static mcl_layer depthwise(const mcl_map *map, const uint32_t *n)
{
    const mcl_convolution_shape shape = shape_of(map, map->channels, n);
    return mcl_layer_depthwise(&shape);
}

static bool is(const char *name, const char *wanted)
{
    return strcmp(name, wanted) == 0;
}

static mcl_layer layer_of(const char *name, const uint32_t *n, const mcl_map *map)
{
    const uint32_t width = mcl_map_values(map);
    mcl_activation activation;
    if (is(name, "conv"))
        return convolution(map, n);
    if (is(name, "depth"))
        return depthwise(map, n);
    if (is(name, "trans"))
        return transposed(map, n);
    if (is(name, "max"))
        return mcl_layer_pool(MCL_POOL_MAX, map, n, n + 2);
    if (is(name, "avg"))
        return mcl_layer_pool(MCL_POOL_AVERAGE, map, n, n + 2);
    if (is(name, "grid"))
        return mcl_layer_pool(MCL_POOL_GRID, map, n, NULL);
    if (is(name, "batch"))
        return mcl_layer_normalization_of_map(MCL_NORMALIZATION_BATCH, 0, map);
    if (is(name, "group"))
        return mcl_layer_normalization_of_map(MCL_NORMALIZATION_LAYER, n[0], map);
    if (is(name, "add"))
        return mcl_layer_add(n[0], map);
    if (is(name, "flatten"))
        return mcl_layer_flatten(map);
    if (is(name, "unflatten"))
        return mcl_layer_unflatten(&(mcl_map){n[0], n[1], n[2]});
    if (is(name, "dense"))
        return mcl_layer_dense(width, n[0]);
    ASSERT_OK(mcl_activation_parse(&activation, name));
    return mcl_layer_activation(activation, width);
}

/* Places the layer's tensors and returns its map; what is no map has as many channels as values. */
static mcl_map add_layer(struct trial *trial, const mcl_layer *layer, const mcl_map *before)
{
    mcl_layer *added = &trial->layers[trial->count++];
    *added = *layer;
    added->parameters = trial->parameters;
    trial->parameters += (size_t)mcl_layer_values(layer, false);
    if (added->to.channels)
        return added->to;
    return added->out == mcl_map_values(before) ? *before : (mcl_map){1, 1, added->out};
}

static struct trial make_trial(const char *line, size_t number)
{
    struct trial trial = {.count = 0};
    uint32_t sizes[4], numbers[NUMBERS];
    char text[LINE], *word = text;
    snprintf(trial.line, LINE, "%s", line);
    snprintf(trial.key, sizeof trial.key, "%zu", number);
    snprintf(text, LINE, "%s", line);
    for (int s = 0; s < 4; s++)
        sizes[s] = (uint32_t)strtoul(word, &word, 10);
    trial.rows = sizes[0];
    mcl_map map = {sizes[1], sizes[2], sizes[3]};
    trial.in = (size_t)trial.rows * mcl_map_values(&map);
    for (word = strtok(word, " \n"); word; word = strtok(NULL, " \n")) {
        ck_assert_uint_lt(trial.count, LAYERS);
        split_word(word, numbers);
        if (is(word, "coarse")) {
            trial.is_coarse = true;
            continue;
        }
        const mcl_layer layer = layer_of(word, numbers, &map);
        map = add_layer(&trial, &layer, &map);
    }
    trial.out = (size_t)trial.rows * trial.layers[trial.count - 1].out;
    trial.values = trial.parameters;
    for (size_t l = 0; l < trial.count; l++) {
        trial.layers[l].statistics = trial.values;
        trial.values += (size_t)mcl_layer_values(&trial.layers[l], true);
    }
    trial.seed = 16 * (uint64_t) * (const int64_t *)stored(trial.key, "seed")->values;
    return trial;
}

/* Weights and biases over √fan-in, those of normalizations 1 + ½ and 1 of the numbers; running
 * statistics as they begin. */
static void draw_values(const struct trial *trial, float *values)
{
    fill_random(values, trial->parameters, trial->seed + 1);
    for (size_t l = 0; l < trial->count; l++) {
        const mcl_layer *layer = &trial->layers[l];
        mcl_layer_tensor tensors[MCL_LAYER_TENSORS_MAX];
        const size_t count = layer->type->tensors ? layer->type->tensors(tensors, layer) : 0;
        float *at = values + layer->parameters, *running = values + layer->statistics;
        for (size_t t = 0; t < count; t++) {
            const mcl_layer_tensor *tensor = &tensors[t];
            const float scale = tensor->fan_in ? (float)(1.0 / sqrt((double)tensor->fan_in)) : 1.0f;
            for (uint64_t i = 0; i < mcl_layer_tensor_values(tensor); i++) {
                if (tensor->running)
                    *running++ = tensor->initial;
                else if (tensor->initial == 1.0f)
                    *at = 1.0f + 0.5f * *at, at++;
                else
                    *at++ *= scale;
            }
        }
    }
}

static float *draw_input(const struct trial *trial)
{
    float *input = allocate(trial->in, sizeof *input);
    fill_random(input, trial->in, trial->seed);
    for (size_t i = 0; i < trial->in && trial->is_coarse; i++)
        input[i] = floorf(2.0f * input[i]) / 2.0f;
    return input;
}

static void make_results(struct results *results, const struct trial *trial)
{
    results->output = allocate(trial->out, sizeof(float));
    results->gradients = allocate(trial->values, sizeof(float));
    results->input_gradient = allocate(trial->in, sizeof(float));
    results->values = allocate(trial->values, sizeof(float));
    results->trained = allocate(trial->out, sizeof(float));
}

static void free_results(struct results *results)
{
    free(results->output);
    free(results->gradients);
    free(results->input_gradient);
    free(results->values);
    free(results->trained);
}

static mcl_network *network_of(const struct trial *trial, mcl_network_use use)
{
    mcl_network *network;
    ASSERT_OK(mcl_network_create(
        &network, context, trial->layers, trial->count, trial->rows + MORE, use));
    return network;
}

/* Forward and backward. The gradient by the input is added keep times to what is in the results. */
static void train(struct results *results, const struct trial *trial, cl_mem values, cl_mem input,
    mcl_network_use use, float keep)
{
    float *dy = allocate(trial->out, sizeof *dy);
    mcl_network *network = network_of(trial, use);
    fill_random(dy, trial->out, trial->seed + 2);
    fill_guard(results->gradients, trial->values);
    cl_mem gradients = buffer_with(results->gradients, trial->values * sizeof(float));
    cl_mem dx = use == MCL_NETWORK_TRAINING
                    ? buffer_with(results->input_gradient, trial->in * sizeof(float))
                    : NULL;
    ASSERT_OK(mcl_network_forward(network, values, input, trial->rows));
    read_buffer(results->output, mcl_network_output(network), trial->out * sizeof(float));
    ASSERT_OK(mcl_buffer_write(
        context, mcl_network_output_gradient(network), 0, dy, trial->out * sizeof *dy));
    ASSERT_OK(mcl_network_backward(network, values, gradients, input, trial->rows, dx, keep));
    read_buffer(results->gradients, gradients, trial->values * sizeof(float));
    if (dx)
        read_buffer(results->input_gradient, dx, trial->in * sizeof(float));
    mcl_buffer_release(&gradients);
    mcl_buffer_release(&dx);
    mcl_network_free(network);
    free(dy);
}

/* A training pass, which leaves running statistics, and one of a trained network, which comes to
 * the same once it is frozen. */
static struct results run(const struct trial *trial)
{
    struct results results;
    float *drawn = draw_input(trial);
    make_results(&results, trial);
    draw_values(trial, results.values);
    cl_mem values = buffer_with(results.values, trial->values * sizeof(float));
    cl_mem input = buffer_with(drawn, trial->in * sizeof *drawn);
    fill_guard(results.input_gradient, trial->in); /* with keep 0 it is not read */
    train(&results, trial, values, input, MCL_NETWORK_TRAINING, 0.0f);
    read_buffer(results.values, values, trial->values * sizeof(float));
    mcl_network *network = network_of(trial, MCL_NETWORK_INFERENCE);
    float *unfrozen = allocate(trial->out, sizeof *unfrozen);
    ASSERT_OK(mcl_network_forward(network, values, input, trial->rows));
    read_buffer(unfrozen, mcl_network_output(network), trial->out * sizeof(float));
    ASSERT_OK(mcl_network_freeze(network, values));
    ASSERT_OK(mcl_network_forward(network, values, input, trial->rows));
    read_buffer(results.trained, mcl_network_output(network), trial->out * sizeof(float));
    assert_same_bits(results.trained, unfrozen, trial->out, trial->line);
    mcl_network_free(network);
    mcl_buffer_release(&values);
    mcl_buffer_release(&input);
    free(unfrozen);
    free(drawn);
    return results;
}

/* Whether what follows layer l subtracts its mean. */
static bool is_centred(const struct trial *trial, size_t l)
{
    const mcl_layer *next = &trial->layers[l + 1];
    return l + 1 < trial->count && next->to.channels && mcl_layer_values(next, true) > 0;
}

/* The gradients, or the running statistics, of all layers. */
static void assert_tensors(const struct trial *trial, const float *values, bool running)
{
    for (size_t l = 0; l < trial->count; l++) {
        const mcl_layer *layer = &trial->layers[l];
        mcl_layer_tensor tensors[MCL_LAYER_TENSORS_MAX];
        const size_t count = layer->type->tensors ? layer->type->tensors(tensors, layer) : 0;
        uint64_t at = running ? layer->statistics : layer->parameters;
        for (size_t t = 0; t < count; t++) {
            char name[40];
            const size_t size = (size_t)mcl_layer_tensor_values(&tensors[t]);
            if (tensors[t].running != running)
                continue;
            snprintf(name, sizeof name, "%zu.%s", l, tensors[t].name);
            if (!is(tensors[t].name, "bias") || !is_centred(trial, l))
                assert_tensor(trial->key, name, values + at, size);
            at += size;
        }
    }
}

/* The gradient by the input added to what is there, and left out. */
static void check_kept(const struct trial *trial, const struct results *expected)
{
    struct results got;
    float *drawn = draw_input(trial), *sum = allocate(trial->in, sizeof *sum);
    make_results(&got, trial);
    draw_values(trial, got.values);
    cl_mem values = buffer_with(got.values, trial->values * sizeof(float));
    cl_mem input = buffer_with(drawn, trial->in * sizeof *drawn);
    train(&got, trial, values, input, MCL_NETWORK_TRAINING_FIRST, 0.0f);
    assert_same_bits(got.gradients, expected->gradients, trial->values, trial->line);
    fill_random(got.input_gradient, trial->in, trial->seed + 3);
    memcpy(sum, got.input_gradient, trial->in * sizeof *sum);
    train(&got, trial, values, input, MCL_NETWORK_TRAINING, 1.0f);
    assert_same_bits(got.gradients, expected->gradients, trial->values, trial->line);
    for (size_t i = 0; i < trial->in; i++)
        REQUIRE(fabsf(got.input_gradient[i] - (sum[i] + expected->input_gradient[i])) <= 1e-5f,
            "%s: element %zu of the sum is %g", trial->line, i, (double)got.input_gradient[i]);
    mcl_buffer_release(&values);
    mcl_buffer_release(&input);
    free_results(&got);
    free(drawn);
    free(sum);
}

static void compare(
    const struct trial *trial, const struct results *got, const struct results *expected)
{
    assert_same_bits(got->output, expected->output, trial->out, trial->line);
    assert_same_bits(got->gradients, expected->gradients, trial->values, trial->line);
    assert_same_bits(got->input_gradient, expected->input_gradient, trial->in, trial->line);
    assert_same_bits(got->values, expected->values, trial->values, trial->line);
    assert_same_bits(got->trained, expected->trained, trial->out, trial->line);
}

static void check(const char *line, size_t number)
{
    const struct trial trial = make_trial(line, number);
    if (is_oclgrind() && (trial.in > 1000 || trial.parameters > 1000))
        return;
    struct results results = run(&trial);
    assert_tensor(trial.key, "output", results.output, trial.out);
    assert_tensor(trial.key, "input", results.input_gradient, trial.in);
    assert_tensors(&trial, results.gradients, false);
    assert_tensors(&trial, results.values, true);
    assert_tensor(trial.key, "trained", results.trained, trial.out);
    check_kept(&trial, &results);
    context_teardown();
    context_setup_spread();
    struct results spread = run(&trial);
    compare(&trial, &spread, &results);
    context_teardown();
    context_setup();
    free_results(&results);
    free_results(&spread);
}

/* Each test has every PARTS-th line, so that there are few processes, each of which builds kernels.
 */
#define PARTS 4

START_TEST(test_maps)
{
    char line[LINE];
    size_t number = 0;
    FILE *file = fopen(MASKCL_FIXTURES "/maps.txt", "r");
    ck_assert(file != NULL);
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#')
            continue;
        line[strcspn(line, "\n")] = '\0';
        if (number % PARTS == (size_t)_i)
            check(line, number);
        number++;
    }
    fclose(file);
    ck_assert_uint_gt(number, PARTS);
}
END_TEST

/* Networks that cannot be. */
START_TEST(test_what_does_not_fit)
{
    const mcl_map map = {4, 4, 3}, small = {2, 2, 3};
    const uint32_t two[] = {2, 2}, five[] = {5, 5};
    const mcl_layer pool = mcl_layer_pool(MCL_POOL_MAX, &map, two, two);
    const mcl_layer large = mcl_layer_pool(MCL_POOL_AVERAGE, &map, five, two);
    const mcl_layer flatten = mcl_layer_flatten(&map), two_back = mcl_layer_add(2, &map);
    const mcl_layer three_back = mcl_layer_add(3, &map), to_small = mcl_layer_add(2, &small);
    const mcl_layer groups = mcl_layer_group_normalization(2, &map);
    const mcl_layer batch = mcl_layer_normalization_of_map(MCL_NORMALIZATION_BATCH, 0, &map);
    const struct {
        mcl_layer layers[3];
        size_t count;
        const char *message;
    } lists[] = {
        {{large}, 1, "windows of 5 × 5 positions do not pool a map of 4 × 4"},
        {{flatten, groups}, 2, "3 channels cannot be normalized in 2 groups"},
        {{two_back}, 1, "begins with a residual sum layer"},
        {{flatten, three_back}, 2, "layer 2 of a network adds the output of 3 layers before"},
        {{pool, to_small}, 2, "ends with 12 values and begins with 48"},
        {{flatten, batch, two_back}, 3, "cannot begin with a normalization layer"},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        mcl_network *network;
        ck_assert_int_eq(mcl_network_create(&network, context, lists[i].layers, lists[i].count, 5,
                             MCL_NETWORK_TRAINING),
            MCL_ERROR_ARGUMENT);
        ck_assert_msg(strstr(mcl_error_message(), lists[i].message), "%s", mcl_error_message());
    }
}
END_TEST

static void setup(void)
{
    context_setup();
    fixtures_open("maps.safetensors");
}

static void teardown(void)
{
    fixtures_close();
    context_teardown();
}

int main(void)
{
    Suite *suite = suite_create("maps");
    TCase *tcase = tcase_create("maps");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_maps, 0, PARTS);
    tcase_add_test(tcase, test_what_does_not_fit);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
