/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that are numbered as they come, each once. */
#ifndef MASKCL_DATA_DICTIONARY_H
#define MASKCL_DATA_DICTIONARY_H

#include <stddef.h>
#include <stdint.h>

#include "data/strings.h"
#include "maskcl/status.h"

#define MCL_DICTIONARY_NONE UINT64_MAX

typedef struct mcl_dictionary mcl_dictionary;

mcl_status mcl_dictionary_create(mcl_dictionary **dictionary);
/* NULL is allowed. */
void mcl_dictionary_free(mcl_dictionary *dictionary);

/* *index = the number of a text, the next one where it is new. */
mcl_status mcl_dictionary_add(
    uint64_t *index, mcl_dictionary *dictionary, const char *text, size_t length);

/* The same of a text whose hash is known; a new one where there are `most` is MCL_DICTIONARY_NONE
 * and not added. */
uint64_t mcl_text_hash(const char *text, size_t length);
mcl_status mcl_dictionary_add_hashed(uint64_t *index, mcl_dictionary *dictionary, const char *text,
    size_t length, uint64_t hash, uint64_t most);

/* MCL_DICTIONARY_NONE where the text is not there. */
uint64_t mcl_dictionary_find(const mcl_dictionary *dictionary, const char *text, size_t length);

/* The texts by number, the dictionary's own memory. */
const mcl_strings *mcl_dictionary_texts(const mcl_dictionary *dictionary);

#endif
