# SPDX-License-Identifier: Apache-2.0
"""Writes the C source of maskcl._binding: what the package uses of the library's public headers, as
cffi needs to be told it. The compiler checks every declaration against the headers."""
import sys

import cffi

DECLARATIONS = """
typedef enum { MCL_OK, MCL_ERROR_ARGUMENT, MCL_ERROR_MEMORY, MCL_ERROR_FILE, MCL_ERROR_FORMAT,
    MCL_ERROR_DATA, MCL_ERROR_NO_DEVICE, MCL_ERROR_DEVICE, MCL_INTERRUPTED, ... } mcl_status;
const char *mcl_error_message(void);
const char *mcl_version(void);

typedef struct mcl_data mcl_data;
typedef struct mcl_model mcl_model;
typedef struct mcl_context mcl_context;
typedef struct mcl_schema mcl_schema;

/* Options. */
typedef enum { MCL_OPTIONS_PRETRAIN, MCL_OPTIONS_FINETUNE, MCL_OPTIONS_DATA, ... } mcl_options_kind;
typedef struct { ...; } mcl_options;
typedef struct { const char *key; const char *group; const char *values; char help[640];
    char otherwise[128]; bool of_recipe; bool decides_bits; ...; } mcl_option_info;
typedef struct { ...; } mcl_train_options;
typedef struct { mcl_options base; const char *recipe; const mcl_model *init; ...; }
    mcl_pretrain_options;
typedef struct { mcl_options base; ...; } mcl_finetune_options;
typedef struct { mcl_options base; const mcl_schema *schema; const mcl_data *like; ...; }
    mcl_data_options;
mcl_status mcl_pretrain_options_init(mcl_pretrain_options *);
mcl_status mcl_finetune_options_init(mcl_finetune_options *);
mcl_status mcl_data_options_init(mcl_data_options *);
mcl_status mcl_options_set(mcl_options *, const char *key, const char *text);
bool mcl_options_conflict(char *reason, size_t size, const mcl_options *, const char *key);
mcl_status mcl_option_at(mcl_option_info *, mcl_options_kind, size_t index);
mcl_status mcl_recipe_fit(char line[256], mcl_pretrain_options *, const mcl_data *);
mcl_status mcl_pretrain_from(mcl_pretrain_options *, const mcl_model *);
bool binding_take_views(mcl_pretrain_options *);

/* Data. */
mcl_status mcl_data_open_all(mcl_data **, const char *const *paths, size_t count,
    const mcl_data_options *);
typedef enum { MCL_NUMBER_INT8, MCL_NUMBER_INT16, MCL_NUMBER_INT32, MCL_NUMBER_INT64, MCL_NUMBER_UINT8,
    MCL_NUMBER_UINT16, MCL_NUMBER_UINT32, MCL_NUMBER_UINT64, MCL_NUMBER_FLOAT16, MCL_NUMBER_FLOAT32,
    MCL_NUMBER_FLOAT64, ... } mcl_number;
typedef struct { const char *name; const void *values; size_t stride; bool texts; mcl_number type; ...; }
    mcl_column_values;
typedef struct { const mcl_column_values *columns; size_t count; uint64_t rows; const char *name; ...; }
    mcl_table_description;
mcl_status mcl_data_from_table(mcl_data **, const mcl_table_description *, const mcl_data_options *);
void mcl_data_free(mcl_data *);
uint64_t mcl_data_rows(const mcl_data *);
uint64_t mcl_data_columns(const mcl_data *);
const char *mcl_data_warning(const mcl_data *);
void mcl_schema_free(mcl_schema *);

/* Devices. */
typedef enum { MCL_DEVICE_CPU, ... } mcl_device_type;
typedef struct { uint32_t platform_index; uint32_t device_index; char platform[128]; char name[128];
    char vendor[128]; char driver_version[128]; char opencl_version[128]; mcl_device_type type;
    uint32_t compute_units; uint64_t global_memory; bool host_memory; bool usable; bool too_old; ...; }
    mcl_device_info;
mcl_status mcl_devices_list(mcl_device_info **, size_t *count);
void mcl_devices_free(mcl_device_info *);
const char *mcl_device_type_name(mcl_device_type);
mcl_status binding_open(mcl_context **, const char *platform, const char *device, const char *gemm);
void mcl_context_close(mcl_context *);
void mcl_context_limit_memory(mcl_context *, uint64_t bytes);
mcl_status mcl_context_require_reproducible(mcl_context *);

/* Training. */
typedef struct { uint64_t step; uint64_t steps; uint64_t epoch; uint64_t epochs; bool epoch_end;
    double loss; double epoch_loss; double spread; double held_out; double accuracy;
    double epoch_accuracy; double learning_rate; double alignment; double uniformity;
    double effective_rank; double validation; double rows_per_second; double seconds; ...; } mcl_step;
mcl_train_options *binding_train_of_pretrain(mcl_pretrain_options *);
mcl_train_options *binding_train_of_finetune(mcl_finetune_options *);
void binding_watch(mcl_train_options *, const int *stop, const int32_t *validation_labels,
    uint64_t report_every, void *user);
mcl_status mcl_pretrain(mcl_model **, mcl_context *, const mcl_data *, const mcl_pretrain_options *);
mcl_status mcl_finetune(mcl_model **, mcl_context *, const mcl_model *, const mcl_data *,
    const int32_t *labels, const mcl_finetune_options *);

/* Models. */
typedef struct { const char *name; float *values; uint64_t shape[4]; uint32_t dimensions;
    uint64_t offset; ...; } mcl_tensor;
mcl_status mcl_model_load(mcl_model **, const char *path);
mcl_status mcl_model_save(const mcl_model *, const char *path);
void mcl_model_free(mcl_model *);
void mcl_model_digest(char digest[33], const mcl_model *);
size_t mcl_model_tensor_count(const mcl_model *);
mcl_tensor mcl_model_tensor(const mcl_model *, size_t index);
mcl_status mcl_model_metadata_set(mcl_model *, const char *key, const char *value);
size_t mcl_model_metadata_count(const mcl_model *);
void mcl_model_metadata_at(const mcl_model *, size_t, const char **key, const char **value);
mcl_status mcl_model_schema(mcl_schema **, const mcl_model *);
bool mcl_model_doubts(char *text, size_t size, const mcl_model *, const mcl_data *);
mcl_status mcl_model_class_names(const char ***names, uint32_t *count, const mcl_model *);
void mcl_class_names_free(const char **);
mcl_status mcl_layer_width(uint32_t *width, const mcl_model *, uint32_t layer);
mcl_status mcl_embed(float *, mcl_context *, const mcl_model *, const mcl_data *);
mcl_status mcl_embed_layer(float *, mcl_context *, const mcl_model *, const mcl_data *, uint32_t layer);
mcl_status mcl_classify(int32_t *, mcl_context *, const mcl_model *, const mcl_data *);
mcl_status mcl_predict_probabilities(float *, mcl_context *, const mcl_model *, const mcl_data *);
uint32_t binding_classes(const mcl_model *);
uint32_t binding_embedding(const mcl_model *);

/* What the library calls. */
extern "Python" void binding_report(const mcl_step *, void *user);
extern "Python" void binding_warn(const char *line, void *user);
"""

SOURCE = """
#include <maskcl/maskcl.h>

static void binding_report(const mcl_step *, void *user);
static void binding_warn(const char *line, void *user);

/* The objectives' own views, as the program takes them where none are asked for. */
static bool binding_take_views(mcl_pretrain_options *options)
{
    for (size_t i = 0; i < options->objective_count; i++) {
        if (mcl_objective_views(&options->views, options->objectives[i].kind))
            return true;
    }
    return false;
}

static mcl_status binding_open(
    mcl_context **context, const char *platform, const char *device, const char *gemm)
{
    mcl_context_options options = {.platform = platform, .device = device, .warn = binding_warn};
    if (gemm) {
        const mcl_status status = mcl_gemm_kind_parse(&options.gemm, gemm);
        if (status != MCL_OK)
            return status;
    }
    return mcl_context_open(context, &options);
}

static mcl_train_options *binding_train_of_pretrain(mcl_pretrain_options *options)
{
    return &options->train;
}

static mcl_train_options *binding_train_of_finetune(mcl_finetune_options *options)
{
    return &options->train;
}

static void binding_watch(mcl_train_options *options, const int *stop,
    const int32_t *validation_labels, uint64_t report_every, void *user)
{
    options->stop = (const volatile sig_atomic_t *)stop;
    options->validation_labels = validation_labels;
    options->report_every = report_every;
    options->report = user ? binding_report : NULL;
    options->user = user;
}

static uint32_t binding_classes(const mcl_model *model)
{
    return mcl_model_architecture(model)->classes;
}

static uint32_t binding_embedding(const mcl_model *model)
{
    return mcl_model_architecture(model)->embedding;
}
"""

if __name__ == "__main__":
    ffi = cffi.FFI()
    ffi.cdef(DECLARATIONS)
    ffi.set_source("maskcl._binding", SOURCE, py_limited_api=True)
    ffi.emit_c_code(sys.argv[1])
