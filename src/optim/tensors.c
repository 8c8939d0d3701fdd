/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/tensors.h"

mcl_status mcl_parameters_optimizer(mcl_optimizer **optimizer, mcl_context *context,
    const mcl_optimizer_options *options, const mcl_architecture *architecture, uint64_t count)
{
    mcl_tensor_place places[MCL_TENSORS_MAX];
    mcl_part_range tensors[MCL_TENSORS_MAX];
    const size_t places_count = mcl_architecture_tensors(places, architecture);
    size_t used = 0;
    for (size_t i = 0; i < places_count; i++) {
        if (places[i].offset < count)
            tensors[used++] = (mcl_part_range){
                places[i].offset, places[i].count, places[i].tensor.dimensions >= 2};
    }
    return mcl_optimizer_create(optimizer, context, options, count, tensors, used);
}
