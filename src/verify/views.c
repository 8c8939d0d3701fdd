/* Views of rows, with every mask, of numbers and of bytes. */
#include "ssl/views.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/rounding.h"
#include "data/data.h"
#include "verify/checker.h"
#include "verify/reference_views.h"

#define ROWS 40
#define HEIGHT 9
#define WIDTH 7
#define COLUMNS (HEIGHT * WIDTH)
#define BATCH 17
#define RATIO 0.4f
#define PATCH 2
#define EPOCH 5
#define SEED 0xFEDCBA9876543210u
#define GATHERED_ROW 0x300000001u /* a row's number beyond 2³², where it is only counted with */

struct views {
    const char *name;
    mcl_element element;
    mcl_mask_kind mask;
    bool gathered;
};

static const struct views views[] = {
    {"views uniform", MCL_ELEMENT_FLOAT32, MCL_MASK_UNIFORM, false},
    {"views uniform, rows above 2^32", MCL_ELEMENT_FLOAT32, MCL_MASK_UNIFORM, true},
    {"views bernoulli", MCL_ELEMENT_FLOAT32, MCL_MASK_BERNOULLI, false},
    {"views uniform of bytes", MCL_ELEMENT_UINT8, MCL_MASK_UNIFORM, false},
    {"views_block of bytes", MCL_ELEMENT_UINT8, MCL_MASK_BLOCK, false},
    {"views_block, rows above 2^32", MCL_ELEMENT_FLOAT32, MCL_MASK_BLOCK, true},
};

static mcl_status make_data(mcl_data **data, mcl_element element)
{
    const uint64_t shape[3] = {ROWS, HEIGHT, WIDTH};
    const size_t size = mcl_element_size(element);
    unsigned char *values;
    MCL_TRY(mcl_allocate_pages(&values, (uint64_t)ROWS * COLUMNS, size));
    for (size_t i = 0; i < (size_t)ROWS * COLUMNS; i++) {
        uint32_t words[4];
        mcl_random_words(words, SEED, MCL_STREAM_DATA, 0, 0, i, 0);
        /* One in eight is so small that its products must be flushed. */
        const float unit = words[1] % 8 ? 1.0f : 0x1p-124f;
        const float value = mcl_host_flush((float)(int32_t)words[0] * 0x1p-29f * unit);
        if (element == MCL_ELEMENT_UINT8)
            values[i] = (unsigned char)words[0];
        else
            memcpy(values + i * size, &value, size);
    }
    const mcl_status status = mcl_data_create(data, values, element, shape, 3, "a check");
    if (status != MCL_OK)
        free(values);
    return status;
}

/* The mask of an element of a row. */
static float mask_of(mcl_mask_kind kind, uint64_t row, uint32_t column)
{
    const uint32_t across = (WIDTH + PATCH - 1) / PATCH;
    const uint32_t element =
        kind == MCL_MASK_BLOCK ? column / WIDTH / PATCH * across + column % WIDTH / PATCH : column;
    uint32_t words[4];
    mcl_random_words(words, SEED, MCL_STREAM_MASK, 0, EPOCH, row, element / 4);
    const float u = mcl_uniform(words[element % 4]);
    return kind == MCL_MASK_UNIFORM ? u : u < RATIO ? 1.0f : 0.0f;
}

static float value_of(const mcl_data *data, size_t row, size_t column)
{
    const size_t at = row * COLUMNS + column;
    return mcl_data_element(data) == MCL_ELEMENT_UINT8
               ? mcl_host_divide(((const unsigned char *)mcl_data_values(data))[at], 255.0f)
               : ((const float *)mcl_data_values(data))[at];
}

static mcl_status check_with(mcl_checker *checker, const struct views *check, const mcl_data *data)
{
    const mcl_view_options options = {.mask = {check->mask, RATIO, PATCH}};
    const size_t half = (size_t)BATCH * COLUMNS, size = mcl_element_size(check->element);
    mcl_context *context = checker->context;
    float *expected, *zeros;
    uint64_t order[BATCH];
    mcl_rows rows = {.gathered = check->gathered};
    mcl_views made;
    cl_mem out, whole;
    MCL_TRY(mcl_checker_memory(&expected, checker, 2 * half, sizeof *expected));
    MCL_TRY(mcl_checker_memory(&zeros, checker, 2 * half, sizeof *zeros));
    for (size_t i = 0; i < BATCH; i++) {
        const size_t from = check->gathered ? i : (7 * i + 3) % ROWS;
        order[i] = check->gathered ? GATHERED_ROW * (uint64_t)(i + 1) : from;
        for (size_t j = 0; j < COLUMNS; j++) {
            const float x = value_of(data, from, j);
            const float m = mask_of(check->mask, order[i], (uint32_t)j);
            expected[i * COLUMNS + j] = mcl_host_flush(x * m);
            expected[half + i * COLUMNS + j] = mcl_host_flush(x * (1.0f - m));
        }
    }
    MCL_TRY(mcl_checker_buffer(
        &rows.data, checker, mcl_data_values(data), (size_t)ROWS * COLUMNS * size));
    MCL_TRY(mcl_checker_buffer(&rows.order, checker, order, sizeof order));
    MCL_TRY(mcl_checker_buffer(&out, checker, zeros, 2 * half * sizeof *zeros));
    MCL_TRY(mcl_checker_buffer(&whole, checker, zeros, half * sizeof *zeros));
    MCL_TRY(mcl_views_create(&made, context, data, &options, SEED, BATCH, true, false));
    MCL_TRY(mcl_views_run(
        &made, &rows, BATCH, EPOCH, &(mcl_view_buffers){.views = out, .targets = whole}));
    MCL_TRY(mcl_checker_expect(checker, check->name, expected, out, 2 * half));
    mcl_checker_clear(checker);
    return MCL_OK;
}

/* Views with all that cl/augment.cl does. */
static const struct augmented {
    const char *name, *views;
    mcl_element element;
    bool gathered;
} augmented[] = {
    {"augmented_views of bytes",
        "affine:0.4,flip,brightness:0.5,corrupt:0.3,noise:0.2,mask:block:0.5:2px:independent",
        MCL_ELEMENT_UINT8, false},
    {"augmented_views, rows above 2^32", "corrupt:0.5:one,noise,mask:uniform:whole",
        MCL_ELEMENT_FLOAT32, true},
};

static mcl_status check_augmented(
    mcl_checker *checker, const struct augmented *check, const mcl_data *data)
{
    const size_t half = (size_t)BATCH * COLUMNS, size = mcl_element_size(check->element);
    mcl_view_options options;
    float *expected, *other, *zeros;
    unsigned char *altered;
    uint64_t order[BATCH];
    mcl_rows rows = {.gathered = check->gathered};
    mcl_views made;
    cl_mem out;
    MCL_TRY(mcl_view_options_parse(&options, check->views));
    MCL_TRY(mcl_checker_memory(&expected, checker, 2 * half, sizeof *expected));
    MCL_TRY(mcl_checker_memory(&other, checker, 2 * half, sizeof *other));
    MCL_TRY(mcl_checker_memory(&zeros, checker, 2 * half, sizeof *zeros));
    MCL_TRY(mcl_checker_memory(&altered, checker, 2 * half, 1));
    for (size_t i = 0; i < BATCH; i++) {
        const size_t from = check->gathered ? i : (7 * i + 3) % ROWS, at = i * COLUMNS;
        mcl_reference_views row = {{expected + at, expected + half + at},
            {other + at, other + half + at}, {altered + at, altered + half + at}};
        order[i] = check->gathered ? GATHERED_ROW * (uint64_t)(i + 1) : from;
        mcl_reference_views_of(&row, data, &options, SEED, EPOCH, from, order[i]);
    }
    MCL_TRY(mcl_checker_buffer(
        &rows.data, checker, mcl_data_values(data), (size_t)ROWS * COLUMNS * size));
    MCL_TRY(mcl_checker_buffer(&rows.order, checker, order, sizeof order));
    MCL_TRY(mcl_checker_buffer(&out, checker, zeros, 2 * half * sizeof *zeros));
    MCL_TRY(mcl_views_create(&made, checker->context, data, &options, SEED, BATCH, false, false));
    mcl_status status =
        mcl_views_run(&made, &rows, BATCH, EPOCH, &(mcl_view_buffers){.views = out});
    if (status == MCL_OK)
        status = mcl_checker_expect(checker, check->name, expected, out, 2 * half);
    mcl_views_release(&made);
    mcl_checker_clear(checker);
    return status;
}

mcl_status mcl_check_views(mcl_checker *checker)
{
    for (size_t i = 0; i < sizeof augmented / sizeof *augmented; i++) {
        mcl_data *data;
        MCL_TRY(make_data(&data, augmented[i].element));
        const mcl_status status = check_augmented(checker, &augmented[i], data);
        mcl_data_free(data);
        MCL_TRY(status);
    }
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
        mcl_data *data;
        MCL_TRY(make_data(&data, views[i].element));
        const mcl_status status = check_with(checker, &views[i], data);
        mcl_data_free(data);
        MCL_TRY(status);
    }
    return MCL_OK;
}
