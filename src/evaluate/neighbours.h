/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest neighbours of rows by cosine, and what they say a row's class is. */
#ifndef MASKCL_EVALUATE_NEIGHBOURS_H
#define MASKCL_EVALUATE_NEIGHBOURS_H

#include "compute/product.h"

#define MCL_NEIGHBOURS 20 /* that vote, or all candidates when there are fewer */

/* A search for batches of at most `queries` rows among `candidates` rows of `columns` columns. */
typedef struct mcl_neighbours {
    mcl_context *context;
    uint32_t candidates, columns;
    uint32_t count;       /* neighbours of a row */
    uint32_t at_once;     /* candidates that the queries are compared with */
    mcl_product *product; /* similarity[queries×at_once] = queries · candidatesᵀ */
    mcl_product *rest;    /* the same with the last candidates, where they are fewer; or NULL */
    mcl_kernel *nearest;
    cl_mem similarity; /* [queries×at_once] */
    cl_mem best;       /* [queries×count] */
    cl_mem place;      /* [queries×count] numbers of candidates, the nearest first */
} mcl_neighbours;

/* On failure there may be something to release. */
mcl_status mcl_neighbours_create(mcl_neighbours *neighbours, mcl_context *context, uint32_t queries,
    uint32_t candidates, uint32_t columns);
void mcl_neighbours_release(mcl_neighbours *neighbours);

/* A search of which the candidates come in parts: it begins for so many queries, and each part is
 * compared, candidates[count×columns] being those from the first on. All parts but the last are
 * multiples of at_once. The last's end makes place what mcl_neighbours_search() does. */
mcl_status mcl_neighbours_begin(mcl_neighbours *neighbours, uint32_t rows);
mcl_status mcl_neighbours_compare(mcl_neighbours *neighbours, mcl_matrix candidates, uint32_t first,
    uint32_t count, mcl_matrix queries, uint32_t rows);

/* Enqueues the search: place = the neighbours of queries[rows×columns] among candidates, both
 * normalised; of equally near ones the first comes first. */
mcl_status mcl_neighbours_search(
    mcl_neighbours *neighbours, mcl_matrix candidates, mcl_matrix queries, uint32_t rows);

/* The label that most of a row's neighbours have, of equals the one whose first neighbour is
 * nearest. */
int32_t mcl_neighbours_vote(const uint32_t *places, uint32_t count, const int32_t *labels);

/* How many of the rows the neighbours' majority tells right, of equals the class whose first
 * neighbour is nearest. places[rows×count] was read from place, labels are the candidates', and
 * right_labels[rows] those that should be told. */
uint64_t mcl_neighbours_right(const mcl_neighbours *neighbours, const uint32_t *places,
    uint64_t rows, const int32_t *labels, const int32_t *right_labels);

#endif
