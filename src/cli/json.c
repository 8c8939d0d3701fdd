/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <stdlib.h>
#include <string.h>

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

/* value as a string: JSON is UTF-8, which a driver's or a file's name need not be. */
static cJSON *make_text(const char *value)
{
    static const char controls[] = "\1\2\3\4\5\6\a\b\t\n\v\f\r\16\17\20\21\22\23\24\25\26\27\30"
                                   "\31\32\33\34\35\36\37\177"; /* are escaped */
    const size_t size = strlen(value) + 1;
    char *clean = malloc(size);
    if (!clean)
        return NULL;
    mcl_clean_text(clean, size, value, controls);
    cJSON *text = cJSON_CreateString(clean);
    free(clean);
    return text;
}

void mcl_json_text(cJSON *object, const char *name, const char *value)
{
    cJSON *text = noted(make_text(value));
    if (text && !cJSON_AddItemToObject(object, name, text)) {
        cJSON_Delete(text);
        incomplete = true;
    }
}

void mcl_json_number(cJSON *object, const char *name, double value)
{
    noted(cJSON_AddNumberToObject(object, name, value));
}

void mcl_json_bool(cJSON *object, const char *name, bool value)
{
    noted(cJSON_AddBoolToObject(object, name, value));
}

void mcl_json_device(cJSON *object, const mcl_device_info *device)
{
    mcl_json_text(object, "name", device->name);
    mcl_json_text(object, "vendor", device->vendor);
    mcl_json_text(object, "platform", device->platform);
    mcl_json_text(object, "type", mcl_device_type_name(device->type));
    mcl_json_text(object, "opencl_version", device->opencl_version);
    mcl_json_number(object, "compute_units", device->compute_units);
    mcl_json_number(object, "global_memory", (double)device->global_memory);
    mcl_json_number(object, "largest_buffer", (double)device->largest_buffer);
    mcl_json_number(object, "local_memory", (double)device->local_memory);
    mcl_json_bool(object, "fma", device->fma);
    mcl_json_bool(object, "subnormals", device->subnormals);
    mcl_json_bool(object, "host_memory", device->host_memory);
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
    append(array, make_text(value));
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
    mcl_print("%s\n", text); /* main notices when it does not get through */
    free(text);
    return MCL_EXIT_DONE;
}

char *mcl_json_line(cJSON *root)
{
    return text_of(root, false);
}
