/* SPDX-License-Identifier: Apache-2.0 */
#include "device/devices.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/names.h"
#include "device/drivers.h"

#define PLATFORMS_MAX 64
#define DEVICES_MAX 64 /* a platform */
#define TEXT_SIZE 1024

/* A driver's string, without the blanks that some drivers put around it. */
static void copy_text(char *out, size_t size, const char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t length = mcl_clean_text(out, size, text, "");
    while (length && isspace((unsigned char)out[length - 1]))
        out[--length] = '\0';
}

static void device_text(char *out, size_t size, cl_device_id device, cl_device_info what)
{
    char text[TEXT_SIZE] = "";
    if (clGetDeviceInfo(device, what, sizeof text - 1, text, NULL) != CL_SUCCESS)
        text[0] = '\0';
    copy_text(out, size, text);
}

static void platform_text(char *out, size_t size, cl_platform_id platform, cl_platform_info what)
{
    char text[TEXT_SIZE] = "";
    if (clGetPlatformInfo(platform, what, sizeof text - 1, text, NULL) != CL_SUCCESS)
        text[0] = '\0';
    copy_text(out, size, text);
}

/* A number that stays 0 when the driver does not tell it. */
#define DEVICE_NUMBER(device, what, variable)                                                      \
    do {                                                                                           \
        memset(&(variable), 0, sizeof(variable));                                                  \
        (void)clGetDeviceInfo(device, what, sizeof(variable), &(variable), NULL);                  \
    } while (0)

/* Of extensions, which the headers need not have. */
#define DEVICE_UUID 0x106A         /* cl_khr_device_uuid: 16 bytes */
#define DEVICE_PCI_BUS_INFO 0x410F /* cl_khr_pci_bus_info: domain, bus, device, function */
#define DEVICE_TOPOLOGY_AMD                                                                        \
    0x4037 /* cl_amd_device_attribute_query: 24 bytes, PCI in the last 3                           \
            */
#define TOPOLOGY_TYPE_PCIE 1
#define DEVICE_CAPABILITY_MAJOR_NV 0x4000 /* cl_nv_device_attribute_query */
#define DEVICE_CAPABILITY_MINOR_NV 0x4001
#define DEVICE_PCI_BUS_NV 0x4008
#define DEVICE_PCI_SLOT_NV 0x4009

/* Exactly size bytes of a device's; false where it has no such property. */
static bool device_bytes(void *bytes, size_t size, cl_device_id device, cl_device_info what)
{
    size_t told = 0;
    return clGetDeviceInfo(device, what, size, bytes, &told) == CL_SUCCESS && told == size;
}

static void identify(mcl_device_info *info, cl_device_id device)
{
    cl_uint bus, slot;
    struct {
        cl_uint type;
        cl_uchar unused[17], bus, device, function;
    } topology;
    info->has_uuid = device_bytes(info->uuid, sizeof info->uuid, device, DEVICE_UUID);
    info->has_pci = device_bytes(info->pci, sizeof info->pci, device, DEVICE_PCI_BUS_INFO);
    if (info->has_pci)
        return;
    if (device_bytes(&topology, sizeof topology, device, DEVICE_TOPOLOGY_AMD) &&
        topology.type == TOPOLOGY_TYPE_PCIE) {
        info->has_pci = true;
        info->pci[1] = topology.bus;
        info->pci[2] = topology.device;
        info->pci[3] = topology.function;
    } else if (device_bytes(&bus, sizeof bus, device, DEVICE_PCI_BUS_NV) &&
               device_bytes(&slot, sizeof slot, device, DEVICE_PCI_SLOT_NV)) {
        info->has_pci = true; /* a slot is the device and the function in its last 3 bits */
        info->pci[1] = bus;
        info->pci[2] = slot >> 3;
        info->pci[3] = slot & 7;
    }
}

/* NVIDIA's by compute capability (CUDA C++ Programming Guide, arithmetic instructions). */
static uint32_t nvidia_lanes(cl_device_id device)
{
    cl_uint major = 0, minor = 0;
    if (!device_bytes(&major, sizeof major, device, DEVICE_CAPABILITY_MAJOR_NV) ||
        !device_bytes(&minor, sizeof minor, device, DEVICE_CAPABILITY_MINOR_NV))
        return 128;
    if (major == 3)
        return 192;
    return major == 7 || (major % 2 == 0 && minor == 0 && major <= 8) ? 64 : 128;
}

/* Floats that a compute unit of a GPU adds at a time: makers count units of very different sizes.
 * By a word of the device's name, by a word of its vendor's or by the vendor's number, in this
 * order. */
static const struct {
    const char *names[6]; /* the last ones NULL */
    const char *vendor;
    uint32_t vendor_id, lanes;
} gpu_lanes[] = {
    {{"NVIDIA", "GeForce", "Quadro", "Tesla"}, "NVIDIA", 0x10DE, 128},
    {{"AMD", "Radeon", "gfx"}, "Advanced Micro Devices", 0x1002, 64},
    {{"Intel", "HD Graphics", "Iris", "Arc"}, "Intel", 0x8086, 8},
    {{"Apple"}, "Apple", 0x106B, 128},
    {{"Mali"}, "ARM", 0x13B5, 32},
    {{"Adreno"}, "QUALCOMM", 0x5143, 128},
    {{"PowerVR"}, "Imagination", 0x1010, 64},
};

enum { NVIDIA, AMD, MAKERS = sizeof gpu_lanes / sizeof *gpu_lanes };

#define GPU_LANES 32 /* of other makers */

static size_t maker_of(const mcl_device_info *info)
{
    for (size_t i = 0; i < MAKERS; i++) {
        for (const char *const *name = gpu_lanes[i].names; *name; name++) {
            if (mcl_contains(info->name, *name))
                return i;
        }
    }
    for (size_t i = 0; i < MAKERS; i++) {
        if (mcl_contains(info->vendor, gpu_lanes[i].vendor))
            return i;
    }
    size_t i = 0;
    while (i < MAKERS && gpu_lanes[i].vendor_id != info->vendor_id)
        i++;
    return i;
}

static uint32_t count_lanes(const mcl_device_info *info, cl_device_id device)
{
    cl_uint width;
    if (info->type != MCL_DEVICE_GPU) {
        DEVICE_NUMBER(device, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, width);
        return width ? width : 1;
    }
    const size_t maker = maker_of(info);
    if (maker == NVIDIA)
        return nvidia_lanes(device);
    /* AMD's own driver counts pairs of RDNA's units: gfx1030, where GCN is gfx906. */
    if (maker == AMD && strncmp(info->name, "gfx1", 4) == 0 &&
        strspn(info->name + 3, "0123456789") == 4)
        return 2 * gpu_lanes[maker].lanes;
    return maker < MAKERS ? gpu_lanes[maker].lanes : GPU_LANES;
}

/* Whether "OpenCL 1.1 Mesa" is below 1.2. */
static bool is_too_old(const char *text)
{
    const unsigned version = mcl_opencl_version(text);
    return version && version < 102;
}

static void describe(mcl_device_info *info, cl_device_id device)
{
    cl_device_type type;
    cl_uint units;
    cl_ulong global, largest, local;
    cl_device_fp_config single;
    cl_bool unified, available, compiler;
    cl_uint clock, vendor_id;
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
    DEVICE_NUMBER(device, CL_DEVICE_MAX_CLOCK_FREQUENCY, clock);
    DEVICE_NUMBER(device, CL_DEVICE_VENDOR_ID, vendor_id);
    info->clock = clock;
    info->vendor_id = vendor_id;
    info->lanes = count_lanes(info, device);
    identify(info, device);
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

static mcl_status list_platforms(cl_platform_id *platforms, cl_uint *count)
{
    cl_int code = clGetPlatformIDs(PLATFORMS_MAX, platforms, count);
    if (code == MCL_PLATFORM_NOT_FOUND || (code == CL_SUCCESS && *count == 0))
        return mcl_drivers_no_platform();
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

/* Appends what a list of devices says of a platform that has none. */
static void add_idle_platform(struct mcl_line *line, const char *separator, cl_platform_id platform)
{
    char name[sizeof((mcl_device_info *)NULL)->platform];
    platform_text(name, sizeof name, platform, CL_PLATFORM_NAME);
    mcl_line_add(line, "%sthe platform %s has no device: ", separator, name);
    mcl_drivers_explain(line, name);
}

/* Appends a line for each platform without a device. */
static size_t add_idle_platforms(struct mcl_line *line)
{
    cl_platform_id platforms[PLATFORMS_MAX];
    cl_device_id devices[DEVICES_MAX];
    cl_uint count = 0;
    size_t idle = 0;
    if (clGetPlatformIDs(PLATFORMS_MAX, platforms, &count) != CL_SUCCESS)
        return 0;
    for (cl_uint p = 0; p < count && p < PLATFORMS_MAX; p++) {
        if (list_platform(devices, platforms[p]) != 0)
            continue;
        add_idle_platform(line, line->used ? "\n" : "", platforms[p]);
        idle++;
    }
    return idle;
}

size_t mcl_driver_problems(char *lines, size_t size)
{
    struct mcl_line line = {lines, size, 0};
    cl_uint count;
    if (size)
        lines[0] = '\0';
    /* The loader holds every driver from now on: one that would be loaded, unloaded and loaded
     * again aborts where LLVM, which it shares with others, stays. */
    (void)clGetPlatformIDs(0, NULL, &count);
    return mcl_drivers_broken(&line) + add_idle_platforms(&line);
}

static mcl_status no_device(const cl_platform_id *platforms, cl_uint count)
{
    char text[4096] = "";
    struct mcl_line line = {text, sizeof text, 0};
    for (cl_uint p = 0; p < count; p++)
        add_idle_platform(&line, p ? "; " : "", platforms[p]);
    return mcl_fail(MCL_ERROR_NO_DEVICE, "there is no OpenCL device: %s", text);
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
    for (cl_uint p = 0; p < platform_count; p++) {
        cl_device_id ids[DEVICES_MAX];
        const cl_uint here = list_platform(ids, platforms[p]);
        if (here == 0)
            continue;
        mcl_device_info *longer = realloc(list, (used + here) * sizeof *list);
        if (!longer) {
            free(list);
            return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory for a list of devices");
        }
        list = longer;
        char version[sizeof list->opencl_version];
        platform_text(version, sizeof version, platforms[p], CL_PLATFORM_VERSION);
        for (cl_uint d = 0; d < here; d++) {
            mcl_device_info *info = &list[used++];
            memset(info, 0, sizeof *info);
            info->platform_index = p;
            info->device_index = d;
            platform_text(info->platform, sizeof info->platform, platforms[p], CL_PLATFORM_NAME);
            describe(info, ids[d]);
            info->too_old = is_too_old(version) || is_too_old(info->opencl_version);
        }
    }
    if (used == 0)
        return no_device(platforms, platform_count);
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
