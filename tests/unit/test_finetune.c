/* SPDX-License-Identifier: Apache-2.0 */
/* Fine-tuning has what pre-training has: checkpoints, averages, clipping, early stop, validation.
 */
#include <math.h>
#include <string.h>

#include "support/device.h"
#include "support/files.h"

#include "base/rounding.h"
#include "maskcl/finetune.h"
#include "maskcl/pretrain.h"
#include "model/model.h"
#include "model/parameters.h"
#include "optim/average.h"
#include "train/validation.h"

#define ROWS 45
#define COLUMNS 9
#define CLASSES 3
#define STEPS_MAX 400

/* What a run reported. */
struct reports {
    double values[STEPS_MAX][4]; /* loss, epoch_loss, accuracy, epoch_accuracy of each step */
    uint64_t last;               /* step */
    double validation;
    uint64_t stop_after; /* steps; 0: never */
    volatile sig_atomic_t stop;
};

static mcl_data *data;
static int32_t labels[ROWS];
static mcl_model *model;
static mcl_finetune_options options;
static struct reports reports;

/* Rows of noise around a point a class. */
static mcl_data *make_data(uint64_t seed)
{
    float values[ROWS * COLUMNS];
    fill_random(values, ROWS * COLUMNS, seed);
    for (size_t i = 0; i < ROWS; i++) {
        labels[i] = (int32_t)(i * 5 % CLASSES);
        values[i * COLUMNS + (size_t)labels[i]] += 0.3f;
    }
    mcl_data *made;
    ASSERT_OK(mcl_data_from_floats(&made, values, ROWS, COLUMNS));
    return made;
}

static mcl_model *make_model(uint64_t seed, mcl_activation activation)
{
    const mcl_architecture architecture = {.input = COLUMNS,
        .hidden = {13},
        .hidden_count = 1,
        .embedding = 4,
        .activation = activation,
        .normalization = MCL_NORMALIZATION_BATCH};
    mcl_model *made;
    ASSERT_OK(mcl_model_create(&made, &architecture, seed));
    ASSERT_OK(mcl_model_metadata_set(made, "objective", "nt-xent:1"));
    return made;
}

static void report(const mcl_step *step, void *user)
{
    struct reports *to = user;
    const double values[] = {step->loss, step->epoch_loss, step->accuracy, step->epoch_accuracy};
    REQUIRE(step->step <= STEPS_MAX, "too many steps");
    memcpy(to->values[step->step - 1], values, sizeof values);
    to->last = step->step;
    to->validation = step->validation;
    to->stop = to->stop_after && step->step >= to->stop_after;
}

static void setup(void)
{
    context_setup();
    scratch_setup();
    data = make_data(7);
    model = make_model(3, MCL_ACTIVATION_RELU);
    ASSERT_OK(mcl_finetune_options_init(&options));
    options.train.batch = 10;
    options.train.epochs = 8;
    options.train.seed = 5;
    options.train.report = report;
    options.train.report_every = 1;
    options.train.user = &reports;
    options.train.stop = &reports.stop;
    memset(&reports, 0, sizeof reports);
}

static void teardown(void)
{
    mcl_model_free(model);
    mcl_data_free(data);
    scratch_teardown();
    context_teardown();
}

static mcl_status tune(mcl_model **tuned)
{
    *tuned = NULL;
    return mcl_finetune(tuned, context, model, data, labels, &options);
}

/* The digest of the model that a whole run ends with. */
static void digest_of_run(char digest[MCL_DIGEST_SIZE])
{
    mcl_model *tuned;
    ASSERT_OK(tune(&tuned));
    mcl_model_digest(digest, tuned);
    mcl_model_free(tuned);
}

/* Leaves a checkpoint of a run that was stopped after so many steps: what a checkpoint comes after
 * has been reported. */
static void interrupt_after(uint64_t steps)
{
    mcl_model *tuned;
    options.train.checkpoint = scratch("c.safetensors");
    options.train.checkpoint_steps = reports.stop_after = steps;
    ck_assert_int_eq(tune(&tuned), MCL_INTERRUPTED);
    ck_assert_uint_eq(reports.last, steps);
    options.train.checkpoint_steps = reports.stop_after = 0;
    reports.stop = 0;
    mcl_model_free(tuned);
}

static void use_everything(void)
{
    options.train.optimizer.kind = MCL_OPTIMIZER_SGD;
    options.train.optimizer.learning_rate = 0.1;
    options.train.optimizer.momentum = 0.9;
    options.train.schedule.warmup = 1.5;
    options.train.clip_norm = 0.5;
    options.train.ema = 0.9;
    options.train.dropout = 0.2f;
    options.train.early_stop = 7;
}

static void use_few_labels(void)
{
    options.labels_per_class = 6;
    options.train.batch = 4;
    options.train.epochs = 9;
}

static void use_scratch(void)
{
    options.from_scratch = true;
    options.train.optimizer.kind = MCL_OPTIMIZER_LARS;
}

static void use_defaults(void)
{
}

static void (*const uses[])(void) = {use_defaults, use_everything, use_few_labels, use_scratch};

START_TEST(test_an_interrupted_run_ends_as_a_whole_one)
{
    static const uint64_t places[] = {1, 5, 8, 22};
    char expected[MCL_DIGEST_SIZE], digest[MCL_DIGEST_SIZE];
    uses[_i]();
    digest_of_run(expected);
    const struct reports whole = reports;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        memset(&reports, 0, sizeof reports);
        options.train.resume = false;
        interrupt_after(places[i]);
        options.train.resume = true;
        digest_of_run(digest);
        ck_assert_str_eq(digest, expected);
        ck_assert_uint_eq(reports.last, whole.last);
        ck_assert_mem_eq(reports.values, whole.values, sizeof whole.values);
    }
}
END_TEST

START_TEST(test_checkpoints_are_written_and_are_models)
{
    mcl_model *tuned, *stored;
    options.train.checkpoint = scratch("c.safetensors");
    options.train.checkpoint_steps = 6;
    ASSERT_OK(tune(&tuned));
    ASSERT_OK(mcl_model_load(&stored, options.train.checkpoint));
    ck_assert_uint_eq(mcl_model_architecture(stored)->classes, CLASSES);
    ck_assert_str_eq(mcl_model_metadata_get(stored, "finetune_steps"), "30");
    ck_assert_str_eq(mcl_model_metadata_get(stored, "finetune_planned_steps"), "32");
    ck_assert_str_eq(mcl_model_metadata_get(stored, "objective"), "nt-xent:1");
    ck_assert_ptr_null(mcl_model_metadata_get(tuned, "finetune_planned_steps"));
    mcl_model_free(stored);
    mcl_model_free(tuned);
}
END_TEST

/* That resuming is refused, and why. */
static void assert_refused(const char *what)
{
    mcl_model *tuned;
    options.train.resume = true;
    ck_assert_int_eq(tune(&tuned), MCL_ERROR_ARGUMENT);
    ck_assert_msg(
        strstr(mcl_error_message(), what) != NULL, "no '%s' in: %s", what, mcl_error_message());
}

/* That resuming with another value of a member is refused. */
#define REFUSE(member, value, what)                                                                \
    do {                                                                                           \
        options.member = (value);                                                                  \
        assert_refused(what);                                                                      \
        options = whole;                                                                           \
    } while (0)

START_TEST(test_other_options_are_refused)
{
    interrupt_after(5);
    const mcl_finetune_options whole = options;
    REFUSE(train.seed, 6, " was 5, and here it is 6");
    REFUSE(train.epochs, 9, " was 8, and here it is 9");
    REFUSE(train.batch, 11, " was 10, and here it is 11");
    REFUSE(train.early_stop, 3, " was never, and here it is 3");
    REFUSE(train.clip_norm, 2, " was none, and here it is 2");
    REFUSE(train.ema, 0.5, " was none, and here it is 0.5");
    REFUSE(train.dropout, 0.5f, " was 0, and here it is 0.5");
    REFUSE(train.optimizer.kind, MCL_OPTIMIZER_SGD, " was adamw, and here it is sgd");
    REFUSE(train.optimizer.learning_rate, 0.5, ", and here it is 0.5");
    REFUSE(train.optimizer.weight_decay, 0.5, ", and here it is 0.5");
    REFUSE(train.schedule.kind, MCL_SCHEDULE_CONSTANT, " was cosine, and here it is constant");
    REFUSE(train.schedule.warmup, 2, " was 0, and here it is 2");
    REFUSE(labels_per_class, 6, " was all, and here it is 6");
    REFUSE(from_scratch, true, " was no, and here it is yes");
}
END_TEST

START_TEST(test_options_that_are_no_longer_set_are_refused)
{
    use_everything();
    options.labels_per_class = 14;
    interrupt_after(5);
    const mcl_finetune_options whole = options;
    REFUSE(train.early_stop, 0, " was 7, and here it is never");
    REFUSE(train.clip_norm, 0.0, " was 0.5, and here it is none");
    REFUSE(train.ema, 0.0, " was 0.9, and here it is none");
    REFUSE(labels_per_class, 0, " was 14, and here it is all");
}
END_TEST

START_TEST(test_other_data_labels_and_models_are_refused)
{
    interrupt_after(5);
    mcl_data *const same_data = data;
    data = make_data(8);
    assert_refused("the data was 45 x 9, digest ");
    mcl_data_free(data);
    data = same_data;
    labels[ROWS - 1] = (labels[ROWS - 1] + 1) % CLASSES;
    assert_refused("the labels' digest was ");
    labels[ROWS - 1] = (int32_t)((ROWS - 1) * 5 % CLASSES);
    mcl_model *const same_model = model;
    model = make_model(4, MCL_ACTIVATION_RELU);
    assert_refused("the digest of the model to begin from was ");
    mcl_model_free(model);
    model = make_model(3, MCL_ACTIVATION_TANH);
    assert_refused("the architecture was input=9 hidden=13 embedding=4 activation=relu ");
    mcl_model_free(model);
    model = same_model;
    mcl_model *tuned;
    ASSERT_OK(tune(&tuned));
    mcl_model_free(tuned);
}
END_TEST

START_TEST(test_a_checkpoint_of_pre_training_is_refused)
{
    mcl_pretrain_options others;
    mcl_model *trained;
    ASSERT_OK(mcl_pretrain_options_init(&others));
    others.hidden[0] = 13;
    others.embedding = 4;
    others.train.batch = 10;
    others.train.seed = options.train.seed;
    others.train.checkpoint = options.train.checkpoint = scratch("c.safetensors");
    others.train.checkpoint_steps = 3;
    ASSERT_OK(mcl_pretrain(&trained, context, data, &others));
    mcl_model_free(trained);
    assert_refused("the task was pre-training, and here it is fine-tuning");
    unlink(options.train.checkpoint);
    options.train.resume = false;
    interrupt_after(5);
    others.train.resume = true;
    ck_assert_int_eq(mcl_pretrain(&trained, context, data, &others), MCL_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(
        strstr(mcl_error_message(), "the task was fine-tuning, and here it is pre-training"));
}
END_TEST

/* Parameters after so many steps of whole batches at a rate that stays. */
static mcl_model *model_after(uint64_t steps)
{
    mcl_model *tuned;
    options.train.schedule.kind = MCL_SCHEDULE_CONSTANT;
    options.train.batch = MCL_BATCH_ALL;
    options.train.epochs = steps ? steps : 1;
    reports.stop = steps == 0;
    ck_assert_int_eq(tune(&tuned), steps ? MCL_OK : MCL_INTERRUPTED);
    reports.stop = 0;
    return tuned;
}

#define AVERAGED 6
#define DECAY 0.4

START_TEST(test_the_average_of_the_weights)
{
    mcl_model *average = model_after(0);
    float *values = mcl_model_parameters(average, NULL, NULL);
    const size_t trained = (size_t)mcl_part_end(&average->architecture, MCL_PART_HEAD);
    const size_t count = (size_t)average->parameter_count;
    for (uint64_t step = 1; step <= AVERAGED; step++) {
        mcl_model *weights = model_after(step);
        const float *now = mcl_model_parameters(weights, NULL, NULL);
        const float rest = (float)(1.0 - mcl_average_decay(DECAY, step - 1));
        for (size_t i = 0; i < trained; i++)
            values[i] = mcl_host_flush(fmaf(rest, now[i] - values[i], values[i]));
        memcpy(values + trained, now + trained, (count - trained) * sizeof *values);
        mcl_model_free(weights);
    }
    options.train.ema = DECAY;
    mcl_model *tuned = model_after(AVERAGED);
    ck_assert_mem_eq(mcl_model_parameters(tuned, NULL, NULL), values, count * sizeof *values);
    ck_assert_str_eq(mcl_model_metadata_get(tuned, "finetune_ema"), "0.4");
    mcl_model_free(tuned);
    mcl_model_free(average);
}
END_TEST

/* Of a step of plain gradient descent at rate 1. */
static double length_of_step(const mcl_model *from)
{
    mcl_model *to = model_after(1);
    const size_t trained = (size_t)mcl_part_end(&to->architecture, MCL_PART_HEAD);
    double sum = 0.0;
    for (size_t i = 0; i < trained; i++)
        sum += pow((double)to->parameters[i] - (double)from->parameters[i], 2);
    mcl_model_free(to);
    return sqrt(sum);
}

START_TEST(test_gradients_are_clipped)
{
    options.train.optimizer = (mcl_optimizer_options){
        .kind = MCL_OPTIMIZER_SGD, .learning_rate = 1.0, .weight_decay = 0.0, .momentum = 0.0};
    mcl_model *from = model_after(0);
    const double whole = length_of_step(from);
    options.train.clip_norm = whole / 3;
    ck_assert_double_eq_tol(length_of_step(from), whole / 3, 1e-4 * whole);
    options.train.clip_norm = whole * 1.1;
    ck_assert_double_eq(length_of_step(from), whole);
    mcl_model_free(from);
}
END_TEST

/* The loss of weights that stay as they are falls by rounding at most. */
START_TEST(test_early_stop)
{
    mcl_model *tuned;
    options.train.optimizer.learning_rate = 1e-30;
    options.train.optimizer.weight_decay = 0.0;
    options.train.epochs = 100;
    options.train.early_stop = 3;
    ASSERT_OK(tune(&tuned));
    const uint64_t per_epoch = ROWS / 10;
    uint64_t epoch = 0, without = 0;
    for (float least = INFINITY; without < 3; epoch++) {
        const float loss = (float)reports.values[(epoch + 1) * per_epoch - 1][1];
        without = loss < least ? 0 : without + 1;
        least = fminf(loss, least);
    }
    ck_assert_uint_eq(reports.last, epoch * per_epoch);
    ck_assert_uint_lt(epoch, 100);
    char text[24];
    snprintf(text, sizeof text, "%u", (unsigned)epoch);
    ck_assert_str_eq(mcl_model_metadata_get(tuned, "finetune_epochs"), text);
    ck_assert_str_eq(mcl_model_metadata_get(tuned, "finetune_planned_epochs"), "100");
    ck_assert_str_eq(mcl_model_metadata_get(tuned, "finetune_early_stop"), "3");
    mcl_model_free(tuned);
}
END_TEST

/* What validation gives for a model. */
static double validation_of(const mcl_model *tuned)
{
    mcl_validation *validation;
    cl_mem parameters;
    ASSERT_OK(
        mcl_validation_create(&validation, context, data, labels, mcl_model_architecture(tuned)));
    ASSERT_OK(mcl_parameters_upload(&parameters, context, tuned));
    ASSERT_OK(mcl_validation_run(validation, parameters, 1));
    ASSERT_OK(mcl_context_finish(context));
    const double accuracy = mcl_validation_take(validation, 1);
    mcl_buffer_release(&parameters);
    mcl_validation_free(validation);
    return accuracy;
}

/* By all rows, and by the model that is saved; training goes on as without. */
START_TEST(test_validation)
{
    char expected[MCL_DIGEST_SIZE], digest[MCL_DIGEST_SIZE];
    use_few_labels();
    options.train.ema = 0.5;
    digest_of_run(expected);
    ck_assert(isnan(reports.validation));
    options.train.validation_labels = labels;
    mcl_model *tuned;
    ASSERT_OK(tune(&tuned));
    mcl_model_digest(digest, tuned);
    ck_assert_str_eq(digest, expected);
    ck_assert_double_eq(reports.validation, validation_of(tuned));
    mcl_model_free(tuned);
}
END_TEST

START_TEST(test_what_no_training_can_have_is_refused)
{
    mcl_model *tuned;
    options.train.clip_norm = -1.0;
    ck_assert_int_eq(tune(&tuned), MCL_ERROR_ARGUMENT);
    options.train.clip_norm = 0.0;
    options.train.ema = 1.0;
    ck_assert_int_eq(tune(&tuned), MCL_ERROR_ARGUMENT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("finetune");
    TCase *tests = tcase_create("finetune");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(
        tests, test_an_interrupted_run_ends_as_a_whole_one, 0, (int)(sizeof uses / sizeof *uses));
    tcase_add_test(tests, test_checkpoints_are_written_and_are_models);
    tcase_add_test(tests, test_other_options_are_refused);
    tcase_add_test(tests, test_options_that_are_no_longer_set_are_refused);
    tcase_add_test(tests, test_other_data_labels_and_models_are_refused);
    tcase_add_test(tests, test_a_checkpoint_of_pre_training_is_refused);
    tcase_add_test(tests, test_the_average_of_the_weights);
    tcase_add_test(tests, test_gradients_are_clipped);
    tcase_add_test(tests, test_early_stop);
    tcase_add_test(tests, test_validation);
    tcase_add_test(tests, test_what_no_training_can_have_is_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
