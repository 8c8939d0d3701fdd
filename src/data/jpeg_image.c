/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG images, by libjpeg or libjpeg-turbo. The slow integer DCT and fancy upsampling are asked
 * for, which have the same bits on every processor. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "base/memory.h"
#include "data/image.h"

#define SCANS_MAX 256              /* of a progressive image, each of which costs a pass over it */
#define MEMORY_MAX ((long)1 << 29) /* that libjpeg may take */
#define EXIF_MAX 0xFFFF
#define ORIENTATION 0x0112 /* the tag of an Exif directory */

/* libjpeg's handlers, with what they need; decoder.err points to the first member. */
struct handlers {
    struct jpeg_error_mgr errors;
    jmp_buf back;
    const mcl_image_file *file;
    mcl_status status;
    char message[JMSG_LENGTH_MAX];
};

struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct handlers handlers;
    struct jpeg_progress_mgr progress;
    unsigned char *line; /* of CMYK, which becomes colours */
};

static bool recognize(const unsigned char *bytes, size_t count)
{
    return count >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF;
}

static void fail(j_common_ptr jpeg)
{
    struct handlers *handlers = (struct handlers *)(void *)jpeg->err;
    jpeg->err->format_message(jpeg, handlers->message);
    handlers->status =
        jpeg->err->msg_code == JERR_OUT_OF_MEMORY ? MCL_ERROR_MEMORY : MCL_ERROR_FORMAT;
    longjmp(handlers->back, 1);
}

/* Messages of level -1 are of damage, after which libjpeg goes on with something; those of junk
 * between markers, which many cameras write, are none. */
static void judge(j_common_ptr jpeg, int level)
{
    const int code = jpeg->err->msg_code;
    if (level < 0 &&
        (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE ||
            code == JWRN_ARITH_BAD_CODE || code == JWRN_MUST_RESYNC))
        fail(jpeg);
}

/* Called time and again: a small file can ask for thousands of passes over a large image. */
static void limit_scans(j_common_ptr jpeg)
{
    const struct jpeg_decompress_struct *of = (const void *)jpeg;
    struct handlers *handlers = (struct handlers *)(void *)jpeg->err;
    if (of->input_scan_number <= SCANS_MAX)
        return;
    handlers->status = MCL_ERROR_DATA;
    snprintf(handlers->message, sizeof handlers->message, "it has more than %d scans", SCANS_MAX);
    longjmp(handlers->back, 1);
}

static unsigned product(unsigned a, unsigned b)
{
    const unsigned t = a * b + 128;
    return ((t >> 8) + t) >> 8;
}

/* A line of CMYK as colours; Adobe's programs write it inverted. */
static void convert_line(unsigned char *to, const unsigned char *from, uint32_t width, bool adobe)
{
    for (uint32_t x = 0; x < width; x++, from += 4) {
        const unsigned white = adobe ? from[3] : 255U - from[3];
        for (int c = 0; c < 3; c++)
            *to++ = (unsigned char)product(adobe ? from[c] : 255U - from[c], white);
    }
}

/* Turns the picture so that columns become lines (transpose), and mirrors it. */
static mcl_status turn(mcl_picture *picture, bool transpose, bool mirror_x, bool mirror_y)
{
    const uint32_t channels = picture->channels;
    const uint32_t height = transpose ? picture->width : picture->height;
    const uint32_t width = transpose ? picture->height : picture->width;
    unsigned char *turned, *to;
    MCL_TRY(mcl_allocate_pages(&turned, (uint64_t)height * width, channels));
    to = turned;
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++, to += channels) {
            const uint32_t v = mirror_y ? height - 1 - y : y, u = mirror_x ? width - 1 - x : x;
            const uint32_t line = transpose ? u : v, column = transpose ? v : u;
            memcpy(to, picture->pixels + ((size_t)line * picture->width + column) * channels,
                channels);
        }
    }
    free(picture->pixels);
    picture->pixels = turned;
    picture->height = height;
    picture->width = width;
    return MCL_OK;
}

/* How a camera was held, from 1 (upright) to 8, as the first directory of a file's Exif data says
 * (CIPA DC-008, 4.6.4); 1 where it says nothing. */
static unsigned orientation(const unsigned char *exif, size_t count)
{
    if (count < 14 || memcmp(exif, "Exif\0\0", 6) != 0)
        return 1;
    const unsigned char *tiff = exif + 6;
    const size_t size = count - 6;
    const bool little = tiff[0] == 'I';
#define U16(at)                                                                                    \
    (little ? tiff[at] | (unsigned)tiff[(at) + 1] << 8 : (unsigned)tiff[at] << 8 | tiff[(at) + 1])
    const size_t start = little ? U16(4) | (size_t)U16(6) << 16 : (size_t)U16(4) << 16 | U16(6);
    if (size < 2 || start > size - 2)
        return 1;
    const unsigned entries = U16(start);
    for (unsigned i = 0; i < entries; i++) {
        const size_t at = start + 2 + (size_t)i * 12;
        if (at + 12 > size)
            return 1;
        if (U16(at) == ORIENTATION)
            return U16(at + 8) >= 1 && U16(at + 8) <= 8 ? U16(at + 8) : 1;
    }
#undef U16
    return 1;
}

static mcl_status put_upright(mcl_picture *picture, const struct jpeg_decompress_struct *jpeg)
{
    unsigned held = 1;
    for (jpeg_saved_marker_ptr marker = jpeg->marker_list; marker && held == 1;
         marker = marker->next)
        held = orientation(marker->data, marker->data_length);
    if (held == 1)
        return MCL_OK;
    /* 2 and 3: mirrored, upside down; 4: both; 5 to 8: with lines for columns. */
    return turn(picture, held >= 5, held == 2 || held == 3 || held == 6 || held == 7,
        held == 3 || held == 4 || held == 7 || held == 8);
}

/* Reads the pixels of what was started. */
static void read_lines(struct decoder *decoder, mcl_picture *picture)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    const size_t length = (size_t)picture->width * picture->channels;
    while (jpeg->output_scanline < jpeg->output_height) {
        unsigned char *to = picture->pixels + jpeg->output_scanline * length;
        JSAMPROW line = decoder->line ? decoder->line : to;
        if (jpeg_read_scanlines(jpeg, &line, 1) == 1 && decoder->line)
            convert_line(to, decoder->line, picture->width, jpeg->saw_Adobe_marker);
    }
}

/* What can leave by longjmp(); its callers' variables do not change here. */
static mcl_status read_picture(struct decoder *decoder, mcl_picture *picture)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    const mcl_image_file *file = decoder->handlers.file;
    jpeg_create_decompress(jpeg);
    jpeg->mem->max_memory_to_use = MEMORY_MAX;
    jpeg->progress = &decoder->progress;
    jpeg_mem_src(jpeg, file->bytes, (unsigned long)file->count);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, EXIF_MAX);
    (void)jpeg_read_header(jpeg, TRUE);
    MCL_TRY(mcl_picture_check(file, jpeg->image_height, jpeg->image_width));
    const bool grey = jpeg->jpeg_color_space == JCS_GRAYSCALE;
    const bool cmyk = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    jpeg->out_color_space = grey ? JCS_GRAYSCALE : cmyk ? JCS_CMYK : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->do_fancy_upsampling = TRUE;
    jpeg->do_block_smoothing = FALSE;
    MCL_TRY(mcl_picture_create(picture, file, jpeg->image_height, jpeg->image_width, grey ? 1 : 3));
    if (cmyk)
        MCL_TRY(mcl_allocate(&decoder->line, jpeg->image_width, 4));
    (void)jpeg_start_decompress(jpeg);
    read_lines(decoder, picture);
    MCL_TRY(put_upright(picture, jpeg));
    (void)jpeg_finish_decompress(jpeg);
    return MCL_OK;
}

static mcl_status decode(mcl_picture *picture, const mcl_image_file *file)
{
    struct decoder *decoder;
    MCL_TRY(mcl_allocate(&decoder, 1, sizeof *decoder));
    struct handlers *handlers = &decoder->handlers;
    handlers->file = file;
    decoder->jpeg.err = jpeg_std_error(&handlers->errors);
    handlers->errors.error_exit = fail;
    handlers->errors.emit_message = judge;
    decoder->progress.progress_monitor = limit_scans;
    mcl_status status;
    if (setjmp(handlers->back))
        status = mcl_fail(decoder->handlers.status, "%s: a JPEG image that cannot be decoded: %s",
            file->name, decoder->handlers.message);
    else
        status = read_picture(decoder, picture);
    jpeg_destroy_decompress(&decoder->jpeg);
    free(decoder->line);
    free(decoder);
    return status;
}

const mcl_image_format mcl_image_jpeg = {.name = "JPEG", .recognize = recognize, .decode = decode};
