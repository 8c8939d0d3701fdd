/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[8192]; /* a compiler log is longer than a line */

const char *mcl_error_message(void)
{
    return message;
}

void mcl_error_record(const char *format, ...)
{
    char line[sizeof message]; /* the arguments may point into the previous message */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    mcl_clean_text(message, sizeof message, line, "\n\t");
}
