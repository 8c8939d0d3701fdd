/* SPDX-License-Identifier: Apache-2.0 */
/* The order of the dimensions of arrays of images. */
#ifndef MASKCL_DATA_CHANNELS_H
#define MASKCL_DATA_CHANNELS_H

#include "maskcl/data.h"

/* Gives *data, where its rows are channels × height × width, another one in its place whose rows
 * are height × width × channels: where options->channels says so, or options->schema has images
 * that these are in the other order. Images have that order already. */
mcl_status mcl_channels_last(mcl_data **data, const mcl_data_options *options);

#endif
