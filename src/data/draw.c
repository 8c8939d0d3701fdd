/* SPDX-License-Identifier: Apache-2.0 */
#include "data/draw.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/data.h"

struct draw {
    int32_t label;
    uint64_t key, row;
};

static int compare_draws(const void *a, const void *b)
{
    const struct draw *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int compare_rows(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The end of the class that starts at draws[first]. */
static uint64_t class_end(const struct draw *draws, uint64_t rows, uint64_t first)
{
    uint64_t end = first;
    while (end < rows && draws[end].label == draws[first].label)
        end++;
    return end;
}

/* *classes = how many there are among the sorted draws; one with too few rows is refused. */
static mcl_status count_classes(
    uint64_t *classes, const struct draw *draws, uint64_t rows, uint64_t per_class)
{
    uint64_t count = 0, fewest = UINT64_MAX;
    int32_t poorest = 0;
    for (uint64_t first = 0, end; first < rows; first = end, count++) {
        end = class_end(draws, rows, first);
        if (end - first < fewest) {
            fewest = end - first;
            poorest = draws[first].label;
        }
    }
    *classes = count;
    if (fewest >= per_class)
        return MCL_OK;
    return mcl_fail(MCL_ERROR_DATA,
        "%" PRIu64 " labelled rows of each class are wanted, but class %" PRId32 " has %" PRIu64
        ": lower `labels_per_class` to %" PRIu64 " or less",
        per_class, poorest, fewest, fewest);
}

static mcl_status choose(
    uint64_t **chosen, uint64_t *count, const struct draw *draws, uint64_t rows, uint64_t per_class)
{
    uint64_t classes, *numbers, taken = 0;
    for (; rows > 0 && draws->label < 0; rows--) /* rows without a label */
        draws++;
    MCL_TRY(count_classes(&classes, draws, rows, per_class));
    MCL_TRY(mcl_allocate(&numbers, classes * per_class, sizeof *numbers));
    for (uint64_t first = 0; first < rows; first = class_end(draws, rows, first)) {
        for (uint64_t i = 0; i < per_class; i++)
            numbers[taken++] = draws[first + i].row;
    }
    qsort(numbers, taken, sizeof *numbers, compare_rows);
    *chosen = numbers;
    *count = taken;
    return MCL_OK;
}

/* *draws = those of all rows, class by class. */
static mcl_status draw_rows(
    struct draw **draws, const int32_t *labels, uint64_t rows, uint32_t view, uint64_t seed)
{
    MCL_TRY(mcl_allocate(draws, rows, sizeof **draws));
    for (uint64_t row = 0; row < rows; row++) {
        uint32_t words[4];
        mcl_random_words(words, seed, MCL_STREAM_LABELLED, view, 0, row, 0);
        (*draws)[row] =
            (struct draw){labels ? labels[row] : 0, (uint64_t)words[0] << 32 | words[1], row};
    }
    qsort(*draws, rows, sizeof **draws, compare_draws);
    return MCL_OK;
}

mcl_status mcl_draw_labelled(uint64_t **chosen, uint64_t *count, const int32_t *labels,
    uint64_t rows, uint64_t per_class, uint64_t seed)
{
    struct draw *draws;
    MCL_TRY(draw_rows(&draws, labels, rows, 0, seed));
    const mcl_status status = choose(chosen, count, draws, rows, per_class);
    free(draws);
    return status;
}

mcl_status mcl_draw_folds(
    uint32_t *fold, const int32_t *labels, uint64_t rows, uint32_t folds, uint64_t seed)
{
    struct draw *draws;
    uint64_t dealt = 0;
    MCL_TRY(draw_rows(&draws, labels, rows, 1, seed));
    for (uint64_t i = 0; i < rows; i++)
        fold[draws[i].row] = draws[i].label < 0 ? UINT32_MAX : (uint32_t)(dealt++ % folds);
    free(draws);
    return MCL_OK;
}

mcl_status mcl_data_select(
    mcl_data **part, const mcl_data *data, const uint64_t *numbers, uint64_t count)
{
    uint64_t shape[MCL_DIMENSIONS_MAX + 1] = {count};
    const size_t dimensions = 1 + mcl_data_row_shape(data, shape + 1);
    const mcl_element element = mcl_data_element(data);
    char *values;
    MCL_TRY(mcl_allocate_pages(&values, count, mcl_data_columns(data) * mcl_element_size(element)));
    mcl_status status = mcl_data_gather(values, data, numbers, count);
    if (status == MCL_OK)
        status = mcl_data_create(part, values, element, shape, dimensions, mcl_data_source(data));
    if (status != MCL_OK)
        free(values);
    return status;
}
