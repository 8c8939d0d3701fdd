/* Ctrl-C while a model is being trained. */
#ifndef MASKCL_CLI_INTERRUPT_H
#define MASKCL_CLI_INTERRUPT_H

#include <signal.h>

/* From now on the first SIGINT or SIGTERM sets the flag, which is returned and is 0 until then, and
 * the second ends the program at once. A signal that was ignored stays so. */
const volatile sig_atomic_t *mcl_interrupt_catch(void);

#endif
