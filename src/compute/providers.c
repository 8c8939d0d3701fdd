/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/providers.h"

static const mcl_product_provider *const providers[] = {
    &mcl_product_native_cpu,
    &mcl_product_native_gpu,
    &mcl_product_clblast,
    NULL,
};

const mcl_product_provider *mcl_product_native_of(const mcl_context *context)
{
    const mcl_product_provider *found = providers[0];
    for (const mcl_product_provider *const *p = providers; *p; p++) {
        if ((*p)->is_native_of && (*p)->is_native_of(context))
            found = *p;
    }
    return found;
}

const mcl_product_provider *mcl_product_provider_of(const mcl_context *context)
{
    for (const mcl_product_provider *const *p = providers; *p; p++) {
        if ((*p)->kind == context->gemm)
            return *p;
    }
    return mcl_product_native_of(context);
}
