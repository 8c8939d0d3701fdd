/* SPDX-License-Identifier: Apache-2.0 */
/* WebP images, by libwebp where it is there. */
#include <string.h>

#include "data/image.h"

static bool recognize(const unsigned char *bytes, size_t count)
{
    return count >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0;
}

#ifdef MASKCL_WEBP

#include <webp/decode.h>

static mcl_status decode(mcl_picture *picture, const mcl_image_file *file)
{
    WebPBitstreamFeatures features;
    if (WebPGetFeatures(file->bytes, file->count, &features) != VP8_STATUS_OK)
        return mcl_fail(MCL_ERROR_FORMAT, "%s: a damaged WebP image", file->name);
    if (features.has_animation)
        return mcl_fail(MCL_ERROR_FORMAT, "%s: is an animation; save one picture of it as an image",
            file->name);
    const uint32_t channels = features.has_alpha ? 4 : 3;
    MCL_TRY(mcl_picture_create(
        picture, file, (uint64_t)features.height, (uint64_t)features.width, channels));
    const size_t line = (size_t)picture->width * channels, size = line * picture->height;
    const uint8_t *done =
        features.has_alpha
            ? WebPDecodeRGBAInto(file->bytes, file->count, picture->pixels, size, (int)line)
            : WebPDecodeRGBInto(file->bytes, file->count, picture->pixels, size, (int)line);
    return done ? MCL_OK
                : mcl_fail(MCL_ERROR_FORMAT, "%s: a damaged or truncated WebP image", file->name);
}

#define DECODE decode
#else
#define DECODE NULL
#endif

const mcl_image_format mcl_image_webp = {.name = "WebP", .recognize = recognize, .decode = DECODE};
