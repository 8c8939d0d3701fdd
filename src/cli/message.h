/* SPDX-License-Identifier: Apache-2.0 */
/* What the program says on standard error, and the codes it exits with. */
#ifndef MASKCL_CLI_MESSAGE_H
#define MASKCL_CLI_MESSAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "maskcl/status.h"
#include "streams.h"

struct mcl_command;

typedef enum mcl_exit {
    MCL_EXIT_DONE = 0,
    MCL_EXIT_FAILED = 1,
    MCL_EXIT_USAGE = 2,
    MCL_EXIT_INTERRUPTED = 128, /* plus the signal's number, which main() adds, as a shell has it */
} mcl_exit;

/* Of which command messages speak: they name only options that it has. */
void mcl_message_command(const struct mcl_command *command);

/* Prints "maskcl: error: …" as one line, which ends with what is kept, and returns code, so that a
 * failing place reads `return mcl_complain(MCL_EXIT_USAGE, "…", …);`. */
__attribute__((format(printf, 2, 3))) mcl_exit mcl_complain(mcl_exit code, const char *format, ...);

/* Prints the library's last error; an argument it refused is wrong usage, all else a failure. */
mcl_exit mcl_complain_status(mcl_status status);

/* Prints "maskcl: …" as one line: what is neither an error nor a warning. */
__attribute__((format(printf, 1, 2))) void mcl_tell(const char *format, ...);

/* Prints "maskcl: warning: …" as one line. */
__attribute__((format(printf, 1, 2))) void mcl_warn(const char *format, ...);

#define MCL_KEPT_SIZE 4224

/* Sets what the command has written by now, "the model is in m.safetensors". Whatever fails or
 * interrupts the program after that says so. */
__attribute__((format(printf, 1, 2))) void mcl_keep(const char *format, ...);

/* Writes "; the model is in m.safetensors", or "" when nothing is kept. Any thread may call it. */
void mcl_kept_text(char *text, size_t size);

/* Prints text that comes from a file, a driver or a user as mcl_clean_text() has it. */
void mcl_print_clean(FILE *stream, const char *text);

/* The same, with `key` of the library's options as a user types it. */
void mcl_print_spelled(FILE *stream, const char *text);

/* From now on it is no failure that whoever reads standard output has read enough, as head does. */
void mcl_readers_may_leave(void);

/* Writes out what standard output still holds; false, with the reason said, when some of it did not
 * get through. */
bool mcl_flush_output(void);

#endif
