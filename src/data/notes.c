/* SPDX-License-Identifier: Apache-2.0 */
#include "data/notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

#define LINE_SIZE 1536
#define END_SIZE 32 /* of " and 4294967295 more" */

mcl_status mcl_notes_add(mcl_notes *notes, const char *format, ...)
{
    char line[LINE_SIZE], clean[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    const size_t before = notes->text ? strlen(notes->text) : 0;
    const size_t length = mcl_clean_text(clean, sizeof clean, line, "");
    char *text = realloc(notes->text, before + length + 2);
    if (!text)
        return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory for a warning");
    notes->text = text;
    if (before)
        text[before] = '\n';
    memcpy(text + before + (before > 0), clean, length + 1);
    return MCL_OK;
}

void mcl_list_add(mcl_list *list, const char *name)
{
    char quote[MCL_QUOTE_SIZE];
    const size_t room = sizeof list->text - END_SIZE - list->used;
    mcl_quote(quote, name);
    const size_t needed = strlen(quote) + 4;
    list->count++;
    if (list->left_out || needed > room) {
        list->left_out++;
        return;
    }
    list->used +=
        (size_t)snprintf(list->text + list->used, room, list->used ? ", '%s'" : "'%s'", quote);
}

const char *mcl_list_text(mcl_list *list)
{
    if (list->left_out)
        snprintf(list->text + list->used, sizeof list->text - list->used, " and %zu more",
            list->left_out);
    list->left_out = 0;
    return list->text;
}
