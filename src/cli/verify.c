/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl verify: whether a device reproduces the reference bits. */
#include "maskcl/verify.h"

#include <inttypes.h>
#include <string.h>

#include "certificate.h"
#include "commands.h"
#include "device_options.h"
#include "files.h"
#include "json.h"

struct settings {
    mcl_device_settings device;
    bool all;
    bool json;
    const char *certificate; /* NULL: none */
};

/* One device's result as the summary shows it. */
struct result {
    mcl_device_info device;
    bool skipped, agrees;
    uint64_t checks, failed;
};

/* Where the checks of a device go. */
struct output {
    const char *stage; /* the last one printed */
    cJSON *checks;     /* NULL: to standard output */
    mcl_certificate certificate;
};

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void print_name(const mcl_device_info *device)
{
    mcl_print_clean(mcl_out, device->name);
    fputs(" (", mcl_out);
    mcl_print_clean(mcl_out, device->platform);
    fputs(", driver ", mcl_out);
    mcl_print_clean(mcl_out, device->driver_version);
    fputs(")", mcl_out);
}

static void print_check(const mcl_check *check, struct output *output)
{
    const bool same = output->stage && strcmp(output->stage, check->stage) == 0;
    output->stage = check->stage;
    mcl_print("%-15s %-60s %8" PRIu64 "  ", same ? "" : check->stage, check->kernel, check->cases);
    if (check->agrees)
        mcl_print("agrees\n");
    else
        mcl_print("DIFFERS: %s is %s instead of %s\n", check->place, check->got, check->expected);
    fflush(mcl_out);
}

static void add_check(const mcl_check *check, const struct output *output)
{
    cJSON *entry = mcl_json_object_at(output->checks);
    mcl_json_text(entry, "stage", check->stage);
    mcl_json_text(entry, "kernel", check->kernel);
    mcl_json_number(entry, "cases", (double)check->cases);
    mcl_json_bool(entry, "agrees", check->agrees);
    if (check->agrees)
        return;
    mcl_json_text(entry, "place", check->place);
    mcl_json_text(entry, "expected", check->expected);
    mcl_json_text(entry, "got", check->got);
}

static void take_check(const mcl_check *check, void *user)
{
    struct output *output = user;
    if (output->checks)
        add_check(check, output);
    else
        print_check(check, output);
    mcl_certificate_add(&output->certificate, check);
}

static void print_verdict(const mcl_verdict *verdict)
{
    if (verdict->flushes_subnormals)
        mcl_print(
            "note: it makes subnormal numbers zero, which the contract allows between flushes\n");
    if (verdict->failed)
        mcl_print("this device does not reproduce the reference bits: %" PRIu64 " of %" PRIu64
                  " checks differ; %s\n",
            verdict->failed, verdict->checks, verdict->reason);
    else
        mcl_print("this device reproduces the reference bits\n");
}

static void add_verdict(cJSON *entry, const mcl_verdict *verdict)
{
    mcl_json_bool(entry, "reproduces", verdict->failed == 0);
    mcl_json_bool(entry, "flushes_subnormals", verdict->flushes_subnormals);
    mcl_json_text(entry, "reason", verdict->reason);
}

/* Describes a device in the array; NULL where there is none. */
static cJSON *add_device(cJSON *devices, const mcl_device_info *device)
{
    if (!devices)
        return NULL;
    cJSON *entry = mcl_json_object_at(devices);
    mcl_json_text(entry, "name", device->name);
    mcl_json_text(entry, "platform", device->platform);
    mcl_json_text(entry, "type", mcl_device_type_name(device->type));
    mcl_json_text(entry, "driver_version", device->driver_version);
    mcl_json_bool(entry, "fma", device->fma);
    return entry;
}

/* A device whose kernels cannot be built or run fails, and others may follow. */
static void failed_to_run(struct result *result, cJSON *entry)
{
    result->agrees = false;
    if (entry)
        mcl_json_text(entry, "error", mcl_error_message());
    (void)mcl_complain_status(MCL_ERROR_DEVICE);
}

/* MCL_EXIT_FAILED where the certificate cannot be written. */
static mcl_exit verify(
    struct result *result, mcl_context *context, cJSON *devices, const char *certificate)
{
    mcl_verdict verdict;
    struct output output = {.stage = NULL};
    result->device = *mcl_context_device(context);
    cJSON *entry = add_device(devices, &result->device);
    if (certificate)
        mcl_certificate_begin(&output.certificate, &result->device);
    if (entry) {
        output.checks = mcl_json_array_in(entry, "checks");
    } else {
        print_name(&result->device);
        mcl_print("\n%-15s %-60s %8s\n", "stage", "kernel", "cases");
    }
    if (mcl_verify(&verdict, context, take_check, &output) != MCL_OK) {
        failed_to_run(result, entry);
        mcl_certificate_free(&output.certificate);
        return MCL_EXIT_DONE;
    }
    result->agrees = verdict.failed == 0;
    result->checks = verdict.checks;
    result->failed = verdict.failed;
    if (entry)
        add_verdict(entry, &verdict);
    else
        print_verdict(&verdict);
    const mcl_exit written =
        mcl_certificate_write(&output.certificate, &verdict, context, certificate);
    mcl_certificate_free(&output.certificate);
    return written;
}

static mcl_exit verify_one(const struct settings *settings, cJSON *devices)
{
    struct result result = {.agrees = false};
    mcl_context *context;
    const mcl_context_options options = {.platform = settings->device.platform,
        .device = settings->device.device,
        .gemm = MCL_GEMM_NATIVE,
        .warn = mcl_warn_of_device};
    const mcl_status status = mcl_context_open(&context, &options);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    const mcl_exit written = verify(&result, context, devices, settings->certificate);
    mcl_context_close(context);
    return result.agrees ? written : MCL_EXIT_FAILED;
}

static void verify_listed(struct result *result, const mcl_device_info *device, cJSON *devices)
{
    char platform[16], number[16];
    const mcl_context_options options = {.platform = platform,
        .device = number,
        .gemm = MCL_GEMM_NATIVE,
        .warn = mcl_warn_of_device};
    mcl_context *context;
    *result = (struct result){.device = *device, .skipped = !device->usable};
    if (result->skipped)
        return;
    snprintf(platform, sizeof platform, "%" PRIu32, device->platform_index);
    snprintf(number, sizeof number, "%" PRIu32, device->device_index);
    if (mcl_context_open(&context, &options) != MCL_OK) {
        failed_to_run(result, add_device(devices, device));
        return;
    }
    (void)verify(result, context, devices, NULL);
    mcl_context_close(context);
    if (!devices)
        mcl_print("\n");
}

static void print_summary(const struct result *results, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct result *result = &results[i];
        print_name(&result->device);
        if (result->skipped)
            mcl_print(": skipped, it is not available or its driver has no compiler\n");
        else if (result->agrees)
            mcl_print(": reproduces the reference bits, %" PRIu64 " checks\n", result->checks);
        else if (result->checks == 0)
            mcl_print(": failed to run\n");
        else
            mcl_print(": does not reproduce the reference bits, %" PRIu64 " check%s of %" PRIu64
                      " differ%s\n",
                result->failed, plural(result->failed), result->checks,
                result->failed == 1 ? "s" : "");
    }
}

static mcl_exit verify_all(cJSON *devices)
{
    mcl_device_info *list;
    size_t count;
    bool agrees = true;
    const mcl_status status = mcl_devices_list(&list, &count);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    struct result results[64];
    if (count > sizeof results / sizeof *results)
        count = sizeof results / sizeof *results;
    for (size_t i = 0; i < count; i++) {
        verify_listed(&results[i], &list[i], devices);
        agrees = agrees && (results[i].agrees || results[i].skipped);
    }
    if (!devices)
        print_summary(results, count);
    mcl_devices_free(list);
    return agrees ? MCL_EXIT_DONE : MCL_EXIT_FAILED;
}

static mcl_exit run(void *given, const mcl_arguments *arguments)
{
    (void)arguments;
    const struct settings *settings = given;
    const mcl_exit possible =
        settings->certificate ? mcl_check_output(settings->certificate, NULL, 0) : MCL_EXIT_DONE;
    if (possible != MCL_EXIT_DONE)
        return possible;
    cJSON *root = settings->json ? mcl_json_object() : NULL;
    cJSON *devices = root ? mcl_json_array_in(root, "devices") : NULL;
    if (settings->json && !devices) {
        cJSON_Delete(root);
        return mcl_complain(MCL_EXIT_FAILED, "the host has no memory for the answer");
    }
    mcl_streams_guard(false);
    const mcl_exit code = settings->all ? verify_all(devices) : verify_one(settings, devices);
    if (!root)
        return code;
    mcl_json_bool(root, "reproduces", code == MCL_EXIT_DONE);
    const mcl_exit printed = mcl_json_print(root);
    return code == MCL_EXIT_DONE ? printed : code;
}

static const char *needs_no_device(const void *given)
{
    const struct settings *settings = given;
    return settings->device.platform || settings->device.device
               ? "it takes every device, but one is named: leave out --platform and --device"
               : NULL;
}

static const char *needs_one_device(const void *given)
{
    const struct settings *settings = given;
    return settings->all ? "a certificate is of one device: leave out --all" : NULL;
}

static const mcl_option options[] = {
    MCL_DEVICE_SELECTION(struct settings, device),
    {.name = "all",
        .group = "Device",
        .help = "verify every device of every platform, one after the other",
        .type = &mcl_option_switch,
        .offset = offsetof(struct settings, all),
        .conflict = needs_no_device},
    {.name = "json",
        .group = "Output",
        .help = "print one JSON object",
        .type = &mcl_option_switch,
        .offset = offsetof(struct settings, json)},
    {.name = "certificate",
        .argument = "FILE.json",
        .group = "Output",
        .help =
            "write what was found out to a small file that can be sent to others: the device and "
            "its driver, the digests that the trainings reached, how many checks agree, the peak "
            "rates of fma and of copies, the date; nothing in it tells whose machine it was",
        .type = &mcl_option_text,
        .offset = offsetof(struct settings, certificate),
        .without = "none",
        .conflict = needs_one_device},
};

const mcl_command mcl_command_verify = {
    .name = "verify",
    .summary = "find out whether a device reproduces the reference bits",
    .description =
        "Runs every kernel of a training step, both of maskcl's matrix products and some short "
        "trainings on a device, and compares every result with what the numeric contract "
        "demands: kernels with the same computation on the host, trainings with known digests. "
        "Prints a line a kernel with the number of results, and the first one that differs. Then "
        "says whether the device reproduces the reference bits, or which of its operations does "
        "not keep the contract; the exit code is 1 then. What it prints is what a report of a "
        "problem should contain.",
    .examples = "  maskcl verify --all\n"
                "  maskcl verify --device 1 --certificate device.json",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
