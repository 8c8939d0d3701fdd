/* SPDX-License-Identifier: Apache-2.0 */
/* The installed drivers, and why one of them shows no device or builds no kernel. */
#ifndef MASKCL_DEVICE_DRIVERS_H
#define MASKCL_DEVICE_DRIVERS_H

#include <stdbool.h>
#include <stddef.h>

#include "maskcl/status.h"

/* A text that is cut where it is full; always terminated. */
struct mcl_line {
    char *text;
    size_t size, used;
};

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void mcl_line_add(struct mcl_line *line, const char *format, ...);

/* Fails for a loader that found no platform: which variable misleads it, which driver cannot be
 * loaded or finds no hardware, or what to install. */
mcl_status mcl_drivers_no_platform(void);

/* Appends why the platform of this name has no device, and what helps. */
void mcl_drivers_explain(struct mcl_line *line, const char *platform);

/* Appends a line for every installed driver whose library cannot be loaded; returns how many. */
size_t mcl_drivers_broken(struct mcl_line *line);

/* Appends what is wrong with the folder in which the platform's driver keeps compiled kernels, and
 * what helps: it cannot be written, or has no space. False where nothing is, or it has none. */
bool mcl_drivers_cache_problem(struct mcl_line *line, const char *platform);

/* The same where the driver cannot do without the folder, and before it is full: a build that needs
 * more space than there is ends the process. */
bool mcl_drivers_cache_is_small(struct mcl_line *line, const char *platform);

/* Waits until no other process of maskcl builds programs with the platform's driver and the same
 * cache, for two minutes at most, where the driver reads what another process is still writing:
 * PoCL to 3.1 then ends the process. Returns what mcl_drivers_unlock_cache() takes; negative where
 * there is nothing to wait for, or it can't be had, which is no failure. */
int mcl_drivers_lock_cache(const char *platform);
void mcl_drivers_unlock_cache(int lock);

/* Which of two drivers of one card to prefer: the vendor's own 3, rusticl 2, PoCL 1, Clover and
 * Beignet 0. */
int mcl_drivers_rank(const char *platform);

/* Whether several threads of a program may build programs at once, as OpenCL has it: the vendors'
 * own drivers and rusticl are made for that. The others have one compiler for all threads, PoCL
 * behind a lock, and some without one. */
bool mcl_drivers_compile_in_threads(const char *platform);

#endif
