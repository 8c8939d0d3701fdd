/* SPDX-License-Identifier: Apache-2.0 */
/* A data set in two parts. */
#ifndef MASKCL_DATA_SPLIT_H
#define MASKCL_DATA_SPLIT_H

#include "maskcl/data.h"

/* *held = the rows whose draw, (w0 << 32) | w1 of the first two words of a row in the stream
 * MCL_STREAM_HELD_OUT, is below part·2^64; *rest = the others; both in the order of data, with its
 * schema, in files of their own where they are too large for memory. Whether a row is held depends
 * on its number and the seed alone. MCL_ERROR_DATA where one of the two has fewer than 2 rows. */
mcl_status mcl_data_split(
    mcl_data **rest, mcl_data **held, const mcl_data *data, double part, uint64_t seed);

#endif
