/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"
#include "maskcl/device.h"

static bool contains(const char *text, const char *part)
{
    size_t length = strlen(part);
    for (; *text; text++) {
        if (strncasecmp(text, part, length) == 0)
            return true;
    }
    return length == 0;
}

/* The request itself when it is not empty, else the environment's, else NULL. */
static const char *wanted(const char *request, const char *variable)
{
    if (!request || !*request)
        request = getenv(variable);
    return request && *request ? request : NULL;
}

static bool is_index(uint32_t index, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (!isdigit((unsigned char)*c))
            return false;
    }
    return strtoul(text, NULL, 10) == index;
}

static void append(char *list, size_t size, const char *format, uint32_t index, const char *name)
{
    size_t used = strlen(list);
    if (used)
        used += (size_t)snprintf(list + used, size - used, ", ");
    if (used < size)
        snprintf(list + used, size - used, format, index, name);
}

/* Keeps the devices of the one platform that request names. chosen[i] says whether device i is
 * still in the running. */
static mcl_status choose_platform(
    bool *chosen, const mcl_device_info *devices, size_t count, const char *request)
{
    bool numbered = false; /* request is an index that exists, not a part of a name: "4090" */
    for (size_t i = 0; i < count; i++)
        numbered = numbered || is_index(devices[i].platform_index, request);
    char all[512] = "", matching[512] = "";
    uint32_t found = UINT32_MAX, matches = 0, exact = 0; /* a whole name wins over a part of one */
    for (size_t i = 0; i < count; i++) {
        if (i && devices[i].platform_index == devices[i - 1].platform_index)
            continue;
        const mcl_device_info *device = &devices[i];
        append(all, sizeof all, "%" PRIu32 " %s", device->platform_index, device->platform);
        bool same = strcasecmp(device->platform, request) == 0;
        if (numbered ? !is_index(device->platform_index, request)
                     : !contains(device->platform, request))
            continue;
        append(
            matching, sizeof matching, "%" PRIu32 " %s", device->platform_index, device->platform);
        if (same || !exact)
            found = device->platform_index;
        exact += same;
        matches++;
    }
    if (matches == 0)
        return mcl_fail(MCL_ERROR_NO_DEVICE,
            "no platform with a device is called '%s': there are %s", request, all);
    if (matches > 1 && exact != 1)
        return mcl_fail(MCL_ERROR_NO_DEVICE, "'%s' fits %" PRIu32 " platforms: %s; say which",
            request, matches, matching);
    for (size_t i = 0; i < count; i++)
        chosen[i] = chosen[i] && devices[i].platform_index == found;
    return MCL_OK;
}

/* *index = the one device in the running that request names: by its place among them, or by name.
 */
static mcl_status choose_device(size_t *index, const bool *chosen, const mcl_device_info *devices,
    size_t count, const char *request)
{
    uint32_t place = 0;
    bool numbered = false; /* as in choose_platform() */
    for (size_t i = 0; i < count; i++) {
        if (chosen[i])
            numbered = numbered || is_index(place++, request);
    }
    place = 0;
    char all[768] = "", matching[768] = "";
    size_t found = 0, matches = 0, exact = 0; /* a whole name wins over a part of one */
    for (size_t i = 0; i < count; i++) {
        if (!chosen[i])
            continue;
        append(all, sizeof all, "%" PRIu32 " %s", place, devices[i].name);
        bool fits = numbered ? is_index(place, request) : contains(devices[i].name, request);
        place++;
        if (!fits)
            continue;
        append(matching, sizeof matching, "%" PRIu32 " %s", place - 1, devices[i].name);
        bool same = strcasecmp(devices[i].name, request) == 0;
        if (same || !exact)
            found = i;
        exact += same;
        matches++;
    }
    if (matches == 0)
        return mcl_fail(
            MCL_ERROR_NO_DEVICE, "no device is called '%s': there are %s", request, all);
    if (matches > 1 && exact != 1)
        return mcl_fail(MCL_ERROR_NO_DEVICE,
            "'%s' fits %zu devices: %s; use `platform`, or the number", request, matches, matching);
    *index = found;
    return MCL_OK;
}

static int rank(const mcl_device_info *device)
{
    switch (device->type) {
    case MCL_DEVICE_GPU:
        return 3;
    case MCL_DEVICE_ACCELERATOR:
        return 2;
    case MCL_DEVICE_CPU:
        return 1;
    default:
        return 0;
    }
}

static bool better(const mcl_device_info *a, const mcl_device_info *b)
{
    if (rank(a) != rank(b))
        return rank(a) > rank(b);
    if (a->fma != b->fma) /* a driver without it emulates it, a hundred times slower */
        return a->fma;
    return a->compute_units > b->compute_units;
}

mcl_status mcl_device_select(size_t *index, const char **reason, const mcl_device_info *devices,
    size_t count, const char *platform, const char *device)
{
    MCL_NEED(index);
    MCL_NEED(devices);
    static _Thread_local char phrase[256];
    const char *platform_wanted = wanted(platform, "MASKCL_PLATFORM");
    const char *device_wanted = wanted(device, "MASKCL_DEVICE");
    bool *chosen;
    MCL_TRY(mcl_allocate(&chosen, count, sizeof *chosen));
    memset(chosen, true, count * sizeof *chosen);
    mcl_status status = MCL_OK;
    if (platform_wanted)
        status = choose_platform(chosen, devices, count, platform_wanted);
    if (status == MCL_OK && device_wanted) {
        status = choose_device(index, chosen, devices, count, device_wanted);
        snprintf(phrase, sizeof phrase, "asked for: '%s'", device_wanted);
        goto done;
    }
    if (status != MCL_OK)
        goto done;
    size_t best = count, usable = 0;
    for (size_t i = 0; i < count; i++) {
        if (!chosen[i] || !devices[i].usable)
            continue;
        usable++;
        if (best == count || better(&devices[i], &devices[best]))
            best = i;
    }
    if (best == count) {
        status = mcl_fail(
            MCL_ERROR_NO_DEVICE, "none of the OpenCL devices is available and has a compiler");
        goto done;
    }
    *index = best;
    if (usable == 1)
        snprintf(phrase, sizeof phrase, "the only device%s%s%s", platform_wanted ? " of '" : "",
            platform_wanted ? platform_wanted : "", platform_wanted ? "'" : "");
    else
        snprintf(phrase, sizeof phrase,
            "best of %zu: GPU before accelerator before CPU, then fma, then most compute units, "
            "then first",
            usable);
done:
    free(chosen);
    if (status == MCL_OK && reason)
        *reason = phrase;
    return status;
}
