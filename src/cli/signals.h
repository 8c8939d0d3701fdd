/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: Ctrl-C while a model is being trained, and those of failed writes. Drivers set handlers
 * of their own when a device is opened or a kernel compiled. */
#ifndef MASKCL_CLI_SIGNALS_H
#define MASKCL_CLI_SIGNALS_H

#include <signal.h>

/* Notes which signals are ignored. Called before a device is opened. */
void mcl_interrupt_prepare(void);

/* From now on the first SIGINT or SIGTERM sets the flag, which is returned and is 0 until then, and
 * the second ends the program at once. A signal that mcl_interrupt_prepare() found ignored
 * stays so: a shell starts its background jobs with SIGINT ignored. */
const volatile sig_atomic_t *mcl_interrupt_catch(void);

/* Makes a write to a closed pipe or beyond the size allowed an error that is said, not the end of
 * the program. Called at the start, and before a file is written when a driver has been at work. */
void mcl_survive_failed_writes(void);

#endif
