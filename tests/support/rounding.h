/* SPDX-License-Identifier: Apache-2.0 */
/* The elementary functions by name, on the host and on every OpenCL device there is: for
 * unit/test_rounding.c and conformance/ulp.c. Plain OpenCL calls, so that what is tested is the
 * compiler and the device and not the library around them. */
#ifndef MASKCL_TESTS_ROUNDING_H
#define MASKCL_TESTS_ROUNDING_H

#include <CL/cl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rounding.h"
#include "device/source.h"

static inline uint32_t to_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float to_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* What a result may be off by. */
enum bound { EXACT, HALF_ULP, ONE_ULP };

struct function {
    const char *name; /* a kernel of program_text has the same */
    float (*host)(float);
    float (*host2)(float, float); /* of the function of two arguments, instead of host */
    double (*reference)(double);  /* the same in double, off by far less than a float's ulp */
    enum bound bound;
};

static inline double reference_rsqrt(double x)
{
    return 1 / sqrt(x);
}

static inline double reference_reciprocal(double x)
{
    return 1 / x;
}

static inline double reference_flush(double x)
{
    return fabs(x) < 0x1p-125 ? 0.0 : x;
}

static const struct function functions[] = {
    {"exp", mcl_host_exp, NULL, exp, ONE_ULP},
    {"log", mcl_host_log, NULL, log, ONE_ULP},
    {"tanh", mcl_host_tanh, NULL, tanh, ONE_ULP},
    {"erf", mcl_host_erf, NULL, erf, ONE_ULP},
    {"sin", mcl_host_sin, NULL, sin, ONE_ULP},
    {"cos", mcl_host_cos, NULL, cos, ONE_ULP},
    {"rsqrt", mcl_host_rsqrt, NULL, reference_rsqrt, ONE_ULP},
    {"sqrt", mcl_host_sqrt, NULL, sqrt, HALF_ULP},
    {"reciprocal", mcl_host_reciprocal, NULL, reference_reciprocal, HALF_ULP},
    {"divide", NULL, mcl_host_divide, NULL, HALF_ULP},
    {"flush", mcl_host_flush, NULL, reference_flush, EXACT},
};
#define FUNCTIONS (sizeof functions / sizeof *functions)
#define DIVIDE 9 /* in functions */

static inline uint32_t host_bits(const struct function *function, uint32_t a, uint32_t b)
{
    return to_bits(
        function->host2 ? function->host2(to_float(a), to_float(b)) : function->host(to_float(a)));
}

/* A zero of the same sign for a subnormal argument, as the contract has it. */
static inline float without_subnormal(float x)
{
    return fabsf(x) < 0x1p-126f ? copysignf(0.0f, x) : x;
}

static inline double reference(const struct function *function, uint32_t a, uint32_t b)
{
    const double x = without_subnormal(to_float(a)), y = without_subnormal(to_float(b));
    return function->host2 ? x / y : function->reference(x);
}

/* The float nearest to a double as the contract has it: rounded as if exponents had no bound, then
 * a zero below 2^-126. */
static inline float nearest_float(double truth)
{
    if (fabs(truth) < 1) {
        const float scaled = (float)(truth * 0x1p64);
        return fabsf(scaled) < 0x1p-62f ? copysignf(0, scaled) : scaled * 0x1p-64f;
    }
    return (float)truth;
}

#define EXPONENT 0x7FF0000000000000u /* of a double */

/* The error of a result in units in the last place of the true value, or HUGE_VAL where the
 * contract leaves no choice (NaN, infinity, zero) and the result is another. */
static inline double error_in_ulp(double truth, uint32_t bits)
{
    if (isnan(truth))
        return bits == 0x7FC00000u ? 0 : HUGE_VAL;
    const float nearest = nearest_float(truth);
    const float result = to_float(bits);
    if (isinf(nearest) || nearest == 0)
        return bits == to_bits(nearest) ? 0 : HUGE_VAL;
    if (isnan(result) || isinf(result) || signbit(result) != signbit(nearest))
        return HUGE_VAL;
    /* one unit's inverse, 2^(23−e), from the bits of truth: frexp and ldexp take half the time of
     * a run over all arguments */
    uint64_t bits_of_truth;
    memcpy(&bits_of_truth, &truth, sizeof truth);
    const uint64_t bits_of_scale = ((uint64_t)(2 * 1023 + 23) << 52) - (bits_of_truth & EXPONENT);
    double scale;
    memcpy(&scale, &bits_of_scale, sizeof scale);
    return fabs(result - truth) * scale;
}

/* Whether a result with this error keeps its function's bound. A quotient or root rounded to double
 * and then to float is the correctly rounded one, since a double has more than twice a float's
 * digits. */
static inline int keeps_bound(
    const struct function *function, double truth, uint32_t bits, double error)
{
    if (function->bound == ONE_ULP || isnan(truth))
        return error <= 1;
    return bits == to_bits(nearest_float(truth));
}

/* One device with the functions as kernels. */
struct rounding_device {
    char name[256]; /* "platform, device" */
    char log[4096]; /* of a failed build */
    cl_context context;
    cl_command_queue queue;
    cl_program program;
    cl_mem a, b, results;
    size_t capacity;
};

#define PROGRAM_TEXT                                                                               \
    "#define MAP(name, call) kernel void name(global const uint *a, global const uint *b,"         \
    " global uint *results) { const size_t i = get_global_id(0);"                                  \
    " const float x = as_float(a[i]), y = as_float(b[i]); results[i] = as_uint(call); }\n"         \
    "MAP(map_exp, mcl_exp(x)) MAP(map_log, mcl_log(x)) MAP(map_tanh, mcl_tanh(x))\n"               \
    "MAP(map_erf, mcl_erf(x)) MAP(map_sqrt, mcl_sqrt(x)) MAP(map_rsqrt, mcl_rsqrt(x))\n"           \
    "MAP(map_divide, mcl_divide(x, y)) MAP(map_flush, mcl_flush(x))\n"                             \
    "MAP(map_reciprocal, mcl_reciprocal(x)) MAP(map_sin, mcl_sin(x)) MAP(map_cos, mcl_cos(x))\n"   \
    "MAP(map_quantile, mcl_quantile(x)) MAP(map_sin_near, mcl_sin_near(x))\n"                      \
    "MAP(map_cos_near, mcl_cos_near(x))\n"

static inline void rounding_device_close(struct rounding_device *device)
{
    if (device->a)
        clReleaseMemObject(device->a);
    if (device->b)
        clReleaseMemObject(device->b);
    if (device->results)
        clReleaseMemObject(device->results);
    if (device->program)
        clReleaseProgram(device->program);
    if (device->queue)
        clReleaseCommandQueue(device->queue);
    if (device->context)
        clReleaseContext(device->context);
    memset(device, 0, sizeof *device);
}

/* Opens a device for up to capacity arguments a run. Returns an OpenCL error. */
static inline cl_int rounding_device_open(
    struct rounding_device *device, cl_device_id id, const char *options, size_t capacity)
{
    memset(device, 0, sizeof *device);
    cl_platform_id platform;
    char platform_name[100] = "", device_name[100] = "";
    clGetDeviceInfo(id, CL_DEVICE_PLATFORM, sizeof platform, &platform, NULL);
    clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof platform_name - 1, platform_name, NULL);
    clGetDeviceInfo(id, CL_DEVICE_NAME, sizeof device_name - 1, device_name, NULL);
    snprintf(device->name, sizeof device->name, "%s, %s", platform_name, device_name);
    device->capacity = capacity;

    struct mcl_source source = {0};
    if (mcl_source_append(&source, "rounding.clh", "") != MCL_OK)
        return CL_INVALID_PROGRAM;
    const char *texts[2] = {source.text.bytes, PROGRAM_TEXT};
    cl_int code;
    device->context = clCreateContext(NULL, 1, &id, NULL, NULL, &code);
    if (code == CL_SUCCESS)
        device->queue = clCreateCommandQueue(device->context, id, 0, &code);
    if (code == CL_SUCCESS)
        device->program = clCreateProgramWithSource(device->context, 2, texts, NULL, &code);
    if (code == CL_SUCCESS) {
        code = clBuildProgram(device->program, 1, &id, options, NULL, NULL);
        if (code != CL_SUCCESS)
            clGetProgramBuildInfo(device->program, id, CL_PROGRAM_BUILD_LOG, sizeof device->log - 1,
                device->log, NULL);
    }
    mcl_source_free(&source);
    cl_mem *buffers[] = {&device->a, &device->b, &device->results};
    for (size_t i = 0; i < 3 && code == CL_SUCCESS; i++)
        *buffers[i] = clCreateBuffer(device->context, CL_MEM_READ_WRITE, 4 * capacity, NULL, &code);
    return code;
}

/* results[i] = the function of a[i] (and b[i]) on the device, as bits. Returns an OpenCL error. */
static inline cl_int rounding_device_run(struct rounding_device *device,
    const struct function *function, const uint32_t *a, const uint32_t *b, uint32_t *results,
    size_t count)
{
    char name[32];
    snprintf(name, sizeof name, "map_%s", function->name);
    cl_int code;
    cl_kernel kernel = clCreateKernel(device->program, name, &code);
    if (code != CL_SUCCESS)
        return code;
    const cl_mem buffers[] = {device->a, device->b, device->results};
    for (cl_uint i = 0; i < 3 && code == CL_SUCCESS; i++)
        code = clSetKernelArg(kernel, i, sizeof(cl_mem), &buffers[i]);
    if (code == CL_SUCCESS)
        code =
            clEnqueueWriteBuffer(device->queue, device->a, CL_TRUE, 0, 4 * count, a, 0, NULL, NULL);
    if (code == CL_SUCCESS)
        code =
            clEnqueueWriteBuffer(device->queue, device->b, CL_TRUE, 0, 4 * count, b, 0, NULL, NULL);
    if (code == CL_SUCCESS)
        code = clEnqueueNDRangeKernel(device->queue, kernel, 1, NULL, &count, NULL, 0, NULL, NULL);
    if (code == CL_SUCCESS)
        code = clEnqueueReadBuffer(
            device->queue, device->results, CL_TRUE, 0, 4 * count, results, 0, NULL, NULL);
    clReleaseKernel(kernel);
    return code;
}

/* All devices with a compiler, up to capacity; returns how many. */
static inline size_t rounding_devices(cl_device_id *ids, size_t capacity)
{
    cl_platform_id platforms[16];
    cl_uint platform_count = 0;
    size_t count = 0;
    if (clGetPlatformIDs(16, platforms, &platform_count) != CL_SUCCESS)
        return 0;
    for (cl_uint p = 0; p < platform_count && p < 16; p++) {
        cl_device_id found[16];
        cl_uint found_count = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, 16, found, &found_count) != CL_SUCCESS)
            continue;
        for (cl_uint d = 0; d < found_count && d < 16 && count < capacity; d++) {
            cl_bool compiler = CL_FALSE;
            clGetDeviceInfo(
                found[d], CL_DEVICE_COMPILER_AVAILABLE, sizeof compiler, &compiler, NULL);
            if (compiler)
                ids[count++] = found[d];
        }
    }
    return count;
}

/* Pairs and single numbers from a seed: SplitMix64 (Steele, Lea and Flood 2014). */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

#endif
