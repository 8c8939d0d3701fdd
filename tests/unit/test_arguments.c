/* SPDX-License-Identifier: Apache-2.0 */
/* Every public function with NULL and with numbers out of range: an error, or what its header says;
 * never a crash. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "maskcl/maskcl.h"
#include "support/device.h"
#include "support/files.h"

#define BEYOND 999 /* no enumeration goes so far */
#define ROWS 8
#define COLUMNS 6

/* What the calls need besides the argument that is wrong. */
static mcl_data *data;
static mcl_model *model;
static mcl_pretrain_options options;
static mcl_finetune_options tuning;
static float values[ROWS * COLUMNS], more[ROWS * COLUMNS];
static int32_t labels[ROWS];

static void set_up(void)
{
    const mcl_architecture architecture = {.input = COLUMNS, .embedding = 4, .classes = 2};
    scratch_setup();
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
        values[i] = (float)(i % 7) - 3.0f;
    for (size_t i = 0; i < ROWS; i++)
        labels[i] = i % 2;
    context_setup();
    ck_assert_int_eq(mcl_data_from_floats(&data, values, ROWS, COLUMNS), MCL_OK);
    ck_assert_int_eq(mcl_model_create(&model, &architecture, 0), MCL_OK);
    ck_assert_int_eq(mcl_pretrain_options_init(&options), MCL_OK);
    ck_assert_int_eq(mcl_finetune_options_init(&tuning), MCL_OK);
    options.train.epochs = tuning.train.epochs = 1;
}

static void tear_down(void)
{
    mcl_model_free(model);
    mcl_data_free(data);
    context_teardown();
    scratch_teardown();
}

/* The call is refused, and the message is of this call. */
#define REFUSED(call)                                                                              \
    do {                                                                                           \
        const mcl_status status = (call);                                                          \
        ck_assert_msg(status == MCL_ERROR_ARGUMENT, "%s: status %d, %s", #call, (int)status,       \
            mcl_error_message());                                                                  \
        ck_assert_msg(*mcl_error_message() && !strchr(mcl_error_message(), '\n'), #call);          \
    } while (0)

START_TEST(test_frees_take_null)
{
    mcl_data_free(NULL);
    mcl_labels_free(NULL);
    mcl_devices_free(NULL);
    mcl_context_close(NULL);
    mcl_encoder_close(NULL);
    mcl_model_free(NULL);
    mcl_profile_free(NULL);
    mcl_output_lock_release(NULL);
}

START_TEST(test_names)
{
    for (int number = -1; number <= BEYOND; number += BEYOND + 1) {
        ck_assert_str_eq(mcl_gemm_kind_name((mcl_gemm_kind)number), "?");
        ck_assert_str_eq(mcl_mask_kind_name((mcl_mask_kind)number), "?");
        ck_assert_str_eq(mcl_activation_name((mcl_activation)number), "?");
        ck_assert_str_eq(mcl_normalization_name((mcl_normalization)number), "?");
        ck_assert_str_eq(mcl_objective_name((mcl_objective_kind)number), "?");
        ck_assert_str_eq(mcl_optimizer_name((mcl_optimizer_kind)number), "?");
        ck_assert_str_eq(mcl_schedule_name((mcl_schedule_kind)number), "?");
        ck_assert_str_eq(mcl_device_type_name((mcl_device_type)number), "other");
        ck_assert_ptr_null(mcl_objective_describe((mcl_objective_kind)number));
        ck_assert_ptr_null(mcl_optimizer_describe((mcl_optimizer_kind)number));
        ck_assert_ptr_null(mcl_schedule_describe((mcl_schedule_kind)number));
    }
    ck_assert_ptr_null(mcl_view_part_describe(BEYOND));
    ck_assert_ptr_null(mcl_recipe_at(BEYOND));
    ck_assert(!mcl_objective_views(&options.views, (mcl_objective_kind)BEYOND));
    ck_assert(!mcl_objective_views(NULL, MCL_OBJECTIVE_SCARF));
}

/* Parsers of one name each. */
#define PARSED(function, type, text)                                                               \
    do {                                                                                           \
        type parsed;                                                                               \
        REFUSED(function(NULL, text));                                                             \
        REFUSED(function(&parsed, NULL));                                                          \
        REFUSED(function(&parsed, ""));                                                            \
        ck_assert_int_eq(function(&parsed, text), MCL_OK);                                         \
    } while (0)

START_TEST(test_parsers)
{
    mcl_objective objectives[MCL_OBJECTIVES_MAX];
    size_t count;
    char text[MCL_VIEW_OPTIONS_SIZE] = "before";
    PARSED(mcl_gemm_kind_parse, mcl_gemm_kind, "native");
    PARSED(mcl_mask_kind_parse, mcl_mask_kind, "block");
    PARSED(mcl_activation_parse, mcl_activation, "relu");
    PARSED(mcl_normalization_parse, mcl_normalization, "batch");
    PARSED(mcl_optimizer_parse, mcl_optimizer_kind, "adam");
    PARSED(mcl_schedule_parse, mcl_schedule_kind, "step");
    PARSED(mcl_view_options_parse, mcl_view_options, "mask");
    REFUSED(mcl_objectives_parse(NULL, &count, "moco"));
    REFUSED(mcl_objectives_parse(objectives, NULL, "moco"));
    REFUSED(mcl_objectives_parse(objectives, &count, NULL));
    mcl_objectives_show(NULL, 10, options.objectives, 1);
    mcl_objectives_show(text, 0, options.objectives, 1);
    ck_assert_str_eq(text, "before");
    mcl_objectives_show(text, sizeof text, NULL, 1);
    ck_assert_str_eq(text, "");
    objectives[0] = (mcl_objective){(mcl_objective_kind)BEYOND, 1.0f};
    mcl_objectives_show(text, sizeof text, objectives, 1);
    ck_assert_str_eq(text, "?");
    mcl_view_options_show(NULL, &options.views);
    mcl_view_options_show(text, NULL);
    options.views.mask.kind = (mcl_mask_kind)BEYOND;
    options.views.relation = (mcl_mask_relation)BEYOND;
    mcl_view_options_show(text, &options.views);
    ck_assert_ptr_nonnull(strstr(text, "mask:?:"));
}

START_TEST(test_data)
{
    mcl_data *made = NULL;
    uint64_t shape[MCL_DIMENSIONS_MAX];
    int32_t *read;
    uint64_t count;
    REFUSED(mcl_data_open(NULL, "x"));
    REFUSED(mcl_data_open(&made, NULL));
    REFUSED(mcl_data_synthetic(NULL, 1, 1, 0));
    REFUSED(mcl_data_synthetic(&made, 0, 1, 0));
    REFUSED(mcl_data_synthetic(&made, 1, UINT64_MAX, 0));
    REFUSED(mcl_data_from_floats(NULL, values, 1, 1));
    REFUSED(mcl_data_from_floats(&made, NULL, 1, 1));
    REFUSED(mcl_data_from_floats(&made, values, 0, 1));
    REFUSED(mcl_data_from_floats(&made, values, UINT64_MAX, UINT64_MAX));
    REFUSED(mcl_data_from_memory(NULL, &(mcl_array_description){.values = values}));
    REFUSED(mcl_data_from_memory(&made, NULL));
    mcl_array_description array = {.type = MCL_NUMBER_FLOAT32, .dimensions = 1, .shape = {4}};
    REFUSED(mcl_data_from_memory(&made, &array));
    array.values = values;
    array.type = (mcl_number)BEYOND;
    REFUSED(mcl_data_from_memory(&made, &array));
    array.type = MCL_NUMBER_FLOAT32;
    array.dimensions = 0;
    REFUSED(mcl_data_from_memory(&made, &array));
    array.dimensions = BEYOND;
    REFUSED(mcl_data_from_memory(&made, &array));
    REFUSED(mcl_data_floats(NULL, data, 0, 1));
    REFUSED(mcl_data_floats(more, NULL, 0, 1));
    REFUSED(mcl_data_floats(more, data, ROWS + 1, 0));
    REFUSED(mcl_data_floats(more, data, 1, UINT64_MAX));
    REFUSED(mcl_labels_open(NULL, &count, "x"));
    REFUSED(mcl_labels_open(&read, NULL, "x"));
    REFUSED(mcl_labels_open(&read, &count, NULL));
    ck_assert_uint_eq(mcl_data_rows(NULL) + mcl_data_columns(NULL), 0);
    ck_assert_int_eq(mcl_data_element(NULL), MCL_ELEMENT_UINT8);
    char digest[MCL_DIGEST_SIZE];
    ck_assert_ptr_null(mcl_data_warning(NULL));
    ck_assert(!mcl_model_doubts(NULL, 0, model, data));
    ck_assert(!mcl_model_doubts((char[64]){0}, 64, model, NULL));
    mcl_data_digest(NULL, data);
    mcl_data_digest(digest, NULL);
    ck_assert_str_eq(digest, "");
    mcl_labels_digest(NULL, labels, 1);
    mcl_labels_digest(digest, NULL, 1);
    ck_assert_str_eq(digest, "");
    ck_assert_uint_eq(mcl_data_row_shape(NULL, shape), 0);
    ck_assert_uint_eq(mcl_data_row_shape(data, NULL), 0);
    ck_assert_ptr_null(made);
}

START_TEST(test_devices)
{
    mcl_device_info *list;
    mcl_context *opened = NULL;
    size_t count, index;
    const char *reason;
    REFUSED(mcl_devices_list(NULL, &count));
    REFUSED(mcl_devices_list(&list, NULL));
    ck_assert_int_eq(mcl_devices_list(&list, &count), MCL_OK);
    REFUSED(mcl_device_select(NULL, &reason, list, count, NULL, NULL));
    REFUSED(mcl_device_select(&index, &reason, NULL, count, NULL, NULL));
    ck_assert_int_eq(mcl_device_select(&index, &reason, list, 0, NULL, NULL), MCL_ERROR_NO_DEVICE);
    ck_assert_int_eq(mcl_device_select(&index, NULL, list, count, NULL, NULL), MCL_OK);
    ck_assert_uint_eq(mcl_device_preferred(list, count, count), count);
    ck_assert_uint_eq(mcl_device_preferred(NULL, count, 0), 0);
    mcl_devices_free(list);
    (void)mcl_driver_problems(NULL, 0);
    REFUSED(mcl_context_open(NULL, NULL));
    for (int number = -1; number <= BEYOND; number += BEYOND + 1)
        REFUSED(mcl_context_open(&opened, &(mcl_context_options){.gemm = (mcl_gemm_kind)number}));
    REFUSED(mcl_context_open(&opened, &(mcl_context_options){.compute_units = UINT32_MAX}));
    ck_assert_ptr_null(opened);
    mcl_context_limit_memory(NULL, 1);
    ck_assert_ptr_null(mcl_context_device(NULL));
    ck_assert_int_eq(mcl_context_gemm(NULL), MCL_GEMM_AUTO);
    REFUSED(mcl_context_require_reproducible(NULL));
}

START_TEST(test_models)
{
    mcl_architecture architecture = {.input = 2, .embedding = 2};
    mcl_model *made = NULL;
    const char *key = "", *value = "";
    uint64_t count, encoder;
    char digest[MCL_DIGEST_SIZE];
    REFUSED(mcl_model_create(NULL, &architecture, 0));
    REFUSED(mcl_model_create(&made, NULL, 0));
    architecture.activation = (mcl_activation)BEYOND;
    REFUSED(mcl_model_create(&made, &architecture, 0));
    architecture.activation = MCL_ACTIVATION_RELU;
    architecture.normalization = (mcl_normalization)BEYOND;
    REFUSED(mcl_model_create(&made, &architecture, 0));
    architecture.normalization = MCL_NORMALIZATION_NONE;
    architecture.hidden_count = MCL_HIDDEN_MAX + 1;
    REFUSED(mcl_model_create(&made, &architecture, 0));
    ck_assert_ptr_null(made);
    REFUSED(mcl_model_load(NULL, "x"));
    REFUSED(mcl_model_load(&made, NULL));
    REFUSED(mcl_model_save_anywhere(NULL, "x"));
    REFUSED(mcl_model_save_anywhere(model, NULL));
    REFUSED(mcl_model_save(NULL, "x"));
    REFUSED(mcl_model_save(model, NULL));
    ck_assert_ptr_null(mcl_model_architecture(NULL));
    ck_assert_uint_eq(mcl_model_tensor_count(NULL) + mcl_model_metadata_count(NULL), 0);
    ck_assert_ptr_null(mcl_model_tensor(NULL, 0).name);
    const mcl_tensor beyond = mcl_model_tensor(model, mcl_model_tensor_count(model));
    ck_assert_ptr_null(beyond.name);
    ck_assert_ptr_null(beyond.values);
    ck_assert_uint_eq(beyond.dimensions, 0);
    ck_assert_ptr_null(mcl_model_tensor(model, SIZE_MAX).name);
    ck_assert_ptr_null(mcl_model_parameters(NULL, &count, &encoder));
    ck_assert_uint_eq(count + encoder, 0);
    ck_assert_ptr_nonnull(mcl_model_parameters(model, NULL, NULL));
    mcl_model_digest(NULL, model);
    mcl_model_digest(digest, NULL);
    ck_assert_str_eq(digest, "");
    REFUSED(mcl_model_metadata_set(NULL, "key", "value"));
    REFUSED(mcl_model_metadata_set(model, NULL, "value"));
    REFUSED(mcl_model_metadata_set(model, "key", NULL));
    ck_assert_ptr_null(mcl_model_metadata_get(NULL, "key"));
    ck_assert_ptr_null(mcl_model_metadata_get(model, NULL));
    mcl_model_metadata_at(model, mcl_model_metadata_count(model), &key, &value);
    ck_assert_ptr_null(key);
    ck_assert_ptr_null(value);
    mcl_model_metadata_at(NULL, 0, &key, &value);
    mcl_model_metadata_at(model, 0, NULL, NULL);
}

START_TEST(test_options)
{
    mcl_option_info info;
    char text[64] = "before";
    REFUSED(mcl_options_init(NULL, MCL_OPTIONS_PRETRAIN, MCL_PRETRAIN_OPTIONS_VERSION));
    REFUSED(mcl_options_init(&options.base, (mcl_options_kind)BEYOND, 1));
    REFUSED(mcl_options_init(&options.base, MCL_OPTIONS_PRETRAIN, BEYOND));
    REFUSED(mcl_options_set(NULL, "epochs", "1"));
    REFUSED(mcl_options_set(&options.base, NULL, "1"));
    REFUSED(mcl_options_set(&options.base, "epochs", NULL));
    REFUSED(mcl_options_get(text, sizeof text, NULL, "epochs"));
    REFUSED(mcl_options_get(text, sizeof text, &options.base, NULL));
    REFUSED(mcl_options_get(NULL, sizeof text, &options.base, "epochs"));
    REFUSED(mcl_options_get(text, 0, &options.base, "epochs"));
    ck_assert_str_eq(text, "before");
    ck_assert(!mcl_options_conflict(text, sizeof text, NULL, "epochs"));
    ck_assert(!mcl_options_conflict(text, sizeof text, &options.base, NULL));
    ck_assert(!mcl_options_conflict(text, sizeof text, &options.base, "no such key"));
    ck_assert_str_eq(text, "");
    ck_assert(mcl_options_conflict(NULL, 0, &options.base, "learning_rate_step_epochs"));
    REFUSED(mcl_option_at(NULL, MCL_OPTIONS_PRETRAIN, 0));
    REFUSED(mcl_option_at(&info, (mcl_options_kind)BEYOND, 0));
    REFUSED(mcl_option_at(&info, MCL_OPTIONS_PRETRAIN, SIZE_MAX));
    REFUSED(mcl_recipe_apply(NULL, "default"));
    REFUSED(mcl_recipe_apply(&options, NULL));
    REFUSED(mcl_recipe_apply(&options, "no such recipe"));
    REFUSED(mcl_recipe_fit(NULL, &options, NULL));
    mcl_checkpoint_previous(NULL, 10, "x");
    strcpy(text, "before");
    mcl_checkpoint_previous(text, 0, "x");
    ck_assert_str_eq(text, "before");
    mcl_checkpoint_previous(text, sizeof text, NULL);
    ck_assert_str_eq(text, "");
    ck_assert_uint_eq(mcl_batch_rows(0, 0), 0);
    ck_assert_uint_eq(mcl_batch_rows(MCL_BATCH_ALL, 0), 0);
}

/* Every option of such options is read, and looked at for conflicts. */
static void ask_all(const mcl_options *asked, mcl_status expected)
{
    mcl_option_info info;
    char text[256];
    for (size_t i = 0; mcl_option_at(&info, asked->kind, i) == MCL_OK; i++) {
        ck_assert_int_eq(mcl_options_get(text, sizeof text, asked, info.key), expected);
        (void)mcl_options_conflict(text, sizeof text, asked, info.key);
    }
}

START_TEST(test_options_out_of_range)
{
    const mcl_pretrain_options good = options;
    mcl_data_options reading;
    ck_assert_int_eq(mcl_data_options_init(&reading), MCL_OK);
    ask_all(&reading.base, MCL_OK);
    reading.header = (mcl_header)BEYOND;
    reading.standardize = (mcl_standardize)-1;
    reading.channels = (mcl_channels)BEYOND;
    reading.colors = BEYOND;
    ask_all(&reading.base, MCL_OK);
    ask_all(&options.base, MCL_OK);
    ask_all(&tuning.base, MCL_OK);
    options.activation = (mcl_activation)BEYOND;
    options.normalization = (mcl_normalization)BEYOND;
    options.views.mask.kind = (mcl_mask_kind)BEYOND;
    options.objectives[0].kind = (mcl_objective_kind)BEYOND;
    options.train.optimizer.kind = tuning.train.optimizer.kind = (mcl_optimizer_kind)BEYOND;
    options.train.schedule.kind = tuning.train.schedule.kind = (mcl_schedule_kind)BEYOND;
    ask_all(&options.base, MCL_OK);
    ask_all(&tuning.base, MCL_OK);
#define TOO_MANY(member)                                                                           \
    do {                                                                                           \
        options = good;                                                                            \
        options.member = BEYOND;                                                                   \
        ask_all(&options.base, MCL_ERROR_ARGUMENT);                                                \
        REFUSED(mcl_options_set(&options.base, "queue", "1"));                                     \
    } while (0)
    TOO_MANY(hidden_count);
    TOO_MANY(decoder_count);
    TOO_MANY(projector_count);
    TOO_MANY(predictor_count);
    TOO_MANY(objective_count);
    TOO_MANY(setting_count);
    options = good;
}

START_TEST(test_pretraining)
{
    mcl_model *made = NULL;
    mcl_pretrain_options wrong;
    REFUSED(mcl_pretrain(NULL, context, data, &options));
    REFUSED(mcl_pretrain(&made, NULL, data, &options));
    REFUSED(mcl_pretrain(&made, context, NULL, &options));
    REFUSED(mcl_pretrain(&made, context, data, NULL));
    REFUSED(mcl_pretrain(&made, context, data, &(mcl_pretrain_options){.hidden_count = 0}));
#define WRONG(member, value)                                                                       \
    do {                                                                                           \
        wrong = options;                                                                           \
        wrong.member = (value);                                                                    \
        REFUSED(mcl_pretrain(&made, context, data, &wrong));                                       \
    } while (0)
    WRONG(activation, (mcl_activation)BEYOND);
    WRONG(activation, (mcl_activation)-1);
    WRONG(normalization, (mcl_normalization)BEYOND);
    WRONG(views.mask.kind, (mcl_mask_kind)BEYOND);
    WRONG(views.mask.kind, (mcl_mask_kind)-1);
    WRONG(views.relation, (mcl_mask_relation)BEYOND);
    WRONG(views.mask.ratio, NAN);
    WRONG(views.noise, NAN);
    WRONG(views.corruption, 2.0f);
    WRONG(objectives[0].kind, (mcl_objective_kind)BEYOND);
    WRONG(objectives[0].weight, NAN);
    WRONG(objective_count, BEYOND);
    WRONG(setting_count, BEYOND);
    WRONG(hidden_count, BEYOND);
    WRONG(hidden_count, UINT32_MAX);
    WRONG(embedding, 0);
    WRONG(projector_count, BEYOND);
    WRONG(predictor_count, BEYOND);
    WRONG(train.optimizer.kind, (mcl_optimizer_kind)BEYOND);
    WRONG(train.optimizer.learning_rate, NAN);
    WRONG(train.optimizer.beta1, NAN);
    WRONG(train.optimizer.weight_decay, INFINITY);
    WRONG(train.schedule.kind, (mcl_schedule_kind)BEYOND);
    WRONG(train.schedule.warmup, NAN);
    WRONG(train.dropout, NAN);
    WRONG(train.clip_norm, NAN);
    WRONG(train.ema, NAN);
    WRONG(filters.kind, (mcl_filters)BEYOND);
    WRONG(filters.kind, MCL_FILTERS_PATCHES); /* of a dense encoder */
    WRONG(filters.deviation, NAN);
    WRONG(filters.whitening, 0.0f);
    WRONG(filters.threshold, INFINITY);
    WRONG(train.batch, 0);
    WRONG(train.batch, ROWS + 1);
    WRONG(train.epochs, UINT64_MAX);
    WRONG(train.checkpoint_seconds, NAN);
    wrong = options;
    wrong.own_decoder = true;
    wrong.decoder_count = BEYOND;
    REFUSED(mcl_pretrain(&made, context, data, &wrong));
    ck_assert_ptr_null(made);
}

START_TEST(test_fine_tuning)
{
    mcl_model *made = NULL;
    int32_t classes[ROWS];
    mcl_finetune_options wrong = tuning;
    REFUSED(mcl_finetune(NULL, context, model, data, labels, &tuning));
    REFUSED(mcl_finetune(&made, NULL, model, data, labels, &tuning));
    REFUSED(mcl_finetune(&made, context, NULL, data, labels, &tuning));
    REFUSED(mcl_finetune(&made, context, model, NULL, labels, &tuning));
    REFUSED(mcl_finetune(&made, context, model, data, NULL, &tuning));
    REFUSED(mcl_finetune(&made, context, model, data, labels, NULL));
    REFUSED(mcl_finetune(&made, context, model, data, labels, (const void *)&options));
    wrong.train.optimizer.kind = (mcl_optimizer_kind)BEYOND;
    REFUSED(mcl_finetune(&made, context, model, data, labels, &wrong));
    wrong = tuning;
    wrong.train.schedule.kind = (mcl_schedule_kind)-1;
    REFUSED(mcl_finetune(&made, context, model, data, labels, &wrong));
    ck_assert_ptr_null(made);
    REFUSED(mcl_classify(NULL, context, model, data));
    REFUSED(mcl_classify(classes, NULL, model, data));
    REFUSED(mcl_classify(classes, context, NULL, data));
    REFUSED(mcl_classify(classes, context, model, NULL));
}

START_TEST(test_embedding)
{
    mcl_encoder *encoder = NULL;
    uint32_t width;
    REFUSED(mcl_embed(NULL, context, model, data));
    REFUSED(mcl_embed(more, NULL, model, data));
    REFUSED(mcl_embed(more, context, NULL, data));
    REFUSED(mcl_embed(more, context, model, NULL));
    REFUSED(mcl_embed_layer(NULL, context, model, data, 1));
    REFUSED(mcl_embed_layer(more, NULL, model, data, 1));
    REFUSED(mcl_embed_layer(more, context, NULL, data, 1));
    REFUSED(mcl_embed_layer(more, context, model, NULL, 1));
    REFUSED(mcl_embed_pooled(more, context, model, data, 1, 2)); /* there is no map */
    REFUSED(mcl_pooled_width(&width, model, 1, 2));
    REFUSED(mcl_pooled_width(NULL, model, 1, 2));
    REFUSED(mcl_embed_layer(more, context, model, data, UINT32_MAX));
    REFUSED(mcl_layer_width(NULL, model, 1));
    REFUSED(mcl_layer_width(&width, NULL, 1));
    REFUSED(mcl_layer_width(&width, model, BEYOND));
    REFUSED(mcl_encoder_open(NULL, context, model, 0, 1));
    REFUSED(mcl_encoder_open(&encoder, NULL, model, 0, 1));
    REFUSED(mcl_encoder_open(&encoder, context, NULL, 0, 1));
    REFUSED(mcl_encoder_open(&encoder, context, model, BEYOND, 1));
    REFUSED(mcl_encoder_open(&encoder, context, model, 0, 0));
    ck_assert_ptr_null(encoder);
    ck_assert(!mcl_model_doubts(NULL, 0, model, data));
    ck_assert(!mcl_model_doubts((char[16]){""}, 16, model, NULL));
    ck_assert_uint_eq(mcl_encoder_columns(NULL) + mcl_encoder_width(NULL), 0);
    REFUSED(mcl_encoder_run(NULL, more, values, 1));
    ck_assert_int_eq(mcl_encoder_open(&encoder, context, model, 0, 1), MCL_OK);
    REFUSED(mcl_encoder_run(encoder, NULL, values, 1));
    REFUSED(mcl_encoder_run(encoder, more, NULL, 1));
    mcl_encoder_close(encoder);
}

START_TEST(test_probing)
{
    const mcl_features good = {values, labels, ROWS, COLUMNS, NULL};
    const mcl_features bad[] = {
        {NULL, labels, ROWS, COLUMNS, NULL}, {values, NULL, ROWS, COLUMNS, NULL}};
    mcl_probe_result result;
    mcl_few_result few;
    REFUSED(mcl_probe(NULL, context, &good, &good));
    REFUSED(mcl_probe(&result, NULL, &good, &good));
    REFUSED(mcl_probe(&result, context, NULL, &good));
    REFUSED(mcl_probe(&result, context, &good, NULL));
    REFUSED(mcl_probe_few(NULL, context, &good, &good, 1));
    REFUSED(mcl_probe_few(&few, NULL, &good, &good, 1));
    REFUSED(mcl_probe_few(&few, context, NULL, &good, 1));
    REFUSED(mcl_probe_few(&few, context, &good, NULL, 1));
    REFUSED(mcl_probe_few(&few, context, &good, &good, 0));
    ck_assert_int_eq(mcl_probe_few(&few, context, &good, &good, UINT64_MAX), MCL_ERROR_DATA);
    for (size_t i = 0; i < 2; i++) {
        REFUSED(mcl_probe(&result, context, &bad[i], &good));
        REFUSED(mcl_probe(&result, context, &good, &bad[i]));
        REFUSED(mcl_probe_few(&few, context, &bad[i], &good, 1));
    }
    ck_assert(isnan(mcl_mean_of(NULL, 3).mean));
    ck_assert(isnan(mcl_mean_of((const double[]){1.0}, 0).mean));
}

START_TEST(test_views_and_reconstructions)
{
    const mcl_mask mask = {MCL_MASK_BERNOULLI, 0.5f, 4, 0},
                   bad = {(mcl_mask_kind)BEYOND, 0.5f, 4, 0};
    const mcl_view_options *views = &options.views;
    REFUSED(mcl_reconstruct(NULL, more, context, model, data, &mask, 0, 0, 1));
    REFUSED(mcl_reconstruct(more, NULL, context, model, data, &mask, 0, 0, 1));
    REFUSED(mcl_reconstruct(more, more, NULL, model, data, &mask, 0, 0, 1));
    REFUSED(mcl_reconstruct(more, more, context, NULL, data, &mask, 0, 0, 1));
    REFUSED(mcl_reconstruct(more, more, context, model, NULL, &mask, 0, 0, 1));
    REFUSED(mcl_reconstruct(more, more, context, model, data, NULL, 0, 0, 1));
    REFUSED(mcl_reconstruct(more, more, context, model, data, &bad, 0, 0, 1));
    REFUSED(mcl_reconstruct(more, more, context, model, data, &mask, 0, 1, UINT64_MAX));
    REFUSED(mcl_views_draw(NULL, more, context, data, views, 0, 0, 0, 1));
    REFUSED(mcl_views_draw(more, NULL, context, data, views, 0, 0, 0, 1));
    REFUSED(mcl_views_draw(more, more, NULL, data, views, 0, 0, 0, 1));
    REFUSED(mcl_views_draw(more, more, context, NULL, views, 0, 0, 0, 1));
    REFUSED(mcl_views_draw(more, more, context, data, NULL, 0, 0, 0, 1));
    REFUSED(mcl_views_draw(more, more, context, data, views, 0, 0, ROWS, 1));
    options.views.mask = bad;
    REFUSED(mcl_views_draw(more, more, context, data, views, 0, 0, 0, 1));
}

START_TEST(test_outputs)
{
    const uint64_t shape[] = {2, 3}, huge[] = {UINT64_MAX, UINT64_MAX};
    const uint8_t pixels[3] = {0};
    const char *path = scratch("file");
    REFUSED(mcl_write_npy(NULL, values, shape, 2));
    REFUSED(mcl_write_npy(path, NULL, shape, 2));
    REFUSED(mcl_write_npy(path, values, NULL, 2));
    REFUSED(mcl_write_npy(path, values, huge, 2));
    REFUSED(mcl_write_npy(path, values, shape, BEYOND));
    REFUSED(mcl_write_png(NULL, pixels, 1, 1, 3));
    REFUSED(mcl_write_png(path, NULL, 1, 1, 3));
    REFUSED(mcl_write_png(path, pixels, 0, 1, 3));
    REFUSED(mcl_write_png(path, pixels, 1, UINT32_MAX, 3));
    REFUSED(mcl_write_png(path, pixels, 1, 1, 2));
    mcl_output_lock *lock;
    REFUSED(mcl_output_lock_take(NULL, path));
    REFUSED(mcl_output_lock_take(&lock, NULL));
    REFUSED(mcl_write_text(NULL, "text"));
    REFUSED(mcl_write_text(path, NULL));
    ck_assert(!mcl_output_same(NULL, path));
    ck_assert(!mcl_output_same(path, NULL));
    ck_assert(!mcl_output_same(NULL, NULL));
    REFUSED(mcl_output_check(NULL));
    ck_assert_uint_eq(scratch_files(NULL), 0);
}

START_TEST(test_texts)
{
    char clean[8] = "before";
    ck_assert_uint_eq(mcl_clean_text(NULL, 8, "text", ""), 0);
    ck_assert_uint_eq(mcl_clean_text(clean, 0, "text", ""), 0);
    ck_assert_str_eq(clean, "before");
    ck_assert_uint_eq(mcl_clean_text(clean, sizeof clean, "\n", NULL), 1);
    ck_assert_str_eq(clean, "?");
    ck_assert_uint_eq(mcl_clean_text(clean, sizeof clean, NULL, ""), 0);
    ck_assert_str_eq(clean, "");
}

START_TEST(test_reproducing)
{
    static mcl_run run;
    mcl_model *made = NULL;
    mcl_run_input input = {data, labels, model};
    REFUSED(mcl_run_read(NULL, model));
    REFUSED(mcl_run_read(&run, NULL));
    ck_assert_int_eq(mcl_run_read(&run, model), MCL_ERROR_FORMAT);
    REFUSED(mcl_run_check(NULL, &input));
    REFUSED(mcl_run_check(&run, NULL));
    REFUSED(mcl_run_train(NULL, context, &run, &input));
    REFUSED(mcl_run_train(&made, NULL, &run, &input));
    REFUSED(mcl_run_train(&made, context, NULL, &input));
    REFUSED(mcl_run_train(&made, context, &run, NULL));
    mcl_difference difference;
    const mcl_side sides[2] = {{&run, &input, {.gemm = MCL_GEMM_NATIVE}, 0}};
    REFUSED(mcl_run_compare(NULL, sides, NULL, NULL, NULL));
    REFUSED(mcl_run_compare(&difference, NULL, NULL, NULL, NULL));
    REFUSED(mcl_run_compare(&difference, sides, NULL, NULL, NULL));
    run.kind = (mcl_options_kind)BEYOND;
    REFUSED(mcl_run_train(&made, context, &run, &input));
    run.kind = MCL_OPTIONS_FINETUNE;
    input.labels = NULL;
    REFUSED(mcl_run_check(&run, &input));
    REFUSED(mcl_run_train(&made, context, &run, &input));
    input = (mcl_run_input){data, labels, NULL};
    REFUSED(mcl_run_check(&run, &input));
    REFUSED(mcl_run_train(&made, context, &run, &input));
    input.data = NULL;
    REFUSED(mcl_run_check(&run, &input));
    REFUSED(mcl_run_train(&made, context, &run, &input));
    ck_assert_ptr_null(made);
}

START_TEST(test_measuring)
{
    mcl_profile profile;
    mcl_verdict verdict;
    double rate;
    REFUSED(mcl_profile_start(NULL));
    REFUSED(mcl_profile_read(NULL, context));
    REFUSED(mcl_profile_read(&profile, NULL));
    REFUSED(mcl_profile_read(&profile, context));
    REFUSED(mcl_device_peaks(NULL, &rate, context, 1024));
    REFUSED(mcl_device_peaks(&rate, NULL, context, 1024));
    REFUSED(mcl_device_peaks(&rate, &rate, NULL, 1024));
    REFUSED(mcl_device_peaks(&rate, &rate, context, 0));
    REFUSED(mcl_verify(NULL, context, NULL, NULL));
    REFUSED(mcl_verify(&verdict, NULL, NULL, NULL));
    mcl_profile_free(&(mcl_profile){.rows = NULL});
}

START_TEST(test_tuning)
{
    mcl_tune_options search = {.run = &options, .columns = COLUMNS, .native = true};
    mcl_tuned_product *products;
    size_t count;
    char reason[16] = "before";
    options.train.batch = ROWS;
    REFUSED(mcl_tune(NULL, &count, NULL, 0, context, &search));
    REFUSED(mcl_tune(&products, NULL, NULL, 0, context, &search));
    REFUSED(mcl_tune(&products, &count, NULL, 0, NULL, &search));
    REFUSED(mcl_tune(&products, &count, NULL, 0, context, NULL));
    search.native = false;
    REFUSED(mcl_tune(&products, &count, NULL, 0, context, &search));
    search.native = true;
    search.run = NULL;
    REFUSED(mcl_tune(&products, &count, NULL, 0, context, &search));
    search.run = &options;
    search.columns = 0;
    REFUSED(mcl_tune(&products, &count, NULL, 0, context, &search));
    ck_assert_int_eq(mcl_device_tuning(NULL, reason, sizeof reason), MCL_TUNING_NONE);
    ck_assert_str_eq(reason, "");
    ck_assert_ptr_null(mcl_context_tuning_problem(NULL));
}

START_TEST(test_runs)
{
    char path[256];
    mcl_run run;
    mcl_difference difference;
    mcl_model *again;
    const mcl_run_input input = {.data = data};
    REFUSED(mcl_run_read(NULL, model));
    REFUSED(mcl_run_read(&run, NULL));
    memset(&run, 0, sizeof run);
    REFUSED(mcl_run_check(NULL, &input));
    REFUSED(mcl_run_check(&run, &input));
    run.kind = MCL_OPTIONS_FINETUNE;
    REFUSED(mcl_run_check(&run, NULL));
    REFUSED(mcl_run_check(&run, &input));
    REFUSED(mcl_run_train(NULL, context, &run, &input));
    REFUSED(mcl_run_train(&again, NULL, &run, &input));
    REFUSED(mcl_run_train(&again, context, &run, &input));
    const mcl_side sides[2] = {{.run = &run, .input = &input}};
    REFUSED(mcl_run_compare(NULL, sides, NULL, NULL, NULL));
    REFUSED(mcl_run_compare(&difference, NULL, NULL, NULL, NULL));
    REFUSED(mcl_run_compare(&difference, sides, NULL, NULL, NULL));
    snprintf(path, sizeof path, "%s/text", scratch_folder);
    REFUSED(mcl_write_text(NULL, "text"));
    REFUSED(mcl_write_text(path, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arguments");
    TCase *tcase = tcase_create("arguments");
    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_frees_take_null);
    tcase_add_test(tcase, test_names);
    tcase_add_test(tcase, test_parsers);
    tcase_add_test(tcase, test_data);
    tcase_add_test(tcase, test_devices);
    tcase_add_test(tcase, test_models);
    tcase_add_test(tcase, test_options);
    tcase_add_test(tcase, test_options_out_of_range);
    tcase_add_test(tcase, test_pretraining);
    tcase_add_test(tcase, test_fine_tuning);
    tcase_add_test(tcase, test_embedding);
    tcase_add_test(tcase, test_probing);
    tcase_add_test(tcase, test_views_and_reconstructions);
    tcase_add_test(tcase, test_outputs);
    tcase_add_test(tcase, test_texts);
    tcase_add_test(tcase, test_reproducing);
    tcase_add_test(tcase, test_measuring);
    tcase_add_test(tcase, test_tuning);
    tcase_add_test(tcase, test_runs);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
