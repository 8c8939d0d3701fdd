/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <stdlib.h>

/* An item that could not be allocated is missing from its document: better none than a wrong one.
 */
static bool incomplete;

static cJSON *noted(cJSON *item)
{
    if (!item)
        incomplete = true;
    return item;
}

static cJSON *append(cJSON *array, cJSON *item)
{
    if (!noted(item) || !cJSON_AddItemToArray(array, item)) {
        cJSON_Delete(item);
        incomplete = true;
        return NULL;
    }
    return item;
}

void mcl_json_text(cJSON *object, const char *name, const char *value)
{
    noted(cJSON_AddStringToObject(object, name, value));
}

void mcl_json_number(cJSON *object, const char *name, double value)
{
    noted(cJSON_AddNumberToObject(object, name, value));
}

void mcl_json_bool(cJSON *object, const char *name, bool value)
{
    noted(cJSON_AddBoolToObject(object, name, value));
}

cJSON *mcl_json_object(void)
{
    return noted(cJSON_CreateObject());
}

cJSON *mcl_json_object_in(cJSON *object, const char *name)
{
    return noted(cJSON_AddObjectToObject(object, name));
}

cJSON *mcl_json_array_in(cJSON *object, const char *name)
{
    return noted(cJSON_AddArrayToObject(object, name));
}

cJSON *mcl_json_object_at(cJSON *array)
{
    return append(array, cJSON_CreateObject());
}

void mcl_json_number_at(cJSON *array, double value)
{
    append(array, cJSON_CreateNumber(value));
}

void mcl_json_text_at(cJSON *array, const char *value)
{
    append(array, cJSON_CreateString(value));
}

/* root as text, or NULL for want of memory. Frees root. */
static char *text_of(cJSON *root, bool for_people)
{
    char *text = NULL;
    if (!incomplete)
        text = for_people ? cJSON_Print(root) : cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    incomplete = false;
    return text;
}

mcl_exit mcl_json_print(cJSON *root)
{
    char *text = text_of(root, true);
    if (!text)
        return mcl_complain(MCL_EXIT_FAILED, "the host has no memory for the answer");
    puts(text); /* main notices when it does not get through */
    free(text);
    return MCL_EXIT_DONE;
}

char *mcl_json_line(cJSON *root)
{
    return text_of(root, false);
}
