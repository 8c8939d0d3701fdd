/* SPDX-License-Identifier: Apache-2.0 */
/* Feeding the decoders of images from memory. */
#ifndef MASKCL_TESTS_FUZZ_IMAGES_H
#define MASKCL_TESTS_FUZZ_IMAGES_H

#include "fuzz.h"

#include "data/image.h"

#define FUZZ_NAME "input"

/* Decodes the input, and makes a row of it. Other formats than the wanted one are left to their own
 * targets. */
static inline void fuzz_image(const mcl_image_format *format, const uint8_t *bytes, size_t size)
{
    static const mcl_image_plan plan = {.height = 5, .width = 7, .channels = 3};
    const mcl_image_file file = {FUZZ_NAME, bytes, size};
    mcl_picture picture = {.pixels = NULL};
    if (!format->decode || mcl_image_recognize(bytes, size) != format)
        return;
    const mcl_status status = mcl_image_decode(&picture, &file);
    if (status != MCL_OK) {
        FUZZ_ASSERT(!picture.pixels);
        fuzz_check_refusal(status, FUZZ_NAME);
        return;
    }
    FUZZ_ASSERT(picture.channels >= 1 && picture.channels <= 4);
    FUZZ_ASSERT((uint64_t)picture.height * picture.width <= MCL_IMAGE_PIXELS_MAX);
    FUZZ_ASSERT(mcl_picture_flatten(&picture, &plan) == MCL_OK);
    FUZZ_ASSERT(mcl_picture_fit(&picture, &plan) == MCL_OK);
    FUZZ_ASSERT(picture.height == 5 && picture.width == 7 && picture.channels == 3);
    free(picture.pixels);
}

#endif
