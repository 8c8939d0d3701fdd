/* SPDX-License-Identifier: Apache-2.0 */
/* Random masks that split a row into two views. */
#ifndef MASKCL_MASK_H
#define MASKCL_MASK_H

#include <stdint.h>

#include "maskcl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mcl_mask_kind {
    MCL_MASK_UNIFORM,   /* m = u, one uniform [0,1) number an element */
    MCL_MASK_BERNOULLI, /* m = 1 with probability ratio, else 0 */
    MCL_MASK_BLOCK,     /* one Bernoulli draw a square patch of an image */
    MCL_MASK_NONE,      /* m = 1 */
} mcl_mask_kind;

/* The first view of a row x is x⊙m, the second one by default x⊙(1−m). */
typedef struct mcl_mask {
    mcl_mask_kind kind;
    float ratio; /* the fraction of the elements that the first view keeps, in (0,1); not uniform */
    uint32_t patch; /* block only: the side of a patch in pixels */
} mcl_mask;

/* Parses "uniform", "bernoulli", "block" or "none". */
MCL_API mcl_status mcl_mask_kind_parse(mcl_mask_kind *kind, const char *text);
/* "?" for a number that is none. */
MCL_API const char *mcl_mask_kind_name(mcl_mask_kind kind);

#ifdef __cplusplus
}
#endif

#endif
