/* SPDX-License-Identifier: Apache-2.0 */
/* What a provider of the matrix product offers, and the table of all. */
#ifndef MASKCL_COMPUTE_PROVIDERS_H
#define MASKCL_COMPUTE_PROVIDERS_H

#include "compute/product.h"
#include "compute/tuning.h"

/* Parameters that are worth a try on a device. */
typedef struct mcl_candidates {
    mcl_candidate list[MCL_CANDIDATES_MAX];
    size_t count;
} mcl_candidates;

/* A plan of a provider is plan_size bytes, zeros before create, which hold what a run needs. */
typedef struct mcl_product_provider {
    mcl_gemm_kind kind; /* that names it */

    /* Whether MCL_GEMM_NATIVE is this one on the context's device; NULL: nowhere. */
    bool (*is_native_of)(const mcl_context *context);

    bool exact; /* the native product's bits, which are the same for all providers of it; a plan of
                 * another one that fails is replaced by a native plan */

    bool sums; /* it writes the sums of MCL_EPILOGUE_SUMS */

    size_t plan_size;

    /* Finds kernels and settles the geometry, builds nothing. A plan whose making fails is freed
     * like others. */
    mcl_status (*create)(
        void *plan, mcl_context *context, const mcl_gemm *gemm, const mcl_epilogue *epilogue);
    /* The same of a product that gathers patches; NULL: it has none. */
    mcl_status (*create_gathering)(void *plan, mcl_context *context, const mcl_gemm *gemm,
        const mcl_patches *patches, const mcl_epilogue *epilogue);

    void (*free)(void *plan); /* what the plan owns; NULL: nothing */

    /* Builds what a run on these operands launches, where that has not been done; NULL: nothing. */
    mcl_status (*build)(void *plan, const mcl_operands *operands);

    /* Enqueues the product; operands->m is set. Where it fails, C is as before. */
    mcl_status (*run)(const void *plan, const mcl_operands *operands);

    /* Makes the plan one that asks less of the device, with the same bits; false: it cannot. NULL:
     * none can. To be built anew. */
    bool (*shrink)(void *plan);

    /* Where a copy of B in another form spares every run one, *packed = that copy, which runs of
     * the plan have as operands->b from then on, else NULL. pack itself may be NULL: it never does.
     */
    mcl_status (*pack)(cl_mem *packed, void *plan, mcl_matrix b);

    /* Adds what may be the fastest on the device, few where the search is to be quick; and with
     * refine, which may be NULL, variations of the best of these. */
    void (*candidates)(mcl_candidates *candidates, const mcl_context *context, bool quick);
    void (*refine)(
        mcl_candidates *candidates, const mcl_context *context, const mcl_candidate *best);
} mcl_product_provider;

/* The native product's two kernels run everywhere and give the same bits. */
extern const mcl_product_provider mcl_product_native_cpu;
extern const mcl_product_provider mcl_product_native_gpu;
extern const mcl_product_provider mcl_product_clblast;

/* The provider that the context's products are made by, and the native one of its device. */
const mcl_product_provider *mcl_product_provider_of(const mcl_context *context);
const mcl_product_provider *mcl_product_native_of(const mcl_context *context);

/* Says for the profile what product of so many rows the next command computes. */
void mcl_product_record(mcl_context *context, const mcl_gemm *gemm, uint32_t rows);

/* What a kernel is told of its epilogue: MCL_STORE_… of cl/constants.clh, and the
 * ACTIVATION that it is built with. Without an activation it is ReLU's build, which most networks
 * have anyway. */
uint32_t mcl_epilogue_how(const mcl_epilogue *epilogue);
mcl_activation mcl_epilogue_activation(const mcl_epilogue *epilogue);

#endif
