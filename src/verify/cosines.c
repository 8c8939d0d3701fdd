/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of the objectives that compare rows by the angle between them: cosine, simsiam and
 * byol, and the normalisation that others have in front of theirs. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rounding.h"
#include "verify/objectives.h"
#include "verify/reference.h"

/* P, Q, the root of their product and the cosine, as docs/numerics.md has them. */
struct pair {
    float pp, qq, root, cosine;
};

static struct pair pair_of(const float *p, const float *q)
{
    struct pair pair = {
        .pp = mcl_reference_dot(p, p, E) + 1e-12f, .qq = mcl_reference_dot(q, q, E) + 1e-12f};
    pair.root = mcl_host_sqrt(pair.pp * pair.qq);
    pair.cosine = mcl_host_divide(mcl_reference_dot(p, q, E), pair.root);
    return pair;
}

static mcl_status check_cosine(mcl_checker *checker)
{
    const float scale = 0.3f / (float)B;
    float *z, *d, *loss, *gradient;
    cl_mem z_buffer, d_buffer, loss_buffer;
    MCL_TRY(mcl_checker_numbers(&z, &z_buffer, checker, R * E, 1));
    MCL_TRY(mcl_checker_numbers(&d, &d_buffer, checker, R * E, 2));
    MCL_TRY(mcl_checker_result(&loss, &loss_buffer, checker, B));
    MCL_TRY(mcl_checker_memory(&gradient, checker, R * E, sizeof *gradient));
    for (size_t i = 0; i < B; i++) {
        const float *p = z + i * E, *q = p + (size_t)B * E;
        const struct pair pair = pair_of(p, q);
        const float across = -mcl_host_divide(scale, pair.root);
        const float along_p = mcl_host_divide(scale * pair.cosine, pair.pp);
        const float along_q = mcl_host_divide(scale * pair.cosine, pair.qq);
        loss[i] = 1.0f - pair.cosine;
        for (size_t j = 0; j < E; j++) {
            const size_t at = i * E + j, other = at + (size_t)B * E;
            gradient[at] = fmaf(across, q[j], along_p * p[j]);
            gradient[other] = fmaf(across, p[j], along_q * q[j]);
        }
    }
    for (cl_uint accumulate = 0; accumulate < 2; accumulate++) {
        MCL_TRY(mcl_checker_write(checker, d_buffer, d, R * E));
        MCL_TRY(mcl_checker_run_rows(checker, "cosine.cl", "cosine_embedding", "", B,
            MCL_BUFFER(z_buffer), MCL_UINT(B), MCL_UINT(E), MCL_FLOAT(scale), MCL_UINT(accumulate),
            MCL_BUFFER(loss_buffer), MCL_BUFFER(d_buffer), MCL_LOCAL(MCL_ROW_SPACE)));
        MCL_TRY(mcl_expect_gradient(
            checker, "cosine_embedding: gradient", gradient, accumulate ? d : NULL, d_buffer));
    }
    MCL_TRY(mcl_checker_expect(checker, "cosine_embedding: loss", loss, loss_buffer, B));
    mcl_checker_clear(checker);
    return MCL_OK;
}

#define NEGATIVES 3   /* of a row */
#define START (B - 2) /* the first of them is the row before, then comes the row after */
#define MARGIN 0.05f

/* How many rows after row i its k-th negative is. */
static size_t shift_of(size_t k)
{
    return 1 + (START + k) % (B - 1);
}

/* What the gradients of the negative pairs are made of, [NEGATIVES×B]. */
struct negatives {
    float *z, *by_q, *by_p, *by_own;
    cl_mem z_buffer, by_q_buffer, by_p_buffer, by_own_buffer;
};

static mcl_status check_negative_pairs(mcl_checker *checker, struct negatives *pairs)
{
    const float scale = 0.3f / (float)(B * (1 + NEGATIVES));
    const size_t count = NEGATIVES * B;
    float *loss;
    cl_mem loss_buffer;
    MCL_TRY(mcl_checker_result(&loss, &loss_buffer, checker, B + count));
    for (size_t at = 0; at < count; at++) {
        const size_t i = at % B, other = B + (i + shift_of(at / B)) % B;
        const struct pair pair = pair_of(pairs->z + i * E, pairs->z + other * E);
        const float above = pair.cosine - MARGIN;
        if (above <= 0.0f)
            continue;
        loss[B + at] = above;
        pairs->by_q[at] = mcl_host_divide(scale, pair.root);
        pairs->by_p[at] = mcl_host_divide(-(scale * pair.cosine), pair.pp);
        pairs->by_own[at] = mcl_host_divide(-(scale * pair.cosine), pair.qq);
    }
    MCL_TRY(mcl_checker_run_rows(checker, "cosine.cl", "negative_pairs", "", B * NEGATIVES,
        MCL_BUFFER(pairs->z_buffer), MCL_UINT(B), MCL_UINT(E), MCL_UINT(START), MCL_UINT(NEGATIVES),
        MCL_FLOAT(MARGIN), MCL_FLOAT(scale), MCL_BUFFER(loss_buffer),
        MCL_BUFFER(pairs->by_q_buffer), MCL_BUFFER(pairs->by_p_buffer),
        MCL_BUFFER(pairs->by_own_buffer), MCL_LOCAL(MCL_ROW_SPACE)));
    MCL_TRY(mcl_checker_expect(checker, "negative_pairs: loss", loss, loss_buffer, B + count));
    MCL_TRY(mcl_checker_settle(
        checker, "negative_pairs: by q", pairs->by_q, pairs->by_q_buffer, count));
    MCL_TRY(mcl_checker_settle(
        checker, "negative_pairs: by p", pairs->by_p, pairs->by_p_buffer, count));
    return mcl_checker_settle(
        checker, "negative_pairs: by own", pairs->by_own, pairs->by_own_buffer, count);
}

/* Element j of the gradient by view i of all pairs. */
static float negatives_gradient(const struct negatives *pairs, size_t i, size_t j)
{
    const float *z = pairs->z, own = z[i * E + j];
    float total = 0.0f;
    for (size_t k = 0; k < NEGATIVES; k++) {
        const size_t shift = shift_of(k), row = i < B ? i : (i - shift) % B, at = k * B + row;
        const size_t other = i < B ? B + (i + shift) % B : row;
        total = fmaf(pairs->by_q[at], z[other * E + j], total);
        total = fmaf(i < B ? pairs->by_p[at] : pairs->by_own[at], own, total);
    }
    return total;
}

static mcl_status check_negatives_backward(mcl_checker *checker, const struct negatives *pairs)
{
    float *d, *gradient;
    cl_mem d_buffer;
    MCL_TRY(mcl_checker_numbers(&d, &d_buffer, checker, R * E, 37));
    MCL_TRY(mcl_checker_memory(&gradient, checker, R * E, sizeof *gradient));
    for (size_t at = 0; at < R * E; at++) {
        gradient[at] = negatives_gradient(pairs, at / E, at % E);
        d[at] = at % E ? d[at] : 0.0f; /* to which something tiny is added */
    }
    MCL_TRY(mcl_checker_write(checker, d_buffer, d, R * E));
    MCL_TRY(mcl_checker_run_elements(checker, "cosine.cl", "negatives_backward", "", E, R,
        MCL_BUFFER(pairs->z_buffer), MCL_UINT(B), MCL_UINT(E), MCL_UINT(START), MCL_UINT(NEGATIVES),
        MCL_BUFFER(pairs->by_q_buffer), MCL_BUFFER(pairs->by_p_buffer),
        MCL_BUFFER(pairs->by_own_buffer), MCL_BUFFER(d_buffer)));
    return mcl_expect_gradient(checker, "negatives_backward", gradient, d, d_buffer);
}

static mcl_status check_negatives(mcl_checker *checker)
{
    const size_t count = NEGATIVES * B;
    struct negatives pairs;
    MCL_TRY(mcl_checker_numbers(&pairs.z, &pairs.z_buffer, checker, R * E, 36));
    make_tiny(pairs.z, R, E);
    MCL_TRY(mcl_checker_write(checker, pairs.z_buffer, pairs.z, R * E));
    MCL_TRY(mcl_checker_result(&pairs.by_q, &pairs.by_q_buffer, checker, count));
    MCL_TRY(mcl_checker_result(&pairs.by_p, &pairs.by_p_buffer, checker, count));
    MCL_TRY(mcl_checker_result(&pairs.by_own, &pairs.by_own_buffer, checker, count));
    MCL_TRY(check_negative_pairs(checker, &pairs));
    MCL_TRY(check_negatives_backward(checker, &pairs));
    mcl_checker_clear(checker);
    return MCL_OK;
}

/* 1/max(|row|, ε) */
static float inverse_norm(const float *row)
{
    return mcl_host_reciprocal(largest(mcl_host_sqrt(mcl_reference_dot(row, row, E)), 1e-12f));
}

static mcl_status check_normalize(mcl_checker *checker)
{
    float *z, *gradient, *d, *inverse, *normalized, *expected;
    cl_mem z_buffer, gradient_buffer, d_buffer, inverse_buffer, normalized_buffer;
    MCL_TRY(mcl_checker_numbers(&z, &z_buffer, checker, R * E, 3));
    MCL_TRY(mcl_checker_numbers(&gradient, &gradient_buffer, checker, R * E, 4));
    MCL_TRY(mcl_checker_numbers(&d, &d_buffer, checker, R * E, 5));
    MCL_TRY(mcl_checker_result(&inverse, &inverse_buffer, checker, R));
    MCL_TRY(mcl_checker_result(&normalized, &normalized_buffer, checker, R * E));
    MCL_TRY(mcl_checker_memory(&expected, checker, R * E, sizeof *expected));
    make_tiny(z, R, E);
    memset(z, 0, E * sizeof *z); /* a row without a direction is divided by ε */
    MCL_TRY(mcl_checker_write(checker, z_buffer, z, R * E));
    for (size_t i = 0; i < R; i++) {
        float *row = normalized + i * E;
        inverse[i] = inverse_norm(z + i * E);
        for (size_t j = 0; j < E; j++)
            row[j] = mcl_host_flush(z[i * E + j] * inverse[i]);
        const float along = mcl_host_flush(mcl_reference_dot(row, gradient + i * E, E));
        for (size_t j = 0; j < E; j++) {
            const size_t at = i * E + j;
            const float across =
                inverse[i] < 1e12f ? fmaf(-along, row[j], gradient[at]) : gradient[at];
            expected[at] = mcl_host_flush(d[at] + across * inverse[i]);
        }
    }
    MCL_TRY(
        mcl_checker_run_rows(checker, "normalize.cl", "inverse_norms", "", R, MCL_BUFFER(z_buffer),
            MCL_UINT(R), MCL_UINT(E), MCL_BUFFER(inverse_buffer), MCL_LOCAL(MCL_ROW_SPACE)));
    MCL_TRY(mcl_checker_expect(checker, "inverse_norms", inverse, inverse_buffer, R));
    MCL_TRY(mcl_checker_run_rows(checker, "normalize.cl", "normalize_rows", "", R,
        MCL_BUFFER(z_buffer), MCL_UINT(R), MCL_UINT(E), MCL_BUFFER(inverse_buffer),
        MCL_BUFFER(normalized_buffer), MCL_LOCAL(MCL_ROW_SPACE)));
    MCL_TRY(mcl_checker_settle(checker, "normalize_rows", normalized, normalized_buffer, R * E));
    MCL_TRY(mcl_checker_settle(checker, "normalize_rows: norms", inverse, inverse_buffer, R));
    MCL_TRY(mcl_checker_run_rows(checker, "normalize.cl", "normalize_backward", "", R,
        MCL_BUFFER(normalized_buffer), MCL_BUFFER(gradient_buffer), MCL_BUFFER(inverse_buffer),
        MCL_UINT(R), MCL_UINT(E), MCL_UINT(1), MCL_BUFFER(d_buffer), MCL_LOCAL(MCL_ROW_SPACE)));
    MCL_TRY(mcl_checker_expect(checker, "normalize_backward", expected, d_buffer, R * E));
    mcl_checker_clear(checker);
    return MCL_OK;
}

static mcl_status check_deviations(mcl_checker *checker)
{
    float *z, *inverse, *expected;
    cl_mem z_buffer, inverse_buffer, out;
    MCL_TRY(mcl_checker_numbers(&z, &z_buffer, checker, R * E, 6));
    MCL_TRY(mcl_checker_numbers(&inverse, &inverse_buffer, checker, R, 7));
    MCL_TRY(mcl_checker_result(&expected, &out, checker, E));
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
    MCL_TRY(mcl_checker_run_columns(checker, "normalize.cl", "deviations", "", E, 1,
        MCL_BUFFER(z_buffer), MCL_BUFFER(inverse_buffer), MCL_UINT(R), MCL_UINT(E),
        MCL_BUFFER(out)));
    MCL_TRY(mcl_checker_expect(checker, "deviations", expected, out, E));
    mcl_checker_clear(checker);
    return MCL_OK;
}

/* How an objective makes a loss of most − slope·cosine. */
struct prediction {
    const char *objective;
    float most, slope, scale;
};

static const struct prediction predictions[] = {
    {"simsiam", 0.0f, 1.0f, 0.3f / (float)R},
    {"byol", 2.0f, 2.0f, 0.3f * 2.0f / (float)B},
};

/* The loss of a prediction p by a row t, and the gradient by p. */
static float prediction_error(
    float *gradient, const float *p, const float *t, const struct prediction *prediction)
{
    const float u = inverse_norm(p), v = inverse_norm(t), scale = prediction->scale;
    const float cosine = mcl_reference_dot(p, t, E) * u * v;
    const float across = -(scale * (u * v));
    const float along = u < 1e12f ? scale * (cosine * (u * u)) : 0.0f;
    for (size_t j = 0; j < E; j++)
        gradient[j] = fmaf(across, t[j], along * p[j]);
    return prediction->most - prediction->slope * cosine;
}

static mcl_status check_prediction(mcl_checker *checker, const struct prediction *prediction)
{
    float *q, *z, *loss, *gradient;
    cl_mem q_buffer, z_buffer, loss_buffer, d_buffer;
    char name[64];
    MCL_TRY(mcl_checker_numbers(&q, &q_buffer, checker, R * E, 38));
    MCL_TRY(mcl_checker_numbers(&z, &z_buffer, checker, R * E, 39));
    MCL_TRY(mcl_checker_result(&loss, &loss_buffer, checker, R));
    MCL_TRY(mcl_checker_result(&gradient, &d_buffer, checker, R * E));
    make_tiny(q, R, E);
    make_tiny(z, R, E);
    memset(q, 0, E * sizeof *q); /* a row without a direction */
    MCL_TRY(mcl_checker_write(checker, q_buffer, q, R * E));
    MCL_TRY(mcl_checker_write(checker, z_buffer, z, R * E));
    for (size_t i = 0; i < R; i++)
        loss[i] = prediction_error(gradient + i * E, q + i * E, z + positive_of(i) * E, prediction);
    MCL_TRY(mcl_checker_run_rows(checker, "predicted.cl", "prediction_errors", "", R,
        MCL_BUFFER(q_buffer), MCL_BUFFER(z_buffer), MCL_UINT(B), MCL_UINT(E),
        MCL_FLOAT(prediction->most), MCL_FLOAT(prediction->slope), MCL_FLOAT(prediction->scale),
        MCL_BUFFER(loss_buffer), MCL_BUFFER(d_buffer), MCL_LOCAL(MCL_ROW_SPACE)));
    snprintf(name, sizeof name, "prediction_errors of %s: loss", prediction->objective);
    MCL_TRY(mcl_checker_expect(checker, name, loss, loss_buffer, R));
    snprintf(name, sizeof name, "prediction_errors of %s: gradient", prediction->objective);
    MCL_TRY(mcl_expect_gradient(checker, name, gradient, NULL, d_buffer));
    mcl_checker_clear(checker);
    return MCL_OK;
}

mcl_status mcl_check_cosines(mcl_checker *checker)
{
    MCL_TRY(check_cosine(checker));
    MCL_TRY(check_negatives(checker));
    for (size_t i = 0; i < sizeof predictions / sizeof *predictions; i++)
        MCL_TRY(check_prediction(checker, &predictions[i]));
    MCL_TRY(check_normalize(checker));
    return check_deviations(checker);
}
