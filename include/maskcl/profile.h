/* SPDX-License-Identifier: Apache-2.0 */
/* Where a context spends its time: every command of its queue, timed by the device. */
#ifndef MASKCL_PROFILE_H
#define MASKCL_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "maskcl/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All commands of one name: a kernel's, with the sizes of a matrix product ("gemm NT 512×128×784"),
 * or of a copy between host and device. */
typedef struct mcl_profile_row {
    char name[64];
    uint64_t calls;
    double seconds; /* from start to end on the device, of all calls */
    double
        operations; /* floating-point operations of all calls, an fma being two; 0: not counted */
    double bytes;   /* read and written by all calls, each byte once; 0: not counted */
    double items;   /* work-items of all calls; 0: not counted */
    double groups;  /* and the work-groups that they were divided in; 0: the driver's choice */
} mcl_profile_row;

typedef struct mcl_profile {
    mcl_profile_row *rows; /* most time first; owned by the profile */
    size_t count;
    double first_calls; /* seconds before the first call of a kernel, mostly spent compiling it */
    double between;     /* seconds between the end of a command and the start of the next one */
} mcl_profile;

/* Times all later commands. To be called before anything is run on the context. */
MCL_API mcl_status mcl_profile_start(mcl_context *context);

/* Waits for the queue and sums up its commands: the seconds of all rows, first_calls and between
 * together are the time from the start of the first command to the end of the last. Released with
 * mcl_profile_free(). MCL_ERROR_ARGUMENT without mcl_profile_start(). */
MCL_API mcl_status mcl_profile_read(mcl_profile *profile, mcl_context *context);
/* Frees the rows and sets the profile to zeros; NULL is allowed. */
MCL_API void mcl_profile_free(mcl_profile *profile);

/* Measures the device's peak rates, in about two seconds: *operations a second of independent
 * chains of fma in registers, and *bytes a second, read and written, of a copy of `size` bytes.
 * Each is the best of several kernels and runs. */
MCL_API mcl_status mcl_device_peaks(
    double *operations, double *bytes, mcl_context *context, size_t size);

#ifdef __cplusplus
}
#endif

#endif
