/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on files that fail as they do on some file systems. The program or library that includes
 * this file has them in place of the C library's. */
#ifndef MASKCL_TESTS_FAILING_FILES_H
#define MASKCL_TESTS_FAILING_FILES_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The errno that each call fails with; 0: it works. */
static struct {
    int unnamed; /* open(O_TMPFILE) */
    int fchmod;
    int fsync; /* of regular files */
    int rename;
    int linkat;
    char to[256]; /* rename and linkat fail for names that end so; "": all */
} failing_files;

/* Sets a pointer to the C library's function, as POSIX has it. */
#define FAILING_REAL(function, name) (*(void **)(&(function)) = dlsym(RTLD_NEXT, name))

static int fails_for(int error, const char *name)
{
    const size_t length = strlen(name), part = strlen(failing_files.to);
    if (!error || length < part || strcmp(name + length - part, failing_files.to) != 0)
        return 0;
    errno = error;
    return 1;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (failing_files.unnamed && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = failing_files.unnamed;
        return -1;
    }
    int (*real)(const char *, int, ...);
    FAILING_REAL(real, "open");
    return real(path, flags, mode);
}

int fchmod(int descriptor, mode_t mode)
{
    if (failing_files.fchmod) {
        errno = failing_files.fchmod;
        return -1;
    }
    int (*real)(int, mode_t);
    FAILING_REAL(real, "fchmod");
    return real(descriptor, mode);
}

int fsync(int descriptor)
{
    struct stat information;
    if (failing_files.fsync && fstat(descriptor, &information) == 0 &&
        S_ISREG(information.st_mode)) {
        errno = failing_files.fsync;
        return -1;
    }
    int (*real)(int);
    FAILING_REAL(real, "fsync");
    return real(descriptor);
}

int rename(const char *from, const char *to)
{
    if (fails_for(failing_files.rename, to))
        return -1;
    int (*real)(const char *, const char *);
    FAILING_REAL(real, "rename");
    return real(from, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    if (fails_for(failing_files.linkat, to))
        return -1;
    int (*real)(int, const char *, int, const char *, int);
    FAILING_REAL(real, "linkat");
    return real(from_folder, from, to_folder, to, flags);
}

#endif
