/* SPDX-License-Identifier: Apache-2.0 */
#include "train/describe.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "data/data.h"
#include "maskcl/version.h"
#include "model/model.h"

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

mcl_status mcl_describe_schema(mcl_model *model, const mcl_data *data)
{
    const mcl_schema *schema = mcl_data_schema(data);
    char *text;
    if (!schema)
        return MCL_OK;
    MCL_TRY(mcl_schema_text(&text, schema));
    const mcl_status status = mcl_model_metadata_set(model, MCL_KEY_SCHEMA, text);
    mcl_schema_text_free(text);
    return status;
}

mcl_status mcl_describe_class_names(mcl_model *model, const mcl_data *data)
{
    cJSON *list = cJSON_CreateArray();
    for (uint32_t i = 0; i < mcl_data_classes(data); i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(mcl_data_class_name(data, i)));
    char *text = cJSON_PrintUnformatted(list);
    mcl_status status = MCL_ERROR_MEMORY;
    if (text && (uint32_t)cJSON_GetArraySize(list) == mcl_data_classes(data))
        status = mcl_model_metadata_set(model, MCL_KEY_CLASS_NAMES, text);
    else
        mcl_error_record(
            "the host has no memory for the names of %" PRIu32 " classes", mcl_data_classes(data));
    cJSON_free(text);
    cJSON_Delete(list);
    return status;
}

/* A model with a prefix for the keys of its metadata. */
struct described {
    mcl_model *model;
    const char *prefix;
};

static mcl_status set(const struct described *described, const char *key, const char *value)
{
    char whole[64];
    snprintf(whole, sizeof whole, "%s%s", described->prefix, key);
    return mcl_model_metadata_set(described->model, whole, value);
}

static mcl_status set_count(const struct described *described, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return set(described, key, text);
}

mcl_status mcl_describe_early_end(mcl_model *model, const char *prefix)
{
    const struct described described = {model, prefix};
    return set(&described, "ended", "early");
}

const char *mcl_product_bits(mcl_gemm_kind product)
{
    return product == MCL_GEMM_CLBLAST ? "clblast" : "native";
}

mcl_status mcl_describe_origin(mcl_model *model, const char *prefix, const mcl_data *data,
    const char *data_digest, mcl_gemm_kind product)
{
    const struct described described = {model, prefix};
    const mcl_data_origin origin = mcl_data_origin_of(data);
    char size[64];
    if (origin.synthetic) {
        snprintf(
            size, sizeof size, "%" PRIu64 "x%" PRIu64, mcl_data_rows(data), mcl_data_columns(data));
        MCL_TRY(set(&described, "synthetic", size));
        MCL_TRY(set_count(&described, "synthetic_seed", origin.seed));
    }
    MCL_TRY(set(&described, "data_digest", data_digest));
    MCL_TRY(set(&described, "product", mcl_product_bits(product)));
    return set_count(&described, "numeric_contract", MCL_NUMERIC_CONTRACT);
}

mcl_status mcl_describe_training(
    mcl_model *model, const char *prefix, uint64_t planned_steps, const mcl_training *training)
{
    const struct described described = {model, prefix};
    MCL_TRY(set_count(&described, "rows", training->rows));
    MCL_TRY(set_count(&described, "epochs", training->steps / training->steps_per_epoch));
    MCL_TRY(set_count(&described, "steps", training->steps));
    return training->steps < planned_steps ? set_count(&described, "planned_steps", planned_steps)
                                           : MCL_OK;
}
