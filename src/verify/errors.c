/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of the objectives that compare outputs with targets: reconstruction and vime. */
#include <math.h>
#include <stdio.h>

#include "base/rounding.h"
#include "data/groups.h"
#include "verify/objectives.h"
#include "verify/reference.h"

static mcl_status check_reconstruction(mcl_checker *checker)
{
    const float scale = 2.0f * 0.7f / (float)(R * E);
    float *r, *x, *loss, *expected;
    cl_mem r_buffer, x_buffer, loss_buffer, out;
    MCL_TRY(mcl_checker_numbers(&r, &r_buffer, checker, R * E, 10));
    MCL_TRY(mcl_checker_numbers(&x, &x_buffer, checker, B * E, 11));
    MCL_TRY(mcl_checker_result(&loss, &loss_buffer, checker, R));
    MCL_TRY(mcl_checker_result(&expected, &out, checker, R * E));
    for (size_t i = 0; i < R; i++) {
        float difference[E];
        for (size_t j = 0; j < E; j++) {
            difference[j] = r[i * E + j] - x[i % B * E + j];
            expected[i * E + j] = mcl_host_flush(scale * difference[j]);
        }
        loss[i] = mcl_reference_dot(difference, difference, E);
    }
    MCL_TRY(mcl_checker_run_rows(checker, "reconstruction.cl", "squared_errors", "", R,
        MCL_BUFFER(r_buffer), MCL_BUFFER(x_buffer), MCL_UINT(R), MCL_UINT(B), MCL_UINT(E),
        MCL_FLOAT(scale), MCL_BUFFER(loss_buffer), MCL_BUFFER(out), MCL_LOCAL(MCL_ROW_SPACE)));
    MCL_TRY(mcl_checker_expect(checker, "squared_errors: loss", loss, loss_buffer, R));
    MCL_TRY(mcl_checker_expect(checker, "squared_errors: gradient", expected, out, R * E));
    mcl_checker_clear(checker);
    return MCL_OK;
}

/* What an output gives with its target. */
struct element_error {
    float error, slope;
};

static struct element_error squared_error(float r, float x)
{
    const float slope = r - x;
    return (struct element_error){slope * slope, slope};
}

static struct element_error cross_entropy(float r, float x)
{
    const float small = mcl_host_exp(-fabsf(r)), part = mcl_host_reciprocal(1.0f + small);
    return (struct element_error){(largest(r, 0.0f) - r * x) + mcl_host_log(1.0f + small),
        (r >= 0.0f ? part : small * part) - x};
}

/* Ways of comparing, with the options that src/objectives/errors.c builds the kernels with. */
static const struct comparison {
    const char *name, *options;
    struct element_error (*of)(float r, float x);
    bool altered; /* of the altered elements only */
    bool bytes;   /* by which elements are altered, else by the rows */
} comparisons[] = {
    {"squares", "-D TARGET=float -D BCE=0 -D ALTERED=0", squared_error, false, false},
    {"cross-entropies", "-D TARGET=float -D BCE=1 -D ALTERED=0", cross_entropy, false, false},
    {"hidden squares", "-D TARGET=float -D BCE=0 -D ALTERED=1", squared_error, true, false},
    {"hidden cross-entropies", "-D TARGET=float -D BCE=1 -D ALTERED=1", cross_entropy, true, false},
    {"cross-entropies of bytes", "-D TARGET=uchar -D BCE=1 -D ALTERED=0", cross_entropy, false,
        true},
};
#define COMPARISONS (sizeof comparisons / sizeof *comparisons)
#define COUNTING (comparisons[2].options)

/* The outputs [R×E], the rows [B×E] and which elements are altered [R×E], with their number. */
struct outputs {
    float *r, *x, count;
    unsigned char *altered;
    cl_mem r_buffer, x_buffer, altered_buffer, count_buffer;
};

/* Of every view the first element is tiny and the second makes a tiny slope, both with a target of
 * 0; none is altered in the first view. */
static mcl_status make_outputs(struct outputs *outputs, mcl_checker *checker)
{
    MCL_TRY(mcl_checker_numbers(&outputs->r, &outputs->r_buffer, checker, R * E, 53));
    MCL_TRY(mcl_checker_numbers(&outputs->x, &outputs->x_buffer, checker, B * E, 54));
    MCL_TRY(mcl_checker_memory(&outputs->altered, checker, R * E, 1));
    make_tiny(outputs->r, R, E);
    outputs->count = 0.0f;
    for (size_t at = 0; at < R * E; at++) {
        if (at % E == 1)
            outputs->r[at] = -86.5f;
        else if (at % E)
            outputs->r[at] *= 4.0f;
        outputs->altered[at] = at >= E && (at % 4 == 0 || outputs->r[at] > 1.0f);
        outputs->count += outputs->altered[at];
    }
    for (size_t i = 0; i < B; i++)
        outputs->x[i * E] = outputs->x[i * E + 1] = 0.0f;
    MCL_TRY(mcl_checker_write(checker, outputs->r_buffer, outputs->r, R * E));
    MCL_TRY(mcl_checker_write(checker, outputs->x_buffer, outputs->x, B * E));
    MCL_TRY(mcl_checker_buffer(&outputs->altered_buffer, checker, outputs->altered, R * E));
    return mcl_checker_buffer(
        &outputs->count_buffer, checker, &outputs->count, sizeof outputs->count);
}

static mcl_status check_comparison(
    mcl_checker *checker, const struct comparison *comparison, const struct outputs *outputs)
{
    const float scale = 0.3f, each = mcl_host_divide(scale, outputs->count);
    const size_t targets = comparison->bytes ? R : B;
    float *errors, *gradient;
    cl_mem errors_buffer, d_buffer;
    char name[64];
    MCL_TRY(mcl_checker_result(&errors, &errors_buffer, checker, R * E));
    MCL_TRY(mcl_checker_result(&gradient, &d_buffer, checker, R * E));
    for (size_t at = 0; at < R * E; at++) {
        const float counts = outputs->altered[at];
        const float x = comparison->bytes ? counts : outputs->x[at % (B * E)];
        const struct element_error of = comparison->of(outputs->r[at], x);
        errors[at] = mcl_host_flush(comparison->altered ? of.error * counts : of.error);
        gradient[at] = comparison->altered ? each * of.slope * counts : scale * of.slope;
    }
    MCL_TRY(mcl_checker_run_elements(checker, "errors.cl", "element_errors", comparison->options, E,
        R, MCL_BUFFER(outputs->r_buffer),
        MCL_BUFFER(comparison->bytes ? outputs->altered_buffer : outputs->x_buffer),
        MCL_UINT(targets), MCL_UINT(E), MCL_FLOAT(scale), MCL_BUFFER(outputs->altered_buffer),
        MCL_BUFFER(outputs->count_buffer), MCL_BUFFER(errors_buffer), MCL_BUFFER(d_buffer)));
    snprintf(name, sizeof name, "element_errors, %s", comparison->name);
    MCL_TRY(mcl_checker_expect(checker, name, errors, errors_buffer, R * E));
    snprintf(name, sizeof name, "element_errors, %s: gradient", comparison->name);
    return mcl_expect_gradient(checker, name, gradient, NULL, d_buffer);
}

static mcl_status check_error_sums(mcl_checker *checker)
{
    const float factor = 3.0f;
    float *errors, *sums;
    cl_mem errors_buffer, sums_buffer;
    MCL_TRY(mcl_checker_numbers(&errors, &errors_buffer, checker, R * E, 55));
    MCL_TRY(mcl_checker_numbers(&sums, &sums_buffer, checker, 2 * R, 56));
    for (size_t i = 0; i < R; i++)
        sums[R + i] = factor * mcl_reference_sum(errors + i * E, E);
    MCL_TRY(mcl_checker_run_rows(checker, "errors.cl", "error_sums", COUNTING, R,
        MCL_BUFFER(errors_buffer), MCL_UINT(R), MCL_UINT(E), MCL_FLOAT(factor),
        MCL_BUFFER(sums_buffer), MCL_UINT(R), MCL_LOCAL(MCL_ROW_SPACE)));
    return mcl_checker_expect(checker, "error_sums", sums, sums_buffer, 2 * R);
}

/* How many elements are altered, and a loss that is divided by it, or by 1 where there are none. */
static mcl_status check_altered(mcl_checker *checker, const struct outputs *outputs)
{
    const float count[2] = {outputs->count, 0.0f};
    float *counts, *metrics;
    cl_mem counts_buffer, metrics_buffer, count_buffer;
    MCL_TRY(mcl_checker_result(&counts, &counts_buffer, checker, R));
    MCL_TRY(mcl_checker_numbers(&metrics, &metrics_buffer, checker, 3, 57));
    for (size_t at = 0; at < R * E; at++)
        counts[at / E] += outputs->altered[at];
    MCL_TRY(mcl_checker_run_rows(checker, "errors.cl", "altered_counts", COUNTING, R,
        MCL_BUFFER(outputs->altered_buffer), MCL_UINT(R), MCL_UINT(E), MCL_BUFFER(counts_buffer),
        MCL_LOCAL(MCL_ROW_SPACE)));
    MCL_TRY(mcl_checker_expect(checker, "altered_counts", counts, counts_buffer, R));
    for (size_t i = 0; i < 2; i++) {
        metrics[i] = mcl_host_divide(metrics[i], largest(count[i], 1.0f));
        MCL_TRY(mcl_checker_buffer(&count_buffer, checker, &count[i], sizeof count[i]));
        MCL_TRY(mcl_checker_run_elements(checker, "errors.cl", "altered_mean", COUNTING, 1, 1,
            MCL_BUFFER(metrics_buffer), MCL_ULONG(i), MCL_BUFFER(count_buffer)));
    }
    return mcl_checker_expect(checker, "altered_mean", metrics, metrics_buffer, 3);
}

/* Columns of the E inputs of a row, of every kind. */
static const mcl_group columns[] = {{0, 1, MCL_GROUP_NUMBERS, 0}, {1, 2, MCL_GROUP_INDICATED, 0},
    {3, 5, MCL_GROUP_CATEGORY, 0}, {8, E - 9, MCL_GROUP_CATEGORY, 0},
    {E - 1, 1, MCL_GROUP_NUMBERS, 0}};
#define GROUPS (sizeof columns / sizeof *columns)

/* The error of a category's inputs r by x, both [width], with the slopes. */
static float category_error(float *slopes, const float *r, const float *x, uint32_t width)
{
    float most = r[0], sum = 0.0f, known = 0.0f, own = 0.0f;
    for (uint32_t k = 1; k < width; k++)
        most = largest(most, r[k]);
    for (uint32_t k = 0; k < width; k++) {
        sum += mcl_host_exp(r[k] - most);
        known += x[k];
        own = fmaf(x[k], r[k], own);
    }
    const float normalizer = most + mcl_host_log(sum);
    for (uint32_t k = 0; k < width; k++)
        slopes[k] = fmaf(mcl_host_exp(r[k] - normalizer), known, -x[k]);
    return fmaf(normalizer, known, -own);
}

/* The same of any column; squares' slopes are whole ones. */
static float column_error(
    float *slopes, const mcl_group *column, const float *r, const float *x, bool mask)
{
    float error = 0.0f;
    if (column->kind == MCL_GROUP_CATEGORY && !mask)
        return category_error(slopes, r, x, column->width);
    for (uint32_t k = 0; k < column->width; k++) {
        const bool binary = mask || (column->kind == MCL_GROUP_INDICATED && k == 1);
        const struct element_error of =
            binary ? cross_entropy(r[k], x[k]) : squared_error(r[k], x[k]);
        slopes[k] = binary ? of.slope : 2.0f * of.slope;
        error = binary ? error + of.error : fmaf(of.slope, of.slope, error);
    }
    return mask ? mcl_host_divide(error, (float)column->width) : error;
}

/* What src/objectives/errors.c builds cl/columns.cl with. */
static const struct columns {
    const char *name, *options;
    bool altered, mask;
} ways[] = {
    {"columns", "-D TARGET=float -D MASK=0 -D ALTERED=0", false, false},
    {"hidden columns", "-D TARGET=float -D MASK=0 -D ALTERED=1", true, false},
    {"altered columns", "-D TARGET=uchar -D MASK=1 -D ALTERED=0", false, true},
};
#define WAYS (sizeof ways / sizeof *ways)

static mcl_status check_columns(
    mcl_checker *checker, const struct columns *way, const struct outputs *outputs)
{
    const float scale = 0.3f;
    const float each = way->altered ? mcl_host_divide(scale, outputs->count) : scale;
    float *errors, *gradient;
    cl_mem errors_buffer, d_buffer, groups;
    char name[64];
    MCL_TRY(mcl_checker_buffer(&groups, checker, columns, sizeof columns));
    MCL_TRY(mcl_checker_result(&errors, &errors_buffer, checker, R * GROUPS));
    MCL_TRY(mcl_checker_result(&gradient, &d_buffer, checker, R * E));
    for (size_t i = 0; i < R; i++) {
        for (size_t c = 0; c < GROUPS; c++) {
            const size_t at = i * E + columns[c].first;
            const float counts = way->altered ? (float)outputs->altered[at] : 1.0f;
            float x[E] = {0}, slopes[E] = {0};
            for (size_t k = 0; k < columns[c].width; k++)
                x[k] = way->mask ? (float)outputs->altered[at + k] : outputs->x[(at + k) % (B * E)];
            errors[i * GROUPS + c] = mcl_host_flush(
                column_error(slopes, &columns[c], outputs->r + at, x, way->mask) * counts);
            for (size_t k = 0; k < columns[c].width; k++) {
                const float slope = each * slopes[k];
                gradient[at + k] =
                    counts * (way->mask ? mcl_host_divide(slope, (float)columns[c].width) : slope);
            }
        }
    }
    MCL_TRY(mcl_checker_run_elements(checker, "columns.cl", "column_errors", way->options, GROUPS,
        R, MCL_BUFFER(groups), MCL_UINT(GROUPS), MCL_BUFFER(outputs->r_buffer),
        MCL_BUFFER(way->mask ? outputs->altered_buffer : outputs->x_buffer),
        MCL_UINT(way->mask ? R : B), MCL_UINT(E), MCL_FLOAT(scale),
        MCL_BUFFER(outputs->altered_buffer), MCL_BUFFER(outputs->count_buffer),
        MCL_BUFFER(errors_buffer), MCL_BUFFER(d_buffer)));
    snprintf(name, sizeof name, "column_errors, %s", way->name);
    MCL_TRY(mcl_checker_expect(checker, name, errors, errors_buffer, R * GROUPS));
    snprintf(name, sizeof name, "column_errors, %s: gradient", way->name);
    return mcl_expect_gradient(checker, name, gradient, NULL, d_buffer);
}

/* How many columns are altered, by their first inputs. */
static mcl_status check_altered_columns(mcl_checker *checker, const struct outputs *outputs)
{
    float *counts;
    cl_mem counts_buffer, groups;
    MCL_TRY(mcl_checker_buffer(&groups, checker, columns, sizeof columns));
    MCL_TRY(mcl_checker_result(&counts, &counts_buffer, checker, R));
    for (size_t i = 0; i < R; i++) {
        for (size_t c = 0; c < GROUPS; c++)
            counts[i] += outputs->altered[i * E + columns[c].first];
    }
    MCL_TRY(mcl_checker_run_rows(checker, "columns.cl", "altered_columns", ways[1].options, R,
        MCL_BUFFER(groups), MCL_UINT(GROUPS), MCL_BUFFER(outputs->altered_buffer), MCL_UINT(R),
        MCL_UINT(E), MCL_BUFFER(counts_buffer), MCL_LOCAL(MCL_ROW_SPACE)));
    return mcl_checker_expect(checker, "altered_columns", counts, counts_buffer, R);
}

mcl_status mcl_check_errors(mcl_checker *checker)
{
    struct outputs outputs;
    for (size_t i = 0; i < COMPARISONS; i++)
        MCL_TRY(mcl_checker_find(checker, "errors.cl", "element_errors", comparisons[i].options));
    MCL_TRY(check_reconstruction(checker));
    MCL_TRY(make_outputs(&outputs, checker));
    for (size_t i = 0; i < COMPARISONS; i++)
        MCL_TRY(check_comparison(checker, &comparisons[i], &outputs));
    MCL_TRY(check_error_sums(checker));
    MCL_TRY(check_altered(checker, &outputs));
    for (size_t i = 0; i < WAYS; i++)
        MCL_TRY(check_columns(checker, &ways[i], &outputs));
    MCL_TRY(check_altered_columns(checker, &outputs));
    mcl_checker_clear(checker);
    return MCL_OK;
}
