#include "data/permutation.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

#define ROWS_MAX ((uint64_t)1 << 48) /* what the random generator's counter has room for */

/* The key's upper 33 bits are sorted digit by digit, the lowest first. */
#define DIGITS 3
#define DIGIT_BITS 11
#define DIGIT_VALUES (1 << DIGIT_BITS)
#define DIGIT_SHIFT(digit) (64 - DIGIT_BITS * (DIGITS - (digit)))

struct entry {
    uint64_t key;
    uint64_t row;
};

struct mcl_permutation {
    uint64_t rows;
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

/* Draws the keys and counts how often each digit has each value. */
static void draw_keys(mcl_permutation *permutation, uint64_t seed, uint32_t epoch)
{
    memset(permutation->places, 0, sizeof permutation->places);
    for (uint64_t row = 0; row < permutation->rows; row++) {
        uint32_t words[4];
        mcl_random_words(words, seed, MCL_STREAM_SHUFFLE, 0, epoch, row, 0);
        const uint64_t key = (uint64_t)words[0] << 32 | words[1];
        permutation->entries[row] = (struct entry){key, row};
        for (int digit = 0; digit < DIGITS; digit++)
            permutation->places[digit][digit_of(key, digit)]++;
    }
}

/* Turns counts into the place of the first entry with each value. */
static void sum_counts(uint64_t places[DIGIT_VALUES])
{
    uint64_t sum = 0;
    for (int value = 0; value < DIGIT_VALUES; value++) {
        const uint64_t count = places[value];
        places[value] = sum;
        sum += count;
    }
}

/* Moves the entries to the spare array in the order of one digit, and swaps the arrays. */
static void sort_digit(mcl_permutation *permutation, int digit)
{
    uint64_t *places = permutation->places[digit];
    struct entry *from = permutation->entries, *to = permutation->spare;
    sum_counts(places);
    for (uint64_t i = 0; i < permutation->rows; i++)
        to[places[digit_of(from[i].key, digit)]++] = from[i];
    permutation->entries = to;
    permutation->spare = from;
}

/* Sorts by the whole key what is sorted by its upper bits. Few entries share those: with random
 * keys, rows²/2³⁴ pairs. */
static void sort_rest(struct entry *entries, uint64_t rows)
{
    for (uint64_t i = 1; i < rows; i++) {
        const struct entry entry = entries[i];
        uint64_t j = i;
        for (; j > 0 && entries[j - 1].key > entry.key; j--)
            entries[j] = entries[j - 1];
        entries[j] = entry;
    }
}

void mcl_permutation_draw(
    mcl_permutation *permutation, uint64_t *order, uint64_t seed, uint32_t epoch)
{
    draw_keys(permutation, seed, epoch);
    for (int digit = 0; digit < DIGITS; digit++)
        sort_digit(permutation, digit);
    sort_rest(permutation->entries, permutation->rows);
    for (uint64_t i = 0; i < permutation->rows; i++)
        order[i] = permutation->entries[i].row;
}
