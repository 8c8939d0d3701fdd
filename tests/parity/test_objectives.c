/* SPDX-License-Identifier: Apache-2.0 */
/* Every objective's loss and gradients, against PyTorch's and against differences of the formula.
 */
#include <inttypes.h>

#include "support/fixtures.h"

#include "evaluate/measures.h"
#include "nn/layers.h"
#include "objectives/loss.h"
#include "objectives/objective.h"
#include "train/options.h"

#define COLUMNS 50 /* as tools/fixtures/torch_fixtures.py has them */
#define HIDDEN 29
#define EPOCH 3
#define FIRST 74 /* where in the epoch's order the batch begins */
#define SLOT 2   /* where among the metrics a step's are wanted: its losses and the deviation */
#define METRICS (MCL_OBJECTIVES_MAX + 1)
#define METRIC_DEVIATION MCL_OBJECTIVES_MAX

static void setup(void)
{
    context_setup();
    fixtures_open("objectives.safetensors");
}

static void teardown(void)
{
    fixtures_close();
    context_teardown();
}

/* Objectives on given embeddings, rows and decoder, and what the device makes of them. */
struct trial {
    mcl_pretrain_options options;
    mcl_architecture architecture;
    mcl_groups groups;
    uint32_t batch;
    mcl_layer decoder[MCL_LAYERS_MAX], mask_head[MCL_LAYERS_MAX]; /* the latter for vime */
    size_t layers, encoder_count, parameter_count, views;         /* views: elements of z */
    float *z, *x, *parameters;
    float *seen;            /* [2B×D] the views, for moco alone */
    unsigned char *altered; /* [2B×D] */
    float *dz, *gradients;
    float metrics[METRICS];
};

/* What a target network is made of, and the views that it sees. */
static void draw_encoder(struct trial *trial, uint64_t seed)
{
    mcl_layer layers[MCL_LAYERS_MAX];
    const size_t count = mcl_part_layers(layers, &trial->architecture, MCL_PART_ENCODER);
    const size_t elements = 2 * (size_t)trial->batch * (size_t)trial->architecture.input;
    draw_parameters(trial->parameters, layers, count, seed + 5);
    trial->seen = allocate(elements, sizeof(float));
    fill_random(trial->seen, elements, seed + 6);
    char queue[24];
    snprintf(queue, sizeof queue, "%" PRIu32, 4 * trial->batch - 1);
    ASSERT_OK(mcl_options_set(&trial->options.base, "queue", queue));
}

static struct trial make_trial(const char *objectives, float temperature, uint32_t batch,
    uint32_t embedding, uint32_t hidden, uint32_t columns, uint64_t seed)
{
    struct trial trial = {.batch = batch};
    (void)mcl_pretrain_options_init(&trial.options);
    ASSERT_OK(
        mcl_objectives_parse(trial.options.objectives, &trial.options.objective_count, objectives));
    if (temperature > 0.0f) {
        char text[32];
        snprintf(text, sizeof text, "%.9g", (double)temperature);
        ASSERT_OK(mcl_options_set(&trial.options.base, "temperature", text));
    }
    trial.architecture = (mcl_architecture){.input = columns,
        .hidden = {hidden},
        .hidden_count = 1,
        .embedding = embedding,
        .activation = MCL_ACTIVATION_TANH,
        .mask_head = mcl_objectives_need(&trial.options, MCL_NEEDS_MASK_HEAD)};
    trial.layers = mcl_part_layers(trial.decoder, &trial.architecture, MCL_PART_DECODER);
    trial.encoder_count = (size_t)mcl_part_end(&trial.architecture, MCL_PART_ENCODER);
    trial.parameter_count = (size_t)mcl_architecture_parameters(&trial.architecture);
    trial.views = 2 * (size_t)batch * embedding;
    trial.z = allocate(trial.views, sizeof(float));
    trial.dz = allocate(trial.views, sizeof(float));
    trial.x = allocate((size_t)batch * columns, sizeof(float));
    trial.parameters = allocate(trial.parameter_count, sizeof(float));
    trial.gradients = allocate(trial.parameter_count, sizeof(float));
    trial.altered = allocate(2 * (size_t)batch * columns, 1);
    float *signs = allocate(2 * (size_t)batch * columns, sizeof(float));
    fill_random(signs, 2 * (size_t)batch * columns, seed + 3);
    for (size_t i = 0; i < 2 * (size_t)batch * columns; i++)
        trial.altered[i] = signs[i] > 0.0f;
    free(signs);
    fill_random(trial.z, trial.views, seed);
    fill_random(trial.x, (size_t)batch * columns, seed + 1);
    fill_guard(trial.parameters, trial.encoder_count);
    if (strstr(objectives, "moco")) /* the others do not read them */
        draw_encoder(&trial, seed);
    draw_parameters(trial.parameters, trial.decoder, trial.layers, seed + 2);
    if (mcl_part_layers(trial.mask_head, &trial.architecture, MCL_PART_MASK_HEAD))
        draw_parameters(trial.parameters, trial.mask_head, 1, seed + 4);
    return trial;
}

static void free_trial(struct trial *trial)
{
    free(trial->z);
    free(trial->dz);
    free(trial->x);
    free(trial->seen);
    free(trial->altered);
    free(trial->parameters);
    free(trial->gradients);
}

/* An encoder of one layer stands in for the real one: only its output and the gradient by that
 * matter. */
static mcl_network *stand_in(const struct trial *trial)
{
    const uint32_t width = trial->architecture.embedding;
    const mcl_layer layer = mcl_layer_dense(1, width);
    mcl_network *encoder;
    ASSERT_OK(
        mcl_network_create(&encoder, context, &layer, 1, 2 * trial->batch, MCL_NETWORK_TRAINING));
    ASSERT_OK(mcl_buffer_write(
        context, mcl_network_output(encoder), 0, trial->z, trial->views * sizeof(float)));
    fill_guard(trial->dz, trial->views);
    ASSERT_OK(mcl_buffer_write(
        context, mcl_network_output_gradient(encoder), 0, trial->dz, trial->views * sizeof(float)));
    return encoder;
}

/* Runs the objectives twice, since what the first run leaves behind must not tell in the second,
 * but for what moco has in its queue then. */
static void run(struct trial *trial)
{
    float metrics[(SLOT + 2) * METRICS], guard[(SLOT + 2) * METRICS];
    mcl_loss *loss;
    mcl_measures *measures;
    const size_t bytes = trial->parameter_count * sizeof(float);
    cl_mem parameters = buffer_with(trial->parameters, bytes);
    ASSERT_OK(mcl_loss_create(&loss, context, &trial->options, &trial->architecture, &trial->groups,
        trial->batch, parameters));
    mcl_network *encoder = stand_in(trial);
    ASSERT_OK(mcl_measures_create(
        &measures, context, trial->batch, (uint32_t)trial->architecture.embedding));
    fill_guard(trial->gradients, trial->parameter_count);
    fill_guard(guard, sizeof guard / sizeof *guard);
    const size_t rows = (size_t)trial->batch * (size_t)trial->architecture.input;
    cl_mem gradients = buffer_with(trial->gradients, bytes);
    mcl_view_buffers views = {.targets = NULL};
    if (trial->seen)
        views.views = buffer_with(trial->seen, 2 * rows * sizeof(float));
    if (mcl_objectives_decode(&trial->options))
        views.targets = buffer_with(trial->x, rows * sizeof(float));
    if (mcl_objectives_want_altered(&trial->options))
        views.altered = buffer_with(trial->altered, 2 * rows);
    cl_mem measured = buffer_with(guard, sizeof guard);
    mcl_loss_input input = {.encoder = encoder,
        .parameters = parameters,
        .gradients = gradients,
        .views = &views,
        .epoch = EPOCH,
        .first = FIRST,
        .metrics = measured,
        .at = SLOT * METRICS};
    for (; input.step < 2; input.step++) {
        ASSERT_OK(mcl_loss_run(loss, &input));
        ASSERT_OK(mcl_measures_deviate(
            measures, mcl_network_output(encoder), measured, SLOT * METRICS + METRIC_DEVIATION));
    }
    read_buffer(trial->dz, mcl_network_output_gradient(encoder), trial->views * sizeof(float));
    read_buffer(trial->gradients, gradients, bytes);
    read_buffer(metrics, measured, sizeof metrics);
    memcpy(trial->metrics, metrics + SLOT * METRICS, sizeof trial->metrics);
    assert_same_bits(metrics, guard, SLOT * METRICS, "the metrics of other steps");
    assert_same_bits(metrics + (SLOT + 1) * METRICS, guard, METRICS, "the metrics of other steps");
    mcl_buffer_release(&parameters);
    mcl_buffer_release(&gradients);
    mcl_buffer_release(&views.views);
    mcl_buffer_release(&views.targets);
    mcl_buffer_release(&views.altered);
    mcl_buffer_release(&measured);
    mcl_network_free(encoder);
    mcl_measures_free(measures);
    mcl_loss_free(loss);
}

static bool has(const struct trial *trial, mcl_objective_kind kind)
{
    for (size_t i = 0; i < trial->options.objective_count; i++) {
        if (trial->options.objectives[i].kind == kind)
            return true;
    }
    return false;
}

static void assert_losses(const char *key, const struct trial *trial)
{
    const size_t count = trial->options.objective_count;
    const float *loss = stored_values(key, "loss", count);
    const float *deviation = stored_values(key, "deviation", 1);
    for (size_t i = 0; i < count; i++)
        REQUIRE(fabs((double)trial->metrics[i] - (double)loss[i]) <=
                    fmax(TOLERANCE * fabs((double)loss[i]), 1e-6),
            "%s: loss %zu is %.9g instead of %.9g", key, i, (double)trial->metrics[i],
            (double)loss[i]);
    const float measured = trial->metrics[METRIC_DEVIATION];
    REQUIRE(fabs((double)measured - (double)deviation[0]) <=
                fmax(TOLERANCE * (double)deviation[0], 1e-6),
        "%s: the deviation is %.9g instead of %.9g", key, (double)measured, (double)deviation[0]);
}

/* A number's direction is its sign, which no small change alters: the gradient is rounding, of the
 * size of TOLERANCE of its terms at most. */
static void assert_signs_only(const char *key, const struct trial *trial)
{
    for (size_t i = 0; i < trial->views; i++) {
        const double term = 1.0 / (trial->batch * 0.2 * fabs((double)trial->z[i]));
        REQUIRE(fabs((double)trial->dz[i]) <= TOLERANCE * term,
            "%s: the gradient by view %zu, %.9g, is %.9g instead of 0", key, i, (double)trial->z[i],
            (double)trial->dz[i]);
    }
}

/* Row by row: each within TOLERANCE of its own largest value. */
static void assert_rows(const char *key, const struct trial *trial)
{
    const float *expected = stored_values(key, "z", trial->views);
    const size_t e = trial->architecture.embedding;
    ck_assert_uint_le(trial->views, WHOLE_MAX);
    for (size_t i = 0; i < trial->views; i++) {
        const double largest = largest_of(expected + i / e * e, e);
        REQUIRE(fabs((double)trial->dz[i] - (double)expected[i]) <= TOLERANCE * largest,
            "%s: the gradient by z[%zu][%zu] is %.9g instead of %.9g, the row's largest being %.9g",
            key, i / e, i % e, (double)trial->dz[i], (double)expected[i], largest);
    }
}

/* Sets the options that a case is named for. */
static void vary(struct trial *trial, const char *shape)
{
    mcl_options *options = &trial->options.base;
    if (strcmp(shape, "negatives") == 0) {
        ASSERT_OK(mcl_options_set(options, "negatives", "3"));
        ASSERT_OK(mcl_options_set(options, "margin", "0.1"));
    }
    if (strstr(shape, "hidden"))
        ASSERT_OK(mcl_options_set(options, "reconstruct", "hidden"));
    if (!strstr(shape, "bce"))
        return;
    ASSERT_OK(mcl_options_set(options, "reconstruction_loss", "bce"));
    for (size_t i = 0; i < (size_t)trial->batch * trial->architecture.input; i++)
        trial->x[i] = fabsf(trial->x[i]);
}

/* Compares with the stored case that this is. */
static void check(const char *objectives, double temperature, uint32_t batch, uint32_t embedding,
    const char *shape)
{
    char key[120];
    snprintf(key, sizeof key, "%s/%g/%ux%u/%s", objectives, temperature, (unsigned)batch,
        (unsigned)embedding, shape);
    struct trial trial = make_trial(objectives, (float)temperature, batch, embedding, HIDDEN,
        COLUMNS, 16 * (1000 * (uint64_t)batch + embedding));
    vary(&trial, shape);
    const bool tiny = strcmp(shape, "tiny") == 0, vanishing = strcmp(shape, "vanishing") == 0;
    for (size_t i = 0; i < trial.views; i++) {
        if (tiny)
            trial.z[i] *= 0x1p-20f;
        else if (vanishing && i < 2 * embedding)
            trial.z[i] *= i < embedding ? 0x1p-43f : 0.0f;
    }
    run(&trial);
    assert_losses(key, &trial);
    if (tiny || vanishing)
        assert_rows(key, &trial);
    else if (embedding == 1 &&
             (has(&trial, MCL_OBJECTIVE_COSINE) || has(&trial, MCL_OBJECTIVE_NT_XENT)))
        assert_signs_only(key, &trial);
    else
        assert_tensor(key, "z", trial.dz, trial.views);
    float *guard = allocate(trial.parameter_count, sizeof *guard);
    fill_guard(guard, trial.parameter_count);
    if (has(&trial, MCL_OBJECTIVE_VIME)) {
        char mask[130];
        snprintf(mask, sizeof mask, "%s/mask", key);
        assert_layer_gradients(mask, trial.gradients, trial.mask_head, 1);
    }
    if (has(&trial, MCL_OBJECTIVE_RECONSTRUCTION) || has(&trial, MCL_OBJECTIVE_VIME)) {
        assert_layer_gradients(key, trial.gradients, trial.decoder, trial.layers);
        assert_same_bits(trial.gradients, guard, trial.encoder_count, "the encoder's gradients");
    } else {
        assert_same_bits(trial.gradients, guard, trial.parameter_count, "the gradients");
    }
    free(guard);
    free_trial(&trial);
}

/* The loss of predictions q against targets t, of which the objectives with a predictor are made,
 * as most − slope·cos over so many terms. */
static void check_prediction(const char *name, uint32_t batch, uint32_t columns, const char *suffix,
    float most, float slope, float terms)
{
    const size_t count = 2 * (size_t)batch * columns;
    char key[40];
    mcl_kernel *kernel;
    float *q = allocate(count, sizeof *q), *t = allocate(count, sizeof *t);
    float *losses = allocate(2 * (size_t)batch, sizeof *losses);
    fill_random(q, count, batch);
    fill_random(t, count, batch + 1);
    cl_mem predictions = buffer_with(q, count * sizeof *q);
    cl_mem targets = buffer_with(t, count * sizeof *t);
    cl_mem loss = buffer_with(losses, 2 * batch * sizeof *losses);
    cl_mem gradient = buffer_with(q, count * sizeof *q);
    ASSERT_OK(mcl_kernel_find(&kernel, context, "predicted.cl", "prediction_errors", ""));
    ASSERT_OK(mcl_run_rows(kernel, 2 * batch, MCL_BUFFER(predictions), MCL_BUFFER(targets),
        MCL_UINT(batch), MCL_UINT(columns), MCL_FLOAT(most), MCL_FLOAT(slope),
        MCL_FLOAT(slope / terms), MCL_BUFFER(loss), MCL_BUFFER(gradient),
        MCL_LOCAL(MCL_ROW_SPACE)));
    read_buffer(losses, loss, 2 * batch * sizeof *losses);
    read_buffer(q, gradient, count * sizeof *q);
    double total = 0.0;
    for (uint32_t i = 0; i < 2 * batch; i++)
        total += (double)losses[i] / (double)terms;
    snprintf(key, sizeof key, "%s/%ux%u%s", name, (unsigned)batch, (unsigned)columns, suffix);
    const double expected = (double)*stored_values(key, "loss", 1);
    REQUIRE(fabs(total - expected) <= fmax(TOLERANCE * fabs(expected), 1e-6),
        "%s: the loss is %.9g instead of %.9g", key, total, expected);
    assert_tensor(key, "q", q, count);
    mcl_buffer_release(&predictions);
    mcl_buffer_release(&targets);
    mcl_buffer_release(&loss);
    mcl_buffer_release(&gradient);
    free(q);
    free(t);
    free(losses);
}

START_TEST(test_predictions)
{
    static const uint32_t shapes[][2] = {{1, 5}, {2, 37}, {37, 64}};
    const uint32_t batch = shapes[_i][0], columns = shapes[_i][1];
    check_prediction("simsiam", batch, columns, "", 0.0f, 1.0f, 2.0f * (float)batch);
    check_prediction("byol", batch, columns, "", 2.0f, 2.0f, (float)batch);
}
END_TEST

static const uint32_t batches[] = {1, 2, 37, 129}, embeddings[] = {1, 37, 64};

START_TEST(test_cosine)
{
    for (size_t e = 0; e < 3; e++)
        check("cosine:1", 0.5, batches[_i], embeddings[e], "plain");
}
END_TEST

START_TEST(test_reconstruction)
{
    for (size_t e = 0; e < 3; e++)
        check("reconstruction:1", 0.5, batches[_i], embeddings[e], "plain");
}
END_TEST

START_TEST(test_nt_xent)
{
    for (size_t e = 0; e < 3; e++) {
        check("nt-xent:1", 0.2, batches[_i], embeddings[e], "plain");
        check("nt-xent:1", 0.5, batches[_i], embeddings[e], "plain");
    }
}
END_TEST

START_TEST(test_scarf)
{
    for (size_t e = 1; e < 3; e++)
        check("scarf:1", 0.5, batches[_i], embeddings[e], "plain");
}
END_TEST

START_TEST(test_columns)
{
    for (size_t e = 0; e < 3; e++) {
        check("vicreg:1", 0.5, batches[_i], embeddings[e], "plain");
        check("barlow:1", 0.5, batches[_i], embeddings[e], "plain");
    }
}
END_TEST

START_TEST(test_negatives)
{
    check("cosine:1", 0.5, 4, 37, "negatives");
    check("cosine:1", 0.5, 37, 64, "negatives");
    check("reconstruction:1+cosine:0.5", 0.5, 129, 5, "negatives");
}
END_TEST

START_TEST(test_other_reconstructions)
{
    static const char *const shapes[] = {"hidden", "bce", "hidden-bce"};
    check("reconstruction:1", 0.5, 2, 37, shapes[_i]);
    check("nt-xent:1+reconstruction:10", 0.5, 37, 64, shapes[_i]);
}
END_TEST

START_TEST(test_vime)
{
    static const uint32_t shapes[][2] = {{1, 37}, {2, 37}, {37, 64}};
    check("vime:1", 0.5, shapes[_i][0], shapes[_i][1], "plain");
    check("cosine:2+vime:0.5", 0.5, shapes[_i][0], shapes[_i][1], "plain");
}
END_TEST

START_TEST(test_moco)
{
    static const uint32_t shapes[][2] = {{1, 37}, {2, 37}, {37, 64}, {129, 37}};
    const uint32_t batch = shapes[_i][0], embedding = shapes[_i][1];
    check("moco:1", 0.2, batch, embedding, "plain");
    check(batch > 1 ? "nt-xent:2+moco:0.5" : "moco:3", 0.5, batch, embedding, "plain");
}
END_TEST

START_TEST(test_sigreg)
{
    static const uint32_t shapes[][2] = {{2, 1}, {2, 37}, {37, 64}, {129, 37}};
    check("sigreg:1", 0.5, shapes[_i][0], shapes[_i][1], "plain");
    check("sigreg:2+vicreg:0.5", 0.5, shapes[_i][0], shapes[_i][1], "plain");
}
END_TEST

START_TEST(test_weighted_sums)
{
    static const char *const sums[] = {"nt-xent:1+reconstruction:10", "reconstruction:2+cosine:0.5",
        "cosine:0.5+nt-xent:0.25", "barlow:0.5+vicreg:0.25"};
    check(sums[_i], 0.2, 2, 37, "plain");
    check(sums[_i], 0.2, 37, 64, "plain");
    check(sums[_i], 0.2, 129, 37, "plain");
}
END_TEST

/* Embeddings so small that PyTorch's epsilons count, one of them zero. */
START_TEST(test_small_embeddings)
{
    check("cosine:1", 0.5, 5, 37, "tiny");
    check("nt-xent:1", 0.5, 5, 37, "tiny");
    check("cosine:1", 0.5, 5, 37, "vanishing");
    check("nt-xent:1", 0.5, 5, 37, "vanishing");
}
END_TEST

static void setup_published(void)
{
    context_setup();
    fixtures_open("published.safetensors");
}

/* As lightly and solo-learn have them; tools/fixtures/published.py calls those. */
START_TEST(test_published)
{
    static const uint32_t shapes[][2] = {{2, 37}, {37, 64}};
    static const char *const both[] = {"nt-xent:1", "vicreg:1", "barlow:1"};
    const uint32_t batch = shapes[_i][0], embedding = shapes[_i][1];
    for (size_t i = 0; i < 3; i++) {
        check(both[i], 0.5, batch, embedding, "lightly");
        check(both[i], 0.5, batch, embedding, "solo-learn");
    }
    check("moco:1", 0.5, batch, embedding, "solo-learn");
    const float rows = (float)batch;
    check_prediction("simsiam", batch, embedding, "/lightly", 0.0f, 1.0f, 2.0f * rows);
    check_prediction("simsiam", batch, embedding, "/solo-learn", 0.0f, 1.0f, 2.0f * rows);
    check_prediction("byol", batch, embedding, "/solo-learn", 2.0f, 2.0f, rows);
}
END_TEST

/* The formulas once more, in double and as simply as can be, for their differences. */

struct formula {
    uint32_t batch, embedding, hidden, columns;
    double temperature;
    const double *x;
    double *z, *parameters; /* the decoder's, from its first layer's weight on */
};

static double dot(const double *a, const double *b, uint32_t n)
{
    double total = 0.0;
    for (uint32_t i = 0; i < n; i++)
        total += a[i] * b[i];
    return total;
}

static double cosine_of(const struct formula *f, uint32_t i, uint32_t j)
{
    const uint32_t e = f->embedding;
    const double *p = f->z + (size_t)i * e, *q = f->z + (size_t)j * e;
    return dot(p, q, e) / sqrt(dot(p, p, e) * dot(q, q, e));
}

static double cosine_formula(const struct formula *f)
{
    double total = 0.0;
    for (uint32_t i = 0; i < f->batch; i++)
        total += 1.0 - cosine_of(f, i, i + f->batch);
    return total / f->batch;
}

static double nt_xent_formula(const struct formula *f)
{
    const uint32_t r = 2 * f->batch;
    double total = 0.0;
    for (uint32_t i = 0; i < r; i++) {
        double others = 0.0;
        for (uint32_t j = 0; j < r; j++)
            others += i == j ? 0.0 : exp(cosine_of(f, i, j) / f->temperature);
        total += log(others) - cosine_of(f, i, (i + f->batch) % r) / f->temperature;
    }
    return total / r;
}

static double scarf_formula(const struct formula *f)
{
    double total = 0.0;
    for (uint32_t i = 0; i < f->batch; i++) {
        double all = 0.0;
        for (uint32_t j = 0; j < f->batch; j++)
            all += exp(cosine_of(f, f->batch + i, j) / f->temperature);
        total += log(all) - cosine_of(f, f->batch + i, i) / f->temperature;
    }
    return total / f->batch;
}

static double reconstruction_formula(const struct formula *f)
{
    const uint32_t e = f->embedding, h = f->hidden, d = f->columns;
    const double *w0 = f->parameters, *b0 = w0 + h * e, *w1 = b0 + h, *b1 = w1 + d * h;
    double total = 0.0;
    for (uint32_t i = 0; i < 2 * f->batch; i++) {
        double hidden[HIDDEN];
        for (uint32_t j = 0; j < h; j++)
            hidden[j] = tanh(dot(w0 + j * e, f->z + i * e, e) + b0[j]);
        for (uint32_t j = 0; j < d; j++)
            total += pow(dot(w1 + j * h, hidden, h) + b1[j] - f->x[i % f->batch * d + j], 2.0);
    }
    return total / (2.0 * f->batch * d);
}

/* z of a view's row i, column j, less the column's mean. */
static double centred(const struct formula *f, uint32_t view, uint32_t i, uint32_t j)
{
    const double *column = f->z + (size_t)view * f->batch * f->embedding + j;
    double mean = 0.0;
    for (uint32_t row = 0; row < f->batch; row++)
        mean += column[(size_t)row * f->embedding] / f->batch;
    return column[(size_t)i * f->embedding] - mean;
}

/* Σ over the rows of column a of a view times column b of another, both centred. */
static double products(
    const struct formula *f, uint32_t view, uint32_t a, uint32_t other, uint32_t b)
{
    double total = 0.0;
    for (uint32_t i = 0; i < f->batch; i++)
        total += centred(f, view, i, a) * centred(f, other, i, b);
    return total;
}

static double vicreg_formula(const struct formula *f)
{
    const uint32_t b = f->batch, e = f->embedding;
    double total = 0.0;
    for (uint32_t i = 0; i < b * e; i++)
        total += 25.0 / (b * e) * pow(f->z[i] - f->z[b * e + i], 2.0);
    for (uint32_t view = 0; view < 2; view++) {
        for (uint32_t j = 0; j < e; j++) {
            const double variance = products(f, view, j, view, j) / (b - 1);
            total += 12.5 / e * fmax(0.0, 1.0 - sqrt(variance + 1e-4));
            for (uint32_t k = 0; k < e; k++)
                total += j == k ? 0.0 : pow(products(f, view, j, view, k) / (b - 1), 2.0) / e;
        }
    }
    return total;
}

static double barlow_formula(const struct formula *f)
{
    const uint32_t b = f->batch, e = f->embedding;
    double total = 0.0;
    for (uint32_t j = 0; j < e; j++) {
        for (uint32_t k = 0; k < e; k++) {
            const double c =
                products(f, 0, j, 1, k) / b /
                sqrt((products(f, 0, j, 0, j) / b + 1e-5) * (products(f, 1, k, 1, k) / b + 1e-5));
            total += j == k ? pow(c - 1.0, 2.0) : 0.0051 * c * c;
        }
    }
    return total;
}

static double (*const formulas[MCL_OBJECTIVE_KINDS])(const struct formula *) = {
    [MCL_OBJECTIVE_COSINE] = cosine_formula,
    [MCL_OBJECTIVE_NT_XENT] = nt_xent_formula,
    [MCL_OBJECTIVE_RECONSTRUCTION] = reconstruction_formula,
    [MCL_OBJECTIVE_VICREG] = vicreg_formula,
    [MCL_OBJECTIVE_BARLOW] = barlow_formula,
    [MCL_OBJECTIVE_SCARF] = scarf_formula,
};

static double formula(const struct formula *f, const struct trial *trial)
{
    double total = 0.0;
    for (size_t i = 0; i < trial->options.objective_count; i++) {
        const mcl_objective *objective = &trial->options.objectives[i];
        total += (double)objective->weight * formulas[objective->kind](f);
    }
    return total;
}

static double *doubles_of(const float *values, size_t count)
{
    double *copy = allocate(count, sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = (double)values[i];
    return copy;
}

/* gradient[count] is the central difference of the formula by each of variables[count]. */
static void assert_differences(const char *what, const float *gradient, double *variables,
    size_t count, const struct formula *f, const struct trial *trial)
{
    double *expected = allocate(count, sizeof *expected), largest = 0.0;
    for (size_t i = 0; i < count; i++) {
        const double step = 0x1p-17, value = variables[i];
        variables[i] = value + step;
        const double above = formula(f, trial);
        variables[i] = value - step;
        expected[i] = (above - formula(f, trial)) / (2.0 * step);
        variables[i] = value;
        largest = fmax(largest, fabs(expected[i]));
    }
    ck_assert(largest > 0.0);
    for (size_t i = 0; i < count; i++)
        REQUIRE(fabs((double)gradient[i] - expected[i]) <= TOLERANCE * largest,
            "%s: the gradient by %zu is %.9g instead of %.9g", what, i, (double)gradient[i],
            expected[i]);
    free(expected);
}

START_TEST(test_differences)
{
    static const char *const objectives[] = {"cosine:1", "nt-xent:1", "reconstruction:1",
        "cosine:0.5+nt-xent:2+reconstruction:3", "scarf:1", "vicreg:1", "barlow:1",
        "vicreg:0.5+reconstruction:1+barlow:0.25"};
    const char *const what = objectives[_i];
    struct trial trial = make_trial(what, 0.3f, 3, 5, 4, 7, 99);
    run(&trial);
    double *z = doubles_of(trial.z, trial.views), *x = doubles_of(trial.x, 3 * 7);
    const size_t decoder_count = trial.parameter_count - trial.encoder_count;
    double *decoder = doubles_of(trial.parameters + trial.encoder_count, decoder_count);
    const struct formula f = {3, 5, 4, 7, (double)0.3f, x, z, decoder};
    double loss = 0.0;
    for (size_t i = 0; i < trial.options.objective_count; i++)
        loss += (double)trial.options.objectives[i].weight * (double)trial.metrics[i];
    ck_assert_double_eq_tol(loss, formula(&f, &trial), TOLERANCE * loss);
    assert_differences(what, trial.dz, z, trial.views, &f, &trial);
    if (has(&trial, MCL_OBJECTIVE_RECONSTRUCTION))
        assert_differences(
            what, trial.gradients + trial.encoder_count, decoder, decoder_count, &f, &trial);
    free(z);
    free(x);
    free(decoder);
    free_trial(&trial);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("objectives");
    TCase *published = tcase_create("published");
    tcase_set_timeout(published, 300);
    tcase_add_checked_fixture(published, setup_published, teardown);
    tcase_add_loop_test(published, test_published, 0, 2);
    suite_add_tcase(suite, published);
    TCase *tcase = tcase_create("objectives");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_cosine, 0, 4);
    tcase_add_loop_test(tcase, test_reconstruction, 0, 4);
    tcase_add_loop_test(tcase, test_nt_xent, 1, 4);
    tcase_add_loop_test(tcase, test_scarf, 1, 4);
    tcase_add_loop_test(tcase, test_columns, 1, 4);
    tcase_add_loop_test(tcase, test_sigreg, 0, 4);
    tcase_add_loop_test(tcase, test_weighted_sums, 0, 4);
    tcase_add_test(tcase, test_negatives);
    tcase_add_loop_test(tcase, test_predictions, 0, 3);
    tcase_add_loop_test(tcase, test_vime, 0, 3);
    tcase_add_loop_test(tcase, test_moco, 0, 4);
    tcase_add_loop_test(tcase, test_other_reconstructions, 0, 3);
    tcase_add_test(tcase, test_small_embeddings);
    tcase_add_loop_test(tcase, test_differences, 0, 8);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
