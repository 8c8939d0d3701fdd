/* Copies of a small operand in the order in which the product reads it. */
#include "common.clh"

/* out[j·ldo + i] = in[i·ldi + j] for i < rows, j < columns; out's rows are padded with zeros from
 * rows to ldo. Work-item (i, j). */
kernel void transpose(const global float *in, const ulong offset, const uint ldi, global float *out,
    const uint ldo, const uint rows, const uint columns)
{
    const uint i = get_global_id(0), j = get_global_id(1);
    if (i < ldo && j < columns)
        out[(ulong)j * ldo + i] = i < rows ? in[offset + (ulong)i * ldi + j] : 0.0f;
}

/* out[i·ldo + j] = in[i·ldi + j] for i < rows, j < columns, and 0 for columns ≤ j < ldo.
 * Work-item (j, i). */
kernel void pad(const global float *in, const ulong offset, const uint ldi, global float *out,
    const uint ldo, const uint rows, const uint columns)
{
    const uint j = get_global_id(0), i = get_global_id(1);
    if (j < ldo && i < rows)
        out[(ulong)i * ldo + j] = j < columns ? in[offset + (ulong)i * ldi + j] : 0.0f;
}
