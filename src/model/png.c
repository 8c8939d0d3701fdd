/* SPDX-License-Identifier: Apache-2.0 */
/* Writing PNG pictures with libpng. */
#include <inttypes.h>
#include <setjmp.h>

#include <png.h>

#include "base/error.h"
#include "base/file.h"
#include "maskcl/output.h"

#define SIDE_MAX 0x7FFFFFFFu /* of a picture, by the PNG specification */

/* What libpng's callbacks get: where to write to, and how that or libpng itself failed. */
struct picture {
    const char *path;
    mcl_output *output;
    mcl_status status;
};

/* Called by libpng for its errors; one of ours has already been recorded. */
static PNG_NORETURN void fail(png_structp png, png_const_charp message)
{
    struct picture *picture = png_get_error_ptr(png);
    if (picture->status == MCL_OK)
        picture->status =
            mcl_fail(MCL_ERROR_MEMORY, "%s: cannot write: libpng: %s", picture->path, message);
    png_longjmp(png, 1);
}

/* libpng would print it. */
static void ignore_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void write_bytes(png_structp png, png_bytep bytes, size_t count)
{
    struct picture *picture = png_get_io_ptr(png);
    picture->status = mcl_output_write(picture->output, bytes, count);
    if (picture->status != MCL_OK)
        png_error(png, "cannot write");
}

/* mcl_output_commit() flushes. */
static void flush_nothing(png_structp png)
{
    (void)png;
}

/* Has no local variables that a longjmp could clobber. */
static void write_picture(png_structp png, png_infop info, const uint8_t *pixels, uint32_t width,
    uint32_t height, uint32_t channels)
{
    if (setjmp(png_jmpbuf(png)))
        return;
    png_set_user_limits(png, SIDE_MAX, SIDE_MAX);
    png_set_IHDR(png, info, width, height, 8,
        channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
        PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (uint32_t y = 0; y < height; y++)
        png_write_row(png, pixels + (size_t)y * width * channels);
    png_write_end(png, info);
}

static mcl_status encode(struct picture *picture, const uint8_t *pixels, uint32_t width,
    uint32_t height, uint32_t channels)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, picture, fail, ignore_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (info) {
        png_set_write_fn(png, picture, write_bytes, flush_nothing);
        write_picture(png, info, pixels, width, height, channels);
    } else if (picture->status == MCL_OK) {
        picture->status =
            mcl_fail(MCL_ERROR_MEMORY, "%s: the host has no memory for a picture", picture->path);
    }
    png_destroy_write_struct(&png, &info);
    return picture->status;
}

mcl_status mcl_write_png(
    const char *path, const uint8_t *pixels, uint32_t width, uint32_t height, uint32_t channels)
{
    MCL_NEED(path);
    MCL_NEED(pixels);
    if (channels != 1 && channels != 3)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%s: a picture has 1 or 3 bytes a pixel, not %" PRIu32,
            path, channels);
    if (width == 0 || height == 0 || width > SIDE_MAX || height > SIDE_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s: a picture of %" PRIu32 "×%" PRIu32 " pixels cannot be written: each side must be "
            "from 1 to %" PRIu32,
            path, width, height, SIDE_MAX);
    struct picture picture = {.path = path, .status = MCL_OK};
    MCL_TRY(mcl_output_open(&picture.output, path, MCL_OUTPUT_RESULT));
    mcl_status status = encode(&picture, pixels, width, height, channels);
    if (status == MCL_OK)
        return mcl_output_commit(picture.output);
    mcl_output_abandon(picture.output);
    return status;
}
