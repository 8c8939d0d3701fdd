/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl diff: where two models, or a model's training on two devices, diverge. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "data_options.h"
#include "device_options.h"
#include "json.h"
#include "maskcl/reproduce.h"
#include "progress.h"
#include "replay.h"
#include "signals.h"
#include "streams.h"

static const char letters[2] = {'a', 'b'};

struct settings {
    mcl_replay_files files;
    bool replay;
    struct {
        const char *device;
        mcl_gemm_kind gemm;
    } side[2];
    uint64_t memory;
    bool quiet, json;
};

/* What two models have in a tensor of one name. */
struct tensor_difference {
    uint64_t elements, differing;
    uint64_t first; /* the first that differs, and its values */
    float values[2];
    uint64_t distance; /* the largest number of floats between two that differ */
};

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Floats in their order, as whole numbers without gaps; both zeros are 0. */
static int64_t rank_of(float value)
{
    const uint32_t bits = bits_of(value), size = bits & 0x7FFFFFFF;
    return bits >> 31 ? -(int64_t)size : (int64_t)size;
}

/* "3f800000 (1)" */
static void show_bits(char text[48], uint32_t bits)
{
    snprintf(text, 48, "%08" PRIx32 " (%.9g)", bits, (double)float_of(bits));
}

static bool has_shape(const mcl_tensor *a, const mcl_tensor *b)
{
    return a->dimensions == b->dimensions &&
           memcmp(a->shape, b->shape, a->dimensions * sizeof *a->shape) == 0;
}

static uint64_t elements_of(const mcl_tensor *tensor)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < tensor->dimensions; i++)
        count *= tensor->shape[i];
    return count;
}

static struct tensor_difference compare_tensors(const mcl_tensor *a, const mcl_tensor *b)
{
    struct tensor_difference difference = {.elements = elements_of(a)};
    for (uint64_t i = 0; i < difference.elements; i++) {
        const float x = a->values[i], y = b->values[i];
        const int64_t distance = rank_of(x) - rank_of(y);
        const uint64_t size = (uint64_t)(distance < 0 ? -distance : distance);
        if (bits_of(x) == bits_of(y))
            continue;
        if (difference.differing++ == 0) {
            difference.first = i;
            difference.values[0] = x;
            difference.values[1] = y;
        }
        difference.distance = size > difference.distance ? size : difference.distance;
    }
    return difference;
}

static bool find_tensor(mcl_tensor *tensor, const mcl_model *model, const char *name)
{
    for (size_t i = 0; i < mcl_model_tensor_count(model); i++) {
        *tensor = mcl_model_tensor(model, i);
        if (strcmp(tensor->name, name) == 0)
            return true;
    }
    return false;
}

/* Two models that are being compared, and what has been found. */
struct models {
    const char *const *paths;
    mcl_model *model[2];
    cJSON *root; /* NULL: text */
    bool quiet;
    bool same;       /* all tensors */
    size_t metadata; /* keys whose values differ */
};

static void tell_metadata(struct models *models, cJSON *list, const char *key)
{
    const char *values[2];
    for (size_t side = 0; side < 2; side++)
        values[side] = mcl_model_metadata_get(models->model[side], key);
    if (values[0] && values[1] && strcmp(values[0], values[1]) == 0)
        return;
    if (models->metadata++ == 0 && !models->root && !models->quiet)
        mcl_print("metadata that differ\n");
    if (models->root) {
        cJSON *entry = mcl_json_object_at(list);
        mcl_json_text(entry, "key", key);
        for (size_t side = 0; side < 2; side++) {
            if (values[side])
                mcl_json_text(entry, side ? "b" : "a", values[side]);
        }
    } else if (!models->quiet) {
        fputs("  ", mcl_out);
        mcl_print_clean(mcl_out, key);
        mcl_print("%*s", strlen(key) < 20 ? (int)(20 - strlen(key)) : 0, "");
        for (size_t side = 0; side < 2; side++) {
            mcl_print("%s%c: ", side ? "  " : " ", letters[side]);
            mcl_print_clean(mcl_out, values[side] ? values[side] : "(none)");
        }
        mcl_print("\n");
    }
}

/* All keys of a, then those that b alone has. */
static void compare_metadata(struct models *models)
{
    cJSON *list = models->root ? mcl_json_array_in(models->root, "metadata") : NULL;
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < mcl_model_metadata_count(models->model[side]); i++) {
            const char *key, *value;
            mcl_model_metadata_at(models->model[side], i, &key, &value);
            if (side == 0 || !mcl_model_metadata_get(models->model[0], key))
                tell_metadata(models, list, key);
        }
    }
}

static void tell_shape(
    const struct models *models, cJSON *list, const char *name, const char *problem)
{
    if (models->root) {
        cJSON *entry = mcl_json_object_at(list);
        mcl_json_text(entry, "name", name);
        mcl_json_text(entry, "problem", problem);
    } else if (!models->quiet) {
        mcl_print("  %-20s %s\n", name, problem);
    }
}

static void tell_tensor(const struct models *models, cJSON *list, const char *name,
    const struct tensor_difference *difference)
{
    char values[2][48];
    for (size_t side = 0; side < 2; side++)
        show_bits(values[side], bits_of(difference->values[side]));
    if (models->root) {
        cJSON *entry = mcl_json_object_at(list);
        mcl_json_text(entry, "name", name);
        mcl_json_number(entry, "elements", (double)difference->elements);
        mcl_json_number(entry, "differing", (double)difference->differing);
        mcl_json_number(entry, "first", (double)difference->first);
        mcl_json_text(entry, "a", values[0]);
        mcl_json_text(entry, "b", values[1]);
        mcl_json_number(entry, "largest_ulp", (double)difference->distance);
    } else if (!models->quiet) {
        mcl_print("  %-20s %" PRIu64 " of %" PRIu64 " elements, by up to %" PRIu64
                  " ulp; the first is element %" PRIu64 ", a: %s  b: %s\n",
            name, difference->differing, difference->elements, difference->distance,
            difference->first, values[0], values[1]);
    }
}

/* Begins the list of the tensors that differ at the first of them. */
static void differ(struct models *models)
{
    if (models->same && !models->root && !models->quiet)
        mcl_print("tensors that differ\n");
    models->same = false;
}

static void compare_values(struct models *models)
{
    cJSON *list = models->root ? mcl_json_array_in(models->root, "tensors") : NULL;
    mcl_tensor other;
    models->same = true;
    for (size_t i = 0; i < mcl_model_tensor_count(models->model[0]); i++) {
        const mcl_tensor tensor = mcl_model_tensor(models->model[0], i);
        const bool found = find_tensor(&other, models->model[1], tensor.name);
        if (!found || !has_shape(&tensor, &other)) {
            differ(models);
            tell_shape(models, list, tensor.name, found ? "has another shape" : "is in a alone");
            continue;
        }
        const struct tensor_difference difference = compare_tensors(&tensor, &other);
        if (difference.differing) {
            differ(models);
            tell_tensor(models, list, tensor.name, &difference);
        }
    }
    for (size_t i = 0; i < mcl_model_tensor_count(models->model[1]); i++) {
        const mcl_tensor tensor = mcl_model_tensor(models->model[1], i);
        if (!find_tensor(&other, models->model[0], tensor.name)) {
            differ(models);
            tell_shape(models, list, tensor.name, "is in b alone");
        }
    }
}

static void conclude_models(const struct models *models)
{
    if (models->same)
        mcl_print("%s\n", models->metadata ? "the models have the same bits; their metadata differ"
                                           : "the models are the same");
    else if (models->metadata)
        mcl_print(
            "the bits of the models differ, and they were trained differently: see the metadata\n");
    else
        mcl_print(
            "the bits of the models differ, but not their metadata: 'maskcl diff A --device-a "
            "DEVICE --device-b DEVICE' finds where two devices diverge, and 'maskcl reproduce' "
            "which of the models this device makes\n");
}

static mcl_exit compare_models(
    bool *same, cJSON *root, const struct settings *settings, const char *const *paths)
{
    struct models models = {.paths = paths, .root = root, .quiet = settings->quiet};
    mcl_exit code = mcl_load_model(&models.model[0], paths[0]);
    if (code == MCL_EXIT_DONE)
        code = mcl_load_model(&models.model[1], paths[1]);
    if (code == MCL_EXIT_DONE) {
        compare_metadata(&models);
        compare_values(&models);
        *same = models.same;
        if (!root && !models.quiet)
            conclude_models(&models);
    }
    mcl_model_free(models.model[0]);
    mcl_model_free(models.model[1]);
    return code;
}

/* Trainings side by side. */

struct replays {
    const struct settings *settings;
    mcl_replay of[2];
    mcl_progress progress;
};

static void report(uint64_t step, uint64_t steps, bool locating, void *user)
{
    struct replays *replays = user;
    char tail[64];
    snprintf(tail, sizeof tail, "step %" PRIu64 " of %" PRIu64, step, steps);
    mcl_progress_part(&replays->progress, locating ? "locating" : "comparing",
        (double)step / (double)steps, tail);
}

/* A side's products are those of its run, unless others are asked for. */
static mcl_context_options device_of(const struct replays *replays, size_t side)
{
    const mcl_gemm_kind gemm = replays->settings->side[side].gemm;
    return (mcl_context_options){.device = replays->settings->side[side].device,
        .gemm = gemm == MCL_GEMM_AUTO ? replays->of[side].run.product : gemm,
        .warn = mcl_warn_of_device};
}

static void print_device(const mcl_difference *difference, size_t side)
{
    const mcl_device_info *device = &difference->device[side];
    mcl_print("%c  ", letters[side]);
    mcl_print_clean(mcl_out, device->name);
    fputs(" (", mcl_out);
    mcl_print_clean(mcl_out, device->platform);
    fputs(", driver ", mcl_out);
    mcl_print_clean(mcl_out, device->driver_version);
    mcl_print("), products by %s\n", mcl_gemm_kind_name(difference->product[side]));
}

static void print_place(const mcl_difference *difference)
{
    char values[2][48];
    for (size_t side = 0; side < 2; side++)
        show_bits(values[side], difference->bits[side]);
    if (difference->located)
        mcl_print("the first launch that differs is number %" PRIu64
                  " of that step, kernel %s: %" PRIu64 " word%s of its argument %" PRIu32 "%s%s%s"
                  ", the first of them element %" PRIu64 ", a: %s  b: %s\n",
            difference->launch, difference->kernel, difference->differing,
            difference->differing == 1 ? "" : "s", difference->argument,
            *difference->parameter ? " (" : "", difference->parameter,
            *difference->parameter ? ")" : "", difference->element, values[0], values[1]);
    else if (*difference->other_kernel)
        mcl_print("launch number %" PRIu64 " of that step is %s on a and %s on b\n",
            difference->launch, difference->kernel, difference->other_kernel);
    else
        mcl_print(
            "run again, that step was the same in every launch: one of the sides does not compute "
            "the same twice\n");
}

static void print_difference(const mcl_difference *difference)
{
    print_device(difference, 0);
    print_device(difference, 1);
    if (!difference->found) {
        mcl_print("the trainings have the same bits after each of %" PRIu64 " step%s\n",
            difference->steps, difference->steps == 1 ? "" : "s");
        return;
    }
    mcl_print("the first step that differs is step %" PRIu64 "\n", difference->steps);
    print_place(difference);
}

static void add_side(cJSON *entry, const mcl_difference *difference, size_t side)
{
    const mcl_device_info *device = &difference->device[side];
    cJSON *object = mcl_json_object_in(entry, side ? "b" : "a");
    mcl_json_text(object, "device", device->name);
    mcl_json_text(object, "platform", device->platform);
    mcl_json_text(object, "driver_version", device->driver_version);
    mcl_json_text(object, "product", mcl_gemm_kind_name(difference->product[side]));
    mcl_json_text(object, "state_digest", difference->digest[side]);
}

static void add_difference(cJSON *root, const mcl_difference *difference)
{
    cJSON *entry = mcl_json_object_in(root, "training");
    char values[48];
    mcl_json_bool(entry, "same", !difference->found);
    mcl_json_number(entry, "steps", (double)difference->steps);
    add_side(entry, difference, 0);
    add_side(entry, difference, 1);
    if (difference->located || *difference->other_kernel) {
        mcl_json_number(entry, "launch", (double)difference->launch);
        mcl_json_text(entry, "kernel", difference->kernel);
    }
    if (*difference->other_kernel)
        mcl_json_text(entry, "kernel_b", difference->other_kernel);
    if (!difference->located)
        return;
    mcl_json_number(entry, "argument", difference->argument);
    mcl_json_text(entry, "parameter", difference->parameter);
    mcl_json_number(entry, "element", (double)difference->element);
    mcl_json_number(entry, "differing", (double)difference->differing);
    show_bits(values, difference->bits[0]);
    mcl_json_text(entry, "value_a", values);
    show_bits(values, difference->bits[1]);
    mcl_json_text(entry, "value_b", values);
}

static mcl_exit compare_loaded(bool *same, cJSON *root, struct replays *replays)
{
    const struct settings *settings = replays->settings;
    mcl_difference difference;
    mcl_side sides[2];
    for (size_t side = 0; side < 2; side++)
        sides[side] = (mcl_side){&replays->of[side].run, &replays->of[side].input,
            device_of(replays, side), settings->memory};
    mcl_streams_guard(settings->quiet);
    mcl_progress_note(&replays->progress, "compiling kernels and loading the data");
    const mcl_status status =
        mcl_run_compare(&difference, sides, report, replays, mcl_signals_defer());
    mcl_progress_clear(&replays->progress);
    if (status == MCL_INTERRUPTED) {
        fprintf(
            mcl_err, "maskcl: interrupted by %s: %s\n", mcl_signals_name(), mcl_error_message());
        return MCL_EXIT_INTERRUPTED;
    }
    if (status != MCL_OK)
        return mcl_complain_status(status);
    *same = *same && !difference.found;
    if (root)
        add_difference(root, &difference);
    else if (!settings->quiet)
        print_difference(&difference);
    return MCL_EXIT_DONE;
}

static mcl_exit compare_trainings(
    bool *same, cJSON *root, const struct settings *settings, const char *const *paths)
{
    struct replays *replays = calloc(1, sizeof *replays);
    if (!replays)
        return mcl_complain(MCL_EXIT_FAILED, "the host has no memory left");
    replays->settings = settings;
    replays->progress = mcl_progress_start(settings->quiet);
    mcl_exit code = mcl_replay_load(&replays->of[0], paths[0], &settings->files);
    if (code == MCL_EXIT_DONE)
        code = mcl_replay_load(&replays->of[1], paths[1], &settings->files);
    for (size_t side = 0; side < (paths[0] == paths[1] ? 1 : 2) && code == MCL_EXIT_DONE; side++)
        mcl_replay_warn(&replays->of[side], paths[side], settings->quiet);
    if (code == MCL_EXIT_DONE)
        code = compare_loaded(same, root, replays);
    mcl_replay_free(&replays->of[0]);
    mcl_replay_free(&replays->of[1]);
    free(replays);
    return code;
}

static mcl_exit run_command(void *given, const mcl_arguments *arguments)
{
    static const char *const sides[] = {"device-a", "device-b", "gemm-a", "gemm-b", "data"};
    const struct settings *settings = given;
    const char *const a = arguments->operands[0], *const b = arguments->operands[1];
    const char *const paths[2] = {a, b ? b : a};
    bool replay = settings->replay, same = true;
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        replay = replay || mcl_option_given(arguments, sides[i]);
    if (!a || (!b && !replay))
        return mcl_complain(MCL_EXIT_USAGE,
            "diff needs two models, or one and two devices to train it on, by --device-a and "
            "--device-b: see 'maskcl help diff'");
    cJSON *root = settings->json ? mcl_json_object() : NULL;
    mcl_exit code = b ? compare_models(&same, root, settings, paths) : MCL_EXIT_DONE;
    if (code == MCL_EXIT_DONE && replay)
        code = compare_trainings(&same, root, settings, paths);
    if (code != MCL_EXIT_DONE) {
        cJSON_Delete(root);
        return code;
    }
    if (root) {
        mcl_json_bool(root, "same", same);
        code = mcl_json_print(root);
    }
    return code == MCL_EXIT_DONE && !same ? MCL_EXIT_FAILED : code;
}

static const char *needs_replay(const void *given)
{
    const struct settings *settings = given;
    const bool sides = settings->side[0].device || settings->side[1].device ||
                       settings->side[0].gemm || settings->side[1].gemm || settings->files.data;
    return settings->replay || sides
               ? NULL
               : "nothing is trained: add --replay, or --device-a and --device-b";
}

#define OFFSET(member) offsetof(struct settings, member)

#define SIDE(letter, number)                                                                       \
    {.name = "device-" letter,                                                                     \
        .argument = "DEVICE",                                                                      \
        .group = "Training",                                                                       \
        .help = "train " letter " on this device, named as --device names one: 0:1, 4090, gpu",    \
        .type = &mcl_option_text,                                                                  \
        .offset = OFFSET(side[number].device),                                                     \
        .without = "the one that other commands take"},                                            \
    {                                                                                              \
        .name = "gemm-" letter, .argument = "auto|clblast|native|native-cpu|native-gpu",           \
        .group = "Training", .help = "who computes the products of " letter,                       \
        .type = &mcl_option_gemm, .offset = OFFSET(side[number].gemm),                             \
        .without = "as the model tells"                                                            \
    }

static const mcl_option options[] = {
    {.name = "replay",
        .group = "Training",
        .help =
            "train both models once more, step by step; --data, --device-a, --device-b, --gemm-a "
            "and --gemm-b do that too",
        .type = &mcl_option_switch,
        .offset = OFFSET(replay)},
    SIDE("a", 0),
    SIDE("b", 1),
    {.name = "device-memory",
        .argument = "LIMIT",
        .group = "Training",
        .help = "how much of each device's memory may be used, in bytes or with K, M or G",
        .type = &mcl_option_memory,
        .offset = OFFSET(memory),
        .without = "7/8 of what the device reports",
        .conflict = needs_replay},
    MCL_REPLAY_OPTIONS(struct settings, files),
    {.name = "json",
        .group = "Output",
        .help = "print one JSON object",
        .type = &mcl_option_switch,
        .offset = OFFSET(json)},
    {.name = "quiet",
        .letter = 'q',
        .group = "Output",
        .help = "print nothing but errors and warnings",
        .type = &mcl_option_switch,
        .offset = OFFSET(quiet)},
};

const mcl_command mcl_command_diff = {
    .name = "diff",
    .summary = "find where two models, or two devices, diverge",
    .description =
        "Compares two models: the metadata that differ, and the tensors, with the first element "
        "that differs and how far apart the values are, in ulp: the number of steps from a float32 "
        "to the next.\n"
        "With --replay, or a file or a device to train with, it also trains: both models, or one "
        "model on both sides, step by step as their metadata say. It names the first step after "
        "which the two sides are not the same, and in that step the first launch of a kernel that "
        "differs, its argument and the element. Where the sides multiply matrices in different "
        "ways, a product counts as one launch.\n"
        "The exit code is 0 when all bits are the same, and 1 when some are not.",
    .examples = "  maskcl diff mine.safetensors theirs.safetensors\n"
                "  maskcl diff model.safetensors --device-a 0:0 --device-b 1:0 --data rows.npy\n"
                "  maskcl diff model.safetensors --gemm-a native --gemm-b clblast --data rows.npy",
    .operands = {{"A", "a model file"},
        {"B", "another one; without it, A is trained on both sides"}},
    .operand_count = 2,
    .optional_operands = 2,
    .data_keys = mcl_data_keys_applied,
    .data_offset = offsetof(struct settings, files.reading),
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run_command,
};
