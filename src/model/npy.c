/* SPDX-License-Identifier: Apache-2.0 */
/* Writing NumPy's .npy format, version 1.0 (numpy/lib/format.py). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "maskcl/output.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "values are declared little-endian and are written as they are in memory");

#define DIMENSIONS_MAX 32 /* of every NumPy */
#define PREFIX_BYTES 10   /* magic, version, length of the header */
#define ALIGNMENT 64      /* of the data in the file */

/* Writes the shape as Python writes a tuple, with a comma after the only element of one. */
static void format_shape(char *text, size_t size, const uint64_t *shape, size_t dimensions)
{
    size_t used = (size_t)snprintf(text, size, "(");
    for (size_t d = 0; d < dimensions; d++)
        used += (size_t)snprintf(text + used, size - used, d ? ", %" PRIu64 : "%" PRIu64, shape[d]);
    snprintf(text + used, size - used, dimensions == 1 ? ",)" : ")");
}

/* Writes the prefix and the header, which ends in a newline at a multiple of ALIGNMENT. */
static mcl_status write_header(mcl_output *output, const uint64_t *shape, size_t dimensions)
{
    char tuple[DIMENSIONS_MAX * sizeof ", 18446744073709551615"];
    char header[sizeof tuple + 2 * ALIGNMENT];
    format_shape(tuple, sizeof tuple, shape, dimensions);
    const int length = snprintf(
        header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", tuple);
    const size_t used = PREFIX_BYTES + (size_t)length + 1;
    const size_t bytes = (used + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT - PREFIX_BYTES;
    const unsigned char prefix[PREFIX_BYTES] = {
        0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)bytes, (unsigned char)(bytes >> 8)};
    memset(header + length, ' ', bytes - (size_t)length - 1);
    header[bytes - 1] = '\n';
    MCL_TRY(mcl_output_write(output, prefix, sizeof prefix));
    return mcl_output_write(output, header, bytes);
}

mcl_status mcl_write_npy(
    const char *path, const float *values, const uint64_t *shape, size_t dimensions)
{
    MCL_NEED(path);
    MCL_NEED(values);
    MCL_NEED(shape);
    uint64_t bytes = sizeof *values;
    if (dimensions > DIMENSIONS_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s: an array of %zu dimensions cannot be written: NumPy reads at most %d", path,
            dimensions, DIMENSIONS_MAX);
    for (size_t d = 0; d < dimensions; d++) {
        if (!mcl_multiply(&bytes, bytes, shape[d]) || bytes > SIZE_MAX)
            return mcl_fail(MCL_ERROR_ARGUMENT, "%s: the array's shape is too large", path);
    }
    mcl_output *output;
    MCL_TRY(mcl_output_open(&output, path, MCL_OUTPUT_RESULT));
    mcl_status status = write_header(output, shape, dimensions);
    if (status == MCL_OK)
        status = mcl_output_write(output, values, (size_t)bytes);
    if (status == MCL_OK)
        return mcl_output_commit(output);
    mcl_output_abandon(output);
    return status;
}
