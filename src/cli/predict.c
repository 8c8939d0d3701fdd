/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl predict: the classes of rows by a fine-tuned model. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "csv.h"
#include "data_options.h"
#include "device_options.h"
#include "files.h"
#include "kept.h"
#include "maskcl/evaluate.h"
#include "maskcl/finetune.h"
#include "maskcl/output.h"
#include "progress.h"
#include "signals.h"

struct settings {
    mcl_device_settings device;
    mcl_data_options data;
    const char *output;
    const char *keep; /* columns; NULL: none */
    bool probabilities;
    bool names;
};

struct answers {
    const struct settings *settings;
    const mcl_data *data;
    const mcl_kept_columns *kept;
    uint64_t rows;
    int32_t *classes;     /* [rows] */
    float *probabilities; /* [rows×count]; NULL: not wanted */
    uint32_t count;       /* of the head's classes */
    const char *numbers;  /* of the classes, joined by commas; NULL: 0, 1, … */
    const char **named;   /* [named_count] by number */
    uint32_t named_count;
};

static bool is_stream(const struct settings *settings)
{
    return strcmp(settings->output, "-") == 0;
}

static bool is_array(const struct settings *settings)
{
    return mcl_ends_in(settings->output, ".npy");
}

static const char *class_name(char text[16], const struct answers *answers, int32_t number)
{
    if (number >= 0 && (uint32_t)number < answers->named_count)
        return answers->named[number];
    snprintf(text, 16, "%" PRId32, number);
    return text;
}

/* What has the rows' names where they are wanted. */
static const mcl_data *names_of(const struct answers *answers)
{
    return answers->settings->names ? answers->data : NULL;
}

static void print_header(FILE *stream, const struct answers *answers)
{
    const char *numbers = answers->numbers;
    bool begun = false;
    mcl_kept_print_heading(stream, &begun, names_of(answers), answers->kept);
    mcl_csv_comma(stream, &begun);
    mcl_csv_value(stream, "class");
    for (uint32_t c = 0; answers->probabilities && c < answers->count; c++) {
        char text[16];
        char *end = NULL;
        const int32_t number = numbers ? (int32_t)strtol(numbers, &end, 10) : (int32_t)c;
        numbers = end && *end ? end + 1 : end;
        mcl_csv_comma(stream, &begun);
        mcl_csv_value(stream, class_name(text, answers, number));
    }
    fputc('\n', stream);
}

static void print_row(FILE *stream, const struct answers *answers, uint64_t row)
{
    char text[16];
    bool begun = false;
    mcl_kept_print_row(stream, &begun, names_of(answers), answers->kept, row);
    mcl_csv_comma(stream, &begun);
    mcl_csv_value(stream, class_name(text, answers, answers->classes[row]));
    for (uint32_t c = 0; answers->probabilities && c < answers->count; c++) {
        mcl_csv_comma(stream, &begun);
        fprintf(stream, "%.9g", (double)answers->probabilities[row * answers->count + c]);
    }
    fputc('\n', stream);
}

static mcl_status print_table(FILE *stream, void *given)
{
    const struct answers *answers = given;
    print_header(stream, answers);
    for (uint64_t row = 0; row < answers->rows && !ferror(stream); row++)
        print_row(stream, answers, row);
    return MCL_OK;
}

/* Probabilities [rows×classes], or the numbers of the classes, which floats have up to 2^24. */
static mcl_status write_array(const struct answers *answers)
{
    const uint64_t shape[2] = {answers->rows, answers->count};
    if (answers->probabilities)
        return mcl_write_npy(answers->settings->output, answers->probabilities, shape, 2);
    float *numbers = malloc((size_t)answers->rows * sizeof *numbers + 1);
    if (!numbers)
        return MCL_ERROR_MEMORY;
    for (uint64_t i = 0; i < answers->rows; i++)
        numbers[i] = (float)answers->classes[i];
    const mcl_status status = mcl_write_npy(answers->settings->output, numbers, shape, 1);
    free(numbers);
    return status;
}

static mcl_status write_answers(struct answers *answers)
{
    const struct settings *settings = answers->settings;
    if (is_stream(settings))
        return print_table(mcl_out, answers);
    (void)mcl_signals_defer();
    return is_array(settings) ? write_array(answers)
                              : mcl_write_stream(settings->output, print_table, answers);
}

static mcl_exit tell(struct answers *answers, mcl_context *context, const mcl_model *model)
{
    const struct settings *settings = answers->settings;
    mcl_progress progress = mcl_progress_start(settings->device.quiet);
    mcl_exit code = MCL_EXIT_DONE;
    answers->classes = malloc((size_t)answers->rows * sizeof *answers->classes + 1);
    if (!answers->classes)
        return mcl_complain(MCL_EXIT_FAILED, "the host has no memory left for the answers");
    if (settings->probabilities)
        code = mcl_allocate_values(&answers->probabilities, answers->rows, answers->count);
    if (code != MCL_EXIT_DONE)
        return code;
    mcl_progress_note(&progress, "predicting");
    mcl_status status = mcl_classify(answers->classes, context, model, answers->data);
    if (status == MCL_OK && settings->probabilities)
        status = mcl_predict_probabilities(answers->probabilities, context, model, answers->data);
    mcl_progress_clear(&progress);
    if (status == MCL_OK)
        status = write_answers(answers);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    if (is_stream(settings))
        return MCL_EXIT_DONE;
    mcl_keep("%s is written", settings->output);
    if (!settings->device.quiet)
        mcl_print("predicted the classes of %" PRIu64 " rows: wrote %s\n", answers->rows,
            settings->output);
    return MCL_EXIT_DONE;
}

/* Loads what the answers are about. */
static mcl_exit load(mcl_data **data, mcl_kept_columns **kept, struct answers *answers,
    const mcl_model *model, const mcl_arguments *arguments)
{
    const struct settings *settings = answers->settings;
    const char *const *paths = arguments->operands;
    const size_t count = arguments->operand_count - 1;
    answers->count = mcl_model_architecture(model)->classes;
    if (answers->count == 0)
        return mcl_complain(MCL_EXIT_FAILED,
            "%s: the model has no head that tells classes apart: fine-tune it with labels first",
            paths[0]);
    answers->numbers = mcl_model_metadata_get(model, "finetune_class_numbers");
    if (mcl_model_class_names(&answers->named, &answers->named_count, model) != MCL_OK)
        return mcl_complain(MCL_EXIT_FAILED, "%s: %s", paths[0], mcl_error_message());
    mcl_exit code = mcl_load_all(data, paths + 1, count, &settings->data, model);
    if (code == MCL_EXIT_DONE)
        code = mcl_check_rows(model, paths[0], *data, paths[1]);
    if (code == MCL_EXIT_DONE && settings->names)
        code = mcl_check_row_names(*data, paths[1]);
    if (code == MCL_EXIT_DONE && settings->keep)
        code =
            mcl_kept_columns_read(kept, settings->keep, *data, paths + 1, count, &settings->data);
    if (code != MCL_EXIT_DONE)
        return code;
    answers->data = *data;
    answers->kept = *kept;
    answers->rows = mcl_data_rows(*data);
    return MCL_EXIT_DONE;
}

static mcl_exit check_output(const struct settings *settings, const mcl_arguments *arguments)
{
    if (is_array(settings) && (settings->keep || settings->names))
        return mcl_complain(MCL_EXIT_USAGE,
            "--%s: an array of numbers has no room for it: write a table, -o OUT.csv",
            settings->keep ? "keep" : "names");
    if (is_stream(settings)) {
        mcl_readers_may_leave();
        return MCL_EXIT_DONE;
    }
    const mcl_exit code =
        mcl_check_output(settings->output, arguments->operands, arguments->operand_count);
    return code == MCL_EXIT_DONE ? mcl_check_output_name(settings->output) : code;
}

static mcl_exit run(void *given, const mcl_arguments *arguments)
{
    const struct settings *settings = given;
    struct answers answers = {.settings = settings};
    mcl_model *model = NULL;
    mcl_data *data = NULL;
    mcl_kept_columns *kept = NULL;
    mcl_context *context = NULL;
    mcl_exit code = check_output(settings, arguments);
    if (code == MCL_EXIT_DONE)
        code = mcl_load_model(&model, arguments->operands[0]);
    if (code == MCL_EXIT_DONE)
        code = load(&data, &kept, &answers, model, arguments);
    if (code == MCL_EXIT_DONE)
        code = mcl_open_device(&context, &settings->device);
    if (code == MCL_EXIT_DONE)
        code = tell(&answers, context, model);
    free(answers.classes);
    free(answers.probabilities);
    mcl_class_names_free(answers.named);
    mcl_context_close(context);
    mcl_kept_columns_free(kept);
    mcl_data_free(data);
    mcl_model_free(model);
    return code;
}

static const mcl_option options[] = {
    MCL_DEVICE_OPTIONS(struct settings, device),
    {.name = "output",
        .letter = 'o',
        .required = true,
        .argument = "OUT.csv|OUT.npy|-",
        .group = "Output",
        .help = "what to write: a table with the column class; '-' writes it to standard output; "
                "or, where the name ends with .npy, a float32 array of the classes' numbers, with "
                "--proba of rows x classes",
        .type = &mcl_option_text,
        .offset = offsetof(struct settings, output)},
    {.name = "proba",
        .group = "Output",
        .help = "write the probability of every class, in a column of its name",
        .type = &mcl_option_switch,
        .offset = offsetof(struct settings, probabilities)},
    {.name = "keep",
        .argument = "COLUMNS",
        .group = "Output",
        .help = "columns of DATA, a table, to write before the answers: names joined by commas",
        .type = &mcl_option_text,
        .offset = offsetof(struct settings, keep),
        .without = "none"},
    {.name = "names",
        .group = "Output",
        .help = "write what each row is called, its file in a folder or its id, before the answers",
        .type = &mcl_option_switch,
        .offset = offsetof(struct settings, names)},
};

const mcl_command mcl_command_predict = {
    .name = "predict",
    .summary = "tell the classes of rows by a fine-tuned model",
    .description = "Writes the likeliest class of every row by a model that finetune has made, by "
                   "the name that it had in training, or its number where classes have no names.",
    .examples = "  maskcl predict tuned.safetensors new.csv -o answers.csv --proba --keep id\n"
                "  maskcl predict tuned.safetensors icons/ -o - --names",
    .operands = {{"MODEL", "the model file, fine-tuned"},
        {"DATA", "the rows, as the model was trained on: of the same width, or with the same "
                 "columns; '-' is standard input"}},
    .operand_count = 2,
    .last_repeats = true,
    .data_keys = mcl_data_keys_applied,
    .data_offset = offsetof(struct settings, data),
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
