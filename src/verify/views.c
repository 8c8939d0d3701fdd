/* SPDX-License-Identifier: Apache-2.0 */
/* Views of rows, with every mask and all else that makes them, of numbers and of bytes. */
#include "views/views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/rounding.h"
#include "data/data.h"
#include "verify/checker.h"
#include "verify/reference_views.h"
#include "views/parts.h"

#define ROWS 40
#define HEIGHT 9
#define WIDTH 7
#define COLUMNS (HEIGHT * WIDTH)
#define BATCH 17
#define HALF ((size_t)BATCH * COLUMNS) /* elements of the batch's first views */
#define ALTERED_WORDS ((2 * HALF + 3) / 4)
#define EPOCH 5
#define SEED 0xFEDCBA9876543210u
#define GATHERED_ROW 0x300000001u /* a row's number beyond 2³², where it is only counted with */

/* Views with all that cl/augment.cl does, then what cl/views.cl makes: views by masks alone, and
 * the rows as they are, without options. */
static const struct views {
    const char *name, *options;
    mcl_element element;
    bool gathered, coloured, grouped; /* grouped: inputs have the columns below */
} views[] = {
    {"augmented_views of bytes",
        "affine:0.4,flip,brightness:0.5,corrupt:0.3,noise:0.2,mask:block:0.5:2px:independent",
        MCL_ELEMENT_UINT8, false, false, false},
    {"augmented_views of colours", "affine:0.4,flip,mask:block:0.5:2px", MCL_ELEMENT_FLOAT32, false,
        true, false},
    {"augmented_views, rows above 2^32", "corrupt:0.5:one,noise,mask:uniform:whole",
        MCL_ELEMENT_FLOAT32, true, false, false},
    {"augmented_views bernoulli", "brightness:0.5,mask:bernoulli:0.4:independent",
        MCL_ELEMENT_FLOAT32, false, false, false},
    {"views uniform", "mask:uniform", MCL_ELEMENT_FLOAT32, false, false, false},
    {"views uniform, rows above 2^32", "mask:uniform", MCL_ELEMENT_FLOAT32, true, false, false},
    {"views bernoulli", "mask:bernoulli:0.4", MCL_ELEMENT_FLOAT32, false, false, false},
    {"views uniform of bytes", "mask:uniform", MCL_ELEMENT_UINT8, false, false, false},
    {"views_block of bytes", "mask:block:0.4:2px", MCL_ELEMENT_UINT8, false, false, false},
    {"views_block, rows above 2^32", "mask:block:0.4:2px", MCL_ELEMENT_FLOAT32, true, false, false},
    {"augmented_views of columns", "corrupt:0.4,mask:bernoulli:0.5:independent",
        MCL_ELEMENT_FLOAT32, false, false, true},
    {"augmented_views of sequences", "amplitude:0.5,span:0.3,mask:bernoulli:0.5",
        MCL_ELEMENT_FLOAT32, false, false, false},
    {"coloured_views of bytes", "crop:0.3,flip,color,grey:0.3,mask:block:0.5:1-2px",
        MCL_ELEMENT_UINT8, false, true, false},
    {"coloured_views", "contrast:0.5,hue:0.5,grey:0.3", MCL_ELEMENT_FLOAT32, false, true, false},
    {"blurred_views, rows above 2^32", "crop,scale:0.5,contrast:0.5,blur:0.8", MCL_ELEMENT_FLOAT32,
        true, false, false},
    {"views_block of several sides", "mask:block:0.4:2-4px", MCL_ELEMENT_UINT8, false, false,
        false},
    {"views uniform of columns", "mask:uniform", MCL_ELEMENT_FLOAT32, false, false, true},
    {"unmasked", NULL, MCL_ELEMENT_FLOAT32, true, false, false},
    {"unmasked of bytes", NULL, MCL_ELEMENT_UINT8, true, false, false},
    {"unmasked_rows", NULL, MCL_ELEMENT_FLOAT32, false, false, false},
    {"unmasked_rows of bytes", NULL, MCL_ELEMENT_UINT8, false, false, false},
};

/* Columns of one input and of more than a work-item has. */
static mcl_group columns[] = {{0, 1, MCL_GROUP_NUMBERS, 0}, {1, 2, MCL_GROUP_INDICATED, 0},
    {3, 1, MCL_GROUP_NUMBERS, 0}, {4, 1, MCL_GROUP_NUMBERS, 0}, {5, 3, MCL_GROUP_CATEGORY, 0},
    {8, 40, MCL_GROUP_CATEGORY, 0}, {48, 1, MCL_GROUP_NUMBERS, 0},
    {49, COLUMNS - 49, MCL_GROUP_CATEGORY, 0}};

static const mcl_groups *groups_of(const struct views *check)
{
    static const mcl_groups some = {columns, sizeof columns / sizeof *columns};
    return check->grouped ? &some : &mcl_groups_none;
}

/* Whether views are worked on between their sampling and their mask: sums in there may be subnormal
 * without being stored, which a device that flushes them sees otherwise. */
static mcl_status is_staged(bool *staged, const struct views *check)
{
    mcl_view_options options = {.mask = {.kind = MCL_MASK_NONE}};
    if (check->options)
        MCL_TRY(mcl_view_options_parse(&options, check->options));
    *staged = (mcl_view_effects(&options) & MCL_EFFECTS_IN_STAGES) != 0;
    return MCL_OK;
}

static mcl_status make_data(mcl_data **data, const struct views *check)
{
    const uint64_t grey[] = {ROWS, HEIGHT, WIDTH}, coloured[] = {ROWS, HEIGHT / 3, WIDTH, 3};
    const mcl_element element = check->element;
    const size_t size = mcl_element_size(element);
    unsigned char *values;
    bool staged;
    MCL_TRY(is_staged(&staged, check));
    MCL_TRY(mcl_allocate_pages(&values, (uint64_t)ROWS * COLUMNS, size));
    for (size_t i = 0; i < (size_t)ROWS * COLUMNS; i++) {
        uint32_t words[4];
        mcl_random_words(words, SEED, MCL_STREAM_DATA, 0, 0, i, 0);
        /* One in eight is so small that its products must be flushed. */
        const float unit = words[1] % 8 || staged ? 1.0f : 0x1p-124f;
        const float any = mcl_host_flush((float)(int32_t)words[0] * 0x1p-29f * unit);
        const float value = check->grouped ? (float)(words[0] >> 31) : any; /* many alike */
        if (element == MCL_ELEMENT_UINT8)
            values[i] = (unsigned char)words[0];
        else
            memcpy(values + i * size, &value, size);
    }
    const mcl_status status = mcl_data_create(data, values, element,
        check->coloured ? coloured : grey, check->coloured ? 4 : 3, "a check");
    if (status != MCL_OK)
        free(values);
    return status;
}

/* What the rows of a batch must give. The views [2B×D] are in halves, as are what they are before
 * corruption, noise and mask, and which elements these change. */
struct expected {
    float *views, *targets;
    unsigned char *altered;
    uint64_t order[BATCH];
};

static mcl_status make_expected(struct expected *expected, mcl_checker *checker,
    const struct views *check, const mcl_view_options *options, const mcl_data *data)
{
    MCL_TRY(mcl_checker_memory(&expected->views, checker, 2 * HALF, sizeof(float)));
    MCL_TRY(mcl_checker_memory(&expected->targets, checker, 2 * HALF, sizeof(float)));
    MCL_TRY(mcl_checker_memory(&expected->altered, checker, ALTERED_WORDS, sizeof(cl_uint)));
    for (size_t i = 0; i < BATCH; i++) {
        const size_t from = check->gathered ? i : (7 * i + 3) % ROWS;
        mcl_reference_views row;
        for (size_t view = 0; view < 2; view++) {
            const size_t at = view * HALF + i * COLUMNS;
            row.views[view] = expected->views + at;
            row.targets[view] = expected->targets + at;
            row.altered[view] = expected->altered + at;
        }
        expected->order[i] = check->gathered ? GATHERED_ROW * (uint64_t)(i + 1) : from;
        mcl_reference_views_of(
            &row, data, groups_of(check), options, SEED, EPOCH, from, expected->order[i]);
    }
    return MCL_OK;
}

static mcl_status send_rows(
    mcl_rows *rows, mcl_checker *checker, const struct expected *expected, const mcl_data *data)
{
    const size_t size = mcl_element_size(mcl_data_element(data));
    MCL_TRY(mcl_checker_buffer(
        &rows->data, checker, mcl_data_values(data), (size_t)ROWS * COLUMNS * size));
    return mcl_checker_buffer(&rows->order, checker, expected->order, sizeof expected->order);
}

/* Room for the views, their targets and what they alter. */
static mcl_status make_room(mcl_view_buffers *out, mcl_checker *checker)
{
    float *zeros;
    MCL_TRY(mcl_checker_result(&zeros, &out->views, checker, 2 * HALF));
    MCL_TRY(mcl_checker_result(&zeros, &out->targets, checker, 2 * HALF));
    return mcl_checker_result(&zeros, &out->altered, checker, ALTERED_WORDS);
}

static mcl_status compare(mcl_checker *checker, const struct views *check,
    const struct expected *expected, const mcl_view_buffers *out, bool paired)
{
    char name[64];
    MCL_TRY(mcl_checker_expect(checker, check->name, expected->views, out->views, 2 * HALF));
    snprintf(name, sizeof name, "%s: targets", check->name);
    MCL_TRY(mcl_checker_expect(
        checker, name, expected->targets, out->targets, paired ? 2 * HALF : HALF));
    snprintf(name, sizeof name, "%s: altered", check->name);
    return mcl_checker_expect(checker, name, expected->altered, out->altered, ALTERED_WORDS);
}

static mcl_status check_views(mcl_checker *checker, const struct views *check, const mcl_data *data)
{
    mcl_view_options options;
    struct expected expected;
    mcl_rows rows = {.gathered = check->gathered};
    mcl_view_buffers out;
    mcl_views made;
    MCL_TRY(mcl_view_options_parse(&options, check->options));
    MCL_TRY(make_expected(&expected, checker, check, &options, data));
    MCL_TRY(send_rows(&rows, checker, &expected, data));
    MCL_TRY(make_room(&out, checker));
    MCL_TRY(mcl_views_create(
        &made, checker->context, data, groups_of(check), &options, SEED, BATCH, true, true));
    mcl_status status = mcl_views_run(&made, &rows, BATCH, EPOCH, &out);
    if (status == MCL_OK)
        status = compare(checker, check, &expected, &out, mcl_views_paired(&made));
    mcl_views_release(&made);
    mcl_checker_clear(checker);
    return status;
}

/* Rows as they are, those of a batch or one after the other. */
static mcl_status check_unmasked(
    mcl_checker *checker, const struct views *check, const mcl_data *data)
{
    static const mcl_view_options nothing = {.mask = {.kind = MCL_MASK_NONE}};
    mcl_rows rows = {.gathered = false};
    struct expected expected;
    mcl_unmasked unmasked;
    float *zeros;
    cl_mem out;
    MCL_TRY(make_expected(&expected, checker, check, &nothing, data));
    MCL_TRY(send_rows(&rows, checker, &expected, data));
    MCL_TRY(mcl_checker_result(&zeros, &out, checker, HALF));
    MCL_TRY(mcl_unmasked_find(&unmasked, checker->context, data));
    if (check->gathered)
        MCL_TRY(mcl_unmasked_run(&unmasked, rows.data, 0, BATCH, out));
    else
        MCL_TRY(mcl_unmasked_run_rows(&unmasked, &rows, BATCH, out));
    MCL_TRY(mcl_checker_expect(checker, check->name, expected.targets, out, HALF));
    mcl_checker_clear(checker);
    return MCL_OK;
}

mcl_status mcl_check_views(mcl_checker *checker)
{
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
        mcl_data *data;
        MCL_TRY(make_data(&data, &views[i]));
        const mcl_status status = views[i].options ? check_views(checker, &views[i], data)
                                                   : check_unmasked(checker, &views[i], data);
        mcl_data_free(data);
        MCL_TRY(status);
    }
    return MCL_OK;
}
