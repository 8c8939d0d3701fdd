/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of an input file, read once from start to end and uncompressed if they are
 * compressed by gzip or zstd. */
#ifndef MASKCL_DATA_SOURCE_H
#define MASKCL_DATA_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

#define MCL_SOURCE_UNKNOWN UINT64_MAX

typedef struct mcl_source mcl_source;

/* Opens a file, a pipe or whatever else can be read, "-" for standard input. gzip and zstd are
 * recognized by their first bytes; their members and frames are joined. */
mcl_status mcl_source_open(mcl_source **source, const char *path);

/* The same for a stream at its beginning, which holds size bytes (MCL_SOURCE_UNKNOWN for a pipe).
 * The stream is the source's from now on, also after a failure. name is for messages. */
mcl_status mcl_source_from_stream(
    mcl_source **source, FILE *stream, uint64_t size, const char *name);

/* What gives bytes: *got < count only at the end. name is the source's, for messages. */
typedef struct mcl_byte_reader {
    mcl_status (*read)(size_t *got, void *state, void *bytes, size_t count, const char *name);
    void (*close)(void *state);
    void *state;
} mcl_byte_reader;

/* The same for any other reader. */
mcl_status mcl_source_from_reader(
    mcl_source **source, const mcl_byte_reader *reader, uint64_t size, const char *name);

/* The same of a stream whose content is taken as it is. */
mcl_status mcl_source_from_values(
    mcl_source **source, FILE *stream, uint64_t size, const char *name);

/* The same of a pipe's content that is taken as it is, and looked at only when it is read. */
mcl_status mcl_source_from_plain(
    mcl_source **source, const mcl_byte_reader *reader, const char *name);

/* NULL is allowed. */
void mcl_source_close(mcl_source *source);

const char *mcl_source_name(const mcl_source *source);

/* How many bytes of the content were read, and how many are left (MCL_SOURCE_UNKNOWN of a pipe and
 * of what is compressed, where only reading shows it). */
uint64_t mcl_source_offset(const mcl_source *source);
uint64_t mcl_source_left(const mcl_source *source);

/* Whether opening the same path again gives the same content: it is a regular file. */
bool mcl_source_again(const mcl_source *source);

/* The file, of which any place can be read with pread(), where the content lies in it as it is
 * read: a regular file that is not compressed; else -1. The source's own. */
int mcl_source_file(const mcl_source *source);

/* Whether the content can be so many bytes, as far as the file's size tells: gzip makes at most
 * 1032 bytes of one. False where nothing is known, as of zstd. */
bool mcl_source_may_have(const mcl_source *source, uint64_t bytes);

#define MCL_SOURCE_PEEK 512

/* Copies up to count bytes, at most MCL_SOURCE_PEEK, from the beginning of the content, before any
 * is read; they are read all the same. *got < count where the content ends there. */
mcl_status mcl_source_peek(size_t *got, mcl_source *source, void *bytes, size_t count);

/* Reads count bytes, or *got < count when the content ends there. The completeness and checksum of
 * what is compressed have been verified once a read has reached its end. */
mcl_status mcl_source_read(size_t *got, mcl_source *source, void *bytes, size_t count);

/* Reads count bytes of what; an earlier end of the content is MCL_ERROR_FORMAT. */
mcl_status mcl_source_read_whole(mcl_source *source, void *bytes, size_t count, const char *what);

/* Records "NAME: byte OFFSET: …" (and of which content). */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void
mcl_source_record(const mcl_source *source, uint64_t offset, const char *format, ...);

/* The same, and returns MCL_ERROR_FORMAT. */
#define mcl_source_fail(...) mcl_failure((mcl_source_record(__VA_ARGS__), MCL_ERROR_FORMAT))

#endif
