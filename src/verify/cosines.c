/* The kernels of the objectives that compare rows by the angle between them: cosine, simsiam and
 * byol, and the normalisation that others have in front of theirs. */
#include <math.h>
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
        MCL_TRY(mcl_checker_run(checker, "cosine.cl", "cosine_embedding", "", B, 1,
            MCL_BUFFER(z_buffer), MCL_UINT(B), MCL_UINT(E), MCL_FLOAT(scale), MCL_UINT(accumulate),
            MCL_BUFFER(loss_buffer), MCL_BUFFER(d_buffer)));
        MCL_TRY(mcl_expect_gradient(
            checker, "cosine_embedding: gradient", gradient, accumulate ? d : NULL, d_buffer));
    }
    MCL_TRY(mcl_checker_expect(checker, "cosine_embedding: loss", loss, loss_buffer, B));
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
    float *z, *gradient, *d, *inverse, *normalized, *along, *expected;
    cl_mem z_buffer, gradient_buffer, d_buffer, inverse_buffer, normalized_buffer, along_buffer;
    MCL_TRY(mcl_checker_numbers(&z, &z_buffer, checker, R * E, 3));
    MCL_TRY(mcl_checker_numbers(&gradient, &gradient_buffer, checker, R * E, 4));
    MCL_TRY(mcl_checker_numbers(&d, &d_buffer, checker, R * E, 5));
    MCL_TRY(mcl_checker_result(&inverse, &inverse_buffer, checker, R));
    MCL_TRY(mcl_checker_result(&normalized, &normalized_buffer, checker, R * E));
    MCL_TRY(mcl_checker_result(&along, &along_buffer, checker, R));
    MCL_TRY(mcl_checker_memory(&expected, checker, R * E, sizeof *expected));
    memset(z, 0, E * sizeof *z); /* a row without a direction is divided by ε */
    make_tiny(z, R, E);          /* and what must be made 0 when it is */
    MCL_TRY(mcl_checker_write(checker, z_buffer, z, R * E));
    for (size_t i = 0; i < R; i++) {
        float *row = normalized + i * E;
        inverse[i] = inverse_norm(z + i * E);
        for (size_t j = 0; j < E; j++)
            row[j] = mcl_host_flush(z[i * E + j] * inverse[i]);
        along[i] = mcl_host_flush(mcl_reference_dot(row, gradient + i * E, E));
        for (size_t j = 0; j < E; j++) {
            const size_t at = i * E + j;
            const float across =
                inverse[i] < 1e12f ? fmaf(-along[i], row[j], gradient[at]) : gradient[at];
            expected[at] = mcl_host_flush(d[at] + across * inverse[i]);
        }
    }
    MCL_TRY(mcl_checker_run(checker, "normalize.cl", "inverse_norms", "", R, 1,
        MCL_BUFFER(z_buffer), MCL_UINT(E), MCL_BUFFER(inverse_buffer)));
    MCL_TRY(mcl_checker_settle(checker, "inverse_norms", inverse, inverse_buffer, R));
    MCL_TRY(
        mcl_checker_run(checker, "normalize.cl", "normalize_rows", "", E, R, MCL_BUFFER(z_buffer),
            MCL_BUFFER(inverse_buffer), MCL_UINT(E), MCL_BUFFER(normalized_buffer)));
    MCL_TRY(mcl_checker_settle(checker, "normalize_rows", normalized, normalized_buffer, R * E));
    MCL_TRY(mcl_checker_run(checker, "normalize.cl", "row_dots", "", R, 1,
        MCL_BUFFER(normalized_buffer), MCL_BUFFER(gradient_buffer), MCL_UINT(E),
        MCL_BUFFER(along_buffer)));
    MCL_TRY(mcl_checker_settle(checker, "row_dots", along, along_buffer, R));
    MCL_TRY(mcl_checker_run(checker, "normalize.cl", "normalize_backward", "", E, R,
        MCL_BUFFER(normalized_buffer), MCL_BUFFER(gradient_buffer), MCL_BUFFER(along_buffer),
        MCL_BUFFER(inverse_buffer), MCL_UINT(E), MCL_UINT(1), MCL_BUFFER(d_buffer)));
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
    MCL_TRY(mcl_checker_run(checker, "normalize.cl", "deviations", "", E, 1, MCL_BUFFER(z_buffer),
        MCL_BUFFER(inverse_buffer), MCL_UINT(R), MCL_UINT(E), MCL_BUFFER(out)));
    MCL_TRY(mcl_checker_expect(checker, "deviations", expected, out, E));
    mcl_checker_clear(checker);
    return MCL_OK;
}

mcl_status mcl_check_cosines(mcl_checker *checker)
{
    MCL_TRY(mcl_kernel_expect(checker->context, "cosine.cl", ""));
    MCL_TRY(mcl_kernel_expect(checker->context, "normalize.cl", ""));
    MCL_TRY(check_cosine(checker));
    MCL_TRY(check_normalize(checker));
    return check_deviations(checker);
}
