/* SPDX-License-Identifier: Apache-2.0 */
/* IDX, the format of MNIST (LeCun, Cortes and Burges 1998): two zero bytes, the elements' type, the
 * number of dimensions, each dimension's size as four bytes, the values; all big-endian. */
#include <stdint.h>

#include "base/error.h"
#include "data/formats.h"

#define TYPE_UNSIGNED_BYTE 0x08
#define DIMENSIONS_MAX 8

/* NULL for an unknown type. */
static const char *type_name(unsigned char type)
{
    switch (type) {
    case TYPE_UNSIGNED_BYTE:
        return "unsigned bytes";
    case 0x09:
        return "signed bytes";
    case 0x0B:
        return "16-bit integers";
    case 0x0C:
        return "32-bit integers";
    case 0x0D:
        return "float32";
    case 0x0E:
        return "float64";
    default:
        return NULL;
    }
}

static bool is_magic(unsigned char a, unsigned char b, unsigned char c)
{
    return a == 0 && b == 0 && type_name(c);
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
    const unsigned char type = magic[2], dimensions = magic[3];
    if (is_reversed(magic))
        return mcl_source_fail(source, 0,
            "the IDX magic number is in little-endian order (%02x %02x %02x %02x); IDX is "
            "big-endian throughout",
            magic[0], magic[1], magic[2], magic[3]);
    if (type != TYPE_UNSIGNED_BYTE)
        return mcl_source_fail(source, 2,
            "the IDX element type is 0x%02x (%s); only 0x08 (unsigned bytes) is read: save other "
            "numbers as .npy",
            type, type_name(type));
    if (dimensions < 1 || dimensions > DIMENSIONS_MAX)
        return mcl_source_fail(source, 3, "an IDX file of %d dimensions; 1 to %d are read",
            dimensions, DIMENSIONS_MAX);
    unsigned char sizes[DIMENSIONS_MAX][4];
    MCL_TRY(mcl_source_read_whole(source, sizes, 4 * (size_t)dimensions, "an IDX header"));
    array->type = MCL_ARRAY_UINT8;
    array->dimensions = dimensions;
    for (size_t d = 0; d < dimensions; d++)
        array->shape[d] = (uint64_t)sizes[d][0] << 24 | (uint64_t)sizes[d][1] << 16 |
                          (uint64_t)sizes[d][2] << 8 | sizes[d][3];
    return MCL_OK;
}
