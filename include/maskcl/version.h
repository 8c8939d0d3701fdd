/* SPDX-License-Identifier: Apache-2.0 */
/* The library's version. */
#ifndef MASKCL_VERSION_H
#define MASKCL_VERSION_H

#include "maskcl/status.h"

#define MCL_VERSION_MAJOR 0
#define MCL_VERSION_MINOR 1
#define MCL_VERSION_PATCH 0

/* The version of the numeric contract, docs/numerics.md, that the library keeps. Models say under
 * which they were made. */
#define MCL_NUMERIC_CONTRACT 1

#ifdef __cplusplus
extern "C" {
#endif

/* "MAJOR.MINOR.PATCH" of the library in use. */
MCL_API const char *mcl_version(void);

#ifdef __cplusplus
}
#endif

#endif
