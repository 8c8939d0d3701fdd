/* SPDX-License-Identifier: Apache-2.0 */
/* The text of schemas: what is read is written as a text that is read and written alike. */
#include "fuzz.h"

#include "maskcl/schema.h"

#define NAME "schema"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mcl_schema *schema = NULL, *again = NULL;
    char *input = malloc(size + 1), *text = NULL, *same = NULL;
    if (!input)
        return 0;
    if (size)
        memcpy(input, data, size);
    input[size] = '\0';
    const mcl_status status = mcl_schema_parse(&schema, input);
    if (status != MCL_OK) {
        fuzz_check_refusal(status, NAME);
        FUZZ_ASSERT(!schema);
    } else {
        FUZZ_ASSERT(mcl_schema_text(&text, schema) == MCL_OK && !strchr(text, '\n'));
        FUZZ_ASSERT(mcl_schema_parse(&again, text) == MCL_OK);
        FUZZ_ASSERT(mcl_schema_text(&same, again) == MCL_OK && strcmp(text, same) == 0);
    }
    mcl_schema_text_free(text);
    mcl_schema_text_free(same);
    mcl_schema_free(schema);
    mcl_schema_free(again);
    free(input);
    return 0;
}
