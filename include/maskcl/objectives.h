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

typedef enum mcl_objective_kind {
    MCL_OBJECTIVE_COSINE,  /* 1 − cos of a row's two views; collapses, see the README */
    MCL_OBJECTIVE_NT_XENT, /* SimCLR's (Chen et al. 2020): a row's views against all others */
    MCL_OBJECTIVE_RECONSTRUCTION, /* mean squared error of the decoder's output on both views */
    MCL_OBJECTIVE_VICREG,  /* Bardes et al. 2022: near views, columns that vary and do not correlate
                            */
    MCL_OBJECTIVE_BARLOW,  /* Zbontar et al. 2021: views' columns correlate with themselves alone */
    MCL_OBJECTIVE_SCARF,   /* Bahri et al. 2022: a row's views against the first views of others */
    MCL_OBJECTIVE_SIMSIAM, /* Chen and He 2021: the predictor's output near the other view */
    MCL_OBJECTIVE_BYOL,    /* Grill et al. 2020: it near the other view by an averaged network */
    MCL_OBJECTIVE_VIME,    /* Yoon et al. 2020: which elements a view altered, and the row itself */
    MCL_OBJECTIVE_MOCO,    /* He et al. 2020: the other view by an averaged network, in a queue */
    MCL_OBJECTIVE_KINDS
} mcl_objective_kind;

typedef struct mcl_objective {
    mcl_objective_kind kind;
    float weight; /* above 0 */
} mcl_objective;

#define MCL_OBJECTIVES_MAX MCL_OBJECTIVE_KINDS

/* Which elements the objective reconstruction is on, in each view. */
typedef enum mcl_reconstruct_elements {
    MCL_RECONSTRUCT_ALL,
    MCL_RECONSTRUCT_HIDDEN, /* those that the mask hides, in part or as a whole, or else changes */
} mcl_reconstruct_elements;

typedef enum mcl_reconstruction_loss {
    MCL_RECONSTRUCTION_MSE,
    MCL_RECONSTRUCTION_BCE, /* binary cross-entropy: the decoder's output is a logit */
} mcl_reconstruction_loss;

/* Parses objectives joined by '+', each "name" or "name:weight": "nt-xent:1+reconstruction:10". */
MCL_API mcl_status mcl_objectives_parse(
    mcl_objective objectives[MCL_OBJECTIVES_MAX], size_t *count, const char *text);
MCL_API const char *mcl_objective_name(mcl_objective_kind kind);

/* Sets views to the paper's of an objective that is for certain ones: of scarf, the first view with
 * 0.6 of its elements from other rows, the second one whole; of vime, both with 0.3. False for
 * other objectives, and views stay as they are. Nothing else looks at them for the objective: the
 * program does where neither views nor masks are asked for. */
MCL_API bool mcl_objective_views(mcl_view_options *views, mcl_objective_kind kind);

/* "all" or "hidden", and "mse" or "bce". */
MCL_API mcl_status mcl_reconstruct_parse(mcl_reconstruct_elements *elements, const char *text);
MCL_API const char *mcl_reconstruct_name(mcl_reconstruct_elements elements);
MCL_API mcl_status mcl_reconstruction_loss_parse(mcl_reconstruction_loss *loss, const char *text);
MCL_API const char *mcl_reconstruction_loss_name(mcl_reconstruction_loss loss);

#ifdef __cplusplus
}
#endif

#endif
