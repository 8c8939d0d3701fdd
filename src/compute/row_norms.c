/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/row_norms.h"

#include "device/profile.h"

mcl_status mcl_inverse_norms(
    mcl_context *context, cl_mem z, uint32_t rows, uint32_t columns, cl_mem inverse)
{
    cl_kernel kernel;
    MCL_TRY(mcl_kernel_get(&kernel, context, "normalize.cl", "inverse_norms", ""));
    return mcl_launch(
        context, kernel, rows, 1, MCL_BUFFER(z), MCL_UINT(columns), MCL_BUFFER(inverse));
}

mcl_status mcl_normalize_rows(mcl_context *context, cl_mem z, uint32_t rows, uint32_t columns,
    cl_mem inverse, cl_mem normalized)
{
    cl_kernel kernel;
    MCL_TRY(mcl_inverse_norms(context, z, rows, columns, inverse));
    MCL_TRY(mcl_kernel_get(&kernel, context, "normalize.cl", "normalize_rows", ""));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 2.0 * rows * columns);
    return mcl_launch(context, kernel, columns, rows, MCL_BUFFER(z), MCL_BUFFER(inverse),
        MCL_UINT(columns), MCL_BUFFER(normalized));
}
