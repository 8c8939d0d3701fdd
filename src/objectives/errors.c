/* SPDX-License-Identifier: Apache-2.0 */
#include "objectives/errors.h"

#include <stdio.h>

#include "device/profile.h"

static mcl_status find_kernels(mcl_errors *errors)
{
    const unsigned flags = errors->flags;
    mcl_context *context = errors->context;
    char options[64];
    snprintf(options, sizeof options, "-D TARGET=%s -D BCE=%d -D ALTERED=%d",
        flags & MCL_ERRORS_BYTES ? "uchar" : "float", flags & MCL_ERRORS_BCE ? 1 : 0,
        flags & MCL_ERRORS_ALTERED ? 1 : 0);
    MCL_TRY(mcl_kernel_find(&errors->elements, context, "errors.cl", "element_errors", options));
    MCL_TRY(mcl_kernel_find(&errors->sums, context, "errors.cl", "error_sums", options));
    MCL_TRY(mcl_kernel_find(&errors->count, context, "errors.cl", "altered_counts", options));
    return mcl_kernel_find(&errors->mean, context, "errors.cl", "altered_mean", options);
}

mcl_status mcl_errors_create(
    mcl_errors *errors, mcl_context *context, uint32_t rows, uint32_t columns, unsigned flags)
{
    *errors = (mcl_errors){.context = context, .rows = rows, .columns = columns, .flags = flags};
    MCL_TRY(find_kernels(errors));
    MCL_TRY(mcl_buffer_create(
        &errors->values, context, rows, columns * sizeof(float), "errors of the elements"));
    if (!(flags & MCL_ERRORS_ALTERED))
        return MCL_OK;
    MCL_TRY(mcl_terms_create(&errors->counts, context, rows));
    return mcl_buffer_create(&errors->altered_count, context, 1, sizeof(float), "counts");
}

void mcl_errors_release(mcl_errors *errors)
{
    mcl_buffer_release(&errors->values);
    mcl_terms_release(&errors->counts);
    mcl_buffer_release(&errors->altered_count);
}

static mcl_status count_altered(mcl_errors *errors, cl_mem altered)
{
    mcl_context *context = errors->context;
    mcl_profile_work(context, NULL, 0.0, (double)errors->rows * errors->columns);
    MCL_TRY(mcl_run_rows(errors->count, errors->rows, MCL_BUFFER(altered), MCL_UINT(errors->rows),
        MCL_UINT(errors->columns), MCL_BUFFER(errors->counts.values), MCL_LOCAL(MCL_ROW_SPACE)));
    return mcl_sums_run(&errors->counts.sums, errors->counts.values, errors->rows, 1.0f,
        errors->counts.workspace, errors->altered_count, 0);
}

mcl_status mcl_errors_run(mcl_errors *errors, cl_mem output, cl_mem targets, uint32_t target_rows,
    cl_mem altered, float scale, float factor, cl_mem sums, uint32_t to, cl_mem gradient)
{
    mcl_context *context = errors->context;
    const uint32_t rows = errors->rows, n = errors->columns;
    const bool only_altered = errors->flags & MCL_ERRORS_ALTERED;
    if (only_altered)
        MCL_TRY(count_altered(errors, altered));
    /* Without it, what stands in for the altered elements and their count is not read. */
    const cl_mem count = only_altered ? errors->altered_count : errors->values;
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 4.0 * rows * n);
    MCL_TRY(mcl_run_elements(errors->elements, n, rows, MCL_BUFFER(output), MCL_BUFFER(targets),
        MCL_UINT(target_rows), MCL_UINT(n), MCL_FLOAT(scale),
        MCL_BUFFER(only_altered ? altered : output), MCL_BUFFER(count), MCL_BUFFER(errors->values),
        MCL_BUFFER(gradient)));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 1.0 * rows * n);
    return mcl_run_rows(errors->sums, rows, MCL_BUFFER(errors->values), MCL_UINT(rows), MCL_UINT(n),
        MCL_FLOAT(factor), MCL_BUFFER(sums), MCL_UINT(to), MCL_LOCAL(MCL_ROW_SPACE));
}

mcl_status mcl_errors_altered_mean(const mcl_errors *errors, cl_mem metrics, uint64_t at)
{
    return mcl_run_elements(
        errors->mean, 1, 1, MCL_BUFFER(metrics), MCL_ULONG(at), MCL_BUFFER(errors->altered_count));
}
