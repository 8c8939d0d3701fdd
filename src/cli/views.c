/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl views: rows and their two views, to look at. */
#include <inttypes.h>

#include "commands.h"
#include "data_options.h"
#include "device_options.h"
#include "files.h"
#include "help.h"
#include "mask_options.h"
#include "maskcl/pretrain.h"
#include "progress.h"
#include "triples.h"

struct settings {
    mcl_device_settings device;
    mcl_data_options data;
    const char *output;
    mcl_row_range range;
    mcl_view_options views;
    uint64_t seed, epoch; /* from 1 */
};

/* Fills triples and writes them; image is NULL for an array. */
static mcl_exit draw(mcl_triples *triples, const struct settings *settings, const mcl_data *data,
    const mcl_tile *image)
{
    mcl_context *context = NULL;
    mcl_exit code = mcl_allocate_triples(triples);
    if (code == MCL_EXIT_DONE)
        code = mcl_open_device(&context, &settings->device);
    if (code != MCL_EXIT_DONE)
        return code;
    mcl_progress progress = mcl_progress_start(settings->device.quiet);
    mcl_progress_note(&progress, "drawing");
    const uint64_t first = settings->range.first;
    mcl_status status = mcl_data_floats(triples->values[0], data, first, triples->rows);
    if (status == MCL_OK)
        status =
            mcl_views_draw(triples->values[1], triples->values[2], context, data, &settings->views,
                settings->seed, (uint32_t)(settings->epoch - 1), first, triples->rows);
    mcl_context_close(context);
    mcl_progress_clear(&progress);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    return mcl_write_triples(settings->output, triples, image);
}

static mcl_exit run_loaded(
    const struct settings *settings, const mcl_arguments *arguments, const mcl_data *data)
{
    const bool picture = mcl_is_picture(settings->output);
    mcl_triples triples = {.columns = mcl_data_columns(data)};
    mcl_tile image;
    mcl_exit code = MCL_EXIT_DONE;
    if (picture)
        code = mcl_find_image(&image, data, arguments->operands[0], MCL_ADVICE_ARRAY);
    if (code == MCL_EXIT_DONE)
        code = mcl_choose_rows(&triples.rows, &settings->range, arguments, 0, data, picture);
    if (code != MCL_EXIT_DONE)
        return code;
    code = draw(&triples, settings, data, picture ? &image : NULL);
    mcl_free_triples(&triples);
    if (code == MCL_EXIT_DONE && !settings->device.quiet)
        mcl_print("drew the views of %" PRIu64 " rows from row %" PRIu64 " on: wrote %s\n",
            triples.rows, settings->range.first, settings->output);
    return code;
}

static mcl_exit run(void *given, const mcl_arguments *arguments)
{
    const struct settings *settings = given;
    mcl_data *data = NULL;
    mcl_exit code = mcl_check_triples(settings->output, arguments->operands, 1);
    if (code == MCL_EXIT_DONE)
        code = mcl_load_data(&data, arguments->operands[0], &settings->data, NULL);
    if (code == MCL_EXIT_DONE)
        code = run_loaded(settings, arguments, data);
    mcl_data_free(data);
    return code;
}

static void set_defaults(void *given)
{
    struct settings *settings = given;
    mcl_pretrain_options options;
    (void)mcl_pretrain_options_init(&options); /* of this very version */
    settings->views = options.views;
    settings->seed = options.train.seed;
    settings->epoch = 1;
}

static const mcl_option options[] = {
    {.name = "views",
        .argument = "PARTS",
        .group = "Views",
        .help = "how the views are made: the parts below, joined by commas",
        .type = &mcl_option_views,
        .offset = offsetof(struct settings, views)},
    {.name = "seed",
        .argument = "N",
        .group = "Views",
        .help = "what they are drawn from, as of pretrain",
        .type = &mcl_option_whole,
        .offset = offsetof(struct settings, seed)},
    {.name = "epoch",
        .argument = "N",
        .group = "Views",
        .help = "the epoch whose views to draw, counted from 1",
        .type = &mcl_option_whole,
        .offset = offsetof(struct settings, epoch),
        .least = 1,
        .most = UINT32_MAX},
    MCL_ROW_OPTIONS(struct settings, range),
    MCL_DEVICE_OPTIONS(struct settings, device),
    MCL_TRIPLES_OUTPUT(struct settings, output),
};

static void print_parts(void)
{
    const mcl_view_part *part;
    for (size_t i = 0; (part = mcl_view_part_describe(i)); i++) {
        char text[768];
        snprintf(
            text, sizeof text, "%s (%s: %g)", part->summary, part->number, (double)part->otherwise);
        mcl_print_entry(part->usage, text);
    }
}

const mcl_command mcl_command_views = {
    .name = "views",
    .summary = "draw rows and the two views that an encoder sees of them",
    .description =
        "Writes each row, its first view and its second one, as 'maskcl pretrain' with the same "
        "--views and --seed makes them. A picture needs rows that are images, grey or with 3 "
        "channels last, and shows values from 0 to 1.\n"
        "What is not named is not done. Each part is drawn anew for each row, view and epoch. All "
        "that moves an image is one bilinear sampling with zeros outside, which a crop does not "
        "reach. The order is: moves, crop, flip, brightness, contrast, saturation, hue, grey, "
        "blur, corruption, noise, mask.",
    .examples =
        "  maskcl views train-images-idx3-ubyte.gz -o views.png --rows 16 --views affine,flip\n"
        "  maskcl views icons/ --size 32 -o views.png --views crop,flip,color,grey,blur\n"
        "  maskcl views table.npy -o views.npy --views corrupt:0.6:one",
    .operands = {{"DATA", "the rows, as for pretrain"}},
    .operand_count = 1,
    .data_keys = mcl_data_keys_fitted,
    .data_offset = offsetof(struct settings, data),
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .details_heading = "Parts of --views, with their defaults",
    .print_details = print_parts,
    .settings_size = sizeof(struct settings),
    .set_defaults = set_defaults,
    .run = run,
};
