/* SPDX-License-Identifier: Apache-2.0 */
/* The options of every command that computes on a device, and the opening of that device. */
#ifndef MASKCL_CLI_DEVICE_OPTIONS_H
#define MASKCL_CLI_DEVICE_OPTIONS_H

#include "maskcl/device.h"
#include "options.h"

typedef struct mcl_device_settings {
    const char *platform;
    const char *device;
    mcl_gemm_kind gemm;
    uint32_t compute_units; /* 0: all */
    uint64_t memory;        /* bytes that may be used; 0: the library's choice */
    bool exclusive;
    bool reproducible;
    bool quiet;
} mcl_device_settings;

extern const mcl_option_type mcl_option_units;  /* uint32_t, 0 is not shown */
extern const mcl_option_type mcl_option_gemm;   /* mcl_gemm_kind */
extern const mcl_option_type mcl_option_memory; /* uint64_t, bytes */

/* The entries of an option table for a mcl_device_settings that is a member of settings. */
#define MCL_DEVICE_SELECTION(settings, member)                                                     \
    {.name = "platform",                                                                           \
        .argument = "PLATFORM",                                                                    \
        .group = "Device",                                                                         \
        .help = "the OpenCL platform: its index, or a part of its name in any case",               \
        .type = &mcl_option_text,                                                                  \
        .offset = offsetof(settings, member.platform),                                             \
        .without = "MASKCL_PLATFORM from the environment, or any"},                                \
    {                                                                                              \
        .name = "device", .argument = "DEVICE", .group = "Device",                                 \
        .help = "the device: its index within the platform, a part of its name in any case "       \
                "('rtx 4090'), or gpu, cpu or accelerator for the best of its kind, each with a "  \
                "platform before it where that tells more (0:1, nvidia:rtx, intel:gpu)",           \
        .type = &mcl_option_text, .offset = offsetof(settings, member.device),                     \
        .without = "MASKCL_DEVICE from the environment, or the best: GPU before accelerator "      \
                   "before CPU, then memory of its own, then fma, then the most arithmetic"        \
    }

#define MCL_DEVICE_OPTIONS(settings, member)                                                       \
    MCL_DEVICE_SELECTION(settings, member),                                                        \
        {.name = "gemm",                                                                           \
            .argument = "auto|clblast|native|native-cpu|native-gpu",                               \
            .group = "Device",                                                                     \
            .help = "who computes matrix products: the CLBlast library, or maskcl's own kernels, " \
                    "which give the same bits on every device; auto is native on CPU devices and " \
                    "clblast on all others; native-cpu and native-gpu name one of the kernels",    \
            .type = &mcl_option_gemm,                                                              \
            .offset = offsetof(settings, member.gemm)},                                            \
        {.name = "compute-units",                                                                  \
            .argument = "N",                                                                       \
            .group = "Device",                                                                     \
            .help = "work on N of the device's compute units and leave the others to other "       \
                    "programs, where the driver can divide the device",                            \
            .type = &mcl_option_units,                                                             \
            .offset = offsetof(settings, member.compute_units),                                    \
            .least = 1,                                                                            \
            .without = "all of them"},                                                             \
        {.name = "device-memory",                                                                  \
            .argument = "LIMIT",                                                                   \
            .group = "Device",                                                                     \
            .help = "how much of the device's memory may be used, in bytes or with K, M or G as "  \
                    "in 512M; data that does not fit is sent in parts while the device computes, " \
                    "which changes no bit of the result",                                          \
            .type = &mcl_option_memory,                                                            \
            .offset = offsetof(settings, member.memory),                                           \
            .without = "7/8 of what the device reports"},                                          \
        {.name = "exclusive",                                                                      \
            .group = "Device",                                                                     \
            .help = "say that no display is connected to the GPU, so that its driver ends no "     \
                    "long launch: launches may then take any time, and not about 100 ms at "       \
                    "most; --reproducible, and all that maskcl's own matrix product computes, "    \
                    "has the same bits either way",                                                \
            .type = &mcl_option_switch,                                                            \
            .offset = offsetof(settings, member.exclusive)},                                       \
        {.name = "reproducible",                                                                   \
            .group = "Device",                                                                     \
            .help = "give the same bits as on every other device: takes maskcl's own matrix "      \
                    "product, and refuses a device whose fma is not correctly rounded; on CPU "    \
                    "devices that product is the default anyway; see 'maskcl verify'",             \
            .type = &mcl_option_switch,                                                            \
            .offset = offsetof(settings, member.reproducible)},                                    \
    {                                                                                              \
        .name = "quiet", .letter = 'q', .group = "Output",                                         \
        .help = "print nothing but errors and warnings", .type = &mcl_option_switch,               \
        .offset = offsetof(settings, member.quiet)                                                 \
    }

/* For mcl_context_options: prints a warning. */
void mcl_warn_of_device(const char *line, void *unused);

/* Opens the device asked for and names it on standard error, unless quiet. */
mcl_exit mcl_open_device(mcl_context **context, const mcl_device_settings *settings);

#endif
