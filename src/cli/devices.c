/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl devices: every OpenCL platform and device, and the one that would be used. */
#include <inttypes.h>
#include <string.h>

#include "commands.h"
#include "device_options.h"
#include "json.h"
#include "maskcl/tune.h"

struct settings {
    mcl_device_settings device;
    bool json;
};

/* All devices, and the one that would be used: none when selected is not MCL_OK. */
struct listing {
    mcl_device_info *devices;
    size_t count;
    mcl_status selected;
    size_t used;
    const char *reason;
    char problems[4096]; /* drivers that cannot be loaded, a line each */
};

static void show_bytes(char text[32], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    snprintf(text, 32, unit && value < 100 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

/* The same card where its better driver has it: mostly the device itself. */
static const mcl_device_info *preferred_of(const struct listing *list, size_t i)
{
    return &list->devices[mcl_device_preferred(list->devices, list->count, i)];
}

static void print_detail(const char *label, const char *text)
{
    mcl_print("          %-9s ", label);
    mcl_print_clean(mcl_out, *text ? text : "unknown");
    mcl_print("\n");
}

/* By mcl_tuning_state. */
static const char *const tuned_names[] = {"no", "yes", "no: the file does not fit"};

static void print_device(const mcl_device_info *device, const mcl_device_info *preferred, bool used)
{
    char index[24], memory[32], rates[96];
    if (device->clock)
        snprintf(rates, sizeof rates, "%" PRIu32 " MHz, about %" PRIu32 " lanes a unit",
            device->clock, device->lanes);
    else
        snprintf(rates, sizeof rates, "about %" PRIu32 " lanes a unit", device->lanes);
    snprintf(
        index, sizeof index, "%" PRIu32 ":%" PRIu32, device->platform_index, device->device_index);
    show_bytes(memory, device->global_memory);
    mcl_print("%c %-6s  %-11s  %13" PRIu32 "  %8s  %-3s  %-10s  ", used ? '*' : ' ', index,
        mcl_device_type_name(device->type), device->compute_units, memory,
        device->fma ? "yes" : "no", device->subnormals ? "yes" : "no");
    mcl_print_clean(mcl_out, device->name);
    mcl_print("\n");
    if (!device->usable)
        print_detail("unusable:", "it is not available, or its driver has no compiler");
    print_detail("platform", device->platform);
    print_detail("vendor", device->vendor);
    print_detail("driver", device->driver_version);
    print_detail("version", device->opencl_version);
    print_detail("rates", rates);
    if (device->host_memory)
        print_detail("shares", "the host's memory");
    if (device->too_old)
        print_detail("too old:", "below OpenCL 1.2, which the kernels need: taken last");
    if (preferred != device) {
        snprintf(rates, sizeof rates,
            "the same as %" PRIu32 ":%" PRIu32 ", which has the better driver",
            preferred->platform_index, preferred->device_index);
        print_detail("card", rates);
    }
    print_detail("tuned", tuned_names[mcl_device_tuning(device, NULL, 0)]);
}

static void print_table(const struct listing *list)
{
    fputs("  index   type         compute units    memory  fma  subnormals  name\n", mcl_out);
    for (size_t i = 0; i < list->count; i++)
        print_device(
            &list->devices[i], preferred_of(list, i), list->selected == MCL_OK && i == list->used);
    if (list->selected != MCL_OK)
        return;
    fputs("* would be used: ", mcl_out);
    mcl_print_clean(mcl_out, list->reason);
    fputs("\nThe index is PLATFORM:DEVICE, as --device takes it\n", mcl_out);
}

static void add_device(
    cJSON *array, const mcl_device_info *device, const mcl_device_info *preferred, bool used)
{
    char card[24] = "";
    cJSON *entry = mcl_json_object_at(array);
    mcl_json_number(entry, "platform_index", device->platform_index);
    mcl_json_number(entry, "device_index", device->device_index);
    mcl_json_device(entry, device);
    mcl_json_text(entry, "driver_version", device->driver_version);
    mcl_json_bool(entry, "usable", device->usable);
    mcl_json_bool(entry, "too_old", device->too_old);
    mcl_json_number(entry, "clock", device->clock);
    mcl_json_number(entry, "lanes", device->lanes);
    if (preferred != device)
        snprintf(card, sizeof card, "%" PRIu32 ":%" PRIu32, preferred->platform_index,
            preferred->device_index);
    mcl_json_text(entry, "same_as", card);
    mcl_json_bool(entry, "tuned", mcl_device_tuning(device, NULL, 0) == MCL_TUNING_STORED);
    mcl_json_bool(entry, "used", used);
}

/* Calls visit for every line of text. */
static void each_line(const char *text, void (*visit)(const char *line, void *state), void *state)
{
    char line[1024];
    while (*text) {
        size_t length = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, text);
        visit(line, state);
        text += length + (text[length] == '\n');
    }
}

static void add_problem(const char *line, void *array)
{
    mcl_json_text_at(array, line);
}

static void warn_of_problem(const char *line, void *unused)
{
    (void)unused;
    mcl_warn("%s", line);
}

static mcl_exit print_json(const struct listing *list)
{
    cJSON *root = mcl_json_object();
    cJSON *devices = mcl_json_array_in(root, "devices");
    for (size_t i = 0; i < list->count; i++)
        add_device(devices, &list->devices[i], preferred_of(list, i),
            list->selected == MCL_OK && i == list->used);
    if (list->selected == MCL_OK)
        mcl_json_text(root, "reason", list->reason);
    each_line(list->problems, add_problem, mcl_json_array_in(root, "driver_problems"));
    return mcl_json_print(root);
}

static mcl_exit run(void *given, const mcl_arguments *arguments)
{
    (void)arguments;
    const struct settings *settings = given;
    struct listing list;
    mcl_streams_guard(false);
    mcl_status status = mcl_devices_list(&list.devices, &list.count);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    (void)mcl_driver_problems(list.problems, sizeof list.problems);
    list.selected = mcl_device_select(&list.used, &list.reason, list.devices, list.count,
        settings->device.platform, settings->device.device);
    each_line(list.problems, warn_of_problem, NULL);
    mcl_exit code = MCL_EXIT_DONE;
    if (settings->json)
        code = print_json(&list);
    else
        print_table(&list);
    mcl_devices_free(list.devices);
    /* The list helps to see why the requested device is not found. */
    if (code == MCL_EXIT_DONE && list.selected != MCL_OK)
        code = mcl_complain_status(list.selected);
    return code;
}

static const mcl_option options[] = {
    MCL_DEVICE_SELECTION(struct settings, device),
    {.name = "json",
        .group = "Output",
        .help = "print one JSON object",
        .type = &mcl_option_switch,
        .offset = offsetof(struct settings, json)},
};

const mcl_command mcl_command_devices = {
    .name = "devices",
    .summary = "list OpenCL platforms and devices, and which one would be used",
    .description =
        "Lists the devices of every OpenCL platform: index, type, compute units, memory, "
        "whether the driver declares fma and subnormal numbers, name, vendor, "
        "versions, clock and whether 'maskcl tune' has been run for it; whether two of them are "
        "the same card, by the drivers of two platforms. Marks the one that a run would use and "
        "says why, and warns of drivers that cannot be loaded and of platforms without a device.",
    .examples = "  maskcl devices\n  maskcl devices --json",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
