/* SPDX-License-Identifier: Apache-2.0 */
/* Short launches, for GPUs that may have a display: a driver's watchdog ends what keeps it waiting,
 * after 640 ms to some seconds.
 *
 * How long a launch takes is estimated from earlier ones of its kernel, in units of what they had
 * to do. A large launch is enqueued in parts, ranges of its work-items, which get what time allows;
 * the first ones of a kernel are small and measured, and so are all that take a while. */
#ifndef MASKCL_DEVICE_PACE_H
#define MASKCL_DEVICE_PACE_H

#include "device/context.h"

#define MCL_PACE_SECONDS 0.05 /* what a part may take by the estimate: half of what is promised */

/* What is known of a kernel; all zero at first. */
typedef struct mcl_pace {
    bool begun;           /* it has run, so that the driver has compiled all of it */
    double work, seconds; /* of the largest launch that was measured; 0: none was */
} mcl_pace;

/* A launch of global[0] × global[1] work-items in groups of local[0] × local[1], or of the driver's
 * choice. enqueue() is called for each part, the last one with last. */
typedef struct mcl_paced_launch {
    size_t global[2];
    const size_t *local; /* NULL: the driver's choice */
    double work;         /* what there is to do, in whatever unit the kernel's launches have */
    cl_int (*enqueue)(
        void *of, const size_t offset[2], const size_t size[2], const size_t *local, bool last);
    void *of;
} mcl_paced_launch;

/* Enqueues a launch as the pace allows. *parts = how many were enqueued, also where one fails. */
cl_int mcl_pace_launch(
    unsigned *parts, mcl_context *context, mcl_pace *pace, const mcl_paced_launch *launch);

#endif
