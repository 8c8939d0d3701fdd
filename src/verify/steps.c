/* The kernels of the objectives and of the optimizers. Each is the formula of docs/numerics.md, and
 * gets the same input as on the device. */
#include <math.h>
#include <string.h>

#include "base/rounding.h"
#include "optim/clip.h"
#include "optim/layerwise.h"
#include "verify/checker.h"

/* Rows of a batch, views, columns of the embedding; no multiples of 16. */
#define B 19
#define R (2 * B)
#define E 45

#define PARAMETERS 1000

/* Σ aᵢ·bᵢ in 16 lanes, each a chain of fma, then a tree */
static float dot(const float *a, const float *b, size_t n)
{
    float lanes[16] = {0};
    for (size_t i = 0; i < n; i++)
        lanes[i % 16] = fmaf(a[i], b[i], lanes[i % 16]);
    for (size_t half = 8; half; half /= 2) {
        for (size_t l = 0; l < half; l++)
            lanes[l] += lanes[l + half];
    }
    return lanes[0];
}

static float largest(float a, float b)
{
    return a > b ? a : b;
}

/* Random numbers on the host and the device. */
static mcl_status numbers(
    float **values, cl_mem *buffer, mcl_checker *checker, size_t count, uint64_t seed)
{
    MCL_TRY(mcl_checker_values(values, checker, count, seed));
    return mcl_checker_buffer(buffer, checker, *values, count * sizeof **values);
}

/* Room for a result, on the device the same. */
static mcl_status result(float **values, cl_mem *buffer, mcl_checker *checker, size_t count)
{
    MCL_TRY(mcl_checker_memory(values, checker, count, sizeof **values));
    return mcl_checker_buffer(buffer, checker, *values, count * sizeof **values);
}

static mcl_status write(mcl_checker *checker, cl_mem buffer, const float *values, size_t count)
{
    return mcl_buffer_write(checker->context, buffer, 0, values, count * sizeof *values);
}

static mcl_status check_cosine(mcl_checker *checker)
{
    const float scale = 0.3f / (float)B, epsilon = 1e-12f;
    mcl_context *context = checker->context;
    float *z, *d, *loss, *gradient, *expected;
    cl_mem z_buffer, d_buffer, loss_buffer;
    cl_kernel kernel;
    MCL_TRY(numbers(&z, &z_buffer, checker, R * E, 1));
    MCL_TRY(numbers(&d, &d_buffer, checker, R * E, 2));
    MCL_TRY(result(&loss, &loss_buffer, checker, B));
    MCL_TRY(mcl_checker_memory(&gradient, checker, R * E, sizeof *gradient));
    MCL_TRY(mcl_checker_memory(&expected, checker, R * E, sizeof *expected));
    for (size_t i = 0; i < B; i++) {
        const float *p = z + i * E, *q = p + (size_t)B * E;
        const float pp = dot(p, p, E) + epsilon, qq = dot(q, q, E) + epsilon;
        const float root = mcl_host_sqrt(pp * qq), cosine = mcl_host_divide(dot(p, q, E), root);
        const float across = -mcl_host_divide(scale, root);
        const float along_p = mcl_host_divide(scale * cosine, pp);
        const float along_q = mcl_host_divide(scale * cosine, qq);
        loss[i] = 1.0f - cosine;
        for (size_t j = 0; j < E; j++) {
            const size_t at = i * E + j, other = at + (size_t)B * E;
            gradient[at] = fmaf(across, q[j], along_p * p[j]);
            gradient[other] = fmaf(across, p[j], along_q * q[j]);
        }
    }
    MCL_TRY(mcl_kernel_get(&kernel, context, "cosine.cl", "cosine_embedding", ""));
    for (cl_uint accumulate = 0; accumulate < 2; accumulate++) {
        MCL_TRY(write(checker, d_buffer, d, R * E));
        MCL_TRY(mcl_launch(context, kernel, B, 1, MCL_BUFFER(z_buffer), MCL_UINT(B), MCL_UINT(E),
            MCL_FLOAT(scale), MCL_UINT(accumulate), MCL_BUFFER(loss_buffer), MCL_BUFFER(d_buffer)));
        for (size_t i = 0; i < R * E; i++)
            expected[i] = mcl_host_flush(accumulate ? d[i] + gradient[i] : gradient[i]);
        MCL_TRY(mcl_checker_expect(checker,
            accumulate ? "cosine_embedding: gradient, added" : "cosine_embedding: gradient",
            expected, d_buffer, R * E));
    }
    MCL_TRY(mcl_checker_expect(checker, "cosine_embedding: loss", loss, loss_buffer, B));
    mcl_checker_clear(checker);
    return MCL_OK;
}

static mcl_status check_normalize(mcl_checker *checker)
{
    mcl_context *context = checker->context;
    float *z, *gradient, *d, *inverse, *normalized, *along, *expected;
    cl_mem z_buffer, gradient_buffer, d_buffer, inverse_buffer, normalized_buffer, along_buffer;
    cl_kernel kernel;
    MCL_TRY(numbers(&z, &z_buffer, checker, R * E, 3));
    MCL_TRY(numbers(&gradient, &gradient_buffer, checker, R * E, 4));
    MCL_TRY(numbers(&d, &d_buffer, checker, R * E, 5));
    MCL_TRY(result(&inverse, &inverse_buffer, checker, R));
    MCL_TRY(result(&normalized, &normalized_buffer, checker, R * E));
    MCL_TRY(result(&along, &along_buffer, checker, R));
    MCL_TRY(mcl_checker_memory(&expected, checker, R * E, sizeof *expected));
    memset(z, 0, E * sizeof *z); /* a row without a direction is divided by ε */
    for (size_t i = 0; i < R; i++)
        z[i * E] *= 0x1p-123f; /* and what must be made 0 when it is */
    MCL_TRY(write(checker, z_buffer, z, R * E));
    for (size_t i = 0; i < R; i++) {
        float *row = normalized + i * E;
        inverse[i] =
            mcl_host_divide(1.0f, largest(mcl_host_sqrt(dot(z + i * E, z + i * E, E)), 1e-12f));
        for (size_t j = 0; j < E; j++)
            row[j] = mcl_host_flush(z[i * E + j] * inverse[i]);
        along[i] = mcl_host_flush(dot(row, gradient + i * E, E));
        for (size_t j = 0; j < E; j++) {
            const size_t at = i * E + j;
            const float across =
                inverse[i] < 1e12f ? fmaf(-along[i], row[j], gradient[at]) : gradient[at];
            expected[at] = mcl_host_flush(d[at] + across * inverse[i]);
        }
    }
    MCL_TRY(mcl_kernel_get(&kernel, context, "normalize.cl", "inverse_norms", ""));
    MCL_TRY(mcl_launch(
        context, kernel, R, 1, MCL_BUFFER(z_buffer), MCL_UINT(E), MCL_BUFFER(inverse_buffer)));
    MCL_TRY(mcl_checker_expect(checker, "inverse_norms", inverse, inverse_buffer, R));
    MCL_TRY(write(checker, inverse_buffer, inverse, R));
    MCL_TRY(mcl_kernel_get(&kernel, context, "normalize.cl", "normalize_rows", ""));
    MCL_TRY(mcl_launch(context, kernel, E, R, MCL_BUFFER(z_buffer), MCL_BUFFER(inverse_buffer),
        MCL_UINT(E), MCL_BUFFER(normalized_buffer)));
    MCL_TRY(mcl_checker_expect(checker, "normalize_rows", normalized, normalized_buffer, R * E));
    MCL_TRY(write(checker, normalized_buffer, normalized, R * E));
    MCL_TRY(mcl_kernel_get(&kernel, context, "normalize.cl", "row_dots", ""));
    MCL_TRY(mcl_launch(context, kernel, R, 1, MCL_BUFFER(normalized_buffer),
        MCL_BUFFER(gradient_buffer), MCL_UINT(E), MCL_BUFFER(along_buffer)));
    MCL_TRY(mcl_checker_expect(checker, "row_dots", along, along_buffer, R));
    MCL_TRY(write(checker, along_buffer, along, R));
    MCL_TRY(mcl_kernel_get(&kernel, context, "normalize.cl", "normalize_backward", ""));
    MCL_TRY(mcl_launch(context, kernel, E, R, MCL_BUFFER(normalized_buffer),
        MCL_BUFFER(gradient_buffer), MCL_BUFFER(along_buffer), MCL_BUFFER(inverse_buffer),
        MCL_UINT(E), MCL_UINT(1), MCL_BUFFER(d_buffer)));
    MCL_TRY(mcl_checker_expect(checker, "normalize_backward", expected, d_buffer, R * E));
    mcl_checker_clear(checker);
    return MCL_OK;
}

static mcl_status check_deviations(mcl_checker *checker)
{
    mcl_context *context = checker->context;
    float *z, *inverse, *expected;
    cl_mem z_buffer, inverse_buffer, out;
    cl_kernel kernel;
    MCL_TRY(numbers(&z, &z_buffer, checker, R * E, 6));
    MCL_TRY(numbers(&inverse, &inverse_buffer, checker, R, 7));
    MCL_TRY(result(&expected, &out, checker, E));
    for (size_t j = 0; j < E; j++) {
        float total = 0.0f, squares = 0.0f;
        for (size_t i = 0; i < R; i++)
            total = fmaf(z[i * E + j], inverse[i], total);
        const float mean = mcl_host_divide(total, (float)R);
        for (size_t i = 0; i < R; i++) {
            const float difference = fmaf(z[i * E + j], inverse[i], -mean);
            squares = fmaf(difference, difference, squares);
        }
        expected[j] = mcl_host_sqrt(mcl_host_divide(squares, (float)R));
    }
    MCL_TRY(mcl_kernel_get(&kernel, context, "normalize.cl", "deviations", ""));
    MCL_TRY(mcl_launch(context, kernel, E, 1, MCL_BUFFER(z_buffer), MCL_BUFFER(inverse_buffer),
        MCL_UINT(R), MCL_UINT(E), MCL_BUFFER(out)));
    MCL_TRY(mcl_checker_expect(checker, "deviations", expected, out, E));
    mcl_checker_clear(checker);
    return MCL_OK;
}

static size_t positive_of(size_t i)
{
    return i < B ? i + B : i - B;
}

/* s is symmetric, with similarities as of a temperature of 0.2. */
static void make_similarities(float *s)
{
    for (size_t i = 0; i < R; i++) {
        for (size_t j = 0; j <= i; j++)
            s[i * R + j] = s[j * R + i] = 5.0f * s[i * R + j];
    }
}

static mcl_status check_ntxent(mcl_checker *checker)
{
    const float scale = 0.7f / (float)R;
    mcl_context *context = checker->context;
    float *s, *normalizer, *loss, *expected;
    cl_mem s_buffer, normalizer_buffer, loss_buffer;
    cl_kernel kernel;
    MCL_TRY(numbers(&s, &s_buffer, checker, R * R, 8));
    MCL_TRY(result(&normalizer, &normalizer_buffer, checker, R));
    MCL_TRY(result(&loss, &loss_buffer, checker, R));
    MCL_TRY(mcl_checker_memory(&expected, checker, R * R, sizeof *expected));
    make_similarities(s);
    MCL_TRY(write(checker, s_buffer, s, R * R));
    for (size_t i = 0; i < R; i++) {
        float most = -INFINITY, terms[R], ones[R];
        for (size_t j = 0; j < R; j++)
            most = j == i ? most : largest(most, s[i * R + j]);
        for (size_t j = 0; j < R; j++) {
            terms[j] = j == i ? 0.0f : mcl_host_exp(s[i * R + j] - most);
            ones[j] = 1.0f;
        }
        normalizer[i] = most + mcl_host_log(dot(terms, ones, R));
        loss[i] = normalizer[i] - s[i * R + positive_of(i)];
    }
    for (size_t i = 0; i < R; i++) {
        for (size_t j = 0; j < R; j++) {
            const float value = s[i * R + j], target = j == positive_of(i) ? 2.0f : 0.0f;
            const float both =
                mcl_host_exp(value - normalizer[i]) + mcl_host_exp(value - normalizer[j]);
            expected[i * R + j] = i == j ? 0.0f : mcl_host_flush(scale * (both - target));
        }
    }
    MCL_TRY(mcl_kernel_get(&kernel, context, "ntxent.cl", "ntxent_rows", ""));
    MCL_TRY(mcl_launch(context, kernel, R, 1, MCL_BUFFER(s_buffer), MCL_UINT(R),
        MCL_BUFFER(normalizer_buffer), MCL_BUFFER(loss_buffer)));
    MCL_TRY(
        mcl_checker_expect(checker, "ntxent_rows: normalizers", normalizer, normalizer_buffer, R));
    MCL_TRY(mcl_checker_expect(checker, "ntxent_rows: loss", loss, loss_buffer, R));
    MCL_TRY(write(checker, normalizer_buffer, normalizer, R));
    MCL_TRY(mcl_kernel_get(&kernel, context, "ntxent.cl", "ntxent_backward", ""));
    MCL_TRY(mcl_launch(context, kernel, (R + 15) / 16, R, MCL_BUFFER(s_buffer),
        MCL_BUFFER(normalizer_buffer), MCL_UINT(R), MCL_FLOAT(scale)));
    MCL_TRY(mcl_checker_expect(checker, "ntxent_backward", expected, s_buffer, R * R));
    mcl_checker_clear(checker);
    return MCL_OK;
}

static mcl_status check_reconstruction(mcl_checker *checker)
{
    const float scale = 2.0f * 0.7f / (float)(R * E);
    mcl_context *context = checker->context;
    float *r, *x, *loss, *expected;
    cl_mem r_buffer, x_buffer, loss_buffer, out;
    cl_kernel kernel;
    MCL_TRY(numbers(&r, &r_buffer, checker, R * E, 10));
    MCL_TRY(numbers(&x, &x_buffer, checker, B * E, 11));
    MCL_TRY(result(&loss, &loss_buffer, checker, R));
    MCL_TRY(result(&expected, &out, checker, R * E));
    for (size_t i = 0; i < R; i++) {
        float difference[E];
        for (size_t j = 0; j < E; j++) {
            difference[j] = r[i * E + j] - x[i % B * E + j];
            expected[i * E + j] = mcl_host_flush(scale * difference[j]);
        }
        loss[i] = dot(difference, difference, E);
    }
    MCL_TRY(mcl_kernel_get(&kernel, context, "reconstruction.cl", "squared_errors", ""));
    MCL_TRY(mcl_launch(context, kernel, R, 1, MCL_BUFFER(r_buffer), MCL_BUFFER(x_buffer),
        MCL_UINT(B), MCL_UINT(E), MCL_BUFFER(loss_buffer)));
    MCL_TRY(mcl_checker_expect(checker, "squared_errors", loss, loss_buffer, R));
    MCL_TRY(mcl_kernel_get(&kernel, context, "reconstruction.cl", "reconstruction_backward", ""));
    MCL_TRY(mcl_launch(context, kernel, E, R, MCL_BUFFER(r_buffer), MCL_BUFFER(x_buffer),
        MCL_UINT(B), MCL_UINT(E), MCL_FLOAT(scale), MCL_BUFFER(out)));
    MCL_TRY(mcl_checker_expect(checker, "reconstruction_backward", expected, out, R * E));
    mcl_checker_clear(checker);
    return MCL_OK;
}

mcl_status mcl_check_objectives(mcl_checker *checker)
{
    static const char *const files[] = {"cosine.cl", "normalize.cl", "ntxent.cl",
        "reconstruction.cl", "optimizer.cl", "average.cl", "layerwise.cl"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        MCL_TRY(mcl_kernel_expect(checker->context, files[i], ""));
    MCL_TRY(check_cosine(checker));
    MCL_TRY(check_normalize(checker));
    MCL_TRY(check_deviations(checker));
    MCL_TRY(check_ntxent(checker));
    return check_reconstruction(checker);
}

static mcl_status check_sgd(mcl_checker *checker)
{
    const float rate = 0.01f, decay = 0.02f, momentum = 0.9f;
    float *p, *g, *velocity;
    cl_mem p_buffer, g_buffer, velocity_buffer;
    cl_kernel kernel;
    MCL_TRY(numbers(&p, &p_buffer, checker, PARAMETERS, 12));
    MCL_TRY(numbers(&g, &g_buffer, checker, PARAMETERS, 13));
    MCL_TRY(numbers(&velocity, &velocity_buffer, checker, PARAMETERS, 14));
    for (size_t j = 0; j < PARAMETERS; j++) {
        const float update = fmaf(momentum, velocity[j], fmaf(decay, p[j], g[j]));
        velocity[j] = mcl_host_flush(update);
        p[j] = mcl_host_flush(fmaf(-rate, update, p[j]));
    }
    MCL_TRY(mcl_kernel_get(&kernel, checker->context, "optimizer.cl", "sgd", ""));
    MCL_TRY(mcl_launch(checker->context, kernel, PARAMETERS, 1, MCL_BUFFER(p_buffer),
        MCL_BUFFER(g_buffer), MCL_BUFFER(velocity_buffer), MCL_FLOAT(rate), MCL_FLOAT(decay),
        MCL_FLOAT(momentum)));
    MCL_TRY(mcl_checker_expect(checker, "sgd: velocity", velocity, velocity_buffer, PARAMETERS));
    MCL_TRY(mcl_checker_expect(checker, "sgd: parameters", p, p_buffer, PARAMETERS));
    mcl_checker_clear(checker);
    return MCL_OK;
}

static mcl_status check_adam(mcl_checker *checker)
{
    const float keep = 0.999f, decay = 0.01f, rest1 = 0.1f, beta2 = 0.999f, rest2 = 0.001f,
                step = 0.002f, correction = 0.3f, epsilon = 1e-8f;
    float *p, *g, *mean, *square;
    cl_mem p_buffer, g_buffer, mean_buffer, square_buffer;
    cl_kernel kernel;
    MCL_TRY(numbers(&p, &p_buffer, checker, PARAMETERS, 15));
    MCL_TRY(numbers(&g, &g_buffer, checker, PARAMETERS, 16));
    MCL_TRY(numbers(&mean, &mean_buffer, checker, PARAMETERS, 17));
    MCL_TRY(numbers(&square, &square_buffer, checker, PARAMETERS, 18));
    for (size_t j = 0; j < PARAMETERS; j++)
        square[j] = fabsf(square[j]);
    MCL_TRY(write(checker, square_buffer, square, PARAMETERS));
    for (size_t j = 0; j < PARAMETERS; j++) {
        const float kept = p[j] * keep, gradient = fmaf(decay, kept, g[j]);
        mean[j] = mcl_host_flush(fmaf(gradient - mean[j], rest1, mean[j]));
        square[j] = mcl_host_flush(fmaf(rest2 * gradient, gradient, beta2 * square[j]));
        const float scale = mcl_host_divide(mcl_host_sqrt(square[j]), correction) + epsilon;
        p[j] = mcl_host_flush(fmaf(-step, mcl_host_flush(mcl_host_divide(mean[j], scale)), kept));
    }
    MCL_TRY(mcl_kernel_get(&kernel, checker->context, "optimizer.cl", "adam", ""));
    MCL_TRY(mcl_launch(checker->context, kernel, PARAMETERS, 1, MCL_BUFFER(p_buffer),
        MCL_BUFFER(g_buffer), MCL_BUFFER(mean_buffer), MCL_BUFFER(square_buffer), MCL_FLOAT(keep),
        MCL_FLOAT(decay), MCL_FLOAT(rest1), MCL_FLOAT(beta2), MCL_FLOAT(rest2), MCL_FLOAT(step),
        MCL_FLOAT(correction), MCL_FLOAT(epsilon)));
    MCL_TRY(mcl_checker_expect(checker, "adam: mean", mean, mean_buffer, PARAMETERS));
    MCL_TRY(mcl_checker_expect(checker, "adam: square", square, square_buffer, PARAMETERS));
    MCL_TRY(mcl_checker_expect(checker, "adam: parameters", p, p_buffer, PARAMETERS));
    mcl_checker_clear(checker);
    return MCL_OK;
}

static mcl_status check_average(mcl_checker *checker)
{
    const float rest = 0.01f;
    float *a, *p;
    cl_mem a_buffer, p_buffer;
    cl_kernel kernel;
    MCL_TRY(numbers(&a, &a_buffer, checker, PARAMETERS, 19));
    MCL_TRY(numbers(&p, &p_buffer, checker, PARAMETERS, 20));
    for (size_t j = 0; j < PARAMETERS; j++)
        a[j] = mcl_host_flush(fmaf(rest, p[j] - a[j], a[j]));
    MCL_TRY(mcl_kernel_get(&kernel, checker->context, "average.cl", "average", ""));
    MCL_TRY(mcl_launch(checker->context, kernel, PARAMETERS, 1, MCL_BUFFER(a_buffer),
        MCL_BUFFER(p_buffer), MCL_FLOAT(rest)));
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
        squares[b] = mcl_host_flush(dot(x + b * MCL_BLOCK, x + b * MCL_BLOCK, size));
    }
    return mcl_host_sqrt(squares[0] + squares[1]);
}

static mcl_status check_clip(mcl_checker *checker)
{
    float *g, factor;
    cl_mem buffer;
    mcl_clip *clip;
    MCL_TRY(numbers(&g, &buffer, checker, MATRIX, 21));
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
    MCL_TRY(numbers(&p, &p_buffer, checker, TENSORS, 22));
    MCL_TRY(numbers(&g, &g_buffer, checker, TENSORS, 23));
    MCL_TRY(numbers(&velocity, &velocity_buffer, checker, TENSORS, 24));
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
    float *p, *g, *mean, *square;
    cl_mem p_buffer, g_buffer, mean_buffer, square_buffer;
    mcl_layerwise *layerwise;
    MCL_TRY(numbers(&p, &p_buffer, checker, TENSORS, 25));
    MCL_TRY(numbers(&g, &g_buffer, checker, TENSORS, 26));
    MCL_TRY(numbers(&mean, &mean_buffer, checker, TENSORS, 27));
    MCL_TRY(numbers(&square, &square_buffer, checker, TENSORS, 28));
    for (size_t j = 0; j < TENSORS; j++)
        square[j] = fabsf(square[j]);
    MCL_TRY(write(checker, square_buffer, square, TENSORS));
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
    mcl_status status = mcl_layerwise_lamb(
        layerwise, &options, p_buffer, g_buffer, mean_buffer, square_buffer, 0.7, 0.875);
    if (status == MCL_OK)
        status = mcl_checker_expect(checker, "lamb: mean", mean, mean_buffer, TENSORS);
    if (status == MCL_OK)
        status = mcl_checker_expect(checker, "lamb: square", square, square_buffer, TENSORS);
    if (status == MCL_OK)
        status = mcl_checker_expect(checker, "lamb: update", g, g_buffer, TENSORS);
    if (status == MCL_OK)
        status = mcl_checker_expect(checker, "lamb: parameters", p, p_buffer, TENSORS);
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
