/* SPDX-License-Identifier: Apache-2.0 */
/* The trial of a device's fma: right ones pass, and every usual wrong one is found out. */
#include <check.h>
#include <math.h>
#include <unistd.h>

#include "device/fma.h"
#include "support/device.h"

/* A folder with a cl/fma.cl of our own for MASKCL_KERNELS. */
static char folder[] = "/tmp/maskcl-fma-XXXXXX";
static char path[sizeof folder + 8];

/* Lets `a·b + c` be computed by expression, of the variables x, y and z. */
static void set_kernel(const char *expression)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/fma.cl", folder);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file,
        "#pragma OPENCL FP_CONTRACT OFF\n"
        "inline float wrong(float x, float y, float z) { return %s; }\n"
        "kernel void fused(const global float *a, const global float *b, const global float *c,\n"
        "    global float *out)\n"
        "{ uint j = get_global_id(0); out[j] = wrong(a[j], b[j], c[j]); }\n"
        "kernel void fused16(const global float *a, const global float *b, const global float *c,\n"
        "    global float *out)\n"
        "{ for (uint j = 16 * get_global_id(0), e = j + 16; j < e; j++)\n"
        "    out[j] = wrong(a[j], b[j], c[j]); }\n",
        expression);
    fclose(file);
    ck_assert_int_eq(setenv("MASKCL_KERNELS", folder, 1), 0);
}

static void remove_kernel(void)
{
    unsetenv("MASKCL_KERNELS");
    unlink(path);
    rmdir(folder);
    memcpy(strchr(folder, '\0') - 6, "XXXXXX", 6);
}

START_TEST(test_this_device_passes)
{
    mcl_fma_trial trial;
    ASSERT_OK(mcl_fma_try(&trial, context));
    ck_assert(trial.agrees);
    ck_assert_uint_eq(trial.cases, 8192);
    ASSERT_OK(mcl_context_require_reproducible(context));
}
END_TEST

static const struct {
    const char *expression;
    bool right;
} kernels[] = {
    {"fma(x, y, z)", true},
    {"x * y + z", false},
    {"(float)((double)x * y + z)", false},                    /* rounds twice */
    {"as_float(as_uint(fma(x, y, z)) & 0xfffffffeu)", false}, /* cuts off */
    {"fma(x, y, z) + (z == 0.0f ? 1.0f : 0.0f) * 0.0f + 0.0f", true},
};

static bool has_double(void)
{
    cl_device_fp_config doubles = 0;
    (void)clGetDeviceInfo(
        context->device, CL_DEVICE_DOUBLE_FP_CONFIG, sizeof doubles, &doubles, NULL);
    return doubles != 0;
}

START_TEST(test_wrong_ones_are_found_out)
{
    mcl_fma_trial trial;
    if (strstr(kernels[_i].expression, "double") && !has_double())
        return;
    set_kernel(kernels[_i].expression);
    context->info.fma = false;
    ASSERT_OK(mcl_fma_try(&trial, context));
    ck_assert_int_eq(trial.agrees, kernels[_i].right);
    if (!trial.agrees) {
        const float correct = fmaf(trial.a, trial.b, trial.c);
        ck_assert_uint_eq(bits_of(trial.expected), bits_of(correct));
        ck_assert_uint_ne(bits_of(trial.got), bits_of(correct));
    }
    const mcl_status status = mcl_context_require_reproducible(context);
    ck_assert_int_eq(status, kernels[_i].right ? MCL_OK : MCL_ERROR_NO_DEVICE);
    if (status != MCL_OK)
        ck_assert_ptr_nonnull(strstr(mcl_error_message(), "has no correctly rounded fma: "));
    remove_kernel();
}
END_TEST

START_TEST(test_a_driver_that_declares_it_is_believed)
{
    set_kernel("x * y + z");
    context->info.fma = true;
    ASSERT_OK(mcl_context_require_reproducible(context));
    remove_kernel();
}
END_TEST

START_TEST(test_a_failing_trial_says_why)
{
    set_kernel("nothing");
    context->info.fma = false;
    ck_assert_int_eq(mcl_context_require_reproducible(context), MCL_ERROR_DEVICE);
    remove_kernel();
}
END_TEST

START_TEST(test_clblast_is_refused)
{
    const mcl_context_options options = {.gemm = MCL_GEMM_CLBLAST};
    mcl_context *opened;
    ASSERT_OK(mcl_context_open(&opened, &options));
    ck_assert_int_eq(mcl_context_require_reproducible(opened), MCL_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mcl_error_message(), "(`gemm`)"));
    mcl_context_close(opened);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fma");
    TCase *tests = tcase_create("fma");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, context_setup, context_teardown);
    tcase_add_test(tests, test_this_device_passes);
    tcase_add_loop_test(tests, test_wrong_ones_are_found_out, 0, sizeof kernels / sizeof *kernels);
    tcase_add_test(tests, test_a_driver_that_declares_it_is_believed);
    tcase_add_test(tests, test_a_failing_trial_says_why);
    tcase_add_test(tests, test_clblast_is_refused);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
