/* SPDX-License-Identifier: Apache-2.0 */
/* Input files made by a test, and what their refusal must say. */
#ifndef MASKCL_TESTS_INPUTS_H
#define MASKCL_TESTS_INPUTS_H

#include "support/files.h"

#include <zlib.h>

#include "maskcl/data.h"

/* Bytes that a test puts together. */
struct bytes {
    unsigned char at[4096];
    size_t count;
};

static inline void append(struct bytes *bytes, const void *more, size_t count)
{
    ck_assert_uint_le(bytes->count + count, sizeof bytes->at);
    memcpy(bytes->at + bytes->count, more, count);
    bytes->count += count;
}

static inline void append_byte(struct bytes *bytes, unsigned char byte)
{
    append(bytes, &byte, 1);
}

/* As a gzip member. */
static inline struct bytes gzipped(const struct bytes *plain)
{
    struct bytes member = {.count = 0};
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    ck_assert_int_eq(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (unsigned char *)plain->at;
    stream.avail_in = (uInt)plain->count;
    stream.next_out = member.at;
    stream.avail_out = sizeof member.at;
    ck_assert_int_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    member.count = stream.total_out;
    deflateEnd(&stream);
    return member;
}

/* The path of a file with the bytes, the same one each time. */
static inline const char *file_with(const struct bytes *bytes)
{
    const char *path = scratch("input");
    write_file(path, bytes->at, bytes->count);
    return path;
}

static inline const char *fixture(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, MASKCL_FIXTURES "/data/%s", name);
    return path;
}

/* The last error is one line without a full stop that begins with `start` and has `part`. */
static inline void assert_error(const char *start, const char *part)
{
    const char *message = mcl_error_message();
    ck_assert_msg(
        strncmp(message, start, strlen(start)) == 0, "'%s' begins not with '%s'", message, start);
    ck_assert_msg(strstr(message, part) != NULL, "'%s' lacks '%s'", message, part);
    ck_assert_msg(strchr(message, '\n') == NULL, "'%s' is more than a line", message);
    ck_assert_msg(message[strlen(message) - 1] != '.', "'%s' ends with a full stop", message);
}

static inline void assert_data_refused(const char *path, mcl_status status, const char *part)
{
    mcl_data *data = NULL;
    const mcl_status got = mcl_data_open(&data, path);
    ck_assert_msg(got == status, "status %d, not %d: %s", got, status, mcl_error_message());
    ck_assert_ptr_null(data);
    assert_error(path, part);
}

static inline void assert_labels_refused(const char *path, mcl_status status, const char *part)
{
    int32_t *labels = NULL;
    uint64_t count = 77;
    const mcl_status got = mcl_labels_open(&labels, &count, path);
    ck_assert_msg(got == status, "status %d, not %d: %s", got, status, mcl_error_message());
    ck_assert_ptr_null(labels);
    ck_assert_uint_eq(count, 77);
    assert_error(path, part);
}

static inline mcl_data *open_data(const char *path)
{
    mcl_data *data = NULL;
    ck_assert_msg(mcl_data_open(&data, path) == MCL_OK, "%s", mcl_error_message());
    return data;
}

/* A pipe that holds the bytes and nothing more; returns a path to read it by. */
static inline const char *pipe_with(const struct bytes *bytes, int *descriptor)
{
    static char path[64];
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq((int)write(ends[1], bytes->at, bytes->count), (int)bytes->count);
    close(ends[1]);
    *descriptor = ends[0];
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    return path;
}

#endif
