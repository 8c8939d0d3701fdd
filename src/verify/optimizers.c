/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of the optimizers. Each is the formula of docs/numerics.md, and gets the same input
 * as on the device. */
#include <math.h>

#include "base/rounding.h"
#include "optim/clip.h"
#include "optim/layerwise.h"
#include "verify/checker.h"
#include "verify/reference.h"

#define PARAMETERS 1000

static mcl_status check_sgd(mcl_checker *checker)
{
    const float rate = 0.01f, decay = 0.02f, momentum = 0.9f;
    float *p, *g, *velocity;
    cl_mem p_buffer, g_buffer, velocity_buffer;
    MCL_TRY(mcl_checker_numbers(&p, &p_buffer, checker, PARAMETERS, 12));
    MCL_TRY(mcl_checker_numbers(&g, &g_buffer, checker, PARAMETERS, 13));
    MCL_TRY(mcl_checker_numbers(&velocity, &velocity_buffer, checker, PARAMETERS, 14));
    for (size_t j = 0; j < PARAMETERS; j++) {
        const float update = fmaf(momentum, velocity[j], fmaf(decay, p[j], g[j]));
        velocity[j] = mcl_host_flush(update);
        p[j] = mcl_host_flush(fmaf(-rate, update, p[j]));
    }
    MCL_TRY(mcl_checker_run_elements(checker, "optimizer.cl", "sgd", "", PARAMETERS, 1,
        MCL_BUFFER(p_buffer), MCL_BUFFER(g_buffer), MCL_BUFFER(velocity_buffer),
        MCL_ULONG(PARAMETERS), MCL_FLOAT(rate), MCL_FLOAT(decay), MCL_FLOAT(momentum)));
    MCL_TRY(mcl_checker_expect(checker, "sgd: velocity", velocity, velocity_buffer, PARAMETERS));
    MCL_TRY(mcl_checker_expect(checker, "sgd: parameters", p, p_buffer, PARAMETERS));
    mcl_checker_clear(checker);
    return MCL_OK;
}

/* What adam and lamb work on: parameters, gradients, and the moments of these. */
struct moments {
    float *p, *g, *mean, *square;
    cl_mem p_buffer, g_buffer, mean_buffer, square_buffer;
};

static mcl_status make_moments(
    struct moments *of, mcl_checker *checker, size_t count, uint64_t seed)
{
    MCL_TRY(mcl_checker_numbers(&of->p, &of->p_buffer, checker, count, seed));
    MCL_TRY(mcl_checker_numbers(&of->g, &of->g_buffer, checker, count, seed + 1));
    MCL_TRY(mcl_checker_numbers(&of->mean, &of->mean_buffer, checker, count, seed + 2));
    MCL_TRY(mcl_checker_numbers(&of->square, &of->square_buffer, checker, count, seed + 3));
    for (size_t j = 0; j < count; j++)
        of->square[j] = fabsf(of->square[j]);
    return mcl_checker_write(checker, of->square_buffer, of->square, count);
}

static mcl_status check_adam(mcl_checker *checker)
{
    const float keep = 0.999f, decay = 0.01f, rest1 = 0.1f, beta2 = 0.999f, rest2 = 0.001f,
                step = 0.002f, correction = 0.3f, epsilon = 1e-8f;
    struct moments of;
    MCL_TRY(make_moments(&of, checker, PARAMETERS, 15));
    float *const p = of.p, *const g = of.g, *const mean = of.mean, *const square = of.square;
    for (size_t j = 0; j < PARAMETERS; j++) {
        const float kept = p[j] * keep, gradient = fmaf(decay, kept, g[j]);
        mean[j] = mcl_host_flush(fmaf(gradient - mean[j], rest1, mean[j]));
        square[j] = mcl_host_flush(fmaf(rest2 * gradient, gradient, beta2 * square[j]));
        const float scale = mcl_host_divide(mcl_host_sqrt(square[j]), correction) + epsilon;
        p[j] = mcl_host_flush(fmaf(-step, mcl_host_flush(mcl_host_divide(mean[j], scale)), kept));
    }
    MCL_TRY(mcl_checker_run_elements(checker, "optimizer.cl", "adam", "", PARAMETERS, 1,
        MCL_BUFFER(of.p_buffer), MCL_BUFFER(of.g_buffer), MCL_BUFFER(of.mean_buffer),
        MCL_BUFFER(of.square_buffer), MCL_ULONG(PARAMETERS), MCL_FLOAT(keep), MCL_FLOAT(decay),
        MCL_FLOAT(rest1), MCL_FLOAT(beta2), MCL_FLOAT(rest2), MCL_FLOAT(step),
        MCL_FLOAT(correction), MCL_FLOAT(mcl_host_reciprocal(correction)), MCL_FLOAT(epsilon)));
    MCL_TRY(mcl_checker_expect(checker, "adam: mean", mean, of.mean_buffer, PARAMETERS));
    MCL_TRY(mcl_checker_expect(checker, "adam: square", square, of.square_buffer, PARAMETERS));
    MCL_TRY(mcl_checker_expect(checker, "adam: parameters", p, of.p_buffer, PARAMETERS));
    mcl_checker_clear(checker);
    return MCL_OK;
}

static mcl_status check_average(mcl_checker *checker)
{
    const float rest = 0.01f;
    float *a, *p;
    cl_mem a_buffer, p_buffer;
    MCL_TRY(mcl_checker_numbers(&a, &a_buffer, checker, PARAMETERS, 19));
    MCL_TRY(mcl_checker_numbers(&p, &p_buffer, checker, PARAMETERS, 20));
    for (size_t j = 0; j < PARAMETERS; j++)
        a[j] = mcl_host_flush(fmaf(rest, p[j] - a[j], a[j]));
    MCL_TRY(mcl_checker_run_elements(checker, "average.cl", "average", "", PARAMETERS, 1,
        MCL_BUFFER(a_buffer), MCL_BUFFER(p_buffer), MCL_ULONG(PARAMETERS), MCL_FLOAT(rest)));
    MCL_TRY(mcl_checker_expect(checker, "average", a, a_buffer, PARAMETERS));
    mcl_checker_clear(checker);
    return MCL_OK;
}

/* lars and lamb look at a weight of more than a block and at a bias. */
#define MATRIX 1500
#define TENSORS (MATRIX + 45)

static const mcl_part_range tensors[] = {{0, MATRIX, true}, {MATRIX, TENSORS - MATRIX, false}};

static float norm(const float *x, size_t n)
{
    float squares[2] = {0};
    for (size_t b = 0; b * MCL_BLOCK < n; b++) {
        const size_t rest = n - b * MCL_BLOCK, size = rest < MCL_BLOCK ? rest : MCL_BLOCK;
        squares[b] = mcl_host_flush(mcl_reference_dot(x + b * MCL_BLOCK, x + b * MCL_BLOCK, size));
    }
    return mcl_host_sqrt(squares[0] + squares[1]);
}

static mcl_status check_clip(mcl_checker *checker)
{
    float *g, factor;
    cl_mem buffer;
    mcl_clip *clip;
    MCL_TRY(mcl_checker_numbers(&g, &buffer, checker, MATRIX, 21));
    factor = mcl_host_divide(2.0f, norm(g, MATRIX) + 1e-6f);
    for (size_t j = 0; j < MATRIX; j++)
        g[j] = mcl_host_flush(g[j] * factor);
    MCL_TRY(mcl_clip_create(&clip, checker->context, MATRIX, 2.0));
    mcl_status status = mcl_clip_run(clip, buffer);
    if (status == MCL_OK)
        status = mcl_checker_expect(checker, "clip", g, buffer, MATRIX);
    mcl_clip_free(clip);
    mcl_checker_clear(checker);
    return status;
}

static mcl_status check_lars(mcl_checker *checker)
{
    const mcl_optimizer_options options = {.kind = MCL_OPTIMIZER_LARS,
        .learning_rate = 10.0,
        .weight_decay = 0.125,
        .momentum = 0.5,
        .epsilon = 1e-8};
    float *p, *g, *velocity;
    cl_mem p_buffer, g_buffer, velocity_buffer;
    mcl_layerwise *layerwise;
    MCL_TRY(mcl_checker_numbers(&p, &p_buffer, checker, TENSORS, 22));
    MCL_TRY(mcl_checker_numbers(&g, &g_buffer, checker, TENSORS, 23));
    MCL_TRY(mcl_checker_numbers(&velocity, &velocity_buffer, checker, TENSORS, 24));
    const float p_norm = norm(p, MATRIX), divisor = fmaf(0.125f, p_norm, norm(g, MATRIX)) + 1e-8f;
    const float scale = mcl_host_flush(0.001f * mcl_host_divide(p_norm, divisor));
    for (size_t j = 0; j < TENSORS; j++) {
        const float along = j < MATRIX ? scale * fmaf(0.125f, p[j], g[j]) : g[j];
        const float update = fmaf(0.5f, velocity[j], along);
        velocity[j] = mcl_host_flush(update);
        p[j] = mcl_host_flush(fmaf(-10.0f, update, p[j]));
    }
    MCL_TRY(mcl_layerwise_create(&layerwise, checker->context, tensors, 2));
    mcl_status status =
        mcl_layerwise_lars(layerwise, &options, p_buffer, g_buffer, velocity_buffer);
    if (status == MCL_OK)
        status = mcl_checker_expect(checker, "lars: velocity", velocity, velocity_buffer, TENSORS);
    if (status == MCL_OK)
        status = mcl_checker_expect(checker, "lars: parameters", p, p_buffer, TENSORS);
    mcl_layerwise_free(layerwise);
    mcl_checker_clear(checker);
    return status;
}

static mcl_status check_lamb(mcl_checker *checker)
{
    const mcl_optimizer_options options = {.kind = MCL_OPTIMIZER_LAMB,
        .learning_rate = 0.25,
        .weight_decay = 0.125,
        .beta1 = 0.75,
        .beta2 = 0.875,
        .epsilon = 1e-6};
    const float correction1 = (float)(1.0 - 0.7), correction2 = (float)sqrt(1.0 - 0.875);
    struct moments of;
    mcl_layerwise *layerwise;
    MCL_TRY(make_moments(&of, checker, TENSORS, 25));
    float *const p = of.p, *const g = of.g, *const mean = of.mean, *const square = of.square;
    for (size_t j = 0; j < TENSORS; j++) {
        mean[j] = mcl_host_flush(fmaf(g[j] - mean[j], 0.25f, mean[j]));
        square[j] = mcl_host_flush(fmaf(0.125f * g[j], g[j], 0.875f * square[j]));
        const float scale = mcl_host_divide(mcl_host_sqrt(square[j]), correction2) + 1e-6f;
        const float update =
            mcl_host_flush(mcl_host_divide(mcl_host_divide(mean[j], correction1), scale));
        g[j] = mcl_host_flush(fmaf(j < MATRIX ? 0.125f : 0.0f, p[j], update));
    }
    const float ratio = mcl_host_divide(norm(p, MATRIX), norm(g, MATRIX));
    for (size_t j = 0; j < TENSORS; j++)
        p[j] = mcl_host_flush(fmaf(-0.25f, (j < MATRIX ? ratio : 1.0f) * g[j], p[j]));
    MCL_TRY(mcl_layerwise_create(&layerwise, checker->context, tensors, 2));
    mcl_status status = mcl_layerwise_lamb(layerwise, &options, of.p_buffer, of.g_buffer,
        of.mean_buffer, of.square_buffer, 0.7, 0.875);
    if (status == MCL_OK)
        status = mcl_checker_expect(checker, "lamb: mean", mean, of.mean_buffer, TENSORS);
    if (status == MCL_OK)
        status = mcl_checker_expect(checker, "lamb: square", square, of.square_buffer, TENSORS);
    if (status == MCL_OK)
        status = mcl_checker_expect(checker, "lamb: update", g, of.g_buffer, TENSORS);
    if (status == MCL_OK)
        status = mcl_checker_expect(checker, "lamb: parameters", p, of.p_buffer, TENSORS);
    mcl_layerwise_free(layerwise);
    mcl_checker_clear(checker);
    return status;
}

mcl_status mcl_check_optimizers(mcl_checker *checker)
{
    MCL_TRY(check_clip(checker));
    MCL_TRY(check_lars(checker));
    MCL_TRY(check_lamb(checker));
    MCL_TRY(check_sgd(checker));
    MCL_TRY(check_adam(checker));
    return check_average(checker);
}
