/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/providers.h"

static const mcl_product_provider *const providers[] = {
    &mcl_product_native_cpu,
    &mcl_product_native_gpu,
    &mcl_product_clblast,
};

const mcl_product_provider *mcl_product_provider_of(const mcl_context *context)
{
    const mcl_product_provider *found = providers[0];
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++) {
        const mcl_product_provider *provider = providers[i];
        if (provider->kind == context->gemm ||
            (context->gemm == MCL_GEMM_NATIVE && provider->is_native_of &&
                provider->is_native_of(context)))
            found = provider;
    }
    return found;
}
