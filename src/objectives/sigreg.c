/* SPDX-License-Identifier: Apache-2.0 */
/* The objective of LeJEPA, cl/sigreg.cl:
 *   λ·mean over M directions and two views of SIGReg + (1 − λ)·Σ |p − q|²/(4·B·P)
 * the second part being the mean of (z − mean of the row's views)². */
#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "compute/product.h"
#include "compute/row_norms.h"
#include "constants.clh"
#include "device/profile.h"
#include "objectives/objective.h"

enum { SHARE, DIRECTIONS }; /* its own options */

struct sigreg {
    mcl_context *context;
    mcl_kernel *draw, *waves, *sums, *statistics, *backward, *distances;
    mcl_row_norms norms;
    mcl_product *project, *by_projections;
    uint32_t batch, columns;
    uint32_t count; /* M, directions */
    float share;    /* λ */
    cl_uint2 key;
    cl_mem drawn, inverse, directions; /* [M×P] normal numbers, [M] 1/length, [M×P] of length 1 */
    cl_mem cosines, sines;             /* [R×M] */
    cl_mem partial, slopes;            /* [2·blocks×32×M], [2×32×M] */
    mcl_terms losses;                  /* [2M] of directions, then [B] of distances */
};

static uint32_t blocks_of(const struct sigreg *sigreg)
{
    return (sigreg->batch + MCL_SIGREG_ROWS - 1) / MCL_SIGREG_ROWS;
}

static mcl_status find_kernels(struct sigreg *sigreg)
{
    mcl_context *context = sigreg->context;
    const struct {
        mcl_kernel **kernel;
        const char *name;
    } kernels[] = {{&sigreg->draw, "sigreg_directions"}, {&sigreg->waves, "sigreg_waves"},
        {&sigreg->sums, "sigreg_sums"}, {&sigreg->statistics, "sigreg_statistics"},
        {&sigreg->backward, "sigreg_backward"}, {&sigreg->distances, "sigreg_distances"}};
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        MCL_TRY(mcl_kernel_find(kernels[i].kernel, context, "sigreg.cl", kernels[i].name, ""));
    return mcl_row_norms_find(&sigreg->norms, context);
}

/* y[R×M] = z·Aᵀ, and dz[R×P] += g·A */
static mcl_status create_products(struct sigreg *sigreg)
{
    const uint32_t r = 2 * sigreg->batch, n = sigreg->columns, m = sigreg->count;
    const mcl_gemm project = {false, true, r, m, n, n, n, m, 1.0f};
    const mcl_gemm by_projections = {false, false, r, n, m, m, n, n, 1.0f};
    MCL_TRY(mcl_product_create(&sigreg->project, sigreg->context, &project, NULL));
    return mcl_product_create(&sigreg->by_projections, sigreg->context, &by_projections, NULL);
}

static mcl_status create_buffers(struct sigreg *sigreg)
{
    mcl_context *context = sigreg->context;
    const uint64_t m = sigreg->count, r = 2 * (uint64_t)sigreg->batch;
    const size_t row = sigreg->columns * sizeof(float),
                 knots = 2 * MCL_SIGREG_KNOTS * sizeof(float);
    MCL_TRY(mcl_buffer_create(
        &sigreg->drawn, context, m, row, "normal numbers of sigreg (`directions`)"));
    MCL_TRY(mcl_buffer_create(&sigreg->inverse, context, m, sizeof(float), "norms"));
    MCL_TRY(mcl_buffer_create(
        &sigreg->directions, context, m, row, "directions of sigreg (`directions`)"));
    MCL_TRY(mcl_buffer_create(&sigreg->cosines, context, r, m * sizeof(float),
        "cosines of sigreg (`directions` or `batch`)"));
    MCL_TRY(mcl_buffer_create(&sigreg->sines, context, r, m * sizeof(float),
        "projections of sigreg (`directions` or `batch`)"));
    MCL_TRY(mcl_buffer_create(&sigreg->partial, context, 2 * blocks_of(sigreg) * m, knots,
        "sums of sigreg (`directions` or `batch`)"));
    MCL_TRY(mcl_buffer_create(
        &sigreg->slopes, context, 2 * m, knots, "slopes of sigreg (`directions`)"));
    return mcl_terms_create(&sigreg->losses, context, 2 * m + sigreg->batch);
}

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    const uint64_t seed = setup->options->train.seed;
    const uint32_t count = (uint32_t)setup->values[DIRECTIONS];
    struct sigreg *sigreg;
    if ((uint64_t)count * setup->projection > UINT32_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%" PRIu32 " directions of %" PRIu32 " columns are too many: take fewer directions",
            count, setup->projection);
    MCL_TRY(mcl_allocate(&sigreg, 1, sizeof *sigreg));
    *state = sigreg;
    sigreg->context = setup->context;
    sigreg->batch = setup->batch;
    sigreg->columns = setup->projection;
    sigreg->count = count;
    sigreg->share = (float)setup->values[SHARE];
    sigreg->key = (cl_uint2){{(cl_uint)seed, (cl_uint)(seed >> 32)}};
    MCL_TRY(find_kernels(sigreg));
    MCL_TRY(create_products(sigreg));
    return create_buffers(sigreg);
}

static void release(void *state)
{
    struct sigreg *sigreg = state;
    mcl_buffer_release(&sigreg->drawn);
    mcl_buffer_release(&sigreg->inverse);
    mcl_buffer_release(&sigreg->directions);
    mcl_buffer_release(&sigreg->cosines);
    mcl_buffer_release(&sigreg->sines);
    mcl_buffer_release(&sigreg->partial);
    mcl_buffer_release(&sigreg->slopes);
    mcl_terms_release(&sigreg->losses);
    mcl_product_free(sigreg->project);
    mcl_product_free(sigreg->by_projections);
    free(sigreg);
}

static mcl_status draw_directions(struct sigreg *sigreg, const mcl_loss_input *input)
{
    const uint32_t elements = sigreg->count * sigreg->columns;
    const mcl_argument key = {.size = sizeof sigreg->key, .value = &sigreg->key};
    mcl_profile_work(sigreg->context, NULL, 0.0, sizeof(float) * 1.0 * elements);
    MCL_TRY(mcl_run_elements(sigreg->draw, ((size_t)elements + 3) / 4, 1, MCL_ULONG(input->first),
        MCL_UINT(input->epoch), key, MCL_UINT(elements), MCL_BUFFER(sigreg->drawn)));
    return mcl_row_norms_normalize(&sigreg->norms, sigreg->drawn, sigreg->count, sigreg->columns,
        sigreg->inverse, sigreg->directions);
}

/* The statistics of all directions, and what the gradient by the projections is made of. */
static mcl_status forward(struct sigreg *sigreg, const mcl_objective_step *step)
{
    const uint32_t b = sigreg->batch, m = sigreg->count;
    const double waves = sizeof(float) * 2.0 * (2.0 * b) * m;
    MCL_TRY(draw_directions(sigreg, step->input));
    MCL_TRY(mcl_product_run(sigreg->project,
        &(mcl_operands){
            .a = {step->projections, 0}, .b = {sigreg->directions, 0}, .c = {sigreg->sines, 0}}));
    mcl_profile_work(sigreg->context, NULL, 0.0, 1.5 * waves);
    MCL_TRY(mcl_run_vectors(sigreg->waves, m, 2 * (size_t)b, MCL_UINT(m),
        MCL_BUFFER(sigreg->cosines), MCL_BUFFER(sigreg->sines)));
    mcl_profile_work(sigreg->context, NULL, 0.0, waves);
    MCL_TRY(
        mcl_run_vectors(sigreg->sums, m, 2 * (size_t)blocks_of(sigreg), MCL_BUFFER(sigreg->cosines),
            MCL_BUFFER(sigreg->sines), MCL_UINT(b), MCL_UINT(m), MCL_BUFFER(sigreg->partial)));
    mcl_profile_work(
        sigreg->context, NULL, 0.0, sizeof(float) * 64.0 * (blocks_of(sigreg) + 1.0) * m);
    return mcl_run_elements(sigreg->statistics, m, 2, MCL_BUFFER(sigreg->partial), MCL_UINT(b),
        MCL_UINT(m), MCL_FLOAT(sigreg->share * (float)b / (float)(2.0 * m)),
        MCL_BUFFER(sigreg->losses.values), MCL_BUFFER(sigreg->slopes));
}

/* The distances' part of the gradient, which writes or adds, and then the directions', which adds.
 */
static mcl_status backward(struct sigreg *sigreg, const mcl_objective_step *step)
{
    const uint32_t b = sigreg->batch, n = sigreg->columns, m = sigreg->count;
    const double elements = 2.0 * b * n;
    const float rest = 1.0f - sigreg->share;
    mcl_profile_work(sigreg->context, NULL, 0.0, sizeof(float) * 2.0 * elements);
    MCL_TRY(mcl_run_rows(sigreg->distances, b, MCL_BUFFER(step->projections), MCL_UINT(b),
        MCL_UINT(n), MCL_FLOAT(rest / (float)(2.0 * elements)),
        MCL_FLOAT(step->weight * rest / (float)elements),
        MCL_UINT(mcl_gradient_accumulates(step->by_projections)), MCL_UINT(2 * m),
        MCL_BUFFER(sigreg->losses.values), MCL_BUFFER(step->by_projections->buffer),
        MCL_LOCAL(MCL_ROW_SPACE)));
    mcl_profile_work(sigreg->context, NULL, 0.0, sizeof(float) * 3.0 * (2.0 * b) * m);
    MCL_TRY(mcl_run_vectors(sigreg->backward, m, 2 * (size_t)b, MCL_BUFFER(sigreg->slopes),
        MCL_UINT(b), MCL_UINT(m), MCL_FLOAT(step->weight * sigreg->share / (float)m),
        MCL_BUFFER(sigreg->cosines), MCL_BUFFER(sigreg->sines)));
    return mcl_product_run(sigreg->by_projections, &(mcl_operands){.a = {sigreg->cosines, 0},
                                                       .b = {sigreg->directions, 0},
                                                       .c = {step->by_projections->buffer, 0},
                                                       .beta = 1.0f});
}

static mcl_status run(void *state, const mcl_objective_step *step)
{
    struct sigreg *sigreg = state;
    MCL_TRY(forward(sigreg, step));
    MCL_TRY(backward(sigreg, step));
    return mcl_terms_total(&sigreg->losses, 2 * sigreg->count + sigreg->batch, 1.0f, step);
}

static const mcl_value_type shares = {.kind = MCL_VALUE_FLOAT,
    .minimum = 0.0,
    .maximum = 1.0,
    .without_minimum = true,
    .words = "above 0, at most 1"};

static const mcl_objective_option options[] = {
    [SHARE] = {.key = "sigreg_weight",
        .values = "L",
        .help = "the part of the loss that asks for a normal distribution; the rest of it, 1 - L, "
                "is the distance of a row's views",
        .type = &shares,
        .otherwise = 0.05},
    [DIRECTIONS] = {.key = "directions",
        .values = "M",
        .help = "random directions, drawn anew each step, in which the distribution is looked at",
        .type = &mcl_value_count32,
        .otherwise = 256.0},
};

const mcl_objective_type mcl_objective_sigreg = {
    .info = {.name = "sigreg",
        .paper = "Balestriero and LeCun 2025",
        .summary =
            "pulls a row's views together while all embeddings are to be normally distributed, "
            "with variance 1 in every direction, which `directions` random ones (256) test at each "
            "step: LeJEPA, without negatives, a target network or a predictor; `sigreg_weight` "
            "(the paper's 0.05) is the only setting that matters; embeddings are as they are, not "
            "of length 1",
        .spreads = true},
    .needs = MCL_NEEDS_TWO_VIEWS | MCL_NEEDS_OTHER_ROWS,
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .create = create,
    .free = release,
    .run = run,
};
