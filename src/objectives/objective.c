/* SPDX-License-Identifier: Apache-2.0 */
#include "objectives/objective.h"

bool mcl_gradient_accumulates(mcl_gradient *gradient)
{
    const bool written = gradient->written;
    gradient->written = true;
    return written;
}

mcl_status mcl_gradient_through(
    mcl_gradient *by_x, mcl_network *part, const mcl_loss_input *input, cl_mem x, uint32_t rows)
{
    const float keep = mcl_gradient_accumulates(by_x) ? 1.0f : 0.0f;
    return mcl_network_backward(
        part, input->parameters, input->gradients, x, rows, by_x->buffer, keep);
}

mcl_status mcl_terms_create(mcl_terms *terms, mcl_context *context, uint64_t count)
{
    MCL_TRY(mcl_sums_find(&terms->sums, context));
    MCL_TRY(mcl_buffer_create(&terms->values, context, count, sizeof(float), "losses"));
    return mcl_buffer_create(&terms->workspace, context, mcl_sum_workspace(count), sizeof(float),
        "workspace of the sums");
}

void mcl_terms_release(mcl_terms *terms)
{
    mcl_buffer_release(&terms->values);
    mcl_buffer_release(&terms->workspace);
}

mcl_status mcl_terms_total(
    const mcl_terms *terms, uint32_t n, float divisor, const mcl_objective_step *step)
{
    return mcl_sums_run(
        &terms->sums, terms->values, n, divisor, terms->workspace, step->input->metrics, step->at);
}
