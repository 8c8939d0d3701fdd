/* SPDX-License-Identifier: Apache-2.0 */
/* Status codes and the last error's message. */
#ifndef MASKCL_STATUS_H
#define MASKCL_STATUS_H

#include <stddef.h>

#if defined(__GNUC__)
#define MCL_API __attribute__((visibility("default")))
#else
#define MCL_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What a function that can fail returns. Results go through out parameters, which come first and
 * are left untouched when the status is not MCL_OK (the exceptions say so).
 *
 * A NULL where none is allowed, a number of an enumeration that it does not have, and sizes out of
 * range are MCL_ERROR_ARGUMENT. Of functions that have no status, those that free take NULL, those
 * that ask something of an object return 0, false or NULL for NULL, and those that name a number of
 * an enumeration return "?" for one that it does not have. Objects that were freed and arrays that
 * are too short cannot be noticed. */
typedef enum mcl_status {
    MCL_OK = 0,
    MCL_ERROR_ARGUMENT,  /* the caller passed something unusable */
    MCL_ERROR_MEMORY,    /* the host has no memory left */
    MCL_ERROR_FILE,      /* a file could not be opened, read, written, synced or renamed */
    MCL_ERROR_FORMAT,    /* a file's content is not what its format demands */
    MCL_ERROR_DATA,      /* values that cannot be used: NaN, widths or counts that do not match */
    MCL_ERROR_NO_DEVICE, /* no OpenCL device, or none that was asked for */
    MCL_ERROR_DEVICE,    /* the OpenCL device or driver reported an error */
    MCL_INTERRUPTED,     /* stopped on request; what was done so far is in the out parameters */
} mcl_status;

/* The message of this thread's last failure: one line of UTF-8 without a newline (only a compiler's
 * log, below it, has lines of its own), never NULL, empty when nothing has failed. Owned by the
 * library, valid until the thread's next failure. */
MCL_API const char *mcl_error_message(void);

/* Copies text that comes from a driver, a file or a user as UTF-8 that no terminal obeys: '?' takes
 * the place of each byte that is no UTF-8 and of each character that controls a terminal or the
 * direction of writing, except those in kept ("" or "\n\t"). Cut between characters to size bytes,
 * and terminated. Returns the length. */
MCL_API size_t mcl_clean_text(char *clean, size_t size, const char *text, const char *kept);

/* Room for a digest in 32 hexadecimal digits, with the terminating zero. */
#define MCL_DIGEST_SIZE 33

#ifdef __cplusplus
}
#endif

#endif
