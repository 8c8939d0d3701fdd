/* SPDX-License-Identifier: Apache-2.0 */
/* What an encoder is trained for without labels. */
#ifndef MASKCL_OBJECTIVES_H
#define MASKCL_OBJECTIVES_H

#include <stdbool.h>
#include <stddef.h>

#include "maskcl/status.h"
#include "maskcl/views.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Every objective, X(NAME, file): MCL_OBJECTIVE_NAME is its constant, file its file in
 * src/objectives. Its line here is all that registers an objective. New ones come last. */
#define MCL_OBJECTIVE_LIST(X)                                                                      \
    X(COSINE, cosine)                                                                              \
    X(NT_XENT, ntxent)                                                                             \
    X(RECONSTRUCTION, reconstruction)                                                              \
    X(VICREG, vicreg)                                                                              \
    X(BARLOW, barlow)                                                                              \
    X(SCARF, scarf)                                                                                \
    X(SIMSIAM, simsiam)                                                                            \
    X(BYOL, byol)                                                                                  \
    X(VIME, vime)                                                                                  \
    X(MOCO, moco)                                                                                  \
    X(SIGREG, sigreg)

typedef enum mcl_objective_kind {
#define MCL_OBJECTIVE_CONSTANT(NAME, file) MCL_OBJECTIVE_##NAME,
    MCL_OBJECTIVE_LIST(MCL_OBJECTIVE_CONSTANT)
#undef MCL_OBJECTIVE_CONSTANT
        MCL_OBJECTIVE_KINDS
} mcl_objective_kind;

/* The facts of an objective. Strings are static. */
typedef struct mcl_objective_info {
    const char *name;    /* "nt-xent" */
    const char *paper;   /* "Chen et al. 2020"; NULL: none */
    const char *summary; /* what it trains for and when to use it */
    const char *views;   /* the paper's, as mcl_view_options_parse() reads them; NULL: any */
    bool spreads;        /* it keeps rows apart, so that embeddings do not collapse */
    bool decodes;        /* it trains the decoder */
} mcl_objective_info;

/* NULL when there is no such objective. */
MCL_API const mcl_objective_info *mcl_objective_describe(mcl_objective_kind kind);

typedef struct mcl_objective {
    mcl_objective_kind kind;
    float weight; /* above 0 */
} mcl_objective;

#define MCL_OBJECTIVES_MAX 10 /* of a run; fixed: structs and checkpoints have room for so many */

/* An option of an objective that is not left to its default; its value as a number, for a name its
 * place in the list. Set by mcl_options_set(). */
typedef struct mcl_objective_setting {
    char key[32];
    double value;
} mcl_objective_setting;

#define MCL_OBJECTIVE_SETTINGS_MAX 16

/* Parses objectives joined by '+', each "name" or "name:weight": "nt-xent:1+reconstruction:10". */
MCL_API mcl_status mcl_objectives_parse(
    mcl_objective objectives[MCL_OBJECTIVES_MAX], size_t *count, const char *text);

/* Writes them as mcl_objectives_parse() reads them; a weight of 1 is left out. */
MCL_API void mcl_objectives_show(
    char *text, size_t size, const mcl_objective *objectives, size_t count);
/* "?" for a number that is none. */
MCL_API const char *mcl_objective_name(mcl_objective_kind kind);

/* Sets views to those of the objective's paper, if it needs certain ones: for scarf, 0.6 of the
 * first view's elements come from other rows and the second view is whole; for vime, 0.3 in both.
 * Returns false for all other objectives and leaves views as they are. Training does not call it; a
 * program may, as maskcl does where neither views nor masks are given. */
MCL_API bool mcl_objective_views(mcl_view_options *views, mcl_objective_kind kind);

#ifdef __cplusplus
}
#endif

#endif
