/* SPDX-License-Identifier: Apache-2.0 */
#include "base/temporary.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "maskcl/output.h"

#define FILES 64

static _Atomic(const char *) files[FILES];
static _Atomic(const char *)
    discarded[FILES]; /* never freed: another thread may be reading the name */

void mcl_temporary_add(const char *path)
{
    for (size_t i = 0; i < FILES; i++) {
        const char *none = NULL;
        if (atomic_compare_exchange_strong(&files[i], &none, path))
            return;
    }
}

void mcl_temporary_drop(char **path)
{
    bool was_discarded = false;
    for (size_t i = 0; i < FILES; i++) {
        const char *own = *path;
        if (atomic_compare_exchange_strong(&files[i], &own, NULL))
            break;
        was_discarded = was_discarded || atomic_load(&discarded[i]) == *path;
    }
    if (!was_discarded)
        free(*path);
    *path = NULL;
}

void mcl_output_discard(void)
{
    for (size_t i = 0; i < FILES; i++) {
        const char *path = atomic_load(&files[i]);
        if (!path)
            continue;
        atomic_store(&discarded[i], path); /* first, so that it is there when the name is dropped */
        if (atomic_compare_exchange_strong(&files[i], &path, NULL))
            unlink(path);
    }
}
