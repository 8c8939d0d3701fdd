/* SPDX-License-Identifier: Apache-2.0 */
/* How a kernel's work-items are mapped to a matrix: two ways, of which cl/common.clh says what they
 * mean for a kernel's text. */
#ifndef MASKCL_DEVICE_GEOMETRY_H
#define MASKCL_DEVICE_GEOMETRY_H

#include <stdbool.h>

#include "device/program.h"

typedef enum mcl_mapping {
    MCL_MAP_ROWS,
    MCL_MAP_COLUMNS,
    MCL_MAP_WHOLE_COLUMNS,
    MCL_MAP_ELEMENTS,
    MCL_MAP_VECTORS
} mcl_mapping;

typedef struct mcl_geometry {
    size_t global[3], local[3];
    bool open; /* the driver, or whatever chooses for it, chooses the work-groups: no local */
    size_t narrowest; /* what local[0] may be halved to where a driver refuses the work-groups */
} mcl_geometry;

/* The geometry of a kernel that is built, for a matrix of so many columns and rows:
 *   rows      a row is an item's (on CPUs), or that of 16 items; columns does not count
 *   columns   an item has MCL_WIDTH adjacent columns of one of `rows` blocks of rows
 *   whole columns  the same, but a work-group has all blocks of its columns: it is alone along
 *             dimension 1, and its items there share them
 *   elements  an item has an element
 *   vectors   an item has MCL_WIDTH adjacent elements of a row
 * On devices that are not CPUs work-groups have 64 to 256 items, of columns 16 to 64, where the
 * kernel and the device can have them, and global sizes are whole work-groups: rows are padded in
 * the first, columns in the others. */
mcl_geometry mcl_geometry_of(
    const mcl_kernel *kernel, mcl_mapping mapping, size_t columns, size_t rows);

#endif
