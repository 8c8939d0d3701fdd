/* SPDX-License-Identifier: Apache-2.0 */
/* The names of classes in a model's metadata. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/model.h"

/* *size = the bytes of all names; false where the list is none of texts. */
static bool measure(size_t *size, const cJSON *list)
{
    const cJSON *item;
    *size = 0;
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item))
            return false;
        *size += strlen(item->valuestring) + 1;
    }
    return cJSON_IsArray(list);
}

/* The pointers, and after them the texts. */
static mcl_status copy_names(const char ***names, uint32_t *count, const cJSON *list, size_t size)
{
    const cJSON *item;
    const char **copied;
    *count = (uint32_t)cJSON_GetArraySize(list);
    MCL_TRY(mcl_allocate(&copied, 1, *count * sizeof *copied + size));
    char *text = (char *)(copied + *count);
    uint32_t i = 0;
    cJSON_ArrayForEach(item, list)
    {
        const size_t length = strlen(item->valuestring) + 1;
        memcpy(text, item->valuestring, length);
        copied[i++] = text;
        text += length;
    }
    *names = copied;
    return MCL_OK;
}

mcl_status mcl_model_class_names(const char ***names, uint32_t *count, const mcl_model *model)
{
    MCL_NEED(names);
    MCL_NEED(count);
    const char *text = mcl_model_metadata_get(model, MCL_KEY_CLASS_NAMES);
    size_t size;
    *names = NULL;
    *count = 0;
    if (!text)
        return MCL_OK;
    cJSON *list = cJSON_ParseWithOpts(text, NULL, true);
    mcl_status status = MCL_OK;
    if (measure(&size, list))
        status = copy_names(names, count, list, size);
    else
        status = mcl_fail(
            MCL_ERROR_FORMAT, "metadata '%s' is no JSON list of texts", MCL_KEY_CLASS_NAMES);
    cJSON_Delete(list);
    return status;
}

void mcl_class_names_free(const char **names)
{
    free(names);
}
