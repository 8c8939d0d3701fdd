/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"
#include "table.h"

#define MESSAGE_MAX 16384 /* a compiler's log is longer than a line */

static const mcl_command *running;

void mcl_message_command(const mcl_command *command)
{
    running = command;
}

static void print_cleaned(FILE *stream, const char *text, const char *kept)
{
    const size_t size = strlen(text) + 1; /* what is replaced becomes no longer */
    char *clean = malloc(size);
    if (!clean)
        return;
    mcl_clean_text(clean, size, text, kept);
    fputs(clean, stream);
    free(clean);
}

void mcl_print_clean(FILE *stream, const char *text)
{
    print_cleaned(stream, text, "");
}

void mcl_print_spelled(FILE *stream, const char *text)
{
    char spelled[MESSAGE_MAX];
    mcl_spell(spelled, sizeof spelled, text, running);
    print_cleaned(stream, spelled, "");
}

static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static char kept[MCL_KEPT_SIZE - 2];

void mcl_keep(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&kept_lock);
    char text[sizeof kept];
    vsnprintf(text, sizeof text, format, arguments);
    mcl_clean_text(kept, sizeof kept, text, "");
    pthread_mutex_unlock(&kept_lock);
    va_end(arguments);
}

void mcl_kept_text(char *text, size_t size)
{
    pthread_mutex_lock(&kept_lock);
    snprintf(text, size, "%s%s", *kept ? "; " : "", kept);
    pthread_mutex_unlock(&kept_lock);
}

/* The library's messages name options by their keys. */
static void say(const char *kind, const char *text, bool lines, const char *end)
{
    char spelled[MESSAGE_MAX + 1024], copy[MESSAGE_MAX];
    snprintf(copy, sizeof copy, "%s", text); /* looking up keys replaces the library's message */
    mcl_spell(spelled, sizeof spelled, copy, running);
    mcl_progress_make_way();
    fprintf(mcl_err, "maskcl: %s", kind);
    print_cleaned(mcl_err, spelled, lines ? "\n\t" : "");
    fprintf(mcl_err, "%s\n", end);
    fflush(mcl_err);
}

static void complain(const char *text, bool lines)
{
    char end[MCL_KEPT_SIZE];
    mcl_kept_text(end, sizeof end);
    say("error: ", text, lines, end);
}

mcl_exit mcl_complain(mcl_exit code, const char *format, ...)
{
    char text[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    complain(text, false);
    return code;
}

mcl_exit mcl_complain_status(mcl_status status)
{
    char text[MESSAGE_MAX]; /* spelling it asks the library for options, which records errors */
    snprintf(text, sizeof text, "%s", mcl_error_message());
    /* Only a device's message has lines of its own: the compiler's. */
    complain(text, status == MCL_ERROR_DEVICE);
    return status == MCL_ERROR_ARGUMENT ? MCL_EXIT_USAGE : MCL_EXIT_FAILED;
}

void mcl_warn(const char *format, ...)
{
    char text[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    say("warning: ", text, false, "");
}

void mcl_tell(const char *format, ...)
{
    char text[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    say("", text, false, "");
}

static bool readers_may_leave;

void mcl_readers_may_leave(void)
{
    readers_may_leave = true;
}

/* Whether standard output is a pipe that nobody reads any more. */
static bool readers_have_left(void)
{
    struct pollfd output = {.fd = fileno(mcl_out), .events = POLLOUT};
    return poll(&output, 1, 0) == 1 && (output.revents & POLLERR);
}

bool mcl_flush_output(void)
{
    errno = 0;
    if (fflush(mcl_out) == 0 && !ferror(mcl_out))
        return true;
    if (readers_may_leave && readers_have_left())
        return true;
    mcl_complain(MCL_EXIT_FAILED, "cannot write to standard output: %s",
        errno ? strerror(errno) : "an earlier write failed");
    return false;
}
