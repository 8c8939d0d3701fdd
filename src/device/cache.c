/* SPDX-License-Identifier: Apache-2.0 */
#include "device/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "maskcl/output.h"
#include "maskcl/version.h"

#define FORMAT 1 /* of an entry and of a key */
#define PATH_SIZE 1024
#define DIGITS 32 /* of an entry's name: the hash of its key in hexadecimal */
#define SUFFIX ".program"
#define DAY 86400
#define KEPT_DAYS 90

/* An entry is a header, its key and its binary, in the machine's own byte order, as an entry is
 * of no use to another one. */
struct header {
    char magic[8];
    uint32_t format;
    uint32_t reserved; /* 0 */
    uint64_t key_size, binary_size;
    XXH128_canonical_t checksum; /* of key and binary */
};

static const char magic[8] = "maskclP";

/* What the driver says about itself and the device, a line each. A binary for a CPU depends on its
 * vector units, which a virtual machine can hide without another name of the processor. */
static void describe(char *text, size_t size, const mcl_context *context)
{
    const mcl_device_info *info = &context->info;
    char platform[256] = "";
    cl_platform_id id = NULL;
    cl_uint vendor = 0, bits = 0, width = 0;
    (void)clGetDeviceInfo(context->device, CL_DEVICE_PLATFORM, sizeof(void *), &id, NULL);
    (void)clGetPlatformInfo(id, CL_PLATFORM_VERSION, sizeof platform - 1, platform, NULL);
    (void)clGetDeviceInfo(context->device, CL_DEVICE_VENDOR_ID, sizeof vendor, &vendor, NULL);
    (void)clGetDeviceInfo(context->device, CL_DEVICE_ADDRESS_BITS, sizeof bits, &bits, NULL);
    (void)clGetDeviceInfo(
        context->device, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof width, &width, NULL);
    snprintf(text, size,
        "format %d\nmaskcl %s\nplatform %s\nplatform version %s\nvendor %s\nvendor number %x\n"
        "device %s\ndevice version %s\ndriver version %s\naddress bits %u\nvector width %u\n",
        FORMAT, mcl_version(), info->platform, platform, info->vendor, (unsigned)vendor, info->name,
        info->opencl_version, info->driver_version, (unsigned)bits, (unsigned)width);
}

mcl_status mcl_cache_key(
    char **key, const mcl_context *context, const char *options, const char *source)
{
    char device[2048];
    describe(device, sizeof device, context);
    const size_t size = strlen(device) + strlen(options) + strlen(source) + sizeof "options \n";
    MCL_TRY(mcl_allocate(key, size, 1));
    snprintf(*key, size, "%soptions %s\n%s", device, options, source);
    return MCL_OK;
}

bool mcl_cache_folder(char *path, size_t size)
{
    const char *caches = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int length;
    if (caches && *caches == '/') /* the specification: anything else is to be ignored */
        length = snprintf(path, size, "%s/maskcl", caches);
    else if (home && *home == '/')
        length = snprintf(path, size, "%s/.cache/maskcl", home);
    else
        return false;
    if (length < 0 || (size_t)length >= size)
        return false;
    for (char *slash = path; slash;) {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        if (mkdir(path, 0700) == 0)
            (void)chmod(path, 0700); /* whatever the umask took away */
        else if (errno != EEXIST && errno != EROFS && errno != EACCES)
            return false;
        if (slash)
            *slash = '/';
    }
    return true;
}

static bool is_ours(const struct stat *information)
{
    return information->st_uid == geteuid() || information->st_uid == 0;
}

/* Nobody else gets at what is in the folder. */
static bool is_private(void)
{
    char path[PATH_SIZE];
    struct stat information;
    return mcl_cache_folder(path, sizeof path) && stat(path, &information) == 0 &&
           is_ours(&information) && !(information.st_mode & S_IXOTH);
}

const char *mcl_cache_distrust(int file)
{
    struct stat information;
    if (fstat(file, &information) != 0 || !S_ISREG(information.st_mode))
        return "it is not a regular file";
    if (!is_ours(&information))
        return "it belongs to another user";
    if ((information.st_mode & S_IWOTH) && !is_private())
        return "others can write it";
    return NULL;
}

/* The folder is there; where mcl_cache_folder() could not make it, the reason is told. */
static mcl_status need_folder(void)
{
    char path[PATH_SIZE];
    if (!mcl_cache_folder(path, sizeof path) || mkdir(path, 0700) == 0 || errno == EEXIST)
        return MCL_OK;
    return mcl_fail(MCL_ERROR_FILE,
        "%s: this cache folder cannot be made: %s: set XDG_CACHE_HOME to a folder that can be "
        "written",
        path, strerror(errno));
}

mcl_status mcl_cache_try(const char *path)
{
    char trial[PATH_SIZE + 8];
    mcl_output *output;
    snprintf(trial, sizeof trial, "%s.trial", path);
    MCL_TRY(need_folder());
    mcl_status status = mcl_output_check(path);
    if (status == MCL_OK)
        status = mcl_output_open(&output, trial, MCL_OUTPUT_CACHE);
    if (status == MCL_OK)
        status = mcl_output_commit(output);
    if (status == MCL_ERROR_FILE)
        return mcl_fail(
            status, "%s: set XDG_CACHE_HOME to a folder that can be written", mcl_error_message());
    if (status != MCL_OK)
        return status;
    const int file = open(trial, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const char *problem = file >= 0 ? mcl_cache_distrust(file) : strerror(errno);
    if (file >= 0)
        close(file);
    unlink(trial);
    if (!problem)
        return MCL_OK;
    return mcl_fail(MCL_ERROR_FILE,
        "%s: what is written there could not be used: %s: set XDG_CACHE_HOME to a folder of your "
        "own on another file system",
        path, problem);
}

/* path = where the entry of key is. */
static bool find_entry(char *path, size_t size, const char *key)
{
    char digest[MCL_DIGEST_SIZE];
    if (!mcl_cache_folder(path, size))
        return false;
    mcl_digest_show(digest, XXH3_128bits(key, strlen(key)));
    const size_t length = strlen(path);
    if (length + 1 + DIGITS + sizeof SUFFIX > size)
        return false;
    snprintf(path + length, size - length, "/%s" SUFFIX, digest);
    return true;
}

static bool read_bytes(int file, void *bytes, size_t count)
{
    for (char *to = bytes; count > 0;) {
        const ssize_t got = read(file, to, count);
        if (got <= 0 && !(got < 0 && errno == EINTR))
            return false;
        to += got > 0 ? got : 0;
        count -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

static XXH128_canonical_t checksum_of(const void *bytes, size_t count)
{
    XXH128_canonical_t checksum;
    XXH128_canonicalFromHash(&checksum, XXH3_128bits(bytes, count));
    return checksum;
}

/* Reads the entry of key from file. It holds machine code that will run with the user's rights, so
 * that an entry that another user put there is not touched. */
static bool read_entry(unsigned char **binary, size_t *size, int file, const char *key)
{
    struct stat information;
    struct header header;
    unsigned char *bytes;
    const size_t key_size = strlen(key);
    if (mcl_cache_distrust(file) || fstat(file, &information) != 0 ||
        !read_bytes(file, &header, sizeof header))
        return false;
    const uint64_t rest = (uint64_t)information.st_size - sizeof header;
    if (memcmp(header.magic, magic, sizeof magic) != 0 || header.format != FORMAT ||
        header.reserved != 0 || header.key_size != key_size || rest <= key_size ||
        header.binary_size != rest - key_size || mcl_allocate(&bytes, rest, 1) != MCL_OK)
        return false;
    if (read_bytes(file, bytes, rest)) {
        const XXH128_canonical_t checksum = checksum_of(bytes, rest);
        if (memcmp(&header.checksum, &checksum, sizeof checksum) == 0 &&
            memcmp(bytes, key, key_size) == 0) {
            memmove(bytes, bytes + key_size, header.binary_size);
            *binary = bytes;
            *size = header.binary_size;
            return true;
        }
    }
    free(bytes);
    return false;
}

bool mcl_cache_load(unsigned char **binary, size_t *size, const char *key)
{
    char path[PATH_SIZE];
    if (!find_entry(path, sizeof path, key))
        return false;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* nor wait for a pipe */
    if (file < 0)
        return false;
    const bool found = read_entry(binary, size, file, key);
    if (found)
        (void)futimens(file, NULL); /* used today */
    close(file);
    return found;
}

/* Removes entries, and what a killed process left of one, that were not used for KEPT_DAYS. */
static void remove_old(const char *folder)
{
    DIR *listing = opendir(folder);
    if (!listing)
        return;
    const time_t oldest = time(NULL) - (time_t)KEPT_DAYS * DAY;
    const struct dirent *entry;
    while ((entry = readdir(listing))) {
        struct stat information;
        const char *name = entry->d_name;
        if (strspn(name, "0123456789abcdef") == DIGITS &&
            strncmp(name + DIGITS, SUFFIX, sizeof SUFFIX - 1) == 0 &&
            fstatat(dirfd(listing), name, &information, AT_SYMLINK_NOFOLLOW) == 0 &&
            information.st_mtime < oldest)
            (void)unlinkat(dirfd(listing), name, 0);
    }
    closedir(listing);
}

void mcl_cache_store(const char *key, const unsigned char *binary, size_t size)
{
    char path[PATH_SIZE];
    const size_t key_size = strlen(key);
    struct header header = {.format = FORMAT, .key_size = key_size, .binary_size = size};
    unsigned char *bytes;
    mcl_output *output;
    if (!find_entry(path, sizeof path, key) ||
        mcl_allocate(&bytes, key_size + size + 1, 1) != MCL_OK)
        return;
    memcpy(bytes, key, key_size + 1);
    memcpy(bytes + key_size, binary, size);
    memcpy(header.magic, magic, sizeof magic);
    header.checksum = checksum_of(bytes, key_size + size);
    if (mcl_output_open(&output, path, MCL_OUTPUT_CACHE) == MCL_OK) {
        if (mcl_output_write(output, &header, sizeof header) == MCL_OK &&
            mcl_output_write(output, bytes, key_size + size) == MCL_OK)
            (void)mcl_output_commit(output);
        else
            mcl_output_abandon(output);
    }
    free(bytes);
    *strrchr(path, '/') = '\0';
    remove_old(path);
}
