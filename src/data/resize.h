/* SPDX-License-Identifier: Apache-2.0 */
/* Resizing of pictures. */
#ifndef MASKCL_DATA_RESIZE_H
#define MASKCL_DATA_RESIZE_H

#include <stddef.h>
#include <stdint.h>

#include "maskcl/status.h"

/* Some pixels of a picture. */
typedef struct mcl_pixels {
    const unsigned char *from; /* of the first one */
    size_t stride;             /* bytes from a line to the next */
    uint32_t height, width, channels;
} mcl_pixels;

/* to[height × width × channels] = the pixels, resized, first along the lines and then across them:
 * each is the mean of those around its place in the original, weighed by a triangle that reaches as
 * far as a pixel of the smaller of both. Weights are float64, of + − × ÷ alone, and then whole
 * multiples of 2^-22; sums are of integers, and each pass rounds to 8 bits. So they are the same
 * everywhere, and those of Pillow's Image.resize() with BILINEAR. */
mcl_status mcl_resize(unsigned char *to, uint32_t height, uint32_t width, const mcl_pixels *pixels);

#endif
