/* SPDX-License-Identifier: Apache-2.0 */
/* Which device is taken: one that is asked for, or the best. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/names.h"
#include "device/drivers.h"
#include "device/opencl.h"
#include "maskcl/device.h"

#define PART_SIZE 256
#define PLATFORM_SIZE 192 /* of a name that can be asked for */
#define CLOCK 1000        /* MHz of a device whose driver does not say */

/* A choice while it is being made. */
struct choice {
    const mcl_device_info *devices;
    size_t count;
    bool *in; /* whether device i is still in the running */
};

/* What was asked for. */
struct request {
    const char *text;
    const char *variable; /* of the environment where it comes from there, else NULL */
};

static struct request request_of(const char *given, const char *variable)
{
    if (given && *given)
        return (struct request){given, NULL};
    const char *text = getenv(variable);
    return text && *text ? (struct request){text, variable} : (struct request){NULL, NULL};
}

/* " (MASKCL_DEVICE)", for messages. */
static const char *origin(char text[40], const struct request *request)
{
    snprintf(text, 40, request->variable ? " (%s)" : "", request->variable);
    return text;
}

/* Digits alone: a number, never a part of a name. */
static bool is_number(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == '\0';
}

static bool is_index(uint32_t index, const char *text)
{
    return strtoull(text, NULL, 10) == index;
}

static void append(char *list, size_t size, uint32_t index, const char *name)
{
    struct mcl_line line = {list, size, strlen(list)};
    mcl_line_add(&line, "%s%" PRIu32 " %s", line.used ? ", " : "", index, name);
}

/* How what is wanted fits a name: not, as a part of it, or wholly. */
static int fit(const char *name, const char *wanted)
{
    return strcasecmp(name, wanted) == 0 ? 2 : mcl_contains(name, wanted);
}

/* Keeps the devices of the one platform that text names. */
static mcl_status choose_platform(
    struct choice *choice, const char *text, const struct request *request)
{
    const mcl_device_info *devices = choice->devices;
    const bool numbered = is_number(text);
    char all[512] = "", matching[512] = "", from[40];
    uint32_t found = UINT32_MAX, matches = 0, exact = 0; /* a whole name wins over a part of one */
    for (size_t i = 0; i < choice->count; i++) {
        const mcl_device_info *device = &devices[i];
        if (i && device->platform_index == devices[i - 1].platform_index)
            continue;
        const int fits =
            numbered ? is_index(device->platform_index, text) : fit(device->platform, text);
        append(all, sizeof all, device->platform_index, device->platform);
        if (!fits)
            continue;
        append(matching, sizeof matching, device->platform_index, device->platform);
        if (fits == 2 || !exact)
            found = device->platform_index;
        exact += fits == 2;
        matches++;
    }
    if (matches == 0)
        return mcl_fail(MCL_ERROR_NO_DEVICE, "no platform with a device %s '%s'%s; available: %s",
            numbered ? "has the number" : "is called", text, origin(from, request), all);
    if (matches > 1 && exact != 1)
        return mcl_fail(MCL_ERROR_NO_DEVICE,
            "'%s'%s fits %" PRIu32 " platforms: %s; say which by its number", text,
            origin(from, request), matches, matching);
    for (size_t i = 0; i < choice->count; i++)
        choice->in[i] = choice->in[i] && devices[i].platform_index == found;
    return MCL_OK;
}

/* *index = the one device in the running that text names: by its place among them, or by name. */
static mcl_status choose_device(
    size_t *index, const struct choice *choice, const char *text, const struct request *request)
{
    const bool numbered = is_number(text);
    char all[768] = "", matching[768] = "", from[40];
    uint32_t place = 0;
    size_t found = 0, matches = 0, exact = 0; /* a whole name wins over a part of one */
    for (size_t i = 0; i < choice->count; i++) {
        const mcl_device_info *device = &choice->devices[i];
        if (!choice->in[i])
            continue;
        const int fits = numbered ? is_index(place, text) : fit(device->name, text);
        append(all, sizeof all, place, device->name);
        if (fits)
            append(matching, sizeof matching, place, device->name);
        place++;
        if (!fits)
            continue;
        if (fits == 2 || !exact)
            found = i;
        exact += fits == 2;
        matches++;
    }
    if (matches == 0)
        return mcl_fail(MCL_ERROR_NO_DEVICE, "no device %s '%s'%s; available: %s",
            numbered ? "has the number" : "is called", text, origin(from, request),
            *all ? all : "none");
    if (matches > 1 && exact != 1)
        return mcl_fail(MCL_ERROR_NO_DEVICE,
            "'%s'%s fits %zu devices: %s; use `platform`, or the number", text,
            origin(from, request), matches, matching);
    *index = found;
    return MCL_OK;
}

static bool has_number(const uint8_t uuid[16])
{
    for (size_t i = 0; i < 16; i++) {
        if (uuid[i])
            return true;
    }
    return false;
}

/* Which of the devices of its name on its platform a device is. */
static size_t place_of_name(const mcl_device_info *devices, size_t index)
{
    size_t place = 0;
    for (size_t i = 0; i < index; i++)
        place += devices[i].platform_index == devices[index].platform_index &&
                 strcmp(devices[i].name, devices[index].name) == 0;
    return place;
}

static bool is_same_card(const mcl_device_info *devices, size_t i, size_t j)
{
    const mcl_device_info *a = &devices[i], *b = &devices[j];
    if (a->platform_index == b->platform_index || a->type != b->type)
        return false;
    if (a->has_uuid && b->has_uuid && has_number(a->uuid) && has_number(b->uuid))
        return memcmp(a->uuid, b->uuid, sizeof a->uuid) == 0;
    if (a->has_pci && b->has_pci)
        return memcmp(a->pci, b->pci, sizeof a->pci) == 0;
    return *a->name && strcmp(a->name, b->name) == 0 && a->vendor_id == b->vendor_id &&
           place_of_name(devices, i) == place_of_name(devices, j);
}

static bool is_better_driver(const mcl_device_info *a, const mcl_device_info *b)
{
    const int ranks[] = {mcl_drivers_rank(a->platform), mcl_drivers_rank(b->platform)};
    if (a->usable != b->usable)
        return a->usable;
    if (a->too_old != b->too_old)
        return b->too_old;
    if (ranks[0] != ranks[1])
        return ranks[0] > ranks[1];
    return mcl_opencl_version(a->opencl_version) > mcl_opencl_version(b->opencl_version);
}

size_t mcl_device_preferred(const mcl_device_info *devices, size_t count, size_t index)
{
    size_t best = index;
    if (!devices || index >= count)
        return index;
    for (size_t i = 0; i < count; i++) {
        if (!is_same_card(devices, i, index))
            continue;
        if (is_better_driver(&devices[i], &devices[best]) ||
            (i < best && !is_better_driver(&devices[best], &devices[i])))
            best = i;
    }
    return best;
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

/* Floats that it adds a microsecond, at most. */
static uint64_t speed(const mcl_device_info *device)
{
    return (uint64_t)device->compute_units * (device->clock ? device->clock : CLOCK) *
           (device->lanes ? device->lanes : 1);
}

static bool is_better(const mcl_device_info *a, const mcl_device_info *b)
{
    if (a->too_old != b->too_old)
        return b->too_old;
    if (rank(a) != rank(b))
        return rank(a) > rank(b);
    if (a->host_memory != b->host_memory && a->type == MCL_DEVICE_GPU)
        return b->host_memory;
    if (a->fma != b->fma) /* a driver without it emulates it, a hundred times slower */
        return a->fma;
    return speed(a) > speed(b);
}

#define ORDER                                                                                      \
    "OpenCL 1.2, then GPU before accelerator before CPU, then memory of its own, then fma, then "  \
    "most compute units x clock x lanes, then first"

/* *index = the best device in the running, of *usable. */
static mcl_status choose_best(size_t *index, size_t *usable, const struct choice *choice)
{
    const mcl_device_info *devices = choice->devices;
    size_t best = choice->count;
    *usable = 0;
    for (size_t i = 0; i < choice->count; i++) {
        if (!choice->in[i] || !devices[i].usable)
            continue;
        const size_t preferred = mcl_device_preferred(devices, choice->count, i);
        if (preferred != i && choice->in[preferred])
            continue;
        ++*usable;
        if (best == choice->count || is_better(&devices[i], &devices[best]))
            best = i;
    }
    if (best == choice->count)
        return mcl_fail(
            MCL_ERROR_NO_DEVICE, "none of the OpenCL devices is available and has a compiler");
    *index = best;
    return MCL_OK;
}

/* Keeps the devices of a type where text is the type's name; false where it is none. */
static bool choose_type(mcl_status *status, struct choice *choice, const struct request *request)
{
    static const struct {
        const char *name;
        mcl_device_type type;
    } types[] = {
        {"gpu", MCL_DEVICE_GPU}, {"cpu", MCL_DEVICE_CPU}, {"accelerator", MCL_DEVICE_ACCELERATOR}};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        char all[768] = "", from[40];
        uint32_t place = 0;
        bool any = false;
        if (strcasecmp(request->text, types[t].name) != 0)
            continue;
        for (size_t i = 0; i < choice->count; i++) {
            if (choice->in[i])
                append(all, sizeof all, place++, choice->devices[i].name);
            choice->in[i] = choice->in[i] && choice->devices[i].type == types[t].type;
            any = any || choice->in[i];
        }
        *status = any ? MCL_OK
                      : mcl_fail(MCL_ERROR_NO_DEVICE, "no device is %s %s%s; available: %s",
                            types[t].type == MCL_DEVICE_ACCELERATOR ? "an" : "a",
                            mcl_device_type_name(types[t].type), origin(from, request),
                            *all ? all : "none");
        return true;
    }
    return false;
}

/* Where the part of "PLATFORM:DEVICE" after the colon begins; NULL where text is a device's name,
 * which may have a colon, or has none. */
static const char *after_colon(const struct choice *choice, const char *text)
{
    const char *colon = strrchr(text, ':');
    for (size_t i = 0; colon && i < choice->count; i++) {
        if (choice->in[i] && mcl_contains(choice->devices[i].name, text))
            return NULL;
    }
    return colon ? colon + 1 : NULL;
}

/* Keeps the devices of the platform of "PLATFORM:DEVICE", which is written to platform. */
static mcl_status choose_before_colon(char platform[PLATFORM_SIZE], struct choice *choice,
    const char *device, const struct request *request)
{
    char from[40];
    const size_t length = (size_t)(device - 1 - request->text);
    snprintf(
        platform, PLATFORM_SIZE, "%.*s", length < PLATFORM_SIZE ? (int)length : 0, request->text);
    if (!*platform || !*device)
        return mcl_fail(MCL_ERROR_NO_DEVICE, "'%s'%s is not PLATFORM:DEVICE, such as 0:1",
            request->text, origin(from, request));
    return choose_platform(choice, platform, request);
}

/* Chooses as asked; *reason says so. */
static mcl_status choose(size_t *index, char reason[PART_SIZE], struct choice *choice,
    const struct request *platform, const struct request *device)
{
    const char *of = platform->text;
    char before[PLATFORM_SIZE];
    mcl_status status = MCL_OK;
    size_t usable;
    const char *part = device->text ? after_colon(choice, device->text) : NULL;
    struct request wanted = *device;
    if (of && part && platform->variable && !device->variable)
        of = NULL; /* what is asked for counts more than the environment */
    if (of)
        MCL_TRY(choose_platform(choice, of, platform));
    snprintf(reason, PART_SIZE, "asked for: '%s'", device->text ? device->text : "");
    if (part) {
        MCL_TRY(choose_before_colon(before, choice, part, device));
        of = before;
        wanted.text = part;
    }
    if (wanted.text && !choose_type(&status, choice, &wanted))
        return choose_device(index, choice, wanted.text, device);
    MCL_TRY(status);
    MCL_TRY(choose_best(index, &usable, choice));
    if (usable == 1)
        snprintf(reason, PART_SIZE, "the only %s%s%s%s",
            wanted.text ? mcl_device_type_name(choice->devices[*index].type) : "device",
            of ? " of '" : "", of ? of : "", of ? "'" : "");
    else
        snprintf(reason, PART_SIZE, "best of %zu: " ORDER, usable);
    return MCL_OK;
}

mcl_status mcl_device_select(size_t *index, const char **reason, const mcl_device_info *devices,
    size_t count, const char *platform, const char *device)
{
    MCL_NEED(index);
    MCL_NEED(devices);
    static _Thread_local char phrase[PART_SIZE];
    const struct request of = request_of(platform, "MASKCL_PLATFORM");
    const struct request wanted = request_of(device, "MASKCL_DEVICE");
    struct choice choice = {devices, count, NULL};
    MCL_TRY(mcl_allocate(&choice.in, count, sizeof *choice.in));
    memset(choice.in, true, count * sizeof *choice.in);
    const mcl_status status = choose(index, phrase, &choice, &of, &wanted);
    free(choice.in);
    if (status == MCL_OK && reason)
        *reason = phrase;
    return status;
}
