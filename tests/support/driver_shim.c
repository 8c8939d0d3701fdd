/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into the program, stands between it and the OpenCL loader as a driver with bad manners.
 *   DRIVER_STDOUT=TEXT   is printed to standard output, and
 *   DRIVER_STDERR=TEXT   to standard error when the platforms are first asked for and whenever a
 *                        program is built; without a newline of its own
 *   DRIVER_LOCALE=NAME   setlocale(LC_ALL, NAME) when the platforms are first asked for
 *   DRIVER_END=exit|abort   ends the process so at the first build, after what is printed
 *   DRIVER_CLBLAST=wrong|fails   its products are a hundredth too large, or fail
 * and of the devices, in the order in which they are first asked:
 *   DRIVER_NAME=A|B  DRIVER_TYPE=gpu|cpu  DRIVER_UNITS=96|20  DRIVER_UNIFIED=1|0
 *   DRIVER_VERSION=OpenCL 1.1|OpenCL 3.0   an empty item changes nothing; UUIDs are not told. */
#include <CL/cl.h>
#include <clblast_c.h>
#include <dlfcn.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICES_MAX 8
#define DEVICE_UUID 0x106A

static cl_device_id known[DEVICES_MAX];

/* *function = the loader's function of a name. */
static void find(void *function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        abort();
    memcpy(function, &found, sizeof found);
}

static void print(void)
{
    const char *out = getenv("DRIVER_STDOUT"), *err = getenv("DRIVER_STDERR");
    if (out)
        printf("%s", out);
    if (err)
        fprintf(stderr, "%s", err);
}

static int number_of(cl_device_id device)
{
    int i = 0;
    while (i < DEVICES_MAX - 1 && known[i] && known[i] != device)
        i++;
    known[i] = device;
    return i;
}

/* Writes what a list has for a device; false where that is nothing. */
static int item(char text[256], const char *variable, cl_device_id device)
{
    const char *list = getenv(variable);
    for (int i = number_of(device); list && i > 0; i--) {
        list = strchr(list, '|');
        list += list != NULL;
    }
    if (list)
        snprintf(text, 256, "%.*s", (int)strcspn(list, "|"), list);
    return list && *text;
}

static cl_int answer(const void *bytes, size_t count, size_t size, void *value, size_t *told)
{
    if (told)
        *told = count;
    if (value && size < count)
        return CL_INVALID_VALUE;
    if (value)
        memcpy(value, bytes, count);
    return CL_SUCCESS;
}

cl_int clGetPlatformIDs(cl_uint most, cl_platform_id *platforms, cl_uint *count)
{
    static int called;
    cl_int (*real)(cl_uint, cl_platform_id *, cl_uint *);
    if (!called++) {
        if (getenv("DRIVER_LOCALE"))
            setlocale(LC_ALL, getenv("DRIVER_LOCALE"));
        print();
    }
    find(&real, "clGetPlatformIDs");
    return real(most, platforms, count);
}

cl_int clBuildProgram(cl_program program, cl_uint count, const cl_device_id *devices,
    const char *options, void(CL_CALLBACK *notify)(cl_program, void *), void *user)
{
    const char *end = getenv("DRIVER_END");
    cl_int (*real)(cl_program, cl_uint, const cl_device_id *, const char *,
        void(CL_CALLBACK *)(cl_program, void *), void *);
    print();
    if (end && strcmp(end, "exit") == 0)
        exit(1);
    if (end && strcmp(end, "abort") == 0)
        abort();
    find(&real, "clBuildProgram");
    return real(program, count, devices, options, notify, user);
}

CLBlastStatusCode CLBlastSgemmWithTempBuffer(const CLBlastLayout layout,
    const CLBlastTranspose a_transpose, const CLBlastTranspose b_transpose, const size_t m,
    const size_t n, const size_t k, const float alpha, const cl_mem a, const size_t a_offset,
    const size_t a_ld, const cl_mem b, const size_t b_offset, const size_t b_ld, const float beta,
    cl_mem c, const size_t c_offset, const size_t c_ld, cl_command_queue *queue, cl_event *event,
    cl_mem workspace)
{
    const char *fault = getenv("DRIVER_CLBLAST");
    CLBlastStatusCode (*real)(CLBlastLayout, CLBlastTranspose, CLBlastTranspose, size_t, size_t,
        size_t, float, cl_mem, size_t, size_t, cl_mem, size_t, size_t, float, cl_mem, size_t,
        size_t, cl_command_queue *, cl_event *, cl_mem);
    if (fault && strcmp(fault, "fails") == 0)
        return CLBlastInvalidLocalMemUsage;
    find(&real, "CLBlastSgemmWithTempBuffer");
    return real(layout, a_transpose, b_transpose, m, n, k, fault ? 1.01f * alpha : alpha, a,
        a_offset, a_ld, b, b_offset, b_ld, beta, c, c_offset, c_ld, queue, event, workspace);
}

cl_int clGetDeviceInfo(
    cl_device_id device, cl_device_info what, size_t size, void *value, size_t *told)
{
    char text[256] = "";
    cl_int (*real)(cl_device_id, cl_device_info, size_t, void *, size_t *);
    if (what == CL_DEVICE_TYPE && item(text, "DRIVER_TYPE", device)) {
        const cl_device_type type =
            strcmp(text, "gpu") == 0 ? CL_DEVICE_TYPE_GPU : CL_DEVICE_TYPE_CPU;
        return answer(&type, sizeof type, size, value, told);
    }
    if (what == CL_DEVICE_MAX_COMPUTE_UNITS && item(text, "DRIVER_UNITS", device)) {
        const cl_uint units = (cl_uint)strtoul(text, NULL, 10);
        return answer(&units, sizeof units, size, value, told);
    }
    if (what == CL_DEVICE_HOST_UNIFIED_MEMORY && item(text, "DRIVER_UNIFIED", device)) {
        const cl_bool unified = *text == '1';
        return answer(&unified, sizeof unified, size, value, told);
    }
    if ((what == CL_DEVICE_NAME && item(text, "DRIVER_NAME", device)) ||
        (what == CL_DEVICE_VERSION && item(text, "DRIVER_VERSION", device)))
        return answer(text, strlen(text) + 1, size, value, told);
    if (what == DEVICE_UUID)
        return CL_INVALID_VALUE;
    find(&real, "clGetDeviceInfo");
    return real(device, what, size, value, told);
}
