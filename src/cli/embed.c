/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl embed: the embeddings of rows. */
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
#include "maskcl/output.h"
#include "progress.h"
#include "signals.h"

struct settings {
    mcl_device_settings device;
    mcl_data_options data;
    uint32_t layer; /* 0: the embedding */
    uint32_t pool;  /* 0: its map is not pooled */
    const char *output;
    const char *keep; /* columns; NULL: none */
    bool names;
};

/* What is written: embeddings, and before them what the rows are called and columns of theirs. */
struct result {
    const float *embeddings; /* [rows×width]; NULL: they are in a file of their own */
    uint64_t rows;
    uint32_t width;
    const mcl_data *names; /* NULL: none */
    const mcl_kept_columns *kept;
};

static bool is_stream(const struct settings *settings)
{
    return strcmp(settings->output, "-") == 0;
}

static bool is_table(const struct settings *settings)
{
    return is_stream(settings) || mcl_ends_in(settings->output, ".csv");
}

static void print_header(FILE *stream, const struct result *result)
{
    bool begun = false;
    mcl_kept_print_heading(stream, &begun, result->names, result->kept);
    for (uint32_t i = 0; result->embeddings && i < result->width; i++) {
        mcl_csv_comma(stream, &begun);
        fprintf(stream, "e%" PRIu32, i);
    }
    fputc('\n', stream);
}

static void print_row(FILE *stream, const struct result *result, uint64_t row)
{
    bool begun = false;
    mcl_kept_print_row(stream, &begun, result->names, result->kept, row);
    for (uint32_t i = 0; result->embeddings && i < result->width; i++) {
        mcl_csv_comma(stream, &begun);
        fprintf(stream, "%.9g", (double)result->embeddings[row * result->width + i]);
    }
    fputc('\n', stream);
}

/* Nine digits give every float back. */
static mcl_status print_table(FILE *stream, void *given)
{
    const struct result *result = given;
    print_header(stream, result);
    for (uint64_t row = 0; row < result->rows && !ferror(stream); row++)
        print_row(stream, result, row);
    return MCL_OK;
}

/* The file beside an array that has what belongs to its rows: out.rows.csv. */
static mcl_exit name_beside(char path[4096], const char *output)
{
    const size_t length = strlen(output) - (mcl_ends_in(output, ".npy") ? 4 : 0);
    if (length + sizeof ".rows.csv" > 4096)
        return mcl_complain(MCL_EXIT_USAGE, "-o: the name is too long");
    snprintf(path, 4096, "%.*s.rows.csv", (int)length, output);
    return MCL_EXIT_DONE;
}

static mcl_status write_array(const struct settings *settings, struct result *result)
{
    const uint64_t shape[2] = {result->rows, result->width};
    char beside[4096];
    const mcl_status status = mcl_write_npy(settings->output, result->embeddings, shape, 2);
    if (status != MCL_OK)
        return status;
    result->embeddings = NULL;
    if ((!result->names && !result->kept) || name_beside(beside, settings->output) != MCL_EXIT_DONE)
        return MCL_OK;
    return mcl_write_stream(beside, print_table, result);
}

static mcl_status write_result(const struct settings *settings, struct result *result)
{
    if (is_stream(settings))
        return print_table(mcl_out, result);
    if (is_table(settings))
        return mcl_write_stream(settings->output, print_table, result);
    return write_array(settings, result);
}

static mcl_exit find_width(uint32_t *width, const mcl_model *model, const struct settings *settings)
{
    uint32_t layer;
    const mcl_exit code = mcl_find_layer(&layer, width, model, settings->layer);
    if (code != MCL_EXIT_DONE || settings->pool == 0)
        return code;
    return mcl_pooled_width(width, model, settings->layer, settings->pool) == MCL_OK
               ? MCL_EXIT_DONE
               : mcl_complain(MCL_EXIT_USAGE, "--pool: %s", mcl_error_message());
}

static mcl_exit embed(const struct settings *settings, mcl_context *context, const mcl_model *model,
    const mcl_data *data, const mcl_kept_columns *kept)
{
    mcl_progress progress = mcl_progress_start(settings->device.quiet);
    struct result result = {
        .rows = mcl_data_rows(data), .names = settings->names ? data : NULL, .kept = kept};
    float *embeddings;
    mcl_exit code = find_width(&result.width, model, settings);
    if (code != MCL_EXIT_DONE)
        return code;
    code = mcl_allocate_values(&embeddings, result.rows, result.width);
    if (code != MCL_EXIT_DONE)
        return code;
    mcl_progress_note(&progress, "embedding");
    const double start = mcl_seconds();
    mcl_status status =
        mcl_embed_pooled(embeddings, context, model, data, settings->layer, settings->pool);
    const double seconds = mcl_seconds() - start;
    mcl_progress_clear(&progress);
    if (!is_stream(settings))
        (void)mcl_signals_defer();
    result.embeddings = embeddings;
    if (status == MCL_OK)
        status = write_result(settings, &result);
    free(embeddings);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    if (is_stream(settings))
        return MCL_EXIT_DONE;
    mcl_keep("%s is written", settings->output);
    if (!settings->device.quiet)
        mcl_print("embedded %" PRIu64 " rows in %.2f s (%.0f rows/s): wrote %s, %" PRIu64
                  " x %" PRIu32 "\n",
            result.rows, seconds, seconds > 0 ? (double)result.rows / seconds : 0.0,
            settings->output, result.rows, result.width);
    return MCL_EXIT_DONE;
}

static mcl_exit check_output(const struct settings *settings, const mcl_arguments *arguments)
{
    char beside[4096];
    if (is_stream(settings)) {
        mcl_readers_may_leave();
        return MCL_EXIT_DONE;
    }
    mcl_exit code =
        mcl_check_output(settings->output, arguments->operands, arguments->operand_count);
    if (code == MCL_EXIT_DONE)
        code = mcl_check_output_name(settings->output);
    if (code != MCL_EXIT_DONE || is_table(settings) || (!settings->names && !settings->keep))
        return code;
    code = name_beside(beside, settings->output);
    return code == MCL_EXIT_DONE && mcl_output_check(beside) != MCL_OK
               ? mcl_complain(MCL_EXIT_FAILED, "%s", mcl_error_message())
               : code;
}

static mcl_exit run(void *given, const mcl_arguments *arguments)
{
    const struct settings *settings = given;
    const char *const *paths = arguments->operands;
    mcl_model *model = NULL;
    mcl_data *data = NULL;
    mcl_kept_columns *kept = NULL;
    mcl_context *context = NULL;
    mcl_exit code = check_output(settings, arguments);
    if (code == MCL_EXIT_DONE)
        code = mcl_load_model(&model, paths[0]);
    if (code == MCL_EXIT_DONE)
        code = mcl_load_all(&data, paths + 1, arguments->operand_count - 1, &settings->data, model);
    if (code == MCL_EXIT_DONE)
        code = mcl_check_rows(model, paths[0], data, paths[1]);
    if (code == MCL_EXIT_DONE && settings->names)
        code = mcl_check_row_names(data, paths[1]);
    if (code == MCL_EXIT_DONE && settings->keep)
        code = mcl_kept_columns_read(
            &kept, settings->keep, data, paths + 1, arguments->operand_count - 1, &settings->data);
    if (code == MCL_EXIT_DONE)
        code = mcl_open_device(&context, &settings->device);
    if (code == MCL_EXIT_DONE)
        code = embed(settings, context, model, data, kept);
    mcl_context_close(context);
    mcl_kept_columns_free(kept);
    mcl_data_free(data);
    mcl_model_free(model);
    return code;
}

static const mcl_option options[] = {
    MCL_LAYER_OPTION(struct settings, layer),
    {.name = "pool",
        .argument = "G",
        .group = "Encoder",
        .help = "the averages of the layer's map over a grid of G x G parts, or of a series over G "
                "parts of its time",
        .type = &mcl_option_whole32,
        .offset = offsetof(struct settings, pool),
        .least = 1,
        .most = UINT32_MAX,
        .without = "the map as it is"},
    MCL_DEVICE_OPTIONS(struct settings, device),
    {.name = "output",
        .letter = 'o',
        .required = true,
        .argument = "OUT.npy|OUT.csv|-",
        .group = "Output",
        .help = "what to write: a float32 array of rows x width of the layer; or, where the name "
                "ends with .csv, a table with the columns e0, e1 and so on; '-' writes that to "
                "standard output",
        .type = &mcl_option_text,
        .offset = offsetof(struct settings, output)},
    {.name = "keep",
        .argument = "COLUMNS",
        .group = "Output",
        .help = "columns of DATA, a table, to write before the embeddings: names joined by commas; "
                "beside an array OUT.npy they go to OUT.rows.csv",
        .type = &mcl_option_text,
        .offset = offsetof(struct settings, keep),
        .without = "none"},
    {.name = "names",
        .group = "Output",
        .help = "write what each row is called, its file in a folder or its id, in the same places",
        .type = &mcl_option_switch,
        .offset = offsetof(struct settings, names)},
};

const mcl_command mcl_command_embed = {
    .name = "embed",
    .summary = "write the embeddings of rows",
    .description =
        "Writes the encoder's output for every row, unmasked, as a NumPy array or as a table. In a "
        "pipe it reads a table and writes one:\n"
        "  cat rows.csv | maskcl embed penguins.safetensors - -o - | head",
    .examples = "  maskcl embed penguins.safetensors new.csv -o embeddings.csv --keep id\n"
                "  maskcl embed fashion.safetensors t10k-images-idx3-ubyte.gz -o embeddings.npy",
    .operands = {{"MODEL", "the model file"},
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
