/* The kernels of the objectives that tell a view from others by a softmax: nt-xent, scarf and moco;
 * and that of fine-tuning. */
#include <math.h>

#include "base/rounding.h"
#include "verify/objectives.h"
#include "verify/reference.h"

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
    float *s, *normalizer, *loss, *expected;
    cl_mem s_buffer, normalizer_buffer, loss_buffer;
    MCL_TRY(mcl_checker_numbers(&s, &s_buffer, checker, R * R, 8));
    MCL_TRY(mcl_checker_result(&normalizer, &normalizer_buffer, checker, R));
    MCL_TRY(mcl_checker_result(&loss, &loss_buffer, checker, R));
    MCL_TRY(mcl_checker_memory(&expected, checker, R * R, sizeof *expected));
    make_similarities(s);
    MCL_TRY(mcl_checker_write(checker, s_buffer, s, R * R));
    for (size_t i = 0; i < R; i++) {
        float most = -INFINITY, terms[R], ones[R];
        for (size_t j = 0; j < R; j++)
            most = j == i ? most : largest(most, s[i * R + j]);
        for (size_t j = 0; j < R; j++) {
            terms[j] = j == i ? 0.0f : mcl_host_exp(s[i * R + j] - most);
            ones[j] = 1.0f;
        }
        normalizer[i] = most + mcl_host_log(mcl_reference_dot(terms, ones, R));
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
    MCL_TRY(mcl_checker_run(checker, "ntxent.cl", "ntxent_rows", "", R, 1, MCL_BUFFER(s_buffer),
        MCL_UINT(R), MCL_BUFFER(normalizer_buffer), MCL_BUFFER(loss_buffer)));
    MCL_TRY(
        mcl_checker_settle(checker, "ntxent_rows: normalizers", normalizer, normalizer_buffer, R));
    MCL_TRY(mcl_checker_expect(checker, "ntxent_rows: loss", loss, loss_buffer, R));
    MCL_TRY(mcl_checker_run(checker, "ntxent.cl", "ntxent_backward", "", (R + 15) / 16, R,
        MCL_BUFFER(s_buffer), MCL_BUFFER(normalizer_buffer), MCL_UINT(R), MCL_FLOAT(scale)));
    MCL_TRY(mcl_checker_expect(checker, "ntxent_backward", expected, s_buffer, R * R));
    mcl_checker_clear(checker);
    return MCL_OK;
}

mcl_status mcl_check_softmaxes(mcl_checker *checker)
{
    MCL_TRY(mcl_kernel_expect(checker->context, "ntxent.cl", ""));
    return check_ntxent(checker);
}
