#include "ssl/loss.h"

#include <stdlib.h>

#include "base/memory.h"
#include "device/record.h"
#include "gemm/gemm.h"
#include "nn/reduce.h"

/* Shapes: B rows a batch, R = 2B views, E columns of the embedding, D of the data. */
struct mcl_loss {
    mcl_context *context;
    mcl_objective objectives[MCL_OBJECTIVES_MAX];
    size_t count;
    float temperature;
    uint32_t batch, embedding, columns;
    cl_mem rows;                /* [R] a number a view: losses */
    cl_mem space;               /* of sums */
    cl_mem inverse;             /* [R] 1/|z| */
    cl_mem deviation;           /* [E] */
    cl_mem normalized;          /* [R×E] nt-xent: ẑ */
    cl_mem normalized_gradient; /* [R×E] nt-xent: dẑ */
    cl_mem along;               /* [R] nt-xent: ẑ·dẑ, and the rows' normalizers before that */
    cl_mem similarity;          /* [R×R] nt-xent: s, then its gradient */
    mcl_network *decoder;       /* reconstruction */
};

static bool uses(const mcl_loss *loss, mcl_objective_kind kind)
{
    for (size_t i = 0; i < loss->count; i++) {
        if (loss->objectives[i].kind == kind)
            return true;
    }
    return false;
}

/* s[R×R] = ẑ·ẑᵀ/τ */
static mcl_gemm similarity_product(const mcl_loss *loss)
{
    const uint32_t r = 2 * loss->batch, e = loss->embedding;
    return (mcl_gemm){false, true, r, r, e, e, e, r, 1.0f / loss->temperature, 0.0f};
}

/* dẑ[R×E] = g[R×R]·ẑ/τ */
static mcl_gemm gradient_product(const mcl_loss *loss)
{
    const uint32_t r = 2 * loss->batch, e = loss->embedding;
    return (mcl_gemm){false, false, r, e, r, r, e, e, 1.0f / loss->temperature, 0.0f};
}

static mcl_status create_shared(mcl_loss *loss)
{
    mcl_context *context = loss->context;
    const uint64_t views = 2 * (uint64_t)loss->batch;
    const uint64_t longest = views > loss->embedding ? views : loss->embedding;
    MCL_TRY(mcl_kernel_expect(context, "normalize.cl", ""));
    MCL_TRY(mcl_kernel_expect(context, "reduce.cl", ""));
    MCL_TRY(mcl_buffer_create(&loss->rows, context, views, sizeof(float), "losses"));
    MCL_TRY(mcl_buffer_create(&loss->inverse, context, views, sizeof(float), "norms"));
    MCL_TRY(
        mcl_buffer_create(&loss->deviation, context, loss->embedding, sizeof(float), "deviations"));
    return mcl_buffer_create(
        &loss->space, context, mcl_sum_space(longest), sizeof(float), "work space of the sums");
}

static mcl_status create_ntxent(mcl_loss *loss)
{
    mcl_context *context = loss->context;
    const uint64_t views = 2 * (uint64_t)loss->batch, elements = views * loss->embedding;
    MCL_TRY(mcl_kernel_expect(context, "ntxent.cl", ""));
    MCL_TRY(mcl_buffer_create(
        &loss->normalized, context, elements, sizeof(float), "normalised embeddings"));
    MCL_TRY(mcl_buffer_create(&loss->normalized_gradient, context, elements, sizeof(float),
        "gradients of the normalised embeddings"));
    MCL_TRY(mcl_buffer_create(&loss->along, context, views, sizeof(float), "normalizers"));
    MCL_TRY(mcl_buffer_create(
        &loss->similarity, context, views, views * sizeof(float), "similarities of nt-xent"));
    const mcl_gemm forward = similarity_product(loss), backward = gradient_product(loss);
    MCL_TRY(mcl_gemm_prepare(context, &forward, NULL));
    return mcl_gemm_prepare(context, &backward, NULL);
}

static mcl_status create_reconstruction(mcl_loss *loss, const mcl_architecture *architecture)
{
    mcl_layer layers[MCL_LAYERS_MAX];
    const size_t count = mcl_decoder_layers(layers, architecture);
    MCL_TRY(mcl_kernel_expect(loss->context, "reconstruction.cl", ""));
    return mcl_network_create(&loss->decoder, loss->context, layers, count,
        architecture->activation, 2 * loss->batch, true);
}

mcl_status mcl_loss_create(mcl_loss **loss, mcl_context *context,
    const mcl_pretrain_options *options, const mcl_architecture *architecture, uint32_t batch)
{
    mcl_loss *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    created->count = options->objective_count;
    for (size_t i = 0; i < created->count; i++)
        created->objectives[i] = options->objectives[i];
    created->temperature = options->temperature;
    created->batch = batch;
    created->embedding = architecture->embedding;
    created->columns = (uint32_t)architecture->input;
    mcl_status status = create_shared(created);
    if (status == MCL_OK && uses(created, MCL_OBJECTIVE_COSINE))
        status = mcl_kernel_expect(context, "cosine.cl", "");
    if (status == MCL_OK && uses(created, MCL_OBJECTIVE_NT_XENT))
        status = create_ntxent(created);
    if (status == MCL_OK && uses(created, MCL_OBJECTIVE_RECONSTRUCTION))
        status = create_reconstruction(created, architecture);
    if (status != MCL_OK) {
        mcl_loss_free(created);
        return status;
    }
    *loss = created;
    return MCL_OK;
}

void mcl_loss_free(mcl_loss *loss)
{
    if (!loss)
        return;
    mcl_buffer_release(&loss->rows);
    mcl_buffer_release(&loss->space);
    mcl_buffer_release(&loss->inverse);
    mcl_buffer_release(&loss->deviation);
    mcl_buffer_release(&loss->normalized);
    mcl_buffer_release(&loss->normalized_gradient);
    mcl_buffer_release(&loss->along);
    mcl_buffer_release(&loss->similarity);
    mcl_network_free(loss->decoder);
    free(loss);
}

bool mcl_loss_has_decoder(const mcl_loss *loss)
{
    return loss->decoder != NULL;
}

/* metrics[at] = (Σ rows[n]) / divisor */
static mcl_status mean_rows(mcl_loss *loss, uint32_t n, float divisor, cl_mem metrics, uint64_t at)
{
    return mcl_sum(loss->context, loss->rows, n, divisor, loss->space, metrics, at);
}

/* inverse[rows] = 1/|z| */
static mcl_status inverse_norms(mcl_loss *loss, cl_mem z, uint32_t rows)
{
    cl_kernel kernel;
    MCL_TRY(mcl_kernel_get(&kernel, loss->context, "normalize.cl", "inverse_norms", ""));
    return mcl_launch(loss->context, kernel, rows, 1, MCL_BUFFER(z), MCL_UINT(loss->embedding),
        MCL_BUFFER(loss->inverse));
}

static mcl_status run_cosine(mcl_loss *loss, const mcl_network *encoder, float weight,
    bool accumulate, cl_mem metrics, uint64_t at)
{
    mcl_context *context = loss->context;
    const uint32_t b = loss->batch, e = loss->embedding;
    cl_kernel kernel;
    MCL_TRY(mcl_kernel_get(&kernel, context, "cosine.cl", "cosine_embedding", ""));
    mcl_record_work(context, NULL, 0.0, sizeof(float) * 4.0 * b * e);
    MCL_TRY(mcl_launch(context, kernel, b, 1, MCL_BUFFER(mcl_network_output(encoder)), MCL_UINT(b),
        MCL_UINT(e), MCL_FLOAT(weight / (float)b), MCL_UINT(accumulate), MCL_BUFFER(loss->rows),
        MCL_BUFFER(mcl_network_output_gradient(encoder))));
    return mean_rows(loss, b, (float)b, metrics, at);
}

/* ẑ = z/|z|, s = ẑẑᵀ/τ, the mean of the views' losses */
static mcl_status ntxent_forward(
    mcl_loss *loss, const mcl_network *encoder, cl_mem metrics, uint64_t at)
{
    mcl_context *context = loss->context;
    const uint32_t r = 2 * loss->batch, e = loss->embedding;
    const cl_mem z = mcl_network_output(encoder);
    const mcl_gemm product = similarity_product(loss);
    const mcl_matrix normalized = {loss->normalized, 0}, similarity = {loss->similarity, 0};
    cl_kernel kernel;
    MCL_TRY(inverse_norms(loss, z, r));
    MCL_TRY(mcl_kernel_get(&kernel, context, "normalize.cl", "normalize_rows", ""));
    mcl_record_work(context, NULL, 0.0, sizeof(float) * 2.0 * r * e);
    MCL_TRY(mcl_launch(context, kernel, e, r, MCL_BUFFER(z), MCL_BUFFER(loss->inverse), MCL_UINT(e),
        MCL_BUFFER(loss->normalized)));
    MCL_TRY(mcl_gemm_run(context, &product, normalized, normalized, similarity));
    MCL_TRY(mcl_kernel_get(&kernel, context, "ntxent.cl", "ntxent_rows", ""));
    mcl_record_work(context, NULL, 0.0, sizeof(float) * 1.0 * r * r);
    MCL_TRY(mcl_launch(context, kernel, r, 1, MCL_BUFFER(loss->similarity), MCL_UINT(r),
        MCL_BUFFER(loss->along), MCL_BUFFER(loss->rows)));
    return mean_rows(loss, r, (float)r, metrics, at);
}

/* s → g, dẑ = g·ẑ/τ, dz through the normalisation */
static mcl_status ntxent_backward(
    mcl_loss *loss, const mcl_network *encoder, float weight, bool accumulate)
{
    mcl_context *context = loss->context;
    const uint32_t r = 2 * loss->batch, e = loss->embedding;
    const mcl_gemm product = gradient_product(loss);
    cl_kernel kernel;
    MCL_TRY(mcl_kernel_get(&kernel, context, "ntxent.cl", "ntxent_backward", ""));
    mcl_record_work(context, NULL, 0.0, sizeof(float) * 2.0 * r * r);
    MCL_TRY(mcl_launch(context, kernel, (r + 15) / 16, r, MCL_BUFFER(loss->similarity),
        MCL_BUFFER(loss->along), MCL_UINT(r), MCL_FLOAT(weight / (float)r)));
    MCL_TRY(mcl_gemm_run(context, &product, (mcl_matrix){loss->similarity, 0},
        (mcl_matrix){loss->normalized, 0}, (mcl_matrix){loss->normalized_gradient, 0}));
    MCL_TRY(mcl_kernel_get(&kernel, context, "normalize.cl", "row_dots", ""));
    mcl_record_work(context, NULL, 0.0, sizeof(float) * 2.0 * r * e);
    MCL_TRY(mcl_launch(context, kernel, r, 1, MCL_BUFFER(loss->normalized),
        MCL_BUFFER(loss->normalized_gradient), MCL_UINT(e), MCL_BUFFER(loss->along)));
    MCL_TRY(mcl_kernel_get(&kernel, context, "normalize.cl", "normalize_backward", ""));
    mcl_record_work(context, NULL, 0.0, sizeof(float) * 3.0 * r * e);
    return mcl_launch(context, kernel, e, r, MCL_BUFFER(loss->normalized),
        MCL_BUFFER(loss->normalized_gradient), MCL_BUFFER(loss->along), MCL_BUFFER(loss->inverse),
        MCL_UINT(e), MCL_UINT(accumulate), MCL_BUFFER(mcl_network_output_gradient(encoder)));
}

static mcl_status run_reconstruction(mcl_loss *loss, const mcl_network *encoder, cl_mem parameters,
    cl_mem gradients, cl_mem whole, float weight, bool accumulate, cl_mem metrics, uint64_t at)
{
    mcl_context *context = loss->context;
    const uint32_t b = loss->batch, d = loss->columns, r = 2 * b;
    const float elements = (float)((double)r * d);
    const cl_mem z = mcl_network_output(encoder);
    cl_kernel kernel;
    MCL_TRY(mcl_network_forward(loss->decoder, parameters, z, r));
    const cl_mem output = mcl_network_output(loss->decoder);
    MCL_TRY(mcl_kernel_get(&kernel, context, "reconstruction.cl", "squared_errors", ""));
    mcl_record_work(context, NULL, 0.0, sizeof(float) * 2.0 * r * d);
    MCL_TRY(mcl_launch(context, kernel, r, 1, MCL_BUFFER(output), MCL_BUFFER(whole), MCL_UINT(b),
        MCL_UINT(d), MCL_BUFFER(loss->rows)));
    MCL_TRY(mean_rows(loss, r, elements, metrics, at));
    MCL_TRY(mcl_kernel_get(&kernel, context, "reconstruction.cl", "reconstruction_backward", ""));
    mcl_record_work(context, NULL, 0.0, sizeof(float) * 3.0 * r * d);
    MCL_TRY(mcl_launch(context, kernel, d, r, MCL_BUFFER(output), MCL_BUFFER(whole), MCL_UINT(b),
        MCL_UINT(d), MCL_FLOAT(2.0f * weight / elements),
        MCL_BUFFER(mcl_network_output_gradient(loss->decoder))));
    return mcl_network_backward(loss->decoder, parameters, gradients, z, r,
        mcl_network_output_gradient(encoder), accumulate ? 1.0f : 0.0f);
}

mcl_status mcl_loss_run(mcl_loss *loss, const mcl_network *encoder, cl_mem parameters,
    cl_mem gradients, cl_mem whole, cl_mem metrics, uint64_t slot)
{
    for (size_t i = 0; i < loss->count; i++) {
        const float weight = loss->objectives[i].weight;
        const bool accumulate = i > 0; /* the first writes the gradient, the others add theirs */
        const uint64_t at = slot * MCL_METRICS + i;
        switch (loss->objectives[i].kind) {
        case MCL_OBJECTIVE_COSINE:
            MCL_TRY(run_cosine(loss, encoder, weight, accumulate, metrics, at));
            break;
        case MCL_OBJECTIVE_NT_XENT:
            MCL_TRY(ntxent_forward(loss, encoder, metrics, at));
            MCL_TRY(ntxent_backward(loss, encoder, weight, accumulate));
            break;
        default:
            MCL_TRY(run_reconstruction(
                loss, encoder, parameters, gradients, whole, weight, accumulate, metrics, at));
            break;
        }
    }
    return MCL_OK;
}

mcl_status mcl_loss_spread(
    mcl_loss *loss, const mcl_network *encoder, cl_mem metrics, uint64_t slot)
{
    mcl_context *context = loss->context;
    const cl_mem z = mcl_network_output(encoder);
    cl_kernel kernel;
    MCL_TRY(inverse_norms(loss, z, loss->batch));
    MCL_TRY(mcl_kernel_get(&kernel, context, "normalize.cl", "deviations", ""));
    MCL_TRY(
        mcl_launch(context, kernel, loss->embedding, 1, MCL_BUFFER(z), MCL_BUFFER(loss->inverse),
            MCL_UINT(loss->batch), MCL_UINT(loss->embedding), MCL_BUFFER(loss->deviation)));
    return mcl_sum(context, loss->deviation, loss->embedding, 1.0f, loss->space, metrics,
        slot * MCL_METRICS + MCL_METRIC_DEVIATION);
}
