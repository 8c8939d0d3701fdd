/* SPDX-License-Identifier: Apache-2.0 */
/* The formats that arrays are read from. Each knows its files by their first four bytes. */
#ifndef MASKCL_DATA_FORMATS_H
#define MASKCL_DATA_FORMATS_H

#include <stdbool.h>

#include "data/array.h"

#define MCL_MAGIC_BYTES 4

/* Whether a file with these first bytes is of the format, even if it is then refused. */
bool mcl_idx_recognize(const unsigned char magic[MCL_MAGIC_BYTES]);
bool mcl_npy_recognize(const unsigned char magic[MCL_MAGIC_BYTES]);

/* Reads the rest of the header: type, dimensions and shape (which may have zeros). */
mcl_status mcl_idx_header(
    mcl_array *array, mcl_source *source, const unsigned char magic[MCL_MAGIC_BYTES]);
mcl_status mcl_npy_header(
    mcl_array *array, mcl_source *source, const unsigned char magic[MCL_MAGIC_BYTES]);

#endif
