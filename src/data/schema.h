/* SPDX-License-Identifier: Apache-2.0 */
/* How schemas are made, in addition to maskcl/schema.h. */
#ifndef MASKCL_DATA_SCHEMA_H
#define MASKCL_DATA_SCHEMA_H

#include "data/strings.h"
#include "maskcl/schema.h"

/* The spelling of a missing value among the categories: no other value has it. */
#define MCL_CATEGORY_MISSING ""

/* A schema without columns. */
mcl_status mcl_schema_create(mcl_schema **schema);

/* Appends a column of this name, kind, mean, deviation and indicator; first and width follow from
 * them. categories are those of a category or a label, and may be NULL: none. Everything is copied.
 * Nothing is checked. */
mcl_status mcl_schema_add(
    mcl_schema *schema, const mcl_column *column, const mcl_strings *categories);

/* Makes it the schema of images: its inputs are height × width × channels values, which come before
 * those of columns. */
void mcl_schema_set_image(mcl_schema *schema, const mcl_image *image);

mcl_status mcl_schema_copy(mcl_schema **copy, const mcl_schema *schema);

#endif
