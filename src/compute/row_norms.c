/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/row_norms.h"

#include "device/profile.h"

mcl_status mcl_row_norms_find(mcl_row_norms *norms, mcl_context *context)
{
    norms->context = context;
    MCL_TRY(mcl_kernel_find(&norms->inverse, context, "normalize.cl", "inverse_norms", ""));
    return mcl_kernel_find(&norms->normalize, context, "normalize.cl", "normalize_rows", "");
}

mcl_status mcl_row_norms_invert(
    const mcl_row_norms *norms, cl_mem z, uint32_t rows, uint32_t columns, cl_mem inverse)
{
    return mcl_run_rows(norms->inverse, rows, MCL_BUFFER(z), MCL_UINT(rows), MCL_UINT(columns),
        MCL_BUFFER(inverse), MCL_LOCAL(MCL_ROW_SPACE));
}

mcl_status mcl_row_norms_normalize(const mcl_row_norms *norms, cl_mem z, uint32_t rows,
    uint32_t columns, cl_mem inverse, cl_mem normalized)
{
    mcl_profile_work(norms->context, NULL, 0.0, sizeof(float) * 2.0 * rows * columns);
    return mcl_run_rows(norms->normalize, rows, MCL_BUFFER(z), MCL_UINT(rows), MCL_UINT(columns),
        MCL_BUFFER(inverse), MCL_BUFFER(normalized), MCL_LOCAL(MCL_ROW_SPACE));
}
