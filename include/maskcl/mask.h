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
    uint32_t patch;      /* block only: the side of a patch in pixels, */
    uint32_t patch_most; /* or the least one of a side that is drawn for each row, up to this;
                            0: it is patch */
} mcl_mask;

/* Parses "uniform", "bernoulli", "block" or "none". */
MCL_API mcl_status mcl_mask_kind_parse(mcl_mask_kind *kind, const char *text);

/* Parses a patch's side, "4", or two, "2-8", into patch and patch_most; the text of both. */
MCL_API mcl_status mcl_mask_patch_parse(mcl_mask *mask, const char *text);
#define MCL_MASK_PATCH_SIZE 24 /* bytes of the text at most */
MCL_API void mcl_mask_patch_show(char text[MCL_MASK_PATCH_SIZE], const mcl_mask *mask);

/* "?" for a number that is none. */
MCL_API const char *mcl_mask_kind_name(mcl_mask_kind kind);

#ifdef __cplusplus
}
#endif

#endif
