/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/ridge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/draw.h"
#include "evaluate/eigenvalues.h"
#include "evaluate/gram.h"
#include "evaluate/linear.h"
#include "evaluate/reduction.h"
#include "evaluate/scale.h"

#define TOGETHER 64 /* rows that are added at once */
#define ALL UINT32_MAX

/* Goes on unless something has failed, for functions that release what they hold at their end. */
#define STEP(expression)                                                                           \
    do {                                                                                           \
        if (status == MCL_OK)                                                                      \
            status = (expression);                                                                 \
    } while (0)

/* What is known of rows: n columns. */
struct sums {
    double count;
    double *products; /* [n×n] Σ x·xᵀ, the upper triangle */
    double *cross;    /* [n] Σ x·y */
    double *columns;  /* [n] Σ x */
    double target;    /* Σ y */
};

/* Weights for centred rows: ŷ = target + (x − means)·weights. */
struct fit {
    double target;
    double *means;                  /* [n] */
    double *weights[MCL_STRENGTHS]; /* [n] one for each strength */
};

struct ridge {
    const mcl_ridge_problem *problem;
    mcl_standards standards;
    mcl_reduction reduction; /* of rows that are fewer than their columns */
    bool reduced;
    uint64_t columns; /* n: of rows as they are used */
    double mean;      /* of the targets, which are used without it */
    uint32_t *fold;   /* [training rows] the tenth of each; NULL: there are none */
    uint32_t tenths;  /* that are held out in turn */
    double strengths[MCL_STRENGTHS];
    int count; /* of strengths */
    struct sums all, held;
    struct fit fit;
    double *matrix;      /* [n×n] */
    double *diagonal;    /* [n] … */
    double *beside;      /* … */
    double *pivots;      /* … */
    double *turned;      /* [n] of the tridiagonal form */
    double *rows;        /* [TOGETHER×n] */
    double *with_target; /* [TOGETHER] */
};

static void find_row(double *to, const struct ridge *ridge, uint64_t i)
{
    const size_t n = (size_t)ridge->columns;
    if (ridge->reduced)
        memcpy(to, ridge->reduction.values + i * n, n * sizeof *to);
    else
        mcl_standardized_row(to, ridge->problem->train, &ridge->standards, i);
}

static double target_of(const struct ridge *ridge, uint64_t i)
{
    return ridge->problem->targets[i] - ridge->mean;
}

static void add_rows(struct sums *sums, const struct ridge *ridge, size_t count)
{
    const size_t n = (size_t)ridge->columns;
    mcl_gram_add(sums->products, n, ridge->rows, count);
    for (size_t r = 0; r < count; r++) {
        const double *row = ridge->rows + r * n, y = ridge->with_target[r];
        for (size_t j = 0; j < n; j++) {
            sums->columns[j] += row[j];
            sums->cross[j] += row[j] * y;
        }
        sums->target += y;
        sums->count += 1.0;
    }
}

/* Adds the training rows of a tenth, or all. */
static void add_up(struct sums *sums, const struct ridge *ridge, uint32_t tenth)
{
    const size_t n = (size_t)ridge->columns;
    size_t waiting = 0;
    memset(sums->products, 0, n * n * sizeof *sums->products);
    memset(sums->cross, 0, n * sizeof *sums->cross);
    memset(sums->columns, 0, n * sizeof *sums->columns);
    sums->target = sums->count = 0.0;
    for (uint64_t i = 0; i < ridge->problem->train->rows; i++) {
        if (tenth != ALL && ridge->fold[i] != tenth)
            continue;
        find_row(ridge->rows + waiting * n, ridge, i);
        ridge->with_target[waiting++] = target_of(ridge, i);
        if (waiting == TOGETHER) {
            add_rows(sums, ridge, waiting);
            waiting = 0;
        }
    }
    add_rows(sums, ridge, waiting);
}

/* x[n] = (T + strength)⁻¹·x of the tridiagonal form, by Thomas' algorithm; T has no eigenvalue
 * below 0 but by rounding. */
static void solve(double *x, const struct ridge *ridge, double strength)
{
    const double *d = ridge->diagonal, *e = ridge->beside;
    double *pivots = ridge->pivots;
    const size_t n = (size_t)ridge->columns;
    for (size_t i = 0; i < n; i++) {
        const double factor = i > 0 ? e[i] / pivots[i - 1] : 0.0;
        pivots[i] = d[i] + strength - factor * e[i];
        x[i] -= i > 0 ? factor * x[i - 1] : 0.0;
    }
    for (size_t i = n; i-- > 0;)
        x[i] = (x[i] - (i + 1 < n ? e[i + 1] * x[i + 1] : 0.0)) / pivots[i];
}

/* The regressions of all rows but those that are held out, which may be none, NULL. */
static void fit_rest(struct ridge *ridge, const struct sums *held)
{
    const struct sums *all = &ridge->all;
    struct fit *fit = &ridge->fit;
    const size_t n = (size_t)ridge->columns;
    const double count = all->count - (held ? held->count : 0.0);
    fit->target = (all->target - (held ? held->target : 0.0)) / count;
    for (size_t i = 0; i < n; i++) {
        fit->means[i] = (all->columns[i] - (held ? held->columns[i] : 0.0)) / count;
        ridge->turned[i] =
            (all->cross[i] - (held ? held->cross[i] : 0.0)) / count - fit->means[i] * fit->target;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i; j < n; j++) {
            const size_t at = i * n + j;
            ridge->matrix[at] = (all->products[at] - (held ? held->products[at] : 0.0)) / count -
                                fit->means[i] * fit->means[j];
        }
    }
    mcl_gram_mirror(ridge->matrix, n);
    mcl_tridiagonalize(ridge->diagonal, ridge->beside, ridge->matrix, n);
    mcl_tridiagonal_enter(ridge->turned, ridge->matrix, n);
    for (int s = 0; s < ridge->count; s++) {
        memcpy(fit->weights[s], ridge->turned, n * sizeof *ridge->turned);
        solve(fit->weights[s], ridge, ridge->strengths[s]);
        mcl_tridiagonal_leave(fit->weights[s], ridge->matrix, n);
    }
}

/* errors[strengths] += the squared errors of a tenth's rows. */
static void judge(double *errors, struct ridge *ridge, uint32_t tenth)
{
    const struct fit *fit = &ridge->fit;
    const size_t n = (size_t)ridge->columns;
    double *row = ridge->rows;
    for (uint64_t i = 0; i < ridge->problem->train->rows; i++) {
        if (ridge->fold[i] != tenth)
            continue;
        find_row(row, ridge, i);
        for (int s = 0; s < ridge->count; s++) {
            double told = fit->target;
            for (size_t j = 0; j < n; j++)
                told += (row[j] - fit->means[j]) * fit->weights[s][j];
            errors[s] += (told - target_of(ridge, i)) * (told - target_of(ridge, i));
        }
    }
}

/* Leaves the strength with the least errors as the only one. */
static void choose(struct ridge *ridge)
{
    double errors[MCL_STRENGTHS] = {0.0};
    int best = 0;
    for (uint32_t tenth = 0; tenth < ridge->tenths; tenth++) {
        add_up(&ridge->held, ridge, tenth);
        fit_rest(ridge, &ridge->held);
        judge(errors, ridge, tenth);
    }
    for (int s = 1; s < ridge->count; s++)
        best = errors[s] < errors[best] ? s : best;
    ridge->strengths[0] = ridge->strengths[best];
    ridge->count = 1;
}

/* told[test rows] by weights[D] for standardised rows. */
static mcl_status tell(double *told, const struct ridge *ridge, const double *weights, double shift)
{
    const mcl_features *test = ridge->problem->test;
    double *row;
    MCL_TRY(mcl_allocate(&row, test->columns, sizeof *row));
    for (uint64_t i = 0; i < test->rows; i++) {
        mcl_standardized_row(row, test, &ridge->standards, i);
        told[i] = shift;
        for (uint64_t j = 0; j < test->columns; j++)
            told[i] += row[j] * weights[j];
    }
    free(row);
    return MCL_OK;
}

static mcl_status tell_by_fit(double *told, const struct ridge *ridge)
{
    const struct fit *fit = &ridge->fit;
    double shift = ridge->mean + fit->target, *expanded = NULL;
    for (uint64_t j = 0; j < ridge->columns; j++)
        shift -= fit->means[j] * fit->weights[0][j];
    if (!ridge->reduced)
        return tell(told, ridge, fit->weights[0], shift);
    mcl_status status = mcl_allocate(&expanded, ridge->problem->train->columns, sizeof *expanded);
    STEP(mcl_reduction_expand(expanded, &ridge->reduction, fit->weights[0]));
    STEP(tell(told, ridge, expanded, shift));
    free(expanded);
    return status;
}

static mcl_status create_sums(struct sums *sums, uint64_t n)
{
    MCL_TRY(mcl_allocate(&sums->products, n, n * sizeof *sums->products));
    MCL_TRY(mcl_allocate(&sums->cross, n, sizeof *sums->cross));
    return mcl_allocate(&sums->columns, n, sizeof *sums->columns);
}

static void release_sums(struct sums *sums)
{
    free(sums->products);
    free(sums->cross);
    free(sums->columns);
}

/* The strengths to try, and the tenths to try them on. */
static mcl_status prepare_choice(struct ridge *ridge)
{
    const mcl_ridge_problem *problem = ridge->problem;
    const uint64_t rows = problem->train->rows;
    double tried = MCL_STRENGTH_MOST;
    ridge->count = 1;
    ridge->strengths[0] = problem->strength > 0.0 ? problem->strength : MCL_STRENGTH_WITHOUT_CHOICE;
    if (problem->strength > 0.0 || rows < 3)
        return MCL_OK;
    for (ridge->count = 0; ridge->count < MCL_STRENGTHS; ridge->count++) {
        ridge->strengths[ridge->count] = tried;
        tried /= 10.0;
    }
    ridge->tenths = mcl_tenths(rows);
    MCL_TRY(mcl_allocate(&ridge->fold, rows, sizeof *ridge->fold));
    return mcl_draw_folds(ridge->fold, NULL, rows, MCL_TENTHS, problem->seed);
}

static mcl_status prepare_rows(struct ridge *ridge)
{
    const mcl_features *train = ridge->problem->train;
    MCL_TRY(mcl_standards_find(&ridge->standards, train));
    ridge->columns = train->columns;
    ridge->reduced = train->rows < train->columns;
    if (!ridge->reduced)
        return MCL_OK;
    MCL_TRY(mcl_reduction_find(&ridge->reduction, train, &ridge->standards));
    ridge->columns = ridge->reduction.columns;
    return MCL_OK;
}

static mcl_status create(struct ridge *ridge)
{
    const uint64_t rows = ridge->problem->train->rows;
    MCL_TRY(prepare_choice(ridge));
    MCL_TRY(prepare_rows(ridge));
    const uint64_t n = ridge->columns;
    for (uint64_t i = 0; i < rows; i++)
        ridge->mean += ridge->problem->targets[i] / (double)rows;
    MCL_TRY(create_sums(&ridge->all, n));
    if (ridge->fold)
        MCL_TRY(create_sums(&ridge->held, n));
    MCL_TRY(mcl_allocate(&ridge->fit.means, n, sizeof(double)));
    for (int s = 0; s < ridge->count; s++)
        MCL_TRY(mcl_allocate(&ridge->fit.weights[s], n, sizeof(double)));
    MCL_TRY(mcl_allocate(&ridge->matrix, n, n * sizeof *ridge->matrix));
    MCL_TRY(mcl_allocate(&ridge->diagonal, n, 4 * sizeof *ridge->diagonal));
    ridge->beside = ridge->diagonal + n;
    ridge->pivots = ridge->beside + n;
    ridge->turned = ridge->pivots + n;
    MCL_TRY(mcl_allocate(&ridge->with_target, TOGETHER, sizeof *ridge->with_target));
    return mcl_allocate(&ridge->rows, TOGETHER, n * sizeof *ridge->rows);
}

static void release(struct ridge *ridge)
{
    mcl_standards_release(&ridge->standards);
    mcl_reduction_release(&ridge->reduction);
    release_sums(&ridge->all);
    release_sums(&ridge->held);
    free(ridge->fold);
    free(ridge->fit.means);
    for (int s = 0; s < MCL_STRENGTHS; s++)
        free(ridge->fit.weights[s]);
    free(ridge->matrix);
    free(ridge->diagonal);
    free(ridge->with_target);
    free(ridge->rows);
}

/* Whether the sums of the rows' and the targets' squares are finite, which those of others are
 * then, too. */
static mcl_status check_sums(const struct ridge *ridge)
{
    const mcl_ridge_problem *problem = ridge->problem;
    const size_t n = (size_t)ridge->columns;
    double squares = 0.0;
    for (uint64_t i = 0; i < problem->train->rows; i++)
        squares += problem->targets[i] * problem->targets[i];
    bool finite = isfinite(ridge->mean) && isfinite(squares);
    for (size_t i = 0; i < n; i++)
        finite =
            finite && isfinite(ridge->all.products[i * n + i]) && isfinite(ridge->all.cross[i]);
    return finite ? MCL_OK
                  : mcl_fail(MCL_ERROR_DATA,
                        "the features of the probe, or the numbers to be told, are not all finite, "
                        "or too large for sums of their products");
}

mcl_status mcl_ridge(double *told, double *strength, const mcl_ridge_problem *problem)
{
    struct ridge ridge = {.problem = problem};
    mcl_status status = create(&ridge);
    if (status == MCL_OK)
        add_up(&ridge.all, &ridge, ALL);
    STEP(check_sums(&ridge));
    if (status == MCL_OK && ridge.fold)
        choose(&ridge);
    if (status == MCL_OK)
        fit_rest(&ridge, NULL);
    STEP(tell_by_fit(told, &ridge));
    *strength = ridge.strengths[0];
    release(&ridge);
    return status;
}
