/* SPDX-License-Identifier: Apache-2.0 */
/* Batch and layer normalization have the same bits in one launch and in two, in either mapping of
 * work-items and with whatever work-groups; `maskcl verify` and parity/test_normalization.c have
 * what these bits are. */
#include "support/device.h"

#include "device/observe.h"
#include "nn/layers.h"

/* Behind what a pass may write; before and between the tensors of the layer there are other ones.
 */
#define GUARDS 40
#define FIRST 3
#define STATISTICS(n) (FIRST + 2 * (n) + 5)
#define PARAMETERS(n) (STATISTICS(n) + 2 * (n) + GUARDS)

/* What a test's context has: the mapping, compute units, and a largest work-group if not 0. */
struct device {
    bool spreads;
    uint32_t units;
    size_t largest;
};

static void open_device(const struct device *device)
{
    context_setup();
    context->spreads = device->spreads;
    context->info.compute_units = device->units;
    context->largest_group = device->largest ? device->largest : context->largest_group;
    context->work_group = device->largest;
}

/* A layer and the buffers of its passes: [R×n], but for those of the parameters. */
struct trial {
    mcl_layer layer;
    void *state;
    uint32_t rows, n;
    mcl_pass pass;
};

static cl_mem random_buffer(size_t count, uint64_t seed)
{
    float *values = allocate(count + GUARDS, sizeof *values);
    fill_random(values, count, seed);
    for (size_t i = 0; i < count; i++) /* a variance must not be negative */
        values[i] = seed == 0 ? fabsf(values[i]) : values[i];
    fill_guard(values + count, GUARDS);
    cl_mem buffer = buffer_with(values, (count + GUARDS) * sizeof *values);
    free(values);
    return buffer;
}

static cl_mem guarded_buffer(size_t count)
{
    float *values = allocate(count, sizeof *values);
    fill_guard(values, count);
    cl_mem buffer = buffer_with(values, count * sizeof *values);
    free(values);
    return buffer;
}

static void open_trial(
    struct trial *trial, mcl_normalization normalization, uint32_t rows, uint32_t n, bool by_batch)
{
    const size_t count = (size_t)rows * n;
    *trial = (struct trial){mcl_layer_normalization(normalization, n), NULL, rows, n, {0}};
    trial->layer.parameters = FIRST;
    trial->layer.statistics = STATISTICS(n);
    const mcl_layer_setup setup = {.context = context,
        .layer = &trial->layer,
        .rows = rows,
        .by_batch = by_batch,
        .backward = by_batch,
        .after = MCL_ACTIVATION_GELU};
    ASSERT_OK(trial->layer.type->create(&trial->state, &setup));
    trial->pass = (mcl_pass){.rows = rows,
        .parameters = random_buffer(PARAMETERS(n) - GUARDS, 0),
        .gradients = guarded_buffer(PARAMETERS(n)),
        .x = random_buffer(count, 1),
        .y = guarded_buffer(count + GUARDS),
        .argument = guarded_buffer(count + GUARDS),
        .dy = random_buffer(count, 2),
        .workspace = guarded_buffer(trial->layer.type->workspace(&trial->layer, rows))};
    trial->pass.dx = trial->pass.dy;
}

static void close_trial(struct trial *trial)
{
    cl_mem *const buffers[] = {&trial->pass.parameters, &trial->pass.gradients, &trial->pass.x,
        &trial->pass.y, &trial->pass.argument, &trial->pass.dy, &trial->pass.workspace};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        mcl_buffer_release(buffers[i]);
    trial->layer.type->free(trial->state);
}

/* Everything that forward and backward, or inference, have written, one after the other. */
static float *run(size_t *count, mcl_normalization normalization, uint32_t rows, uint32_t n)
{
    const size_t elements = (size_t)rows * n + GUARDS;
    float *results = allocate(4 * elements + 2 * PARAMETERS(n), sizeof *results), *at = results;
    struct trial trial;
    for (int training = 1; training >= 0; training--) {
        open_trial(&trial, normalization, rows, n, training);
        ASSERT_OK(trial.layer.type->forward(trial.state, &trial.pass));
        if (training) {
            ASSERT_OK(trial.layer.type->backward(trial.state, &trial.pass));
            read_buffer(at, trial.pass.argument, elements * sizeof *at);
            read_buffer(at += elements, trial.pass.dy, elements * sizeof *at);
            read_buffer(at += elements, trial.pass.gradients, PARAMETERS(n) * sizeof *at);
            read_buffer(at += PARAMETERS(n), trial.pass.parameters, PARAMETERS(n) * sizeof *at);
            at += PARAMETERS(n);
        }
        read_buffer(at, trial.pass.y, elements * sizeof *at);
        at += elements;
        close_trial(&trial);
    }
    *count = (size_t)(at - results);
    return results;
}

/* One row and block, and several; blocks that are not whole; columns that are no whole vectors; and
 * what is too much for one launch. */
static const struct shape {
    uint32_t rows, n;
} shapes[] = {{2, 1}, {63, 17}, {64, 130}, {65, 16}, {600, 70}, {2100, 33}, {1, 300}};

#define SHAPES (sizeof shapes / sizeof *shapes)

START_TEST(test_the_same_bits)
{
    /* The first one has no columns for all units. */
    static const struct device devices[] = {
        {false, 1000, 0}, {false, 1, 0}, {true, 8, 0}, {true, 8, 100}, {true, 8, 7}};
    const mcl_normalization normalization =
        _i % 2 ? MCL_NORMALIZATION_LAYER : MCL_NORMALIZATION_BATCH;
    const struct shape *shape = &shapes[_i / 2];
    float *expected = NULL;
    if (shape->rows == 1 && normalization == MCL_NORMALIZATION_BATCH)
        return; /* has no variance */
    for (size_t d = 0; d < sizeof devices / sizeof *devices; d++) {
        size_t count;
        open_device(&devices[d]);
        if (is_oclgrind() && (size_t)shape->rows * shape->n > 4000) {
            context_teardown();
            break;
        }
        float *got = run(&count, normalization, shape->rows, shape->n);
        if (expected)
            assert_same_bits(got, expected, count, "another mapping");
        free(expected);
        expected = got;
        context_teardown();
    }
    free(expected);
}
END_TEST

/* mcl_observer.before */
static mcl_status note(void *names, const mcl_launch *launch)
{
    strcat(strcat(names, launch->name), " ");
    return MCL_OK;
}

/* mcl_observer.after */
static mcl_status ignore(void *names, const mcl_launch *launch)
{
    (void)names;
    (void)launch;
    return MCL_OK;
}

/* What is launched for a shape on a device, forward and backward. */
static const struct launches {
    struct device device;
    mcl_normalization normalization;
    struct shape shape;
    const char *names;
} launches[] = {
    {{false, 2, 0}, MCL_NORMALIZATION_BATCH, {512, 128}, "column_forward column_backward "},
    {{false, 2, 0}, MCL_NORMALIZATION_BATCH, {513, 128},
        "block_moments block_forward block_gradients block_backward "},
    {{false, 2, 0}, MCL_NORMALIZATION_BATCH, {512, 112},
        "block_moments block_forward block_gradients block_backward "},
    {{true, 2, 0}, MCL_NORMALIZATION_BATCH, {2048, 17}, "column_forward column_backward "},
    {{true, 2, 0}, MCL_NORMALIZATION_BATCH, {256, 16}, "column_forward column_backward "},
    {{true, 2, 0}, MCL_NORMALIZATION_BATCH, {2049, 17},
        "block_moments block_forward block_gradients block_backward "},
    {{true, 2, 0}, MCL_NORMALIZATION_BATCH, {257, 16},
        "block_moments block_forward block_gradients block_backward "},
    {{true, 2, 0}, MCL_NORMALIZATION_LAYER, {257, 16}, "row_forward block_gradients row_backward "},
};

START_TEST(test_launches)
{
    for (size_t i = 0; i < sizeof launches / sizeof *launches; i++) {
        const struct launches *l = &launches[i];
        char names[256] = "";
        const mcl_observer observer = {note, ignore, names, false};
        struct trial trial;
        open_device(&l->device);
        if (!is_oclgrind()) {
            open_trial(&trial, l->normalization, l->shape.rows, l->shape.n, true);
            context->observer = &observer;
            ASSERT_OK(trial.layer.type->forward(trial.state, &trial.pass));
            ASSERT_OK(trial.layer.type->backward(trial.state, &trial.pass));
            context->observer = NULL;
            ck_assert_str_eq(names, l->names);
            close_trial(&trial);
        }
        context_teardown();
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("normalization");
    TCase *tests = tcase_create("normalization");
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, test_the_same_bits, 0, 2 * (int)SHAPES);
    tcase_add_test(tests, test_launches);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
