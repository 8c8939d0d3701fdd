/* SPDX-License-Identifier: Apache-2.0 */
/* Result files: NumPy arrays, PNG pictures and texts, which appear whole or not at all; whether a
 * file can be written, and that no other run writes it. */
#ifndef MASKCL_OUTPUT_H
#define MASKCL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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

/* Writes text and a newline after it. */
MCL_API mcl_status mcl_write_text(const char *path, const char *text);

/* Writes what `write` prints to the stream, whose errors are noticed afterwards; its failure is
 * passed on, and nothing is written then. */
MCL_API mcl_status mcl_write_stream(
    const char *path, mcl_status (*write)(FILE *stream, void *user), void *user);

/* Checks whether a file could be written at path, before hours of work; the folder is left as it
 * was. MCL_ERROR_FILE where path names a folder, the folder does not exist or cannot be written,
 * the file system is full or takes no such name, a file there is write-protected or another user's
 * in a folder where only its owner may replace it, or is none that a whole file can take the place
 * of: a device, a pipe, /dev/stdout.
 *
 * Results are written to what path leads to by symbolic links, which stay. A file that is replaced
 * keeps its mode; its other hard links keep the old content. */
MCL_API mcl_status mcl_output_check(const char *path);

/* Whether two paths lead to one regular file, by whatever links, or would once it is there. */
MCL_API bool mcl_output_same(const char *a, const char *b);

/* A name that no other run may write meanwhile. */
typedef struct mcl_output_lock mcl_output_lock;

/* Locks the name path, or what it leads to by symbolic links, until it is released or the process
 * ends, in whatever way. There need not be a file, and none is made. MCL_ERROR_FILE where another
 * process, or another lock of this one, has it. *lock = NULL, with MCL_OK, where no file can be
 * written or the folder cannot be read: there is nothing to lock. Locks are advice among runs of
 * maskcl on one machine; where a file system has none, everybody gets them. */
MCL_API mcl_status mcl_output_lock_take(mcl_output_lock **lock, const char *path);
/* NULL is allowed. */
MCL_API void mcl_output_lock_release(mcl_output_lock *lock);

/* Removes the temporary files that the threads of this process are writing, models and checkpoints
 * included, so that a program which a signal ends leaves none behind. Nothing more can be written
 * to them. Async-signal-safe, and thread-safe. */
MCL_API void mcl_output_discard(void);

#ifdef __cplusplus
}
#endif

#endif
