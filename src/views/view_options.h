/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the options of views. */
#ifndef MASKCL_VIEWS_VIEW_OPTIONS_H
#define MASKCL_VIEWS_VIEW_OPTIONS_H

#include "maskcl/data.h"
#include "maskcl/views.h"

/* MCL_ERROR_ARGUMENT for options that make no sense by themselves, or for this data. On success
 * image is the image that views are made of: height, width, channels of a row, or one line of
 * columns where nothing needs an image. */
mcl_status mcl_view_options_check(
    uint32_t image[3], const mcl_view_options *options, const mcl_data *data);

/* image = height, width and channels of the data's rows; what needs them, and what can be used
 * instead, is said in the message where they are no images. */
mcl_status mcl_view_image_find(
    uint32_t image[3], const mcl_data *data, const char *what, const char *instead);

/* The same as mcl_view_options_check() for a mask alone. */
mcl_status mcl_mask_check(uint32_t image[3], const mcl_mask *mask, const mcl_data *data);

#endif
