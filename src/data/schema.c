/* SPDX-License-Identifier: Apache-2.0 */
#include "maskcl/schema.h"

void mcl_schema_free(mcl_schema *schema)
{
    (void)schema;
}
