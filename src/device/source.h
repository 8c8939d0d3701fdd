/* SPDX-License-Identifier: Apache-2.0 */
/* From files of cl/ and their options to the source of one program. */
#ifndef MASKCL_DEVICE_SOURCE_H
#define MASKCL_DEVICE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "maskcl/status.h"

/* A text that grows. */
struct mcl_text {
    char *bytes; /* NULL while empty, else with a zero byte behind it; freed with free() */
    size_t length, capacity;
};

mcl_status mcl_text_append(struct mcl_text *text, const char *bytes, size_t count);

/* The file of cl/ called name that is built into the library, or NULL. */
const struct mcl_kernel_file *mcl_source_find(const char *name);

/* A program's source while files are being added; names are lists, " gemm sum ". */
struct mcl_source {
    struct mcl_text text;
    struct mcl_text macros;    /* of any file or its options */
    struct mcl_text functions; /* of the files so far */
    struct mcl_text shared;    /* included files that are there once, for all files */
    unsigned files;
};

void mcl_source_free(struct mcl_source *source);

/* Divides options, "-D TILE=4 -D WHOLE -cl-opt-disable": each -D becomes a line of defines,
 * "#define TILE 4", and the others go to rest, each with a space before it. */
mcl_status mcl_source_options(struct mcl_text *defines, struct mcl_text *rest, const char *options);

/* Notes the macros of a file and its options. This must be done for all files of a program before
 * the first is appended: an included file that has none of these in it is the same for all. */
mcl_status mcl_source_prepare(struct mcl_source *source, const char *name, const char *defines);

/* Appends the file called name behind defines, with every `#include "other"` line replaced by that
 * file's source. Line directives make the compiler name the file and line that a person would look
 * at. Its macros end with it, and so do those of included files that are not shared: they may
 * depend on defines. A function that an earlier file has as well is called NAME_FILES, FILES being
 * the number of files before this one, and added to renamed. */
mcl_status mcl_source_append(
    struct mcl_source *source, struct mcl_text *renamed, const char *name, const char *defines);

/* Whether " gemm sum " has the name of length characters. */
bool mcl_names_have(const struct mcl_text *names, const char *name, size_t length);

#endif
