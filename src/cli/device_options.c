/* SPDX-License-Identifier: Apache-2.0 */
#include "device_options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "maskcl/tune.h"

static mcl_exit parse_gemm(void *field, const char *text, const mcl_option *option)
{
    if (mcl_gemm_kind_parse(field, text) != MCL_OK)
        return mcl_complain(MCL_EXIT_USAGE, "--%s: %s", option->name, mcl_error_message());
    return MCL_EXIT_DONE;
}

static void show_gemm(char *text, size_t size, const void *field)
{
    snprintf(text, size, "%s", mcl_gemm_kind_name(*(const mcl_gemm_kind *)field));
}

const mcl_option_type mcl_option_gemm = {parse_gemm, show_gemm};

static mcl_exit parse_units(void *field, const char *text, const mcl_option *option)
{
    return mcl_option_whole32.parse(field, text, option);
}

const mcl_option_type mcl_option_units = {parse_units, NULL};

/* A whole number above 0, and K, M or G for 2^10, 2^20 or 2^30 times as many bytes. */
static mcl_exit parse_memory(void *field, const char *text, const mcl_option *option)
{
    static const char units[] = "KMG";
    const size_t digits = strspn(text, "0123456789");
    const char *unit = text[digits] ? strchr(units, text[digits]) : NULL;
    const unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    errno = 0;
    const unsigned long long number = strtoull(text, NULL, 10);
    if (digits == 0 || (text[digits] && (!unit || text[digits + 1])) || number == 0)
        return mcl_complain(MCL_EXIT_USAGE,
            "--%s: '%s' is not a number of bytes above 0, such as 512M (K, M and G are possible)",
            option->name, text);
    if (errno || number > UINT64_MAX >> shift)
        return mcl_complain(
            MCL_EXIT_USAGE, "--%s: %s is more than any device has", option->name, text);
    *(uint64_t *)field = number << shift;
    return MCL_EXIT_DONE;
}

const mcl_option_type mcl_option_memory = {parse_memory, NULL};

void mcl_warn_of_device(const char *line, void *unused)
{
    (void)unused;
    mcl_warn("%s", line);
}

mcl_exit mcl_open_device(mcl_context **context, const mcl_device_settings *settings)
{
    mcl_context_options options = {.platform = settings->platform,
        .device = settings->device,
        .gemm = settings->gemm,
        .compute_units = settings->compute_units,
        .exclusive = settings->exclusive,
        .warn = mcl_warn_of_device};
    if (settings->reproducible && options.gemm == MCL_GEMM_AUTO)
        options.gemm = MCL_GEMM_NATIVE;
    mcl_context *opened = NULL;
    mcl_streams_guard(settings->quiet);
    mcl_status status = mcl_context_open(&opened, &options);
    mcl_streams_guard_again();
    if (status == MCL_OK && settings->reproducible)
        status = mcl_context_require_reproducible(opened);
    if (status != MCL_OK) {
        mcl_context_close(opened);
        return mcl_complain_status(status);
    }
    *context = opened;
    mcl_context_limit_memory(*context, settings->memory);
    const char *problem = mcl_context_tuning_problem(*context);
    if (problem)
        mcl_warn("%s", problem);
    if (settings->quiet)
        return MCL_EXIT_DONE;
    const mcl_device_info *device = mcl_context_device(*context);
    fputs("device: ", mcl_err);
    mcl_print_clean(mcl_err, device->name);
    fputs(" (", mcl_err);
    mcl_print_clean(mcl_err, device->platform);
    fprintf(mcl_err, ", %s, %" PRIu32 " compute unit%s), products by %s\n",
        mcl_device_type_name(device->type), device->compute_units,
        device->compute_units == 1 ? "" : "s", mcl_gemm_kind_name(mcl_context_gemm(*context)));
    fflush(mcl_err);
    return MCL_EXIT_DONE;
}
