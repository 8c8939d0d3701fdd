/* SPDX-License-Identifier: Apache-2.0 */
#include "objectives/errors.h"

#include <stdio.h>

#include "compute/sums.h"
#include "device/profile.h"

mcl_status mcl_errors_create(
    mcl_errors *errors, mcl_context *context, uint32_t rows, uint32_t columns, unsigned flags)
{
    *errors = (mcl_errors){.context = context, .rows = rows, .columns = columns, .flags = flags};
    snprintf(errors->options, sizeof errors->options, "-D TARGET=%s -D BCE=%d -D ALTERED=%d",
        flags & MCL_ERRORS_BYTES ? "uchar" : "float", flags & MCL_ERRORS_BCE ? 1 : 0,
        flags & MCL_ERRORS_ALTERED ? 1 : 0);
    MCL_TRY(mcl_kernel_expect(context, "errors.cl", errors->options));
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
    cl_kernel kernel;
    MCL_TRY(mcl_kernel_get(&kernel, context, "errors.cl", "altered_counts", errors->options));
    mcl_profile_work(context, NULL, 0.0, (double)errors->rows * errors->columns);
    MCL_TRY(mcl_launch(context, kernel, errors->rows, 1, MCL_BUFFER(altered),
        MCL_UINT(errors->columns), MCL_BUFFER(errors->counts.values)));
    return mcl_sum(context, errors->counts.values, errors->rows, 1.0f, errors->counts.space,
        errors->altered_count, 0);
}

mcl_status mcl_errors_run(mcl_errors *errors, cl_mem output, cl_mem targets, uint32_t target_rows,
    cl_mem altered, float scale, float factor, cl_mem sums, uint32_t to, cl_mem gradient)
{
    mcl_context *context = errors->context;
    const uint32_t rows = errors->rows, n = errors->columns;
    const bool only_altered = errors->flags & MCL_ERRORS_ALTERED;
    cl_kernel kernel;
    if (only_altered)
        MCL_TRY(count_altered(errors, altered));
    /* Without it, what stands in for the altered elements and their count is not read. */
    const cl_mem count = only_altered ? errors->altered_count : errors->values;
    MCL_TRY(mcl_kernel_get(&kernel, context, "errors.cl", "element_errors", errors->options));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 4.0 * rows * n);
    MCL_TRY(mcl_launch(context, kernel, n, rows, MCL_BUFFER(output), MCL_BUFFER(targets),
        MCL_UINT(target_rows), MCL_UINT(n), MCL_FLOAT(scale),
        MCL_BUFFER(only_altered ? altered : output), MCL_BUFFER(count), MCL_BUFFER(errors->values),
        MCL_BUFFER(gradient)));
    MCL_TRY(mcl_kernel_get(&kernel, context, "errors.cl", "error_sums", errors->options));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 1.0 * rows * n);
    return mcl_launch(context, kernel, rows, 1, MCL_BUFFER(errors->values), MCL_UINT(n),
        MCL_FLOAT(factor), MCL_BUFFER(sums), MCL_UINT(to));
}

mcl_status mcl_errors_altered_mean(const mcl_errors *errors, cl_mem metrics, uint64_t at)
{
    cl_kernel kernel;
    MCL_TRY(mcl_kernel_get(&kernel, errors->context, "errors.cl", "altered_mean", errors->options));
    return mcl_launch(errors->context, kernel, 1, 1, MCL_BUFFER(metrics), MCL_ULONG(at),
        MCL_BUFFER(errors->altered_count));
}
