/* SPDX-License-Identifier: Apache-2.0 */
/* The known name that a mistyped one was meant to be. */
#ifndef MASKCL_CLI_NEAREST_H
#define MASKCL_CLI_NEAREST_H

#include <stddef.h>

typedef struct mcl_nearest {
    const char *text; /* as typed */
    const char *name; /* the nearest so far, NULL while none is near enough to be meant */
    size_t distance;
} mcl_nearest;

mcl_nearest mcl_nearest_to(const char *text);

/* Takes name when it is nearer than any before it. */
void mcl_nearest_try(mcl_nearest *nearest, const char *name);

#endif
