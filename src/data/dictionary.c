/* SPDX-License-Identifier: Apache-2.0 */
#include "data/dictionary.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL /* texts are short */
#include <xxhash.h>

#include "base/error.h"
#include "base/memory.h"

#define SLOTS_LEAST 16 /* a power of 2; at most half of them are taken */

/* Open addressing: a text is in the first slot from its hash on that has it. */
struct slot {
    uint64_t next; /* the text's number and 1; 0: free */
    uint64_t hash;
};

struct mcl_dictionary {
    mcl_strings *texts;
    struct slot *slots; /* [size] */
    uint64_t size;
};

mcl_status mcl_dictionary_create(mcl_dictionary **dictionary)
{
    mcl_dictionary *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->size = SLOTS_LEAST;
    mcl_status status = mcl_allocate(&created->slots, created->size, sizeof *created->slots);
    if (status == MCL_OK)
        status = mcl_strings_create(&created->texts);
    if (status == MCL_OK)
        *dictionary = created;
    else
        mcl_dictionary_free(created);
    return status;
}

void mcl_dictionary_free(mcl_dictionary *dictionary)
{
    if (!dictionary)
        return;
    mcl_strings_free(dictionary->texts);
    free(dictionary->slots);
    free(dictionary);
}

uint64_t mcl_text_hash(const char *text, size_t length)
{
    return XXH3_64bits(text, length);
}

/* The slot that has the text, or the free one where it would be. */
static struct slot *slot_of(
    const mcl_dictionary *dictionary, uint64_t hash, const char *text, size_t length)
{
    uint64_t at = hash & (dictionary->size - 1);
    for (;; at = (at + 1) & (dictionary->size - 1)) {
        struct slot *slot = &dictionary->slots[at];
        if (slot->next == 0)
            return slot;
        if (slot->hash != hash)
            continue;
        const char *other = mcl_strings_at(dictionary->texts, slot->next - 1);
        if (memcmp(other, text, length) == 0 && other[length] == '\0')
            return slot;
    }
}

static mcl_status grow(mcl_dictionary *dictionary)
{
    struct slot *slots, *old = dictionary->slots;
    const uint64_t size = 2 * dictionary->size, mask = size - 1;
    MCL_TRY(mcl_allocate(&slots, size, sizeof *slots));
    for (uint64_t i = 0; i < dictionary->size; i++) {
        uint64_t at = old[i].hash & mask;
        if (old[i].next == 0)
            continue;
        while (slots[at].next)
            at = (at + 1) & mask;
        slots[at] = old[i];
    }
    free(old);
    dictionary->slots = slots;
    dictionary->size = size;
    return MCL_OK;
}

mcl_status mcl_dictionary_add_hashed(uint64_t *index, mcl_dictionary *dictionary, const char *text,
    size_t length, uint64_t hash, uint64_t most)
{
    const uint64_t count = mcl_strings_count(dictionary->texts);
    struct slot *slot = slot_of(dictionary, hash, text, length);
    *index = slot->next - 1; /* NONE of 0 */
    if (slot->next || count >= most)
        return MCL_OK;
    if (2 * (count + 1) > dictionary->size) {
        MCL_TRY(grow(dictionary));
        slot = slot_of(dictionary, hash, text, length);
    }
    MCL_TRY(mcl_strings_add(dictionary->texts, text, length));
    *slot = (struct slot){count + 1, hash};
    *index = count;
    return MCL_OK;
}

mcl_status mcl_dictionary_add(
    uint64_t *index, mcl_dictionary *dictionary, const char *text, size_t length)
{
    return mcl_dictionary_add_hashed(
        index, dictionary, text, length, mcl_text_hash(text, length), MCL_DICTIONARY_NONE);
}

uint64_t mcl_dictionary_find(const mcl_dictionary *dictionary, const char *text, size_t length)
{
    const struct slot *slot = slot_of(dictionary, mcl_text_hash(text, length), text, length);
    return slot->next - 1; /* NONE of 0 */
}

const mcl_strings *mcl_dictionary_texts(const mcl_dictionary *dictionary)
{
    return dictionary->texts;
}
