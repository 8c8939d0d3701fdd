/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of its own for a test, with files in it. */
#ifndef MASKCL_TESTS_FILES_H
#define MASKCL_TESTS_FILES_H

#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static char scratch_folder[64];

/* scratch_setup and scratch_teardown are a checked fixture: they run in each test's process. */
static inline void scratch_setup(void)
{
    strcpy(scratch_folder, "/tmp/maskcl-test-XXXXXX");
    ck_assert_msg(mkdtemp(scratch_folder) != NULL, "cannot make %s", scratch_folder);
}

/* Calls visit, unless it is NULL, with the path of each file in the folder; returns how many. */
static inline size_t scratch_files(int (*visit)(const char *path))
{
    DIR *folder = opendir(scratch_folder);
    ck_assert(folder != NULL);
    size_t count = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder))) {
        char path[sizeof scratch_folder + sizeof entry->d_name + 1];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", scratch_folder, entry->d_name);
        if (visit)
            visit(path);
        count++;
    }
    closedir(folder);
    return count;
}

static inline void scratch_teardown(void)
{
    scratch_files(unlink);
    rmdir(scratch_folder);
}

/* The path of a file in the folder; good until the fifth call after this one. */
static inline const char *scratch(const char *name)
{
    static char paths[5][256];
    static size_t next;
    char *path = paths[next++ % 5];
    snprintf(path, sizeof paths[0], "%s/%s", scratch_folder, name);
    return path;
}

static inline void write_file(const char *path, const void *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "cannot write %s", path);
    ck_assert_uint_eq(count ? fwrite(bytes, 1, count, file) : 0, count);
    ck_assert_int_eq(fclose(file), 0);
}

/* A file's bytes, freed by the caller, with a zero byte behind them. */
static inline unsigned char *read_file(const char *path, size_t *count)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot read %s", path);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    *count = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = calloc(1, *count + 1);
    ck_assert(bytes != NULL);
    ck_assert_uint_eq(fread(bytes, 1, *count, file), *count);
    fclose(file);
    return bytes;
}

static inline void assert_same_files(const char *a, const char *b)
{
    size_t count_a, count_b;
    unsigned char *bytes_a = read_file(a, &count_a), *bytes_b = read_file(b, &count_b);
    ck_assert_uint_eq(count_a, count_b);
    ck_assert_mem_eq(bytes_a, bytes_b, count_a);
    free(bytes_a);
    free(bytes_b);
}

/* From here on this process cannot make a file longer than this: as on a full disk. */
static inline void limit_file_size(size_t bytes)
{
    const struct rlimit limit = {bytes, bytes};
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

#endif
