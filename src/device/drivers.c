/* SPDX-License-Identifier: Apache-2.0 */
#include "device/drivers.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/names.h"

#define PATH_SIZE 1024
#define STANDARD_FOLDER "/etc/OpenCL/vendors"

/* PoCL ends the process when it cannot write what lies between source and kernel: a training's
 * programs need about 2 MB. */
#define CACHE_LEAST ((unsigned long long)8 << 20)

#define LOCK_PAUSE 20000000L /* nanoseconds */
#define LOCK_TRIES 6000      /* two minutes */

void mcl_line_add(struct mcl_line *line, const char *format, ...)
{
    const size_t room = line->size - line->used;
    va_list arguments;
    va_start(arguments, format);
    const int written = vsnprintf(line->text + line->used, room, format, arguments);
    va_end(arguments);
    if (written > 0 && room)
        line->used += (size_t)written < room ? (size_t)written : room - 1;
}

/* A variable of the environment; NULL where it is empty too. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* Where the loader looks for drivers: ocl-icd by both variables, Khronos' by the first, whose value
 * is a folder, and of ocl-icd also a driver file or a library. */
struct place {
    const char *variable; /* that says so; NULL: none does */
    const char *path;
};

static struct place drivers_place(void)
{
    static const char *const names[] = {"OCL_ICD_VENDORS", "OPENCL_VENDOR_PATH"};
    for (size_t i = 0; i < 2; i++) {
        const char *path = variable(names[i]);
        if (path)
            return (struct place){names[i], path};
    }
    return (struct place){NULL, STANDARD_FOLDER};
}

static bool is_driver_file(const char *name)
{
    const size_t length = strlen(name);
    return length > 4 && strcmp(name + length - 4, ".icd") == 0;
}

/* Takes a driver, with where it is named and the library: "" where there is no name, NULL where the
 * file cannot be read, as errno says. */
typedef void visitor(const char *where, const char *library, void *state);

static void visit_file(visitor *visit, const char *path, void *state)
{
    char library[PATH_SIZE] = "";
    FILE *file = fopen(path, "r");
    if (!file) {
        visit(path, NULL, state);
        return;
    }
    if (!fgets(library, sizeof library, file))
        library[0] = '\0';
    fclose(file);
    library[strcspn(library, "\n")] = '\0'; /* a carriage return before it the loader keeps */
    visit(path, library, state);
}

/* False where it is no folder that can be read. */
static bool visit_folder(visitor *visit, const char *folder, void *state)
{
    DIR *listing = opendir(folder);
    if (!listing)
        return false;
    struct dirent *entry;
    while ((entry = readdir(listing))) {
        char path[PATH_SIZE];
        if (!is_driver_file(entry->d_name))
            continue;
        const int length = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (length > 0 && (size_t)length < sizeof path)
            visit_file(visit, path, state);
    }
    closedir(listing);
    return true;
}

static void visit_all(visitor *visit, void *state)
{
    const struct place place = drivers_place();
    char path[PATH_SIZE];
    if (visit_folder(visit, place.path, state))
        return;
    if (is_driver_file(place.path)) {
        const char *folder = variable("OPENCL_VENDOR_PATH");
        snprintf(path, sizeof path, "%s/%s", folder ? folder : STANDARD_FOLDER, place.path);
        const bool known = !strchr(place.path, '/') && access(path, F_OK) == 0;
        visit_file(visit, known ? path : place.path, state);
    } else if (place.variable && (strstr(place.path, ".so") || access(place.path, F_OK) == 0)) {
        visit(place.variable, place.path, state);
    }
}

struct broken {
    struct mcl_line *line;
    size_t count, drivers;
    char library[PATH_SIZE]; /* of the first driver that can be loaded */
    char where[PATH_SIZE];
};

static void try_to_load(const char *where, const char *library, void *state)
{
    struct broken *broken = state;
    const char *reason = library ? "the file names no library" : strerror(errno);
    const bool named = library && *library;
    broken->drivers++;
    dlerror();
    void *handle = named ? dlopen(library, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (handle) {
        dlclose(handle);
        if (!*broken->library) {
            snprintf(broken->library, sizeof broken->library, "%s", library);
            snprintf(broken->where, sizeof broken->where, "%s", where);
        }
        return;
    }
    if (named && strchr(library, '\r'))
        reason = "its line ends with a carriage return, as on Windows, and must not";
    else if (named)
        reason = dlerror();
    mcl_line_add(broken->line, "%s%s: the driver cannot be loaded: %s", broken->count ? "\n" : "",
        where, reason ? reason : "unknown reason");
    broken->count++;
}

size_t mcl_drivers_broken(struct mcl_line *line)
{
    struct broken broken = {.line = line};
    visit_all(try_to_load, &broken);
    return broken.count;
}

/* Files of the kernel's that a driver opens. */

#define RENDER_NODES 16 /* /dev/dri/renderD128 and the next */

/* *path = the first of the render nodes that is there, or that can be opened. */
static bool find_render_node(char path[32], int mode)
{
    for (int i = 0; i < RENDER_NODES; i++) {
        snprintf(path, 32, "/dev/dri/renderD%d", 128 + i);
        if (access(path, mode) == 0)
            return true;
    }
    return false;
}

#define RENDER "/dev/dri/renderD128" /* stands for all of them */

/* Says what keeps the driver from a file of the kernel's, which only a group may open; false where
 * nothing does. */
static bool explain_file(struct mcl_line *line, const char *file, const char *kernel_driver)
{
    char node[32];
    const bool is_render = strcmp(file, RENDER) == 0;
    const bool exists = is_render ? find_render_node(node, F_OK) : access(file, F_OK) == 0;
    const bool opens = is_render ? find_render_node(node, R_OK | W_OK) : !access(file, R_OK | W_OK);
    if (opens)
        return false;
    if (exists)
        mcl_line_add(line,
            "this user may not open %s: join its groups by 'sudo usermod -aG render,video $USER' "
            "and log in again",
            file);
    else
        mcl_line_add(line,
            "there is no %s (which the groups render and video may open): the kernel's driver %s "
            "is not loaded, or the container was started without the GPU",
            file, kernel_driver);
    return true;
}

#define OTHERWISE                                                                                  \
    "it finds no card that it supports; 'sudo dmesg' may say why, and pocl-opencl-icd uses the "   \
    "CPU"

static void explain_amd(struct mcl_line *line)
{
    if (!explain_file(line, "/dev/kfd", "amdgpu") && !explain_file(line, RENDER, "amdgpu"))
        mcl_line_add(line, OTHERWISE);
}

static void explain_intel(struct mcl_line *line)
{
    if (!explain_file(line, RENDER, "i915 or xe"))
        mcl_line_add(line, OTHERWISE);
}

static void explain_nvidia(struct mcl_line *line)
{
    if (access("/dev/nvidiactl", F_OK) != 0)
        mcl_line_add(line,
            "there is no /dev/nvidiactl: the kernel's driver nvidia is not loaded ('sudo modprobe "
            "nvidia' says why), or the container was started without the GPU");
    else if (access("/dev/nvidiactl", R_OK | W_OK) != 0)
        mcl_line_add(line, "this user may not open /dev/nvidiactl");
    else
        mcl_line_add(line,
            "'nvidia-smi' shows whether the driver works; after an update of it the machine must "
            "be started anew");
}

static void explain_rusticl(struct mcl_line *line)
{
    const char *enabled = variable("RUSTICL_ENABLE");
    if (!enabled) {
        mcl_line_add(line,
            "it shows no device unless RUSTICL_ENABLE names Mesa's driver for it: 'export "
            "RUSTICL_ENABLE=radeonsi' for AMD, iris for Intel, llvmpipe for the CPU");
        return;
    }
    mcl_line_add(line,
        "RUSTICL_ENABLE is '%s', and Mesa's driver of that name finds none (radeonsi is for AMD, "
        "iris for Intel, llvmpipe for the CPU)",
        enabled);
    struct mcl_line rest = *line;
    mcl_line_add(&rest, ": ");
    if (strcmp(enabled, "llvmpipe") != 0 && explain_file(&rest, RENDER, "amdgpu, i915 or xe"))
        *line = rest;
    line->text[line->used] = '\0';
}

static void explain_clover(struct mcl_line *line)
{
    if (!explain_file(line, RENDER, "amdgpu or radeon"))
        mcl_line_add(line,
            "it is for some of AMD's cards only, and no longer developed: try rusticl by 'export "
            "RUSTICL_ENABLE=radeonsi', or rocm-opencl-icd");
}

static bool memory_is_limited(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

static void explain_pocl(struct mcl_line *line)
{
    const char *devices = variable("POCL_DEVICES");
    if (mcl_drivers_cache_problem(line, "Portable Computing Language"))
        return;
    if (memory_is_limited())
        mcl_line_add(line, "the process has too little memory for it: raise its limit (ulimit -v)");
    else if (devices)
        mcl_line_add(line,
            "POCL_DEVICES is '%s': unset it, or set it to 'pthread', which PoCL calls 'cpu' from "
            "4.0 on",
            devices);
    else
        mcl_line_add(line, "it needs a folder for its cache: set POCL_CACHE_DIR to one");
}

#define OWN 3 /* the vendor's driver */
#define RUSTICL 2

/* Everything that is known of a platform, found by a part of its name or of its library's, in any
 * case. */
static const struct driver {
    const char *platform, *library;
    void (*explain)(struct mcl_line *line); /* why it has no device */

    /* Its cache of compiled kernels: a variable that names it, or a folder within the user's cache
     * folder or, where that begins with "~/", within HOME. */
    const char *cache_variable, *cache;
    bool needs_cache;
    int rank; /* see mcl_drivers_rank() */
} drivers[] = {
    {"rusticl", "Rusticl", explain_rusticl, "MESA_SHADER_CACHE_DIR", "mesa_shader_cache", false,
        RUSTICL},
    {"Clover", "MesaOpenCL", explain_clover, "MESA_SHADER_CACHE_DIR", "mesa_shader_cache", false,
        0},
    {"Portable Computing Language", "pocl", explain_pocl, "POCL_CACHE_DIR", "pocl/kcache", true, 1},
    {"AMD", "amdocl", explain_amd, "AMD_COMGR_CACHE_DIR", "comgr", false, OWN},
    {"ROCm", "amdocl", explain_amd, "AMD_COMGR_CACHE_DIR", "comgr", false, OWN},
    {"NVIDIA", "nvidia", explain_nvidia, "CUDA_CACHE_PATH", "~/.nv/ComputeCache", false, OWN},
    {"Intel Gen OCL", "beignet", explain_intel, "", "beignet", false, 0},
    {"Intel", "igdrcl", explain_intel, "NEO_CACHE_DIR", "neo_compiler_cache", false, OWN},
};

#define DRIVERS (sizeof drivers / sizeof *drivers)

static const struct driver *driver_of(const char *platform)
{
    for (size_t i = 0; i < DRIVERS; i++) {
        if (mcl_contains(platform, drivers[i].platform))
            return &drivers[i];
    }
    return NULL;
}

int mcl_drivers_rank(const char *platform)
{
    const struct driver *driver = driver_of(platform);
    return driver ? driver->rank : OWN;
}

bool mcl_drivers_compile_in_threads(const char *platform)
{
    const struct driver *driver = driver_of(platform);
    return driver && driver->rank >= RUSTICL;
}

void mcl_drivers_explain(struct mcl_line *line, const char *platform)
{
    const struct driver *driver = driver_of(platform);
    if (driver)
        driver->explain(line);
    else
        mcl_line_add(line,
            "its hardware is not there, or this user may not open it; pocl-opencl-icd uses the "
            "CPU");
}

/* The folder of a driver's cache; false where there is none. */
static bool find_cache(char *path, size_t size, const struct driver *driver)
{
    const char *named = variable(driver->cache_variable), *caches = variable("XDG_CACHE_HOME");
    const char *home = variable("HOME");
    int length = -1;
    if (named)
        length = snprintf(path, size, "%s", named);
    else if (driver->cache[0] == '~' && home)
        length = snprintf(path, size, "%s%s", home, driver->cache + 1);
    else if (driver->cache[0] != '~' && caches)
        length = snprintf(path, size, "%s/%s", caches, driver->cache);
    else if (driver->cache[0] != '~' && home)
        length = snprintf(path, size, "%s/.cache/%s", home, driver->cache);
    return length > 0 && (size_t)length < size;
}

/* Makes a folder with those above it, as the driver itself would. */
static bool make_folder(char *path)
{
    for (char *slash = path; slash;) {
        struct stat information;
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        const bool there = stat(path, &information) == 0 || mkdir(path, 0700) == 0;
        if (slash)
            *slash = '/';
        if (!there)
            return false;
    }
    return true;
}

int mcl_drivers_lock_cache(const char *platform)
{
    char path[PATH_SIZE];
    const struct driver *driver = driver_of(platform);
    if (!driver || !driver->needs_cache || !find_cache(path, sizeof path, driver) ||
        !make_folder(path))
        return -1;
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -1;
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE};
    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        if (flock(folder, LOCK_EX | LOCK_NB) == 0)
            return folder;
        if (errno != EWOULDBLOCK) /* a file system without locks */
            break;
        nanosleep(&pause, NULL);
    }
    close(folder);
    return -1;
}

void mcl_drivers_unlock_cache(int lock)
{
    if (lock >= 0)
        close(lock);
}

/* Whether a file of a few pages can be written in a folder; else errno says why. */
static bool try_folder(char *path)
{
    static const char page[16384];
    char name[PATH_SIZE + 32];
    if (!make_folder(path))
        return false;
    snprintf(name, sizeof name, "%s/.maskcl-XXXXXX", path);
    const int file = mkstemp(name);
    if (file < 0)
        return false;
    ssize_t written = 1;
    for (size_t all = 0; all < 4 * sizeof page && written > 0; all += (size_t)written)
        written =
            write(file, page, sizeof page); /* where not all of it is, the next one tells why */
    const int reason = errno;
    close(file);
    (void)unlink(name);
    errno = reason;
    return written > 0;
}

static const char *advice_for(int reason)
{
    if (reason == EFBIG)
        return "raise the limit of a file's size (ulimit -f)";
    return reason == ENOSPC || reason == EDQUOT ? "free space there" : "make it one that can be";
}

bool mcl_drivers_cache_problem(struct mcl_line *line, const char *platform)
{
    char path[PATH_SIZE];
    const struct driver *driver = driver_of(platform);
    if (!driver || !find_cache(path, sizeof path, driver) || try_folder(path))
        return false;
    const int reason = errno;
    mcl_line_add(line, "the driver's cache folder %s cannot be written: %s: %s", path,
        strerror(reason), advice_for(reason));
    if (reason != EFBIG && *driver->cache_variable)
        mcl_line_add(line, ", or set %s to another folder", driver->cache_variable);
    return true;
}

bool mcl_drivers_cache_is_small(struct mcl_line *line, const char *platform)
{
    char path[PATH_SIZE];
    struct statvfs system;
    const struct driver *driver = driver_of(platform);
    if (!driver || !driver->needs_cache || !find_cache(path, sizeof path, driver) ||
        statvfs(path, &system) != 0)
        return false;
    const unsigned long long left = (unsigned long long)system.f_bavail * system.f_frsize;
    if (left >= CACHE_LEAST)
        return false;
    mcl_line_add(line,
        "the driver's cache folder %s has only %llu KB left, and the driver ends the program when "
        "that is used up: free space there, or set %s to another folder",
        path, left / 1024, driver->cache_variable);
    return true;
}

/* What is said of the place that a variable names. */
static void explain_place(struct mcl_line *line, const struct place *place)
{
    struct stat information;
    if (stat(place->path, &information) != 0)
        mcl_line_add(line, "which cannot be read: %s", strerror(errno));
    else if (!S_ISDIR(information.st_mode))
        mcl_line_add(line, "which is no folder with .icd files in it");
    else if (access(place->path, R_OK | X_OK) != 0)
        mcl_line_add(line, "a folder that cannot be read: %s", strerror(errno));
    else
        mcl_line_add(line, "a folder without .icd files");
}

#define INSTALL                                                                                    \
    "install your GPU's (intel-opencl-icd, mesa-opencl-icd, nvidia-opencl-icd, rocm-opencl-icd), " \
    "or pocl-opencl-icd to use the CPU"

static mcl_status no_driver(const struct place *place)
{
    char text[PATH_SIZE + 256] = "";
    struct mcl_line line = {text, sizeof text, 0};
    if (!place->variable)
        return mcl_fail(MCL_ERROR_NO_DEVICE, "no OpenCL driver is installed: " INSTALL);
    explain_place(&line, place);
    return mcl_fail(MCL_ERROR_NO_DEVICE,
        "no OpenCL driver is found, as %s is '%s', %s: unset it ('unset %s') to use the drivers "
        "of " STANDARD_FOLDER,
        place->variable, place->path, text, place->variable);
}

/* Every driver can be loaded, but none gives a platform. */
static mcl_status no_hardware(const struct broken *broken)
{
    char text[1024] = "";
    struct mcl_line line = {text, sizeof text, 0};
    const struct driver *driver = NULL;
    for (size_t i = 0; i < DRIVERS && !driver; i++) {
        if (mcl_contains(broken->library, drivers[i].library))
            driver = &drivers[i];
    }
    if (driver)
        driver->explain(&line);
    return mcl_fail(MCL_ERROR_NO_DEVICE, "the OpenCL driver of %s (%s) has no platform: %s",
        broken->where, broken->library, driver ? text : "reinstall it");
}

mcl_status mcl_drivers_no_platform(void)
{
    char text[PATH_SIZE] = "";
    struct mcl_line line = {text, sizeof text, 0};
    struct broken broken = {.line = &line};
    const struct place place = drivers_place();
    visit_all(try_to_load, &broken);
    if (broken.drivers == 0)
        return no_driver(&place);
    if (broken.count < broken.drivers)
        return no_hardware(&broken);
    text[strcspn(text, "\n")] = '\0';
    if (memory_is_limited() && mcl_contains(text, "failed to map segment"))
        return mcl_fail(MCL_ERROR_NO_DEVICE,
            "no OpenCL driver works: %s; the process has too little memory for it: raise its limit "
            "(ulimit -v)",
            text);
    return mcl_fail(MCL_ERROR_NO_DEVICE, "no OpenCL driver works: %s; reinstall it%s%s", text,
        place.variable ? ", or unset " : "", place.variable ? place.variable : "");
}
