/* SPDX-License-Identifier: Apache-2.0 */
/* What the profile records of each command, see maskcl/profile.h. Nothing is recorded, and nothing
 * costs time, before mcl_profile_start(). */
#ifndef MASKCL_DEVICE_PROFILE_H
#define MASKCL_DEVICE_PROFILE_H

#include "device/context.h"

/* Names the next command that is launched and says what it does: floating-point operations, and
 * bytes that it must read and write at least, by which the pace of launches goes, too. name NULL:
 * the kernel's own. */
void mcl_profile_work(mcl_context *context, const char *name, double operations, double bytes);

/* Says how many work-items and work-groups the next command has, 0 groups where the driver chooses
 * their size. */
void mcl_profile_size(mcl_context *context, double items, double groups);

/* Where OpenCL is to put the next command's event; NULL when nothing is recorded. */
cl_event *mcl_profile_event(mcl_context *context);

/* Takes the event of the command that has just been enqueued. Without a name from
 * mcl_profile_work() it goes by kernel's, or by the one given. several says that the event is the
 * last of several commands, which began when the command before ended. */
mcl_status mcl_profile_command(
    mcl_context *context, cl_kernel kernel, const char *name, bool several);

/* Writes the kernel's name in its source: in a program of several files it may end in _NUMBER. */
void mcl_kernel_name(char *name, size_t size, cl_kernel kernel);

void mcl_profiler_free(struct mcl_profiler *record);

#endif
