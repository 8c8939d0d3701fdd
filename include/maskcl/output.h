/* SPDX-License-Identifier: Apache-2.0 */
/* Result files: NumPy arrays and PNG pictures, written to a temporary name, synced, and renamed. */
#ifndef MASKCL_OUTPUT_H
#define MASKCL_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "maskcl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes float32 values in C order with the given shape as a .npy file (format version 1.0). */
MCL_API mcl_status mcl_write_npy(
    const char *path, const float *values, const uint64_t *shape, size_t dimensions);

/* Writes a picture of height×width pixels with 1 (grey) or 3 (RGB) bytes a pixel. */
MCL_API mcl_status mcl_write_png(
    const char *path, const uint8_t *pixels, uint32_t width, uint32_t height, uint32_t channels);

/* Checks, without touching anything, whether a file could be written at path: its folder exists and
 * is writable, and path names no folder; else MCL_ERROR_FILE. Call it before hours of work. */
MCL_API mcl_status mcl_output_check(const char *path);

/* Removes the temporary files that the threads of this process are writing, models and checkpoints
 * included, so that a program which a signal ends leaves none behind. Nothing more can be written
 * to them. Async-signal-safe, and thread-safe. */
MCL_API void mcl_output_discard(void);

#ifdef __cplusplus
}
#endif

#endif
