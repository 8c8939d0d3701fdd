/* SPDX-License-Identifier: Apache-2.0 */
#include "data/strings.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

struct mcl_strings {
    char *bytes; /* the texts, each with its zero byte */
    size_t used, size;
    size_t *starts; /* [count] */
    uint64_t count, room;
};

mcl_status mcl_strings_create(mcl_strings **strings)
{
    return mcl_allocate(strings, 1, sizeof **strings);
}

void mcl_strings_free(mcl_strings *strings)
{
    if (!strings)
        return;
    free(strings->bytes);
    free(strings->starts);
    free(strings);
}

/* Makes room for needed entries of size bytes; *room and *memory change together. */
static mcl_status reserve(void *memory, uint64_t *room, uint64_t needed, size_t size)
{
    uint64_t larger = *room < 64 ? 64 : *room, bytes;
    void *old, *grown;
    if (needed <= *room)
        return MCL_OK;
    while (larger < needed)
        larger *= 2;
    memcpy(&old, memory, sizeof old);
    if (!mcl_multiply(&bytes, larger, size) || bytes > SIZE_MAX ||
        !(grown = realloc(old, (size_t)bytes)))
        return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory left");
    memcpy(memory, &grown, sizeof grown);
    *room = larger;
    return MCL_OK;
}

mcl_status mcl_strings_add(mcl_strings *strings, const char *text, size_t length)
{
    uint64_t size = strings->size;
    MCL_TRY(reserve(&strings->bytes, &size, (uint64_t)strings->used + length + 1, 1));
    strings->size = (size_t)size;
    MCL_TRY(reserve(&strings->starts, &strings->room, strings->count + 1, sizeof *strings->starts));
    memcpy(strings->bytes + strings->used, text, length);
    strings->bytes[strings->used + length] = '\0';
    strings->starts[strings->count++] = strings->used;
    strings->used += length + 1;
    return MCL_OK;
}

uint64_t mcl_strings_count(const mcl_strings *strings)
{
    return strings ? strings->count : 0;
}

const char *mcl_strings_at(const mcl_strings *strings, uint64_t index)
{
    return strings && index < strings->count ? strings->bytes + strings->starts[index] : NULL;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

mcl_status mcl_strings_add_sorted(mcl_strings *strings, const mcl_strings *others)
{
    const uint64_t count = mcl_strings_count(others);
    const char **texts;
    mcl_status status = MCL_OK;
    MCL_TRY(mcl_allocate(&texts, count, sizeof *texts));
    for (uint64_t i = 0; i < count; i++)
        texts[i] = mcl_strings_at(others, i);
    if (count)
        qsort(texts, (size_t)count, sizeof *texts, compare);
    for (uint64_t i = 0; i < count && status == MCL_OK; i++)
        status = mcl_strings_add(strings, texts[i], strlen(texts[i]));
    free(texts);
    return status;
}
