/* SPDX-License-Identifier: Apache-2.0 */
/* Results for programs to read. */
#ifndef MASKCL_CLI_JSON_H
#define MASKCL_CLI_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>

#include "maskcl/device.h"
#include "message.h"

/* Each adds a member to an object, and leaves it out when memory runs out; mcl_json_print() and
 * mcl_json_line() then fail. A number that is not finite becomes null. */
void mcl_json_text(cJSON *object, const char *name, const char *value);
void mcl_json_number(cJSON *object, const char *name, double value);
void mcl_json_bool(cJSON *object, const char *name, bool value);

/* What a device says of itself, without its driver's version. */
void mcl_json_device(cJSON *object, const mcl_device_info *device);

/* A new object, added to object under name, or at the end of an array. */
cJSON *mcl_json_object(void);
cJSON *mcl_json_object_in(cJSON *object, const char *name);
cJSON *mcl_json_array_in(cJSON *object, const char *name);
cJSON *mcl_json_object_at(cJSON *array);
void mcl_json_number_at(cJSON *array, double value);
void mcl_json_text_at(cJSON *array, const char *value);

/* Prints root for people to read as well, with a newline, on standard output, and frees it. */
mcl_exit mcl_json_print(cJSON *root);

/* root as one line without the newline, freed with free(); NULL for want of memory. Frees root. */
char *mcl_json_line(cJSON *root);

#endif
