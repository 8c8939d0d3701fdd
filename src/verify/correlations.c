/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of the objectives that look at columns and how they correlate: vicreg and barlow. */
#include <math.h>

#include "base/rounding.h"
#include "verify/objectives.h"
#include "verify/reference.h"

/* The chain over the rows of column j of a view of z. */
static float column_mean(const float *z, size_t j)
{
    float total = 0.0f;
    for (size_t i = 0; i < B; i++)
        total += z[i * E + j];
    return mcl_host_divide(total, (float)B);
}

/* Random views: the first column is constant, the second has a tiny number beside large ones whose
 * sum is 0, and some of the others deviate by more than 1. */
static mcl_status make_views(float **z, cl_mem *buffer, mcl_checker *checker, uint64_t seed)
{
    MCL_TRY(mcl_checker_numbers(z, buffer, checker, R * E, seed));
    make_tiny(*z, R, E);
    for (size_t i = 0; i < R; i++) {
        float *row = *z + i * E;
        row[1] = i % B == B - 1 ? TINY : i % B % 2 ? -64.0f : 64.0f;
        for (size_t j = 2; j < E; j += 2)
            row[j] *= 3.0f;
    }
    return mcl_checker_write(checker, *buffer, *z, R * E);
}

/* Correlations: count matrices [E×E]. */
static mcl_status make_correlations(
    float **c, cl_mem *buffer, mcl_checker *checker, size_t count, uint64_t seed)
{
    MCL_TRY(mcl_checker_numbers(c, buffer, checker, count * E * E, seed));
    make_tiny(*c, count * E, E);
    return mcl_checker_write(checker, *buffer, *c, count * E * E);
}

/* The sum of the squares of row i of c[E×E] but the one on the diagonal, which becomes 0; the
 * others become scale times themselves. */
static float square_and_scale(float *row, size_t i, float scale)
{
    row[i] = 0.0f;
    const float squares = mcl_reference_dot(row, row, E);
    for (size_t j = 0; j < E; j++)
        row[j] = mcl_host_flush(scale * row[j]);
    return squares;
}

static mcl_status check_vicreg_columns(mcl_checker *checker, const float *z, cl_mem z_buffer)
{
    const float term = (float)(25.0 / (2.0 * E));
    const float scale = (float)(0.3 * 25.0 / (2.0 * E * (B - 1)));
    float *centred, *pull, *terms;
    cl_mem centred_buffer, pull_buffer, terms_buffer;
    MCL_TRY(mcl_checker_result(&centred, &centred_buffer, checker, R * E));
    MCL_TRY(mcl_checker_result(&pull, &pull_buffer, checker, 2 * E));
    MCL_TRY(mcl_checker_result(&terms, &terms_buffer, checker, 2 * E));
    for (size_t at = 0; at < 2 * E; at++) {
        const size_t j = at % E, first = at / E * B * E;
        const float mean = column_mean(z + first, j);
        float squares = 0.0f;
        for (size_t i = 0; i < B; i++) {
            const float difference = mcl_host_flush(z[first + i * E + j] - mean);
            centred[first + i * E + j] = difference;
            squares = fmaf(difference, difference, squares);
        }
        const float sigma = mcl_host_sqrt(mcl_host_divide(squares, (float)(B - 1)) + 1e-4f);
        terms[at] = sigma < 1.0f ? term * (1.0f - sigma) : 0.0f;
        pull[at] = sigma < 1.0f ? -mcl_host_divide(scale, sigma) : 0.0f;
    }
    MCL_TRY(mcl_checker_run_elements(checker, "vicreg.cl", "vicreg_columns", "", E, 2,
        MCL_BUFFER(z_buffer), MCL_UINT(B), MCL_UINT(E), MCL_FLOAT(term), MCL_FLOAT(scale),
        MCL_BUFFER(centred_buffer), MCL_BUFFER(pull_buffer), MCL_BUFFER(terms_buffer)));
    MCL_TRY(mcl_checker_expect(checker, "vicreg_columns: centred", centred, centred_buffer, R * E));
    MCL_TRY(mcl_checker_expect(checker, "vicreg_columns: pull", pull, pull_buffer, 2 * E));
    return mcl_checker_expect(checker, "vicreg_columns: terms", terms, terms_buffer, 2 * E);
}

/* Behind the terms of the columns come those of the distances, then those of the covariances. */
static mcl_status check_vicreg_terms(mcl_checker *checker, const float *z, cl_mem z_buffer)
{
    const float distance = (float)(25.0 / ((double)B * E)), covariance = (float)(1.0 / E);
    const float scale = (float)(0.3 * 4.0 / ((double)E * (B - 1)));
    const size_t distances = 2 * E, covariances = distances + B, count = covariances + 2 * E;
    float *terms, *c;
    cl_mem terms_buffer, c_buffer;
    MCL_TRY(mcl_checker_numbers(&terms, &terms_buffer, checker, count, 41));
    MCL_TRY(make_correlations(&c, &c_buffer, checker, 2, 42));
    for (size_t i = 0; i < B; i++) {
        float apart[E];
        for (size_t j = 0; j < E; j++)
            apart[j] = z[i * E + j] - z[(B + i) * E + j];
        terms[distances + i] = distance * mcl_reference_dot(apart, apart, E);
    }
    MCL_TRY(mcl_checker_run_rows(checker, "vicreg.cl", "vicreg_distances", "", B,
        MCL_BUFFER(z_buffer), MCL_UINT(B), MCL_UINT(E), MCL_FLOAT(distance),
        MCL_BUFFER(terms_buffer), MCL_UINT(distances), MCL_LOCAL(MCL_ROW_SPACE)));
    MCL_TRY(mcl_checker_settle(checker, "vicreg_distances", terms, terms_buffer, count));
    for (size_t i = 0; i < 2 * E; i++)
        terms[covariances + i] = covariance * square_and_scale(c + i * E, i % E, scale);
    MCL_TRY(mcl_checker_run_rows(checker, "vicreg.cl", "vicreg_covariances", "", 2 * E,
        MCL_BUFFER(c_buffer), MCL_UINT(E), MCL_FLOAT(covariance), MCL_FLOAT(scale),
        MCL_BUFFER(terms_buffer), MCL_UINT(covariances), MCL_LOCAL(MCL_ROW_SPACE)));
    MCL_TRY(mcl_checker_expect(checker, "vicreg_covariances: terms", terms, terms_buffer, count));
    return mcl_checker_expect(checker, "vicreg_covariances: scaled", c, c_buffer, 2 * E * E);
}

static mcl_status check_vicreg_backward(mcl_checker *checker, const float *z, cl_mem z_buffer)
{
    const float scale = (float)(0.3 * 2.0 * 25.0 / ((double)B * E));
    float *centred, *pull, *across, *d, *gradient;
    cl_mem centred_buffer, pull_buffer, across_buffer, d_buffer;
    MCL_TRY(mcl_checker_numbers(&centred, &centred_buffer, checker, R * E, 43));
    MCL_TRY(mcl_checker_numbers(&pull, &pull_buffer, checker, 2 * E, 44));
    MCL_TRY(mcl_checker_numbers(&across, &across_buffer, checker, R * E, 45));
    MCL_TRY(mcl_checker_numbers(&d, &d_buffer, checker, R * E, 46));
    MCL_TRY(mcl_checker_memory(&gradient, checker, R * E, sizeof *gradient));
    make_tiny(centred, R, E);
    make_tiny(across, R, E);
    MCL_TRY(mcl_checker_write(checker, centred_buffer, centred, R * E));
    MCL_TRY(mcl_checker_write(checker, across_buffer, across, R * E));
    for (size_t at = 0; at < R * E; at++) {
        const size_t view = at / (B * E), other = view ? at - (size_t)B * E : at + (size_t)B * E;
        gradient[at] =
            fmaf(scale, z[at] - z[other], fmaf(pull[view * E + at % E], centred[at], across[at]));
    }
    for (cl_uint accumulate = 0; accumulate < 2; accumulate++) {
        MCL_TRY(mcl_checker_write(checker, d_buffer, d, R * E));
        MCL_TRY(mcl_checker_run_elements(checker, "vicreg.cl", "vicreg_backward", "", E, B,
            MCL_BUFFER(z_buffer), MCL_BUFFER(centred_buffer), MCL_BUFFER(pull_buffer),
            MCL_BUFFER(across_buffer), MCL_UINT(B), MCL_UINT(E), MCL_FLOAT(scale),
            MCL_UINT(accumulate), MCL_BUFFER(d_buffer)));
        MCL_TRY(mcl_expect_gradient(
            checker, "vicreg_backward", gradient, accumulate ? d : NULL, d_buffer));
    }
    return MCL_OK;
}

static mcl_status check_vicreg(mcl_checker *checker)
{
    float *z;
    cl_mem z_buffer;
    MCL_TRY(make_views(&z, &z_buffer, checker, 40));
    MCL_TRY(check_vicreg_columns(checker, z, z_buffer));
    MCL_TRY(check_vicreg_terms(checker, z, z_buffer));
    MCL_TRY(check_vicreg_backward(checker, z, z_buffer));
    mcl_checker_clear(checker);
    return MCL_OK;
}

static mcl_status check_barlow_columns(mcl_checker *checker)
{
    float *z, *inverse, *standard;
    cl_mem z_buffer, inverse_buffer, standard_buffer;
    MCL_TRY(make_views(&z, &z_buffer, checker, 47));
    MCL_TRY(mcl_checker_result(&inverse, &inverse_buffer, checker, 2 * E));
    MCL_TRY(mcl_checker_result(&standard, &standard_buffer, checker, R * E));
    for (size_t at = 0; at < 2 * E; at++) {
        const size_t j = at % E, first = at / E * B * E;
        const float mean = column_mean(z + first, j);
        float squares = 0.0f;
        for (size_t i = 0; i < B; i++) {
            const float difference = z[first + i * E + j] - mean;
            squares = fmaf(difference, difference, squares);
        }
        const float variance = mcl_host_divide(squares, (float)B);
        inverse[at] = mcl_host_reciprocal(mcl_host_sqrt(variance + 1e-5f));
        for (size_t i = first + j; i < first + (size_t)B * E; i += E)
            standard[i] = mcl_host_flush((z[i] - mean) * inverse[at]);
    }
    MCL_TRY(mcl_checker_run_elements(checker, "barlow.cl", "barlow_columns", "", E, 2,
        MCL_BUFFER(z_buffer), MCL_UINT(B), MCL_UINT(E), MCL_BUFFER(inverse_buffer),
        MCL_BUFFER(standard_buffer)));
    MCL_TRY(mcl_checker_expect(checker, "barlow_columns: inverse", inverse, inverse_buffer, 2 * E));
    MCL_TRY(
        mcl_checker_expect(checker, "barlow_columns: standard", standard, standard_buffer, R * E));
    mcl_checker_clear(checker);
    return MCL_OK;
}

static mcl_status check_barlow_correlations(mcl_checker *checker)
{
    const float scale = 2.0f * 0.3f, lambda = 0.0051f;
    float *c, *loss;
    cl_mem c_buffer, loss_buffer;
    MCL_TRY(make_correlations(&c, &c_buffer, checker, 1, 48));
    MCL_TRY(mcl_checker_result(&loss, &loss_buffer, checker, E));
    for (size_t i = 0; i < E; i++) {
        const float from_one = c[i * E + i] - 1.0f;
        loss[i] = fmaf(lambda, square_and_scale(c + i * E, i, scale * lambda), from_one * from_one);
        c[i * E + i] = mcl_host_flush(scale * from_one);
    }
    MCL_TRY(mcl_checker_run_rows(checker, "barlow.cl", "barlow_correlations", "", E,
        MCL_BUFFER(c_buffer), MCL_UINT(E), MCL_FLOAT(scale), MCL_BUFFER(loss_buffer),
        MCL_LOCAL(MCL_ROW_SPACE)));
    MCL_TRY(mcl_checker_expect(checker, "barlow_correlations: loss", loss, loss_buffer, E));
    MCL_TRY(mcl_checker_expect(checker, "barlow_correlations: gradient", c, c_buffer, E * E));
    mcl_checker_clear(checker);
    return MCL_OK;
}

static mcl_status check_barlow_backward(mcl_checker *checker)
{
    float *standard, *h, *inverse, *along, *d, *gradient;
    cl_mem standard_buffer, h_buffer, inverse_buffer, along_buffer, d_buffer;
    MCL_TRY(mcl_checker_numbers(&standard, &standard_buffer, checker, R * E, 49));
    MCL_TRY(mcl_checker_numbers(&h, &h_buffer, checker, R * E, 50));
    MCL_TRY(mcl_checker_numbers(&inverse, &inverse_buffer, checker, 2 * E, 51));
    MCL_TRY(mcl_checker_numbers(&d, &d_buffer, checker, R * E, 52));
    MCL_TRY(mcl_checker_result(&along, &along_buffer, checker, 2 * E));
    MCL_TRY(mcl_checker_memory(&gradient, checker, R * E, sizeof *gradient));
    make_tiny(h, R, E);
    MCL_TRY(mcl_checker_write(checker, h_buffer, h, R * E));
    for (size_t at = 0; at < R * E; at++)
        along[at / (B * E) * E + at % E] =
            fmaf(standard[at], h[at], along[at / (B * E) * E + at % E]);
    for (size_t column = 0; column < 2 * E; column++)
        along[column] = mcl_host_divide(along[column], (float)B);
    for (size_t at = 0; at < R * E; at++) {
        const size_t column = at / (B * E) * E + at % E;
        gradient[at] = fmaf(-along[column], standard[at], h[at]) * inverse[column];
    }
    MCL_TRY(mcl_checker_run_elements(checker, "barlow.cl", "barlow_along", "", E, 2,
        MCL_BUFFER(standard_buffer), MCL_BUFFER(h_buffer), MCL_UINT(B), MCL_UINT(E),
        MCL_BUFFER(along_buffer)));
    MCL_TRY(mcl_checker_settle(checker, "barlow_along", along, along_buffer, 2 * E));
    for (cl_uint accumulate = 0; accumulate < 2; accumulate++) {
        MCL_TRY(mcl_checker_write(checker, d_buffer, d, R * E));
        MCL_TRY(mcl_checker_run_elements(checker, "barlow.cl", "barlow_backward", "", E, R,
            MCL_BUFFER(standard_buffer), MCL_BUFFER(h_buffer), MCL_BUFFER(along_buffer),
            MCL_BUFFER(inverse_buffer), MCL_UINT(B), MCL_UINT(E), MCL_UINT(accumulate),
            MCL_BUFFER(d_buffer)));
        MCL_TRY(mcl_expect_gradient(
            checker, "barlow_backward", gradient, accumulate ? d : NULL, d_buffer));
    }
    mcl_checker_clear(checker);
    return MCL_OK;
}

mcl_status mcl_check_correlations(mcl_checker *checker)
{
    MCL_TRY(check_vicreg(checker));
    MCL_TRY(check_barlow_columns(checker));
    MCL_TRY(check_barlow_correlations(checker));
    return check_barlow_backward(checker);
}
