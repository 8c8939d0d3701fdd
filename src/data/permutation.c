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

/* The passes of a draw: one that counts digits, one for each of them, one for the lower bits. A key
 * is drawn again by each, which takes less time than memory for keys would. */
enum { PASS_KEYS, PASS_FIRST_DIGIT, PASS_REST = PASS_FIRST_DIGIT + DIGITS, PASSES };

_Static_assert(PASSES == MCL_PERMUTATION_PASSES, "the header declares the number of passes");

struct mcl_permutation {
    uint64_t rows;
    uint64_t seed;
    uint32_t epoch;
    int pass;                              /* in progress; PASSES: the draw is done */
    uint64_t next;                         /* the first place that the pass has not visited */
    size_t width;                          /* bytes of a row's number */
    unsigned char *numbers, *spare, *kept; /* rows; NULL: nothing was kept */
    uint64_t places[DIGITS][DIGIT_VALUES]; /* where the next entry with this digit goes */
};

static size_t width_of(uint64_t rows)
{
    size_t width = 1;
    while (rows > 1 && (rows - 1) >> (8 * width) != 0)
        width++;
    return width;
}

uint64_t mcl_permutation_bytes(uint64_t rows)
{
    return 3 * rows * width_of(rows);
}

/* A list of row numbers; what is after the last one is read with it. */
static mcl_status allocate_numbers(unsigned char **numbers, const mcl_permutation *permutation)
{
    return mcl_allocate(numbers, permutation->rows * permutation->width + sizeof(uint64_t), 1);
}

static uint64_t number_at(
    const mcl_permutation *permutation, const unsigned char *numbers, uint64_t i)
{
    uint64_t number;
    memcpy(&number, numbers + i * permutation->width, sizeof number);
    return number & (UINT64_MAX >> (64 - 8 * permutation->width));
}

static void set_number(
    const mcl_permutation *permutation, unsigned char *numbers, uint64_t i, uint64_t number)
{
    memcpy(numbers + i * permutation->width, &number, permutation->width);
}

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
    created->width = width_of(rows);
    mcl_status status = allocate_numbers(&created->numbers, created);
    if (status == MCL_OK)
        status = allocate_numbers(&created->spare, created);
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
    free(permutation->numbers);
    free(permutation->spare);
    free(permutation->kept);
    free(permutation);
}

static uint64_t key_of(const mcl_permutation *permutation, uint64_t row)
{
    uint32_t words[4];
    mcl_random_words(words, permutation->seed, MCL_STREAM_SHUFFLE, 0, permutation->epoch, row, 0);
    return (uint64_t)words[0] << 32 | words[1];
}

static unsigned digit_of(uint64_t key, int digit)
{
    return (unsigned)(key >> DIGIT_SHIFT(digit)) % DIGIT_VALUES;
}

/* Lists some rows and counts how often each digit of their keys has each value. */
static void draw_keys(mcl_permutation *permutation, uint64_t from, uint64_t to)
{
    for (uint64_t row = from; row < to; row++) {
        const uint64_t key = key_of(permutation, row);
        set_number(permutation, permutation->numbers, row, row);
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

/* Moves some rows to their places in the spare list, in the order of one digit. */
static void sort_digit(mcl_permutation *permutation, int digit, uint64_t from, uint64_t to)
{
    uint64_t *places = permutation->places[digit];
    for (uint64_t i = from; i < to; i++) {
        const uint64_t row = number_at(permutation, permutation->numbers, i);
        set_number(permutation, permutation->spare,
            places[digit_of(key_of(permutation, row), digit)]++, row);
    }
}

/* Sorts by the whole key what is sorted by its upper bits. Few rows share those: with random keys,
 * rows²/2³⁴ pairs. */
static void sort_rest(mcl_permutation *permutation, uint64_t from, uint64_t to)
{
    unsigned char *numbers = permutation->numbers;
    uint64_t before = from ? key_of(permutation, number_at(permutation, numbers, from - 1)) : 0;
    for (uint64_t i = from ? from : 1; i < to; i++) {
        const uint64_t row = number_at(permutation, numbers, i), key = key_of(permutation, row);
        if (i == 1)
            before = key_of(permutation, number_at(permutation, numbers, 0));
        if (before <= key) {
            before = key;
            continue;
        }
        uint64_t j = i;
        for (; j > 0; j--) {
            const uint64_t other = number_at(permutation, numbers, j - 1);
            if (key_of(permutation, other) <= key)
                break;
            set_number(permutation, numbers, j, other);
        }
        set_number(permutation, numbers, j, row);
    }
}

static void visit(mcl_permutation *permutation, uint64_t from, uint64_t to)
{
    if (permutation->pass == PASS_KEYS)
        draw_keys(permutation, from, to);
    else if (permutation->pass < PASS_REST)
        sort_digit(permutation, permutation->pass - PASS_FIRST_DIGIT, from, to);
    else
        sort_rest(permutation, from, to);
}

/* Goes to the next pass. */
static void end_pass(mcl_permutation *permutation)
{
    const int ended = permutation->pass++;
    permutation->next = 0;
    if (ended >= PASS_FIRST_DIGIT && ended < PASS_REST) {
        unsigned char *sorted = permutation->spare;
        permutation->spare = permutation->numbers;
        permutation->numbers = sorted;
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

static void finish(mcl_permutation *permutation)
{
    while (permutation->pass < PASSES)
        mcl_permutation_advance(permutation, UINT64_MAX);
}

void mcl_permutation_finish(mcl_permutation *permutation, uint64_t *order)
{
    finish(permutation);
    for (uint64_t i = 0; i < permutation->rows; i++)
        order[i] = number_at(permutation, permutation->numbers, i);
}

mcl_status mcl_permutation_keep(mcl_permutation *permutation)
{
    if (!permutation->kept)
        MCL_TRY(allocate_numbers(&permutation->kept, permutation));
    finish(permutation);
    memcpy(permutation->kept, permutation->numbers, permutation->rows * permutation->width);
    return MCL_OK;
}

void mcl_permutation_kept(
    uint64_t *numbers, const mcl_permutation *permutation, uint64_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        numbers[i] = number_at(permutation, permutation->kept, first + i);
}
