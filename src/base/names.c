/* SPDX-License-Identifier: Apache-2.0 */
#include "base/names.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"

mcl_status mcl_name_parse(
    size_t *index, const char *text, const char *const *names, size_t count, const char *what)
{
    return mcl_name_parse_row(index, text, names, sizeof *names, count, what);
}

mcl_status mcl_name_parse_row(
    size_t *index, const char *text, const void *rows, size_t size, size_t count, const char *what)
{
    char list[256] = "";
    size_t used = 0;
    if (!text)
        return mcl_fail(MCL_ERROR_ARGUMENT, "no %s is named: the text is NULL", what);
    for (size_t i = 0; i < count; i++) {
        const char *name = *(const char *const *)(const void *)((const char *)rows + i * size);
        if (strcmp(text, name) == 0) {
            *index = i;
            return MCL_OK;
        }
        int written = snprintf(list + used, sizeof list - used, "%s%s",
            i == 0           ? ""
            : i + 1 == count ? " or "
                             : ", ",
            name);
        if (written > 0 && (size_t)written < sizeof list - used)
            used += (size_t)written;
    }
    return mcl_fail(MCL_ERROR_ARGUMENT, "unknown %s '%s': it is %s", what, text, list);
}

const char *mcl_name_of(const char *const *names, size_t count, size_t index)
{
    return index < count ? names[index] : "?";
}

bool mcl_contains(const char *text, const char *part)
{
    const size_t length = strlen(part);
    for (; *text; text++) {
        if (strncasecmp(text, part, length) == 0)
            return true;
    }
    return length == 0;
}
