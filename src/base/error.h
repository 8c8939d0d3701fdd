/* Recording the facts of a failure for mcl_error_message(). */
#ifndef MASKCL_BASE_ERROR_H
#define MASKCL_BASE_ERROR_H

#include "maskcl/status.h"

/* Records one line (with a compiler's log below it, where there is one) as the thread's last error
 * and returns status, so that a failing place reads `return mcl_fail(MCL_ERROR_FORMAT, "…",
 * path);`. The line has no trailing full stop. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
mcl_status
mcl_fail(mcl_status status, const char *format, ...);

/* Passes a failure on from a function that holds nothing to release. */
#define MCL_TRY(expression)                                                                        \
    do {                                                                                           \
        mcl_status mcl_try_status = (expression);                                                  \
        if (mcl_try_status != MCL_OK)                                                              \
            return mcl_try_status;                                                                 \
    } while (0)

#endif
