/* SPDX-License-Identifier: Apache-2.0 */
#include "objectives/errors.h"

#include <stdio.h>

#include "device/profile.h"

static mcl_status find_column_kernels(mcl_errors *errors)
{
    const unsigned flags = errors->flags;
    char options[64];
    snprintf(options, sizeof options, "-D TARGET=%s -D MASK=%d -D ALTERED=%d",
        flags & MCL_ERRORS_BYTES ? "uchar" : "float", flags & MCL_ERRORS_BCE ? 1 : 0,
        flags & MCL_ERRORS_ALTERED ? 1 : 0);
    MCL_TRY(mcl_kernel_find(
        &errors->elements, errors->context, "columns.cl", "column_errors", options));
    return mcl_kernel_find(
        &errors->count, errors->context, "columns.cl", "altered_columns", options);
}

static mcl_status find_kernels(mcl_errors *errors)
{
    const unsigned flags = errors->flags;
    mcl_context *context = errors->context;
    char options[64];
    snprintf(options, sizeof options, "-D TARGET=%s -D BCE=%d -D ALTERED=%d",
        flags & MCL_ERRORS_BYTES ? "uchar" : "float", flags & MCL_ERRORS_BCE ? 1 : 0,
        flags & MCL_ERRORS_ALTERED ? 1 : 0);
    MCL_TRY(mcl_kernel_find(&errors->sums, context, "errors.cl", "error_sums", options));
    MCL_TRY(mcl_kernel_find(&errors->mean, context, "errors.cl", "altered_mean", options));
    if (errors->groups)
        return find_column_kernels(errors);
    MCL_TRY(mcl_kernel_find(&errors->elements, context, "errors.cl", "element_errors", options));
    return mcl_kernel_find(&errors->count, context, "errors.cl", "altered_counts", options);
}

mcl_status mcl_errors_create(mcl_errors *errors, mcl_context *context, uint32_t rows,
    uint32_t columns, unsigned flags, const mcl_groups *groups)
{
    *errors = (mcl_errors){
        .context = context, .rows = rows, .columns = columns, .terms = columns, .flags = flags};
    if (groups->columns) {
        errors->terms = groups->count;
        MCL_TRY(mcl_buffer_create_from(&errors->groups, context, groups->columns, groups->count,
            sizeof *groups->columns, "columns of the data"));
    }
    MCL_TRY(find_kernels(errors));
    MCL_TRY(mcl_buffer_create(
        &errors->values, context, rows, errors->terms * sizeof(float), "errors of the elements"));
    if (!(flags & MCL_ERRORS_ALTERED))
        return MCL_OK;
    MCL_TRY(mcl_terms_create(&errors->counts, context, rows));
    return mcl_buffer_create(&errors->altered_count, context, 1, sizeof(float), "counts");
}

void mcl_errors_release(mcl_errors *errors)
{
    mcl_buffer_release(&errors->groups);
    mcl_buffer_release(&errors->values);
    mcl_terms_release(&errors->counts);
    mcl_buffer_release(&errors->altered_count);
}

static mcl_status count_altered(mcl_errors *errors, cl_mem altered)
{
    mcl_context *context = errors->context;
    mcl_profile_work(context, NULL, 0.0, (double)errors->rows * errors->terms);
    if (errors->groups)
        MCL_TRY(mcl_run_rows(errors->count, errors->rows, MCL_BUFFER(errors->groups),
            MCL_UINT(errors->terms), MCL_BUFFER(altered), MCL_UINT(errors->rows),
            MCL_UINT(errors->columns), MCL_BUFFER(errors->counts.values),
            MCL_LOCAL(MCL_ROW_SPACE)));
    else
        MCL_TRY(mcl_run_rows(errors->count, errors->rows, MCL_BUFFER(altered),
            MCL_UINT(errors->rows), MCL_UINT(errors->columns), MCL_BUFFER(errors->counts.values),
            MCL_LOCAL(MCL_ROW_SPACE)));
    return mcl_sums_run(&errors->counts.sums, errors->counts.values, errors->rows, 1.0f,
        errors->counts.workspace, errors->altered_count, 0);
}

/* The errors of all terms, and their slopes. count is the number of altered ones. */
static mcl_status run_terms(mcl_errors *errors, cl_mem output, cl_mem targets, uint32_t target_rows,
    cl_mem altered, cl_mem count, float scale, cl_mem gradient)
{
    const uint32_t rows = errors->rows, n = errors->columns;
    const bool squares = !(errors->flags & MCL_ERRORS_BCE);
    mcl_profile_work(errors->context, NULL, 0.0, sizeof(float) * (3.0 * n + errors->terms) * rows);
    if (errors->groups)
        return mcl_run_elements(errors->elements, errors->terms, rows, MCL_BUFFER(errors->groups),
            MCL_UINT(errors->terms), MCL_BUFFER(output), MCL_BUFFER(targets), MCL_UINT(target_rows),
            MCL_UINT(n), MCL_FLOAT(scale), MCL_BUFFER(altered), MCL_BUFFER(count),
            MCL_BUFFER(errors->values), MCL_BUFFER(gradient));
    return mcl_run_elements(errors->elements, n, rows, MCL_BUFFER(output), MCL_BUFFER(targets),
        MCL_UINT(target_rows), MCL_UINT(n), MCL_FLOAT(squares ? 2.0f * scale : scale),
        MCL_BUFFER(altered), MCL_BUFFER(count), MCL_BUFFER(errors->values), MCL_BUFFER(gradient));
}

mcl_status mcl_errors_run(mcl_errors *errors, cl_mem output, cl_mem targets, uint32_t target_rows,
    cl_mem altered, float scale, float factor, cl_mem sums, uint32_t to, cl_mem gradient)
{
    mcl_context *context = errors->context;
    const uint32_t rows = errors->rows, n = errors->terms;
    const bool only_altered = errors->flags & MCL_ERRORS_ALTERED;
    if (only_altered)
        MCL_TRY(count_altered(errors, altered));
    /* Without it, what stands in for the altered elements and their count is not read. */
    const cl_mem count = only_altered ? errors->altered_count : errors->values;
    MCL_TRY(run_terms(errors, output, targets, target_rows, only_altered ? altered : output, count,
        scale, gradient));
    mcl_profile_work(context, NULL, 0.0, sizeof(float) * 1.0 * rows * n);
    return mcl_run_rows(errors->sums, rows, MCL_BUFFER(errors->values), MCL_UINT(rows), MCL_UINT(n),
        MCL_FLOAT(factor), MCL_BUFFER(sums), MCL_UINT(to), MCL_LOCAL(MCL_ROW_SPACE));
}

mcl_status mcl_errors_altered_mean(const mcl_errors *errors, cl_mem metrics, uint64_t at)
{
    return mcl_run_elements(
        errors->mean, 1, 1, MCL_BUFFER(metrics), MCL_ULONG(at), MCL_BUFFER(errors->altered_count));
}
