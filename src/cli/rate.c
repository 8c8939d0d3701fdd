/* SPDX-License-Identifier: Apache-2.0 */
#include "rate.h"

mcl_exit mcl_check_rate(mcl_optimizer_kind kind, const mcl_arguments *arguments)
{
    const char *advice = mcl_optimizer_describe(kind)->rate_advice;
    if (!advice || mcl_option_given(arguments, "lr"))
        return MCL_EXIT_DONE;
    return mcl_complain(MCL_EXIT_USAGE, "--optimizer: %s", advice);
}
