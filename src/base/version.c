/* SPDX-License-Identifier: Apache-2.0 */
#include "maskcl/version.h"

#define STRING(x) #x
#define DOTTED(a, b, c) STRING(a) "." STRING(b) "." STRING(c)

const char *mcl_version(void)
{
    return DOTTED(MCL_VERSION_MAJOR, MCL_VERSION_MINOR, MCL_VERSION_PATCH);
}
