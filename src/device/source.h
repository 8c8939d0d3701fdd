/* SPDX-License-Identifier: Apache-2.0 */
/* From files of cl/ and their options to the source of one program. */
#ifndef MASKCL_DEVICE_SOURCE_H
#define MASKCL_DEVICE_SOURCE_H

#include <stddef.h>

#include "maskcl/status.h"

/* A text that grows. */
struct mcl_text {
    char *bytes; /* NULL while empty, else with a zero byte after it; freed with free() */
    size_t length, capacity;
};

mcl_status mcl_text_append(struct mcl_text *text, const char *bytes, size_t count);

/* The file of cl/ called name that is built into the library, or NULL. */
const struct mcl_kernel_file *mcl_source_find(const char *name);

/* Divides options, "-D TILE=4 -D WHOLE -cl-opt-disable": each -D becomes a line of defines,
 * "#define TILE 4", and the others go to rest, each with a space before it. */
mcl_status mcl_source_options(struct mcl_text *defines, struct mcl_text *rest, const char *options);

/* A program's source while files are being added; all zero at first. */
struct mcl_source {
    struct mcl_text text;
    struct mcl_text headers; /* the guarded ones that are in it, " common.clh rounding.clh " */
    unsigned files;
};

void mcl_source_free(struct mcl_source *source);

/* Appends the file called name after defines, with every `#include "other"` line replaced by that
 * file; one with a guard is there once in the whole program. NAME(k) is k in the first file of the
 * program, and k_FILES in the later ones, FILES being how many come before. Macros end with the
 * file that defines them, but for those of guarded headers. Line directives make the compiler name
 * the file and line that a person would look at. */
mcl_status mcl_source_append(struct mcl_source *source, const char *name, const char *defines);

#endif
