/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/linear.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/rounding.h"
#include "compute/product.h"
#include "data/draw.h"
#include "evaluate/blocks.h"
#include "evaluate/reduction.h"
#include "evaluate/scale.h"

#define REDUCED_MOST 4096 /* rows, the cube of which the time for it grows with */

/* Goes on unless something has failed, for functions that release what they hold at their end. */
#define STEP(expression)                                                                           \
    do {                                                                                           \
        if (status == MCL_OK)                                                                      \
            status = (expression);                                                                 \
    } while (0)

/* Features by the training rows' mean and deviation. */
struct standardized {
    mcl_context *context;
    const mcl_features *features;
    const mcl_standards *standards;
};

/* mcl_block_load */
static mcl_status load_standardized(void *of, cl_mem to, uint64_t first, uint32_t count)
{
    const struct standardized *s = of;
    return mcl_write_scaled(s->context, to, s->features, first, count, s->standards);
}

static mcl_blocks standardized_blocks(struct standardized *of, uint32_t classes)
{
    const uint32_t columns = (uint32_t)of->features->columns;
    return (mcl_blocks){.context = of->context,
        .load = load_standardized,
        .of = of,
        .rows = (uint32_t)of->features->rows,
        .columns = columns,
        .block_rows = mcl_regression_block_rows(of->context, columns, classes)};
}

/* The regression's logits for rows, block by block. */
struct test {
    mcl_context *context;
    uint32_t classes;
    const double *biases; /* [classes] */
    mcl_blocks blocks;
    mcl_product *forward;
    cl_mem weights; /* [classes×D] */
    cl_mem logits;
    float *host; /* weights, or logits of a block */
};

/* x[classes×D + classes] */
static mcl_status create_test(struct test *t, struct standardized *of, const double *x)
{
    const uint32_t columns = (uint32_t)of->features->columns, classes = t->classes;
    const uint64_t weights = (uint64_t)classes * columns;
    t->blocks = standardized_blocks(of, classes);
    MCL_TRY(mcl_blocks_create(&t->blocks, false));
    const uint32_t rows = t->blocks.block_rows;
    const uint64_t logits = (uint64_t)rows * classes;
    const mcl_gemm gemm = {false, true, rows, classes, columns, columns, columns, classes, 1.0f};
    MCL_TRY(mcl_allocate(&t->host, logits > weights ? logits : weights, sizeof *t->host));
    MCL_TRY(mcl_buffer_create(&t->weights, t->context, weights, sizeof(float), "weights"));
    MCL_TRY(mcl_buffer_create(&t->logits, t->context, logits, sizeof(float), "logits"));
    for (uint64_t i = 0; i < weights; i++)
        t->host[i] = (float)x[i];
    t->biases = x + weights;
    MCL_TRY(mcl_buffer_write(t->context, t->weights, 0, t->host, weights * sizeof *t->host));
    return mcl_product_create(&t->forward, t->context, &gemm, NULL);
}

static void release_test(struct test *t)
{
    free(t->host);
    mcl_product_free(t->forward);
    mcl_buffer_release(&t->weights);
    mcl_buffer_release(&t->logits);
    mcl_blocks_release(&t->blocks);
}

/* t->host = the logits of a block's rows, without biases; *rows = how many. */
static mcl_status test_block(uint32_t *rows, const struct test *t, uint32_t b)
{
    cl_mem features;
    MCL_TRY(mcl_blocks_get(&features, rows, &t->blocks, b));
    const mcl_operands operands = {
        .a = {features, 0}, .b = {t->weights, 0}, .c = {t->logits, 0}, .m = *rows};
    MCL_TRY(mcl_product_run(t->forward, &operands));
    return mcl_buffer_read(
        t->context, t->host, t->logits, 0, (size_t)*rows * t->classes * sizeof *t->host);
}

static double logit(const struct test *t, uint32_t row, uint32_t class)
{
    return (double)t->host[(uint64_t)row * t->classes + class] + t->biases[class];
}

static uint32_t likeliest(const struct test *t, uint32_t row)
{
    uint32_t best = 0;
    for (uint32_t c = 1; c < t->classes; c++)
        best = logit(t, row, c) > logit(t, row, best) ? c : best;
    return best;
}

/* told[rows] = the classes by the regression x. */
static mcl_status tell(int32_t *told, struct standardized *of, uint32_t classes, const double *x)
{
    struct test test = {.context = of->context, .classes = classes};
    mcl_status status = create_test(&test, of, x);
    for (uint32_t b = 0; b < test.blocks.count && status == MCL_OK; b++) {
        uint32_t rows = 0;
        status = test_block(&rows, &test, b);
        for (uint32_t i = 0; i < rows && status == MCL_OK; i++)
            told[(uint64_t)b * test.blocks.block_rows + i] = (int32_t)likeliest(&test, i);
    }
    release_test(&test);
    return status;
}

/* How well held-out rows are told: with the rows' weights, how many are right, and their
 * cross-entropy. */
struct judgement {
    double right, loss;
};

/* More rows are right, or as many and the loss is less. */
static bool is_better(const struct judgement *a, const struct judgement *b)
{
    return a->right > b->right || (a->right == b->right && a->loss < b->loss);
}

static void judge_row(
    struct judgement *judgement, const struct test *t, uint32_t row, uint32_t label, double weight)
{
    const uint32_t best = likeliest(t, row);
    const double most = logit(t, row, best);
    double sum = 0.0;
    for (uint32_t c = 0; c < t->classes; c++)
        sum += (double)mcl_host_exp((float)(logit(t, row, c) - most));
    judgement->right += best == label ? weight : 0.0;
    judgement->loss += weight * ((double)mcl_host_log((float)sum) + most - logit(t, row, label));
}

static mcl_status judge(struct judgement *judgement, struct standardized *of, uint32_t classes,
    const double *class_weights, const double *x)
{
    struct test test = {.context = of->context, .classes = classes};
    mcl_status status = create_test(&test, of, x);
    for (uint32_t b = 0; b < test.blocks.count && status == MCL_OK; b++) {
        const int32_t *labels = of->features->labels + (uint64_t)b * test.blocks.block_rows;
        uint32_t rows = 0;
        status = test_block(&rows, &test, b);
        for (uint32_t i = 0; i < rows && status == MCL_OK; i++)
            judge_row(judgement, &test, i, (uint32_t)labels[i],
                class_weights ? class_weights[labels[i]] : 1.0);
    }
    release_test(&test);
    return status;
}

/* A regression on rows that it holds on the device. */
struct fitting {
    struct standardized rows;
    mcl_blocks blocks;
    mcl_regression_problem problem;
    mcl_regression *regression;
};

static mcl_status create_fitting(struct fitting *fitting, const mcl_linear_problem *problem,
    const mcl_features *features, const mcl_standards *standards, const double *class_weights)
{
    fitting->rows = (struct standardized){problem->context, features, standards};
    fitting->blocks = standardized_blocks(&fitting->rows, problem->classes);
    fitting->problem = (mcl_regression_problem){
        &fitting->blocks, features->labels, problem->classes, class_weights};
    MCL_TRY(mcl_blocks_create(&fitting->blocks, true));
    return mcl_regression_create(&fitting->regression, &fitting->problem);
}

static void release_fitting(struct fitting *fitting)
{
    mcl_regression_free(fitting->regression);
    mcl_blocks_release(&fitting->blocks);
}

/* A tenth that is held out, and what is fitted to the rest. */
struct trial {
    uint64_t *numbers; /* [rows] of the rest's rows, then of the tenth's */
    int32_t *labels;   /* [rows] */
    mcl_features rest, held;
    struct standardized of_held;
    struct fitting fitting;
    double *x; /* [classes×D + classes] where its search is */
};

static mcl_status divide(
    struct trial *trial, const mcl_features *train, const uint32_t *fold, uint32_t tenth)
{
    uint64_t rest = 0, held = 0;
    MCL_TRY(mcl_allocate(&trial->numbers, train->rows, sizeof *trial->numbers));
    MCL_TRY(mcl_allocate(&trial->labels, train->rows, sizeof *trial->labels));
    for (uint64_t i = 0; i < train->rows; i++)
        rest += fold[i] != tenth;
    trial->rest =
        (mcl_features){train->values, trial->labels, rest, train->columns, trial->numbers};
    trial->held = (mcl_features){train->values, trial->labels + rest, train->rows - rest,
        train->columns, trial->numbers + rest};
    for (uint64_t i = 0, first = 0; i < train->rows; i++) {
        const uint64_t at = fold[i] == tenth ? rest + held++ : first++;
        trial->numbers[at] = train->chosen ? train->chosen[i] : i;
        trial->labels[at] = train->labels[i];
    }
    return MCL_OK;
}

static void release_trial(struct trial *trial)
{
    release_fitting(&trial->fitting);
    free(trial->x);
    free(trial->numbers);
    free(trial->labels);
}

/* The trials of a choice. */
struct choice {
    const mcl_linear_problem *problem;
    const mcl_standards *standards;
    const double *class_weights;
    uint32_t count; /* of trials */
    struct trial trials[MCL_TENTHS];
};

static mcl_status create_choice(struct choice *choice)
{
    const mcl_linear_problem *problem = choice->problem;
    const mcl_features *train = problem->train;
    uint32_t *fold;
    choice->count = mcl_tenths(train->rows);
    MCL_TRY(mcl_allocate(&fold, train->rows, sizeof *fold));
    mcl_status status = mcl_draw_folds(fold, train->labels, train->rows, MCL_TENTHS, problem->seed);
    for (uint32_t t = 0; t < choice->count; t++) {
        struct trial *trial = &choice->trials[t];
        STEP(divide(trial, train, fold, t));
        STEP(mcl_allocate(
            &trial->x, (uint64_t)problem->classes * (train->columns + 1), sizeof *trial->x));
        STEP(create_fitting(
            &trial->fitting, problem, &trial->rest, choice->standards, choice->class_weights));
        trial->of_held = (struct standardized){problem->context, &trial->held, choice->standards};
    }
    free(fold);
    return status;
}

/* Goes on to the next strength in every trial. */
static mcl_status try_strength(
    struct judgement *judgement, struct choice *choice, double strength, bool warm)
{
    const mcl_regression_search search = {.penalty = strength, .warm = warm, .loose = true};
    *judgement = (struct judgement){0.0, 0.0};
    for (uint32_t t = 0; t < choice->count; t++) {
        struct trial *trial = &choice->trials[t];
        mcl_regression_end end;
        MCL_TRY(mcl_regression_fit(trial->x, &end, trial->fitting.regression, &search));
        MCL_TRY(judge(
            judgement, &trial->of_held, choice->problem->classes, choice->class_weights, trial->x));
    }
    return MCL_OK;
}

/* *strength = the best of those that are tried, down to the first that has neither more rows right
 * nor a lesser loss than the best before it; x = what the first trial found with the best. */
static mcl_status walk(double *strength, double *x, struct choice *choice)
{
    const size_t size =
        (size_t)choice->problem->classes * (choice->problem->train->columns + 1) * sizeof *x;
    struct judgement best = {-1.0, INFINITY};
    double tried = MCL_STRENGTH_MOST;
    for (int k = 0; k < MCL_STRENGTHS; k++) {
        struct judgement judgement;
        MCL_TRY(try_strength(&judgement, choice, tried, k > 0));
        if (is_better(&judgement, &best)) {
            best = judgement;
            *strength = tried;
            memcpy(x, choice->trials[0].x, size);
        } else if (!(judgement.loss < best.loss)) {
            break;
        }
        tried /= 10.0;
    }
    return MCL_OK;
}

static mcl_status choose(double *strength, double *x, const mcl_linear_problem *problem,
    const mcl_standards *standards, const double *class_weights)
{
    struct choice choice = {
        .problem = problem, .standards = standards, .class_weights = class_weights};
    mcl_status status = create_choice(&choice);
    STEP(walk(strength, x, &choice));
    for (uint32_t t = 0; t < MCL_TENTHS; t++)
        release_trial(&choice.trials[t]);
    return status;
}

uint32_t mcl_tenths(uint64_t rows)
{
    const uint64_t tenth = rows / MCL_TENTHS;
    const uint64_t wanted = tenth ? (MCL_HELD_OUT + tenth - 1) / tenth : MCL_TENTHS;
    const uint64_t most = rows < MCL_TENTHS ? rows : MCL_TENTHS;
    return (uint32_t)(wanted < most ? wanted : most);
}

/* *weights = by which all classes together count alike, and all rows as many as they are. */
static mcl_status weigh_classes(double **weights, const mcl_linear_problem *problem)
{
    uint64_t present = 0;
    if (!problem->balanced)
        return MCL_OK;
    MCL_TRY(mcl_allocate(weights, problem->classes, sizeof **weights));
    for (uint64_t i = 0; i < problem->train->rows; i++)
        (*weights)[problem->train->labels[i]] += 1.0;
    for (uint32_t c = 0; c < problem->classes; c++)
        present += (*weights)[c] > 0.0;
    for (uint32_t c = 0; c < problem->classes; c++) {
        if ((*weights)[c] > 0.0)
            (*weights)[c] = (double)problem->train->rows / ((double)present * (*weights)[c]);
    }
    return MCL_OK;
}

/* Whether there is anything to choose by: a row to hold out, and one of another class. */
static bool can_choose(const mcl_linear_problem *problem)
{
    return problem->classes > 1 && problem->train->rows > problem->classes;
}

/* x = the regression for a strength that is given, or chosen where that is 0. */
static mcl_status fit(double *x, double *strength, mcl_regression_end *end,
    const mcl_linear_problem *problem, const mcl_standards *standards)
{
    struct fitting fitting = {.regression = NULL};
    mcl_regression_search search = {.penalty = problem->strength};
    double *weights = NULL;
    mcl_status status = weigh_classes(&weights, problem);
    if (!(search.penalty > 0.0)) {
        search.penalty = MCL_STRENGTH_WITHOUT_CHOICE;
        search.warm = can_choose(problem);
        if (search.warm)
            STEP(choose(&search.penalty, x, problem, standards, weights));
    }
    STEP(create_fitting(&fitting, problem, problem->train, standards, weights));
    STEP(mcl_regression_fit(x, end, fitting.regression, &search));
    release_fitting(&fitting);
    free(weights);
    *strength = search.penalty;
    return status;
}

/* Training rows in as many columns as they have dimensions. */
struct reduced {
    mcl_reduction reduction;
    mcl_features rows;
    float *values;           /* [rows×columns] */
    mcl_standards standards; /* which change nothing */
};

static void release_reduced(struct reduced *reduced)
{
    mcl_reduction_release(&reduced->reduction);
    mcl_standards_release(&reduced->standards);
    free(reduced->values);
}

static mcl_status reduce(
    struct reduced *reduced, const mcl_features *train, const mcl_standards *standards)
{
    const mcl_reduction *reduction = &reduced->reduction;
    MCL_TRY(mcl_reduction_find(&reduced->reduction, train, standards));
    const uint64_t columns = reduction->columns, count = train->rows * columns;
    MCL_TRY(mcl_allocate(&reduced->values, count, sizeof *reduced->values));
    MCL_TRY(mcl_allocate(&reduced->standards.mean, columns, sizeof(double)));
    MCL_TRY(mcl_allocate(&reduced->standards.inverse, columns, sizeof(double)));
    for (uint64_t i = 0; i < count; i++)
        reduced->values[i] = (float)reduction->values[i];
    for (uint64_t j = 0; j < columns; j++)
        reduced->standards.inverse[j] = 1.0;
    reduced->rows = (mcl_features){reduced->values, train->labels, train->rows, columns, NULL};
    return MCL_OK;
}

/* x[classes×D + classes] = what y is in fewer columns. */
static mcl_status expand(
    double *x, const struct reduced *reduced, const double *y, uint32_t classes)
{
    const uint64_t width = reduced->reduction.features->columns, few = reduced->rows.columns;
    for (uint32_t c = 0; c < classes; c++) {
        MCL_TRY(mcl_reduction_expand(x + c * width, &reduced->reduction, y + c * few));
        x[classes * width + c] = y[classes * few + c];
    }
    return MCL_OK;
}

/* fit() of rows that are fewer than their columns, in fewer columns. */
static mcl_status fit_reduced(double *x, double *strength, mcl_regression_end *end,
    const mcl_linear_problem *problem, const mcl_standards *standards)
{
    struct reduced reduced = {.values = NULL};
    mcl_linear_problem in_fewer = *problem;
    double *y = NULL;
    mcl_status status = reduce(&reduced, problem->train, standards);
    if (status == MCL_OK && reduced.rows.columns == 0) {
        release_reduced(&reduced);
        return fit(x, strength, end, problem, standards);
    }
    in_fewer.train = &reduced.rows;
    STEP(mcl_allocate(&y, problem->classes * (reduced.rows.columns + 1), sizeof *y));
    STEP(fit(y, strength, end, &in_fewer, &reduced.standards));
    STEP(expand(x, &reduced, y, problem->classes));
    release_reduced(&reduced);
    free(y);
    return status;
}

/* Whether fewer columns save more time than it takes to find them: there are several fits. */
static bool pays_to_reduce(const mcl_linear_problem *problem)
{
    const mcl_features *train = problem->train;
    return train->rows < train->columns && train->rows <= REDUCED_MOST &&
           !(problem->strength > 0.0) && can_choose(problem);
}

mcl_status mcl_linear_probe(
    int32_t *told, double *strength, mcl_regression_end *end, const mcl_linear_problem *problem)
{
    const mcl_features *train = problem->train;
    mcl_standards standards = {NULL, NULL};
    struct standardized of_test = {problem->context, problem->test, &standards};
    double *x = NULL;
    mcl_status status = mcl_standards_find(&standards, train);
    STEP(mcl_allocate(&x, (uint64_t)problem->classes * (train->columns + 1), sizeof *x));
    STEP((pays_to_reduce(problem) ? fit_reduced : fit)(x, strength, end, problem, &standards));
    STEP(tell(told, &of_test, problem->classes, x));
    mcl_standards_release(&standards);
    free(x);
    return status;
}
