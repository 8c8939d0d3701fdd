/* SPDX-License-Identifier: Apache-2.0 */
/* The signals that end the program, and those of failed writes.
 *
 * A driver may put in handlers of its own at any time: LLVM, which most of them have, does so when
 * it compiles first, for 15 signals, and when one of these arrives it puts all others back to what
 * they were. So the signals that end the program are blocked in every thread, and a thread that
 * does nothing else waits for them: no handler is ever called, whoever has put it in. Drivers'
 * compilers and linkers inherit the block, and Ctrl-C does not take them away from a run that still
 * needs them. */
#ifndef MASKCL_CLI_SIGNALS_H
#define MASKCL_CLI_SIGNALS_H

#include <signal.h>

#include "message.h"

/* Called once, before any other thread is there. From now on SIGINT, SIGTERM, SIGQUIT, SIGHUP,
 * SIGXCPU, SIGUSR1 and SIGUSR2 end the program at once, with a line that says so, exit code 128 +
 * signal and no temporary file left; one that was ignored stays so, as of nohup. A write to a
 * closed pipe, or beyond the size allowed, is an error that is said and not the end of the program.
 * Children can be waited for, whatever the parent ignores. */
void mcl_signals_begin(void);

/* From now on a signal sets the flag that is returned, 0 until then, and what is under way is
 * finished: a training, a file. A second SIGINT, SIGTERM or SIGQUIT still ends the program at once,
 * unless it comes within a second: wrappers pass on the Ctrl-C that the terminal has sent to all.
 * Where processor time has a limit, SIGXCPU comes up to a minute before the end. */
const volatile sig_atomic_t *mcl_signals_defer(void);

/* From now on a signal ends the program at once again, and so does one that came meanwhile. */
void mcl_signals_at_once(void);

/* "SIGTERM": the first that came, "" where none did. */
const char *mcl_signals_name(void);

/* The exit code of a program that is through with its command and ended with `code`. Says of a
 * signal that came meanwhile, unless that was said. */
int mcl_signals_end(mcl_exit code);

#endif
