/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/lbfgs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* Pairs of steps and changes of the gradient: as many as fit, where there are not too few. */
#define HISTORY 200
#define HISTORY_LEAST 10
#define HISTORY_BYTES (UINT64_C(1) << 28)
#define SUFFICIENT 1e-4 /* Armijo's condition */
#define HALVINGS_MAX 30

struct pair {
    double *step;   /* x_{k+1} − x_k */
    double *change; /* ∇f_{k+1} − ∇f_k */
    double inverse; /* 1 / (step·change) */
};

struct memory {
    size_t n;
    struct pair pairs[HISTORY];
    size_t room, count, newest; /* of room for pairs; pairs[newest] came last */
    mcl_inverse_function inverse;
    void *state;
    double *scaled; /* [n] H0 · the newest change */
    double *block;
};

/* In four sums, so that one addition need not wait for the one before. */
static double dot(const double *a, const double *b, size_t n)
{
    double sums[4] = {0.0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        for (size_t k = 0; k < 4; k++)
            sums[k] += a[i + k] * b[i + k];
    }
    for (; i < n; i++)
        sums[0] += a[i] * b[i];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

static double largest(const double *a, size_t n)
{
    double most = 0.0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(a[i]));
    return most;
}

static size_t history(size_t n)
{
    const uint64_t fit = HISTORY_BYTES / (2 * sizeof(double)) / n;
    return fit > HISTORY ? HISTORY : fit < HISTORY_LEAST ? HISTORY_LEAST : (size_t)fit;
}

/* x = H0·x, but for the factor */
static mcl_status multiply_inverse(double *x, const struct memory *memory, uint32_t iteration)
{
    return memory->inverse ? memory->inverse(x, iteration, memory->state) : MCL_OK;
}

/* direction = −H·gradient by the two-loop recursion (Nocedal and Wright, algorithm 7.4). What the
 * pairs say is added to H0 times the factor that makes it right for the newest pair. */
static mcl_status two_loops(
    double *direction, const double *gradient, const struct memory *memory, uint32_t iteration)
{
    const size_t n = memory->n;
    double factors[HISTORY];
    for (size_t i = 0; i < n; i++)
        direction[i] = -gradient[i];
    for (size_t k = 0; k < memory->count; k++) {
        const size_t at = (memory->newest + memory->room - k) % memory->room;
        const struct pair *pair = &memory->pairs[at];
        factors[at] = pair->inverse * dot(pair->step, direction, n);
        for (size_t i = 0; i < n; i++)
            direction[i] -= factors[at] * pair->change[i];
    }
    MCL_TRY(multiply_inverse(direction, memory, iteration));
    if (memory->count) {
        const struct pair *pair = &memory->pairs[memory->newest];
        memcpy(memory->scaled, pair->change, n * sizeof *memory->scaled);
        MCL_TRY(multiply_inverse(memory->scaled, memory, iteration));
        const double scale = 1.0 / (pair->inverse * dot(pair->change, memory->scaled, n));
        for (size_t i = 0; i < n; i++)
            direction[i] *= scale;
    }
    for (size_t k = memory->count; k-- > 0;) {
        const size_t at = (memory->newest + memory->room - k) % memory->room;
        const struct pair *pair = &memory->pairs[at];
        const double factor = factors[at] - pair->inverse * dot(pair->change, direction, n);
        for (size_t i = 0; i < n; i++)
            direction[i] += factor * pair->step[i];
    }
    return MCL_OK;
}

/* Remembers a step, unless the function is not convex enough along it for the update to be safe. */
static void remember(struct memory *memory, const double *x, const double *gradient,
    const double *next, const double *next_gradient)
{
    const size_t slot = memory->count ? (memory->newest + 1) % memory->room : 0;
    struct pair *pair = &memory->pairs[slot];
    for (size_t i = 0; i < memory->n; i++) {
        pair->step[i] = next[i] - x[i];
        pair->change[i] = next_gradient[i] - gradient[i];
    }
    const double curvature = dot(pair->step, pair->change, memory->n);
    if (curvature <= 1e-12 * dot(pair->change, pair->change, memory->n)) {
        memory->count = 0; /* the slot may have held the oldest pair: start afresh */
        return;
    }
    pair->inverse = 1.0 / curvature;
    memory->newest = slot;
    if (memory->count < memory->room)
        memory->count++;
}

/* Memory of `room` pairs, and five vectors more behind them. */
static mcl_status create_memory(struct memory *memory)
{
    const size_t n = memory->n;
    memory->room = history(n);
    MCL_TRY(mcl_allocate(&memory->block, (2 * memory->room + 5) * (uint64_t)n, sizeof(double)));
    for (size_t k = 0; k < memory->room; k++) {
        memory->pairs[k].step = memory->block + 2 * k * n;
        memory->pairs[k].change = memory->block + (2 * k + 1) * n;
    }
    memory->scaled = memory->block + (2 * memory->room + 4) * n;
    return MCL_OK;
}

mcl_status mcl_lbfgs(double *x, size_t n, mcl_objective_function function,
    mcl_inverse_function inverse, void *state, mcl_lbfgs_end end, uint32_t *iterations,
    bool *converged)
{
    struct memory memory = {.n = n, .inverse = inverse, .state = state};
    MCL_TRY(create_memory(&memory));
    double *gradient = memory.block + 2 * memory.room * n, *next = gradient + n,
           *next_gradient = next + n, *direction = next_gradient + n;
    double value, next_value = 0.0;
    uint32_t done = 0;
    bool reached = false;
    mcl_status status = function(&value, gradient, x, state);
    while (status == MCL_OK && done < end.most) {
        if (largest(gradient, n) < end.gradient) {
            reached = true;
            break;
        }
        status = two_loops(direction, gradient, &memory, done);
        if (status != MCL_OK)
            break;
        const double slope = dot(gradient, direction, n);
        if (!(slope < 0.0) && memory.count) { /* by rounding, the pairs lead uphill */
            memory.count = 0;
            continue;
        }
        /* What the quadratic model promises is half of the slope; that is nothing where there is no
         * gradient, and without pairs it is no more than a guess. */
        if (slope == 0.0 || (memory.count && -0.5 * slope <= end.promise * fabs(value))) {
            reached = true;
            break;
        }
        double length = 1.0;
        if (!memory.count && !inverse) /* the gradient's length says nothing of the step's */
            length = fmin(1.0, 1.0 / sqrt(dot(gradient, gradient, n)));
        bool better = false;
        for (int halving = 0; halving < HALVINGS_MAX && !better && status == MCL_OK; halving++) {
            for (size_t i = 0; i < n; i++)
                next[i] = x[i] + length * direction[i];
            status = function(&next_value, next_gradient, next, state);
            better = next_value <= value + SUFFICIENT * length * slope; /* never if not finite */
            length *= 0.5;
        }
        if (status != MCL_OK)
            break;
        if (!better && memory.count) { /* the pairs are no longer true of the function */
            memory.count = 0;
            continue;
        }
        if (!better) { /* the value's rounding hides any further progress */
            reached = done > 0;
            break;
        }
        remember(&memory, x, gradient, next, next_gradient);
        memcpy(x, next, n * sizeof *x);
        memcpy(gradient, next_gradient, n * sizeof *x);
        value = next_value;
        done++;
    }
    free(memory.block);
    if (status == MCL_OK) {
        *iterations = done;
        *converged = reached;
    }
    return status;
}
