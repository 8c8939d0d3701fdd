/* SPDX-License-Identifier: Apache-2.0 */
/* The names of kernels' parameters, from their sources. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "device/kernels.h"

/* What follows the opening parenthesis of a kernel's parameters; NULL where a file has no such
 * kernel. */
static const char *find_parameters(const char *text, const char *kernel)
{
    static const char *const forms[] = {"void %s(", "void NAME(%s)("};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char head[96];
        snprintf(head, sizeof head, forms[i], kernel);
        const char *found = strstr(text, head);
        if (found)
            return found + strlen(head);
    }
    return NULL;
}

/* Copies the identifier that a parameter ends with; false where it has no type before that, as a
 * macro that stands for several. */
static bool copy_last(char *name, size_t size, const char *parameter, size_t length)
{
    while (length && isspace((unsigned char)parameter[length - 1]))
        length--;
    size_t begin = length;
    while (begin && (isalnum((unsigned char)parameter[begin - 1]) || parameter[begin - 1] == '_'))
        begin--;
    snprintf(name, size, "%.*s", (int)(length - begin), parameter + begin);
    while (begin && isspace((unsigned char)parameter[begin - 1]))
        begin--;
    return begin > 0;
}

void mcl_kernel_parameter(char *name, size_t size, const char *kernel, size_t index)
{
    const char *at = NULL;
    for (size_t i = 0; mcl_kernel_files[i].name && !at; i++)
        at = find_parameters(mcl_kernel_files[i].text, kernel);
    for (size_t i = 0; at; i++) {
        const size_t length = strcspn(at, ",)");
        if (!copy_last(name, size, at, length))
            break;
        if (i == index)
            return;
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    *name = '\0';
}
