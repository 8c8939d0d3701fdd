/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl embed: the embeddings of rows. */
#include <inttypes.h>
#include <stdlib.h>

#include "commands.h"
#include "data_options.h"
#include "device_options.h"
#include "files.h"
#include "maskcl/evaluate.h"
#include "maskcl/output.h"
#include "progress.h"
#include "signals.h"

struct settings {
    mcl_device_settings device;
    mcl_data_options data;
    uint32_t layer; /* 0: the embedding */
    const char *output;
};

static mcl_exit embed(const struct settings *settings, mcl_context *context, const mcl_model *model,
    const mcl_data *data)
{
    mcl_progress progress = mcl_progress_start(settings->device.quiet);
    uint32_t layer, width;
    float *embeddings;
    mcl_exit code = mcl_find_layer(&layer, &width, model, settings->layer);
    if (code != MCL_EXIT_DONE)
        return code;
    const uint64_t shape[2] = {mcl_data_rows(data), width};
    code = mcl_allocate_values(&embeddings, shape[0], shape[1]);
    if (code != MCL_EXIT_DONE)
        return code;
    mcl_progress_note(&progress, "embedding");
    const double start = mcl_seconds();
    mcl_status status = mcl_embed_layer(embeddings, context, model, data, layer);
    const double seconds = mcl_seconds() - start;
    (void)mcl_signals_defer();
    if (status == MCL_OK)
        status = mcl_write_npy(settings->output, embeddings, shape, 2);
    free(embeddings);
    mcl_progress_clear(&progress);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    mcl_keep("%s is written", settings->output);
    if (!settings->device.quiet)
        mcl_print("embedded %" PRIu64 " rows in %.2f s (%.0f rows/s): wrote %s, %" PRIu64
                  " x %" PRIu64 "\n",
            shape[0], seconds, seconds > 0 ? (double)shape[0] / seconds : 0.0, settings->output,
            shape[0], shape[1]);
    return MCL_EXIT_DONE;
}

static mcl_exit run(void *given, const mcl_arguments *arguments)
{
    const struct settings *settings = given;
    const char *const *paths = arguments->operands;
    mcl_model *model = NULL;
    mcl_data *data = NULL;
    mcl_context *context = NULL;
    mcl_exit code = mcl_check_output(settings->output, paths, 2);
    if (code == MCL_EXIT_DONE)
        code = mcl_load_model(&model, paths[0]);
    if (code == MCL_EXIT_DONE)
        code = mcl_load_data(&data, paths[1], &settings->data, model);
    if (code == MCL_EXIT_DONE)
        code = mcl_check_rows(model, paths[0], data, paths[1]);
    if (code == MCL_EXIT_DONE)
        code = mcl_open_device(&context, &settings->device);
    if (code == MCL_EXIT_DONE)
        code = embed(settings, context, model, data);
    mcl_context_close(context);
    mcl_data_free(data);
    mcl_model_free(model);
    return code;
}

static const mcl_option options[] = {
    MCL_LAYER_OPTION(struct settings, layer),
    MCL_DEVICE_OPTIONS(struct settings, device),
    {.name = "output",
        .letter = 'o',
        .required = true,
        .argument = "OUT.npy",
        .group = "Output",
        .help = "the array to write: float32, rows x width of the layer",
        .type = &mcl_option_text,
        .offset = offsetof(struct settings, output)},
};

const mcl_command mcl_command_embed = {
    .name = "embed",
    .summary = "write the embeddings of rows",
    .description = "Writes the encoder's output for every row, unmasked, as a NumPy array.",
    .examples = "  maskcl embed fashion.safetensors t10k-images-idx3-ubyte.gz -o embeddings.npy",
    .operands = {{"MODEL", "the model file"},
        {"DATA", "the rows, of the width that the model was trained on"}},
    .operand_count = 2,
    .data_keys = mcl_data_keys_applied,
    .data_offset = offsetof(struct settings, data),
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
