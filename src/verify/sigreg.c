/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of sigreg: random directions, characteristic functions and the distances of views. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "base/rounding.h"
#include "verify/objectives.h"
#include "verify/reference.h"

#define MANY 150 /* rows of a view: more than two blocks */
#define BLOCK 64
#define BLOCKS 3
#define M 37 /* directions */
#define KNOTS 16

/* c and s of the knots from those of the first. */
static void make_waves(float c[KNOTS], float s[KNOTS], float c1, float s1)
{
    c[0] = c1;
    s[0] = s1;
    for (size_t k = 1; k < KNOTS; k++) {
        c[k] = fmaf(c[k - 1], c1, -(s[k - 1] * s1));
        s[k] = fmaf(s[k - 1], c1, c[k - 1] * s1);
    }
}

static mcl_status check_directions(mcl_checker *checker)
{
    const uint64_t seed = 0x123456789ABCDEFu, first = 0x123456789u; /* rows beyond 2³² */
    const cl_uint2 key = {{(cl_uint)seed, (cl_uint)(seed >> 32)}};
    const mcl_argument key_argument = {.size = sizeof key, .value = &key};
    const uint32_t count = M * E, epoch = 5;
    float *directions;
    cl_mem buffer;
    MCL_TRY(mcl_checker_result(&directions, &buffer, checker, count));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t words[4];
        mcl_random_words(words, seed, MCL_STREAM_DIRECTIONS, 0, epoch, first, i / 4);
        const int32_t odd = (int32_t)(words[i % 4] >> 8 << 1 | 1) - (1 << 24);
        directions[i] = mcl_host_quantile((float)odd * 0x1p-24f);
    }
    MCL_TRY(mcl_checker_run_elements(checker, "sigreg.cl", "sigreg_directions", "", (count + 3) / 4,
        1, MCL_ULONG(first), MCL_UINT(epoch), key_argument, MCL_UINT(count), MCL_BUFFER(buffer)));
    return mcl_checker_expect(checker, "sigreg_directions", directions, buffer, count);
}

/* Projections become waves: c₁ and s₁ [2·MANY×M]. In every other row they are of every size, in the
 * others all angles are within π. */
static mcl_status check_waves(
    mcl_checker *checker, float **c, cl_mem *cosines, float **s, cl_mem *sines)
{
    const size_t count = (size_t)2 * MANY * M;
    MCL_TRY(mcl_checker_result(c, cosines, checker, count));
    MCL_TRY(mcl_checker_numbers(s, sines, checker, count, 61));
    for (size_t i = 0; i < count; i++)
        (*s)[i] = i / M % 2 == 0 && i % 7 == 0 ? ldexpf((*s)[i], (int)(i % 130)) : 3.0f * (*s)[i];
    MCL_TRY(mcl_checker_write(checker, *sines, *s, count));
    for (size_t i = 0; i < count; i++) {
        const float angle = 0.1875f * (*s)[i];
        (*c)[i] = mcl_host_cos(angle);
        (*s)[i] = mcl_host_sin(angle);
    }
    MCL_TRY(mcl_checker_run_vectors(checker, "sigreg.cl", "sigreg_waves", "", M, 2 * MANY,
        MCL_UINT(M), MCL_BUFFER(*cosines), MCL_BUFFER(*sines)));
    MCL_TRY(mcl_checker_settle(checker, "sigreg_waves: cosines", *c, *cosines, count));
    return mcl_checker_settle(checker, "sigreg_waves: sines", *s, *sines, count);
}

/* The sums of a block of a view, at [32×M] of them. */
static void sum_block(float *sums, const float *c1, const float *s1, size_t rows)
{
    for (size_t i = 0; i < rows * M; i++) {
        float c[KNOTS], s[KNOTS];
        make_waves(c, s, c1[i], s1[i]);
        for (size_t k = 0; k < KNOTS; k++) {
            sums[k * M + i % M] += c[k];
            sums[(KNOTS + k) * M + i % M] += s[k];
        }
    }
    for (size_t i = 0; i < (size_t)2 * KNOTS * M; i++)
        sums[i] = mcl_host_flush(sums[i]);
}

static float mean_of(const float *sums)
{
    float total = 0.0f;
    for (size_t block = 0; block < BLOCKS; block++)
        total += sums[block * 2 * KNOTS * M];
    return mcl_host_divide(total, (float)MANY);
}

/* The statistic of a direction of a view, and its slopes. */
static float test_direction(float *slopes, const float *sums)
{
    float total = 0.0f;
    for (size_t k = 0; k < KNOTS; k++) {
        const float t = 0.1875f * (float)(k + 1), normal = mcl_host_exp(-0.5f * (t * t));
        const float weight = (k + 1 < KNOTS ? 0.375f : 0.1875f) * normal;
        const float real = mean_of(sums + k * M) - normal;
        const float imaginary = mean_of(sums + (KNOTS + k) * M);
        total = fmaf(weight, fmaf(real, real, imaginary * imaginary), total);
        slopes[k * M] = mcl_host_flush(weight * t * imaginary);
        slopes[(KNOTS + k) * M] = mcl_host_flush(weight * t * real);
    }
    return total;
}

static mcl_status check_statistics(
    mcl_checker *checker, const float *c, cl_mem cosines, const float *s, cl_mem sines)
{
    const size_t view = (size_t)2 * KNOTS * M, count = 2 * BLOCKS * view;
    const float share = 0.05f * (float)MANY / (float)(2 * M), scale = 0.3f * 0.05f / (float)M;
    float *sums, *loss, *slopes, *gradient;
    cl_mem sums_buffer, loss_buffer, slopes_buffer;
    MCL_TRY(mcl_checker_result(&sums, &sums_buffer, checker, count));
    MCL_TRY(mcl_checker_result(&loss, &loss_buffer, checker, 2 * M));
    MCL_TRY(mcl_checker_result(&slopes, &slopes_buffer, checker, 2 * view));
    MCL_TRY(mcl_checker_memory(&gradient, checker, (size_t)2 * MANY * M, sizeof *gradient));
    for (size_t at = 0; at < 2 * BLOCKS; at++) {
        const size_t row = at % BLOCKS * BLOCK, from = (at / BLOCKS * MANY + row) * M;
        sum_block(sums + at * view, c + from, s + from, MANY - row < BLOCK ? MANY - row : BLOCK);
    }
    MCL_TRY(mcl_checker_run_vectors(checker, "sigreg.cl", "sigreg_sums", "", M, 2 * BLOCKS,
        MCL_BUFFER(cosines), MCL_BUFFER(sines), MCL_UINT(MANY), MCL_UINT(M),
        MCL_BUFFER(sums_buffer)));
    MCL_TRY(mcl_checker_settle(checker, "sigreg_sums", sums, sums_buffer, count));
    for (size_t m = 0; m < (size_t)2 * M; m++)
        loss[m] = mcl_host_flush(share * test_direction(slopes + m / M * view + m % M,
                                             sums + m / M * BLOCKS * view + m % M));
    MCL_TRY(mcl_checker_run_elements(checker, "sigreg.cl", "sigreg_statistics", "", M, 2,
        MCL_BUFFER(sums_buffer), MCL_UINT(MANY), MCL_UINT(M), MCL_FLOAT(share),
        MCL_BUFFER(loss_buffer), MCL_BUFFER(slopes_buffer)));
    MCL_TRY(mcl_checker_expect(checker, "sigreg_statistics: loss", loss, loss_buffer, 2 * M));
    MCL_TRY(
        mcl_checker_settle(checker, "sigreg_statistics: slopes", slopes, slopes_buffer, 2 * view));
    for (size_t i = 0; i < (size_t)2 * MANY * M; i++) {
        const float *a = slopes + i / M / MANY * view + i % M;
        float all_c[KNOTS], all_s[KNOTS], chain = 0.0f;
        make_waves(all_c, all_s, c[i], s[i]);
        for (size_t k = 0; k < KNOTS; k++) {
            chain = fmaf(a[k * M], all_c[k], chain);
            chain = fmaf(-a[(KNOTS + k) * M], all_s[k], chain);
        }
        gradient[i] = mcl_host_flush(scale * chain);
    }
    MCL_TRY(mcl_checker_run_vectors(checker, "sigreg.cl", "sigreg_backward", "", M, 2 * MANY,
        MCL_BUFFER(slopes_buffer), MCL_UINT(MANY), MCL_UINT(M), MCL_FLOAT(scale),
        MCL_BUFFER(cosines), MCL_BUFFER(sines)));
    return mcl_checker_expect(checker, "sigreg_backward", gradient, cosines, (size_t)2 * MANY * M);
}

static mcl_status check_distances(mcl_checker *checker)
{
    const float share = 0.95f / (float)(4 * B * E), slope = 0.3f * 0.95f / (float)(2 * B * E);
    float *z, *d, *gradient, *loss, apart[E];
    cl_mem z_buffer, d_buffer, loss_buffer;
    MCL_TRY(mcl_checker_numbers(&z, &z_buffer, checker, R * E, 62));
    make_tiny(z, R, E);
    MCL_TRY(mcl_checker_write(checker, z_buffer, z, R * E));
    MCL_TRY(mcl_checker_numbers(&d, &d_buffer, checker, R * E, 63));
    MCL_TRY(mcl_checker_memory(&gradient, checker, R * E, sizeof *gradient));
    MCL_TRY(mcl_checker_numbers(&loss, &loss_buffer, checker, 2 * M + B, 64));
    for (size_t i = 0; i < B; i++) {
        for (size_t j = 0; j < E; j++) {
            apart[j] = z[i * E + j] - z[(B + i) * E + j];
            gradient[i * E + j] = slope * apart[j];
            gradient[(B + i) * E + j] = -(slope * apart[j]);
        }
        loss[2 * M + i] = mcl_host_flush(share * mcl_reference_dot(apart, apart, E));
    }
    for (uint32_t accumulate = 2; accumulate-- > 0;) {
        MCL_TRY(mcl_checker_run_rows(checker, "sigreg.cl", "sigreg_distances", "", B,
            MCL_BUFFER(z_buffer), MCL_UINT(B), MCL_UINT(E), MCL_FLOAT(share), MCL_FLOAT(slope),
            MCL_UINT(accumulate), MCL_UINT(2 * M), MCL_BUFFER(loss_buffer), MCL_BUFFER(d_buffer),
            MCL_LOCAL(MCL_ROW_SPACE)));
        MCL_TRY(mcl_expect_gradient(
            checker, "sigreg_distances: gradient", gradient, accumulate ? d : NULL, d_buffer));
    }
    return mcl_checker_expect(checker, "sigreg_distances: loss", loss, loss_buffer, 2 * M + B);
}

mcl_status mcl_check_sigreg(mcl_checker *checker)
{
    float *c, *s;
    cl_mem cosines, sines;
    MCL_TRY(check_directions(checker));
    MCL_TRY(check_waves(checker, &c, &cosines, &s, &sines));
    MCL_TRY(check_statistics(checker, c, cosines, s, sines));
    return check_distances(checker);
}
