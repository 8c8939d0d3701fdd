/* SPDX-License-Identifier: Apache-2.0 */
/* IDX, the format of MNIST (LeCun, Cortes and Burges 1998): two zero bytes, the elements' type, the
 * number of dimensions, each dimension's size as four bytes, the values; all big-endian. */
#include <stdint.h>

#include "base/error.h"
#include "data/formats.h"

#define DIMENSIONS_MAX 8

static const struct {
    unsigned char code;
    mcl_number type;
} types[] = {
    {0x08, MCL_NUMBER_UINT8},
    {0x09, MCL_NUMBER_INT8},
    {0x0B, MCL_NUMBER_INT16},
    {0x0C, MCL_NUMBER_INT32},
    {0x0D, MCL_NUMBER_FLOAT32},
    {0x0E, MCL_NUMBER_FLOAT64},
};

/* *type = what a code is for; false for an unknown one. */
static bool find_type(mcl_number *type, unsigned char code)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].code != code)
            continue;
        *type = types[i].type;
        return true;
    }
    return false;
}

static bool is_magic(unsigned char a, unsigned char b, unsigned char c)
{
    mcl_number type;
    return a == 0 && b == 0 && find_type(&type, c);
}

/* The magic number with its bytes swapped, as a careless little-endian writer stores it. */
static bool is_reversed(const unsigned char magic[MCL_MAGIC_BYTES])
{
    return is_magic(magic[3], magic[2], magic[1]) && magic[0] >= 1 && magic[0] <= DIMENSIONS_MAX;
}

bool mcl_idx_recognize(const unsigned char magic[MCL_MAGIC_BYTES])
{
    return is_magic(magic[0], magic[1], magic[2]) || is_reversed(magic);
}

mcl_status mcl_idx_header(
    mcl_array *array, mcl_source *source, const unsigned char magic[MCL_MAGIC_BYTES])
{
    const unsigned char dimensions = magic[3];
    if (is_reversed(magic))
        return mcl_source_fail(source, 0,
            "the IDX magic number is in little-endian order (%02x %02x %02x %02x); IDX is "
            "big-endian throughout",
            magic[0], magic[1], magic[2], magic[3]);
    if (dimensions < 1 || dimensions > DIMENSIONS_MAX)
        return mcl_source_fail(source, 3, "an IDX file of %d dimensions; 1 to %d are read",
            dimensions, DIMENSIONS_MAX);
    unsigned char sizes[DIMENSIONS_MAX][4];
    MCL_TRY(mcl_source_read_whole(source, sizes, 4 * (size_t)dimensions, "an IDX header"));
    (void)find_type(&array->type, magic[2]); /* it was recognized by that */
    array->big_endian = true;
    array->dimensions = dimensions;
    for (size_t d = 0; d < dimensions; d++)
        array->shape[d] = (uint64_t)sizes[d][0] << 24 | (uint64_t)sizes[d][1] << 16 |
                          (uint64_t)sizes[d][2] << 8 | sizes[d][3];
    return MCL_OK;
}
