/* SPDX-License-Identifier: Apache-2.0 */
#include "profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "maskcl/profile.h"

#define COPY_BYTES ((size_t)64 << 20) /* of the peak: more than caches hold */

/* Pads by characters: printf counts the bytes of "×". */
static void print_name(const char *name)
{
    int characters = 0;
    for (const char *at = name; *at; at++)
        characters += ((unsigned char)*at & 0xC0) != 0x80;
    mcl_print("%s%*s", name, characters < 32 ? 32 - characters : 1, "");
}

static void print_time(uint64_t calls, double seconds, double total)
{
    if (calls)
        mcl_print("%8" PRIu64, calls);
    else
        mcl_print("%8s", "");
    mcl_print(" %10.1f ms %5.1f%%", 1e3 * seconds, total > 0.0 ? 100.0 * seconds / total : 0.0);
}

/* Nothing where the peak is not known. */
static void print_share_of_peak(double rate, double peak)
{
    if (peak > 0.0)
        mcl_print(" %4.0f%%", 100.0 * rate / peak);
}

/* The rate of what a command is there for: arithmetic where it was counted, else moving bytes. */
static void print_row(const mcl_profile_row *row, double total, double operations, double bytes)
{
    print_name(row->name);
    print_time(row->calls, row->seconds, total);
    if (row->seconds > 0.0 && row->operations > 0.0) {
        mcl_print(" %9.1f GFLOP/s", 1e-9 * row->operations / row->seconds);
        print_share_of_peak(row->operations / row->seconds, operations);
    } else if (row->seconds > 0.0 && row->bytes > 0.0) {
        mcl_print(" %9.1f GB/s   ", 1e-9 * row->bytes / row->seconds);
        print_share_of_peak(row->bytes / row->seconds, bytes);
    }
    mcl_print("\n");
}

static void print_rest(const char *name, double seconds, double total)
{
    print_name(name);
    print_time(0, seconds, total);
    mcl_print("\n");
}

mcl_exit mcl_print_profile(mcl_context *context)
{
    mcl_profile profile;
    double operations = 0.0, bytes = 0.0, total = 0.0;
    mcl_status status = mcl_profile_read(&profile, context);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    status = mcl_device_peaks(&operations, &bytes, context, COPY_BYTES);
    if (status != MCL_OK) {
        mcl_warn("the device's peaks are not known: %s", mcl_error_message());
        operations = bytes = 0.0;
    }
    for (size_t i = 0; i < profile.count; i++)
        total += profile.rows[i].seconds;
    total += profile.first_calls + profile.between;
    mcl_print(
        "\n%-32s%8s %13s %6s %17s %5s\n", "command", "calls", "time", "share", "rate", "peak");
    for (size_t i = 0; i < profile.count; i++)
        print_row(&profile.rows[i], total, operations, bytes);
    print_rest("(between commands)", profile.between, total);
    print_rest("(before a kernel's first call)", profile.first_calls, total);
    print_rest("total", total, total);
    if (status == MCL_OK)
        mcl_print(
            "the device's measured peaks: %.0f GFLOP/s (fma in registers), %.1f GB/s (copy in "
            "memory; caches are faster)\n",
            1e-9 * operations, 1e-9 * bytes);
    mcl_profile_free(&profile);
    return MCL_EXIT_DONE;
}

mcl_exit mcl_print_profile_as_json(mcl_context *context)
{
    mcl_profile profile;
    const mcl_status status = mcl_profile_read(&profile, context);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    cJSON *root = mcl_json_object();
    mcl_json_device(mcl_json_object_in(root, "device"), mcl_context_device(context));
    cJSON *commands = mcl_json_array_in(root, "commands");
    for (size_t i = 0; i < profile.count; i++) {
        const mcl_profile_row *row = &profile.rows[i];
        cJSON *command = mcl_json_object_at(commands);
        mcl_json_text(command, "name", row->name);
        mcl_json_number(command, "calls", (double)row->calls);
        mcl_json_number(command, "seconds", row->seconds);
        mcl_json_number(command, "operations", row->operations);
        mcl_json_number(command, "bytes", row->bytes);
        mcl_json_number(command, "items", row->items);
        mcl_json_number(command, "groups", row->groups);
    }
    mcl_json_number(root, "between", profile.between);
    mcl_json_number(root, "first_calls", profile.first_calls);
    mcl_profile_free(&profile);
    return mcl_json_print(root);
}
