/* SPDX-License-Identifier: Apache-2.0 */
#include "streams.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "message.h"

#define OWN_LEAST 3         /* the number of a descriptor of the program's own */
#define LINE_SIZE 1024      /* longer ones are shown in parts */
#define UNSEEN_MOST 1000000 /* bytes that are kept back: of more, the last */

/* A sanitizer reports to standard error after everything else has ended. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED false
#endif

FILE *mcl_out, *mcl_err;

static int sink = -1; /* a file that drivers' output is kept in; -1: it is not */
static off_t seen;    /* of the sink, what was shown or left out */
static bool is_quiet;
static bool takes_abort; /* nothing else of the program's does */

int mcl_print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int count = vfprintf(mcl_out, format, arguments);
    va_end(arguments);
    return count;
}

/* A stream of the program's own to where a descriptor leads, or NULL. */
static FILE *open_own(int descriptor)
{
    const int own = fcntl(descriptor, F_DUPFD_CLOEXEC, OWN_LEAST);
    FILE *stream = own >= 0 ? fdopen(own, "w") : NULL;
    if (own >= 0 && !stream)
        close(own);
    return stream;
}

static void end_badly(void)
{
    mcl_streams_end(false);
}

void mcl_streams_open(void)
{
    const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain)
        (void)uselocale(plain); /* of this thread, and stronger than what setlocale() sets */
    mcl_out = open_own(STDOUT_FILENO);
    mcl_err = open_own(STDERR_FILENO);
    if (mcl_err)
        setvbuf(mcl_err, NULL, _IOLBF, BUFSIZ);
    else
        mcl_err = stderr;
    if (mcl_out)
        (void)dup2(STDERR_FILENO, STDOUT_FILENO);
    else
        mcl_out = stdout;    /* it was closed: writing to it fails, which is noticed */
    (void)atexit(end_badly); /* a driver that gives up calls exit() */
}

void mcl_streams_last_words(int number)
{
    char bytes[512];
    ssize_t count;
    (void)number;
    while (sink >= 0 && (count = pread(sink, bytes, sizeof bytes, seen)) > 0) {
        seen += count;
        if (write(fileno(mcl_err), bytes, (size_t)count) < 0)
            break;
    }
}

void mcl_streams_guard_again(void)
{
    struct sigaction action;
    if (sink < 0 || !takes_abort)
        return;
    memset(&action, 0, sizeof action);
    action.sa_handler = mcl_streams_last_words;
    action.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGABRT, &action, NULL);
}

/* A file for what drivers print, or -1: on a disk, or in memory where /tmp cannot be written. */
static int open_sink(void)
{
    FILE *file = tmpfile();
    if (!file)
        return memfd_create("drivers", MFD_CLOEXEC);
    const int own = fcntl(fileno(file), F_DUPFD_CLOEXEC, OWN_LEAST);
    fclose(file);
    return own;
}

void mcl_streams_guard(bool quiet)
{
    is_quiet = quiet;
    if (sink >= 0 || SANITIZED || mcl_err == stderr || mcl_out == stdout ||
        !(quiet || isatty(fileno(mcl_err))))
        return;
    sink = open_sink();
    if (sink < 0)
        return;
    (void)dup2(sink, STDOUT_FILENO);
    (void)dup2(sink, STDERR_FILENO);
    struct sigaction before;
    takes_abort = sigaction(SIGABRT, NULL, &before) == 0 && before.sa_handler == SIG_DFL;
    mcl_streams_guard_again();
}

/* Bytes in the sink that nobody has seen. */
static off_t count_unseen(void)
{
    if (sink < 0)
        return 0;
    fflush(stdout);
    const off_t end = lseek(sink, 0, SEEK_END);
    if (end - seen > UNSEEN_MOST)
        seen = end - UNSEEN_MOST;
    return end - seen;
}

bool mcl_streams_waiting(void)
{
    return !is_quiet && count_unseen() > 0;
}

void mcl_streams_show(void)
{
    char bytes[LINE_SIZE];
    off_t unseen = count_unseen();
    while (unseen > 0) {
        const size_t most = (size_t)unseen < sizeof bytes - 1 ? (size_t)unseen : sizeof bytes - 1;
        const ssize_t count = pread(sink, bytes, most, seen);
        if (count <= 0)
            break;
        bytes[count] = '\0';
        const size_t length = strcspn(bytes, "\n");
        bytes[length] = '\0';
        if (length) {
            fputs("driver: ", mcl_err);
            mcl_print_clean(mcl_err, bytes);
            fputc('\n', mcl_err);
        }
        const off_t used = (off_t)length + ((ssize_t)length < count);
        seen += used;
        unseen -= used;
    }
    fflush(mcl_err);
}

void mcl_streams_end(bool well)
{
    static bool ended;
    if (ended)
        return;
    ended = true;
    if (well && is_quiet)
        return; /* what drivers print as they are unloaded is kept back, too */
    mcl_streams_show();
    if (sink >= 0) {
        (void)dup2(fileno(mcl_err), STDOUT_FILENO);
        (void)dup2(fileno(mcl_err), STDERR_FILENO);
    }
}

/* Whether path is one of the names of an open descriptor. */
static bool is_descriptor(const char *path, const char *name, char digit)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    for (size_t i = 0; i < 2; i++) {
        const size_t length = strlen(folders[i]);
        if (strncmp(path, folders[i], length) == 0 && path[length] == digit && !path[length + 1])
            return true;
    }
    return strcmp(path, name) == 0;
}

const char *mcl_streams_path(const char *path)
{
    static char paths[2][32];
    static const char *const names[] = {"/dev/stdout", "/dev/stderr"};
    FILE *const streams[] = {mcl_out, mcl_err};
    for (int i = 0; i < 2; i++) {
        if (is_descriptor(path, names[i], (char)('1' + i))) {
            snprintf(paths[i], sizeof paths[i], "/dev/fd/%d", fileno(streams[i]));
            return paths[i];
        }
    }
    return path;
}
