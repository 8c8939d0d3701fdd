/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of compiled programs: what is stored comes back, and nothing else does. */
#include "support/files.h"

#include "support/failing_memory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "device/cache.h"
#include "maskcl/version.h"
#include "support/device.h"

/* Of an entry: magic, format, 0, sizes of key and binary, checksum. */
#define HEADER_SIZE 48

static void cache_setup(void)
{
    scratch_setup();
    setenv("XDG_CACHE_HOME", scratch_folder, 1);
}

static char folder[128]; /* the cache's own, in the scratch folder */
static char entry[512];  /* the file of its only entry */

/* Counts the files of the cache; entry is the last of them. */
static size_t count_entries(void)
{
    snprintf(folder, sizeof folder, "%s/maskcl", scratch_folder);
    DIR *listing = opendir(folder);
    size_t count = 0;
    const struct dirent *file;
    while (listing && (file = readdir(listing))) {
        if (file->d_name[0] == '.')
            continue;
        snprintf(entry, sizeof entry, "%s/%s", folder, file->d_name);
        count++;
    }
    if (listing)
        closedir(listing);
    return count;
}

static void cache_teardown(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", scratch_folder); /* drivers write there too */
    ck_assert_int_eq(system(command), 0);
}

static void store(const char *key, const char *binary)
{
    mcl_cache_store(key, (const unsigned char *)binary, strlen(binary));
}

static void assert_miss(const char *key)
{
    unsigned char *binary = NULL;
    size_t size = 0;
    ck_assert(!mcl_cache_load(&binary, &size, key));
    ck_assert_ptr_null(binary);
}

static void assert_hit(const char *key, const char *expected)
{
    unsigned char *binary = NULL;
    size_t size = 0;
    ck_assert_msg(mcl_cache_load(&binary, &size, key), "no entry of '%s'", key);
    ck_assert_uint_eq(size, strlen(expected));
    ck_assert_mem_eq(binary, expected, size);
    free(binary);
}

START_TEST(test_hit)
{
    assert_miss("key");
    store("key", "binary");
    assert_hit("key", "binary");
    assert_hit("key", "binary");
    ck_assert_uint_eq(count_entries(), 1);
    store("key", "another one");
    assert_hit("key", "another one");
    ck_assert_uint_eq(count_entries(), 1);
    store("", "?");
    assert_hit("", "?");
    assert_hit("key", "another one");
    ck_assert_uint_eq(count_entries(), 2);
    assert_miss("ke");
    assert_miss("keys");
    assert_miss("Key");
}
END_TEST

START_TEST(test_large_binary)
{
    const size_t size = 3000017;
    unsigned char *binary = allocate(size, 1), *loaded = NULL;
    for (size_t i = 0; i < size; i++)
        binary[i] = (unsigned char)(i * i >> 3);
    size_t loaded_size = 0;
    mcl_cache_store("large", binary, size);
    ck_assert(mcl_cache_load(&loaded, &loaded_size, "large"));
    ck_assert_uint_eq(loaded_size, size);
    ck_assert_int_eq(memcmp(loaded, binary, size), 0);
    free(loaded);
    free(binary);
}
END_TEST

/* A key and a binary that together are long enough for several reads of a block. */
static char long_key[3001], long_binary[5001];

static void store_long(void)
{
    memset(long_key, 'k', sizeof long_key - 1);
    memset(long_binary, 'b', sizeof long_binary - 1);
    store(long_key, long_binary);
    ck_assert_uint_eq(count_entries(), 1);
}

START_TEST(test_truncated)
{
    size_t size;
    store_long();
    unsigned char *bytes = read_file(entry, &size);
    ck_assert_uint_eq(size, HEADER_SIZE + sizeof long_key - 1 + sizeof long_binary - 1);
    for (size_t length = 0; length < size; length += length < 2 * HEADER_SIZE ? 1 : 100) {
        write_file(entry, bytes, length);
        assert_miss(long_key);
    }
    write_file(entry, bytes, size - 1);
    assert_miss(long_key);
    write_file(entry, bytes, size + 1); /* the zero byte that read_file() puts there */
    assert_miss(long_key);
    write_file(entry, bytes, size);
    assert_hit(long_key, long_binary);
    free(bytes);
}
END_TEST

START_TEST(test_flipped)
{
    size_t size;
    store_long();
    unsigned char *bytes = read_file(entry, &size);
    for (size_t at = 0; at < size; at += at < 2 * HEADER_SIZE ? 1 : 97) {
        bytes[at] ^= (unsigned char)(1u << at % 8);
        write_file(entry, bytes, size);
        assert_miss(long_key);
        bytes[at] ^= (unsigned char)(1u << at % 8);
    }
    bytes[size - 1] ^= 0x80;
    write_file(entry, bytes, size);
    assert_miss(long_key);
    store(long_key, "repaired");
    assert_hit(long_key, "repaired");
    free(bytes);
}
END_TEST

/* Whole and with the right checksum, but of another key: as if both had the same hash. */
START_TEST(test_entry_of_another_key)
{
    size_t size;
    store("device one", "machine code of one");
    ck_assert_uint_eq(count_entries(), 1);
    unsigned char *bytes = read_file(entry, &size);
    ck_assert_int_eq(unlink(entry), 0);
    store("device two", "machine code of two");
    ck_assert_uint_eq(count_entries(), 1);
    write_file(entry, bytes, size);
    assert_miss("device two");
    free(bytes);
}
END_TEST

START_TEST(test_entry_that_others_could_have_written)
{
    store("key", "binary");
    ck_assert_uint_eq(count_entries(), 1);
    ck_assert_int_eq(chmod(entry, 0666), 0);
    assert_hit("key", "binary"); /* nobody else gets at the folder */
    ck_assert_int_eq(chmod(folder, 0755), 0);
    assert_miss("key");
    ck_assert_int_eq(chmod(entry, 0644), 0);
    assert_hit("key", "binary");
    if (geteuid() != 0)
        return; /* a file cannot be given away */
    ck_assert_int_eq(chown(entry, 12345, (gid_t)-1), 0);
    assert_miss("key");
    store("key", "binary");
    assert_hit("key", "binary");
}
END_TEST

START_TEST(test_entry_that_is_no_file)
{
    store("key", "binary");
    ck_assert_uint_eq(count_entries(), 1);
    ck_assert_int_eq(unlink(entry), 0);
    ck_assert_int_eq(mkfifo(entry, 0600), 0);
    assert_miss("key"); /* and does not wait for a writer */
    store("key", "binary");
    assert_miss("key");
    ck_assert_int_eq(unlink(entry), 0);
    ck_assert_int_eq(mkdir(entry, 0700), 0);
    assert_miss("key");
    store("key", "binary");
    assert_miss("key");
}
END_TEST

static void set_age(const char *path, int days)
{
    const time_t then = time(NULL) - (time_t)days * 86400;
    const struct timespec times[2] = {{then, 0}, {then, 0}};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

START_TEST(test_old_entries_go)
{
    static const char left[] = "0123456789abcdef0123456789abcdef.program.Ab12Cd";
    static const char foreign[] = "tuning.json";
    char left_path[512], foreign_path[512];
    store("old", "1");
    ck_assert_uint_eq(count_entries(), 1);
    set_age(entry, 91);
    snprintf(left_path, sizeof left_path, "%s/%s", folder, left);
    snprintf(foreign_path, sizeof foreign_path, "%s/%s", folder, foreign);
    write_file(left_path, "?", 1);
    write_file(foreign_path, "?", 1);
    set_age(left_path, 91);
    set_age(foreign_path, 1000);
    store("new", "2");
    assert_miss("old");
    assert_hit("new", "2");
    ck_assert_int_ne(access(left_path, F_OK), 0);
    ck_assert_int_eq(access(foreign_path, F_OK), 0);
    ck_assert_int_eq(unlink(foreign_path), 0);
    ck_assert_uint_eq(count_entries(), 1);
    set_age(entry, 89);
    store("newer", "3");
    assert_hit("new", "2");
    struct stat information;
    ck_assert_int_eq(stat(entry, &information), 0);
    ck_assert_int_gt(information.st_mtime, time(NULL) - 3600); /* for it was used */
}
END_TEST

START_TEST(test_folders)
{
    char path[512];
    snprintf(path, sizeof path, "%s/maskcl/a", scratch_folder);
    setenv("XDG_CACHE_HOME", path, 1); /* two folders are missing */
    store("key", "binary");
    assert_hit("key", "binary");
    struct stat information;
    ck_assert_int_eq(stat(path, &information), 0);
    ck_assert_uint_eq(information.st_mode & 0777, 0700);

    setenv("HOME", scratch_folder, 1);
    setenv("XDG_CACHE_HOME", "relative", 1); /* not allowed, so as if it were unset */
    assert_miss("key");
    store("key", "at home");
    assert_hit("key", "at home");
    ck_assert_int_ne(access("relative", F_OK), 0);
    unsetenv("XDG_CACHE_HOME");
    assert_hit("key", "at home");
    setenv("XDG_CACHE_HOME", "", 1);
    assert_hit("key", "at home");
}
END_TEST

static void assert_no_cache(void)
{
    store("key", "binary");
    assert_miss("key");
}

START_TEST(test_no_folder)
{
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    assert_no_cache();
    setenv("HOME", "", 1);
    assert_no_cache();
    setenv("HOME", "relative", 1);
    assert_no_cache();
    ck_assert_int_ne(access("relative", F_OK), 0);
    char path[4096];
    snprintf(path, sizeof path, "/tmp/%04000d", 0);
    setenv("HOME", path, 1);
    assert_no_cache();
    write_file(scratch("file"), "?", 1);
    setenv("HOME", scratch("file"), 1);
    assert_no_cache();
    setenv("HOME", "/proc/self", 1); /* where nobody can make a folder */
    assert_no_cache();
}
END_TEST

START_TEST(test_folder_that_cannot_be_written)
{
    store("key", "binary");
    ck_assert_uint_eq(count_entries(), 1);
    ck_assert_int_eq(chmod(folder, 0500), 0);
    assert_hit("key", "binary");
    if (geteuid() != 0) {
        store("other", "binary");
        assert_miss("other");
    }
    ck_assert_int_eq(chmod(folder, 0700), 0);
}
END_TEST

START_TEST(test_full_disk)
{
    store("key", "small");
    limit_file_size(1000);
    static char binary[2000];
    memset(binary, 'b', sizeof binary - 1);
    store("key", binary);
    assert_hit("key", "small");
    store("another", binary);
    assert_miss("another");
    ck_assert_uint_eq(count_entries(), 1);
}
END_TEST

#if MASKCL_FAILING_MEMORY
static int load_again(void)
{
    unsigned char *binary = NULL;
    size_t size = 0;
    if (!mcl_cache_load(&binary, &size, "key"))
        return binary ? -1 : 1;
    const int right = size == 6 && memcmp(binary, "binary", 6) == 0;
    free(binary);
    return right ? 0 : -1;
}

static int store_again(void)
{
    (void)unlink(entry);
    mcl_cache_store("key", (const unsigned char *)"binary", 6);
    return access(entry, F_OK) == 0 ? 0 : 1;
}

START_TEST(test_no_memory)
{
    store("key", "binary");
    ck_assert_uint_eq(count_entries(), 1);
    ck_assert_uint_eq(fail_each_allocation(load_again), 1);
    ck_assert_uint_gt(fail_each_allocation(store_again), 4);
    assert_hit("key", "binary");
    ck_assert_uint_eq(count_entries(), 1);
}
END_TEST
#endif

/* Every fact about the driver, the options and the source have a part in the key. */
START_TEST(test_key)
{
    char *key, *other;
    ASSERT_OK(mcl_cache_key(&key, context, "-D A", "kernel void k() {}"));
    const mcl_device_info *info = mcl_context_device(context);
    const char *const parts[] = {mcl_version(), info->platform, info->vendor, info->name,
        info->opencl_version, info->driver_version, "platform version OpenCL ", "options -D A\n",
        "kernel void k() {}", "format 1\n"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ck_assert_msg(strstr(key, parts[i]) != NULL, "'%s' is not in '%s'", parts[i], key);
    ASSERT_OK(mcl_cache_key(&other, context, "-D A", "kernel void k() {}"));
    ck_assert_str_eq(key, other);
    free(other);
    store(key, "binary");

    mcl_context changed = *context;
    char *const facts[] = {changed.info.platform, changed.info.vendor, changed.info.name,
        changed.info.opencl_version, changed.info.driver_version};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        facts[i][0] ^= 1;
        ASSERT_OK(mcl_cache_key(&other, &changed, "-D A", "kernel void k() {}"));
        assert_miss(other);
        free(other);
        facts[i][0] ^= 1;
    }
    ASSERT_OK(mcl_cache_key(&other, context, "-D B", "kernel void k() {}"));
    assert_miss(other);
    free(other);
    ASSERT_OK(mcl_cache_key(&other, context, "-D A", "kernel void k() { }"));
    assert_miss(other);
    free(other);
    assert_hit(key, "binary");
    free(key);
}
END_TEST

/* A kernel that writes a number, in a folder that MASKCL_KERNELS names. */
static void write_kernel(const char *name, int number)
{
    char text[128];
    snprintf(text, sizeof text, "kernel void k(global int *out)\n{\n    out[0] = %d;\n}\n", number);
    write_file(scratch(name), text, strlen(text));
}

/* What the kernel called k in a file writes, in a context of its own. */
static int run_kernel(const char *name)
{
    mcl_kernel *kernel;
    cl_int value = -1;
    context_setup();
    cl_mem buffer = buffer_with(&value, sizeof value);
    ASSERT_OK(mcl_kernel_find(&kernel, context, name, "k", ""));
    ASSERT_OK(mcl_run(kernel, 1, 1, MCL_BUFFER(buffer)));
    read_buffer(&value, buffer, sizeof value);
    mcl_buffer_release(&buffer);
    context_teardown();
    return value;
}

/* PoCL's programs are left to its own cache. */
static bool is_cached(void)
{
    context_setup();
    const bool pocl = strstr(mcl_context_device(context)->platform, "Portable") != NULL;
    context_teardown();
    return !pocl;
}

static void programs_setup(void)
{
    cache_setup();
    setenv("MASKCL_KERNELS", scratch_folder, 1);
    setenv("POCL_CACHE_DIR", scratch("pocl"), 1); /* without one, PoCL has no device */
}

/* The key of the only entry. */
static char *read_key(void)
{
    size_t size;
    uint64_t key_size;
    unsigned char *bytes = read_file(entry, &size);
    memcpy(&key_size, bytes + 16, sizeof key_size);
    ck_assert_uint_le(key_size, size - HEADER_SIZE);
    memmove(bytes, bytes + HEADER_SIZE, key_size);
    bytes[key_size] = '\0';
    return (char *)bytes;
}

START_TEST(test_programs_are_stored_and_loaded)
{
    write_kernel("one.cl", 1);
    write_kernel("two.cl", 2);
    ck_assert_int_eq(run_kernel("one.cl"), 1);
    if (!is_cached()) {
        ck_assert_uint_eq(count_entries(), 0);
        return;
    }
    ck_assert_uint_eq(count_entries(), 1);
    char *key = read_key();
    unsigned char *binary;
    size_t size;
    ck_assert_int_eq(unlink(entry), 0);
    ck_assert_int_eq(run_kernel("two.cl"), 2);
    ck_assert_uint_eq(count_entries(), 1);
    char *two = read_key();
    ck_assert(mcl_cache_load(&binary, &size, two));
    /* What the entry has is what runs: so it was not compiled. */
    mcl_cache_store(key, binary, size);
    ck_assert_int_eq(run_kernel("one.cl"), 2);
    write_kernel("one.cl", 3); /* another source is another key */
    ck_assert_int_eq(run_kernel("one.cl"), 3);
    ck_assert_uint_eq(count_entries(), 3);
    free(binary);
    free(two);
    free(key);
}
END_TEST

START_TEST(test_binary_that_the_driver_refuses)
{
    static const char garbage[] = "this is not a binary of any driver";
    size_t size, again;
    write_kernel("one.cl", 1);
    ck_assert_int_eq(run_kernel("one.cl"), 1);
    if (!is_cached())
        return;
    ck_assert_uint_eq(count_entries(), 1);
    char *key = read_key();
    unsigned char *good = read_file(entry, &size);
    store(key, garbage);
    assert_hit(key, garbage);
    ck_assert_int_eq(run_kernel("one.cl"), 1);
    ck_assert_uint_eq(count_entries(), 1);
    unsigned char *replaced = read_file(entry, &again);
    ck_assert_uint_gt(again, HEADER_SIZE + strlen(key) + sizeof garbage);
    ck_assert_int_eq(run_kernel("one.cl"), 1);
    free(replaced);
    free(good);
    free(key);
}
END_TEST

START_TEST(test_programs_without_a_cache)
{
    write_kernel("one.cl", 1);
    setenv("XDG_CACHE_HOME", scratch("one.cl"), 1);
    ck_assert_int_eq(run_kernel("one.cl"), 1);
    ck_assert_int_eq(run_kernel("one.cl"), 1);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    ck_assert_int_eq(run_kernel("one.cl"), 1);
}
END_TEST

START_TEST(test_damaged_entry_is_replaced)
{
    write_kernel("one.cl", 1);
    ck_assert_int_eq(run_kernel("one.cl"), 1);
    if (!is_cached())
        return;
    size_t size, again;
    ck_assert_uint_eq(count_entries(), 1);
    unsigned char *good = read_file(entry, &size);
    write_file(entry, good, size / 2);
    ck_assert_int_eq(run_kernel("one.cl"), 1);
    unsigned char *replaced = read_file(entry, &again);
    ck_assert_uint_gt(again, size / 2);
    free(replaced);
    free(good);
}
END_TEST

/* Four processes that start with an empty cache at once. */
START_TEST(test_processes_at_once)
{
    pid_t children[4];
    write_kernel("one.cl", 7);
    for (int i = 0; i < 4; i++) {
        children[i] = fork();
        ck_assert_int_ge(children[i], 0);
        if (children[i] == 0) {
            bool right = true;
            for (int run = 0; run < 3; run++)
                right = right && run_kernel("one.cl") == 7;
            _exit(right ? 0 : 1);
        }
    }
    for (int i = 0; i < 4; i++) {
        int state;
        ck_assert_int_eq(waitpid(children[i], &state, 0), children[i]);
        ck_assert(WIFEXITED(state));
        ck_assert_int_eq(WEXITSTATUS(state), 0);
    }
    ck_assert_uint_eq(count_entries(), is_cached() ? 1 : 0);
}
END_TEST

/* PoCL's cache is for one process at a time: what it builds meanwhile it reads half written. */
START_TEST(test_another_process_is_waited_for)
{
    write_kernel("one.cl", 7);
    const char *cache = getenv("POCL_CACHE_DIR");
    ck_assert_int_eq(mkdir(cache, 0700), 0);
    const int lock = open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(lock, 0);
    ck_assert_int_eq(flock(lock, LOCK_EX), 0);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        close(lock);
        _exit(run_kernel("one.cl") == 7 ? 0 : 1);
    }
    int state;
    sleep(2);
    const bool waits = waitpid(child, &state, WNOHANG) == 0;
    ck_assert_int_eq(flock(lock, LOCK_UN), 0);
    ck_assert(!waits || waitpid(child, &state, 0) == child);
    ck_assert(WIFEXITED(state));
    ck_assert_int_eq(WEXITSTATUS(state), 0);
    close(lock);
    ck_assert(waits || is_cached());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache");
    TCase *entries = tcase_create("entries");
    tcase_add_checked_fixture(entries, cache_setup, cache_teardown);
    tcase_add_test(entries, test_hit);
    tcase_add_test(entries, test_large_binary);
    tcase_add_test(entries, test_truncated);
    tcase_add_test(entries, test_flipped);
    tcase_add_test(entries, test_entry_of_another_key);
    tcase_add_test(entries, test_entry_that_others_could_have_written);
    tcase_add_test(entries, test_entry_that_is_no_file);
    tcase_add_test(entries, test_old_entries_go);
    tcase_add_test(entries, test_folders);
    tcase_add_test(entries, test_no_folder);
    tcase_add_test(entries, test_folder_that_cannot_be_written);
    tcase_add_test(entries, test_full_disk);
#if MASKCL_FAILING_MEMORY
    tcase_add_test(entries, test_no_memory);
#endif
    suite_add_tcase(suite, entries);
    TCase *keys = tcase_create("keys");
    tcase_add_checked_fixture(keys, cache_setup, cache_teardown);
    tcase_add_checked_fixture(keys, context_setup, context_teardown);
    tcase_add_test(keys, test_key);
    suite_add_tcase(suite, keys);
    TCase *programs = tcase_create("programs");
    tcase_set_timeout(programs, 120);
    tcase_add_checked_fixture(programs, programs_setup, cache_teardown);
    tcase_add_test(programs, test_programs_are_stored_and_loaded);
    tcase_add_test(programs, test_binary_that_the_driver_refuses);
    tcase_add_test(programs, test_programs_without_a_cache);
    tcase_add_test(programs, test_damaged_entry_is_replaced);
    tcase_add_test(programs, test_processes_at_once);
    tcase_add_test(programs, test_another_process_is_waited_for);
    suite_add_tcase(suite, programs);
    return run_suite(suite);
}
