/* SPDX-License-Identifier: Apache-2.0 */
/* Batches on the device: from rows of the data set, in the data's own type, to the network's input.
 */
#ifndef MASKCL_VIEWS_VIEWS_H
#define MASKCL_VIEWS_VIEWS_H

#include "data/groups.h"
#include "data/rows.h"
#include "device/context.h"
#include "maskcl/data.h"
#include "maskcl/views.h"

/* How views of a data set are made. */
typedef struct mcl_views {
    mcl_context *context;
    mcl_view_options of;
    unsigned effects; /* of these, see views/parts.h */
    uint64_t seed;
    uint32_t columns;
    uint32_t image[3];  /* height, width, channels, of what needs images */
    size_t row_bytes;   /* that are read and written for a row, for the profile */
    mcl_kernel *kernel; /* that makes both views, after these, where there are such draws: */
    mcl_kernel *draw_moves, *draw_patches, *draw_factors;
    cl_mem parameters; /* [2B×24] what is done to an image's views; NULL: nothing is */
    /* Images whose pixels depend on others are made in stages, in the views' own buffer: sampled,
     * coloured, blurred; then `kernel` does the rest, or is NULL where there is nothing left. */
    bool staged;
    mcl_kernel *sample, *measure, *colour, *blur;
    cl_mem means;           /* [2B] greys that contrast is measured from */
    cl_mem weights, across; /* [2B×(radius + 1)] of a blur, [2B×D] blurred along the lines */
    uint32_t radius;        /* of a blur in pixels, 0: there is none */
    cl_mem patches; /* [B or 2B × a multiple of 4] masks of patches; NULL: cl/views.cl draws them */
    cl_mem factors;   /* [2B×channels] of sequences; NULL: they are not amplified */
    cl_mem column_of; /* [D] numbers of the inputs' columns; NULL: each input is one by itself */
    cl_mem groups; /* mcl_group[group_count], by which corruption alters whole columns; or NULL */
    uint32_t group_count;
    mcl_kernel *alter_columns;
    cl_mem pool; /* [pool_rows×D] rows to take elements from; NULL: there is no corruption */
    uint32_t pool_rows; /* of the data set, spread evenly over it */
} mcl_views;

/* Where the views of a batch of B rows of D elements go. */
typedef struct mcl_view_buffers {
    cl_mem views;   /* [2B×D] the first views of the batch's rows, then the second ones */
    cl_mem targets; /* [B×D], or [2B×D] where mcl_views_paired(): the rows before mask, noise and
                     * corruption, but after what is done to images alone; NULL: not wanted */
    cl_mem altered; /* [2B×D] bytes, 1 where the mask hid an element, in part or as a whole, or the
                     * corruption changed the value of an input of its column; NULL: not wanted */
} mcl_view_buffers;

/* For batches of at most `batch` rows, whose inputs are columns by groups, that of the data's
 * schema (mcl_groups_of()). MCL_ERROR_ARGUMENT when the options do not fit the data. targets and
 * altered say which buffers every mcl_views_run() will have. */
mcl_status mcl_views_create(mcl_views *views, mcl_context *context, const mcl_data *data,
    const mcl_groups *groups, const mcl_view_options *options, uint64_t seed, uint32_t batch,
    bool targets, bool altered);
void mcl_views_release(mcl_views *views);

/* Whether the two views of a row have a target each, since they were moved, lit or coloured
 * differently. */
bool mcl_views_paired(const mcl_views *views);

/* Enqueues the views of a batch. What is random is drawn for the rows' numbers in the data set. */
mcl_status mcl_views_run(mcl_views *views, const mcl_rows *rows, uint32_t batch, uint32_t epoch,
    const mcl_view_buffers *out);

/* Rows as they are, scaled and unmasked: the kernels for those of a data set, found once. It owns
 * nothing, and lives as long as the context. */
typedef struct mcl_unmasked {
    mcl_context *context;
    mcl_kernel *gathered, *rows;
    uint32_t columns;
    double element_bytes; /* that are read and written for an element */
} mcl_unmasked;

mcl_status mcl_unmasked_find(mcl_unmasked *unmasked, mcl_context *context, const mcl_data *data);

/* out[rows × columns] = so many rows of a buffer, which lie one after the other from element
 * `start` on. */
mcl_status mcl_unmasked_run(
    const mcl_unmasked *unmasked, cl_mem data, uint64_t start, uint64_t rows, cl_mem out);

/* out[batch × columns] = the rows of a batch. */
mcl_status mcl_unmasked_run_rows(
    const mcl_unmasked *unmasked, const mcl_rows *rows, uint32_t batch, cl_mem out);

#endif
