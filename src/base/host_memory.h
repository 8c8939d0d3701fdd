/* SPDX-License-Identifier: Apache-2.0 */
/* How much of the host's memory may be taken. */
#ifndef MASKCL_BASE_HOST_MEMORY_H
#define MASKCL_BASE_HOST_MEMORY_H

#include <stdint.h>

/* The bytes that this process can still take: the least of what the system has available, what the
 * control groups that it is in allow (versions 1 and 2), and what RLIMIT_AS does. root is put
 * before the paths of /proc and /sys: "" but in tests. UINT64_MAX where nothing is known. */
uint64_t mcl_host_memory_free(const char *root);

/* wanted, or half of what is free where that is 0. */
uint64_t mcl_host_memory_allowed(uint64_t wanted);

#endif
