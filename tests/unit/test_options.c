/* SPDX-License-Identifier: Apache-2.0 */
/* Options of pre-training: names, recipes, what is refused and with which words. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/data.h"
#include "train/check.h"
#include "train/options.h"
#include "views/view_options.h"

/* What messages end with that list all objectives. */
static const char *list_of_objectives(void)
{
    static char list[512];
    *list = '\0';
    for (int kind = 0; kind < MCL_OBJECTIVE_KINDS; kind++) {
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s",
            kind == 0                         ? ""
            : kind + 1 == MCL_OBJECTIVE_KINDS ? " or "
                                              : ", ",
            mcl_objective_name((mcl_objective_kind)kind));
    }
    return list;
}

static void assert_objectives(
    const char *text, size_t expected_count, const mcl_objective *expected)
{
    mcl_objective objectives[MCL_OBJECTIVES_MAX];
    size_t count = 77;
    ck_assert_msg(mcl_objectives_parse(objectives, &count, text) == MCL_OK, "%s: %s", text,
        mcl_error_message());
    ck_assert_uint_eq(count, expected_count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(objectives[i].kind, expected[i].kind);
        ck_assert_float_eq(objectives[i].weight, expected[i].weight);
    }
}

START_TEST(test_objectives)
{
    assert_objectives("cosine", 1, (mcl_objective[]){{MCL_OBJECTIVE_COSINE, 1}});
    assert_objectives("nt-xent", 1, (mcl_objective[]){{MCL_OBJECTIVE_NT_XENT, 1}});
    assert_objectives(
        "reconstruction:0.5", 1, (mcl_objective[]){{MCL_OBJECTIVE_RECONSTRUCTION, 0.5f}});
    assert_objectives("nt-xent:1+reconstruction:10", 2,
        (mcl_objective[]){{MCL_OBJECTIVE_NT_XENT, 1}, {MCL_OBJECTIVE_RECONSTRUCTION, 10}});
    assert_objectives("reconstruction+cosine:1e-3+nt-xent:2.5", 3,
        (mcl_objective[]){{MCL_OBJECTIVE_RECONSTRUCTION, 1}, {MCL_OBJECTIVE_COSINE, 1e-3f},
            {MCL_OBJECTIVE_NT_XENT, 2.5f}});
}
END_TEST

static const struct {
    const char *text, *message;
} bad_objectives[] = {
    {"", "unknown objective '': it is "},
    {"simclr", "unknown objective 'simclr': it is "},
    {"Cosine", "unknown objective 'Cosine': it is "},
    {"cosine+", "unknown objective '': it is "},
    {"+cosine", "unknown objective '': it is "},
    {"cosine,nt-xent", "unknown objective 'cosine,nt-xent': it is "},
    {"cosine++nt-xent", "unknown objective '': it is "},
    {":2", "unknown objective '': it is "},
    {"cosine:", "the weight in 'cosine:' is not a number above 0: write it as nt-xent:0.5"},
    {"nt-xent+cosine:x",
        "the weight in 'cosine:x' is not a number above 0: write it as nt-xent:0.5"},
    {"cosine:0", "the weight in 'cosine:0' is not a number above 0: write it as nt-xent:0.5"},
    {"cosine:-1", "the weight in 'cosine:-1' is not a number above 0: write it as nt-xent:0.5"},
    {"cosine:nan", "the weight in 'cosine:nan' is not a number above 0: write it as nt-xent:0.5"},
    {"cosine:inf", "the weight in 'cosine:inf' is not a number above 0: write it as nt-xent:0.5"},
    {"cosine:1e50", "the weight in 'cosine:1e50' is not a number above 0: write it as nt-xent:0.5"},
    {"cosine:1:2", "the weight in 'cosine:1:2' is not a number above 0: write it as nt-xent:0.5"},
    {"cosine:1 ", "the weight in 'cosine:1 ' is not a number above 0: write it as nt-xent:0.5"},
    {"cosine+cosine", "the objective cosine stands twice in 'cosine+cosine'"},
    {"nt-xent:1+cosine+nt-xent:2",
        "the objective nt-xent stands twice in 'nt-xent:1+cosine+nt-xent:2'"},
    {"cosine+nt-xent+reconstruction+cosine",
        "the objective cosine stands twice in 'cosine+nt-xent+reconstruction+cosine'"},
    {"a-name-that-is-longer-than-any-objective-that-there-will-ever-be-in-maskcl",
        "unknown objective "
        "'a-name-that-is-longer-than-any-objective-that-there-will-ever-be-in-maskcl'"},
};

START_TEST(test_bad_objectives)
{
    mcl_objective objectives[MCL_OBJECTIVES_MAX];
    mcl_objective before[MCL_OBJECTIVES_MAX];
    size_t count = 77;
    memset(objectives, 0x55, sizeof objectives);
    memcpy(before, objectives, sizeof before);
    ck_assert_int_eq(
        mcl_objectives_parse(objectives, &count, bad_objectives[_i].text), MCL_ERROR_ARGUMENT);
    const char *message = bad_objectives[_i].message;
    const bool lists = strcmp(message + strlen(message) - 4, " is ") == 0;
    char expected[1024];
    snprintf(expected, sizeof expected, "%s%s", message, lists ? list_of_objectives() : "");
    ck_assert_str_eq(mcl_error_message(), expected);
    ck_assert_uint_eq(count, 77);
    ck_assert_mem_eq(objectives, before, sizeof before);
}
END_TEST

/* All of them, as far as a run can have them. */
START_TEST(test_many_objectives)
{
    mcl_objective objectives[MCL_OBJECTIVES_MAX];
    char text[1024] = "";
    size_t count = 0;
    for (int i = 0; i < MCL_OBJECTIVE_KINDS; i++) {
        strcat(text, i ? "+" : "");
        strcat(text, mcl_objective_name((mcl_objective_kind)i));
        const mcl_status status = mcl_objectives_parse(objectives, &count, text);
        ck_assert_int_eq(status, i < MCL_OBJECTIVES_MAX ? MCL_OK : MCL_ERROR_ARGUMENT);
        ck_assert_uint_eq(count, i < MCL_OBJECTIVES_MAX ? (size_t)i + 1 : MCL_OBJECTIVES_MAX);
    }
}
END_TEST

START_TEST(test_names)
{
    mcl_mask_kind mask = MCL_MASK_UNIFORM;
    mcl_optimizer_kind optimizer = MCL_OPTIMIZER_ADAM;
    static const char *const masks[] = {"uniform", "bernoulli", "block", "none"};
    static const char *const optimizers[] = {"adam", "adamw", "sgd", "lars", "lamb"};
    for (int i = 3; i >= 0; i--) {
        ck_assert_int_eq(mcl_mask_kind_parse(&mask, masks[i]), MCL_OK);
        ck_assert_int_eq(mask, i);
        ck_assert_str_eq(mcl_mask_kind_name((mcl_mask_kind)i), masks[i]);
    }
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(mcl_optimizer_parse(&optimizer, optimizers[i]), MCL_OK);
        ck_assert_int_eq(optimizer, i);
        ck_assert_str_eq(mcl_optimizer_name((mcl_optimizer_kind)i), optimizers[i]);
    }
    ck_assert_str_eq(mcl_objective_name(MCL_OBJECTIVE_COSINE), "cosine");
    ck_assert_str_eq(mcl_objective_name(MCL_OBJECTIVE_NT_XENT), "nt-xent");
    ck_assert_str_eq(mcl_objective_name(MCL_OBJECTIVE_RECONSTRUCTION), "reconstruction");
    ck_assert_str_eq(mcl_objective_name(MCL_OBJECTIVE_VICREG), "vicreg");
    ck_assert_str_eq(mcl_objective_name(MCL_OBJECTIVE_BARLOW), "barlow");
    ck_assert_str_eq(mcl_objective_name(MCL_OBJECTIVE_SCARF), "scarf");
    ck_assert_str_eq(mcl_objective_name(MCL_OBJECTIVE_SIMSIAM), "simsiam");
    ck_assert_str_eq(mcl_objective_name(MCL_OBJECTIVE_BYOL), "byol");
    ck_assert_str_eq(mcl_objective_name(MCL_OBJECTIVE_VIME), "vime");
    ck_assert_int_eq(mcl_mask_kind_parse(&mask, "blocks"), MCL_ERROR_ARGUMENT);
    ck_assert_str_eq(
        mcl_error_message(), "unknown mask 'blocks': it is uniform, bernoulli, block or none");
    ck_assert_int_eq(mask, MCL_MASK_UNIFORM);
    ck_assert_int_eq(mcl_optimizer_parse(&optimizer, "lion"), MCL_ERROR_ARGUMENT);
    ck_assert_str_eq(
        mcl_error_message(), "unknown optimizer 'lion': it is adam, adamw, sgd, lars or lamb");
    ck_assert_int_eq(optimizer, MCL_OPTIMIZER_LAMB);
}
END_TEST

static const char *const recipe_names[] = {
    "auto", "default", "recommended", "few-labels", "fast", "tabular", "patches", "reference"};

START_TEST(test_recipes)
{
    size_t count = 0;
    for (; mcl_recipe_at(count); count++) {
        mcl_pretrain_options options;
        ck_assert_int_eq(mcl_pretrain_options_init(&options), MCL_OK);
        ck_assert_str_eq(mcl_recipe_at(count)->name, recipe_names[count]);
        ck_assert_int_eq(mcl_recipe_apply(&options, recipe_names[count]), MCL_OK);
        ck_assert_str_eq(options.recipe, recipe_names[count]);
        ck_assert_uint_gt(strlen(mcl_recipe_at(count)->summary), 10);
        ck_assert_uint_ge(options.objective_count, 1);
        ck_assert_uint_le(options.hidden_count, MCL_HIDDEN_MAX);
    }
    ck_assert_uint_eq(count, 8);
}
END_TEST

static void report(const mcl_step *step, void *user)
{
    (void)step;
    (void)user;
}

/* What a recipe does not fix stays as it is. */
START_TEST(test_recipe_leaves_the_rest)
{
    for (size_t i = 0; i < sizeof recipe_names / sizeof *recipe_names; i++) {
        static volatile sig_atomic_t stop;
        int user;
        mcl_pretrain_options options;
        ck_assert_int_eq(mcl_pretrain_options_init(&options), MCL_OK);
        options.train.seed = 42;
        options.train.report_every = 7;
        options.train.report = report;
        options.train.user = &user;
        options.train.stop = &stop;
        options.objective_count = 3; /* replaced, not added to */
        ck_assert_int_eq(mcl_recipe_apply(&options, recipe_names[i]), MCL_OK);
        ck_assert_uint_eq(options.train.seed, 42);
        ck_assert_uint_eq(options.train.report_every, 7);
        ck_assert(options.train.report == report);
        ck_assert_ptr_eq(options.train.user, &user);
        ck_assert(options.train.stop == &stop);
        ck_assert_uint_le(options.objective_count, 2);
    }
}
END_TEST

/* The published model: 784-128-64, ReLU, uniform masks, cosine loss, Adam with 0.001, 10 epochs,
 * one batch of everything. */
START_TEST(test_reference_recipe)
{
    mcl_pretrain_options options;
    ck_assert_int_eq(mcl_pretrain_options_init(&options), MCL_OK);
    ck_assert_int_eq(mcl_recipe_apply(&options, "reference"), MCL_OK);
    ck_assert_uint_eq(options.hidden_count, 1);
    ck_assert_uint_eq(options.hidden[0], 128);
    ck_assert_uint_eq(options.embedding, 64);
    ck_assert_int_eq(options.activation, MCL_ACTIVATION_RELU);
    ck_assert_int_eq(options.views.mask.kind, MCL_MASK_UNIFORM);
    ck_assert_uint_eq(options.objective_count, 1);
    ck_assert_int_eq(options.objectives[0].kind, MCL_OBJECTIVE_COSINE);
    ck_assert_float_eq(options.objectives[0].weight, 1);
    ck_assert_int_eq(options.train.optimizer.kind, MCL_OPTIMIZER_ADAM);
    ck_assert_double_eq(options.train.optimizer.learning_rate, 0.001);
    ck_assert_double_eq(options.train.optimizer.beta1, 0.9);
    ck_assert_double_eq(options.train.optimizer.beta2, 0.999);
    ck_assert(options.train.optimizer.momentum < 0);
    ck_assert(options.train.optimizer.epsilon < 0);
    ck_assert(options.train.optimizer.weight_decay < 0);
    ck_assert_uint_eq(options.train.batch, MCL_BATCH_ALL);
    ck_assert_uint_eq(options.train.epochs, 10);
}
END_TEST

START_TEST(test_defaults)
{
    mcl_pretrain_options defaults, recipe;
    memset(&defaults, 0x55, sizeof defaults);
    (void)mcl_pretrain_options_init(&defaults);
    memset(&recipe, 0x55, sizeof recipe);
    ck_assert_int_eq(mcl_pretrain_options_init(&recipe), MCL_OK);
    ck_assert_int_eq(mcl_recipe_apply(&recipe, "fast"), MCL_OK);
    ck_assert_int_eq(mcl_recipe_apply(&recipe, "default"), MCL_OK);
    ck_assert_str_eq(defaults.recipe, "auto"); /* which is default's, without data */
    recipe.recipe = defaults.recipe;
    memset(recipe.decoder, 0, sizeof recipe.decoder); /* fast's, which are in no use */
    recipe.decoder_count = 0;
    memset(recipe.settings, 0, sizeof recipe.settings);
    ck_assert_mem_eq(&defaults, &recipe, sizeof recipe);
    ck_assert_uint_eq(defaults.train.seed, 0);
    ck_assert_ptr_null(defaults.train.user);
    ck_assert(!defaults.train.report);
    ck_assert(!defaults.train.stop);
    ck_assert_uint_eq(defaults.train.batch, MCL_BATCH_UP_TO(256));
    for (size_t i = 0; i < defaults.objective_count; i++) /* it collapses */
        ck_assert_int_ne(defaults.objectives[i].kind, MCL_OBJECTIVE_COSINE);
}
END_TEST

/* Data of zeros. */
static mcl_data *zeros(mcl_element element, const uint64_t *shape, size_t dimensions)
{
    uint64_t count = 1;
    void *values;
    mcl_data *data;
    for (size_t i = 0; i < dimensions; i++)
        count *= shape[i];
    ck_assert_int_eq(mcl_allocate_pages(&values, count, mcl_element_size(element)), MCL_OK);
    memset(values, 0, count * mcl_element_size(element));
    ck_assert_int_eq(mcl_data_create(&data, values, element, shape, dimensions, "a test"), MCL_OK);
    return data;
}

static const struct {
    mcl_element element;
    uint64_t shape[3];
    size_t dimensions;
    uint64_t batch, epochs;
    const char *line;
} fitted[] = {
    {MCL_ELEMENT_UINT8, {6000, 28, 28}, 3, 128, 42,
        "fast for 6000 images of 28 × 28: embeddings of 1024 numbers, 42 epochs in batches of 128"},
    {MCL_ELEMENT_FLOAT32, {1797, 64}, 2, 128, 108,
        "tabular for vectors of 1797 rows × 64 inputs: embeddings of 256 numbers, 108 epochs in "
        "batches of 128"},
    {MCL_ELEMENT_FLOAT32, {500, 128, 9}, 3, 32, 127,
        "fast for 500 sequences of 128 × 9 values: embeddings of 1024 numbers, 127 epochs in "
        "batches of 32"},
    {MCL_ELEMENT_FLOAT32, {1797, 48}, 2, 128, 108,
        "tabular for vectors of 1797 rows × 48 inputs: embeddings of 256 numbers, 108 epochs in "
        "batches of 128"},
    {MCL_ELEMENT_FLOAT32, {1797, 49}, 2, 128, 108,
        "tabular for vectors of 1797 rows × 49 inputs: embeddings of 256 numbers, 108 epochs in "
        "batches of 128"},
    {MCL_ELEMENT_FLOAT32, {10, 3}, 2, 16, 300,
        "tabular for vectors of 10 rows × 3 inputs: embeddings of 256 numbers, 300 epochs in "
        "batches of 10"},
    {MCL_ELEMENT_UINT8, {2000000, 2}, 2, 512, 1,
        "tabular for vectors of 2000000 rows × 2 inputs: embeddings of 256 numbers, 1 epoch in "
        "batches of 512"},
};

START_TEST(test_fitted_recipe)
{
    char line[MCL_RECIPE_LINE_SIZE];
    mcl_pretrain_options options;
    mcl_data *data = zeros(fitted[_i].element, fitted[_i].shape, fitted[_i].dimensions);
    ck_assert_int_eq(mcl_pretrain_options_init(&options), MCL_OK);
    options.train.seed = 42;
    ck_assert_int_eq(mcl_recipe_fit(line, &options, data), MCL_OK);
    ck_assert_str_eq(line, fitted[_i].line);
    ck_assert_str_eq(options.recipe, strncmp(line, "fast", 4) == 0 ? "fast" : "tabular");
    ck_assert_uint_eq(options.train.seed, 42);
    ck_assert_uint_eq(options.train.epochs, fitted[_i].epochs);
    ck_assert_uint_eq(options.train.batch, MCL_BATCH_UP_TO(fitted[_i].batch));
    char loss[16], hidden[16];
    ck_assert_int_eq(
        mcl_options_get(loss, sizeof loss, &options.base, "reconstruction_loss"), MCL_OK);
    ck_assert_int_eq(mcl_options_get(hidden, sizeof hidden, &options.base, "hidden"), MCL_OK);
    const bool few = fitted[_i].dimensions == 2 && fitted[_i].shape[1] <= 48;
    ck_assert_str_eq(hidden, few || strncmp(line, "fast", 4) == 0 ? "none" : "256");
    ck_assert_int_eq(strcmp(loss, "bce") == 0,
        fitted[_i].element == MCL_ELEMENT_UINT8 && strncmp(line, "fast", 4) == 0);
    ck_assert_int_eq(mcl_recipe_fit(NULL, &options, data), MCL_OK);
    mcl_data_free(data);
}
END_TEST

START_TEST(test_recipe_of_synthetic_rows)
{
    mcl_pretrain_options options;
    mcl_data *data;
    ck_assert_int_eq(mcl_data_synthetic(&data, 5, 3, 0), MCL_OK);
    ck_assert_int_eq(mcl_pretrain_options_init(&options), MCL_OK);
    ck_assert_int_eq(mcl_recipe_fit(NULL, &options, data), MCL_OK);
    ck_assert_str_eq(options.recipe, "default");
    mcl_data_free(data);
}
END_TEST

START_TEST(test_unknown_recipe)
{
    mcl_pretrain_options options, before;
    ck_assert_int_eq(mcl_pretrain_options_init(&options), MCL_OK);
    memcpy(&before, &options, sizeof before);
    ck_assert_int_eq(mcl_recipe_apply(&options, "best"), MCL_ERROR_ARGUMENT);
    ck_assert_str_eq(mcl_error_message(),
        "unknown recipe 'best': it is auto, default, recommended, "
        "few-labels, fast, tabular, patches or reference");
    ck_assert_mem_eq(&options, &before, sizeof before);
}
END_TEST

/* Data with rows of this shape, up to a 0. */
static mcl_data *data_of(uint64_t rows, uint64_t d1, uint64_t d2, uint64_t d3, uint64_t d4)
{
    const uint64_t shape[] = {rows, d1, d2, d3, d4};
    uint64_t count = rows;
    size_t dimensions = 1;
    for (; dimensions < 5 && shape[dimensions]; dimensions++)
        count *= shape[dimensions];
    void *values = calloc(count, 1);
    mcl_data *data = NULL;
    ck_assert(values != NULL);
    ck_assert_int_eq(
        mcl_data_create(&data, values, MCL_ELEMENT_UINT8, shape, dimensions, "a test"), MCL_OK);
    return data;
}

static mcl_data *images;
static mcl_pretrain_options options;

static void setup(void)
{
    images = data_of(300, 6, 4, 0, 0);
    (void)mcl_pretrain_options_init(&options);
}

static void set(const char *key, const char *text)
{
    ck_assert_msg(mcl_options_set(&options.base, key, text) == MCL_OK, "%s: %s: %s", key, text,
        mcl_error_message());
}

/* As a C program may do without a text. */
static void force(const char *key, double value)
{
    snprintf(options.settings[0].key, sizeof options.settings[0].key, "%s", key);
    options.settings[0].value = value;
    options.setting_count = 1;
}

static void teardown(void)
{
    mcl_data_free(images);
}

static void assert_batch(const mcl_data *data, uint32_t expected)
{
    uint32_t batch = 77;
    ck_assert_msg(mcl_pretrain_check(&batch, &options, data) == MCL_OK, "%s", mcl_error_message());
    ck_assert_uint_eq(batch, expected);
}

static void assert_refused(const mcl_data *data, const char *message)
{
    uint32_t batch = 77;
    ck_assert_int_eq(mcl_pretrain_check(&batch, &options, data), MCL_ERROR_ARGUMENT);
    ck_assert_str_eq(mcl_error_message(), message);
    ck_assert_uint_eq(batch, 77);
}

START_TEST(test_batch)
{
    mcl_data *few = data_of(255, 3, 0, 0, 0);
    assert_batch(images, 256);
    assert_batch(few, 255);
    options.train.batch = MCL_BATCH_UP_TO(255);
    assert_batch(images, 255);
    assert_batch(few, 255);
    options.train.batch = MCL_BATCH_ALL;
    assert_batch(images, 300);
    assert_batch(few, 255);
    options.train.batch = 0;
    assert_refused(images, "a batch of no rows");
    options.train.batch = 299;
    assert_batch(images, 299);
    assert_refused(few, "a batch of 299 rows is larger than the data, 255 rows");
    options.train.batch = 300;
    assert_batch(images, 300);
    options.train.batch = 301;
    assert_refused(images, "a batch of 301 rows is larger than the data, 300 rows");
    options.train.batch = UINT64_MAX / 2;
    assert_refused(images, "a batch of 9223372036854775807 rows is larger than the data, 300 rows");
    mcl_data_free(few);
}
END_TEST

START_TEST(test_epochs)
{
    options.train.epochs = 0;
    assert_batch(images, 256);
    options.train.epochs = UINT32_MAX;
    assert_batch(images, 256);
    options.train.epochs = (uint64_t)UINT32_MAX + 1;
    assert_refused(images, "4294967296 epochs: from 0 to 4294967295 are possible (`epochs`)");
}
END_TEST

START_TEST(test_objective_values)
{
    char message[80];
    options.objective_count = 0;
    snprintf(
        message, sizeof message, "0 objectives: from 1 to %d are possible", MCL_OBJECTIVES_MAX);
    assert_refused(images, message);
    options.objective_count = MCL_OBJECTIVES_MAX + 1;
    snprintf(message, sizeof message, "%d objectives: from 1 to %d are possible",
        MCL_OBJECTIVES_MAX + 1, MCL_OBJECTIVES_MAX);
    assert_refused(images, message);
    options.objective_count = 2;
    options.objectives[1].weight = 0;
    assert_refused(images, "a weight of 0 for the objective reconstruction: it must be above 0");
    options.objectives[1].weight = -2;
    assert_refused(images, "a weight of -2 for the objective reconstruction: it must be above 0");
    options.objectives[1].weight = INFINITY;
    assert_refused(images, "a weight of inf for the objective reconstruction: it must be above 0");
    options.objectives[1].weight = NAN;
    uint32_t batch = 77;
    ck_assert_int_eq(mcl_pretrain_check(&batch, &options, images), MCL_ERROR_ARGUMENT);
    options.objectives[1].weight = 1e-30f;
    assert_batch(images, 256);
}
END_TEST

START_TEST(test_average_and_clipping)
{
    options.train.ema = 0.9999;
    assert_batch(images, 256);
    options.train.ema = 1.0;
    assert_refused(images, "a decay of 1 for the average of the weights: it must be in [0,1)");
    options.train.ema = 0.0;
    options.train.clip_norm = -1.0;
    assert_refused(
        images, "a norm of -1 to clip the gradient at: it must be above 0, or 0 not to clip");
    options.train.clip_norm = 0.0;
    options.train.ema = NAN;
    assert_refused(images, "a decay of nan for the average of the weights: it must be in [0,1)");
}
END_TEST

START_TEST(test_schedule)
{
    options.train.schedule.warmup = 9.5;
    assert_batch(images, 256);
    options.train.epochs = 9;
    assert_refused(images, "a warm-up of 9.5 epochs in a run of 9: it must be 0 or more, and end "
                           "before the run does");
}
END_TEST

START_TEST(test_temperature)
{
    assert_batch(images, 256);
    force("temperature", -0.5);
    assert_refused(images, "`temperature` of nt-xent: -0.5 is no value that it can have");
    force("temperature", INFINITY);
    assert_refused(images, "`temperature` of nt-xent: inf is no value that it can have");
    options.objectives[0].kind = MCL_OBJECTIVE_COSINE; /* which has none */
    assert_batch(images, 256);
}
END_TEST

START_TEST(test_one_row_has_no_others)
{
    options.train.batch = 1;
    assert_refused(images, "nt-xent compares the rows of a batch: it needs at least 2 rows");
    options.train.batch = 2;
    assert_batch(images, 2);
    options.train.batch = 1;
    options.objectives[0].kind = MCL_OBJECTIVE_VICREG;
    assert_refused(images, "vicreg compares the rows of a batch: it needs at least 2 rows");
    options.objectives[0].kind = MCL_OBJECTIVE_SCARF;
    assert_refused(images, "scarf compares the rows of a batch: it needs at least 2 rows");
    options.objectives[0].kind = MCL_OBJECTIVE_BARLOW;
    assert_refused(images, "barlow compares the rows of a batch: it needs at least 2 rows");
    options.objectives[0].kind = MCL_OBJECTIVE_COSINE;
    assert_batch(images, 1);
}
END_TEST

START_TEST(test_negatives)
{
    options.objectives[0].kind = MCL_OBJECTIVE_COSINE;
    options.train.batch = 20;
    set("negatives", "19");
    assert_batch(images, 20);
    set("negatives", "20");
    assert_refused(images, "20 negatives a row in a batch of 20 rows: at most 19 are other rows");
    force("margin", -1.5);
    assert_refused(images, "`margin` of cosine: -1.5 is no value that it can have");
    force("margin", NAN);
    assert_refused(images, "`margin` of cosine: nan is no value that it can have");
    options.objectives[0].kind = MCL_OBJECTIVE_NT_XENT; /* which has none */
    assert_batch(images, 20);
}
END_TEST

START_TEST(test_predictor_and_its_objectives_need_each_other)
{
    options.objective_count = 1;
    options.objectives[0].kind = MCL_OBJECTIVE_SIMSIAM;
    assert_refused(images,
        "simsiam needs a predictor, without which every embedding becomes the same: add one, such "
        "as `predictor` 16");
    options.objectives[0].kind = MCL_OBJECTIVE_BYOL;
    assert_refused(images,
        "byol needs a predictor, without which every embedding becomes the same: add one, such as "
        "`predictor` 16");
    options.predictor_count = 1;
    options.predictor[0] = 8;
    assert_batch(images, 256);
    options.objectives[0].kind = MCL_OBJECTIVE_SIMSIAM;
    assert_batch(images, 256);
    options.objective_count = 2;
    options.objectives[1].kind = MCL_OBJECTIVE_BYOL;
    assert_refused(
        images, "simsiam and byol would train one predictor for two things: leave one of them out");
    options.objective_count = 1;
    options.objectives[0].kind = MCL_OBJECTIVE_NT_XENT;
    assert_refused(images,
        "a predictor is for objectives that predict one view from the other, and there is none: "
        "leave it out, or add one");
}
END_TEST

START_TEST(test_target_decay)
{
    options.objective_count = 1;
    options.objectives[0].kind = MCL_OBJECTIVE_BYOL;
    options.predictor_count = 1;
    options.predictor[0] = 8;
    set("target_decay", "0.5");
    assert_batch(images, 256);
    force("target_decay", 1.0);
    assert_refused(images, "`target_decay` of byol: 1 is no value that it can have");
    force("target_decay", NAN);
    assert_refused(images, "`target_decay` of byol: nan is no value that it can have");
    options.objectives[0].kind = MCL_OBJECTIVE_SIMSIAM; /* which has none */
    assert_batch(images, 256);
}
END_TEST

START_TEST(test_queue)
{
    options.objective_count = 1;
    options.objectives[0].kind = MCL_OBJECTIVE_MOCO;
    assert_batch(images, 256);
    set("queue", "512");
    assert_batch(images, 256);
    set("queue", "511");
    assert_refused(images,
        "a queue of 511 keys is too small for a batch of 256 rows, whose views add 512 to it: make "
        "it larger (`queue`), or the batch smaller");
    options.objectives[0].kind = MCL_OBJECTIVE_NT_XENT; /* which has none */
    assert_batch(images, 256);
}
END_TEST

START_TEST(test_hidden_elements_need_some)
{
    set("objective", "reconstruction");
    set("reconstruct", "hidden");
    assert_batch(images, 256);
    options.views.mask.kind = MCL_MASK_NONE;
    assert_refused(images,
        "only hidden elements are to be reconstructed, and these views hide none: add a mask or "
        "corruption to them, or reconstruct all (`reconstruct`)");
    options.views.corruption = 0.25f;
    assert_batch(images, 256);
    options.views.corruption = 0.0f;
    set("reconstruct", "all");
    assert_batch(images, 256);
}
END_TEST

START_TEST(test_vime)
{
    options.objective_count = 1;
    options.objectives[0].kind = MCL_OBJECTIVE_VIME;
    assert_batch(images, 256);
    options.views.mask.kind = MCL_MASK_NONE;
    assert_refused(images,
        "vime tells which elements a view alters, and these views alter none: add corruption or a "
        "mask to them");
    options.views.corruption = 0.25f;
    assert_batch(images, 256);
    options.projector_count = 1;
    options.projector[0] = 8;
    assert_refused(images,
        "a projector is for objectives that compare views, and there is none: leave it out, or add "
        "an objective such as nt-xent");
    options.projector_count = 0;
    options.objective_count = 2;
    options.objectives[1].kind = MCL_OBJECTIVE_RECONSTRUCTION;
    assert_refused(images,
        "vime and reconstruction both reconstruct rows, and there is one decoder: "
        "leave one of them out");
}
END_TEST

START_TEST(test_views_of_objectives)
{
    for (int kind = 0; kind < MCL_OBJECTIVE_KINDS; kind++) {
        mcl_view_options views = {.mask = {MCL_MASK_UNIFORM, 0.25f, 3, 0}, .noise = 0.5f};
        char text[MCL_VIEW_OPTIONS_SIZE];
        const char *own = kind == MCL_OBJECTIVE_SCARF  ? "corrupt:0.6:one"
                          : kind == MCL_OBJECTIVE_VIME ? "corrupt:0.3"
                                                       : NULL;
        ck_assert_int_eq(mcl_objective_views(&views, (mcl_objective_kind)kind), own != NULL);
        mcl_view_options_show(text, &views);
        ck_assert_str_eq(text, own ? own : "noise:0.5,mask:uniform:complement");
    }
}
END_TEST

START_TEST(test_projector_needs_a_comparison)
{
    options.objective_count = 1;
    options.projector_count = 1;
    options.projector[0] = 8;
    assert_batch(images, 256);
    options.objectives[0].kind = MCL_OBJECTIVE_RECONSTRUCTION;
    assert_refused(images,
        "a projector is for objectives that compare views, and there is none: leave it out, or add "
        "an objective such as nt-xent");
    options.projector_count = 0;
    assert_batch(images, 256);
}
END_TEST

START_TEST(test_mask_ratio)
{
    static const struct {
        float ratio;
        const char *text;
    } bad[] = {{0, "0"}, {1, "1"}, {-0.5f, "-0.5"}, {1.5f, "1.5"}, {INFINITY, "inf"}};
    for (int kind = MCL_MASK_BERNOULLI; kind <= MCL_MASK_BLOCK; kind++) {
        options.views.mask = (mcl_mask){(mcl_mask_kind)kind, 0, 2, 0};
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            char message[128];
            snprintf(message, sizeof message,
                "a mask ratio of %s: it is the part that the positive view keeps, between 0 and 1",
                bad[i].text);
            options.views.mask.ratio = bad[i].ratio;
            assert_refused(images, message);
        }
        uint32_t batch;
        options.views.mask.ratio = NAN;
        ck_assert_int_eq(mcl_pretrain_check(&batch, &options, images), MCL_ERROR_ARGUMENT);
        options.views.mask.ratio = 0.999f;
        assert_batch(images, 256);
    }
    options.views.mask = (mcl_mask){MCL_MASK_UNIFORM, -3, 0, 0}; /* which has none */
    assert_batch(images, 256);
}
END_TEST

START_TEST(test_block_masks_need_images)
{
    mcl_data *rows = data_of(9, 24, 0, 0, 0), *numbers = data_of(9, 0, 0, 0, 0);
    mcl_data *films = data_of(9, 2, 3, 4, 2);
    options.views.mask = (mcl_mask){MCL_MASK_BLOCK, 0.5f, 2, 0};
    assert_batch(images, 256);
    assert_refused(rows,
        "block masks need images, rows of height × width or height × width × channels; these have "
        "1 dimension: use another mask");
    assert_refused(numbers,
        "block masks need images, rows of height × width or height × width × channels; these have "
        "1 dimension: use another mask");
    assert_refused(films,
        "block masks need images, rows of height × width or height × width × channels; these have "
        "4 dimensions: use another mask");
    options.views.mask.kind = MCL_MASK_BERNOULLI;
    assert_batch(rows, 9);
    assert_batch(films, 9);
    mcl_data_free(rows);
    mcl_data_free(numbers);
    mcl_data_free(films);
}
END_TEST

START_TEST(test_patch)
{
    options.views.mask = (mcl_mask){MCL_MASK_BLOCK, 0.5f, 0, 0};
    assert_refused(images, "a patch of 0 pixels for images of 6 × 4");
    options.views.mask.patch = 5; /* smaller than the longer side */
    assert_batch(images, 256);
    options.views.mask.patch = 6;
    assert_refused(images, "a patch of 6 pixels covers a whole image of 6 × 4: one view would have "
                           "all of it and the other nothing");
    options.views.mask.patch = 7;
    assert_refused(images, "a patch of 7 pixels for images of 6 × 4");
    options.views.mask.patch = 1;
    assert_batch(images, 256);
}
END_TEST

START_TEST(test_image)
{
    uint32_t image[3] = {77, 77, 77};
    mcl_data *colour = data_of(2, 5, 4, 3, 0);
    const mcl_mask block = {MCL_MASK_BLOCK, 0.5f, 2, 0}, uniform = {MCL_MASK_UNIFORM, 0, 0, 0};
    ck_assert_int_eq(mcl_mask_check(image, &block, images), MCL_OK);
    ck_assert_mem_eq(image, ((uint32_t[]){6, 4, 1}), sizeof image);
    ck_assert_int_eq(mcl_mask_check(image, &block, colour), MCL_OK);
    ck_assert_mem_eq(image, ((uint32_t[]){5, 4, 3}), sizeof image);
    ck_assert_int_eq(mcl_mask_check(image, &uniform, colour), MCL_OK);
    ck_assert_mem_eq(image, ((uint32_t[]){1, 60, 1}), sizeof image);
    mcl_data_free(colour);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tcase = tcase_create("names");
    tcase_add_test(tcase, test_objectives);
    tcase_add_loop_test(
        tcase, test_bad_objectives, 0, sizeof bad_objectives / sizeof *bad_objectives);
    tcase_add_test(tcase, test_many_objectives);
    tcase_add_test(tcase, test_names);
    tcase_add_test(tcase, test_recipes);
    tcase_add_test(tcase, test_recipe_leaves_the_rest);
    tcase_add_test(tcase, test_reference_recipe);
    tcase_add_test(tcase, test_defaults);
    tcase_add_loop_test(tcase, test_fitted_recipe, 0, sizeof fitted / sizeof *fitted);
    tcase_add_test(tcase, test_recipe_of_synthetic_rows);
    tcase_add_test(tcase, test_unknown_recipe);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("check");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_batch);
    tcase_add_test(tcase, test_epochs);
    tcase_add_test(tcase, test_objective_values);
    tcase_add_test(tcase, test_average_and_clipping);
    tcase_add_test(tcase, test_schedule);
    tcase_add_test(tcase, test_temperature);
    tcase_add_test(tcase, test_one_row_has_no_others);
    tcase_add_test(tcase, test_negatives);
    tcase_add_test(tcase, test_predictor_and_its_objectives_need_each_other);
    tcase_add_test(tcase, test_target_decay);
    tcase_add_test(tcase, test_queue);
    tcase_add_test(tcase, test_hidden_elements_need_some);
    tcase_add_test(tcase, test_vime);
    tcase_add_test(tcase, test_views_of_objectives);
    tcase_add_test(tcase, test_projector_needs_a_comparison);
    tcase_add_test(tcase, test_mask_ratio);
    tcase_add_test(tcase, test_block_masks_need_images);
    tcase_add_test(tcase, test_patch);
    tcase_add_test(tcase, test_image);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
