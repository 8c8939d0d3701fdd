/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static mcl_exit refuse(const char *path, const char *key, const char *value, const char *expected)
{
    return mcl_complain(
        MCL_EXIT_FAILED, "%s: metadata '%s' is '%s', not %s", path, key, value, expected);
}

/* Reads a whole number up to most. */
static mcl_exit read_whole(
    uint64_t *number, uint64_t most, const mcl_model *model, const char *path, const char *key)
{
    const char *value = mcl_model_metadata_get(model, key);
    if (!value)
        return MCL_EXIT_DONE;
    errno = 0;
    unsigned long long read = strtoull(value, NULL, 10);
    if (!*value || value[strspn(value, "0123456789")] || errno || read > most)
        return refuse(path, key, value, "a whole number in range");
    *number = read;
    return MCL_EXIT_DONE;
}

mcl_exit mcl_metadata_seed(uint64_t *seed, const mcl_model *model, const char *path)
{
    return read_whole(seed, UINT64_MAX, model, path, "seed");
}

mcl_exit mcl_metadata_mask(mcl_mask *mask, const mcl_model *model, const char *path)
{
    const char *kind = mcl_model_metadata_get(model, "mask");
    const char *ratio = mcl_model_metadata_get(model, "mask_ratio");
    const char *patch = mcl_model_metadata_get(model, "mask_patch");
    if (kind && mcl_mask_kind_parse(&mask->kind, kind) != MCL_OK)
        return refuse(path, "mask", kind, "a kind of mask");
    if (ratio) {
        char *end;
        const float value = strtof(ratio, &end);
        if (!*ratio || *end || !(value > 0.0f && value < 1.0f))
            return refuse(path, "mask_ratio", ratio, "a number between 0 and 1");
        mask->ratio = value;
    }
    if (patch && mcl_mask_patch_parse(mask, patch) != MCL_OK)
        return refuse(path, "mask_patch", patch, "the side of a patch, or two of them");
    return MCL_EXIT_DONE;
}
