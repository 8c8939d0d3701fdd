/* SPDX-License-Identifier: Apache-2.0 */
/* OpenCL platforms and devices, and the context that everything runs in. */
#ifndef MASKCL_DEVICE_H
#define MASKCL_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mcl_device_type {
    MCL_DEVICE_CPU,
    MCL_DEVICE_GPU,
    MCL_DEVICE_ACCELERATOR,
    MCL_DEVICE_OTHER,
} mcl_device_type;

/* A device as its driver describes it. Strings are UTF-8, cut to fit and always terminated. */
typedef struct mcl_device_info {
    uint32_t platform_index; /* from 0, in the order of the ICD loader */
    uint32_t device_index;   /* within the platform, from 0 */
    char platform[128];
    char name[128];
    char vendor[128];
    char driver_version[128];
    char opencl_version[128];
    mcl_device_type type;
    uint32_t compute_units;
    uint64_t global_memory;  /* bytes */
    uint64_t largest_buffer; /* bytes */
    uint64_t local_memory;   /* bytes a work-group */
    bool fma;                /* the driver declares a fused multiply-add for float */
    bool subnormals;         /* the driver declares subnormal floats */
    bool host_memory;        /* host and device share memory */
    bool usable;             /* has a compiler and is available */
    bool too_old;            /* below OpenCL 1.2, which the kernels are written in */
    uint32_t clock;          /* MHz, 0 where the driver does not say */
    uint32_t lanes;          /* float operations of a compute unit at a time, as far as is known */
    uint32_t vendor_id;      /* the PCI vendor, mostly */
    bool has_uuid, has_pci;  /* what tells the card that it is, by whatever driver */
    uint8_t uuid[16];
    uint32_t pci[4]; /* domain, bus, device, function */
} mcl_device_info;

/* Lists the devices of every platform in the loader's order. *devices is an array of *count
 * entries, freed by the caller with mcl_devices_free(). Without a platform or a device:
 * MCL_ERROR_NO_DEVICE, and the message says why, as far as that can be found out, and what helps.
 */
MCL_API mcl_status mcl_devices_list(mcl_device_info **devices, size_t *count);
/* NULL is allowed. */
MCL_API void mcl_devices_free(mcl_device_info *devices);

/* Writes a line (joined by newlines, cut to size) for every installed driver, that is every .icd
 * file, whose library cannot be loaded, which the loader skips silently, and for every platform
 * that has no device, with the likely cause and what helps. Returns how many. */
MCL_API size_t mcl_driver_problems(char *lines, size_t size);

/* Of devices[index], whose card may be listed by several platforms, the place where its better
 * driver has it: one that can be used, of OpenCL 1.2 or newer, then the vendor's own before
 * rusticl, PoCL and Clover, then the newer OpenCL, then the first. A card is known by UUID or PCI
 * address (cl_khr_device_uuid, cl_khr_pci_bus_info), else by name, vendor and place among those of
 * that name. An index beyond the count is returned as it is. */
MCL_API size_t mcl_device_preferred(const mcl_device_info *devices, size_t count, size_t index);

/* Finds the device that a context would use: *index counts into devices. platform is an index ("1")
 * or a part of a name in any case ("nvidia"). device is an index, a part of a name ("rtx 4090"),
 * or "gpu", "cpu" or "accelerator", the best of which is taken, each with a platform before it
 * ("1:0", "nvidia:rtx", "intel:gpu") or none. Digits alone are always an index. NULL or "" takes
 * MASKCL_PLATFORM or MASKCL_DEVICE from the environment, and without those the best device:
 * OpenCL 1.2 or newer, then GPU before accelerator before CPU, then memory of its own before the
 * host's, then fma, then the most compute units × clock × lanes, then the first; of a card that
 * several platforms list, the better driver alone (mcl_device_preferred). *reason is a static or
 * thread-local phrase that explains the choice ("best of 3: …"). What names no device, or more than
 * one, is MCL_ERROR_NO_DEVICE and the message lists the devices. */
MCL_API mcl_status mcl_device_select(size_t *index, const char **reason,
    const mcl_device_info *devices, size_t count, const char *platform, const char *device);

/* "CPU", "GPU", "accelerator" or, for any other number, "other". */
MCL_API const char *mcl_device_type_name(mcl_device_type type);

/* Who computes the matrix products. */
typedef enum mcl_gemm_kind {
    MCL_GEMM_AUTO,       /* native on CPU devices, CLBlast on all others */
    MCL_GEMM_CLBLAST,    /* CLBlast */
    MCL_GEMM_NATIVE,     /* the library's own kernels: the same bits on every device */
    MCL_GEMM_NATIVE_CPU, /* the kernel for CPUs (cl/gemm.cl), whatever the device is */
    MCL_GEMM_NATIVE_GPU, /* the kernel for GPUs (cl/gemm_gpu.cl), whatever the device is */
} mcl_gemm_kind;

/* Is told of something that went wrong and was put right, in one line without a newline, which
 * names options by their keys in backquotes; on the thread that uses the context. */
typedef void mcl_warning(const char *line, void *user);

/* A GPU may serve a display, whose driver ends whatever keeps it waiting for long: no launch takes
 * more than about 100 ms, large ones being divided, unless exclusive says that it serves none. No
 * bit of a native product's results depends on it. */
typedef struct mcl_context_options {
    const char *platform; /* as in mcl_device_select() */
    const char *device;
    mcl_gemm_kind gemm;
    uint32_t compute_units; /* how many of the device's to use; 0: all */
    bool exclusive;         /* of a GPU: see below */
    mcl_warning *warn;      /* NULL: nobody is told */
    void *warn_user;
} mcl_context_options;

/* One device with its queue and compiled kernels. One thread at a time may use it; different
 * contexts, also of one device, may be used by different threads at once. */
typedef struct mcl_context mcl_context;

/* Opens a context; options may be NULL for the defaults. The caller closes *context. Kernels are
 * compiled when first used, from the library's own copy or from the folder that MASKCL_KERNELS
 * names. More compute units than the device has, or fewer on one that cannot be divided, and a
 * gemm that is no mcl_gemm_kind are MCL_ERROR_ARGUMENT. */
MCL_API mcl_status mcl_context_open(mcl_context **context, const mcl_context_options *options);
/* NULL is allowed. */
MCL_API void mcl_context_close(mcl_context *context);

/* Limits the bytes of device memory of the context's buffers, including those in memory that host
 * and device share. 0 sets the default, 7/8 of the device's memory. Data that does not fit is sent
 * in parts while the device computes; the results are the same. What the driver itself needs is not
 * counted. */
MCL_API void mcl_context_limit_memory(mcl_context *context, uint64_t bytes);

/* The device of a context, and who computes its products (never MCL_GEMM_AUTO, but for NULL). The
 * context's own.
 */
MCL_API const mcl_device_info *mcl_context_device(const mcl_context *context);
MCL_API mcl_gemm_kind mcl_context_gemm(const mcl_context *context);

/* Makes sure that what runs on the context gives the same bits as on every other device:
 * MCL_ERROR_ARGUMENT when CLBlast computes the products, MCL_ERROR_NO_DEVICE when the device's fma
 * is not correctly rounded; the message has an example. A driver that declares fma
 * (mcl_device_info.fma) is believed. Some drivers with a correct fma do not declare it: theirs is
 * tried on hard cases. */
MCL_API mcl_status mcl_context_require_reproducible(mcl_context *context);

/* Parses "auto", "clblast", "native", "native-cpu" or "native-gpu". */
MCL_API mcl_status mcl_gemm_kind_parse(mcl_gemm_kind *kind, const char *text);
/* "?" for a number that is none. */
MCL_API const char *mcl_gemm_kind_name(mcl_gemm_kind kind);

#ifdef __cplusplus
}
#endif

#endif
