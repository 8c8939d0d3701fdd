/* SPDX-License-Identifier: Apache-2.0 */
#include "nearest.h"

#include <string.h>

#define LENGTH_MAX 63 /* longer texts are no typo of anything */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, substitutions and swaps of adjacent letters that turn a into b (the
 * optimal string alignment distance). */
static size_t edit_distance(const char *a, const char *b)
{
    size_t rows = strlen(a), columns = strlen(b);
    if (rows > LENGTH_MAX || columns > LENGTH_MAX)
        return LENGTH_MAX;
    size_t table[LENGTH_MAX + 1][LENGTH_MAX + 1];
    for (size_t i = 0; i <= rows; i++)
        table[i][0] = i;
    for (size_t j = 0; j <= columns; j++)
        table[0][j] = j;
    for (size_t i = 1; i <= rows; i++) {
        for (size_t j = 1; j <= columns; j++) {
            size_t best = table[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = least(best, least(table[i - 1][j], table[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = least(best, table[i - 2][j - 2] + 1);
            table[i][j] = best;
        }
    }
    return table[rows][columns];
}

mcl_nearest mcl_nearest_to(const char *text)
{
    /* A third of the letters wrong is as far as a typo goes. */
    return (mcl_nearest){text, NULL, (strlen(text) + 2) / 3 + 1};
}

void mcl_nearest_try(mcl_nearest *nearest, const char *name)
{
    size_t length = strlen(nearest->text);
    size_t distance = length > 1 && strncmp(nearest->text, name, length) == 0
                          ? 1 /* a name cut short */
                          : edit_distance(nearest->text, name);
    if (distance < nearest->distance) {
        nearest->name = name;
        nearest->distance = distance;
    }
}
