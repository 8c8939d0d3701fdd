/* SPDX-License-Identifier: Apache-2.0 */
#include "views/views.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "constants.clh"
#include "data/data.h"
#include "device/profile.h"
#include "views/parts.h"
#include "views/view_options.h"

#define GROUP 64         /* its work-items come in whole groups: one size of them to compile */
#define OPTIONS_SIZE 256 /* bytes of what kernels are built with */

/* Rows that corruption takes elements from, at most, and the view that they are drawn as. */
#define POOL_ROWS 4096
#define POOL_VIEW 4

static const char *element_name(mcl_element element)
{
    return element == MCL_ELEMENT_UINT8 ? "uchar" : "float";
}

/* Whether a view is a row, masked, and the other one what the mask leaves of it: cl/views.cl makes
 * both in one go. Anything else is cl/augment.cl's. */
static bool only_masks(const mcl_views *views)
{
    return views->effects == MCL_EFFECT_MASKS && views->of.relation == MCL_RELATION_COMPLEMENT;
}

/* What is added where inputs have columns, or rows are sequences. */
static void add_options(char options[OPTIONS_SIZE], const mcl_views *views)
{
    const size_t used = strlen(options);
    snprintf(options + used, OPTIONS_SIZE - used, "%s%s%s", views->column_of ? " -D GROUPED=1" : "",
        views->effects & MCL_EFFECT_AMPLIFIES ? " -D AMPLIFIED=1" : "",
        views->effects & MCL_EFFECT_SPANS ? " -D SPAN=1" : "");
}

static void write_options(
    char options[OPTIONS_SIZE], mcl_element element, mcl_mask_kind mask, bool targets, bool altered)
{
    snprintf(options, OPTIONS_SIZE, "-D ELEMENT=%s -D MASK=%d -D TARGETS=%d -D ALTERED=%d",
        element_name(element), mask == MCL_MASK_UNIFORM ? MCL_VIEW_UNIFORM : MCL_VIEW_BERNOULLI,
        targets, altered);
}

_Static_assert((int)MCL_MASK_UNIFORM == MCL_VIEW_UNIFORM &&
                   (int)MCL_MASK_BERNOULLI == MCL_VIEW_BERNOULLI &&
                   (int)MCL_MASK_BLOCK == MCL_VIEW_BLOCK && (int)MCL_MASK_NONE == MCL_VIEW_UNMASKED,
    "cl/augment.cl knows masks by the same numbers");
_Static_assert((int)MCL_RELATION_COMPLEMENT == MCL_VIEW_COMPLEMENT &&
                   (int)MCL_RELATION_INDEPENDENT == MCL_VIEW_INDEPENDENT &&
                   (int)MCL_RELATION_WHOLE == MCL_VIEW_WHOLE,
    "and relations");

static void write_all_options(char options[OPTIONS_SIZE], const mcl_views *views,
    mcl_element element, bool targets, bool altered)
{
    const mcl_view_options *of = &views->of;
    const unsigned effects = views->effects;
    const int corrupt = !(effects & MCL_EFFECT_REPLACES) ? 0 : of->corrupt_first ? 1 : 2;
    snprintf(options, OPTIONS_SIZE,
        "-D ELEMENT=%s -D MASK=%d -D RELATION=%d -D MOVED=%d -D LIT=%d -D CORRUPT=%d -D NOISE=%d "
        "-D CHANNELS=%" PRIu32 " -D SIDE=%" PRIu32 " -D PAIRS=%d -D TARGETS=%d -D ALTERED=%d",
        element_name(element), (int)of->mask.kind, (int)of->relation,
        (effects & MCL_EFFECT_MOVES) != 0, (effects & MCL_EFFECT_LIGHTS) != 0, corrupt,
        (effects & MCL_EFFECT_ADDS) != 0, views->image[2],
        of->mask.kind == MCL_MASK_BLOCK ? of->mask.patch : 1,
        views->image[2] == 1 && views->image[1] > 1, targets, altered);
    add_options(options, views);
}

/* Work-items for so many elements, of which one has `most` on CPUs. */
static size_t items(const mcl_context *context, uint64_t elements, size_t most)
{
    const size_t each = mcl_context_spreads(context) ? MCL_QUAD : most;
    return (size_t)((elements + each - 1) / each);
}

static uint32_t patch_quads(const mcl_views *views)
{
    const uint32_t side = views->of.mask.patch;
    const uint64_t down = ((uint64_t)views->image[0] + side - 1) / side;
    const uint64_t across = ((uint64_t)views->image[1] + side - 1) / side;
    return (uint32_t)((down * across + 3) / 4);
}

/* How many times of a sequence are hidden, all but one at most. */
static uint32_t span_of(const mcl_views *views)
{
    const uint32_t times = views->image[0];
    const uint32_t span = (uint32_t)(views->of.span * (float)times + 0.5f);
    return span < 1 ? 1 : span < times ? span : times - 1;
}

/* The rows of the pool, one of each run of as many, on the device. */
static mcl_status create_pool(mcl_views *views, const mcl_data *data)
{
    const uint64_t rows = mcl_data_rows(data), count = rows < POOL_ROWS ? rows : POOL_ROWS;
    const size_t size = views->columns * mcl_element_size(mcl_data_element(data));
    uint64_t numbers[POOL_ROWS];
    char *chosen;
    MCL_TRY(mcl_allocate(&chosen, count, size));
    for (uint64_t k = 0; k < count; k++) {
        const uint64_t begin = k * rows / count, end = (k + 1) * rows / count;
        uint32_t words[4];
        mcl_random_words(words, views->seed, MCL_STREAM_CORRUPTION, POOL_VIEW, 0, k, 0);
        numbers[k] = begin + ((uint64_t)words[0] << 32 | words[1]) % (end - begin);
    }
    views->pool_rows = (uint32_t)count;
    mcl_status status = mcl_data_gather(chosen, data, numbers, count);
    if (status == MCL_OK)
        status = mcl_buffer_create_from(
            &views->pool, views->context, chosen, count, size, "rows that corruption draws from");
    free(chosen);
    return status;
}

static mcl_status create_buffers(mcl_views *views, const mcl_data *data, uint32_t batch)
{
    const mcl_view_options *of = &views->of;
    if (mcl_views_paired(views))
        MCL_TRY(mcl_buffer_create(&views->parameters, views->context, 2 * (uint64_t)batch,
            MCL_VIEW_PARAMETERS * sizeof(float), "parameters of the views"));
    if (of->mask.kind == MCL_MASK_BLOCK)
        MCL_TRY(mcl_buffer_create(&views->patches, views->context,
            of->relation == MCL_RELATION_INDEPENDENT ? 2 * (uint64_t)batch : batch,
            4 * sizeof(float) * patch_quads(views), "masks of patches"));
    if (views->effects & MCL_EFFECT_AMPLIFIES)
        MCL_TRY(mcl_buffer_create(&views->factors, views->context, 2 * (uint64_t)batch,
            views->image[1] * sizeof(float), "factors of the channels"));
    return views->effects & MCL_EFFECT_REPLACES ? create_pool(views, data) : MCL_OK;
}

/* Which inputs are a column's. */
static mcl_status create_columns(mcl_views *views, const mcl_groups *groups, bool altered)
{
    mcl_context *context = views->context;
    uint32_t *column_of;
    if (!groups->columns)
        return MCL_OK;
    MCL_TRY(mcl_allocate(&column_of, views->columns, sizeof *column_of));
    for (uint32_t i = 0; i < groups->count; i++) {
        for (uint32_t j = 0; j < groups->columns[i].width; j++)
            column_of[groups->columns[i].first + j] = i;
    }
    const mcl_status status = mcl_buffer_create_from(&views->column_of, context, column_of,
        views->columns, sizeof *column_of, "columns of the inputs");
    free(column_of);
    MCL_TRY(status);
    if (!altered || !(views->effects & MCL_EFFECT_REPLACES))
        return MCL_OK;
    views->group_count = groups->count;
    MCL_TRY(mcl_kernel_find(&views->alter_columns, context, "columns.cl", "alter_columns", ""));
    return mcl_buffer_create_from(&views->groups, context, groups->columns, groups->count,
        sizeof *groups->columns, "columns of the data");
}

static mcl_status find_kernels(mcl_views *views, mcl_element element, bool targets, bool altered)
{
    const mcl_view_options *of = &views->of;
    mcl_context *context = views->context;
    char options[OPTIONS_SIZE];
    if (only_masks(views)) {
        write_options(options, element, of->mask.kind, targets, altered);
        add_options(options, views);
        return mcl_kernel_find(&views->kernel, context, "views.cl",
            of->mask.kind == MCL_MASK_BLOCK ? "views_block" : "views", options);
    }
    write_all_options(options, views, element, targets, altered);
    MCL_TRY(mcl_kernel_find(&views->draw_moves, context, "augment.cl", "view_parameters", options));
    MCL_TRY(mcl_kernel_find(&views->draw_patches, context, "augment.cl", "patch_masks", options));
    MCL_TRY(
        mcl_kernel_find(&views->draw_factors, context, "augment.cl", "channel_factors", options));
    return mcl_kernel_find(&views->kernel, context, "augment.cl", "augmented_views", options);
}

mcl_status mcl_views_create(mcl_views *views, mcl_context *context, const mcl_data *data,
    const mcl_groups *groups, const mcl_view_options *options, uint64_t seed, uint32_t batch,
    bool targets, bool altered)
{
    const mcl_element element = mcl_data_element(data);
    mcl_views created = {.context = context, .of = *options, .seed = seed};
    created.effects = mcl_view_effects(options);
    MCL_TRY(mcl_view_options_check(created.image, options, data));
    created.columns = (uint32_t)mcl_data_columns(data);
    const size_t targets_of_row = !targets ? 0 : mcl_views_paired(&created) ? 2 : 1;
    created.row_bytes =
        created.columns *
        (mcl_element_size(element) + (2 + targets_of_row) * sizeof(float) + (altered ? 2 : 0));
    mcl_status status = create_columns(&created, groups, altered);
    if (status == MCL_OK)
        status = find_kernels(&created, element, targets, altered);
    if (status == MCL_OK && !only_masks(&created))
        status = create_buffers(&created, data, batch);
    if (status == MCL_OK)
        *views = created;
    else
        mcl_views_release(&created);
    return status;
}

void mcl_views_release(mcl_views *views)
{
    mcl_buffer_release(&views->parameters);
    mcl_buffer_release(&views->patches);
    mcl_buffer_release(&views->pool);
    mcl_buffer_release(&views->factors);
    mcl_buffer_release(&views->column_of);
    mcl_buffer_release(&views->groups);
}

bool mcl_views_paired(const mcl_views *views)
{
    return (views->effects & MCL_EFFECTS_ON_IMAGES) != 0;
}

/* Both views by a mask alone. */
static mcl_status mask(mcl_views *views, const mcl_rows *rows, uint32_t batch, uint32_t epoch,
    mcl_argument key, const mcl_view_buffers *out)
{
    const bool block = views->of.mask.kind == MCL_MASK_BLOCK;
    /* What is not wanted is never written. */
    const cl_mem targets = out->targets ? out->targets : out->views;
    const cl_mem altered = out->altered ? out->altered : out->views;
    mcl_profile_work(views->context, NULL, 0.0, (double)batch * (double)views->row_bytes);
    if (block)
        return mcl_run_elements(views->kernel,
            mcl_context_spreads(views->context) ? items(views->context, views->columns, 1)
                                                : patch_quads(views),
            batch, MCL_BUFFER(rows->data), MCL_ULONG(rows->start), MCL_BUFFER(rows->order),
            MCL_ULONG(rows->first), MCL_UINT(rows->gathered), MCL_UINT(batch),
            MCL_UINT(views->image[0]), MCL_UINT(views->image[1]), MCL_UINT(views->image[2]),
            MCL_UINT(views->of.mask.patch), MCL_UINT(epoch), key, MCL_FLOAT(views->of.mask.ratio),
            MCL_BUFFER(out->views), MCL_BUFFER(targets), MCL_BUFFER(altered));
    return mcl_run_elements(views->kernel,
        items(views->context, views->columns, MCL_DRAWN_ELEMENTS), batch, MCL_BUFFER(rows->data),
        MCL_ULONG(rows->start), MCL_BUFFER(rows->order), MCL_ULONG(rows->first),
        MCL_UINT(rows->gathered), MCL_UINT(batch), MCL_UINT(views->columns), MCL_UINT(epoch), key,
        MCL_FLOAT(views->of.mask.ratio),
        MCL_BUFFER(views->column_of ? views->column_of : rows->order), MCL_BUFFER(out->views),
        MCL_BUFFER(targets), MCL_BUFFER(altered));
}

/* What is drawn once a view or a patch. */
static mcl_status draw(
    mcl_views *views, const mcl_rows *rows, uint32_t batch, uint32_t epoch, mcl_argument key)
{
    const mcl_view_options *of = &views->of;
    if (views->parameters) {
        MCL_TRY(mcl_run_elements(views->draw_moves, batch, 2, MCL_BUFFER(rows->order),
            MCL_ULONG(rows->first), MCL_UINT(batch), MCL_UINT(views->image[0]),
            MCL_UINT(views->image[1]), MCL_UINT(epoch), key, MCL_FLOAT(of->shift),
            MCL_FLOAT(of->scale), MCL_FLOAT(of->rotation), MCL_FLOAT(of->flip),
            MCL_FLOAT(of->brightness), MCL_BUFFER(views->parameters)));
    }
    if (views->factors)
        MCL_TRY(mcl_run_elements(views->draw_factors, views->image[1], 2 * (size_t)batch,
            MCL_BUFFER(rows->order), MCL_ULONG(rows->first), MCL_UINT(batch),
            MCL_UINT(views->image[1]), MCL_UINT(epoch), key, MCL_FLOAT(of->amplitude),
            MCL_BUFFER(views->factors)));
    if (!views->patches)
        return MCL_OK;
    const size_t masked = of->relation == MCL_RELATION_INDEPENDENT ? 2 * (size_t)batch : batch;
    return mcl_run_elements(views->draw_patches,
        items(views->context, 4 * (uint64_t)patch_quads(views), MCL_DRAWN_ELEMENTS), masked,
        MCL_BUFFER(rows->order), MCL_ULONG(rows->first), MCL_UINT(batch),
        MCL_UINT(patch_quads(views)), MCL_UINT(epoch), key, MCL_FLOAT(of->mask.ratio),
        MCL_BUFFER(views->patches));
}

/* Both views by whatever is asked for. */
static mcl_status augment(mcl_views *views, const mcl_rows *rows, uint32_t batch, uint32_t epoch,
    mcl_argument key, const mcl_view_buffers *out)
{
    const mcl_view_options *of = &views->of;
    mcl_context *context = views->context;
    /* What there is none of is neither read nor written. */
    const cl_mem parameters = views->parameters ? views->parameters : rows->data;
    const cl_mem patches = views->patches ? views->patches : rows->data;
    const cl_mem pool = views->pool ? views->pool : rows->data;
    const cl_mem targets = out->targets ? out->targets : out->views;
    const cl_mem altered = out->altered ? out->altered : out->views;
    MCL_TRY(draw(views, rows, batch, epoch, key));
    mcl_profile_work(context, NULL, 0.0, (double)batch * (double)views->row_bytes);
    /* An item has both views of a row on CPUs, elsewhere one. */
    const size_t rows_of_items = mcl_context_spreads(context) ? 2 * (size_t)batch : batch;
    MCL_TRY(mcl_run_elements(views->kernel, items(context, views->columns, MCL_DRAWN_ELEMENTS),
        rows_of_items, MCL_BUFFER(rows->data), MCL_ULONG(rows->start), MCL_BUFFER(rows->order),
        MCL_ULONG(rows->first), MCL_UINT(rows->gathered), MCL_UINT(batch),
        MCL_UINT(views->image[0]), MCL_UINT(views->image[1]), MCL_UINT(views->columns),
        MCL_UINT(epoch), key, MCL_FLOAT(of->mask.ratio), MCL_FLOAT(of->corruption),
        MCL_FLOAT(of->noise), MCL_BUFFER(parameters), MCL_BUFFER(patches),
        MCL_UINT(views->patches ? patch_quads(views) : 0), MCL_BUFFER(pool),
        MCL_UINT(views->pool_rows), MCL_BUFFER(views->column_of ? views->column_of : rows->order),
        MCL_BUFFER(views->factors ? views->factors : rows->data),
        MCL_UINT(views->effects & MCL_EFFECT_SPANS ? span_of(views) : 0), MCL_BUFFER(out->views),
        MCL_BUFFER(targets), MCL_BUFFER(altered)));
    if (!views->groups)
        return MCL_OK;
    mcl_profile_work(context, NULL, 0.0, 2.0 * batch * views->columns);
    return mcl_run_elements(views->alter_columns, views->group_count, 2 * (size_t)batch,
        MCL_BUFFER(views->groups), MCL_UINT(views->group_count), MCL_UINT(views->columns),
        MCL_BUFFER(altered));
}

mcl_status mcl_views_run(mcl_views *views, const mcl_rows *rows, uint32_t batch, uint32_t epoch,
    const mcl_view_buffers *out)
{
    const cl_uint2 words = {{(cl_uint)views->seed, (cl_uint)(views->seed >> 32)}};
    const mcl_argument key = {.size = sizeof words, .value = &words};
    return only_masks(views) ? mask(views, rows, batch, epoch, key, out)
                             : augment(views, rows, batch, epoch, key, out);
}

mcl_status mcl_unmasked_find(mcl_unmasked *unmasked, mcl_context *context, const mcl_data *data)
{
    const mcl_element element = mcl_data_element(data);
    char options[OPTIONS_SIZE];
    write_options(options, element, MCL_MASK_UNIFORM, false, false);
    unmasked->context = context;
    unmasked->columns = (uint32_t)mcl_data_columns(data);
    unmasked->element_bytes = (double)(mcl_element_size(element) + sizeof(float));
    MCL_TRY(mcl_kernel_find(&unmasked->gathered, context, "views.cl", "unmasked", options));
    return mcl_kernel_find(&unmasked->rows, context, "views.cl", "unmasked_rows", options);
}

mcl_status mcl_unmasked_run(
    const mcl_unmasked *unmasked, cl_mem data, uint64_t start, uint64_t rows, cl_mem out)
{
    const uint64_t count = rows * unmasked->columns;
    const size_t wanted = items(unmasked->context, count, MCL_UNMASKED_ELEMENTS);
    mcl_profile_work(unmasked->context, NULL, 0.0, (double)count * unmasked->element_bytes);
    return mcl_run_elements(unmasked->gathered, (wanted + GROUP - 1) / GROUP * GROUP, 1,
        MCL_BUFFER(data), MCL_ULONG(start), MCL_ULONG(count), MCL_BUFFER(out));
}

mcl_status mcl_unmasked_run_rows(
    const mcl_unmasked *unmasked, const mcl_rows *rows, uint32_t batch, cl_mem out)
{
    const uint32_t columns = unmasked->columns;
    mcl_profile_work(
        unmasked->context, NULL, 0.0, (double)batch * columns * unmasked->element_bytes);
    return mcl_run_elements(unmasked->rows, columns, batch, MCL_BUFFER(rows->data),
        MCL_ULONG(rows->start), MCL_BUFFER(rows->order), MCL_ULONG(rows->first),
        MCL_UINT(rows->gathered), MCL_UINT(columns), MCL_BUFFER(out));
}
