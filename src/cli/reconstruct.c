/* maskcl reconstruct: rows, what a mask leaves of them, and what the decoder makes of that. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "commands.h"
#include "device_options.h"
#include "files.h"
#include "mask_options.h"
#include "maskcl/evaluate.h"
#include "maskcl/output.h"
#include "maskcl/pretrain.h"
#include "metadata.h"
#include "progress.h"
#include "signals.h"

#define PICTURE_ROWS 32 /* a picture shows, unless told otherwise */
#define TILES 3         /* of a row: original, masked, reconstruction */
#define GAP 2           /* pixels between tiles */
#define GROUP_GAP 8     /* pixels between one row's tiles and the next row's */
#define BACKGROUND 128  /* grey, seen beside black and white */

struct settings {
    mcl_device_settings device;
    const char *output;
    uint64_t first, rows;
    mcl_mask mask;
    uint64_t seed;
};

/* Rows first … first+rows-1 in the three states, each [rows×columns]. */
struct reconstruction {
    uint64_t rows, columns;
    float *values[TILES];
};

/* The rows as images: D = height × width × channels. */
struct image {
    uint64_t height, width, channels;
};

static bool ends_in(const char *path, const char *suffix)
{
    size_t length = strlen(path), part = strlen(suffix);
    return length > part && strcasecmp(path + length - part, suffix) == 0;
}

static mcl_exit find_image(struct image *image, const mcl_data *data, const char *path)
{
    uint64_t shape[MCL_DIMENSIONS_MAX];
    const size_t dimensions = mcl_data_row_shape(data, shape);
    const uint64_t channels = dimensions == 3 ? shape[2] : 1;
    if ((dimensions != 2 && dimensions != 3) || (channels != 1 && channels != 3))
        return mcl_complain(MCL_EXIT_FAILED,
            "%s: its rows are not images of height x width or height x width x 1 or 3 channels, "
            "and "
            "cannot be a picture: write an .npy file",
            path);
    *image = (struct image){shape[0], shape[1], channels};
    return MCL_EXIT_DONE;
}

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
    if (!patch_given)
        mask->patch = trained.patch;
    const char *ratio_conflict = ratio_given ? mcl_ratio_conflict(mask->kind) : NULL;
    const char *patch_conflict = patch_given ? mcl_patch_conflict(mask->kind) : NULL;
    if (ratio_conflict)
        return mcl_complain(MCL_EXIT_USAGE, "--mask-ratio: %s", ratio_conflict);
    if (patch_conflict)
        return mcl_complain(MCL_EXIT_USAGE, "--mask-patch: %s", patch_conflict);
    return MCL_EXIT_DONE;
}

/* *rows = how many are wanted from settings->first on. */
static mcl_exit choose_rows(uint64_t *rows, const struct settings *settings,
    const mcl_arguments *arguments, const mcl_data *data, bool picture)
{
    const uint64_t all = mcl_data_rows(data), first = settings->first;
    const char *path = arguments->operands[1];
    if (first >= all)
        return mcl_complain(MCL_EXIT_USAGE,
            "--first: %s has %" PRIu64 " rows, counted from 0: there is no row %" PRIu64, path, all,
            first);
    *rows = all - first;
    if (mcl_option_given(arguments, "rows")) {
        if (settings->rows > *rows)
            return mcl_complain(MCL_EXIT_USAGE,
                "--rows: %s has %" PRIu64 " rows from row %" PRIu64 " on, not %" PRIu64, path,
                *rows, first, settings->rows);
        *rows = settings->rows;
    } else if (picture && *rows > PICTURE_ROWS) {
        *rows = PICTURE_ROWS;
    }
    return MCL_EXIT_DONE;
}

/* Writes [rows, 3, columns]. */
static mcl_exit write_array(const char *path, const struct reconstruction *work)
{
    const uint64_t shape[3] = {work->rows, TILES, work->columns};
    const size_t columns = (size_t)work->columns;
    float *all;
    mcl_exit code = mcl_allocate_values(&all, work->rows, TILES * work->columns);
    if (code != MCL_EXIT_DONE)
        return code;
    for (size_t i = 0; i < work->rows; i++) {
        for (size_t t = 0; t < TILES; t++)
            memcpy(all + (TILES * i + t) * columns, work->values[t] + i * columns,
                columns * sizeof *all);
    }
    mcl_status status = mcl_write_npy(path, all, shape, 3);
    free(all);
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

/* A picture of rows in groups of three tiles, `across` groups side by side and `down` below each
 * other. */
struct grid {
    uint64_t across, down, width, height;
};

/* The grid that is nearest to a square. False when it is empty or too large for a picture. */
static bool lay_out(struct grid *grid, const struct image *image, uint64_t rows)
{
    if (rows == 0 || rows > INT32_MAX || image->width > INT32_MAX / 4 ||
        image->height > INT32_MAX / 4)
        return false;
    const uint64_t group = TILES * image->width + (TILES - 1) * GAP;
    const double square =
        sqrt((double)rows * (double)(image->height + GAP) / (double)(group + GROUP_GAP));
    grid->across = square < 1.5 ? 1 : (uint64_t)(square + 0.5);
    if (grid->across > rows)
        grid->across = rows;
    grid->down = (rows + grid->across - 1) / grid->across;
    grid->width = grid->across * (group + GROUP_GAP) - GROUP_GAP;
    grid->height = grid->down * (image->height + GAP) - GAP;
    return grid->width <= INT32_MAX && grid->height <= INT32_MAX &&
           grid->width * image->channels <= (uint64_t)INT64_MAX / grid->height;
}

static uint8_t pixel(float value)
{
    if (!(value > 0.0f))
        return 0;
    return value >= 1.0f ? 255 : (uint8_t)(value * 255.0f + 0.5f);
}

/* Draws values[height × width × channels] with its upper left corner at column, line. */
static void draw_tile(uint8_t *pixels, const struct grid *grid, const struct image *image,
    const float *values, uint64_t column, uint64_t line)
{
    const uint64_t length = image->width * image->channels;
    for (uint64_t y = 0; y < image->height; y++) {
        uint8_t *to = pixels + ((line + y) * grid->width + column) * image->channels;
        for (uint64_t x = 0; x < length; x++)
            to[x] = pixel(values[y * length + x]);
    }
}

static mcl_exit write_picture(
    const char *path, const struct reconstruction *work, const struct image *image)
{
    struct grid grid;
    uint8_t *pixels = NULL;
    if (lay_out(&grid, image, work->rows))
        pixels = malloc((size_t)(grid.width * grid.height * image->channels));
    if (!pixels)
        return mcl_complain(MCL_EXIT_FAILED,
            "%s: no picture can show %" PRIu64 " rows: give fewer --rows", path, work->rows);
    memset(pixels, BACKGROUND, (size_t)(grid.width * grid.height * image->channels));
    for (uint64_t i = 0; i < work->rows; i++) {
        const uint64_t group = TILES * image->width + (TILES - 1) * GAP + GROUP_GAP;
        const uint64_t line = i / grid.across * (image->height + GAP);
        for (uint64_t t = 0; t < TILES; t++)
            draw_tile(pixels, &grid, image, work->values[t] + i * work->columns,
                i % grid.across * group + t * (image->width + GAP), line);
    }
    mcl_status status = mcl_write_png(
        path, pixels, (uint32_t)grid.width, (uint32_t)grid.height, (uint32_t)image->channels);
    free(pixels);
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

/* Fills work and writes it; image is NULL for an array. */
static mcl_exit reconstruct(struct reconstruction *work, const struct settings *settings,
    const mcl_arguments *arguments, const mcl_model *model, const mcl_data *data,
    const struct image *image)
{
    mcl_mask mask;
    uint64_t seed;
    mcl_context *context = NULL;
    mcl_exit code = choose_mask(&mask, &seed, settings, arguments, model);
    for (size_t t = 0; t < TILES && code == MCL_EXIT_DONE; t++)
        code = mcl_allocate_values(&work->values[t], work->rows, work->columns);
    if (code == MCL_EXIT_DONE)
        code = mcl_open_device(&context, &settings->device);
    if (code != MCL_EXIT_DONE)
        return code;
    mcl_progress progress = mcl_progress_start(settings->device.quiet);
    mcl_progress_note(&progress, "reconstructing");
    mcl_status status = mcl_data_floats(work->values[0], data, settings->first, work->rows);
    if (status == MCL_OK)
        status = mcl_reconstruct(work->values[1], work->values[2], context, model, data, &mask,
            seed, settings->first, work->rows);
    mcl_context_close(context);
    mcl_progress_clear(&progress);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    mcl_survive_failed_writes();
    return image ? write_picture(settings->output, work, image)
                 : write_array(settings->output, work);
}

static bool trained_a_decoder(const mcl_model *model)
{
    const char *objective = mcl_model_metadata_get(model, "objective");
    return !objective || strstr(objective, mcl_objective_name(MCL_OBJECTIVE_RECONSTRUCTION));
}

static mcl_exit run_loaded(const struct settings *settings, const mcl_arguments *arguments,
    const mcl_model *model, const mcl_data *data)
{
    const bool picture = ends_in(settings->output, ".png");
    struct reconstruction work = {.columns = mcl_data_columns(data)};
    struct image image;
    mcl_exit code = mcl_check_width(model, arguments->operands[0], data, arguments->operands[1]);
    if (code == MCL_EXIT_DONE && picture)
        code = find_image(&image, data, arguments->operands[1]);
    if (code == MCL_EXIT_DONE)
        code = choose_rows(&work.rows, settings, arguments, data, picture);
    if (code != MCL_EXIT_DONE)
        return code;
    if (!trained_a_decoder(model))
        mcl_warn("%s was trained without the objective reconstruction: its decoder is as it was "
                 "drawn",
            arguments->operands[0]);
    code = reconstruct(&work, settings, arguments, model, data, picture ? &image : NULL);
    for (size_t t = 0; t < TILES; t++)
        free(work.values[t]);
    if (code == MCL_EXIT_DONE && !settings->device.quiet)
        printf("reconstructed %" PRIu64 " rows from row %" PRIu64 " on: wrote %s\n", work.rows,
            settings->first, settings->output);
    return code;
}

static mcl_exit run(void *given, const mcl_arguments *arguments)
{
    const struct settings *settings = given;
    const char *const *paths = arguments->operands;
    mcl_model *model = NULL;
    mcl_data *data = NULL;
    if (!ends_in(settings->output, ".npy") && !ends_in(settings->output, ".png"))
        return mcl_complain(MCL_EXIT_USAGE,
            "-o: '%s' ends in neither .npy nor .png, which say what to write", settings->output);
    mcl_exit code = mcl_check_output(settings->output, paths, 2);
    if (code == MCL_EXIT_DONE)
        code = mcl_load_model(&model, paths[0]);
    if (code == MCL_EXIT_DONE)
        code = mcl_load_data(&data, paths[1]);
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
    mcl_pretrain_defaults(&options);
    settings->mask = options.mask;
    settings->seed = options.seed;
}

static const mcl_option options[] = {
    {.name = "rows",
        .argument = "N",
        .group = "Rows",
        .help = "how many rows",
        .without = "all, and of a picture 32",
        .type = &mcl_option_whole,
        .offset = offsetof(struct settings, rows),
        .least = 1},
    {.name = "first",
        .argument = "N",
        .group = "Rows",
        .help = "the first row, counted from 0",
        .type = &mcl_option_whole,
        .offset = offsetof(struct settings, first)},
    {.name = "mask",
        .argument = "uniform|bernoulli|block",
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
        .help = "side of a block mask's patch",
        .without = "the model's, or 4",
        .type = &mcl_option_whole32,
        .offset = offsetof(struct settings, mask.patch),
        .least = 1,
        .most = UINT32_MAX},
    {.name = "seed",
        .argument = "N",
        .group = "Mask",
        .help = "what the masks are drawn from; they are those of the first epoch with this seed",
        .without = "the model's",
        .type = &mcl_option_whole,
        .offset = offsetof(struct settings, seed)},
    MCL_DEVICE_OPTIONS(struct settings, device),
    {.name = "output",
        .letter = 'o',
        .required = true,
        .argument = "OUT.npy|OUT.png",
        .group = "Output",
        .help = "the file to write: an array of float32, rows x 3 x columns, or a picture of the "
                "same side by side",
        .type = &mcl_option_text,
        .offset = offsetof(struct settings, output)},
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
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .set_defaults = set_defaults,
    .run = run,
};
