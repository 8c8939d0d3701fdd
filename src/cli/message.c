/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "table.h"

#define MESSAGE_MAX 16384 /* a compiler's log is longer than a line */

static void print_cleaned(FILE *stream, const char *text, bool lines)
{
    for (const char *c = text; *c; c++) {
        bool kept = lines && (*c == '\n' || *c == '\t');
        bool control = (unsigned char)*c < 0x20 || *c == 0x7f;
        fputc(control && !kept ? '?' : *c, stream);
    }
}

void mcl_print_clean(FILE *stream, const char *text)
{
    print_cleaned(stream, text, false);
}

void mcl_print_spelled(FILE *stream, const char *text)
{
    char spelled[MESSAGE_MAX];
    mcl_spell(spelled, sizeof spelled, text);
    print_cleaned(stream, spelled, false);
}

/* The library's messages name options by their keys. */
static void say(const char *kind, const char *text, bool lines)
{
    char spelled[MESSAGE_MAX + 1024], copy[MESSAGE_MAX];
    snprintf(copy, sizeof copy, "%s", text); /* looking up keys replaces the library's message */
    mcl_spell(spelled, sizeof spelled, copy);
    fprintf(stderr, "maskcl: %s: ", kind);
    print_cleaned(stderr, spelled, lines);
    fputc('\n', stderr);
    fflush(stderr);
}

mcl_exit mcl_complain(mcl_exit code, const char *format, ...)
{
    char text[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    say("error", text, false);
    return code;
}

mcl_exit mcl_complain_status(mcl_status status)
{
    char text[MESSAGE_MAX]; /* spelling it asks the library for options, which records errors */
    snprintf(text, sizeof text, "%s", mcl_error_message());
    /* Only a device's message has lines of its own: the compiler's. */
    say("error", text, status == MCL_ERROR_DEVICE);
    return status == MCL_ERROR_ARGUMENT ? MCL_EXIT_USAGE : MCL_EXIT_FAILED;
}

void mcl_warn(const char *format, ...)
{
    char text[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    say("warning", text, false);
}

bool mcl_flush_output(void)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    mcl_complain(MCL_EXIT_FAILED, "cannot write to standard output: %s",
        errno ? strerror(errno) : "an earlier write failed");
    return false;
}
