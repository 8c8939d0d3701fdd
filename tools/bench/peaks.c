/* SPDX-License-Identifier: Apache-2.0 */
/* What the device can do at most, through OpenCL:
 *
 *   bench_peaks [--platform P] [--device D]
 *
 * Prints one JSON object: GFLOP/s of independent chains of fma in registers, and GB/s, read and
 * written, of a copy that no cache holds.
 */
#include <stdio.h>
#include <stdlib.h>

#include "arguments.h"
#include "maskcl/profile.h"

#define COPY_BYTES ((size_t)256 << 20)

int main(int count, char **arguments)
{
    mcl_context *context = NULL;
    double operations = 0.0, bytes = 0.0;
    mcl_status status = bench_context(&context, count, arguments, "native");
    if (status == MCL_OK)
        status = mcl_device_peaks(&operations, &bytes, context, COPY_BYTES);
    if (status == MCL_OK)
        printf("{\"gflops\": %.1f, \"gbytes\": %.1f}\n", 1e-9 * operations, 1e-9 * bytes);
    mcl_context_close(context);
    return status == MCL_OK ? EXIT_SUCCESS : bench_failed();
}
