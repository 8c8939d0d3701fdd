/* SPDX-License-Identifier: Apache-2.0 */
/* What epilogue.clh does, on its own: for products that CLBlast has computed. Built with ACTIVATION
 * as there. */
#include "common.clh"
#include "epilogue.clh"

/* c[m×n], its rows ldc apart, holds the product. Work-item (j, i) has the element of row i, column
 * j. */
kernel void NAME(epilogue_product)(const uint how, global float *restrict c, const ulong offset,
    const uint ldc, const global float *restrict bias, const ulong bias_offset,
    global float *restrict kept, const ulong kept_offset, const uint n)
{
    const uint j = get_global_id(0), i = get_global_id(1);
    if (MCL_PADS(j, n))
        return;
    global float *to = c + offset + (ulong)i * ldc + j;
    NAME(epilogue)(how, to, *to, 1.0f, 0.0f, bias + bias_offset + j, kept + kept_offset + (ulong)i * n + j);
}
