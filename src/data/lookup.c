/* SPDX-License-Identifier: Apache-2.0 */
#include "data/lookup.h"

#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/error.h"
#include "base/memory.h"
#include "data/dictionary.h"
#include "data/texts.h"

#define REMEMBERED 4096 /* texts that are none, or are spelled otherwise */

struct mcl_lookup {
    mcl_dictionary *texts;
    uint32_t *places; /* [known + REMEMBERED], of the dictionary's texts */
    double *numbers;  /* [known]; NaN of what is no number */
    uint64_t known;
};

static mcl_status fill(mcl_lookup *lookup, const mcl_strings *texts)
{
    for (uint64_t i = 0; i < lookup->known; i++) {
        const char *text = mcl_strings_at(texts, i);
        uint64_t index;
        MCL_TRY(mcl_dictionary_add(&index, lookup->texts, text, strlen(text)));
        lookup->places[index] = (uint32_t)i;
        if (!mcl_text_number(&lookup->numbers[i], text))
            memset(&lookup->numbers[i], 0xFF, sizeof lookup->numbers[i]);
    }
    return MCL_OK;
}

mcl_status mcl_lookup_create(mcl_lookup **lookup, const mcl_strings *texts)
{
    mcl_lookup *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->known = mcl_strings_count(texts);
    mcl_status status =
        mcl_allocate(&created->places, created->known + REMEMBERED, sizeof *created->places);
    if (status == MCL_OK)
        status = mcl_allocate(&created->numbers, created->known, sizeof *created->numbers);
    if (status == MCL_OK)
        status = mcl_dictionary_create(&created->texts);
    if (status == MCL_OK)
        status = fill(created, texts);
    if (status == MCL_OK)
        *lookup = created;
    else
        mcl_lookup_free(created);
    return status;
}

void mcl_lookup_free(mcl_lookup *lookup)
{
    if (!lookup)
        return;
    mcl_dictionary_free(lookup->texts);
    free(lookup->places);
    free(lookup->numbers);
    free(lookup);
}

static uint32_t find_number(const mcl_lookup *lookup, const char *text, size_t length)
{
    double value;
    if (!mcl_decimal_parse(&value, text, length, '.'))
        return MCL_LOOKUP_NONE;
    for (uint64_t i = 0; i < lookup->known; i++) {
        if (lookup->numbers[i] == value)
            return (uint32_t)i;
    }
    return MCL_LOOKUP_NONE;
}

mcl_status mcl_lookup_find(uint32_t *place, mcl_lookup *lookup, const char *text, size_t length)
{
    uint64_t index = mcl_dictionary_find(lookup->texts, text, length);
    if (index != MCL_DICTIONARY_NONE) {
        *place = lookup->places[index];
        return MCL_OK;
    }
    *place = find_number(lookup, text, length);
    if (mcl_strings_count(mcl_dictionary_texts(lookup->texts)) == lookup->known + REMEMBERED)
        return MCL_OK;
    MCL_TRY(mcl_dictionary_add(&index, lookup->texts, text, length));
    lookup->places[index] = *place;
    return MCL_OK;
}
