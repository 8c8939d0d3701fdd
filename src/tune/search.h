/* SPDX-License-Identifier: Apache-2.0 */
/* Inside maskcl tune: a run's products, their times, and the search of one provider. */
#ifndef MASKCL_TUNE_SEARCH_H
#define MASKCL_TUNE_SEARCH_H

#include "compute/providers.h"

#define MCL_SEARCH_PRODUCTS_MAX MCL_TUNED_MAX

/* The products of a run, and what they are tried on. */
typedef struct mcl_search {
    mcl_context *context;
    struct mcl_tuning *tuning; /* the context's, where candidates are put */
    const mcl_tune_options *options;
    mcl_gemm products[MCL_SEARCH_PRODUCTS_MAX]; /* no two are the same */
    size_t count;
    cl_mem a, b, c;                           /* as large as the largest product needs */
    float *expected[MCL_SEARCH_PRODUCTS_MAX]; /* by the native product's default tile */
    float *got;
    mcl_tune_progress progress;
} mcl_search;

/* Seconds of each product, of which one is INFINITY where a candidate failed. */
typedef struct mcl_search_times {
    double seconds[MCL_SEARCH_PRODUCTS_MAX];
} mcl_search_times;

/* Fills in the products: those of the plans that are alive when the run has been built. */
mcl_status mcl_search_list(mcl_search *search);

/* The seconds of all products together, and the rate that this is. */
double mcl_search_total(const mcl_search *search, const mcl_search_times *times);
double mcl_search_gflops(const mcl_search *search, double total);

/* MCL_INTERRUPTED when a stop was asked for; else reports the progress. */
mcl_status mcl_search_continue(mcl_search *search);

/* Times a plan of product i with the parameters as they are; INFINITY when it fails or its result
 * is wrong: not the expected bits, or for CLBlast, whose sums have another order, too far from
 * them.
 */
double mcl_search_time(mcl_search *search, size_t i);

/* The same for all products; stops where their total is above give_up, the rest being INFINITY. */
void mcl_search_time_all(mcl_search *search, mcl_search_times *times, double give_up);

/* Search a provider's parameters, put what is best in tuning, and fill in products[search->count].
 */
mcl_status mcl_search_native(mcl_search *search, const mcl_product_provider *provider,
    struct mcl_tuning *tuning, mcl_tuned_product *products);
mcl_status mcl_search_clblast(mcl_search *search, const mcl_product_provider *provider,
    struct mcl_tuning *tuning, mcl_tuned_product *products);

/* Fills in what a product's report says besides its rates. */
void mcl_search_describe(mcl_tuned_product *product, const mcl_search *search, size_t i,
    mcl_gemm_kind provider, double before, double after);

#endif
