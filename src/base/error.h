/* SPDX-License-Identifier: Apache-2.0 */
/* Recording the facts of a failure for mcl_error_message(). */
#ifndef MASKCL_BASE_ERROR_H
#define MASKCL_BASE_ERROR_H

#include "maskcl/status.h"

/* Records one line (with a compiler's log below it, where there is one) as the thread's last error.
 * The line has no trailing full stop. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
void mcl_error_record(const char *format, ...);

static inline mcl_status mcl_failure(mcl_status status)
{
    return status;
}

/* The same, and returns status, so that a failing place reads `return mcl_fail(MCL_ERROR_FORMAT,
 * "…", path);`. A macro, so that the static analyzer sees that this is never MCL_OK. */
#define mcl_fail(status, ...) mcl_failure((mcl_error_record(__VA_ARGS__), (status)))

/* Returns a failure from a function that has nothing to release. */
#define MCL_TRY(expression)                                                                        \
    do {                                                                                           \
        mcl_status mcl_try_status = (expression);                                                  \
        if (mcl_try_status != MCL_OK)                                                              \
            return mcl_try_status;                                                                 \
    } while (0)

/* Refuses a NULL that a public function was called with: "mcl_embed(): context is NULL". */
#define MCL_NEED(argument)                                                                         \
    MCL_TRY((argument) ? MCL_OK                                                                    \
                       : mcl_fail(MCL_ERROR_ARGUMENT, "%s(): %s is NULL", __func__, #argument))

#endif
