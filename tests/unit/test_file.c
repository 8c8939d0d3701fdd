/* SPDX-License-Identifier: Apache-2.0 */
/* Output files appear whole or not at all. */
#include "support/files.h"

#include "support/failing_memory.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "maskcl/output.h"

static mcl_output *open_output(const char *path)
{
    mcl_output *output = NULL;
    ck_assert_msg(mcl_output_open(&output, path) == MCL_OK, "%s", mcl_error_message());
    return output;
}

static void assert_content(const char *path, const char *expected)
{
    size_t count;
    unsigned char *bytes = read_file(path, &count);
    ck_assert_uint_eq(count, strlen(expected));
    ck_assert_mem_eq(bytes, expected, count);
    free(bytes);
}

/* The last error is about path, says part, and is one line. */
static void assert_error(const char *path, const char *part)
{
    const char *message = mcl_error_message();
    ck_assert_msg(strncmp(message, path, strlen(path)) == 0, "'%s'", message);
    ck_assert_msg(strstr(message, part) != NULL, "'%s' lacks '%s'", message, part);
    ck_assert_ptr_null(strchr(message, '\n'));
}

static void assert_refused(const char *path, const char *part)
{
    mcl_output *output = NULL;
    ck_assert_int_eq(mcl_output_check(path), MCL_ERROR_FILE);
    assert_error(path, part);
    ck_assert_int_eq(mcl_output_open(&output, path), MCL_ERROR_FILE);
    assert_error(path, part);
    ck_assert_ptr_null(output);
}

START_TEST(test_a_new_file)
{
    const char *path = scratch("new");
    ck_assert_int_eq(mcl_output_check(path), MCL_OK);
    mcl_output *output = open_output(path);
    ck_assert_int_eq(mcl_output_write(output, "first ", 6), MCL_OK);
    ck_assert_int_eq(mcl_output_write(output, NULL, 0), MCL_OK);
    ck_assert_int_gt(fprintf(mcl_output_stream(output), "second %d", 2), 0);
    ck_assert_int_ne(access(path, F_OK), 0); /* not before it is whole */
    ck_assert_uint_eq(scratch_files(NULL), 1);
    ck_assert_int_eq(mcl_output_commit(output), MCL_OK);
    assert_content(path, "first second 2");
    ck_assert_uint_eq(scratch_files(NULL), 1);
}

START_TEST(test_discarded)
{
    mcl_output *outputs[3];
    ck_assert_int_eq(mcl_output_commit(open_output(scratch("whole"))), MCL_OK);
    for (size_t i = 0; i < 3; i++) {
        outputs[i] = open_output(scratch("new"));
        ck_assert_int_eq(mcl_output_write(outputs[i], "part", 4), MCL_OK);
    }
    ck_assert_uint_eq(scratch_files(NULL), 4);
    mcl_output_discard();
    ck_assert_uint_eq(scratch_files(NULL), 1);
    ck_assert_int_eq(mcl_output_commit(outputs[0]), MCL_ERROR_FILE);
    mcl_output_abandon(outputs[1]);
    mcl_output_abandon(outputs[2]);
    ck_assert_uint_eq(scratch_files(NULL), 1);
    mcl_output_discard();
    assert_content(scratch("whole"), "");
}

START_TEST(test_an_empty_file)
{
    const char *path = scratch("empty");
    ck_assert_int_eq(mcl_output_commit(open_output(path)), MCL_OK);
    assert_content(path, "");
}

START_TEST(test_an_old_file_is_replaced_at_the_end)
{
    const char *path = scratch("old");
    write_file(path, "old", 3);
    mcl_output *output = open_output(path);
    ck_assert_int_eq(mcl_output_write(output, "new one", 7), MCL_OK);
    fflush(mcl_output_stream(output));
    assert_content(path, "old");
    ck_assert_int_eq(mcl_output_commit(output), MCL_OK);
    assert_content(path, "new one");
}

START_TEST(test_who_has_the_old_file_open_keeps_it)
{
    const char *path = scratch("old");
    char text[8] = "";
    write_file(path, "old", 3);
    FILE *reader = fopen(path, "r");
    mcl_output *output = open_output(path);
    ck_assert_int_eq(mcl_output_write(output, "new", 3), MCL_OK);
    ck_assert_int_eq(mcl_output_commit(output), MCL_OK);
    ck_assert_ptr_nonnull(fgets(text, sizeof text, reader));
    ck_assert_str_eq(text, "old");
    fclose(reader);
}

START_TEST(test_abandoned)
{
    const char *path = scratch("old");
    write_file(path, "old", 3);
    mcl_output *output = open_output(path);
    ck_assert_int_eq(mcl_output_write(output, "new", 3), MCL_OK);
    ck_assert_uint_eq(scratch_files(NULL), 2);
    mcl_output_abandon(output);
    ck_assert_uint_eq(scratch_files(NULL), 1);
    assert_content(path, "old");
    mcl_output_abandon(NULL);
}

START_TEST(test_permissions_are_those_of_any_new_file)
{
    static const mode_t masks[] = {022, 027, 077, 0};
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        struct stat information;
        const char *path = scratch("mode");
        const mode_t before = umask(masks[i]);
        ck_assert_int_eq(mcl_output_commit(open_output(path)), MCL_OK);
        ck_assert_int_eq(umask(before), masks[i]); /* and the mask is as it was */
        ck_assert_int_eq(stat(path, &information), 0);
        ck_assert_int_eq(information.st_mode & 0777, 0666 & ~masks[i]);
    }
}

START_TEST(test_a_path_without_a_folder)
{
    ck_assert_int_eq(chdir(scratch_folder), 0);
    ck_assert_int_eq(mcl_output_check("plain"), MCL_OK);
    ck_assert_int_eq(mcl_output_commit(open_output("plain")), MCL_OK);
    assert_content(scratch("plain"), "");
}

START_TEST(test_two_at_once)
{
    const char *path = scratch("both");
    mcl_output *a = open_output(path), *b = open_output(path);
    ck_assert_int_eq(mcl_output_write(a, "a", 1), MCL_OK);
    ck_assert_int_eq(mcl_output_write(b, "b", 1), MCL_OK);
    ck_assert_int_eq(mcl_output_commit(b), MCL_OK);
    assert_content(path, "b");
    ck_assert_int_eq(mcl_output_commit(a), MCL_OK);
    assert_content(path, "a");
    ck_assert_uint_eq(scratch_files(NULL), 1);
}

/* A temporary file as a process that was killed a while ago leaves it. */
static void leave(const char *name, time_t seconds_ago)
{
    const struct timespec times[2] = {{time(NULL) - seconds_ago, 0}, {time(NULL) - seconds_ago, 0}};
    write_file(scratch(name), "half", 4);
    ck_assert_int_eq(utimensat(AT_FDCWD, scratch(name), times, 0), 0);
}

static bool is_there(const char *name)
{
    struct stat information;
    return lstat(scratch(name), &information) == 0;
}

START_TEST(test_what_a_killed_process_left_is_removed)
{
    static const char *const kept[] = {"a.backup", "a.maskcl-12345", "a.maskcl-1234567",
        "a.maskcl-12345!", "b.maskcl-123456", "aa.maskcl-123456", ".maskcl-123456", "a.maskcl-",
        "a.maskcl-abcdef.maskcl-123456", "a.abcdef"};
    leave("a.maskcl-a0Z9bc", 100);
    leave("a.maskcl-123456", 100);
    leave("a.maskcl-recent", 10);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        leave(kept[i], 100);
    ck_assert_int_eq(mkdir(scratch("a.maskcl-folder"), 0777), 0);
    leave("target", 100);
    ck_assert_int_eq(symlink("target", scratch("a.maskcl-linked")), 0);
    ck_assert_int_eq(mkfifo(scratch("a.maskcl-a_pipe"), 0666), 0);
    ck_assert_int_eq(mkfifo(scratch("a.maskcl-thpipe"), 0666), 0);

    mcl_output *output = open_output(scratch("a"));
    ck_assert(!is_there("a.maskcl-a0Z9bc") && !is_there("a.maskcl-123456"));
    ck_assert(is_there("a.maskcl-recent") && is_there("a.maskcl-folder"));
    ck_assert(is_there("a.maskcl-linked") && is_there("target"));
    ck_assert(is_there("a.maskcl-a_pipe") && is_there("a.maskcl-thpipe"));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        ck_assert_msg(is_there(kept[i]), "%s", kept[i]);
    ck_assert_int_eq(mcl_output_commit(output), MCL_OK);
    assert_content(scratch("a"), "");
    rmdir(scratch("a.maskcl-folder"));
}
END_TEST

static int make_old(const char *path)
{
    const struct timespec times[2] = {{1, 0}, {1, 0}};
    return utimensat(AT_FDCWD, path, times, 0);
}

/* However long a process takes to write, nobody takes its file from it. */
START_TEST(test_what_a_process_still_writes_is_left)
{
    mcl_output *slow = open_output(scratch("a"));
    ck_assert_int_eq(mcl_output_write(slow, "slow", 4), MCL_OK);
    ck_assert_uint_eq(scratch_files(make_old), 1);
    mcl_output *other = open_output(scratch("a"));
    ck_assert_uint_eq(scratch_files(NULL), 2);
    mcl_output_abandon(other);
    ck_assert_int_eq(mcl_output_commit(slow), MCL_OK);
    assert_content(scratch("a"), "slow");
    ck_assert_uint_eq(scratch_files(NULL), 1);
}
END_TEST

START_TEST(test_folders_are_no_files)
{
    char slash[128];
    snprintf(slash, sizeof slash, "%s/", scratch_folder);
    assert_refused(scratch_folder, ": is a folder; name a file to write");
    assert_refused(slash, ": is a folder; name a file to write");
    assert_refused(scratch("missing/"), ": is a folder; name a file to write");
    assert_refused("", ": is a folder; name a file to write");
}

START_TEST(test_folders_that_do_not_exist)
{
    const char *file = scratch("file");
    char expected[256];
    snprintf(expected, sizeof expected, ": the folder %s/missing does not exist", scratch_folder);
    assert_refused(scratch("missing/model"), expected);
    write_file(file, "", 0);
    snprintf(expected, sizeof expected, ": the folder %s does not exist", file);
    assert_refused(scratch("file/model"), expected); /* a file is no folder */
}

START_TEST(test_what_is_no_regular_file_is_left_alone)
{
    const char *fifo = scratch("fifo");
    struct stat information;
    assert_refused("/dev/null", ": is not a regular file and would be replaced");
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    assert_refused(fifo, ": is not a regular file and would be replaced");
    ck_assert_int_eq(stat(fifo, &information), 0);
    ck_assert(S_ISFIFO(information.st_mode));
}

#define NOBODY 65534

/* Root may write everywhere, so the check is made as someone else. */
START_TEST(test_a_folder_that_is_not_ours)
{
    char path[128];
    snprintf(path, sizeof path, "%s/model", scratch_folder);
    ck_assert_int_eq(chmod(scratch_folder, 0555), 0);
    const pid_t child = fork();
    if (child == 0) {
        mcl_output *output = NULL;
        if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
            _exit(2);
        _exit(mcl_output_check(path) == MCL_ERROR_FILE &&
                      mcl_output_open(&output, path) == MCL_ERROR_FILE && !output &&
                      strstr(mcl_error_message(), "/model: cannot write in /tmp/maskcl-test-") &&
                      strstr(mcl_error_message(), ": Permission denied")
                  ? 0
                  : 1);
    }
    int state;
    ck_assert_int_eq(waitpid(child, &state, 0), child);
    ck_assert_int_eq(chmod(scratch_folder, 0755), 0);
    ck_assert(WIFEXITED(state));
    ck_assert_int_eq(WEXITSTATUS(state), 0);
    ck_assert_uint_eq(scratch_files(NULL), 0);
}

START_TEST(test_a_name_too_long)
{
    char name[400];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    char path[512];
    snprintf(path, sizeof path, "%s/%s", scratch_folder, name);
    mcl_output *output = NULL;
    ck_assert_int_eq(mcl_output_open(&output, path), MCL_ERROR_FILE);
    assert_error(path, ": cannot create: File name too long");
    ck_assert_ptr_null(output);
    ck_assert_uint_eq(scratch_files(NULL), 0);
}

/* From here on this process cannot make a file longer than this: as on a full disk. Not for long,
 * since Check writes a file too. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

/* The disk is full when the buffer is written out: at the end, or before. */
START_TEST(test_a_full_disk)
{
    static const size_t sizes[] = {1000, 1000000};
    const char *path = scratch("model");
    char *bytes = calloc(1, sizes[1]);
    write_file(path, "old", 3);
    mcl_output *output = open_output(path);
    limit_files(500);
    const mcl_status written = mcl_output_write(output, bytes, sizes[_i]);
    /* a failed write is remembered, even when the caller goes on regardless */
    const mcl_status committed = mcl_output_commit(output);
    limit_files(RLIM_INFINITY);
    ck_assert_int_eq(written, _i == 0 ? MCL_OK : MCL_ERROR_FILE);
    ck_assert_int_eq(committed, MCL_ERROR_FILE);
    assert_error(path, ": cannot write: File too large");
    assert_content(path, "old");
    ck_assert_uint_eq(scratch_files(NULL), 1);
    free(bytes);
}

START_TEST(test_a_failed_write_abandoned)
{
    const char *path = scratch("model");
    char *bytes = calloc(1, 1000000);
    mcl_output *output = open_output(path);
    limit_files(500);
    const mcl_status written = mcl_output_write(output, bytes, 1000000);
    limit_files(RLIM_INFINITY);
    ck_assert_int_eq(written, MCL_ERROR_FILE);
    assert_error(path, ": cannot write: File too large");
    mcl_output_abandon(output);
    ck_assert_uint_eq(scratch_files(NULL), 0);
    free(bytes);
}

START_TEST(test_a_folder_in_the_way_of_the_rename)
{
    const char *path = scratch("model");
    mcl_output *output = open_output(path);
    ck_assert_int_eq(mcl_output_write(output, "new", 3), MCL_OK);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    ck_assert_int_eq(mcl_output_commit(output), MCL_ERROR_FILE);
    assert_error(path, ": cannot rename ");
    assert_error(path, " to it: Is a directory");
    ck_assert_uint_eq(scratch_files(NULL), 1);
    ck_assert_int_eq(rmdir(path), 0);
}

START_TEST(test_no_descriptor_is_left)
{
    const int first = open("/dev/null", O_RDONLY);
    close(first);
    ck_assert_int_eq(mcl_output_commit(open_output(scratch("a"))), MCL_OK);
    mcl_output_abandon(open_output(scratch("b")));
    const int next = open("/dev/null", O_RDONLY);
    ck_assert_int_eq(next, first);
    close(next);
}

#if MASKCL_FAILING_MEMORY
static char target[256];

static int write_target(void)
{
    mcl_output *output = NULL;
    mcl_status status = mcl_output_open(&output, target);
    if (status == MCL_OK) {
        status = mcl_output_write(output, "new", 3);
        if (status == MCL_OK)
            status = mcl_output_commit(output);
        else
            mcl_output_abandon(output);
    } else if (output)
        return -1;
    return status == MCL_OK ? 0 : status == MCL_ERROR_MEMORY || status == MCL_ERROR_FILE ? 1 : -1;
}

START_TEST(test_each_allocation_failing)
{
    strcpy(target, scratch("model"));
    write_file(target, "old", 3);
    ck_assert_uint_ge(fail_each_allocation(write_target), 4);
    ck_assert_uint_eq(scratch_files(NULL), 1);
    assert_content(target, "new");
}
#endif

int main(void)
{
    Suite *suite = suite_create("file");
    TCase *tcase = tcase_create("file");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, scratch_setup, scratch_teardown);
    tcase_add_test(tcase, test_a_new_file);
    tcase_add_test(tcase, test_an_empty_file);
    tcase_add_test(tcase, test_an_old_file_is_replaced_at_the_end);
    tcase_add_test(tcase, test_who_has_the_old_file_open_keeps_it);
    tcase_add_test(tcase, test_abandoned);
    tcase_add_test(tcase, test_discarded);
    tcase_add_test(tcase, test_permissions_are_those_of_any_new_file);
    tcase_add_test(tcase, test_a_path_without_a_folder);
    tcase_add_test(tcase, test_two_at_once);
    tcase_add_test(tcase, test_what_a_killed_process_left_is_removed);
    tcase_add_test(tcase, test_what_a_process_still_writes_is_left);
    tcase_add_test(tcase, test_folders_are_no_files);
    tcase_add_test(tcase, test_folders_that_do_not_exist);
    tcase_add_test(tcase, test_what_is_no_regular_file_is_left_alone);
    tcase_add_test(tcase, test_a_folder_that_is_not_ours);
    tcase_add_test(tcase, test_a_name_too_long);
    tcase_add_loop_test(tcase, test_a_full_disk, 0, 2);
    tcase_add_test(tcase, test_a_failed_write_abandoned);
    tcase_add_test(tcase, test_a_folder_in_the_way_of_the_rename);
    tcase_add_test(tcase, test_no_descriptor_is_left);
#if MASKCL_FAILING_MEMORY
    tcase_add_test(tcase, test_each_allocation_failing);
#endif
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
