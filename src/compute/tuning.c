/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/tuning.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/memory.h"
#include "device/cache.h"
#include "maskcl/version.h"

#define FORMAT 1
#define PATH_SIZE 1024
#define FILE_MOST 262144 /* bytes; 256 products take a fifth */

const mcl_clblast_kernel mcl_clblast_kernels[MCL_CLBLAST_KERNELS] = {
    {"Xgemm", 16, 256,
        {"GEMMK", "KREG", "KWG", "KWI", "MDIMA", "MDIMC", "MWG", "NDIMB", "NDIMC", "NWG", "SA",
            "SB", "STRM", "STRN", "VWM", "VWN"}},
    {"XgemmDirect", 10, 256,
        {"KWID", "MDIMAD", "MDIMCD", "NDIMBD", "NDIMCD", "PADA", "PADB", "VWMD", "VWND", "WGD"}},
    {"GemmRoutine", 1, 1000000, {"XGEMM_MIN_INDIRECT_SIZE"}},
};

/* The members of a tile, all uint32_t, in order. */
static const char *const cpu_members[] = {"rows", "vector", "vectors", "block_rows", "block_depth"};
static const char *const gpu_members[] = {"item_rows", "item_columns", "group_rows",
    "group_columns", "depth", "vector", "padding", "load", "buffers"};

#define COUNT(list) (sizeof(list) / sizeof *(list))

_Static_assert(sizeof(mcl_cpu_tile) == COUNT(cpu_members) * sizeof(uint32_t), "cpu_members");
_Static_assert(sizeof(mcl_gpu_tile) == COUNT(gpu_members) * sizeof(uint32_t), "gpu_members");

/* What a tuning is for: a file that says otherwise is stale. */
struct identity {
    const char *key, *value;
};

static void identify(struct identity identity[5], const mcl_device_info *device)
{
    identity[0] = (struct identity){"maskcl", mcl_version()};
    identity[1] = (struct identity){"platform", device->platform};
    identity[2] = (struct identity){"device", device->name};
    identity[3] = (struct identity){"driver_version", device->driver_version};
    identity[4] = (struct identity){"device_version", device->opencl_version};
}

/* One file a device, so that a stale one is noticed and replaced. */
static bool find_file(char path[PATH_SIZE], const mcl_device_info *device)
{
    char name[sizeof device->platform + sizeof device->name + 1];
    if (!mcl_cache_folder(path, PATH_SIZE))
        return false;
    snprintf(name, sizeof name, "%s\n%s", device->platform, device->name);
    const size_t length = strlen(path);
    const int written = snprintf(path + length, PATH_SIZE - length, "/tuning-%016" PRIx64 ".json",
        (uint64_t)XXH3_64bits(name, strlen(name)));
    return written > 0 && (size_t)written < PATH_SIZE - length;
}

/* *number = a member of an object: a whole number from 0 to most. */
static bool read_number(size_t *number, const cJSON *object, const char *name, size_t most)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) || item->valuedouble > (double)most ||
        floor(item->valuedouble) != item->valuedouble)
        return false;
    *number = (size_t)item->valuedouble;
    return true;
}

static bool read_members(void *tile, const cJSON *object, const char *const *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t value;
        if (!read_number(&value, object, members[i], 4096))
            return false;
        const uint32_t member = (uint32_t)value;
        memcpy((char *)tile + i * sizeof member, &member, sizeof member);
    }
    return true;
}

static bool read_flag(bool *flag, const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    *flag = cJSON_IsTrue(item);
    return cJSON_IsBool(item);
}

static bool read_product(struct mcl_tuning *tuning, const cJSON *object, bool for_gpu)
{
    mcl_tuned_tile tile = {.for_gpu = for_gpu};
    size_t m, n, k;
    if (tuning->tile_count == MCL_TUNED_MAX ||
        !read_flag(&tile.transpose_a, object, "transpose_a") ||
        !read_flag(&tile.transpose_b, object, "transpose_b") ||
        !read_number(&m, object, "m", UINT32_MAX) || !read_number(&n, object, "n", UINT32_MAX) ||
        !read_number(&k, object, "k", UINT32_MAX))
        return false;
    tile.m = (uint32_t)m;
    tile.n = (uint32_t)n;
    tile.k = (uint32_t)k;
    const cJSON *members = cJSON_GetObjectItemCaseSensitive(object, "tile");
    if (!(for_gpu ? read_members(&tile.gpu, members, gpu_members, COUNT(gpu_members))
                  : read_members(&tile.cpu, members, cpu_members, COUNT(cpu_members))))
        return false;
    tuning->tiles[tuning->tile_count++] = tile;
    return true;
}

static bool read_native(
    struct mcl_tuning *tuning, const cJSON *root, const char *name, bool for_gpu)
{
    const cJSON *native = cJSON_GetObjectItemCaseSensitive(root, name);
    if (!native)
        return true;
    const cJSON *tile = cJSON_GetObjectItemCaseSensitive(native, "tile"), *product;
    if (tile && !for_gpu) {
        if (!read_members(&tuning->cpu, tile, cpu_members, COUNT(cpu_members)))
            return false;
        tuning->has_cpu = true;
    }
    cJSON_ArrayForEach(product, cJSON_GetObjectItemCaseSensitive(native, "products"))
    {
        if (!read_product(tuning, product, for_gpu))
            return false;
    }
    return true;
}

/* CLBlast checks nothing; with GEMMK 1 versions before 1.6.3 read outside unless MWG = NWG. */
static bool is_safe(const size_t *indirect)
{
    enum { GEMMK = 0, MWG = 6, NWG = 9 }; /* places in mcl_clblast_kernels */
    return indirect[GEMMK] == 0 || (indirect[GEMMK] == 1 && indirect[MWG] == indirect[NWG]);
}

static bool read_clblast(struct mcl_tuning *tuning, const cJSON *root)
{
    const cJSON *clblast = cJSON_GetObjectItemCaseSensitive(root, "clblast");
    for (size_t i = 0; i < MCL_CLBLAST_KERNELS; i++) {
        const mcl_clblast_kernel *kernel = &mcl_clblast_kernels[i];
        const cJSON *object = cJSON_GetObjectItemCaseSensitive(clblast, kernel->name);
        if (!object)
            continue;
        for (size_t p = 0; p < kernel->count; p++) {
            if (!read_number(&tuning->clblast[i][p], object, kernel->parameters[p], kernel->most))
                return false;
        }
        if (i == MCL_CLBLAST_INDIRECT && !is_safe(tuning->clblast[i]))
            return false;
        tuning->has_clblast[i] = true;
    }
    return true;
}

static bool refuse(struct mcl_tuning *tuning, const char *path, const char *reason)
{
    memset(tuning, 0, sizeof *tuning);
    snprintf(tuning->problem, sizeof tuning->problem,
        "%s is not used: %s; 'maskcl tune' makes a new one", path, reason);
    return false;
}

static bool read_tuning(
    struct mcl_tuning *tuning, const cJSON *root, const char *path, const mcl_device_info *device)
{
    struct identity identity[5];
    size_t format;
    if (!read_number(&format, root, "maskcl_tuning", 1000) || format != FORMAT)
        return refuse(tuning, path, "it is damaged, or of another version of maskcl");
    identify(identity, device);
    for (size_t i = 0; i < COUNT(identity); i++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(root, identity[i].key);
        char reason[160];
        if (cJSON_IsString(value) && strcmp(value->valuestring, identity[i].value) == 0)
            continue;
        snprintf(reason, sizeof reason, "it was made with another %s than '%.100s'",
            identity[i].key, identity[i].value);
        return refuse(tuning, path, reason);
    }
    if (!read_native(tuning, root, "native-cpu", false) ||
        !read_native(tuning, root, "native-gpu", true) || !read_clblast(tuning, root))
        return refuse(tuning, path, "it is damaged");
    return true;
}

/* *text = all of an open file, freed with free(); or why it is not one to read. A value of another
 * user's file would choose what this one's programs run. */
static const char *read_open(char **text, int file)
{
    struct stat information;
    const char *problem = mcl_cache_distrust(file);
    if (problem)
        return problem;
    if (fstat(file, &information) != 0 || information.st_size > FILE_MOST)
        return "it cannot be read: it is too long";
    const size_t size = (size_t)information.st_size;
    if (mcl_allocate(text, size + 1, 1) != MCL_OK)
        return "it cannot be read: the host has no memory left";
    if (read(file, *text, size) == (ssize_t)size)
        return NULL;
    free(*text);
    return "it cannot be read";
}

static const char *read_file(char **text, const char *path)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* nor wait for a pipe */
    if (file < 0)
        return "it cannot be read by this user";
    const char *problem = read_open(text, file);
    close(file);
    return problem;
}

mcl_tuning_state mcl_tuning_load(struct mcl_tuning *tuning, const mcl_device_info *device)
{
    char path[PATH_SIZE], *text;
    struct stat information;
    memset(tuning, 0, sizeof *tuning);
    if (!find_file(path, device) || stat(path, &information) != 0)
        return MCL_TUNING_NONE;
    const char *problem = read_file(&text, path);
    if (problem) {
        refuse(tuning, path, problem);
        return MCL_TUNING_REFUSED;
    }
    cJSON *root = cJSON_Parse(text);
    const bool good = read_tuning(tuning, root, path, device);
    cJSON_Delete(root);
    free(text);
    return good ? MCL_TUNING_STORED : MCL_TUNING_REFUSED;
}

static bool write_members(cJSON *object, const void *tile, const char *const *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t member;
        memcpy(&member, (const char *)tile + i * sizeof member, sizeof member);
        if (!cJSON_AddNumberToObject(object, members[i], member))
            return false;
    }
    return true;
}

static bool write_product(cJSON *products, const mcl_tuned_tile *tile)
{
    cJSON *object = cJSON_CreateObject();
    if (!object || !cJSON_AddItemToArray(products, object)) {
        cJSON_Delete(object);
        return false;
    }
    if (!cJSON_AddBoolToObject(object, "transpose_a", tile->transpose_a) ||
        !cJSON_AddBoolToObject(object, "transpose_b", tile->transpose_b) ||
        !cJSON_AddNumberToObject(object, "m", tile->m) ||
        !cJSON_AddNumberToObject(object, "n", tile->n) ||
        !cJSON_AddNumberToObject(object, "k", tile->k))
        return false;
    cJSON *members = cJSON_AddObjectToObject(object, "tile");
    return members &&
           (tile->for_gpu ? write_members(members, &tile->gpu, gpu_members, COUNT(gpu_members))
                          : write_members(members, &tile->cpu, cpu_members, COUNT(cpu_members)));
}

static bool write_native(
    cJSON *root, const struct mcl_tuning *tuning, const char *name, bool for_gpu)
{
    cJSON *native = cJSON_AddObjectToObject(root, name);
    if (!native)
        return false;
    if (tuning->has_cpu && !for_gpu) {
        cJSON *tile = cJSON_AddObjectToObject(native, "tile");
        if (!tile || !write_members(tile, &tuning->cpu, cpu_members, COUNT(cpu_members)))
            return false;
    }
    cJSON *products = cJSON_AddArrayToObject(native, "products");
    bool written = products != NULL;
    for (size_t i = 0; i < tuning->tile_count && written; i++) {
        if (tuning->tiles[i].for_gpu == for_gpu)
            written = write_product(products, &tuning->tiles[i]);
    }
    return written;
}

static bool write_clblast(cJSON *root, const struct mcl_tuning *tuning)
{
    cJSON *clblast = cJSON_AddObjectToObject(root, "clblast");
    bool written = clblast != NULL;
    for (size_t i = 0; i < MCL_CLBLAST_KERNELS && written; i++) {
        const mcl_clblast_kernel *kernel = &mcl_clblast_kernels[i];
        if (!tuning->has_clblast[i])
            continue;
        cJSON *object = cJSON_AddObjectToObject(clblast, kernel->name);
        written = object != NULL;
        for (size_t p = 0; p < kernel->count && written; p++)
            written = cJSON_AddNumberToObject(
                          object, kernel->parameters[p], (double)tuning->clblast[i][p]) != NULL;
    }
    return written;
}

static char *text_of(const struct mcl_tuning *tuning, const mcl_device_info *device)
{
    struct identity identity[5];
    cJSON *root = cJSON_CreateObject();
    bool written = root && cJSON_AddNumberToObject(root, "maskcl_tuning", FORMAT);
    identify(identity, device);
    for (size_t i = 0; i < COUNT(identity) && written; i++)
        written = cJSON_AddStringToObject(root, identity[i].key, identity[i].value) != NULL;
    written = written && write_native(root, tuning, "native-cpu", false) &&
              write_native(root, tuning, "native-gpu", true) && write_clblast(root, tuning);
    char *text = written ? cJSON_Print(root) : NULL;
    cJSON_Delete(root);
    return text;
}

static mcl_status no_folder(void)
{
    return mcl_fail(MCL_ERROR_FILE, "there is no cache folder to keep a tuning in: set HOME or "
                                    "XDG_CACHE_HOME to a folder that can be written");
}

mcl_status mcl_tuning_store(
    const struct mcl_tuning *tuning, const mcl_device_info *device, char *path, size_t path_size)
{
    char file[PATH_SIZE];
    mcl_output *output;
    if (!find_file(file, device))
        return no_folder();
    char *text = text_of(tuning, device);
    if (!text)
        return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory left for a tuning");
    mcl_status status = mcl_output_open(&output, file, MCL_OUTPUT_CACHE);
    if (status == MCL_OK) {
        status = mcl_output_write(output, text, strlen(text));
        if (status == MCL_OK)
            status = mcl_output_write(output, "\n", 1);
        if (status == MCL_OK)
            status = mcl_output_commit(output);
        else
            mcl_output_abandon(output);
    }
    free(text);
    if (status == MCL_OK && path)
        snprintf(path, path_size, "%s", file);
    return status;
}

mcl_tuning_state mcl_device_tuning(const mcl_device_info *device, char *reason, size_t reason_size)
{
    struct mcl_tuning *tuning;
    if (reason && reason_size)
        *reason = '\0';
    if (!device || mcl_allocate(&tuning, 1, sizeof *tuning) != MCL_OK)
        return MCL_TUNING_NONE;
    const mcl_tuning_state state = mcl_tuning_load(tuning, device);
    if (reason)
        snprintf(reason, reason_size, "%s", tuning->problem);
    free(tuning);
    return state;
}

/* The values of a file are as good as the file: each tile must suit the device. */
static bool suits(const mcl_context *context, const struct mcl_tuning *tuning)
{
    bool good = !tuning->has_cpu || mcl_cpu_tile_fits(context, &tuning->cpu);
    for (size_t i = 0; i < tuning->tile_count && good; i++)
        good = tuning->tiles[i].for_gpu ? mcl_gpu_tile_fits(context, &tuning->tiles[i].gpu)
                                        : mcl_cpu_tile_fits(context, &tuning->tiles[i].cpu);
    return good;
}

static const char tuning_key;

static void load_for(struct mcl_tuning *tuning, const mcl_context *context)
{
    char path[PATH_SIZE];
    if (mcl_tuning_load(tuning, &context->info) == MCL_TUNING_STORED && !suits(context, tuning) &&
        find_file(path, &context->info))
        refuse(tuning, path, "it has values that do not suit the device");
}

struct mcl_tuning *mcl_tuning_of(mcl_context *context)
{
    struct mcl_tuning *tuning = mcl_context_attached(context, &tuning_key);
    if (tuning || mcl_allocate(&tuning, 1, sizeof *tuning) != MCL_OK)
        return tuning;
    load_for(tuning, context);
    if (mcl_context_attach(context, &tuning_key, tuning, free) != MCL_OK) {
        free(tuning);
        return NULL;
    }
    return tuning;
}

mcl_status mcl_tuning_claim(
    mcl_output_lock **lock, struct mcl_tuning *stored, const mcl_context *context)
{
    char path[PATH_SIZE];
    *lock = NULL;
    if (!find_file(path, &context->info))
        return no_folder();
    mcl_status status = mcl_output_lock_take(lock, path);
    if (status == MCL_ERROR_FILE)
        return mcl_fail(status, "%s: another run is tuning this device: wait for its end", path);
    if (status == MCL_OK)
        status = mcl_cache_try(path);
    if (status == MCL_OK) {
        load_for(stored, context);
        return MCL_OK;
    }
    mcl_output_lock_release(*lock);
    *lock = NULL;
    return status;
}

/* Reads the file when it is asked for first, of which a caller sees nothing. */
const char *mcl_context_tuning_problem(const mcl_context *context)
{
    const struct mcl_tuning *tuning = context ? mcl_tuning_of((mcl_context *)context) : NULL;
    return tuning && *tuning->problem ? tuning->problem : NULL;
}

static bool is_of(const mcl_tuned_tile *tile, bool for_gpu, const mcl_gemm *gemm)
{
    return tile->for_gpu == for_gpu && tile->transpose_a == gemm->transpose_a &&
           tile->transpose_b == gemm->transpose_b && tile->m == gemm->m && tile->n == gemm->n &&
           tile->k == gemm->k;
}

static const mcl_tuned_tile *find_tile(
    const struct mcl_tuning *tuning, bool for_gpu, const mcl_gemm *gemm)
{
    for (size_t i = 0; tuning && !tuning->forced && i < tuning->tile_count; i++) {
        if (is_of(&tuning->tiles[i], for_gpu, gemm))
            return &tuning->tiles[i];
    }
    return NULL;
}

void mcl_tuning_add(struct mcl_tuning *tuning, const mcl_tuned_tile *tile)
{
    const mcl_gemm gemm = {.transpose_a = tile->transpose_a,
        .transpose_b = tile->transpose_b,
        .m = tile->m,
        .n = tile->n,
        .k = tile->k};
    size_t at = 0;
    while (at < tuning->tile_count && !is_of(&tuning->tiles[at], tile->for_gpu, &gemm))
        at++;
    if (at == MCL_TUNED_MAX)
        at = 0;
    if (at < tuning->tile_count) {
        tuning->tile_count--;
        memmove(&tuning->tiles[at], &tuning->tiles[at + 1],
            (tuning->tile_count - at) * sizeof *tuning->tiles);
    }
    tuning->tiles[tuning->tile_count++] = *tile;
}

mcl_cpu_tile mcl_cpu_tile_of(mcl_context *context, const mcl_gemm *gemm)
{
    const struct mcl_tuning *tuning = mcl_tuning_of(context);
    const mcl_tuned_tile *tile = find_tile(tuning, false, gemm);
    if (tile)
        return tile->cpu;
    return tuning && tuning->has_cpu ? tuning->cpu : mcl_cpu_tile_default(context);
}

mcl_gpu_tile mcl_gpu_tile_of(mcl_context *context, const mcl_gemm *gemm)
{
    const struct mcl_tuning *tuning = mcl_tuning_of(context);
    const mcl_tuned_tile *tile = find_tile(tuning, true, gemm);
    if (tile)
        return tile->gpu;
    return tuning && tuning->has_gpu ? tuning->gpu : mcl_gpu_tile_default(context, gemm);
}

bool mcl_tuning_is_forced(mcl_context *context)
{
    const struct mcl_tuning *tuning = mcl_tuning_of(context);
    return tuning && tuning->forced;
}

bool mcl_tuning_give_up(mcl_context *context)
{
    struct mcl_tuning *tuning = mcl_tuning_of(context);
    if (!tuning || tuning->forced)
        return false;
    if (tuning->has_cpu || tuning->has_gpu || tuning->tile_count)
        tuning->given_up = true;
    tuning->has_cpu = tuning->has_gpu = false;
    tuning->tile_count = 0;
    return tuning->given_up;
}
