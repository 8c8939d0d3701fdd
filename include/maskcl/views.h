/* SPDX-License-Identifier: Apache-2.0 */
/* The two views of a row: random versions of it, made by masks and augmentations. */
#ifndef MASKCL_VIEWS_H
#define MASKCL_VIEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/data.h"
#include "maskcl/device.h"
#include "maskcl/mask.h"
#include "maskcl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The second view's mask when the first view is x⊙m. */
typedef enum mcl_mask_relation {
    MCL_RELATION_COMPLEMENT,  /* x⊙(1−m) */
    MCL_RELATION_INDEPENDENT, /* an independent one, drawn in the same way */
    MCL_RELATION_WHOLE,       /* none */
} mcl_mask_relation;

/* A part of what views can be made of, as its text says it. */
typedef struct mcl_view_part {
    const char *name;    /* "shift" */
    const char *usage;   /* "shift[:S]" */
    const char *number;  /* what the number is called in it: "S" */
    float otherwise;     /* the number where none is given */
    const char *summary; /* what it does, for a person to read */
} mcl_view_part;

/* A part by its number from 0, NULL after the last. It belongs to the library. Thread-safe. */
MCL_API const mcl_view_part *mcl_view_part_describe(size_t number);

typedef struct mcl_view_range {
    float least, most;
} mcl_view_range;

/* How views are made, in this order, with separate draws for each row, view and epoch. 0 turns a
 * part off. The parts for images are on height × width × channels; those of colours need RGB. */
typedef struct mcl_view_options {
    /* For images: the content is rotated and scaled about the middle, shifted and flipped, in one
     * bilinear sampling with zeros outside, as by PyTorch's affine_grid and grid_sample without
     * align_corners. */
    float shift;    /* by up to this fraction of the width and of the height, at most 1 */
    float scale;    /* to 1 − scale … 1 + scale times the size, below 1 */
    float rotation; /* by up to this many radians either way, at most π */
    /* For images, of what is so moved: a part of the picture, resized to the whole size, as by
     * torchvision's RandomResizedCrop without antialias. */
    mcl_view_range crop;       /* its part of the area, at most 1; least = 0: no crop */
    mcl_view_range crop_ratio; /* its width by its height, 0.01 to 100; {3/4, 4/3} there */
    float flip;                /* left to right with this probability */
    /* For images: values are multiplied by 1 − brightness … 1 + brightness; then they are moved
     * away from the mean grey of the image by the factor 1 − contrast … 1 + contrast, then colours
     * away from their own grey by 1 − saturation … 1 + saturation, then turned on the circle of
     * hues by −hue … hue of it. Values of bytes are held within 0 and 1. At most 1, hue 0.5. */
    float brightness, contrast, saturation, hue;
    float jitter; /* these four, all or none, with this probability; 0 stands for 1 */
    float grey;   /* colours become grey with this probability */
    /* For images: Gaussian blur with this probability, as by torchvision's gaussian_blur. */
    float blur;
    mcl_view_range blur_sigma; /* its standard deviation in pixels, 0.01 to 100 */
    /* Each element is replaced with this probability by another row's element of the same column.
     */
    float corruption;
    bool corrupt_first; /* in the first view only */
    /* For sequences, rows of time × channels. */
    float amplitude; /* values are multiplied by 1 − amplitude … 1 + amplitude, a draw a channel; at
                        most 1 */
    float span;      /* so much of the time, in one run over all channels, is hidden; below 1 */
    float noise;     /* the standard deviation of Gaussian noise */
    mcl_mask mask;
    mcl_mask_relation relation;
} mcl_view_options;

#define MCL_VIEW_OPTIONS_SIZE 512 /* bytes of their text at most */

/* Parses parts joined by commas, "affine:0.2,flip,mask:bernoulli:0.5": what is not named is not
 * done. mcl_view_part_describe() has them all. "none" stands for no parts. */
MCL_API mcl_status mcl_view_options_parse(mcl_view_options *options, const char *text);

/* Writes them as mcl_view_options_parse() reads them, whatever the locale. */
MCL_API void mcl_view_options_show(
    char text[MCL_VIEW_OPTIONS_SIZE], const mcl_view_options *options);

/* first and second [rows × columns] = the views of rows from `row` on in an epoch of a run with
 * this seed. MCL_ERROR_ARGUMENT when the data cannot have such views. */
MCL_API mcl_status mcl_views_draw(float *first, float *second, mcl_context *context,
    const mcl_data *data, const mcl_view_options *options, uint64_t seed, uint32_t epoch,
    uint64_t row, uint64_t rows);

#ifdef __cplusplus
}
#endif

#endif
