/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures: decoding them, by one file a format, and making rows of them. */
#ifndef MASKCL_DATA_IMAGE_H
#define MASKCL_DATA_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "maskcl/data.h"

/* What is decoded at most, so that no small file takes all memory: 256 MiB of a file, and as much
 * of its pixels, in lines that are not too long either. */
#define MCL_IMAGE_BYTES_MAX ((size_t)1 << 28)
#define MCL_IMAGE_PIXELS_MAX ((uint64_t)1 << 26)
#define MCL_IMAGE_SIDE_MAX ((uint64_t)1 << 17)

/* height×width pixels of 8 bits a channel, channels last: 1 grey, 2 grey and alpha, 3 colour, 4
 * colour and alpha. */
typedef struct mcl_picture {
    uint32_t height, width, channels;
    bool premultiplied; /* the other channels have been multiplied by alpha */
    unsigned char *pixels;
} mcl_picture;

/* A file in memory, and what messages call it. */
typedef struct mcl_image_file {
    const char *name;
    const unsigned char *bytes;
    size_t count;
} mcl_image_file;

/* Checks the sizes against the limit, sets them, and makes room for the pixels, which are freed
 * with free(). */
mcl_status mcl_picture_create(mcl_picture *picture, const mcl_image_file *file, uint64_t height,
    uint64_t width, uint32_t channels);
mcl_status mcl_picture_check(const mcl_image_file *file, uint64_t height, uint64_t width);

/* A format of images. decode is NULL where its library was not there when this one was built. On
 * failure there may be pixels, which are freed all the same. */
typedef struct mcl_image_format {
    const char *name;
    bool (*recognize)(const unsigned char *bytes, size_t count);
    mcl_status (*decode)(mcl_picture *picture, const mcl_image_file *file);
} mcl_image_format;

#define MCL_IMAGE_MAGIC 16 /* bytes that a format is recognized by */

extern const mcl_image_format mcl_image_png, mcl_image_jpeg, mcl_image_webp, mcl_image_tiff;

/* The format by a file's first bytes; NULL: it is no image that can be read. */
const mcl_image_format *mcl_image_recognize(const unsigned char *bytes, size_t count);

/* Whether a file's name says that it is an image, of whatever format. */
bool mcl_image_named(const char *name);

/* *picture = the file's first picture, the right way up. */
mcl_status mcl_image_decode(mcl_picture *picture, const mcl_image_file *file);

/* What images become. */
typedef struct mcl_image_plan {
    uint32_t height, width; /* 0: as the first image has them */
    uint32_t channels;      /* 1 or 3; 0: as the first image has it */
    unsigned char background[3];
} mcl_image_plan;

mcl_status mcl_image_plan_parse(mcl_image_plan *plan, const mcl_data_options *options);

/* Puts a picture over the background, so that it has 1 or 3 channels. */
mcl_status mcl_picture_flatten(mcl_picture *picture, const mcl_image_plan *plan);

/* Gives a flat picture the plan's channels, height and width: grey is (19595·r + 38470·g + 7471·b +
 * 2^15) / 2^16; of another shape the middle is taken, and of another size it is resized. */
mcl_status mcl_picture_fit(mcl_picture *picture, const mcl_image_plan *plan);

#endif
