/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl info: what a model file or data hold. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "data_info.h"
#include "data_options.h"
#include "files.h"
#include "json.h"

#define CLASSES_SHOWN 12 /* of more, the first */

struct settings {
    mcl_data_options data;
    bool json;
};

/* A line of widths: from, the count ones in between, in order or in reverse, to. */
static void print_widths(const char *name, uint64_t from, const uint32_t *widths, uint32_t count,
    bool backwards, uint64_t to)
{
    mcl_print("%-11s %" PRIu64, name, from);
    for (uint32_t i = 0; i < count; i++)
        mcl_print(" -> %" PRIu32, widths[backwards ? count - 1 - i : i]);
    mcl_print(" -> %" PRIu64 "\n", to);
}

/* An encoder in words, and the decoder that mirrors it. */
static void print_words(const mcl_architecture *architecture)
{
    mcl_print("%-11s ", "encoder");
    if (architecture->height)
        mcl_print("%" PRIu32 " x %" PRIu32 " x %" PRIu32, architecture->height, architecture->width,
            architecture->channels);
    else
        mcl_print("%" PRIu64, architecture->input);
    mcl_print(" -> %s -> %" PRIu32 "\n", architecture->encoder, architecture->embedding);
}

static void print_networks(const mcl_architecture *architecture)
{
    const uint64_t input = architecture->input, embedding = architecture->embedding;
    const uint32_t projector = architecture->projector_count;
    const uint64_t projected = projector ? architecture->projector[projector - 1] : embedding;
    const bool words = *architecture->encoder;
    if (words)
        print_words(architecture);
    else
        print_widths(
            "encoder", input, architecture->hidden, architecture->hidden_count, false, embedding);
    if (projector)
        print_widths(
            "projector", embedding, architecture->projector, projector - 1, false, projected);
    if (architecture->predictor_count)
        print_widths("predictor", projected, architecture->predictor, architecture->predictor_count,
            false, projected);
    if (architecture->mask_head)
        print_widths("mask head", embedding, NULL, 0, false, input);
    if (architecture->own_decoder)
        print_widths(
            "decoder", embedding, architecture->decoder, architecture->decoder_count, false, input);
    else if (words)
        mcl_print("%-11s %" PRIu64 " -> the encoder's mirror image -> %" PRIu64 "\n", "decoder",
            embedding, input);
    else
        print_widths(
            "decoder", embedding, architecture->hidden, architecture->hidden_count, true, input);
}

static void print_shape(const mcl_tensor *tensor)
{
    mcl_print("  %-20s", tensor->name);
    for (uint32_t d = 0; d < tensor->dimensions; d++)
        mcl_print("%s%" PRIu64, d ? " x " : " ", tensor->shape[d]);
    mcl_print("\n");
}

/* How far an interrupted run got. */
static void print_interruption(const mcl_model *model)
{
    static const char *const keys[] = {"steps", "planned_steps", "epochs", "planned_epochs"};
    uint64_t counts[4];
    for (size_t i = 0; i < 4; i++) {
        const char *value = mcl_model_metadata_get(model, keys[i]);
        char *end;
        if (!value)
            return;
        counts[i] = strtoull(value, &end, 10);
        if (end == value || *end)
            return;
    }
    mcl_print("training    interrupted after step %" PRIu64 " of %" PRIu64 ", in epoch %" PRIu64
              " of %" PRIu64 "\n",
        counts[0], counts[1], counts[2] + 1, counts[3]);
}

/* What the head tells apart, with the names of its classes where they have some: they may be
 * others than those of the columns. */
static void print_head(const mcl_model *model)
{
    const mcl_architecture *architecture = mcl_model_architecture(model);
    const char **names = NULL;
    const char *numbers = mcl_model_metadata_get(model, "finetune_class_numbers");
    uint32_t count = 0;
    mcl_print("head        %" PRIu32 " -> %" PRIu32 " classes", architecture->embedding,
        architecture->classes);
    (void)mcl_model_class_names(&names, &count, model); /* where it fails, there are none */
    for (uint32_t i = 0; count && i < architecture->classes && i < CLASSES_SHOWN; i++) {
        char *end = NULL;
        const unsigned long number = numbers ? strtoul(numbers, &end, 10) : i;
        numbers = end && *end ? end + 1 : end;
        mcl_print(i ? ", " : ": ");
        if (number < count)
            mcl_print_clean(mcl_out, names[number]);
        else
            mcl_print("%lu", number);
    }
    if (count && architecture->classes > CLASSES_SHOWN)
        mcl_print(", and %" PRIu32 " more", architecture->classes - CLASSES_SHOWN);
    mcl_print("\n");
    mcl_class_names_free(names);
}

static void print_model(const mcl_model *model, const mcl_schema *schema)
{
    const mcl_architecture *architecture = mcl_model_architecture(model);
    uint64_t parameters, encoder;
    mcl_model_parameters(model, &parameters, &encoder);
    print_networks(architecture);
    if (architecture->classes)
        print_head(model);
    mcl_print("activation  %s\n", mcl_activation_name(architecture->activation));
    mcl_print(
        "parameters  %" PRIu64 ", of which %" PRIu64 " in the encoder\n", parameters, encoder);
    print_interruption(model);
    char digest[MCL_DIGEST_SIZE];
    mcl_model_digest(digest, model);
    mcl_print("digest      %s\n", digest);
    mcl_print_schema(schema);
    fputs("\nmetadata\n", mcl_out);
    for (size_t i = 0; i < mcl_model_metadata_count(model); i++) {
        const char *key, *value;
        mcl_model_metadata_at(model, i, &key, &value);
        if (strcmp(key, "schema") == 0) /* shown above */
            continue;
        mcl_print("  %-20s ", key);
        mcl_print_clean(mcl_out, value);
        mcl_print("\n");
    }
    fputs("\ntensors\n", mcl_out);
    for (size_t i = 0; i < mcl_model_tensor_count(model); i++) {
        mcl_tensor tensor = mcl_model_tensor(model, i);
        print_shape(&tensor);
    }
}

static mcl_exit print_json(const mcl_model *model, const mcl_schema *schema)
{
    const mcl_architecture *architecture = mcl_model_architecture(model);
    uint64_t parameters, encoder;
    mcl_model_parameters(model, &parameters, &encoder);
    cJSON *root = mcl_json_object();
    cJSON *shape = mcl_json_object_in(root, "architecture");
    mcl_json_number(shape, "input", (double)architecture->input);
    if (*architecture->encoder)
        mcl_json_text(shape, "encoder", architecture->encoder);
    cJSON *hidden = mcl_json_array_in(shape, "hidden");
    for (uint32_t i = 0; i < architecture->hidden_count; i++)
        mcl_json_number_at(hidden, architecture->hidden[i]);
    mcl_json_number(shape, "embedding", architecture->embedding);
    mcl_json_text(shape, "activation", mcl_activation_name(architecture->activation));
    if (architecture->classes)
        mcl_json_number(shape, "classes", architecture->classes);
    mcl_json_number(root, "parameters", (double)parameters);
    mcl_json_number(root, "encoder_parameters", (double)encoder);
    char digest[MCL_DIGEST_SIZE];
    mcl_model_digest(digest, model);
    mcl_json_text(root, "digest", digest);
    if (schema)
        mcl_json_schema(mcl_json_object_in(root, "schema"), schema);
    cJSON *metadata = mcl_json_object_in(root, "metadata");
    for (size_t i = 0; i < mcl_model_metadata_count(model); i++) {
        const char *key, *value;
        mcl_model_metadata_at(model, i, &key, &value);
        mcl_json_text(metadata, key, value);
    }
    cJSON *tensors = mcl_json_array_in(root, "tensors");
    for (size_t i = 0; i < mcl_model_tensor_count(model); i++) {
        const mcl_tensor tensor = mcl_model_tensor(model, i);
        cJSON *entry = mcl_json_object_at(tensors);
        mcl_json_text(entry, "name", tensor.name);
        cJSON *sizes = mcl_json_array_in(entry, "shape");
        for (uint32_t d = 0; d < tensor.dimensions; d++)
            mcl_json_number_at(sizes, (double)tensor.shape[d]);
    }
    return mcl_json_print(root);
}

static mcl_exit show_model(const struct settings *settings, const mcl_model *model)
{
    mcl_schema *schema;
    mcl_exit code = MCL_EXIT_DONE;
    if (mcl_model_schema(&schema, model) != MCL_OK)
        return mcl_complain(MCL_EXIT_FAILED, "metadata 'schema': %s", mcl_error_message());
    if (settings->json)
        code = print_json(model, schema);
    else
        print_model(model, schema);
    mcl_schema_free(schema);
    return code;
}

static mcl_exit show_data(const struct settings *settings, const mcl_arguments *arguments)
{
    mcl_data *data = NULL;
    mcl_exit code =
        mcl_load_all(&data, arguments->operands, arguments->operand_count, &settings->data, NULL);
    if (code == MCL_EXIT_DONE && settings->json) {
        cJSON *root = mcl_json_object();
        mcl_json_data(root, data);
        code = mcl_json_print(root);
    } else if (code == MCL_EXIT_DONE) {
        mcl_print_data(data);
    }
    mcl_data_free(data);
    return code;
}

/* Whether a file that cannot be read as a model is meant as one: safetensors with a model's
 * metadata, or what its name calls a model, unless it is known to be another's. */
static bool is_meant_as_model(const char *path, const char *message)
{
    const size_t length = strlen(path);
    const bool named = length > 12 && strcmp(path + length - 12, ".safetensors") == 0;
    return named && !strstr(message, "but not a maskcl model");
}

static mcl_exit run(void *given, const mcl_arguments *arguments)
{
    const struct settings *settings = given;
    const char *path = arguments->operands[0];
    mcl_model *model = NULL;
    if (arguments->operand_count > 1 || strcmp(path, "-") == 0)
        return show_data(settings, arguments);
    if (mcl_model_load(&model, path) != MCL_OK)
        return is_meant_as_model(path, mcl_error_message())
                   ? mcl_complain(MCL_EXIT_FAILED, "%s", mcl_error_message())
                   : show_data(settings, arguments);
    const mcl_exit code = show_model(settings, model);
    mcl_model_free(model);
    return code;
}

static const mcl_option options[] = {
    {.name = "json",
        .group = "Output",
        .help = "print one JSON object",
        .type = &mcl_option_switch,
        .offset = offsetof(struct settings, json)},
};

const mcl_command mcl_command_info = {
    .name = "info",
    .summary = "print what a model or data hold",
    .description =
        "Prints what a model file holds: the widths of its encoder and decoder, how many "
        "parameters it has, the columns that it takes, how it was trained, and its tensors.\n"
        "Of data it prints how many rows there are, of what, their classes and, of a table, what "
        "each column is taken for, as pretrain with the same options would. Needs no device.",
    .examples = "  maskcl info fashion.safetensors\n"
                "  maskcl info penguins.csv --label species",
    .operands = {{"FILE", "a model file, or data as pretrain takes them"}},
    .operand_count = 1,
    .last_repeats = true,
    .data_keys = mcl_data_keys_fitted,
    .data_offset = offsetof(struct settings, data),
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
