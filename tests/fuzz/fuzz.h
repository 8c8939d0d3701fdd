/* SPDX-License-Identifier: Apache-2.0 */
/* What fuzz targets share. A target is a file fuzz_NAME.c with libFuzzer's entry point; it aborts
 * when what it feeds breaks a promise. */
#ifndef MASKCL_TESTS_FUZZ_H
#define MASKCL_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "maskcl/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_ASSERT(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s fails; the last error is '%s'\n", __FILE__, __LINE__,       \
                #condition, mcl_error_message());                                                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A refusal of input "NAME": its kind, and a message of one line that names the input. */
static inline void fuzz_check_refusal(mcl_status status, const char *name)
{
    const char *message = mcl_error_message();
    FUZZ_ASSERT(status == MCL_ERROR_FORMAT || status == MCL_ERROR_DATA);
    FUZZ_ASSERT(strncmp(message, name, strlen(name)) == 0);
    FUZZ_ASSERT(!strpbrk(message, "\n\r"));
    for (; *message; message++)
        FUZZ_ASSERT((unsigned char)*message >= ' ');
}

#endif
