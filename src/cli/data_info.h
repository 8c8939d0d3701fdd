/* SPDX-License-Identifier: Apache-2.0 */
/* What data and their schemas are, as text and as JSON. */
#ifndef MASKCL_CLI_DATA_INFO_H
#define MASKCL_CLI_DATA_INFO_H

#include "json.h"
#include "maskcl/data.h"

/* Prints a schema's columns, a line each, or of images their size; nothing for NULL. */
void mcl_print_schema(const mcl_schema *schema);

/* Adds "columns", "inputs" and of images "image" to an object; nothing for NULL. */
void mcl_json_schema(cJSON *object, const mcl_schema *schema);

/* Prints how many rows there are, of what, and their labels. */
void mcl_print_data(const mcl_data *data);
void mcl_json_data(cJSON *object, const mcl_data *data);

#endif
