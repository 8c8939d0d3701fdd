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

#define FAILING_REAL(type, name) ((type)(void *)dlsym(RTLD_NEXT, name))

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
    return FAILING_REAL(int (*)(const char *, int, ...), "open")(path, flags, mode);
}

int fchmod(int descriptor, mode_t mode)
{
    if (failing_files.fchmod) {
        errno = failing_files.fchmod;
        return -1;
    }
    return FAILING_REAL(int (*)(int, mode_t), "fchmod")(descriptor, mode);
}

int fsync(int descriptor)
{
    struct stat information;
    if (failing_files.fsync && fstat(descriptor, &information) == 0 &&
        S_ISREG(information.st_mode)) {
        errno = failing_files.fsync;
        return -1;
    }
    return FAILING_REAL(int (*)(int), "fsync")(descriptor);
}

int rename(const char *from, const char *to)
{
    if (fails_for(failing_files.rename, to))
        return -1;
    return FAILING_REAL(int (*)(const char *, const char *), "rename")(from, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    if (fails_for(failing_files.linkat, to))
        return -1;
    return FAILING_REAL(int (*)(int, const char *, int, const char *, int), "linkat")(
        from_folder, from, to_folder, to, flags);
}

#endif
