/* SPDX-License-Identifier: Apache-2.0 */
#include "triples.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "maskcl/output.h"
#include "signals.h"

#define PICTURE_ROWS 32 /* a picture shows, unless told otherwise */
#define TILES MCL_TRIPLE
#define GAP 2          /* pixels between tiles */
#define GROUP_GAP 8    /* pixels between one row's tiles and the next row's */
#define BACKGROUND 128 /* grey, seen beside black and white */

bool mcl_is_picture(const char *output)
{
    return mcl_ends_in(output, ".png");
}

mcl_exit mcl_check_triples(const char *output, const char *const *inputs, size_t count)
{
    if (!mcl_ends_in(output, ".npy") && !mcl_is_picture(output))
        return mcl_complain(MCL_EXIT_USAGE,
            "-o: '%s' ends in neither .npy nor .png, which say what to write", output);
    return mcl_check_output(output, inputs, count);
}

mcl_exit mcl_find_image(mcl_tile *image, const mcl_data *data, const char *path, const char *advice)
{
    uint64_t shape[MCL_DIMENSIONS_MAX];
    const size_t dimensions = mcl_data_row_shape(data, shape);
    const uint64_t channels = dimensions == 3 ? shape[2] : 1;
    if ((dimensions != 2 && dimensions != 3) || (channels != 1 && channels != 3))
        return mcl_complain(MCL_EXIT_FAILED,
            "%s: its rows are not images of height x width or height x width x 1 or 3 channels, "
            "and cannot be a picture: %s",
            path, advice);
    *image = (mcl_tile){shape[0], shape[1], channels};
    return MCL_EXIT_DONE;
}

mcl_exit mcl_choose_rows(uint64_t *rows, const mcl_row_range *range, const mcl_arguments *arguments,
    size_t operand, const mcl_data *data, bool picture)
{
    const uint64_t all = mcl_data_rows(data), first = range->first;
    const char *path = arguments->operands[operand];
    if (first >= all)
        return mcl_complain(MCL_EXIT_USAGE,
            "--first: %s has %" PRIu64 " rows, counted from 0: there is no row %" PRIu64, path, all,
            first);
    *rows = all - first;
    if (mcl_option_given(arguments, "rows")) {
        if (range->rows > *rows)
            return mcl_complain(MCL_EXIT_USAGE,
                "--rows: %s has %" PRIu64 " rows from row %" PRIu64 " on, not %" PRIu64, path,
                *rows, first, range->rows);
        *rows = range->rows;
    } else if (picture && *rows > PICTURE_ROWS) {
        *rows = PICTURE_ROWS;
    }
    return MCL_EXIT_DONE;
}

/* Writes [rows, 3, columns]. */
static mcl_exit write_array(const char *path, const mcl_triples *work)
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
static bool lay_out(struct grid *grid, const mcl_tile *image, uint64_t rows)
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
static void draw_tile(uint8_t *pixels, const struct grid *grid, const mcl_tile *image,
    const float *values, uint64_t column, uint64_t line)
{
    const uint64_t length = image->width * image->channels;
    for (uint64_t y = 0; y < image->height; y++) {
        uint8_t *to = pixels + ((line + y) * grid->width + column) * image->channels;
        for (uint64_t x = 0; x < length; x++)
            to[x] = pixel(values[y * length + x]);
    }
}

static mcl_exit write_picture(const char *path, const mcl_triples *work, const mcl_tile *image)
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

mcl_exit mcl_write_triples(const char *path, const mcl_triples *triples, const mcl_tile *image)
{
    (void)mcl_signals_defer();
    const mcl_exit code = image ? write_picture(path, triples, image) : write_array(path, triples);
    if (code == MCL_EXIT_DONE)
        mcl_keep("%s is written", path);
    return code;
}

mcl_exit mcl_allocate_triples(mcl_triples *triples)
{
    mcl_exit code = MCL_EXIT_DONE;
    for (size_t t = 0; t < TILES && code == MCL_EXIT_DONE; t++)
        code = mcl_allocate_values(&triples->values[t], triples->rows, triples->columns);
    return code;
}

void mcl_free_triples(mcl_triples *triples)
{
    for (size_t t = 0; t < TILES; t++)
        free(triples->values[t]);
}
