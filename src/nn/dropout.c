/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/dropout.h"

#include "device/profile.h"

mcl_status mcl_dropout_run(const mcl_dropout *dropout, uint32_t layer, uint32_t rows,
    uint32_t columns, cl_mem in, cl_mem out)
{
    const cl_uint2 key = {{(cl_uint)dropout->seed, (cl_uint)(dropout->seed >> 32)}};
    const mcl_argument key_argument = {sizeof key, &key};
    cl_kernel kernel;
    MCL_TRY(mcl_kernel_get(&kernel, dropout->context, "dropout.cl", "dropout", ""));
    mcl_profile_work(dropout->context, NULL, 0.0, 2.0 * sizeof(float) * (double)rows * columns);
    return mcl_launch(dropout->context, kernel, ((size_t)columns + 3) / 4, rows, MCL_BUFFER(in),
        MCL_UINT(columns), MCL_UINT(layer), MCL_UINT(dropout->step), key_argument,
        MCL_FLOAT(dropout->rate), MCL_FLOAT(1.0f / (1.0f - dropout->rate)), MCL_BUFFER(out));
}
