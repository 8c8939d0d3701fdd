#include "device_options.h"

#include <inttypes.h>

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

mcl_exit mcl_open_device(mcl_context **context, const mcl_device_settings *settings)
{
    const mcl_context_options options = {settings->platform, settings->device, settings->gemm};
    mcl_status status = mcl_context_open(context, &options);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    if (settings->quiet)
        return MCL_EXIT_DONE;
    const mcl_device_info *device = mcl_context_device(*context);
    fputs("device: ", stderr);
    mcl_print_clean(stderr, device->name);
    fputs(" (", stderr);
    mcl_print_clean(stderr, device->platform);
    fprintf(stderr, ", %s, %" PRIu32 " compute unit%s), products by %s\n",
        mcl_device_type_name(device->type), device->compute_units,
        device->compute_units == 1 ? "" : "s", mcl_gemm_kind_name(mcl_context_gemm(*context)));
    fflush(stderr);
    return MCL_EXIT_DONE;
}
