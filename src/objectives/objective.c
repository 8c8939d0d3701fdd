/* SPDX-License-Identifier: Apache-2.0 */
#include "objectives/objective.h"

#include "compute/sums.h"

bool mcl_gradient_accumulates(mcl_gradient *gradient)
{
    const bool written = gradient->written;
    gradient->written = true;
    return written;
}

mcl_status mcl_terms_create(mcl_terms *terms, mcl_context *context, uint64_t count)
{
    MCL_TRY(mcl_buffer_create(&terms->values, context, count, sizeof(float), "losses"));
    return mcl_buffer_create(
        &terms->space, context, mcl_sum_workspace(count), sizeof(float), "workspace of the sums");
}

void mcl_terms_release(mcl_terms *terms)
{
    mcl_buffer_release(&terms->values);
    mcl_buffer_release(&terms->space);
}

mcl_status mcl_terms_total(const mcl_terms *terms, mcl_context *context, uint32_t n, float divisor,
    const mcl_objective_step *step)
{
    return mcl_sum(
        context, terms->values, n, divisor, terms->space, step->input->metrics, step->at);
}
