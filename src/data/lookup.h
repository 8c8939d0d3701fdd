/* SPDX-License-Identifier: Apache-2.0 */
/* Which of a list of texts another one is: the same one, or, as programs write 1 as 1.0, too, the
 * same number. */
#ifndef MASKCL_DATA_LOOKUP_H
#define MASKCL_DATA_LOOKUP_H

#include "data/strings.h"

#define MCL_LOOKUP_NONE UINT32_MAX

typedef struct mcl_lookup mcl_lookup;

/* Of texts, which may be NULL, but for the empty one. */
mcl_status mcl_lookup_create(mcl_lookup **lookup, const mcl_strings *texts);
/* NULL is allowed. */
void mcl_lookup_free(mcl_lookup *lookup);

/* *place = that of the text; MCL_LOOKUP_NONE where it is none of them. */
mcl_status mcl_lookup_find(uint32_t *place, mcl_lookup *lookup, const char *text, size_t length);

#endif
