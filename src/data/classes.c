/* SPDX-License-Identifier: Apache-2.0 */
#include "data/classes.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define DIGITS 11 /* of a number, and what separates it from the next */

/* Where the number is, or where it would have to be. */
static uint32_t search(const mcl_classes *classes, int32_t number)
{
    uint32_t first = 0, end = classes->count;
    while (first < end) {
        const uint32_t middle = first + (end - first) / 2;
        if (classes->numbers[middle] < number)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static bool has(const mcl_classes *classes, uint32_t place, int32_t number)
{
    return place < classes->count && classes->numbers[place] == number;
}

static mcl_status add(mcl_classes *classes, int32_t label, uint64_t row)
{
    const uint32_t place = search(classes, label);
    if (has(classes, place, label))
        return MCL_OK;
    if (label < 0)
        return mcl_fail(
            MCL_ERROR_DATA, "the label of row %" PRIu64 " is %" PRId32 ", below 0", row, label);
    if (classes->count == MCL_CLASSES_MOST)
        return mcl_fail(MCL_ERROR_DATA,
            "the labels are of more than %d classes: numbers that are nearly all different are no "
            "labels",
            MCL_CLASSES_MOST);
    memmove(classes->numbers + place + 1, classes->numbers + place,
        (classes->count - place) * sizeof *classes->numbers);
    classes->numbers[place] = label;
    classes->count++;
    return MCL_OK;
}

mcl_status mcl_classes_find(mcl_classes *classes, const int32_t *labels, uint64_t rows)
{
    mcl_classes found = {NULL, 0};
    const uint64_t most = rows < MCL_CLASSES_MOST ? rows : MCL_CLASSES_MOST;
    MCL_TRY(mcl_allocate(&found.numbers, most, sizeof *found.numbers));
    for (uint64_t i = 0; i < rows; i++) {
        if (i > 0 && labels[i] == labels[i - 1])
            continue;
        const mcl_status status = add(&found, labels[i], i);
        if (status != MCL_OK) {
            mcl_classes_release(&found);
            return status;
        }
    }
    *classes = found;
    return MCL_OK;
}

void mcl_classes_release(mcl_classes *classes)
{
    free(classes->numbers);
    *classes = (mcl_classes){NULL, 0};
}

uint32_t mcl_classes_place(const mcl_classes *classes, int32_t number)
{
    const uint32_t place = search(classes, number);
    return has(classes, place, number) ? place : classes->count;
}

mcl_status mcl_classes_places(
    int32_t **places, const mcl_classes *classes, const int32_t *labels, uint64_t rows)
{
    int32_t *found;
    MCL_TRY(mcl_allocate(&found, rows, sizeof *found));
    for (uint64_t i = 0; i < rows; i++) {
        const uint32_t place = mcl_classes_place(classes, labels[i]);
        found[i] = place < classes->count ? (int32_t)place : -1;
    }
    *places = found;
    return MCL_OK;
}

mcl_status mcl_classes_show(char **text, const mcl_classes *classes)
{
    const size_t size = (size_t)classes->count * DIGITS + 1;
    char *shown;
    size_t used = 0;
    MCL_TRY(mcl_allocate(&shown, size, 1));
    for (uint32_t i = 0; i < classes->count; i++)
        used += (size_t)snprintf(
            shown + used, size - used, i ? ",%" PRId32 : "%" PRId32, classes->numbers[i]);
    *text = shown;
    return MCL_OK;
}

/* Reads a number from 0 and the comma or the end after it; false where there is something else. */
static bool parse_number(int32_t *number, const char **text)
{
    const char *c = *text;
    int64_t value = 0;
    if (*c < '0' || *c > '9')
        return false;
    for (; *c >= '0' && *c <= '9'; c++) {
        value = 10 * value + (*c - '0');
        if (value > INT32_MAX)
            return false;
    }
    if (*c && (*c != ',' || !c[1]))
        return false;
    *number = (int32_t)value;
    *text = c + (*c == ',');
    return true;
}

mcl_status mcl_classes_parse(mcl_classes *classes, const char *text, uint32_t count)
{
    mcl_classes parsed = {NULL, 0};
    MCL_TRY(mcl_allocate(&parsed.numbers, count, sizeof *parsed.numbers));
    bool fits = true;
    while (fits && *text && parsed.count < count) {
        int32_t *number = &parsed.numbers[parsed.count];
        fits = parse_number(number, &text) && (parsed.count == 0 || number[0] > number[-1]);
        parsed.count += fits;
    }
    if (!fits || *text || parsed.count != count) {
        mcl_classes_release(&parsed);
        return mcl_fail(
            MCL_ERROR_FORMAT, "is not %" PRIu32 " ascending numbers joined by commas", count);
    }
    *classes = parsed;
    return MCL_OK;
}
