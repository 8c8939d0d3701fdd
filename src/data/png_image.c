/* SPDX-License-Identifier: Apache-2.0 */
/* PNG images, by libpng. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "data/image.h"

#define CHUNKS_MAX 256      /* of text and the like that libpng keeps */
#define CHUNK_MAX (1 << 20) /* bytes of one of them */
#define MESSAGE_SIZE 128    /* of libpng's errors */

/* A file that is read from memory. */
struct reading {
    const mcl_image_file *file;
    mcl_picture *picture;
    size_t used;
    mcl_status status; /* of what failed here and not in libpng */
    char message[MESSAGE_SIZE];
};

static bool recognize(const unsigned char *bytes, size_t count)
{
    return count >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0;
}

static PNG_NORETURN void fail(png_structp png, png_const_charp message)
{
    struct reading *reading = png_get_error_ptr(png);
    snprintf(reading->message, sizeof reading->message, "%s", message);
    png_longjmp(png, 1);
}

/* What libpng would print, and can go on after. */
static void ignore_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

/* libpng's memory: what it has none of is no damage of the file. */
static png_voidp allocate(png_structp png, png_alloc_size_t size)
{
    struct reading *reading = png_get_mem_ptr(png);
    void *memory = malloc(size);
    if (!memory)
        reading->status = mcl_fail(
            MCL_ERROR_MEMORY, "%s: the host has no memory for an image", reading->file->name);
    return memory;
}

static void release(png_structp png, png_voidp memory)
{
    (void)png;
    free(memory);
}

static void read_bytes(png_structp png, png_bytep bytes, size_t count)
{
    struct reading *reading = png_get_io_ptr(png);
    if (reading->file->count - reading->used < count)
        png_error(png, "the file is truncated");
    memcpy(bytes, reading->file->bytes + reading->used, count);
    reading->used += count;
}

/* Asks libpng for 8 bits of grey or colour, with alpha where the image has it. */
static void transform(png_structp png, png_infop info)
{
    const int type = png_get_color_type(png, info);
    if (png_get_bit_depth(png, info) == 16)
        png_set_scale_16(png);
    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(png);
    else if (type == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) < 8)
        png_set_expand_gray_1_2_4_to_8(png);
    if (png_get_valid(png, info, PNG_INFO_tRNS))
        png_set_tRNS_to_alpha(png);
}

/* Has no local variables of its own after setjmp() that a longjmp could clobber. */
static mcl_status read_picture(png_structp png, png_infop info, struct reading *reading)
{
    mcl_picture *picture = reading->picture;
    if (setjmp(png_jmpbuf(png)))
        return reading->status != MCL_OK ? reading->status
                                         : mcl_fail(MCL_ERROR_FORMAT, "%s: a damaged PNG image: %s",
                                               reading->file->name, reading->message);
    png_set_user_limits(png, 0x7FFFFFFF, 0x7FFFFFFF); /* ours are pixels */
    png_set_chunk_cache_max(png, CHUNKS_MAX);
    png_set_chunk_malloc_max(png, CHUNK_MAX);
    png_read_info(png, info);
    reading->status = mcl_picture_check(
        reading->file, png_get_image_height(png, info), png_get_image_width(png, info));
    if (reading->status != MCL_OK)
        return reading->status;
    transform(png, info);
    const int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    reading->status = mcl_picture_create(picture, reading->file, png_get_image_height(png, info),
        png_get_image_width(png, info), png_get_channels(png, info));
    if (reading->status != MCL_OK)
        return reading->status;
    for (int pass = 0; pass < passes; pass++) {
        for (uint32_t y = 0; y < picture->height; y++)
            png_read_row(
                png, picture->pixels + (size_t)y * picture->width * picture->channels, NULL);
    }
    png_read_end(png, NULL);
    return MCL_OK;
}

static mcl_status decode(mcl_picture *picture, const mcl_image_file *file)
{
    struct reading reading = {.file = file, .picture = picture, .status = MCL_OK};
    png_structp png = png_create_read_struct_2(
        PNG_LIBPNG_VER_STRING, &reading, fail, ignore_warning, &reading, allocate, release);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    mcl_status status;
    if (info) {
        png_set_read_fn(png, &reading, read_bytes);
        status = read_picture(png, info, &reading);
    } else {
        status = mcl_fail(MCL_ERROR_MEMORY, "%s: the host has no memory for an image", file->name);
    }
    png_destroy_read_struct(&png, &info, NULL);
    return status;
}

const mcl_image_format mcl_image_png = {.name = "PNG", .recognize = recognize, .decode = decode};
