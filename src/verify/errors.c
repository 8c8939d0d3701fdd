/* The kernels of the objectives that compare outputs with targets: reconstruction and vime. */
#include "base/rounding.h"
#include "verify/objectives.h"
#include "verify/reference.h"

static mcl_status check_reconstruction(mcl_checker *checker)
{
    const float scale = 2.0f * 0.7f / (float)(R * E);
    float *r, *x, *loss, *expected;
    cl_mem r_buffer, x_buffer, loss_buffer, out;
    MCL_TRY(mcl_checker_numbers(&r, &r_buffer, checker, R * E, 10));
    MCL_TRY(mcl_checker_numbers(&x, &x_buffer, checker, B * E, 11));
    MCL_TRY(mcl_checker_result(&loss, &loss_buffer, checker, R));
    MCL_TRY(mcl_checker_result(&expected, &out, checker, R * E));
    for (size_t i = 0; i < R; i++) {
        float difference[E];
        for (size_t j = 0; j < E; j++) {
            difference[j] = r[i * E + j] - x[i % B * E + j];
            expected[i * E + j] = mcl_host_flush(scale * difference[j]);
        }
        loss[i] = mcl_reference_dot(difference, difference, E);
    }
    MCL_TRY(mcl_checker_run(checker, "reconstruction.cl", "squared_errors", "", R, 1,
        MCL_BUFFER(r_buffer), MCL_BUFFER(x_buffer), MCL_UINT(B), MCL_UINT(E),
        MCL_BUFFER(loss_buffer)));
    MCL_TRY(mcl_checker_expect(checker, "squared_errors", loss, loss_buffer, R));
    MCL_TRY(mcl_checker_run(checker, "reconstruction.cl", "reconstruction_backward", "", E, R,
        MCL_BUFFER(r_buffer), MCL_BUFFER(x_buffer), MCL_UINT(B), MCL_UINT(E), MCL_FLOAT(scale),
        MCL_BUFFER(out)));
    MCL_TRY(mcl_checker_expect(checker, "reconstruction_backward", expected, out, R * E));
    mcl_checker_clear(checker);
    return MCL_OK;
}

mcl_status mcl_check_errors(mcl_checker *checker)
{
    MCL_TRY(mcl_kernel_expect(checker->context, "reconstruction.cl", ""));
    return check_reconstruction(checker);
}
