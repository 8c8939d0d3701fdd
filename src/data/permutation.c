/* SPDX-License-Identifier: Apache-2.0 */
#include "data/permutation.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

#define ROWS_MAX ((uint64_t)1 << 48) /* the limit of the random generator's counter */

/* The key's upper 33 bits are sorted digit by digit, the lowest first. */
#define DIGITS 3
#define DIGIT_BITS 11
#define DIGIT_VALUES (1 << DIGIT_BITS)
#define DIGIT_SHIFT(digit) (64 - DIGIT_BITS * (DIGITS - (digit)))

struct entry {
    uint64_t key;
    uint64_t row;
};

/* The passes of a draw: one that draws the keys, one for each digit, one for the lower bits. */
enum { PASS_KEYS, PASS_FIRST_DIGIT, PASS_REST = PASS_FIRST_DIGIT + DIGITS, PASSES };

_Static_assert(PASSES == MCL_PERMUTATION_PASSES, "the header declares the number of passes");

struct mcl_permutation {
    uint64_t rows;
    uint64_t seed;
    uint32_t epoch;
    int pass;      /* in progress; PASSES: the draw is done */
    uint64_t next; /* the first entry that the pass has not visited */
    struct entry *entries;
    struct entry *spare;
    uint64_t places[DIGITS][DIGIT_VALUES]; /* where the next entry with this digit goes */
};

mcl_status mcl_permutation_create(mcl_permutation **permutation, uint64_t rows)
{
    if (rows > ROWS_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%" PRIu64 " rows cannot be shuffled: the generator counts to %" PRIu64, rows,
            ROWS_MAX);
    mcl_permutation *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->rows = rows;
    created->pass = PASSES;
    mcl_status status = mcl_allocate(&created->entries, rows, sizeof *created->entries);
    if (status == MCL_OK)
        status = mcl_allocate(&created->spare, rows, sizeof *created->spare);
    if (status != MCL_OK) {
        mcl_permutation_free(created);
        return status;
    }
    *permutation = created;
    return MCL_OK;
}

void mcl_permutation_free(mcl_permutation *permutation)
{
    if (!permutation)
        return;
    free(permutation->entries);
    free(permutation->spare);
    free(permutation);
}

static unsigned digit_of(uint64_t key, int digit)
{
    return (unsigned)(key >> DIGIT_SHIFT(digit)) % DIGIT_VALUES;
}

/* Draws the keys of some rows and counts how often each digit has each value. */
static void draw_keys(mcl_permutation *permutation, uint64_t from, uint64_t to)
{
    for (uint64_t row = from; row < to; row++) {
        uint32_t words[4];
        mcl_random_words(
            words, permutation->seed, MCL_STREAM_SHUFFLE, 0, permutation->epoch, row, 0);
        const uint64_t key = (uint64_t)words[0] << 32 | words[1];
        permutation->entries[row] = (struct entry){key, row};
        for (int digit = 0; digit < DIGITS; digit++)
            permutation->places[digit][digit_of(key, digit)]++;
    }
}

/* Converts counts to the place of the first entry with each value. */
static void sum_counts(uint64_t places[DIGIT_VALUES])
{
    uint64_t sum = 0;
    for (int value = 0; value < DIGIT_VALUES; value++) {
        const uint64_t count = places[value];
        places[value] = sum;
        sum += count;
    }
}

/* Moves some entries to their places in the spare array, in the order of one digit. */
static void sort_digit(mcl_permutation *permutation, int digit, uint64_t from, uint64_t to)
{
    uint64_t *places = permutation->places[digit];
    const struct entry *entries = permutation->entries;
    for (uint64_t i = from; i < to; i++)
        permutation->spare[places[digit_of(entries[i].key, digit)]++] = entries[i];
}

/* Sorts by the whole key what is sorted by its upper bits. Few entries share those: with random
 * keys, rows²/2³⁴ pairs. */
static void sort_rest(struct entry *entries, uint64_t from, uint64_t to)
{
    for (uint64_t i = from ? from : 1; i < to; i++) {
        const struct entry entry = entries[i];
        uint64_t j = i;
        for (; j > 0 && entries[j - 1].key > entry.key; j--)
            entries[j] = entries[j - 1];
        entries[j] = entry;
    }
}

static void visit(mcl_permutation *permutation, uint64_t from, uint64_t to)
{
    if (permutation->pass == PASS_KEYS)
        draw_keys(permutation, from, to);
    else if (permutation->pass < PASS_REST)
        sort_digit(permutation, permutation->pass - PASS_FIRST_DIGIT, from, to);
    else
        sort_rest(permutation->entries, from, to);
}

/* Goes to the next pass. */
static void end_pass(mcl_permutation *permutation)
{
    const int ended = permutation->pass++;
    permutation->next = 0;
    if (ended >= PASS_FIRST_DIGIT && ended < PASS_REST) {
        struct entry *sorted = permutation->spare;
        permutation->spare = permutation->entries;
        permutation->entries = sorted;
    }
    if (permutation->pass >= PASS_FIRST_DIGIT && permutation->pass < PASS_REST)
        sum_counts(permutation->places[permutation->pass - PASS_FIRST_DIGIT]);
}

void mcl_permutation_begin(mcl_permutation *permutation, uint64_t seed, uint32_t epoch)
{
    permutation->seed = seed;
    permutation->epoch = epoch;
    permutation->pass = PASS_KEYS;
    permutation->next = 0;
    memset(permutation->places, 0, sizeof permutation->places);
}

void mcl_permutation_advance(mcl_permutation *permutation, uint64_t visits)
{
    while (permutation->pass < PASSES && visits > 0) {
        const uint64_t left = permutation->rows - permutation->next;
        const uint64_t now = visits < left ? visits : left;
        visit(permutation, permutation->next, permutation->next + now);
        visits -= now;
        permutation->next += now;
        if (permutation->next == permutation->rows)
            end_pass(permutation);
    }
}

void mcl_permutation_finish(mcl_permutation *permutation, uint64_t *order)
{
    while (permutation->pass < PASSES)
        mcl_permutation_advance(permutation, UINT64_MAX);
    for (uint64_t i = 0; i < permutation->rows; i++)
        order[i] = permutation->entries[i].row;
}
