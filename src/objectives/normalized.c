/* SPDX-License-Identifier: Apache-2.0 */
#include "objectives/normalized.h"

#include "device/profile.h"

mcl_status mcl_normalized_create(
    mcl_normalized *normalized, mcl_context *context, uint32_t rows, uint32_t columns)
{
    const uint64_t elements = (uint64_t)rows * columns;
    *normalized = (mcl_normalized){.context = context, .rows = rows, .columns = columns};
    MCL_TRY(mcl_row_norms_find(&normalized->norms, context));
    MCL_TRY(
        mcl_kernel_find(&normalized->backward, context, "normalize.cl", "normalize_backward", ""));
    MCL_TRY(mcl_buffer_create(&normalized->inverse, context, rows, sizeof(float), "norms"));
    MCL_TRY(mcl_buffer_create(
        &normalized->values, context, elements, sizeof(float), "normalised embeddings"));
    return mcl_buffer_create(&normalized->gradient, context, elements, sizeof(float),
        "gradients of the normalised embeddings");
}

void mcl_normalized_release(mcl_normalized *normalized)
{
    mcl_buffer_release(&normalized->inverse);
    mcl_buffer_release(&normalized->values);
    mcl_buffer_release(&normalized->gradient);
}

mcl_status mcl_normalized_forward(mcl_normalized *normalized, cl_mem z)
{
    return mcl_row_norms_normalize(&normalized->norms, z, normalized->rows, normalized->columns,
        normalized->inverse, normalized->values);
}

mcl_status mcl_normalized_backward(mcl_normalized *normalized, mcl_gradient *dz)
{
    const uint32_t r = normalized->rows, n = normalized->columns;
    mcl_profile_work(normalized->context, NULL, 0.0, sizeof(float) * 3.0 * r * n);
    return mcl_run_rows(normalized->backward, r, MCL_BUFFER(normalized->values),
        MCL_BUFFER(normalized->gradient), MCL_BUFFER(normalized->inverse), MCL_UINT(r), MCL_UINT(n),
        MCL_UINT(mcl_gradient_accumulates(dz)), MCL_BUFFER(dz->buffer), MCL_LOCAL(MCL_ROW_SPACE));
}
