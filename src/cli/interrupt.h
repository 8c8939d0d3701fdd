/* Ctrl-C while a model is being trained. */
#ifndef MASKCL_CLI_INTERRUPT_H
#define MASKCL_CLI_INTERRUPT_H

#include <signal.h>

/* Notes which signals are ignored. Called before a device is opened: drivers set handlers of their
 * own. */
void mcl_interrupt_prepare(void);

/* From now on the first SIGINT or SIGTERM sets the flag, which is returned and is 0 until then, and
 * the second ends the program at once. A signal that mcl_interrupt_prepare() found ignored
 * stays so: a shell starts its background jobs with SIGINT ignored. */
const volatile sig_atomic_t *mcl_interrupt_catch(void);

#endif
