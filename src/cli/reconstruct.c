/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl reconstruct: rows, what a mask leaves of them, and what the decoder makes of that. */
#include <inttypes.h>
#include <string.h>

#include "commands.h"
#include "data_options.h"
#include "device_options.h"
#include "files.h"
#include "mask_options.h"
#include "maskcl/evaluate.h"
#include "maskcl/pretrain.h"
#include "metadata.h"
#include "progress.h"
#include "triples.h"

struct settings {
    mcl_device_settings device;
    mcl_data_options data;
    const char *output;
    mcl_row_range range;
    mcl_mask mask;
    uint64_t seed;
};

/* What the model was trained with, changed by the options given. */
static mcl_exit choose_mask(mcl_mask *mask, uint64_t *seed, const struct settings *settings,
    const mcl_arguments *arguments, const mcl_model *model)
{
    const char *path = arguments->operands[0];
    *mask = settings->mask;
    *seed = settings->seed;
    const bool kind_given = mcl_option_given(arguments, "mask");
    const bool ratio_given = mcl_option_given(arguments, "mask-ratio");
    const bool patch_given = mcl_option_given(arguments, "mask-patch");
    mcl_mask trained = settings->mask;
    mcl_exit code = MCL_EXIT_DONE;
    if (!kind_given || !ratio_given || !patch_given)
        code = mcl_metadata_mask(&trained, model, path);
    if (code == MCL_EXIT_DONE && !mcl_option_given(arguments, "seed"))
        code = mcl_metadata_seed(seed, model, path);
    if (code != MCL_EXIT_DONE)
        return code;
    if (!kind_given)
        mask->kind = trained.kind;
    if (!ratio_given)
        mask->ratio = trained.ratio;
    if (!patch_given) {
        mask->patch = trained.patch;
        mask->patch_most = trained.patch_most;
    }
    const char *ratio_conflict = ratio_given ? mcl_ratio_conflict(mask->kind) : NULL;
    const char *patch_conflict = patch_given ? mcl_patch_conflict(mask->kind) : NULL;
    if (ratio_conflict)
        return mcl_complain(MCL_EXIT_USAGE, "--mask-ratio: %s", ratio_conflict);
    if (patch_conflict)
        return mcl_complain(MCL_EXIT_USAGE, "--mask-patch: %s", patch_conflict);
    return MCL_EXIT_DONE;
}

/* Fills work and writes it; image is NULL for an array. */
static mcl_exit reconstruct(mcl_triples *work, const struct settings *settings,
    const mcl_arguments *arguments, const mcl_model *model, const mcl_data *data,
    const mcl_tile *image)
{
    mcl_mask mask;
    uint64_t seed;
    mcl_context *context = NULL;
    mcl_exit code = choose_mask(&mask, &seed, settings, arguments, model);
    if (code == MCL_EXIT_DONE)
        code = mcl_allocate_triples(work);
    if (code == MCL_EXIT_DONE)
        code = mcl_open_device(&context, &settings->device);
    if (code != MCL_EXIT_DONE)
        return code;
    mcl_progress progress = mcl_progress_start(settings->device.quiet);
    mcl_progress_note(&progress, "reconstructing");
    mcl_status status = mcl_data_floats(work->values[0], data, settings->range.first, work->rows);
    if (status == MCL_OK)
        status = mcl_reconstruct(work->values[1], work->values[2], context, model, data, &mask,
            seed, settings->range.first, work->rows);
    mcl_context_close(context);
    mcl_progress_clear(&progress);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    return mcl_write_triples(settings->output, work, image);
}

static bool trained_a_decoder(const mcl_model *model)
{
    const char *text = mcl_model_metadata_get(model, "objective");
    mcl_objective objectives[MCL_OBJECTIVES_MAX];
    size_t count = 0;
    if (!text || mcl_objectives_parse(objectives, &count, text) != MCL_OK)
        return true; /* nobody knows */
    for (size_t i = 0; i < count; i++) {
        if (mcl_objective_describe(objectives[i].kind)->decodes)
            return true;
    }
    return false;
}

static mcl_exit run_loaded(const struct settings *settings, const mcl_arguments *arguments,
    const mcl_model *model, const mcl_data *data)
{
    const bool picture = mcl_is_picture(settings->output);
    mcl_triples work = {.columns = mcl_data_columns(data)};
    mcl_tile image;
    mcl_exit code = mcl_check_rows(model, arguments->operands[0], data, arguments->operands[1]);
    if (code == MCL_EXIT_DONE && picture)
        code = mcl_find_image(&image, data, arguments->operands[1], MCL_ADVICE_ARRAY);
    if (code == MCL_EXIT_DONE)
        code = mcl_choose_rows(&work.rows, &settings->range, arguments, 1, data, picture);
    if (code != MCL_EXIT_DONE)
        return code;
    if (!trained_a_decoder(model))
        mcl_warn("%s was trained for nothing that trains a decoder: its decoder is as it was drawn",
            arguments->operands[0]);
    code = reconstruct(&work, settings, arguments, model, data, picture ? &image : NULL);
    mcl_free_triples(&work);
    if (code == MCL_EXIT_DONE && !settings->device.quiet)
        mcl_print("reconstructed %" PRIu64 " rows from row %" PRIu64 " on: wrote %s\n", work.rows,
            settings->range.first, settings->output);
    return code;
}

static mcl_exit run(void *given, const mcl_arguments *arguments)
{
    const struct settings *settings = given;
    const char *const *paths = arguments->operands;
    mcl_model *model = NULL;
    mcl_data *data = NULL;
    mcl_exit code = mcl_check_triples(settings->output, paths, 2);
    if (code == MCL_EXIT_DONE)
        code = mcl_load_model(&model, paths[0]);
    if (code == MCL_EXIT_DONE)
        code = mcl_load_data(&data, paths[1], &settings->data, model);
    if (code == MCL_EXIT_DONE)
        code = run_loaded(settings, arguments, model, data);
    mcl_data_free(data);
    mcl_model_free(model);
    return code;
}

static void set_defaults(void *given)
{
    struct settings *settings = given;
    mcl_pretrain_options options;
    (void)mcl_pretrain_options_init(&options); /* of this very version */
    settings->mask = options.views.mask;
    settings->seed = options.train.seed;
}

static const mcl_option options[] = {
    MCL_ROW_OPTIONS(struct settings, range),
    {.name = "mask",
        .argument = "uniform|bernoulli|block|none",
        .group = "Mask",
        .help = "kind of mask",
        .without = "the model's",
        .type = &mcl_option_mask,
        .offset = offsetof(struct settings, mask.kind)},
    {.name = "mask-ratio",
        .argument = "P",
        .group = "Mask",
        .help = "part of the elements or patches that is kept",
        .without = "the model's, or 0.5",
        .type = &mcl_option_float,
        .offset = offsetof(struct settings, mask.ratio),
        .range = &mcl_range_inside_unit},
    {.name = "mask-patch",
        .argument = "PIXELS",
        .group = "Mask",
        .help = "side of a block mask's patch, or as in 2-8 the least and the largest of a side "
                "that is drawn for each row",
        .without = "the model's, or 4",
        .type = &mcl_option_patch,
        .offset = offsetof(struct settings, mask)},
    {.name = "seed",
        .argument = "N",
        .group = "Mask",
        .help = "what the masks are drawn from; they are those of the first epoch with this seed",
        .without = "the model's",
        .type = &mcl_option_whole,
        .offset = offsetof(struct settings, seed)},
    MCL_DEVICE_OPTIONS(struct settings, device),
    MCL_TRIPLES_OUTPUT(struct settings, output),
};

const mcl_command mcl_command_reconstruct = {
    .name = "reconstruct",
    .summary = "write rows, masked rows and what the decoder makes of them",
    .description =
        "Masks rows, embeds what is left, decodes the embedding, and writes the three: original, "
        "masked, reconstruction. A picture needs rows that are images, grey or with 3 channels "
        "last, and shows values from 0 to 1.",
    .examples = "  maskcl reconstruct fashion.safetensors t10k-images-idx3-ubyte.gz -o rows.png\n"
                "  maskcl reconstruct rows.safetensors rows.npy -o rows3.npy --first 100 --rows 10",
    .operands = {{"MODEL", "the model file"},
        {"DATA", "the rows, of the width that the model was trained on"}},
    .operand_count = 2,
    .data_keys = mcl_data_keys_applied,
    .data_offset = offsetof(struct settings, data),
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .set_defaults = set_defaults,
    .run = run,
};
