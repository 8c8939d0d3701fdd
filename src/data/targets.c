/* SPDX-License-Identifier: Apache-2.0 */
/* Labels that are numbers. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "data/data.h"
#include "data/texts.h"

bool mcl_texts_are_targets(const mcl_strings *texts, char point)
{
    const uint64_t count = mcl_strings_count(texts);
    bool whole = true;
    double number;
    for (uint64_t i = 0; i < count; i++) {
        const char *text = mcl_strings_at(texts, i);
        if (!mcl_decimal_parse(&number, text, strlen(text), point))
            return false;
        whole = whole && number == rint(number);
    }
    return !whole;
}

bool mcl_data_has_targets(const mcl_data *data)
{
    return mcl_data_labels(data) && mcl_texts_are_targets(mcl_data_class_names(data), '.');
}

static mcl_status read_names(double *numbers, const mcl_data *data)
{
    char quote[MCL_QUOTE_SIZE];
    const char *name;
    for (uint32_t i = 0; (name = mcl_data_class_name(data, i)); i++) {
        if (!mcl_text_number(&numbers[i], name))
            return mcl_fail(MCL_ERROR_DATA, "%s: the label '%s' is no number",
                mcl_data_source(data), mcl_quote(quote, name));
    }
    return MCL_OK;
}

mcl_status mcl_data_targets(double *targets, const mcl_data *data)
{
    MCL_NEED(targets);
    MCL_NEED(data);
    const int32_t *labels = mcl_data_labels(data);
    double *numbers;
    if (!labels)
        return mcl_fail(MCL_ERROR_DATA, "%s: the rows have no labels", mcl_data_source(data));
    MCL_TRY(mcl_allocate(&numbers, mcl_data_classes(data), sizeof *numbers));
    const mcl_status status = read_names(numbers, data);
    for (uint64_t i = 0; status == MCL_OK && i < mcl_data_rows(data); i++)
        targets[i] = labels[i] < 0            ? (double)NAN
                     : mcl_data_classes(data) ? numbers[labels[i]]
                                              : (double)labels[i];
    free(numbers);
    return status;
}
