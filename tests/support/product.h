/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products of which each is run once. */
#ifndef MASKCL_TESTS_PRODUCT_H
#define MASKCL_TESTS_PRODUCT_H

#include "compute/product.h"
#include "support/device.h"

/* Plans a product, runs it and frees the plan; epilogue may be NULL. */
static inline mcl_status run_product(
    const mcl_gemm *gemm, const mcl_operands *operands, const mcl_epilogue *epilogue)
{
    mcl_product *product;
    MCL_TRY(mcl_product_create(&product, context, gemm, epilogue));
    const mcl_status status = mcl_product_run(product, operands);
    mcl_product_free(product);
    return status;
}

#endif
