/* SPDX-License-Identifier: Apache-2.0 */
#include "data/image.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "data/resize.h"

static const mcl_image_format *const formats[] = {
    &mcl_image_png,
    &mcl_image_jpeg,
    &mcl_image_webp,
    &mcl_image_tiff,
    NULL,
};

const mcl_image_format *mcl_image_recognize(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; formats[i]; i++) {
        if (formats[i]->recognize(bytes, count))
            return formats[i];
    }
    return NULL;
}

bool mcl_image_named(const char *name)
{
    static const char *const endings[] = {"png", "jpg", "jpeg", "jpe", "webp", "tif", "tiff", "gif",
        "bmp", "ppm", "pgm", "heic", "avif", "jp2", NULL};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && endings[i]; i++) {
        if (strcasecmp(dot + 1, endings[i]) == 0)
            return true;
    }
    return false;
}

mcl_status mcl_picture_check(const mcl_image_file *file, uint64_t height, uint64_t width)
{
    uint64_t pixels;
    if (height == 0 || width == 0)
        return mcl_fail(MCL_ERROR_FORMAT, "%s: an image without pixels", file->name);
    if (height > MCL_IMAGE_SIDE_MAX || width > MCL_IMAGE_SIDE_MAX ||
        !mcl_multiply(&pixels, height, width) || pixels > MCL_IMAGE_PIXELS_MAX)
        return mcl_fail(MCL_ERROR_DATA,
            "%s: an image of %" PRIu64 "×%" PRIu64 " pixels (width×height); at most %" PRIu64
            " pixels are read, and %" PRIu64 " a side",
            file->name, width, height, MCL_IMAGE_PIXELS_MAX, MCL_IMAGE_SIDE_MAX);
    return MCL_OK;
}

mcl_status mcl_picture_create(mcl_picture *picture, const mcl_image_file *file, uint64_t height,
    uint64_t width, uint32_t channels)
{
    MCL_TRY(mcl_picture_check(file, height, width));
    free(picture->pixels);
    picture->pixels = NULL;
    MCL_TRY(mcl_allocate_pages(&picture->pixels, height * width, channels));
    picture->height = (uint32_t)height;
    picture->width = (uint32_t)width;
    picture->channels = channels;
    return MCL_OK;
}

mcl_status mcl_image_decode(mcl_picture *picture, const mcl_image_file *file)
{
    const mcl_image_format *format = mcl_image_recognize(file->bytes, file->count);
    mcl_picture decoded = {.pixels = NULL};
    if (file->count == 0)
        return mcl_fail(MCL_ERROR_FORMAT, "%s: is empty", file->name);
    if (!format)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: is no image that can be read (PNG, JPEG, WebP, TIFF): it begins with the bytes "
            "%02x %02x %02x %02x",
            file->name, file->bytes[0], file->count > 1 ? file->bytes[1] : 0,
            file->count > 2 ? file->bytes[2] : 0, file->count > 3 ? file->bytes[3] : 0);
    if (!format->decode)
        return mcl_fail(MCL_ERROR_FORMAT,
            "%s: is a %s image, and this maskcl was built without the library that reads them",
            file->name, format->name);
    const mcl_status status = format->decode(&decoded, file);
    if (status != MCL_OK) {
        free(decoded.pixels);
        return status;
    }
    *picture = decoded;
    return MCL_OK;
}

/* Two hexadecimal digits. */
static bool parse_byte(unsigned char *byte, const char *text)
{
    unsigned value = 0;
    for (int i = 0; i < 2; i++) {
        const char c = text[i];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0)
            return false;
        value = 16 * value + (unsigned)digit;
    }
    *byte = (unsigned char)value;
    return true;
}

mcl_status mcl_image_plan_parse(mcl_image_plan *plan, const mcl_data_options *options)
{
    mcl_image_plan parsed = {.height = options->size,
        .width = options->size,
        .channels = options->colors,
        .background = {255, 255, 255}};
    const char *text = options->background;
    if (parsed.channels != 0 && parsed.channels != 1 && parsed.channels != 3)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "`colors` is %" PRIu32 ": it can be 1 (grey), 3 (colour) or 0 (as the first image)",
            parsed.channels);
    if (text) {
        const size_t length = strlen(text);
        bool good = length == 2 || length == 6;
        for (size_t i = 0; i < 3 && good; i++)
            good = parse_byte(&parsed.background[i], text + (length == 6 ? 2 * i : 0));
        if (!good)
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "`background` is '%s': it must be a colour of six hexadecimal digits, RRGGBB, or a "
                "grey of two",
                text);
    }
    *plan = parsed;
    return MCL_OK;
}

/* a·b/255, rounded. */
static unsigned product(unsigned a, unsigned b)
{
    const unsigned t = a * b + 128;
    return ((t >> 8) + t) >> 8;
}

/* One channel over the background. */
static unsigned char over(unsigned value, unsigned alpha, unsigned background, bool premultiplied)
{
    if (!premultiplied) {
        const unsigned t = value * alpha + background * (255 - alpha) + 128;
        return (unsigned char)(((t >> 8) + t) >> 8);
    }
    const unsigned sum = value + product(background, 255 - alpha);
    return (unsigned char)(sum > 255 ? 255 : sum);
}

mcl_status mcl_picture_flatten(mcl_picture *picture, const mcl_image_plan *plan)
{
    const uint32_t channels = picture->channels;
    const unsigned char *ground = plan->background;
    if (channels == 1 || channels == 3)
        return MCL_OK;
    const bool grey = channels == 2 && ground[0] == ground[1] && ground[1] == ground[2];
    const uint32_t wanted = grey ? 1 : 3;
    const size_t count = (size_t)picture->height * picture->width;
    unsigned char *flat;
    MCL_TRY(mcl_allocate_pages(&flat, count, wanted));
    const unsigned char *from = picture->pixels;
    for (size_t i = 0; i < count; i++, from += channels) {
        const unsigned alpha = from[channels - 1];
        for (uint32_t c = 0; c < wanted; c++)
            flat[i * wanted + c] =
                over(from[channels == 2 ? 0 : c], alpha, ground[c], picture->premultiplied);
    }
    free(picture->pixels);
    picture->pixels = flat;
    picture->channels = wanted;
    return MCL_OK;
}

static mcl_status convert(mcl_picture *picture, uint32_t channels)
{
    const size_t count = (size_t)picture->height * picture->width;
    const unsigned char *from = picture->pixels;
    unsigned char *to;
    if (picture->channels == channels)
        return MCL_OK;
    MCL_TRY(mcl_allocate_pages(&to, count, channels));
    for (size_t i = 0; i < count; i++) {
        if (channels == 1)
            to[i] = (unsigned char)((19595U * from[3 * i] + 38470U * from[3 * i + 1] +
                                        7471U * from[3 * i + 2] + 0x8000U) >>
                                    16);
        else
            memset(to + 3 * i, from[i], 3);
    }
    free(picture->pixels);
    picture->pixels = to;
    picture->channels = channels;
    return MCL_OK;
}

/* The largest middle part of a picture that has the shape height:width. */
static mcl_pixels middle(const mcl_picture *picture, uint32_t height, uint32_t width)
{
    mcl_pixels part = {.height = picture->height,
        .width = picture->width,
        .channels = picture->channels,
        .stride = (size_t)picture->width * picture->channels};
    const uint64_t across = (uint64_t)picture->width * height;
    const uint64_t down = (uint64_t)picture->height * width;
    if (across > down)
        part.width = (uint32_t)((down + height / 2) / height);
    else if (across < down)
        part.height = (uint32_t)((across + width / 2) / width);
    part.width += part.width == 0;
    part.height += part.height == 0;
    part.from = picture->pixels + (picture->height - part.height) / 2 * part.stride +
                (size_t)((picture->width - part.width) / 2) * picture->channels;
    return part;
}

mcl_status mcl_picture_fit(mcl_picture *picture, const mcl_image_plan *plan)
{
    unsigned char *to;
    MCL_TRY(convert(picture, plan->channels));
    if (picture->height == plan->height && picture->width == plan->width)
        return MCL_OK;
    const mcl_pixels part = middle(picture, plan->height, plan->width);
    MCL_TRY(mcl_allocate_pages(&to, (uint64_t)plan->height * plan->width, plan->channels));
    const mcl_status status = mcl_resize(to, plan->height, plan->width, &part);
    if (status != MCL_OK) {
        free(to);
        return status;
    }
    free(picture->pixels);
    picture->pixels = to;
    picture->height = plan->height;
    picture->width = plan->width;
    return MCL_OK;
}
