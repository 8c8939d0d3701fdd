/* SPDX-License-Identifier: Apache-2.0 */
/* InfoNCE (van den Oord et al. 2018): each of Q queries must find its own among K candidates. What
 * nt-xent, scarf and moco have in common: with q̂ [Q×P] and k̂ [K×P] rows of length 1 and τ the
 * temperature,
 *   s[Q×K] = q̂·k̂ᵀ/τ
 *   normalizer[Q] = log Σ exp s over a row, loss = normalizer − s of its own
 *   s becomes the gradient g by it, dq̂ = g·k̂/τ and dk̂ = gᵀ·q̂/τ
 * The queries are rows of ẑ [R×P], the normalised projections. */
#ifndef MASKCL_OBJECTIVES_INFONCE_H
#define MASKCL_OBJECTIVES_INFONCE_H

#include "compute/product.h"
#include "objectives/normalized.h"

/* The objective's own option for τ, under its name in models and checkpoints. */
#define MCL_INFONCE_TEMPERATURE(name, value)                                                       \
    {                                                                                              \
        .key = "temperature", .stored = (name), .values = "T",                                     \
        .help = "what their cosines are divided by", .type = &mcl_value_positive_float,            \
        .otherwise = (value)                                                                       \
    }

/* Where the candidates are. */
typedef enum mcl_candidates {
    MCL_CANDIDATES_SAME,  /* the queries themselves; g is by s + sᵀ then */
    MCL_CANDIDATES_OTHER, /* the rows of ẑ before the queries */
    MCL_CANDIDATES_KEPT,  /* a matrix of the caller's, a constant */
} mcl_candidates;

typedef struct mcl_infonce_options {
    uint32_t queries;      /* Q: the last ones of ẑ's rows */
    uint32_t candidates;   /* K */
    mcl_candidates origin; /* of the candidates */
    float temperature;     /* τ */
    const char *file;      /* "ntxent.cl" */
    const char *rows;      /* its kernel for normalizer and loss, mapped by rows */
    const char *backward;  /* its kernel for g, by vectors */
    const char *what;      /* "similarities of nt-xent", for messages */
} mcl_infonce_options;

typedef struct mcl_infonce {
    mcl_context *context;
    mcl_infonce_options of;
    mcl_terms losses;          /* [Q] */
    mcl_normalized normalized; /* [R×P] */
    cl_mem normalizer;         /* [Q] */
    cl_mem similarity;         /* [Q×K] s, then g */
    mcl_kernel *rows, *backward;
    mcl_product *similarities;
    mcl_product *by_queries, *by_candidates; /* the second one for MCL_CANDIDATES_OTHER */
} mcl_infonce;

/* On failure there may be something to release. */
mcl_status mcl_infonce_create(
    mcl_infonce *infonce, const mcl_objective_setup *setup, const mcl_infonce_options *options);
void mcl_infonce_release(mcl_infonce *infonce);

/* Enqueues ẑ and s; kept [K×P] are the candidates of MCL_CANDIDATES_KEPT, else NULL. */
mcl_status mcl_infonce_compare(mcl_infonce *infonce, cl_mem projections, cl_mem kept);

/* Enqueues, after the rows' normalizers and losses: the mean loss, g, and the gradient by the
 * projections, to which the caller may have written a part, dq̂, when `begun` is set. */
mcl_status mcl_infonce_backward(
    mcl_infonce *infonce, const mcl_objective_step *step, cl_mem kept, bool begun);

/* The functions of an objective that is no more than this: allocate, free and run an mcl_infonce,
 * with a kernel `rows` of (s, K, normalizer, loss). */
mcl_status mcl_infonce_allocate(
    void **state, const mcl_objective_setup *setup, const mcl_infonce_options *options);
void mcl_infonce_free(void *state);
mcl_status mcl_infonce_run(void *state, const mcl_objective_step *step);

#endif
