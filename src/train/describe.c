/* SPDX-License-Identifier: Apache-2.0 */
#include "train/describe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "train/rows.h"

mcl_status mcl_describe(mcl_model *model, const char *key, const char *format, ...)
{
    char text[64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return mcl_model_metadata_set(model, key, text);
}

mcl_status mcl_describe_input(mcl_model *model, const mcl_data *data)
{
    char text[256] = "";
    uint64_t shape[MCL_DIMENSIONS_MAX];
    const size_t dimensions = mcl_data_row_shape(data, shape);
    for (size_t i = 0; i < dimensions; i++) {
        const size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%" PRIu64, i ? "x" : "", shape[i]);
    }
    MCL_TRY(mcl_model_metadata_set(model, "input_shape", text));
    return mcl_model_metadata_set(
        model, "input_scaling", mcl_data_element(data) == MCL_ELEMENT_UINT8 ? "1/255" : "1");
}

mcl_status mcl_describe_training(
    mcl_model *model, mcl_options_kind kind, const mcl_training *training)
{
    const struct {
        const char *key;
        uint64_t value;
        bool omitted;
    } facts[] = {
        {"rows", training->rows, false},
        {"epochs", training->steps / training->steps_per_epoch, false},
        {"steps", training->steps, false},
        {"planned_steps", training->planned_steps, training->steps == training->planned_steps},
    };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        char key[64];
        snprintf(key, sizeof key, "%s%s", mcl_options_family_of(kind)->prefix, facts[i].key);
        if (!facts[i].omitted)
            MCL_TRY(mcl_describe(model, key, "%" PRIu64, facts[i].value));
    }
    return MCL_OK;
}
