/* Checks of the options of pre-training. */
#ifndef MASKCL_SSL_OPTIONS_H
#define MASKCL_SSL_OPTIONS_H

#include "maskcl/pretrain.h"

/* MCL_ERROR_ARGUMENT for options that make no sense by themselves, or for this data. On success
 * *batch is the number of rows of every batch. */
mcl_status mcl_pretrain_check(
    uint32_t *batch, const mcl_pretrain_options *options, const mcl_data *data);

/* The image that block masks are drawn for: height, width, channels of a row. MCL_ERROR_ARGUMENT
 * when rows are no images. */
mcl_status mcl_mask_check(uint32_t image[3], const mcl_mask *mask, const mcl_data *data);

#endif
