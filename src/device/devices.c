/* SPDX-License-Identifier: Apache-2.0 */
#include "device/devices.h"

#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

#define PLATFORMS_MAX 64
#define DEVICES_MAX 64 /* a platform */

/* A driver's string, without the blanks that some drivers put around it. */
static void copy_text(char *out, size_t size, const char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    snprintf(out, size, "%s", text);
    size_t length = strlen(out);
    while (length && isspace((unsigned char)out[length - 1]))
        out[--length] = '\0';
}

static void device_text(char *out, size_t size, cl_device_id device, cl_device_info what)
{
    char text[1024] = "";
    if (clGetDeviceInfo(device, what, sizeof text - 1, text, NULL) != CL_SUCCESS)
        text[0] = '\0';
    copy_text(out, size, text);
}

/* A number that stays 0 when the driver does not tell it. */
#define DEVICE_NUMBER(device, what, variable)                                                      \
    do {                                                                                           \
        memset(&(variable), 0, sizeof(variable));                                                  \
        (void)clGetDeviceInfo(device, what, sizeof(variable), &(variable), NULL);                  \
    } while (0)

static void describe(mcl_device_info *info, cl_device_id device)
{
    cl_device_type type;
    cl_uint units;
    cl_ulong global, largest, local;
    cl_device_fp_config single;
    cl_bool unified, available, compiler;
    device_text(info->name, sizeof info->name, device, CL_DEVICE_NAME);
    device_text(info->vendor, sizeof info->vendor, device, CL_DEVICE_VENDOR);
    device_text(info->driver_version, sizeof info->driver_version, device, CL_DRIVER_VERSION);
    device_text(info->opencl_version, sizeof info->opencl_version, device, CL_DEVICE_VERSION);
    DEVICE_NUMBER(device, CL_DEVICE_TYPE, type);
    DEVICE_NUMBER(device, CL_DEVICE_MAX_COMPUTE_UNITS, units);
    DEVICE_NUMBER(device, CL_DEVICE_GLOBAL_MEM_SIZE, global);
    DEVICE_NUMBER(device, CL_DEVICE_MAX_MEM_ALLOC_SIZE, largest);
    DEVICE_NUMBER(device, CL_DEVICE_LOCAL_MEM_SIZE, local);
    DEVICE_NUMBER(device, CL_DEVICE_SINGLE_FP_CONFIG, single);
    DEVICE_NUMBER(device, CL_DEVICE_HOST_UNIFIED_MEMORY, unified);
    DEVICE_NUMBER(device, CL_DEVICE_AVAILABLE, available);
    DEVICE_NUMBER(device, CL_DEVICE_COMPILER_AVAILABLE, compiler);
    info->type = type & CL_DEVICE_TYPE_GPU           ? MCL_DEVICE_GPU
                 : type & CL_DEVICE_TYPE_CPU         ? MCL_DEVICE_CPU
                 : type & CL_DEVICE_TYPE_ACCELERATOR ? MCL_DEVICE_ACCELERATOR
                                                     : MCL_DEVICE_OTHER;
    info->compute_units = units;
    info->global_memory = global;
    info->largest_buffer = largest;
    info->local_memory = local;
    info->fma = (single & CL_FP_FMA) != 0;
    info->subnormals = (single & CL_FP_DENORM) != 0;
    info->host_memory = unified;
    info->usable = available && compiler;
}

const char *mcl_device_type_name(mcl_device_type type)
{
    switch (type) {
    case MCL_DEVICE_CPU:
        return "CPU";
    case MCL_DEVICE_GPU:
        return "GPU";
    case MCL_DEVICE_ACCELERATOR:
        return "accelerator";
    default:
        return "other";
    }
}

/* Calls visit for every installed driver file with its path and the library that it names. */
static void each_driver(
    void (*visit)(const char *path, const char *library, void *state), void *state)
{
    const char *folder = getenv("OCL_ICD_VENDORS");
    if (!folder || !*folder)
        folder = "/etc/OpenCL/vendors";
    DIR *listing = opendir(folder);
    if (!listing)
        return;
    struct dirent *entry;
    while ((entry = readdir(listing))) {
        size_t length = strlen(entry->d_name);
        if (length < 5 || strcmp(entry->d_name + length - 4, ".icd") != 0)
            continue;
        char path[1024], library[1024] = "";
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        FILE *file = fopen(path, "r");
        if (!file)
            continue;
        if (!fgets(library, sizeof library, file))
            library[0] = '\0';
        fclose(file);
        library[strcspn(library, "\r\n")] = '\0';
        visit(path, library, state);
    }
    closedir(listing);
}

struct problems {
    char *lines;
    size_t size, used, count, drivers;
};

static void note_problem(const char *path, const char *library, void *state)
{
    struct problems *problems = state;
    problems->drivers++;
    dlerror();
    void *handle = *library ? dlopen(library, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (handle) {
        dlclose(handle);
        return;
    }
    const char *reason = *library ? dlerror() : "the file names no library";
    int written = snprintf(problems->lines + problems->used, problems->size - problems->used,
        "%s%s: the driver cannot be loaded: %s", problems->count ? "\n" : "", path,
        reason ? reason : "unknown reason");
    const size_t room = problems->size - problems->used; /* the line may have been cut */
    if (written > 0 && room)
        problems->used += (size_t)written < room ? (size_t)written : room - 1;
    problems->count++;
}

size_t mcl_driver_problems(char *lines, size_t size)
{
    struct problems problems = {lines, size, 0, 0, 0};
    if (size)
        lines[0] = '\0';
    each_driver(note_problem, &problems);
    return problems.count;
}

static mcl_status no_platform(void)
{
    char lines[1024];
    struct problems problems = {lines, sizeof lines, 0, 0, 0};
    lines[0] = '\0';
    each_driver(note_problem, &problems);
    lines[strcspn(lines, "\n")] = '\0';
    if (problems.count)
        return mcl_fail(MCL_ERROR_NO_DEVICE, "no OpenCL driver works: %s; reinstall it", lines);
    return mcl_fail(MCL_ERROR_NO_DEVICE,
        "no OpenCL driver is installed: install your GPU's (intel-opencl-icd, mesa-opencl-icd, "
        "nvidia-opencl-icd, rocm-opencl-icd), or pocl-opencl-icd to use the CPU");
}

static mcl_status list_platforms(cl_platform_id *platforms, cl_uint *count)
{
    cl_int code = clGetPlatformIDs(PLATFORMS_MAX, platforms, count);
    if (code == MCL_PLATFORM_NOT_FOUND || (code == CL_SUCCESS && *count == 0))
        return no_platform();
    if (code != CL_SUCCESS)
        return mcl_opencl_fail(NULL, "listing the OpenCL platforms", code);
    if (*count > PLATFORMS_MAX)
        *count = PLATFORMS_MAX;
    return MCL_OK;
}

static cl_uint list_platform(cl_device_id *devices, cl_platform_id platform)
{
    cl_uint count = 0;
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, DEVICES_MAX, devices, &count) != CL_SUCCESS)
        return 0;
    return count < DEVICES_MAX ? count : DEVICES_MAX;
}

mcl_status mcl_devices_list(mcl_device_info **devices, size_t *count)
{
    MCL_NEED(devices);
    MCL_NEED(count);
    cl_platform_id platforms[PLATFORMS_MAX];
    cl_uint platform_count;
    MCL_TRY(list_platforms(platforms, &platform_count));
    mcl_device_info *list = NULL;
    size_t used = 0;
    char names[512] = "";
    for (cl_uint p = 0; p < platform_count; p++) {
        cl_device_id ids[DEVICES_MAX];
        cl_uint here = list_platform(ids, platforms[p]);
        char text[1024] = "", platform[sizeof list->platform];
        (void)clGetPlatformInfo(platforms[p], CL_PLATFORM_NAME, sizeof text - 1, text, NULL);
        copy_text(platform, sizeof platform, text);
        size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, "%s%s", length ? ", " : "", platform);
        if (here == 0)
            continue;
        mcl_device_info *longer = realloc(list, (used + here) * sizeof *list);
        if (!longer) {
            free(list);
            return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory for a list of devices");
        }
        list = longer;
        for (cl_uint d = 0; d < here; d++) {
            mcl_device_info *info = &list[used++];
            memset(info, 0, sizeof *info);
            info->platform_index = p;
            info->device_index = d;
            memcpy(info->platform, platform, sizeof platform);
            describe(info, ids[d]);
        }
    }
    if (used == 0)
        return mcl_fail(MCL_ERROR_NO_DEVICE,
            "the OpenCL platforms (%s) have no device: install pocl-opencl-icd to use the CPU, or "
            "your GPU's driver",
            names);
    *devices = list;
    *count = used;
    return MCL_OK;
}

void mcl_devices_free(mcl_device_info *devices)
{
    free(devices);
}

mcl_status mcl_device_find(
    cl_platform_id *platform, cl_device_id *device, const mcl_device_info *info)
{
    cl_platform_id platforms[PLATFORMS_MAX];
    cl_uint count;
    MCL_TRY(list_platforms(platforms, &count));
    cl_device_id ids[DEVICES_MAX];
    if (info->platform_index >= count ||
        info->device_index >= list_platform(ids, platforms[info->platform_index]))
        return mcl_fail(MCL_ERROR_NO_DEVICE, "%s: the device is gone", info->name);
    *platform = platforms[info->platform_index];
    *device = ids[info->device_index];
    return MCL_OK;
}
