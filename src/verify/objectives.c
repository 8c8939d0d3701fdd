/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/objectives.h"

#include <stdio.h>

#include "base/rounding.h"

mcl_status mcl_expect_gradient(
    mcl_checker *checker, const char *kernel, const float *gradient, const float *d, cl_mem got)
{
    char name[64];
    float *expected;
    snprintf(name, sizeof name, "%s%s", kernel, d ? ", added" : "");
    MCL_TRY(mcl_checker_memory(&expected, checker, R * E, sizeof *expected));
    for (size_t i = 0; i < R * E; i++)
        expected[i] = mcl_host_flush(d ? d[i] + gradient[i] : gradient[i]);
    return mcl_checker_expect(checker, name, expected, got, R * E);
}
