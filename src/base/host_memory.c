/* SPDX-License-Identifier: Apache-2.0 */
#include "base/host_memory.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define PATH_SIZE 4096
#define LINE_SIZE 4096

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t difference(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* The number after a key at the beginning of a line ("" for a file of one number); false without
 * one, as in "max". */
static bool read_number(
    uint64_t *number, const char *root, const char *folder, const char *file, const char *key)
{
    char path[PATH_SIZE], line[LINE_SIZE];
    const size_t length = strlen(key);
    const int size = snprintf(path, sizeof path, "%s%s/%s", root, folder, file);
    FILE *stream = size > 0 && (size_t)size < sizeof path ? fopen(path, "re") : NULL;
    bool found = false;
    while (stream && !found && fgets(line, sizeof line, stream)) {
        char *text = line + length, *end = text;
        if (strncmp(line, key, length) == 0)
            *number = strtoull(text, &end, 10);
        found = end != text;
    }
    if (stream)
        fclose(stream);
    return found;
}

/* What one control group leaves. Pages of files that nothing holds are given back on demand. */
static uint64_t group_leaves(const char *root, const char *folder, bool second)
{
    uint64_t limit, used = 0, pages = 0;
    if (!read_number(&limit, root, folder, second ? "memory.max" : "memory.limit_in_bytes", ""))
        return UINT64_MAX;
    (void)read_number(&used, root, folder, second ? "memory.current" : "memory.usage_in_bytes", "");
    (void)read_number(
        &pages, root, folder, "memory.stat", second ? "inactive_file " : "total_inactive_file ");
    return difference(limit, difference(used, pages));
}

/* What a group and all above it leave. group is "/a/b", as /proc/self/cgroup has it, and is cut. In
 * a container the path may be the host's, and only the top is there. */
static uint64_t groups_leave(const char *root, const char *top, char *group, bool second)
{
    char folder[PATH_SIZE];
    uint64_t left = UINT64_MAX;
    for (;;) {
        char *slash = strrchr(group, '/');
        const int size = snprintf(folder, sizeof folder, "%s%s", top, group);
        if (size > 0 && (size_t)size < sizeof folder)
            left = least(left, group_leaves(root, folder, second));
        if (!slash)
            return left;
        *slash = '\0';
    }
}

/* Whether a list such as "cpu,memory" has the memory controller. */
static bool has_memory(const char *controllers, size_t length)
{
    for (const char *at = controllers, *end = controllers + length; at < end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const size_t part = (size_t)((comma ? comma : end) - at);
        if (part == 6 && memcmp(at, "memory", 6) == 0)
            return true;
        at += part + 1;
    }
    return false;
}

/* Lines are "0::/group" for version 2 and "4:memory:/group" for version 1. */
static uint64_t control_groups_leave(const char *root)
{
    char path[PATH_SIZE], line[LINE_SIZE];
    uint64_t left = UINT64_MAX;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *stream = fopen(path, "re");
    while (stream && fgets(line, sizeof line, stream)) {
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        const size_t length = (size_t)(group - controllers - 1);
        group[strcspn(group, "\n")] = '\0';
        group += strcmp(group, ":/") == 0 ? 2 : 1; /* the top itself is the end of the path */
        if (length == 0)
            left = least(left, groups_leave(root, "/sys/fs/cgroup", group, true));
        else if (has_memory(controllers + 1, length))
            left = least(left, groups_leave(root, "/sys/fs/cgroup/memory", group, false));
    }
    if (stream)
        fclose(stream);
    return left;
}

static uint64_t address_space_left(const char *root)
{
    struct rlimit limit;
    uint64_t used = 0;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    if (read_number(&used, root, "/proc/self", "status", "VmSize:"))
        used *= 1024;
    return difference(limit.rlim_cur, used);
}

uint64_t mcl_host_memory_free(const char *root)
{
    uint64_t available = UINT64_MAX;
    if (read_number(&available, root, "/proc", "meminfo", "MemAvailable:"))
        available *= 1024;
    return least(available, least(control_groups_leave(root), address_space_left(root)));
}

uint64_t mcl_host_memory_allowed(uint64_t wanted)
{
    return wanted ? wanted : mcl_host_memory_free("") / 2;
}
