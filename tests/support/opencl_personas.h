/* SPDX-License-Identifier: Apache-2.0 */
/* The devices that opencl_personas.c makes of PoCL's: what their drivers say, and what they impose.
 */
#ifndef MASKCL_TESTS_OPENCL_PERSONAS_H
#define MASKCL_TESTS_OPENCL_PERSONAS_H

/* The layer knows calls that the library has no use for. */
#undef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS 1
#include <CL/cl.h>
#include <stdbool.h>
#include <stddef.h>

#define GIB ((cl_ulong)1 << 30)

/* What single precision can do: all that the specification has a flag for but by software … */
#define FP_ALL                                                                                     \
    (CL_FP_DENORM | CL_FP_INF_NAN | CL_FP_ROUND_TO_NEAREST | CL_FP_ROUND_TO_ZERO |                 \
        CL_FP_ROUND_TO_INF | CL_FP_FMA | CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT)

#define BOARD_NAME_AMD 0x4038 /* of cl_amd_device_attribute_query: CLBlast asks for it */

/* What becomes of a program that is made from a binary of before. */
enum binaries { ACCEPTED, NOT_CREATED, NOT_BUILT };

static const struct persona {
    const char *name, *platform, *vendor, *device, *board, *version, *driver, *extensions;
    cl_uint units, clock;
    size_t group;         /* work-items of a work-group: the device's most … */
    size_t kernel, large; /* … a kernel's, and that of one with many arguments or local memory */
    cl_ulong local;
    cl_device_local_mem_type local_type;
    cl_ulong memory, largest; /* of a buffer */
    bool unified, lazy;       /* lazy: memory is taken when a command first uses a buffer */
    cl_device_fp_config single;
    bool fp64;
    cl_uint float_width;
    size_t warp;               /* a work-group's size had better be a multiple of */
    size_t choice_x, choice_y; /* the most of a work-group whose size is left to the driver */
    bool any_divisor;          /* not only powers of two */
    enum binaries binaries;
    cl_int no_part; /* what making sub-devices returns */
} personas[] = {
    {.name = "nvidia-h200",
        .platform = "NVIDIA CUDA",
        .vendor = "NVIDIA Corporation",
        .device = "NVIDIA H200",
        .version = "OpenCL 3.0 CUDA",
        .driver = "550.90.07",
        .extensions = "cl_khr_global_int32_base_atomics cl_khr_fp64 cl_khr_byte_addressable_store "
                      "cl_khr_icd cl_nv_compiler_options",
        .units = 132,
        .clock = 1980,
        .group = 1024,
        .kernel = 1024,
        .large = 1024,
        .local = 48 << 10,
        .local_type = CL_LOCAL,
        .memory = 139 * GIB,
        .largest = 35 * GIB,
        .lazy = true,
        .single = FP_ALL,
        .fp64 = true,
        .float_width = 1,
        .warp = 32,
        .choice_x = 256,
        .choice_y = 1,
        .any_divisor = true,
        .no_part = CL_INVALID_VALUE},
    {.name = "rtx-3060",
        .platform = "NVIDIA CUDA",
        .vendor = "NVIDIA Corporation",
        .device = "NVIDIA GeForce RTX 3060",
        .version = "OpenCL 3.0 CUDA",
        .driver = "535.183.01",
        .extensions = "cl_khr_global_int32_base_atomics cl_khr_fp64 cl_khr_byte_addressable_store "
                      "cl_khr_icd cl_nv_compiler_options",
        .units = 28,
        .clock = 1777,
        .group = 1024,
        .kernel = 1024,
        .large = 512, /* registers */
        .local = 48 << 10,
        .local_type = CL_LOCAL,
        .memory = 12 * GIB,
        .largest = 3 * GIB,
        .lazy = true,
        .single = FP_ALL,
        .fp64 = true,
        .float_width = 1,
        .warp = 32,
        .choice_x = 256,
        .choice_y = 1,
        .any_divisor = true,
        .binaries = NOT_CREATED, /* a driver that was updated */
        .no_part = CL_INVALID_VALUE},
    {.name = "rx-6700-xt",
        .platform = "AMD Accelerated Parallel Processing",
        .vendor = "Advanced Micro Devices, Inc.",
        .device = "gfx1031",
        .board = "AMD Radeon RX 6700 XT",
        .version = "OpenCL 2.0 ",
        .driver = "3602.0 (HSA1.1,LC)",
        .extensions = "cl_khr_fp64 cl_khr_fp16 cl_khr_subgroups cl_amd_media_ops "
                      "cl_amd_device_attribute_query",
        .units = 20,
        .clock = 2581,
        .group = 256,
        .kernel = 256,
        .large = 256,
        .local = 64 << 10,
        .local_type = CL_LOCAL,
        .memory = 12 * GIB,
        .largest = 10 * GIB,
        .single = FP_ALL | CL_FP_SOFT_FLOAT,
        .fp64 = true,
        .float_width = 1,
        .warp = 32,
        .choice_x = 64,
        .choice_y = 4,
        .binaries = NOT_BUILT,
        .no_part = CL_INVALID_VALUE},
    {.name = "rx-580",
        .platform = "rusticl",
        .vendor = "AMD",
        .device = "AMD Radeon RX 580 Series (radeonsi, polaris10, LLVM 15.0.6, DRM 3.49)",
        .version = "OpenCL 3.0 ",
        .driver = "23.1.0",
        .extensions = "cl_khr_byte_addressable_store cl_khr_il_program cl_khr_fp64",
        .units = 36,
        .clock = 1380,
        .group = 1024,
        .kernel = 1024,
        .large = 256,
        .local = 64 << 10,
        .local_type = CL_LOCAL,
        .memory = 8 * GIB,
        .largest = 2 * GIB,
        .single = FP_ALL & ~(cl_device_fp_config)(CL_FP_FMA | CL_FP_DENORM),
        .fp64 = true,
        .float_width = 1,
        .warp = 64,
        .choice_x = 64,
        .choice_y = 1,
        .no_part = CL_INVALID_VALUE},
    {.name = "uhd-620",
        .platform = "Intel(R) OpenCL Graphics",
        .vendor = "Intel(R) Corporation",
        .device = "Intel(R) UHD Graphics 620",
        .version = "OpenCL 3.0 NEO ",
        .driver = "23.17.26241.33",
        .extensions = "cl_khr_fp64 cl_khr_fp16 cl_intel_subgroups cl_khr_subgroups",
        .units = 24,
        .clock = 1100,
        .group = 256,
        .kernel = 256,
        .large = 128, /* registers */
        .local = 64 << 10,
        .local_type = CL_LOCAL,
        .memory = 6 * GIB,
        .largest = 4 * GIB,
        .unified = true,
        .single = FP_ALL | CL_FP_SOFT_FLOAT,
        .fp64 = true,
        .float_width = 1,
        .warp = 32,
        .choice_x = 64,
        .choice_y = 4,
        .no_part = CL_INVALID_VALUE},
    {.name = "iris-xe",
        .platform = "Intel(R) OpenCL Graphics",
        .vendor = "Intel(R) Corporation",
        .device = "Intel(R) Iris(R) Xe Graphics",
        .version = "OpenCL 3.0 NEO ",
        .driver = "23.17.26241.33",
        .extensions = "cl_khr_fp16 cl_intel_subgroups cl_khr_subgroups",
        .units = 96,
        .clock = 1300,
        .group = 512,
        .kernel = 512,
        .large = 256,
        .local = 64 << 10,
        .local_type = CL_LOCAL,
        .memory = 12 * GIB,
        .largest = 4 * GIB,
        .unified = true,
        .single = FP_ALL | CL_FP_SOFT_FLOAT,
        .float_width = 1,
        .warp = 32,
        .choice_x = 64,
        .choice_y = 4,
        .no_part = CL_INVALID_VALUE},
    {.name = "mali-g52",
        .platform = "ARM Platform",
        .vendor = "ARM",
        .device = "Mali-G52",
        .version = "OpenCL 2.0 v1.r26p0-01rel0",
        .driver = "2.1",
        .extensions = "cl_khr_global_int32_base_atomics cl_khr_fp16 cl_arm_core_id",
        .units = 2,
        .clock = 850,
        .group = 384,
        .kernel = 128,
        .large = 64,
        .local = 32 << 10,
        .local_type = CL_GLOBAL,
        .memory = 3 * GIB,
        .largest = 3 * GIB / 4,
        .unified = true,
        .lazy = true,
        .single = FP_ALL & ~(cl_device_fp_config)CL_FP_DENORM,
        .float_width = 4,
        .warp = 8,
        .choice_x = 64,
        .choice_y = 1,
        .binaries = NOT_BUILT,
        .no_part = CL_DEVICE_PARTITION_FAILED},
    {.name = "gcn-laptop",
        .platform = "AMD Accelerated Parallel Processing",
        .vendor = "Advanced Micro Devices, Inc.",
        .device = "Oland",
        .board = "AMD Radeon HD 8600M Series",
        .version = "OpenCL 1.2 AMD-APP (1800.8)",
        .driver = "1800.8",
        .extensions = "cl_khr_fp64 cl_amd_fp64 cl_amd_media_ops cl_amd_device_attribute_query",
        .units = 6,
        .clock = 825,
        .group = 256,
        .kernel = 256,
        .large = 256,
        .local = 32 << 10,
        .local_type = CL_LOCAL,
        .memory = 2 * GIB,
        .largest = GIB / 2,
        .single = FP_ALL & ~(cl_device_fp_config)CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT,
        .fp64 = true,
        .float_width = 1,
        .warp = 64,
        .choice_x = 64,
        .choice_y = 1,
        .no_part = CL_DEVICE_PARTITION_FAILED},
    {.name = "haswell-beignet",
        .platform = "Intel Gen OCL Driver",
        .vendor = "Intel",
        .device = "Intel(R) HD Graphics Skylake ULT GT2", /* under which CLBlast 1.5.3 goes wrong */
        .version = "OpenCL 1.2 beignet 1.3",
        .driver = "1.3",
        .extensions = "cl_khr_global_int32_base_atomics cl_khr_byte_addressable_store cl_khr_icd",
        .units = 20,
        .clock = 1000,
        .group = 512,
        .kernel = 512,
        .large = 256,
        .local = 64 << 10,
        .local_type = CL_GLOBAL,
        .memory = 2 * GIB,
        .largest = GIB / 2,
        .unified = true,
        .single = FP_ALL & ~(cl_device_fp_config)CL_FP_FMA,
        .float_width = 4,
        .warp = 16,
        .choice_x = 16,
        .choice_y = 1,
        .binaries = NOT_CREATED,
        .no_part = CL_DEVICE_PARTITION_FAILED},
};

#endif
