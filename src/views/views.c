/* SPDX-License-Identifier: Apache-2.0 */
#include "views/views.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/rounding.h"
#include "constants.clh"
#include "data/data.h"
#include "device/profile.h"
#include "views/parts.h"
#include "views/view_options.h"

#define GROUP 64         /* its work-items come in whole groups: one size of them to compile */
#define OPTIONS_SIZE 320 /* bytes of what kernels are built with */

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

/* The sides that a row's patches are drawn from. */
static uint32_t sides_of(const mcl_mask *mask)
{
    return mask->kind == MCL_MASK_BLOCK && mask->patch_most ? mask->patch_most - mask->patch + 1
                                                            : 1;
}

/* Of cl/augment.cl for these of the effects; staged: for views that were sampled before. */
static void write_all_options(char options[OPTIONS_SIZE], const mcl_views *views, unsigned effects,
    mcl_element element, bool staged, bool targets, bool altered)
{
    const mcl_view_options *of = &views->of;
    const mcl_mask none = {.kind = MCL_MASK_NONE};
    const mcl_mask *mask = effects & MCL_EFFECT_MASKS ? &of->mask : &none;
    const int corrupt = !(effects & MCL_EFFECT_REPLACES) ? 0 : of->corrupt_first ? 1 : 2;
    const bool crops = (effects & MCL_EFFECT_CROPS) != 0;
    const unsigned moves = crops ? MCL_EFFECT_MOVES : MCL_EFFECT_MOVES | MCL_EFFECT_FLIPS;
    snprintf(options, OPTIONS_SIZE,
        "-D ELEMENT=%s -D MASK=%d -D RELATION=%d -D MOVED=%d -D LIT=%d -D CORRUPT=%d -D NOISE=%d "
        "-D CHANNELS=%" PRIu32 " -D SIDE=%" PRIu32 " -D PAIRS=%d -D TARGETS=%d -D ALTERED=%d%s%s",
        element_name(element), (int)mask->kind, (int)of->relation, (effects & moves) != 0,
        (effects & MCL_EFFECT_LIGHTS) != 0, corrupt, (effects & MCL_EFFECT_ADDS) != 0,
        views->image[2], mask->kind == MCL_MASK_BLOCK ? mask->patch : 1,
        views->image[2] == 1 && views->image[1] > 1, targets, altered, crops ? " -D CROP=1" : "",
        staged ? " -D STAGED=1" : "");
    if (sides_of(mask) > 1) {
        const size_t used = strlen(options);
        snprintf(options + used, OPTIONS_SIZE - used, " -D SIDES=%" PRIu32, sides_of(mask));
    }
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
    if (views->measure)
        MCL_TRY(mcl_buffer_create(&views->means, views->context, 2 * (uint64_t)batch, sizeof(float),
            "mean greys of the views"));
    if (views->radius) {
        MCL_TRY(mcl_buffer_create(&views->weights, views->context, 2 * (uint64_t)batch,
            (views->radius + 1) * sizeof(float), "weights of a blur"));
        MCL_TRY(mcl_buffer_create(&views->across, views->context, 2 * (uint64_t)batch,
            views->columns * sizeof(float), "blurred views"));
    }
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

/* A tenth of the image's height is under the window of a blur, as in SimCLR. */
static uint32_t blur_radius(const uint32_t image[3])
{
    const uint32_t twentieth = image[0] < 40 ? 1 : image[0] / 20;
    const uint32_t smaller = image[0] < image[1] ? image[0] : image[1];
    const uint32_t most = smaller - 1 < MCL_BLUR_RADIUS ? smaller - 1 : MCL_BLUR_RADIUS;
    return twentieth < most ? twentieth : most;
}

/* What makes and works on images before the mask. */
static mcl_status find_stages(mcl_views *views, mcl_element element)
{
    mcl_context *context = views->context;
    const unsigned first = MCL_EFFECTS_ON_PLACES | MCL_EFFECT_LIGHTS;
    char options[OPTIONS_SIZE];
    write_all_options(options, views, views->effects & first, element, false, false, false);
    MCL_TRY(mcl_kernel_find(&views->draw_moves, context, "augment.cl", "view_parameters", options));
    MCL_TRY(mcl_kernel_find(&views->sample, context, "augment.cl", "augmented_views", options));
    snprintf(options, sizeof options, "-D BYTES=%d -D RGB=%d", element == MCL_ELEMENT_UINT8,
        views->image[2] == 3);
    if (views->effects & MCL_EFFECT_CONTRASTS)
        MCL_TRY(mcl_kernel_find(&views->measure, context, "colours.cl", "view_means", options));
    if (views->effects & (MCL_EFFECT_CONTRASTS | MCL_EFFECT_COLOURS))
        MCL_TRY(mcl_kernel_find(&views->colour, context, "colours.cl", "coloured_views", options));
    if (!(views->effects & MCL_EFFECT_BLURS))
        return MCL_OK;
    views->radius = blur_radius(views->image);
    return mcl_kernel_find(&views->blur, context, "colours.cl", "blurred_views", options);
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
    if (views->staged)
        MCL_TRY(find_stages(views, element));
    const unsigned rest = views->staged ? views->effects & ~MCL_EFFECTS_ON_IMAGES : views->effects;
    write_all_options(options, views, rest, element, views->staged, targets, altered);
    if (!views->staged)
        MCL_TRY(
            mcl_kernel_find(&views->draw_moves, context, "augment.cl", "view_parameters", options));
    MCL_TRY(mcl_kernel_find(&views->draw_patches, context, "augment.cl", "patch_masks", options));
    MCL_TRY(
        mcl_kernel_find(&views->draw_factors, context, "augment.cl", "channel_factors", options));
    if (views->staged && rest == 0 && !targets && !altered)
        return MCL_OK;
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
    created.staged = (created.effects & MCL_EFFECTS_IN_STAGES) != 0;
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
    mcl_buffer_release(&views->means);
    mcl_buffer_release(&views->weights);
    mcl_buffer_release(&views->across);
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
            MCL_UINT(views->of.mask.patch), MCL_UINT(sides_of(&views->of.mask)), MCL_UINT(epoch),
            key, MCL_FLOAT(views->of.mask.ratio), MCL_BUFFER(out->views), MCL_BUFFER(targets),
            MCL_BUFFER(altered));
    return mcl_run_elements(views->kernel,
        items(views->context, views->columns, MCL_DRAWN_ELEMENTS), batch, MCL_BUFFER(rows->data),
        MCL_ULONG(rows->start), MCL_BUFFER(rows->order), MCL_ULONG(rows->first),
        MCL_UINT(rows->gathered), MCL_UINT(batch), MCL_UINT(views->columns), MCL_UINT(epoch), key,
        MCL_FLOAT(views->of.mask.ratio),
        MCL_BUFFER(views->column_of ? views->column_of : rows->order), MCL_BUFFER(out->views),
        MCL_BUFFER(targets), MCL_BUFFER(altered));
}

/* What a crop is where none can be drawn, as torchvision has it: in the middle, and as large as the
 * ratio of its sides allows. */
static cl_float4 middle_crop(const uint32_t image[3], mcl_view_range ratio)
{
    float h = (float)image[0], w = (float)image[1];
    const float own = mcl_host_divide(w, h);
    if (own < ratio.least)
        h = floorf(mcl_host_divide(w, ratio.least) + 0.5f);
    else if (own > ratio.most)
        w = floorf(h * ratio.most + 0.5f);
    h = fminf(fmaxf(h, 1.0f), (float)image[0]);
    w = fminf(fmaxf(w, 1.0f), (float)image[1]);
    const float left = floorf(0.5f * ((float)image[1] - w));
    const float top = floorf(0.5f * ((float)image[0] - h));
    return (cl_float4){{left, top, left + (w - 1.0f), top + (h - 1.0f)}};
}

#define VECTOR(x)                                                                                  \
    {                                                                                              \
        .size = sizeof(x), .value = &(x)                                                           \
    }

/* What is drawn for images, once a view. */
static mcl_status draw_images(
    mcl_views *views, const mcl_rows *rows, uint32_t batch, uint32_t epoch, mcl_argument key)
{
    const mcl_view_options *of = &views->of;
    const bool crops = (views->effects & MCL_EFFECT_CROPS) != 0;
    const mcl_view_range ratio = crops ? of->crop_ratio : (mcl_view_range){1.0f, 1.0f};
    const float least = mcl_host_log(ratio.least);
    const cl_float2 area = {{of->crop.least, of->crop.most - of->crop.least}};
    const cl_float2 logarithms = {{least, mcl_host_log(ratio.most) - least}};
    const cl_float4 otherwise = middle_crop(views->image, ratio);
    const cl_float4 light = {{of->brightness, of->contrast, of->saturation, of->hue}};
    const cl_float2 sigma = {{of->blur_sigma.least, of->blur_sigma.most - of->blur_sigma.least}};
    const float jitter = of->jitter != 0.0f ? of->jitter : 1.0f;
    return mcl_run_elements(views->draw_moves, batch, 2, MCL_BUFFER(rows->order),
        MCL_ULONG(rows->first), MCL_UINT(batch), MCL_UINT(views->image[0]),
        MCL_UINT(views->image[1]), MCL_UINT(epoch), key, MCL_FLOAT(of->shift), MCL_FLOAT(of->scale),
        MCL_FLOAT(of->rotation), MCL_FLOAT(of->flip), VECTOR(area), VECTOR(logarithms),
        VECTOR(otherwise), VECTOR(light), MCL_FLOAT(jitter), MCL_FLOAT(of->grey),
        MCL_FLOAT(views->radius ? of->blur : 0.0f), VECTOR(sigma), MCL_UINT(views->radius),
        MCL_BUFFER(views->parameters),
        MCL_BUFFER(views->weights ? views->weights : views->parameters));
}

/* What is drawn once a view or a patch. */
static mcl_status draw(
    mcl_views *views, const mcl_rows *rows, uint32_t batch, uint32_t epoch, mcl_argument key)
{
    const mcl_view_options *of = &views->of;
    if (views->parameters)
        MCL_TRY(draw_images(views, rows, batch, epoch, key));
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

/* One pass of a blur. */
static mcl_status blur(mcl_views *views, uint32_t batch, bool across, cl_mem from, cl_mem to)
{
    const uint32_t *image = views->image;
    mcl_profile_work(views->context, NULL, 0.0,
        2.0 * batch * views->columns * (2.0 + views->radius) * sizeof(float));
    return mcl_run_elements(views->blur,
        mcl_context_spreads(views->context) ? views->columns : image[0], 2 * (size_t)batch,
        MCL_BUFFER(from), MCL_BUFFER(views->parameters), MCL_BUFFER(views->weights),
        MCL_UINT(image[0]), MCL_UINT(image[1]), MCL_UINT(image[2]), MCL_UINT(views->radius),
        MCL_UINT(across), MCL_BUFFER(to));
}

/* Colours and blurs what was sampled. */
static mcl_status colour(mcl_views *views, uint32_t batch, cl_mem made)
{
    mcl_context *context = views->context;
    const uint32_t pixels = views->image[2] == 3 ? views->columns / 3 : views->columns;
    const size_t rows = 2 * (size_t)batch;
    const double bytes = (double)rows * views->columns * sizeof(float);
    if (views->measure) {
        mcl_profile_work(context, NULL, 0.0, bytes);
        MCL_TRY(mcl_run_rows(views->measure, rows, MCL_BUFFER(made), MCL_BUFFER(views->parameters),
            MCL_UINT(rows), MCL_UINT(pixels), MCL_BUFFER(views->means), MCL_LOCAL(MCL_ROW_SPACE)));
    }
    if (views->colour) {
        mcl_profile_work(context, NULL, 0.0, 2.0 * bytes);
        MCL_TRY(mcl_run_vectors(views->colour, pixels, rows, MCL_BUFFER(made),
            MCL_BUFFER(views->parameters),
            MCL_BUFFER(views->means ? views->means : views->parameters), MCL_UINT(pixels)));
    }
    if (!views->radius)
        return MCL_OK;
    MCL_TRY(blur(views, batch, false, made, views->across));
    return blur(views, batch, true, views->across, made);
}

/* A kernel of augmented_views(). */
static mcl_status make(mcl_views *views, mcl_kernel *kernel, const mcl_rows *rows, uint32_t batch,
    uint32_t epoch, mcl_argument key, const mcl_view_buffers *out)
{
    const mcl_view_options *of = &views->of;
    mcl_context *context = views->context;
    /* What there is none of is neither read nor written. */
    const cl_mem parameters = views->parameters ? views->parameters : rows->data;
    const cl_mem patches = views->patches ? views->patches : rows->data;
    const cl_mem pool = views->pool ? views->pool : rows->data;
    const cl_mem targets = out->targets ? out->targets : out->views;
    const cl_mem altered = out->altered ? out->altered : out->views;
    mcl_profile_work(context, NULL, 0.0, (double)batch * (double)views->row_bytes);
    /* An item has both views of a row on CPUs, elsewhere one. */
    const size_t rows_of_items = mcl_context_spreads(context) ? 2 * (size_t)batch : batch;
    return mcl_run_elements(kernel, items(context, views->columns, MCL_DRAWN_ELEMENTS),
        rows_of_items, MCL_BUFFER(rows->data), MCL_ULONG(rows->start), MCL_BUFFER(rows->order),
        MCL_ULONG(rows->first), MCL_UINT(rows->gathered), MCL_UINT(batch),
        MCL_UINT(views->image[0]), MCL_UINT(views->image[1]), MCL_UINT(views->columns),
        MCL_UINT(epoch), key, MCL_FLOAT(of->mask.ratio), MCL_FLOAT(of->corruption),
        MCL_FLOAT(of->noise), MCL_BUFFER(parameters), MCL_BUFFER(patches),
        MCL_UINT(views->patches ? patch_quads(views) : 0), MCL_BUFFER(pool),
        MCL_UINT(views->pool_rows), MCL_BUFFER(views->column_of ? views->column_of : rows->order),
        MCL_BUFFER(views->factors ? views->factors : rows->data),
        MCL_UINT(views->effects & MCL_EFFECT_SPANS ? span_of(views) : 0), MCL_BUFFER(out->views),
        MCL_BUFFER(targets), MCL_BUFFER(altered));
}

/* Both views by whatever is asked for. */
static mcl_status augment(mcl_views *views, const mcl_rows *rows, uint32_t batch, uint32_t epoch,
    mcl_argument key, const mcl_view_buffers *out)
{
    const mcl_view_buffers sampled = {.views = out->views};
    const cl_mem altered = out->altered;
    MCL_TRY(draw(views, rows, batch, epoch, key));
    if (views->staged) {
        MCL_TRY(make(views, views->sample, rows, batch, epoch, key, &sampled));
        MCL_TRY(colour(views, batch, out->views));
    }
    if (views->kernel)
        MCL_TRY(make(views, views->kernel, rows, batch, epoch, key, out));
    if (!views->groups)
        return MCL_OK;
    mcl_profile_work(views->context, NULL, 0.0, 2.0 * batch * views->columns);
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
