/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options, row by row: each text is read back as it was written; each option that
 * decides the bits stands in a model's metadata and, where it differs, stops a resumption and is
 * named; and none of it depends on the locale. */
#include <check.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "maskcl/options.h"
#include "train/checkpoint.h"
#include "train/options.h"
#include "train/recall.h"

#define ASSERT_OK(expression) ck_assert_msg((expression) == MCL_OK, "%s", mcl_error_message())

typedef union options {
    mcl_options base;
    mcl_pretrain_options pretraining;
    mcl_finetune_options finetuning;
    mcl_data_options data;
} options;

/* Options among which every row makes sense in one set or another. */
static const char *const contexts[] = {
    "objective=nt-xent+cosine+byol+moco+reconstruction:10;negatives=1;predictor=8;mask=block;"
    "optimizer=adam;schedule=cosine;warmup=1",
    "objective=nt-xent+vime;mask=bernoulli;optimizer=sgd;schedule=step;learning_rate_step_epochs=2",
    "holdout=0.25",
    "encoder=conv;filters=kmeans",
};

/* Texts of which one is another value of any option. */
static const char *const texts[] = {"no", "yes", "activated", "linear", "gelu", "batch", "sgd",
    "cosine", "constant", "bernoulli", "hidden", "bce", "fast", "7", "11", "0.25", "0.75", "-0.5",
    "24,12", "mask:bernoulli:0.25", "barlow:0.5", "25%", "comma", "columns", "patches", "two",
    "last", "grey"};

static void begin(options *made, mcl_options_kind kind, const char *context)
{
    char copy[256];
    snprintf(copy, sizeof copy, "%s", context);
    ASSERT_OK(mcl_options_init(&made->base, kind, 1));
    for (char *key = strtok(copy, "="); key; key = strtok(NULL, "=")) {
        const char *value = strtok(NULL, ";");
        const mcl_status status = mcl_options_set(&made->base, key, value);
        ck_assert_msg(status == MCL_OK || kind != MCL_OPTIONS_PRETRAIN, "%s", mcl_error_message());
    }
}

/* Sets an option to a value other than that it has. */
static void change(options *changed, const char *key)
{
    char before[MCL_OPTION_SIZE], after[MCL_OPTION_SIZE], reason[512];
    const options kept = *changed;
    ASSERT_OK(mcl_options_get(before, sizeof before, &changed->base, key));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *changed = kept;
        if (mcl_options_set(&changed->base, key, texts[i]) != MCL_OK)
            continue;
        ASSERT_OK(mcl_options_get(after, sizeof after, &changed->base, key));
        if (strcmp(before, after) != 0 &&
            !mcl_options_conflict(reason, sizeof reason, &changed->base, key))
            return;
    }
    ck_abort_msg("no other value of %s was found", key);
}

/* made = options in which the row makes sense: one of the contexts or, of an objective's own
 * option, that objective alone. */
static void find_context(options *made, mcl_options_kind kind, const char *key)
{
    char reason[512];
    const mcl_objective_info *info;
    for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++) {
        begin(made, kind, contexts[i]);
        if (!mcl_options_conflict(reason, sizeof reason, &made->base, key))
            return;
    }
    for (int k = 0; (info = mcl_objective_describe((mcl_objective_kind)k)); k++) {
        char context[64];
        snprintf(context, sizeof context, "objective=%s", info->name);
        begin(made, kind, context);
        if (!mcl_options_conflict(reason, sizeof reason, &made->base, key))
            return;
    }
    ck_abort_msg("%s makes sense in no context: %s", key, reason);
}

static const mcl_options_kind kinds[] = {
    MCL_OPTIONS_PRETRAIN, MCL_OPTIONS_FINETUNE, MCL_OPTIONS_DATA};

START_TEST(test_texts_are_read_back)
{
    const mcl_options_kind kind = kinds[_i];
    mcl_option_info info;
    size_t count = 0;
    for (; mcl_option_at(&info, kind, count) == MCL_OK; count++) {
        options made, copy;
        char text[MCL_OPTION_SIZE], again[MCL_OPTION_SIZE];
        find_context(&made, kind, info.key);
        ASSERT_OK(mcl_options_get(text, sizeof text, &made.base, info.key));
        ASSERT_OK(mcl_options_set(&made.base, info.key, text)); /* what is shown is a value */
        change(&made, info.key);
        ASSERT_OK(mcl_options_get(text, sizeof text, &made.base, info.key));
        ASSERT_OK(mcl_options_init(&copy.base, kind, 1));
        ASSERT_OK(mcl_options_set(&copy.base, info.key, text));
        ASSERT_OK(mcl_options_get(again, sizeof again, &copy.base, info.key));
        ck_assert_str_eq(text, again);
        ck_assert_uint_gt(strlen(info.help), 5);
        ck_assert_uint_gt(strlen(info.otherwise), 0);
    }
    ck_assert_uint_gt(count, 10);
}
END_TEST

/* The conditions of options as they are on ten rows. */
static void make_conditions(mcl_conditions *conditions, const options *made)
{
    options resolved = *made;
    if (made->base.kind == MCL_OPTIONS_PRETRAIN)
        mcl_train_resolve(&resolved.pretraining.train, 10);
    else
        mcl_train_resolve(&resolved.finetuning.train, 10);
    mcl_conditions_begin(conditions, "a test");
    ASSERT_OK(mcl_conditions_add_options(conditions, &resolved.base, NULL));
}

START_TEST(test_what_decides_the_bits_is_stored_and_compared)
{
    const mcl_options_kind kind = kinds[_i];
    char path[] = "/tmp/maskcl-table-XXXXXX";
    mcl_option_info info;
    mcl_model *model;
    const mcl_architecture architecture = {.input = 2, .embedding = 1};
    const int descriptor = mkstemp(path);
    ck_assert_int_ge(descriptor, 0);
    close(descriptor);
    ASSERT_OK(mcl_model_create(&model, &architecture, 5));
    for (size_t i = 0; mcl_option_at(&info, kind, i) == MCL_OK; i++) {
        options made, changed;
        mcl_conditions conditions;
        mcl_position position = {.step = 1};
        char named[64];
        if (!info.decides_bits)
            continue;
        find_context(&made, kind, info.key);
        changed = made;
        change(&changed, info.key);
        make_conditions(&conditions, &made);
        unlink(path);
        ASSERT_OK(mcl_checkpoint_write(path, model, &conditions, &position));
        ASSERT_OK(mcl_checkpoint_read(model, &position, path, &conditions));
        make_conditions(&conditions, &changed);
        ck_assert_int_eq(
            mcl_checkpoint_read(model, &position, path, &conditions), MCL_ERROR_ARGUMENT);
        /* Of the views, what differs is named by its part. */
        snprintf(named, sizeof named, " `%s` was ", strcmp(info.key, "views") ? info.key : "mask");
        ck_assert_msg(strstr(mcl_error_message(), named), "%s: %s", info.key, mcl_error_message());
    }
    mcl_model_free(model);
    unlink(path);
}
END_TEST

/* A stored option that is the one looked for. */
struct sought {
    const char *key;
    char value[MCL_OPTION_SIZE];
    char stored[64];
};

static mcl_status seek(void *to, const mcl_stored_option *option)
{
    struct sought *sought = to;
    if (strcmp(option->key, sought->key) == 0) {
        snprintf(sought->value, sizeof sought->value, "%s", option->value);
        snprintf(sought->stored, sizeof sought->stored, "%s", option->stored);
    }
    return MCL_OK;
}

START_TEST(test_metadata_have_what_decides_the_bits)
{
    const mcl_options_kind kind = kinds[_i];
    const char *prefix = kind == MCL_OPTIONS_FINETUNE ? "finetune_" : "";
    const mcl_architecture architecture = {.input = 2, .embedding = 1};
    mcl_option_info info;
    for (size_t i = 0; mcl_option_at(&info, kind, i) == MCL_OK; i++) {
        options made;
        mcl_model *model;
        struct sought sought = {.key = info.key};
        char key[128];
        if (!info.decides_bits)
            continue;
        find_context(&made, kind, info.key);
        change(&made, info.key);
        ASSERT_OK(mcl_model_create(&model, &architecture, 5));
        ASSERT_OK(mcl_options_describe(model, &made.base));
        ASSERT_OK(mcl_options_each(&made.base, seek, &sought));
        snprintf(key, sizeof key, "%s%s", prefix, sought.stored);
        if (!mcl_model_key_is_own(key)) { /* the architecture's keys are the model's own */
            ck_assert_msg(mcl_model_metadata_get(model, key) != NULL, "%s", info.key);
            ck_assert_str_eq(mcl_model_metadata_get(model, key), sought.value);
        }
        mcl_model_free(model);
    }
}
END_TEST

START_TEST(test_metadata_are_read_back)
{
    const mcl_options_kind kind = kinds[_i];
    const mcl_architecture architecture = {.input = 2, .embedding = 1};
    mcl_option_info info;
    for (size_t i = 0; mcl_option_at(&info, kind, i) == MCL_OK; i++) {
        options made, recalled;
        mcl_model *model;
        char before[MCL_OPTION_SIZE], after[MCL_OPTION_SIZE], assumed[256];
        const bool of_architecture = strcmp(info.group, "Model") == 0;
        if (!info.decides_bits || (of_architecture && strcmp(info.key, "dropout") != 0))
            continue;
        find_context(&made, kind, info.key);
        change(&made, info.key);
        mcl_train_resolve(
            kind == MCL_OPTIONS_PRETRAIN ? &made.pretraining.train : &made.finetuning.train, 10);
        ASSERT_OK(mcl_model_create(&model, &architecture, 5));
        ASSERT_OK(mcl_options_describe(model, &made.base));
        ASSERT_OK(mcl_options_init(&recalled.base, kind, 1));
        ASSERT_OK(mcl_options_recall(&recalled.base, assumed, sizeof assumed, model));
        ASSERT_OK(mcl_options_get(before, sizeof before, &made.base, info.key));
        ASSERT_OK(mcl_options_get(after, sizeof after, &recalled.base, info.key));
        ck_assert_msg(
            strcmp(before, after) == 0, "%s: %s is read back as %s", info.key, before, after);
        ck_assert_str_eq(assumed, "");
        mcl_model_free(model);
    }
}
END_TEST

START_TEST(test_no_locale_matters)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "ru_RU.UTF-8"};
    options made;
    char text[64];
    size_t i = 0;
    while (i < 4 && !setlocale(LC_ALL, names[i]))
        i++;
    if (i == 4) /* unit_numbers makes such a locale of its own */
        return;
    ASSERT_OK(mcl_options_init(&made.base, MCL_OPTIONS_PRETRAIN, 1));
    ASSERT_OK(mcl_options_set(&made.base, "learning_rate", "0.25"));
    ck_assert_double_eq(made.pretraining.train.optimizer.learning_rate, 0.25);
    ASSERT_OK(mcl_options_get(text, sizeof text, &made.base, "learning_rate"));
    ck_assert_str_eq(text, "0.25");
    ck_assert_int_eq(mcl_options_set(&made.base, "learning_rate", "0,5"), MCL_ERROR_ARGUMENT);
    setlocale(LC_ALL, "C");
}
END_TEST

START_TEST(test_what_is_refused)
{
    options made, before;
    char text[64];
    ASSERT_OK(mcl_options_init(&made.base, MCL_OPTIONS_PRETRAIN, 1));
    before = made;
    static const struct {
        const char *key, *text, *message;
    } bad[] = {
        {"epoch", "3", "there is no option 'epoch'"},
        {"labels_per_class", "3", "there is no option 'labels_per_class'"},
        {"epochs", "4294967296", "4294967296 is not from 0 to 4294967295"},
        {"epochs", "many", "'many' is not a whole number"},
        {"learning_rate", "0", "0 is not a number above 0"},
        {"learning_rate", "x", "'x' is not a number"},
        {"mask_ratio", "1e-60", "1e-60 is not a number between 0 and 1"},
        {"margin", "1", "1 is not a number from -1 to below 1"},
        {"hidden", "8,,8", "'' is not a whole number"},
        {"batch", "at most", "'at most' is not a whole number"},
        {"warmup", "100%", "100% is not below 100%"},
        {"reconstruct", "some", "unknown choice of elements 'some': it is all or hidden"},
        {"checkpoint_every", "5m",
            "'5m' is neither a number of steps such as 500 nor of seconds such as 30s"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(mcl_options_set(&made.base, bad[i].key, bad[i].text), MCL_ERROR_ARGUMENT);
        ck_assert_str_eq(mcl_error_message(), bad[i].message);
        ck_assert_mem_eq(&made, &before, sizeof made.pretraining);
    }
    ck_assert_int_eq(mcl_options_set(NULL, "epochs", "1"), MCL_ERROR_ARGUMENT);
    ck_assert_int_eq(mcl_options_set(&made.base, NULL, "1"), MCL_ERROR_ARGUMENT);
    ck_assert_int_eq(mcl_options_set(&made.base, "epochs", NULL), MCL_ERROR_ARGUMENT);
    ck_assert_int_eq(mcl_options_get(text, 0, &made.base, "epochs"), MCL_ERROR_ARGUMENT);
    ck_assert_int_eq(mcl_options_init(&made.base, MCL_OPTIONS_PRETRAIN, 99), MCL_ERROR_ARGUMENT);
    ck_assert_int_eq(mcl_options_init(&made.base, (mcl_options_kind)7, 1), MCL_ERROR_ARGUMENT);
}
END_TEST

START_TEST(test_data_options)
{
    mcl_data_options made;
    char text[64];
    ASSERT_OK(mcl_data_options_init(&made));
    ck_assert_ptr_null(made.label);
    ck_assert_ptr_null(made.delimiter);
    ck_assert_ptr_null(made.background);
    ck_assert_uint_eq(made.size + made.colors + made.host_memory, 0);
    static const char column[] = "species, in Latin";
    ASSERT_OK(mcl_options_set(&made.base, "label", column));
    ck_assert_ptr_eq(made.label, column); /* the caller's own text */
    ASSERT_OK(mcl_options_set(&made.base, "label", ""));
    ck_assert_ptr_null(made.label);
    static const struct {
        const char *text;
        uint64_t bytes;
    } sizes[] = {
        {"1", 1}, {"3K", 3072}, {"2G", UINT64_C(2) << 30}, {"1T", UINT64_C(1) << 40}, {"auto", 0}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        ASSERT_OK(mcl_options_set(&made.base, "host_memory", sizes[i].text));
        ck_assert_uint_eq(made.host_memory, sizes[i].bytes);
        ASSERT_OK(mcl_options_get(text, sizeof text, &made.base, "host_memory"));
        ck_assert_str_eq(text, sizes[i].text);
    }
    ASSERT_OK(mcl_options_set(&made.base, "colors", "rgb"));
    ck_assert_uint_eq(made.colors, 3);
    static const char *const bad[][2] = {{"host_memory", "0"}, {"host_memory", "2X"},
        {"host_memory", "G"}, {"host_memory", "99999999T"}, {"size", "0"}, {"header", "maybe"},
        {"delimiter", ";"}, {"decimal", "dot"}, {"colors", "2"}, {"epochs", "1"}};
    const mcl_data_options before = made;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(mcl_options_set(&made.base, bad[i][0], bad[i][1]), MCL_ERROR_ARGUMENT);
        ck_assert_mem_eq(&made, &before, sizeof made);
    }
    made.standardize = (mcl_standardize)99;
    made.colors = 2;
    ASSERT_OK(mcl_options_get(text, sizeof text, &made.base, "standardize"));
    ASSERT_OK(mcl_options_get(text, sizeof text, &made.base, "colors"));
}
END_TEST

/* What a checkpoint of 0.1 says is understood. */
START_TEST(test_former_texts)
{
    ck_assert(mcl_option_agrees(
        MCL_OPTIONS_PRETRAIN, "learning_rate", "0.001", "0.0010000000000000000208"));
    ck_assert(mcl_option_agrees(MCL_OPTIONS_PRETRAIN, "temperature", "0.2", "0.200000003"));
    ck_assert(mcl_option_agrees(MCL_OPTIONS_PRETRAIN, "objective", "nt-xent+reconstruction:10",
        "nt-xent:1+reconstruction:10"));
    ck_assert(!mcl_option_agrees(MCL_OPTIONS_PRETRAIN, "objective", "nt-xent", "nt-xent:2"));
    ck_assert(!mcl_option_agrees(MCL_OPTIONS_PRETRAIN, "epochs", "1", "x"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("table");
    TCase *tests = tcase_create("table");
    tcase_add_loop_test(tests, test_texts_are_read_back, 0, 3);
    tcase_add_loop_test(tests, test_what_decides_the_bits_is_stored_and_compared, 0, 2);
    tcase_add_loop_test(tests, test_metadata_have_what_decides_the_bits, 0, 2);
    tcase_add_loop_test(tests, test_metadata_are_read_back, 0, 2);
    tcase_add_test(tests, test_no_locale_matters);
    tcase_add_test(tests, test_what_is_refused);
    tcase_add_test(tests, test_data_options);
    tcase_add_test(tests, test_former_texts);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
