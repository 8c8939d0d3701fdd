/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions as matrix products of patches, see cl/convolution.cl:
 *
 *   FORWARD    y[R·H'·W'×O]  = patches(x)[R·H'·W'×T·C] · w[O×T·C]ᵀ
 *   BY_INPUT   dx[R·H·W×C]   = patches(dy)[R·H·W×T·O]  · w[T·O×C]
 *   BY_WEIGHT  dw[O×T·C]     = Σ over segments of dy[n×O]ᵀ · patches(x)[n×T·C] */
#include "compute/convolution.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/integers.h"
#include "base/memory.h"
#include "compute/gathering.h"
#include "compute/sums.h"
#include "constants.clh"
#include "device/observe.h"
#include "device/profile.h"

#define PATCHES_MOST (1u << 25) /* floats of patches that are made at a time, about */

/* A product of FORWARD or BY_INPUT. */
struct part {
    mcl_product *product;
    uint32_t positions;    /* of a row */
    uint64_t weights_from; /* its own in `weights` */
};

struct mcl_convolution {
    mcl_context *context;
    mcl_convolution_shape shape;
    mcl_convolution_pass pass;
    uint32_t rows; /* at most */
    mcl_epilogue epilogue;
    bool gathers; /* the products gather patches themselves */
    struct part *parts;
    uint32_t part_count;
    mcl_product *product, *last; /* of BY_WEIGHT; last: of a shorter last segment, or NULL */
    uint32_t product_rows;       /* R that they are for */
    mcl_kernel *patches, *arrange;
    mcl_kernel *contrast; /* of a shape that has one; else NULL */
    mcl_sums sums;
    cl_mem patches_made; /* of made_rows rows; NULL where products gather them */
    uint32_t made_rows;  /* that products take at a time */
    cl_mem weights;      /* as the products have them, */
    cl_mem order;        /* by taps in this order, of BY_INPUT */
    cl_mem partial, arranged, sums_workspace;  /* of BY_WEIGHT: of the segments, of them all */
    uint64_t partial_floats, workspace_floats; /* what these have room for */
    bool is_frozen;                            /* the weights are there */
};

static uint32_t taps_of(const mcl_convolution_shape *shape)
{
    return shape->kernel[0] * shape->kernel[1];
}

static uint64_t reach(const mcl_convolution_shape *shape, int d)
{
    return (uint64_t)shape->dilation[d] * (shape->kernel[d] - 1) + 1;
}

uint32_t mcl_convolution_out(const mcl_convolution_shape *shape, int d)
{
    const uint64_t padded = shape->size[d] + 2 * (uint64_t)shape->padding[d];
    return (uint32_t)((padded - reach(shape, d)) / shape->stride[d] + 1);
}

/* Positions of the output map. */
static uint32_t positions_of(const mcl_convolution_shape *shape)
{
    return mcl_convolution_out(shape, 0) * mcl_convolution_out(shape, 1);
}

static mcl_status check_product(uint64_t a, uint64_t b, uint64_t c, const char *what)
{
    uint64_t product;
    if (!mcl_multiply(&product, a, b) || !mcl_multiply(&product, product, c) ||
        product > UINT32_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a convolution whose %s would have %llu × %llu × %llu values: that is more than 2³² − "
            "1",
            what, (unsigned long long)a, (unsigned long long)b, (unsigned long long)c);
    return MCL_OK;
}

mcl_status mcl_convolution_check(const mcl_convolution_shape *shape)
{
    if (shape->channels == 0 || shape->filters == 0)
        return mcl_fail(MCL_ERROR_ARGUMENT, "a convolution needs at least one channel and filter");
    for (int d = 0; d < 2; d++) {
        if (!shape->size[d] || !shape->kernel[d] || !shape->stride[d] || !shape->dilation[d])
            return mcl_fail(MCL_ERROR_ARGUMENT, "a convolution has a size of 0");
        if (reach(shape, d) > shape->size[d] + 2 * (uint64_t)shape->padding[d])
            return mcl_fail(MCL_ERROR_ARGUMENT,
                "a kernel of %u × %u is larger than its map of %u × %u", shape->kernel[0],
                shape->kernel[1], shape->size[0], shape->size[1]);
    }
    MCL_TRY(check_product(shape->size[0], shape->size[1], shape->channels, "input"));
    MCL_TRY(check_product(
        mcl_convolution_out(shape, 0), mcl_convolution_out(shape, 1), shape->filters, "output"));
    MCL_TRY(check_product(shape->kernel[0], shape->kernel[1], 1, "kernel"));
    return check_product(taps_of(shape), shape->channels, shape->filters, "weight");
}

uint32_t mcl_convolution_segment(const mcl_convolution_shape *shape, uint32_t rows)
{
    const uint64_t positions = positions_of(shape);
    uint32_t segment = 1;
    while (segment < rows && (segment * positions < MCL_SEGMENT_POSITIONS ||
                                 (rows - 1) / segment + 1 > MCL_SEGMENTS_MAX))
        segment *= 2;
    return segment;
}

static uint32_t segments_of(const mcl_convolution_shape *shape, uint32_t rows)
{
    return (rows - 1) / mcl_convolution_segment(shape, rows) + 1;
}

/* Makes a buffer large enough for so many floats. One that is replaced stays alive while the queue
 * uses it. */
static mcl_status reserve(cl_mem *buffer, uint64_t *floats, mcl_context *context, uint64_t needed)
{
    static const char what[] = "workspace of a convolution (`batch`)";
    cl_mem larger;
    if (*buffer && needed <= *floats)
        return MCL_OK;
    MCL_TRY(mcl_buffer_create(&larger, context, needed, sizeof(float), what));
    mcl_buffer_release(buffer);
    *buffer = larger;
    *floats = needed;
    return MCL_OK;
}

/* One product of all segments, or one for the whole segments and one for a last one of `left` rows.
 */
static mcl_status plan_segments(
    mcl_convolution *convolution, uint32_t segment, uint32_t segments, uint32_t left)
{
    const mcl_convolution_shape *shape = &convolution->shape;
    const uint32_t o = shape->filters, columns = taps_of(shape) * shape->channels;
    mcl_context *context = convolution->context;
    mcl_gemm gemm = {
        true, false, o, columns, segment * positions_of(shape), o, columns, columns, 1.0f};
    if (convolution->gathers) {
        mcl_patches patches = mcl_input_patches(shape);
        patches.of_b = true;
        patches.segments = segments;
        patches.last_k = left ? left * positions_of(shape) : gemm.k;
        return mcl_product_create_gathering(&convolution->product, context, &gemm, &patches, NULL);
    }
    MCL_TRY(mcl_product_create(&convolution->product, context, &gemm, NULL));
    gemm.k = left * positions_of(shape);
    return left ? mcl_product_create(&convolution->last, context, &gemm, NULL) : MCL_OK;
}

/* The products of BY_WEIGHT for so many rows; another number than before, which training does not
 * have, makes others. */
static mcl_status plan_by_weight(mcl_convolution *convolution, uint32_t rows)
{
    const mcl_convolution_shape *shape = &convolution->shape;
    const uint32_t o = shape->filters, columns = taps_of(shape) * shape->channels;
    const uint32_t segment = (uint32_t)mcl_least(mcl_convolution_segment(shape, rows), rows);
    const uint32_t left = rows % segment, segments = segments_of(shape, rows);
    if (convolution->product_rows == rows)
        return MCL_OK;
    mcl_product_free(convolution->product);
    mcl_product_free(convolution->last);
    convolution->product = convolution->last = NULL;
    convolution->product_rows = 0;
    MCL_TRY(plan_segments(convolution, segment, segments, left));
    const uint64_t of_bias = mcl_column_sums_workspace(rows * positions_of(shape), o);
    const uint64_t of_weights = mcl_column_sums_workspace(segments, o * columns);
    MCL_TRY(reserve(&convolution->partial, &convolution->partial_floats, convolution->context,
        (uint64_t)segments * o * columns));
    MCL_TRY(reserve(&convolution->sums_workspace, &convolution->workspace_floats,
        convolution->context, of_bias > of_weights ? of_bias : of_weights));
    convolution->product_rows = rows;
    return MCL_OK;
}

static mcl_status find(mcl_kernel **kernel, mcl_context *context, const char *name)
{
    return mcl_kernel_find(kernel, context, "convolution.cl", name, "");
}

static mcl_status create_by_weight(mcl_convolution *convolution)
{
    const mcl_convolution_shape *shape = &convolution->shape;
    mcl_context *context = convolution->context;
    MCL_TRY(find(&convolution->arrange, context, "weights_back"));
    MCL_TRY(mcl_sums_find(&convolution->sums, context));
    MCL_TRY(mcl_buffer_create(&convolution->arranged, context,
        (uint64_t)taps_of(shape) * shape->channels * shape->filters, sizeof(float),
        "a gradient by weights"));
    return plan_by_weight(convolution, convolution->rows);
}

/* Positions of what a pass computes, and the columns of its patches. */
static uint32_t computed_positions(const mcl_convolution *convolution)
{
    const mcl_convolution_shape *shape = &convolution->shape;
    return convolution->pass == MCL_CONVOLUTION_BY_INPUT ? shape->size[0] * shape->size[1]
                                                         : positions_of(shape);
}

static uint32_t patch_columns(const mcl_convolution *convolution)
{
    const mcl_convolution_shape *shape = &convolution->shape;
    return taps_of(shape) *
           (convolution->pass == MCL_CONVOLUTION_BY_INPUT ? shape->filters : shape->channels);
}

/* How many rows' patches are made at a time, where products do not gather them: as many as
 * PATCHES_MOST floats have room for, at least one; of BY_WEIGHT whole segments, at least one. */
static uint32_t rows_at_a_time(const mcl_convolution *convolution)
{
    const uint64_t of_row = (uint64_t)computed_positions(convolution) * patch_columns(convolution);
    const uint64_t largest = convolution->context->info.largest_buffer / sizeof(float);
    const uint64_t most = largest ? mcl_least(PATCHES_MOST, largest) : PATCHES_MOST;
    const bool by_weight = convolution->pass == MCL_CONVOLUTION_BY_WEIGHT;
    const uint32_t least =
        by_weight ? mcl_convolution_segment(&convolution->shape, convolution->rows) : 1;
    const uint64_t rows = most / of_row / least * least;
    return (uint32_t)mcl_least(rows > least ? rows : least, convolution->rows);
}

/* Makes part number `number` of FORWARD or BY_INPUT, with the taps of `phase` where it gathers, and
 * writes these to order, in which `taps` are already. */
static mcl_status create_part(
    mcl_convolution *convolution, uint32_t number, uint32_t *order, uint32_t *taps)
{
    const mcl_convolution_shape *shape = &convolution->shape;
    const bool by_input = convolution->pass == MCL_CONVOLUTION_BY_INPUT;
    const uint32_t n = by_input ? shape->channels : shape->filters;
    const uint32_t depth = by_input ? shape->filters : shape->channels;
    struct part *part = &convolution->parts[number];
    mcl_convolution_phase phase = {.positions = computed_positions(convolution),
        .next = {1, 1},
        .count = {shape->kernel[0], shape->kernel[1]}};
    if (convolution->gathers && by_input)
        phase = mcl_convolution_phase_of(shape, number);
    else if (convolution->gathers)
        phase.patches = mcl_input_patches(shape);
    const uint32_t links = phase.count[0] * phase.count[1] * depth;
    const uint32_t k = links ? links : 1; /* a zero is gathered where there is none */
    const mcl_gemm gemm = {false, !by_input, convolution->made_rows * phase.positions, n, k, k,
        by_input ? n : k, n, 1.0f};
    part->positions = phase.positions;
    part->weights_from = links ? (uint64_t)*taps * depth * n : 0;
    for (uint32_t y = 0; y < phase.count[0]; y++) {
        for (uint32_t x = 0; x < phase.count[1]; x++)
            order[(*taps)++] = (phase.first[0] + y * phase.next[0]) * shape->kernel[1] +
                               phase.first[1] + x * phase.next[1];
    }
    return convolution->gathers ? mcl_product_create_gathering(&part->product, convolution->context,
                                      &gemm, &phase.patches, &convolution->epilogue)
                                : mcl_product_create(&part->product, convolution->context, &gemm,
                                      &convolution->epilogue);
}

static mcl_status create_parts(mcl_convolution *convolution, uint32_t *order)
{
    uint32_t taps = 0;
    for (uint32_t i = 0; i < convolution->part_count; i++)
        MCL_TRY(create_part(convolution, i, order, &taps));
    return mcl_buffer_create_from(&convolution->order, convolution->context, order,
        taps_of(&convolution->shape), sizeof *order, "the taps of a convolution");
}

static mcl_status create_products(mcl_convolution *convolution)
{
    const mcl_convolution_shape *shape = &convolution->shape;
    mcl_context *context = convolution->context;
    const bool by_input = convolution->pass == MCL_CONVOLUTION_BY_INPUT;
    uint32_t *order;
    convolution->part_count = convolution->gathers && by_input ? mcl_convolution_phases(shape) : 1;
    MCL_TRY(
        find(&convolution->arrange, context, by_input ? "weights_by_tap" : "weights_by_filter"));
    MCL_TRY(mcl_buffer_create(&convolution->weights, context,
        (uint64_t)taps_of(shape) * shape->filters * shape->channels, sizeof(float),
        "a copy of weights"));
    MCL_TRY(mcl_allocate(&convolution->parts, convolution->part_count, sizeof(struct part)));
    MCL_TRY(mcl_allocate(&order, taps_of(shape), sizeof *order));
    const mcl_status status = create_parts(convolution, order);
    free(order);
    return status;
}

/* What makes patches, for products that do not gather them. */
static mcl_status create_patches(mcl_convolution *convolution)
{
    const bool by_input = convolution->pass == MCL_CONVOLUTION_BY_INPUT;
    mcl_context *context = convolution->context;
    MCL_TRY(find(&convolution->patches, context, by_input ? "gradient_patches" : "patches"));
    if (convolution->shape.contrast > 0.0f)
        MCL_TRY(mcl_kernel_find(&convolution->contrast, context, "contrast.cl", "contrast", ""));
    return mcl_buffer_create(&convolution->patches_made, context,
        (uint64_t)computed_positions(convolution) * convolution->made_rows *
            patch_columns(convolution),
        sizeof(float), "patches of a convolution");
}

static mcl_status create(mcl_convolution *convolution)
{
    const uint64_t positions = computed_positions(convolution);
    uint64_t largest;
    if (!mcl_multiply(&largest, positions, convolution->rows) || largest > UINT32_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a convolution of %u rows with maps of %u positions is too large: use a smaller "
            "`batch`",
            convolution->rows, (unsigned)positions);
    if (convolution->shape.contrast > 0.0f && convolution->pass == MCL_CONVOLUTION_BY_INPUT)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "a convolution of patches whose contrast is normalized has no gradient by its input: "
            "it can only be the first layer");
    convolution->gathers = mcl_convolution_gathers(convolution->context, &convolution->shape);
    convolution->made_rows = convolution->gathers ? convolution->rows : rows_at_a_time(convolution);
    if (!convolution->gathers)
        MCL_TRY(create_patches(convolution));
    return convolution->pass == MCL_CONVOLUTION_BY_WEIGHT ? create_by_weight(convolution)
                                                          : create_products(convolution);
}

mcl_status mcl_convolution_create(mcl_convolution **convolution, mcl_context *context,
    const mcl_convolution_shape *shape, mcl_convolution_pass pass, uint32_t rows,
    const mcl_epilogue *epilogue)
{
    mcl_convolution *created;
    MCL_TRY(mcl_convolution_check(shape));
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    created->shape = *shape;
    created->pass = pass;
    created->rows = rows;
    created->epilogue = epilogue ? *epilogue : (mcl_epilogue){.kind = MCL_EPILOGUE_NONE};
    const mcl_status status = create(created);
    if (status == MCL_OK)
        *convolution = created;
    else
        mcl_convolution_free(created);
    return status;
}

void mcl_convolution_free(mcl_convolution *convolution)
{
    if (!convolution)
        return;
    for (uint32_t i = 0; convolution->parts && i < convolution->part_count; i++)
        mcl_product_free(convolution->parts[i].product);
    free(convolution->parts);
    mcl_product_free(convolution->product);
    mcl_product_free(convolution->last);
    mcl_buffer_release(&convolution->order);
    mcl_buffer_release(&convolution->patches_made);
    mcl_buffer_release(&convolution->weights);
    mcl_buffer_release(&convolution->partial);
    mcl_buffer_release(&convolution->arranged);
    mcl_buffer_release(&convolution->sums_workspace);
    free(convolution);
}

/* Normalizes the contrast of so many patches that have been made. */
static mcl_status normalize(const mcl_convolution *convolution, size_t patches)
{
    const uint32_t columns = patch_columns(convolution);
    if (!convolution->contrast)
        return MCL_OK;
    mcl_profile_work(convolution->context, NULL, 7.0 * (double)patches * columns,
        2.0 * sizeof(float) * (double)patches * columns);
    return mcl_run_rows(convolution->contrast, patches, MCL_BUFFER(convolution->patches_made),
        MCL_UINT(patches), MCL_UINT(columns), MCL_FLOAT(convolution->shape.contrast),
        MCL_LOCAL(MCL_ROW_SPACE));
}

/* Values of a row of the input map, or of the output map. */
static uint64_t row_values(const mcl_convolution_shape *shape, bool of_input)
{
    return of_input ? (uint64_t)shape->size[0] * shape->size[1] * shape->channels
                    : (uint64_t)positions_of(shape) * shape->filters;
}

/* Makes the patches of R rows of x from row `first` on, or of dy in BY_INPUT. */
static mcl_status make_patches(
    const mcl_convolution *convolution, mcl_matrix of, uint32_t first, uint32_t rows)
{
    const mcl_convolution_shape *shape = &convolution->shape;
    const bool by_input = convolution->pass == MCL_CONVOLUTION_BY_INPUT;
    of.offset += first * row_values(shape, !by_input);
    const uint32_t columns = patch_columns(convolution);
    const size_t positions = (size_t)rows * computed_positions(convolution);
    mcl_profile_work(
        convolution->context, NULL, 0.0, 2.0 * sizeof(float) * (double)positions * columns);
    MCL_TRY(mcl_run_elements(convolution->patches, columns, positions, MCL_BUFFER(of.buffer),
        MCL_ULONG(of.offset), MCL_UINT(shape->size[0]), MCL_UINT(shape->size[1]),
        MCL_UINT(by_input ? shape->filters : shape->channels),
        MCL_UINT(mcl_convolution_out(shape, 0)), MCL_UINT(mcl_convolution_out(shape, 1)),
        MCL_UINT(shape->kernel[0]), MCL_UINT(shape->kernel[1]), MCL_UINT(shape->stride[0]),
        MCL_UINT(shape->stride[1]), MCL_UINT(shape->dilation[0]), MCL_UINT(shape->dilation[1]),
        MCL_UINT(shape->padding[0]), MCL_UINT(shape->padding[1]),
        MCL_BUFFER(convolution->patches_made)));
    return normalize(convolution, positions);
}

static mcl_status arrange(const mcl_convolution *convolution, mcl_matrix weights)
{
    const mcl_convolution_shape *shape = &convolution->shape;
    const uint32_t taps = taps_of(shape), columns = taps * shape->channels;
    mcl_profile_work(
        convolution->context, NULL, 0.0, 2.0 * sizeof(float) * (double)columns * shape->filters);
    if (convolution->pass == MCL_CONVOLUTION_BY_INPUT)
        return mcl_run_elements(convolution->arrange, shape->channels,
            (size_t)taps * shape->filters, MCL_BUFFER(weights.buffer), MCL_ULONG(weights.offset),
            MCL_UINT(shape->filters), MCL_UINT(shape->channels), MCL_UINT(taps),
            MCL_BUFFER(convolution->order), MCL_BUFFER(convolution->weights));
    return mcl_run_elements(convolution->arrange, columns, shape->filters,
        MCL_BUFFER(weights.buffer), MCL_ULONG(weights.offset), MCL_UINT(shape->channels),
        MCL_UINT(taps), MCL_BUFFER(convolution->weights));
}

/* The sums over the positions of all segments. */
static mcl_status run_segments(const mcl_convolution *convolution, const mcl_operands *operands)
{
    const mcl_convolution_shape *shape = &convolution->shape;
    const uint32_t rows = operands->m, o = shape->filters, columns = patch_columns(convolution);
    const uint32_t segment = mcl_convolution_segment(shape, rows);
    const uint64_t positions = positions_of(shape);
    if (convolution->gathers) {
        const mcl_operands all = {
            .a = operands->a, .b = operands->b, .c = {convolution->partial, 0}};
        return mcl_product_run(convolution->product, &all);
    }
    for (uint32_t first = 0, s = 0; first < rows; first += segment, s++) {
        const uint32_t made = first % convolution->made_rows;
        const mcl_operands of_segment = {
            .a = {operands->a.buffer, operands->a.offset + first * positions * o},
            .b = {convolution->patches_made, made * positions * columns},
            .c = {convolution->partial, (uint64_t)s * o * columns},
        };
        if (made == 0)
            MCL_TRY(make_patches(convolution, operands->b, first,
                (uint32_t)mcl_least(convolution->made_rows, rows - first)));
        const bool whole = rows - first >= segment || first == 0;
        MCL_TRY(mcl_product_run(whole ? convolution->product : convolution->last, &of_segment));
    }
    return MCL_OK;
}

static mcl_status run_by_weight(mcl_convolution *convolution, const mcl_operands *operands)
{
    const mcl_convolution_shape *shape = &convolution->shape;
    const uint32_t rows = operands->m, o = shape->filters, columns = patch_columns(convolution);
    const mcl_matrix dw = operands->c, db = operands->bias;
    const mcl_sums *sums = &convolution->sums;
    MCL_TRY(plan_by_weight(convolution, rows));
    if (db.buffer)
        MCL_TRY(mcl_sums_run_columns(sums, operands->a.buffer, rows * positions_of(shape), o,
            convolution->sums_workspace, db.buffer, db.offset));
    MCL_TRY(run_segments(convolution, operands));
    MCL_TRY(mcl_sums_run_columns(sums, convolution->partial, segments_of(shape, rows), o * columns,
        convolution->sums_workspace, convolution->arranged, 0));
    mcl_profile_work(convolution->context, NULL, 0.0, 2.0 * sizeof(float) * (double)columns * o);
    return mcl_run_elements(convolution->arrange, columns, o, MCL_BUFFER(convolution->arranged),
        MCL_UINT(shape->channels), MCL_UINT(taps_of(shape)), MCL_BUFFER(dw.buffer),
        MCL_ULONG(dw.offset));
}

/* FORWARD or BY_INPUT; where patches are made, for some rows at a time. */
static mcl_status run_parts(mcl_convolution *convolution, const mcl_operands *operands)
{
    const bool by_input = convolution->pass == MCL_CONVOLUTION_BY_INPUT;
    const uint64_t of_row = row_values(&convolution->shape, by_input);
    mcl_operands product = *operands;
    if (!convolution->is_frozen)
        MCL_TRY(arrange(convolution, operands->b));
    if (!convolution->gathers)
        product.a = (mcl_matrix){convolution->patches_made, 0};
    for (uint32_t first = 0; first < operands->m; first += convolution->made_rows) {
        const uint32_t rows = (uint32_t)mcl_least(convolution->made_rows, operands->m - first);
        product.c.offset = operands->c.offset + first * of_row;
        product.kept_offset = operands->kept_offset + first * of_row;
        if (!convolution->gathers)
            MCL_TRY(make_patches(convolution, operands->a, first, rows));
        for (uint32_t i = 0; i < convolution->part_count; i++) {
            const struct part *part = &convolution->parts[i];
            product.b = (mcl_matrix){convolution->weights, part->weights_from};
            product.m = rows * part->positions;
            MCL_TRY(mcl_product_run(part->product, &product));
        }
    }
    return MCL_OK;
}

static mcl_status run(mcl_convolution *convolution, const mcl_operands *operands)
{
    return convolution->pass == MCL_CONVOLUTION_BY_WEIGHT ? run_by_weight(convolution, operands)
                                                          : run_parts(convolution, operands);
}

/* Runs a plan as one launch, as product.c does: its launches are not the same everywhere. */
static mcl_status run_whole(mcl_convolution *convolution, const mcl_operands *operands)
{
    static const char *const passes[] = {"forward", "by input", "by weight"};
    const bool by_weight = convolution->pass == MCL_CONVOLUTION_BY_WEIGHT;
    const mcl_convolution_shape *shape = &convolution->shape;
    mcl_context *context = convolution->context;
    const mcl_observer *observer = context->observer;
    const cl_mem buffers[2] = {operands->c.buffer, operands->bias.buffer};
    char name[64];
    snprintf(name, sizeof name, "convolution %s %u×%u×%u→%u", passes[convolution->pass],
        shape->size[0], shape->size[1], shape->channels, shape->filters);
    const mcl_launch launch = {name, buffers, by_weight && operands->bias.buffer ? 2 : 1};
    MCL_TRY(mcl_observe_before(context, &launch));
    context->observer = NULL;
    const mcl_status status = run(convolution, operands);
    context->observer = observer;
    return status == MCL_OK ? mcl_observe_after(context, &launch) : status;
}

mcl_status mcl_convolution_run(mcl_convolution *convolution, const mcl_operands *operands)
{
    const mcl_observer *observer = convolution->context->observer;
    if (operands->m == 0 || operands->m > convolution->rows)
        return mcl_fail(MCL_ERROR_ARGUMENT, "a convolution of %u rows is run with %u",
            convolution->rows, operands->m);
    return observer && observer->whole_products ? run_whole(convolution, operands)
                                                : run(convolution, operands);
}

mcl_status mcl_convolution_freeze(mcl_convolution *convolution, mcl_matrix weights)
{
    convolution->is_frozen = false;
    if (convolution->pass == MCL_CONVOLUTION_BY_WEIGHT)
        return mcl_fail(MCL_ERROR_ARGUMENT, "a gradient by weights has none that could stay");
    MCL_TRY(arrange(convolution, weights));
    for (uint32_t i = 0; i < convolution->part_count; i++) {
        const struct part *part = &convolution->parts[i];
        MCL_TRY(mcl_product_pack(
            part->product, (mcl_matrix){convolution->weights, part->weights_from}));
    }
    convolution->is_frozen = true;
    return MCL_OK;
}
