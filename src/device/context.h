/* SPDX-License-Identifier: Apache-2.0 */
/* The context's inside: one device, its in-order queue, its programs, and what parts attach to it.
 */
#ifndef MASKCL_DEVICE_CONTEXT_H
#define MASKCL_DEVICE_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "device/buffer.h"
#include "device/launch.h"
#include "device/opencl.h"
#include "device/program.h"
#include "maskcl/device.h"

struct mcl_context {
    mcl_device_info info;
    mcl_warning *warn; /* NULL: nobody is told */
    void *warn_user;
    mcl_gemm_kind gemm;
    cl_device_id device;
    cl_device_id part;     /* the same, where it is a sub-device that the context made; else NULL */
    bool exact_division;   /* division and square root are declared correctly rounded */
    uint32_t vector_width; /* floats of a vector register, as the driver says; at least 1 */
    size_t largest_group;  /* work-items that a work-group can have */
    size_t largest_side[2]; /* and those along its first two dimensions */
    size_t work_group;      /* its most work-items where a launch leaves the size open; 0: any */
    bool joins_programs;    /* files of kernels with options become one program */
    bool spreads;           /* see mcl_context_spreads() */
    bool paced;             /* no launch may take long, see device/pace.h */
    double work;            /* of the next launch, as mcl_profile_work() has it; 0: not told */
    double unflushed;       /* estimated seconds of commands that were not sent to the device yet */
    uint64_t memory_limit;  /* bytes that a run's buffers may have together */
    uint64_t memory_made;   /* bytes of all buffers made so far */
    cl_context opencl;
    cl_command_queue queue; /* in order: a command sees what those before it wrote */
    struct mcl_programs programs;
    const char *advice;                  /* what helps where memory lacks; NULL: the default's */
    struct mcl_profiler *profiler;       /* the profile's; NULL: no times are taken */
    const struct mcl_observer *observer; /* of what launches write; NULL: nobody watches */
    struct mcl_attachment *attachments;
};

/* Makes state a part of the context: mcl_context_attached() finds it by its key, the address of
 * something of the caller's own, and free_state frees it when the context is closed, what was
 * attached last first, while buffers and kernels can still be released. When this fails, state
 * stays the caller's. A key is attached once. */
mcl_status mcl_context_attach(
    mcl_context *context, const void *key, void *state, void (*free_state)(void *state));

/* The state attached with key, or NULL. */
void *mcl_context_attached(const mcl_context *context, const void *key);

/* Waits until the queue is empty. */
mcl_status mcl_context_finish(mcl_context *context);

/* Whether the driver is PoCL, which compiles kernels when they first run. */
bool mcl_context_is_pocl(const mcl_context *context);

/* Whether the driver is Mesa's llvmpipe, which leaves every loop of a work-item once it has run
 * 65535 iterations of all its loops together (LP_MAX_TGSI_LOOP_ITERATIONS), without an error. */
bool mcl_context_cuts_loops(const mcl_context *context);

/* Whether kernels have the mapping of work-items that is for GPUs (MCL_WIDTH 1 in cl/common.clh):
 * sixteen of them share a row, and one has an element. So it is on whatever is not a CPU, if
 * sixteen fit in a work-group. llvmpipe calls itself a CPU, but runs work-items side by side in
 * vectors as a GPU does, takes minutes to compile what has vectors of its own, and leaves loops
 * that are long. */
bool mcl_context_spreads(const mcl_context *context);

/* Tells the user of the context, where one listens, of something that went wrong and was put right:
 * one line with the facts. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void mcl_context_warn(const mcl_context *context, const char *format, ...);

/* What to use where the device lacks memory, with options in backquotes: what the context's user
 * has set as its advice, or what every command has. */
const char *mcl_context_advice(const mcl_context *context);

/* mcl_opencl_fail() for this context's device, with that advice where memory may lack, and with
 * what is wrong with its driver's cache. */
mcl_status mcl_context_fail(const mcl_context *context, const char *what, cl_int code);

#endif
