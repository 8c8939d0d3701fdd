/* SPDX-License-Identifier: Apache-2.0 */
/* TIFF images, by libtiff where it is there: the first one of a file. */
#include <string.h>

#include "data/image.h"

static bool recognize(const unsigned char *bytes, size_t count)
{
    return count >= 4 && (memcmp(bytes, "II*\0", 4) == 0 || memcmp(bytes, "MM\0*", 4) == 0 ||
                             memcmp(bytes, "II+\0", 4) == 0 || memcmp(bytes, "MM\0+", 4) == 0);
}

#ifdef MASKCL_TIFF

#include <inttypes.h>
#include <stdlib.h>

#include <tiffio.h>

#include "base/memory.h"

/* A file in memory as libtiff reads it. */
struct reading {
    const mcl_image_file *file;
    toff_t at;
};

static tmsize_t read_bytes(thandle_t handle, void *bytes, tmsize_t count)
{
    struct reading *reading = handle;
    const toff_t size = reading->file->count;
    const toff_t left = reading->at < size ? size - reading->at : 0;
    const size_t got = (size_t)(left < (toff_t)count ? left : (toff_t)count);
    memcpy(bytes, reading->file->bytes + (got ? reading->at : 0), got);
    reading->at += got;
    return (tmsize_t)got;
}

static tmsize_t write_nothing(thandle_t handle, void *bytes, tmsize_t count)
{
    (void)handle;
    (void)bytes;
    (void)count;
    return -1;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence)
{
    struct reading *reading = handle;
    reading->at = offset + (whence == SEEK_CUR      ? reading->at
                               : whence == SEEK_END ? (toff_t)reading->file->count
                                                    : 0);
    return reading->at;
}

static int close_nothing(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t file_size(thandle_t handle)
{
    const struct reading *reading = handle;
    return reading->file->count;
}

/* libtiff would print what it finds. Since 4.5 a file can have handlers of its own; before, there
 * are those of the whole process. */
#if TIFFLIB_VERSION >= 20221213
static int say_nothing(
    TIFF *tiff, void *of, const char *module, const char *format, va_list arguments)
{
    (void)tiff;
    (void)of;
    (void)module;
    (void)format;
    (void)arguments;
    return 1;
}

static TIFF *open_tiff(struct reading *reading)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return NULL;
    TIFFOpenOptionsSetErrorHandlerExtR(options, say_nothing, NULL);
    TIFFOpenOptionsSetWarningHandlerExtR(options, say_nothing, NULL);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)(16 * MCL_IMAGE_PIXELS_MAX));
    TIFF *tiff = TIFFClientOpenExt("", "rm", reading, read_bytes, write_nothing, seek,
        close_nothing, file_size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}
#else
static TIFF *open_tiff(struct reading *reading)
{
    TIFFSetErrorHandler(NULL);
    TIFFSetWarningHandler(NULL);
    return TIFFClientOpen(
        "", "rm", reading, read_bytes, write_nothing, seek, close_nothing, file_size, NULL, NULL);
}
#endif

/* libtiff's pixels are red, green, blue and alpha from the lowest byte on. */
static void unpack(mcl_picture *picture, const uint32_t *raster)
{
    const size_t count = (size_t)picture->height * picture->width;
    unsigned char *to = picture->pixels;
    for (size_t i = 0; i < count; i++) {
        for (uint32_t c = 0; c < picture->channels; c++) {
            const uint32_t from = picture->channels == 2 && c == 1 ? 3 : c;
            *to++ = (unsigned char)(raster[i] >> 8 * from);
        }
    }
}

/* *blended: libtiff's pixels have been multiplied by their alpha, as it does with colours alone. */
static uint32_t channels_of(bool *blended, TIFF *tiff)
{
    uint16_t samples = 1, photometric = PHOTOMETRIC_RGB, extra = 0, *kinds = NULL;
    (void)TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
    (void)TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric);
    (void)TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra, &kinds);
    const bool grey =
        photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE;
    const bool alpha = extra > 0 && kinds && kinds[0] != EXTRASAMPLE_UNSPECIFIED;
    *blended = !(grey && alpha && kinds[0] == EXTRASAMPLE_UNASSALPHA);
    return (grey ? 1 : 3) + alpha;
}

static mcl_status read_pixels(mcl_picture *picture, TIFF *tiff, const mcl_image_file *file)
{
    uint32_t height = 0, width = 0, *raster;
    char why[1024] = "";
    (void)TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
    (void)TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
    MCL_TRY(mcl_picture_check(file, height, width));
    const uint64_t block = TIFFIsTiled(tiff) ? TIFFTileSize64(tiff) : TIFFStripSize64(tiff);
    if (!TIFFRGBAImageOK(tiff, why))
        return mcl_fail(MCL_ERROR_FORMAT, "%s: a TIFF image that is not read: %s", file->name, why);
    if (block > 16 * MCL_IMAGE_PIXELS_MAX)
        return mcl_fail(MCL_ERROR_DATA,
            "%s: a TIFF image in parts of %" PRIu64 " bytes, more than is read", file->name, block);
    bool blended;
    const uint32_t channels = channels_of(&blended, tiff);
    MCL_TRY(mcl_picture_create(picture, file, height, width, channels));
    picture->premultiplied = blended;
    MCL_TRY(mcl_allocate(&raster, (uint64_t)height * width, sizeof *raster));
    const int good = TIFFReadRGBAImageOriented(tiff, width, height, raster, ORIENTATION_TOPLEFT, 1);
    if (good)
        unpack(picture, raster);
    free(raster);
    return good ? MCL_OK
                : mcl_fail(MCL_ERROR_FORMAT, "%s: a damaged or truncated TIFF image", file->name);
}

static mcl_status decode(mcl_picture *picture, const mcl_image_file *file)
{
    struct reading reading = {file, 0};
    TIFF *tiff = open_tiff(&reading);
    if (!tiff)
        return mcl_fail(MCL_ERROR_FORMAT, "%s: a damaged TIFF image", file->name);
    const mcl_status status = read_pixels(picture, tiff, file);
    TIFFClose(tiff);
    return status;
}

#define DECODE decode
#else
#define DECODE NULL
#endif

const mcl_image_format mcl_image_tiff = {.name = "TIFF", .recognize = recognize, .decode = DECODE};
