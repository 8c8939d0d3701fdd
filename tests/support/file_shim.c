/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into the program: makes calls on files fail by the environment,
 *     MASKCL_TEST_FILES="CALL=ERRNO …"   for the calls of failing_files.h, and of those below
 *     MASKCL_TEST_FILES_TO=NAME          the end of the names that rename and linkat fail for */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "failing_files.h"

static int no_threads; /* pthread_create(), _Fork() */
static int no_space;   /* tmpfile() */
static int no_rows;    /* write() to a file without a name */

int pthread_create(
    pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (no_threads)
        return no_threads;
    FAILING_REAL(real, "pthread_create");
    return real(thread, attributes, start, argument);
}

pid_t _Fork(void)
{
    pid_t (*real)(void);
    errno = no_threads;
    if (no_threads)
        return -1;
    FAILING_REAL(real, "_Fork");
    return real();
}

FILE *tmpfile(void)
{
    FILE *(*real)(void);
    errno = no_space;
    if (no_space)
        return NULL;
    FAILING_REAL(real, "tmpfile");
    return real();
}

ssize_t write(int descriptor, const void *bytes, size_t count)
{
    struct stat information;
    ssize_t (*real)(int, const void *, size_t);
    if (no_rows && fstat(descriptor, &information) == 0 && S_ISREG(information.st_mode) &&
        information.st_nlink == 0) {
        errno = no_rows;
        return -1;
    }
    FAILING_REAL(real, "write");
    return real(descriptor, bytes, count);
}

__attribute__((constructor)) static void read_environment(void)
{
    static const struct {
        const char *name;
        int *error;
    } calls[] = {{"unnamed", &failing_files.unnamed}, {"fchmod", &failing_files.fchmod},
        {"fsync", &failing_files.fsync}, {"rename", &failing_files.rename},
        {"linkat", &failing_files.linkat}, {"threads", &no_threads}, {"tmpfile", &no_space},
        {"write", &no_rows}};
    const char *text = getenv("MASKCL_TEST_FILES"), *to = getenv("MASKCL_TEST_FILES_TO");
    char name[16];
    int error, length;
    snprintf(failing_files.to, sizeof failing_files.to, "%s", to ? to : "");
    while (text && sscanf(text, " %15[a-z]=%d%n", name, &error, &length) == 2) {
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
            if (strcmp(calls[i].name, name) == 0)
                *calls[i].error = error;
        }
        text += length;
    }
}
