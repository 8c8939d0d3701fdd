/* SPDX-License-Identifier: Apache-2.0 */
/* Output files appear whole or not at all. */
#include "support/files.h"

#include "support/failing_files.h"
#include "support/failing_memory.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "maskcl/output.h"

/* A file system without files without a name: tests run with _i = 0 on the folder's own, and with
 * _i = 1 so. */
static void choose_file_system(int i)
{
    failing_files.unnamed = i ? EOPNOTSUPP : 0;
}

static mcl_output *open_output(const char *path)
{
    mcl_output *output = NULL;
    ck_assert_msg(
        mcl_output_open(&output, path, MCL_OUTPUT_RESULT) == MCL_OK, "%s", mcl_error_message());
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
    ck_assert_int_eq(mcl_output_open(&output, path, MCL_OUTPUT_RESULT), MCL_ERROR_FILE);
    assert_error(path, part);
    ck_assert_ptr_null(output);
}

START_TEST(test_a_new_file)
{
    const char *path = scratch("new");
    choose_file_system(_i);
    ck_assert_int_eq(mcl_output_check(path), MCL_OK);
    ck_assert_uint_eq(scratch_files(NULL), 0);
    mcl_output *output = open_output(path);
    ck_assert_int_eq(mcl_output_write(output, "first ", 6), MCL_OK);
    ck_assert_int_eq(mcl_output_write(output, NULL, 0), MCL_OK);
    ck_assert_int_gt(fprintf(mcl_output_stream(output), "second %d", 2), 0);
    ck_assert_int_ne(access(path, F_OK), 0); /* not before it is whole */
    ck_assert_uint_le(scratch_files(NULL), _i ? 1 : 0);
    ck_assert_int_eq(mcl_output_commit(output), MCL_OK);
    assert_content(path, "first second 2");
    ck_assert_uint_eq(scratch_files(NULL), 1);
}

START_TEST(test_discarded)
{
    mcl_output *outputs[3];
    choose_file_system(1);
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
    choose_file_system(_i);
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
    choose_file_system(_i);
    write_file(path, "old", 3);
    mcl_output *output = open_output(path);
    ck_assert_int_eq(mcl_output_write(output, "new", 3), MCL_OK);
    ck_assert_uint_le(scratch_files(NULL), _i ? 2 : 1);
    mcl_output_abandon(output);
    ck_assert_uint_eq(scratch_files(NULL), 1);
    assert_content(path, "old");
    mcl_output_abandon(NULL);
}

START_TEST(test_permissions_are_those_of_any_new_file)
{
    static const mode_t masks[] = {022, 027, 077, 0};
    choose_file_system(_i);
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        struct stat information;
        const char *path = scratch("mode");
        (void)unlink(path);
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
    choose_file_system(1);
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
    assert_refused("", "is empty: name a file");
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
                      mcl_output_open(&output, path, MCL_OUTPUT_RESULT) == MCL_ERROR_FILE &&
                      !output &&
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
    ck_assert_int_eq(mcl_output_open(&output, path, MCL_OUTPUT_RESULT), MCL_ERROR_FILE);
    assert_error(path, ": this name is longer than the file system allows");
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

/* The name that the last error says the whole result is in. */
static const char *kept_name(void)
{
    static char name[512];
    const char *place = strstr(mcl_error_message(), "; the whole result is in ");
    ck_assert_msg(place != NULL, "'%s'", mcl_error_message());
    ck_assert_int_eq(sscanf(place, "; the whole result is in %500[^:]:", name), 1);
    return name;
}

static mcl_status write_text(const char *path, const char *text, mcl_output_kind kind)
{
    mcl_output *output;
    MCL_TRY(mcl_output_open(&output, path, kind));
    mcl_status status = mcl_output_write(output, text, strlen(text));
    if (status == MCL_OK)
        return mcl_output_commit(output);
    mcl_output_abandon(output);
    return status;
}

START_TEST(test_a_folder_in_the_way_of_the_rename)
{
    const char *path = scratch("model");
    choose_file_system(_i);
    mcl_output *output = open_output(path);
    ck_assert_int_eq(mcl_output_write(output, "new", 3), MCL_OK);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    ck_assert(!mcl_output_kept());
    ck_assert_int_eq(mcl_output_commit(output), MCL_ERROR_FILE);
    ck_assert(mcl_output_kept());
    assert_error(path, ": cannot be put in place: Is a directory");
    assert_content(kept_name(), "new");
    ck_assert_uint_eq(scratch_files(NULL), 2);
    ck_assert_int_eq(rmdir(path), 0);

    /* the next one leaves it alone, however old it is */
    ck_assert_uint_eq(scratch_files(make_old), 1);
    ck_assert_int_eq(write_text(path, "next", MCL_OUTPUT_RESULT), MCL_OK);
    ck_assert_uint_eq(scratch_files(NULL), 2);
}

/* A mount point cannot be renamed to, but written. */
START_TEST(test_a_name_that_cannot_be_renamed_to)
{
    const char *path = scratch("model");
    choose_file_system(_i % 2);
    ck_assert_int_eq(write_text(path, "first", MCL_OUTPUT_RESULT), MCL_OK);
    failing_files.rename = _i < 2 ? EBUSY : EPERM;
    failing_files.linkat = failing_files.rename;
    snprintf(failing_files.to, sizeof failing_files.to, "/model");
    ck_assert_int_eq(link(path, scratch("same")), 0);
    ck_assert_int_eq(write_text(path, "2nd", MCL_OUTPUT_RESULT), MCL_OK);
    assert_content(path, "2nd");
    assert_content(scratch("same"), "2nd"); /* in place */
    ck_assert_uint_eq(scratch_files(NULL), 2);

    /* there will be other checkpoints, and two names may have this one */
    ck_assert_int_eq(write_text(path, "third", MCL_OUTPUT_CHECKPOINT), MCL_ERROR_FILE);
    assert_error(path, ": cannot be put in place: ");
    ck_assert_int_eq(write_text(path, "third", MCL_OUTPUT_CACHE), MCL_ERROR_FILE);
    assert_content(path, "2nd");
    ck_assert_uint_eq(scratch_files(NULL), 2);
}

/* Nothing is there to be written over: the result stays beside the name. */
START_TEST(test_a_new_name_that_cannot_be_renamed_to)
{
    const char *path = scratch("model");
    choose_file_system(_i);
    failing_files.rename = EBUSY;
    snprintf(failing_files.to, sizeof failing_files.to, "/model");
    ck_assert_int_eq(write_text(path, "new", MCL_OUTPUT_RESULT), MCL_ERROR_FILE);
    assert_error(path, ": cannot be put in place: ");
    assert_content(kept_name(), "new");
    ck_assert_uint_eq(scratch_files(NULL), 1);
}

/* Neither can be renamed: it stays under the temporary name. */
START_TEST(test_no_rename_at_all)
{
    const char *path = scratch("model");
    choose_file_system(_i);
    mcl_output *output = open_output(path);
    ck_assert_int_eq(mcl_output_write(output, "new", 3), MCL_OK);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    failing_files.rename = EIO;
    ck_assert_int_eq(mcl_output_commit(output), MCL_ERROR_FILE);
    assert_content(kept_name(), "new");
    ck_assert_int_eq(rmdir(path), 0);
}

/* A file system that has files without a name, and no links. */
START_TEST(test_no_links)
{
    const char *path = scratch("model");
    failing_files.linkat = EPERM;
    ck_assert_int_eq(write_text(path, "first", MCL_OUTPUT_RESULT), MCL_OK);
    assert_content(path, "first");
    ck_assert_int_eq(write_text(path, "second", MCL_OUTPUT_RESULT), MCL_OK);
    assert_content(path, "second");
    ck_assert_uint_eq(scratch_files(NULL), 1);
}

/* The copy that takes the place of a file without a name is as readable as that one. */
START_TEST(test_no_links_and_any_mode)
{
    struct stat information;
    const char *path = scratch("model");
    failing_files.linkat = EPERM;
    const mode_t before = umask(0777);
    ck_assert_int_eq(write_text(path, "first", MCL_OUTPUT_RESULT), MCL_OK);
    ck_assert_int_eq(stat(path, &information), 0);
    ck_assert_uint_eq(information.st_mode & 0777, 0600);
    ck_assert_int_eq(chmod(path, 0640), 0);
    ck_assert_int_eq(write_text(path, "second", MCL_OUTPUT_RESULT), MCL_OK);
    umask(before);
    ck_assert_int_eq(stat(path, &information), 0);
    ck_assert_uint_eq(information.st_mode & 0777, 0640);
    assert_content(path, "second");
}

START_TEST(test_what_a_file_system_does_not_know_is_passed_over)
{
    static const int unknown[] = {EINVAL, ENOTSUP, ENOSYS, EROFS};
    static const int errors[] = {EIO, ENOSPC, EDQUOT};
    const char *path = scratch("model");
    choose_file_system(_i);
    failing_files.fchmod = EPERM;
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        failing_files.fsync = unknown[i];
        ck_assert_int_eq(write_text(path, "written", MCL_OUTPUT_RESULT), MCL_OK);
        assert_content(path, "written");
        ck_assert_int_eq(write_text(path, "written", MCL_OUTPUT_CACHE), MCL_OK);
    }
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        failing_files.fsync = errors[i];
        ck_assert_int_eq(write_text(path, "lost", MCL_OUTPUT_RESULT), MCL_ERROR_FILE);
        assert_error(path, strerror(errors[i]));
        ck_assert(!mcl_output_kept());
    }
    assert_content(path, "written");
    ck_assert_uint_eq(scratch_files(NULL), 1);
}

/* Temporary names are no longer than the final ones, and do not end within a character. */
START_TEST(test_the_longest_names)
{
    static const char *const parts[] = {"n", "ü", "€"};
    choose_file_system(1);
    for (size_t i = 0; i < 3; i++) {
        char name[256] = "", path[512];
        while (strlen(name) + strlen(parts[i]) <= 255)
            strcat(name, parts[i]);
        snprintf(path, sizeof path, "%s/%s", scratch_folder, name);
        ck_assert_int_eq(mcl_output_check(path), MCL_OK);
        ck_assert_int_eq(write_text(path, "long", MCL_OUTPUT_RESULT), MCL_OK);
        assert_content(path, "long");
        ck_assert_int_eq(write_text(path, "again", MCL_OUTPUT_RESULT), MCL_OK);
        assert_content(path, "again");
        ck_assert_uint_eq(scratch_files(NULL), i + 1);
    }
}

START_TEST(test_what_is_replaced_keeps_its_mode)
{
    static const mode_t modes[] = {0600, 0640, 0664, 0755};
    const char *path = scratch("model");
    struct stat information;
    choose_file_system(_i);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        write_file(path, "old", 3);
        ck_assert_int_eq(chmod(path, modes[i]), 0);
        ck_assert_int_eq(write_text(path, "new", MCL_OUTPUT_RESULT), MCL_OK);
        ck_assert_int_eq(stat(path, &information), 0);
        ck_assert_int_eq(information.st_mode & 0777, modes[i]);
    }
    ck_assert_int_eq(write_text(path, "new", MCL_OUTPUT_CACHE), MCL_OK);
    ck_assert_int_eq(stat(path, &information), 0);
    ck_assert_int_eq(information.st_mode & 0777, 0600);
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chown(path, 1234, 2345), 0);
    ck_assert_int_eq(write_text(path, "newer", MCL_OUTPUT_RESULT), MCL_OK);
    ck_assert_int_eq(stat(path, &information), 0);
    ck_assert(information.st_uid == 1234 && information.st_gid == 2345);
}

/* What we write we can read and write again, whatever the umask. */
START_TEST(test_no_umask_locks_us_out)
{
    static const mode_t masks[] = {0777, 0222, 0400};
    choose_file_system(_i);
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        struct stat information;
        const char *path = scratch("model");
        const mode_t before = umask(masks[i]);
        (void)unlink(path);
        ck_assert_int_eq(write_text(path, "a", MCL_OUTPUT_CHECKPOINT), MCL_OK);
        ck_assert_int_eq(mcl_output_check(path), MCL_OK);
        ck_assert_int_eq(write_text(path, "b", MCL_OUTPUT_CHECKPOINT), MCL_OK);
        ck_assert_int_eq(umask(before), masks[i]);
        ck_assert_int_eq(stat(path, &information), 0);
        ck_assert_int_eq(information.st_mode & 0600, 0600);
    }
}

static bool is_link(const char *path)
{
    struct stat information;
    return lstat(path, &information) == 0 && S_ISLNK(information.st_mode);
}

START_TEST(test_links_are_written_through)
{
    char whole[128], path[128];
    choose_file_system(_i);
    snprintf(whole, sizeof whole, "%s/chain", scratch_folder);
    snprintf(path, sizeof path, "%s/store/model", scratch_folder); /* scratch() has few */
    ck_assert_int_eq(mkdir(scratch("store"), 0755), 0);
    ck_assert_int_eq(symlink("store/model", scratch("relative")), 0); /* dangling at first */
    ck_assert_int_eq(symlink("relative", scratch("chain")), 0);
    ck_assert_int_eq(symlink(whole, scratch("absolute")), 0);
    static const char *const links[] = {"relative", "chain", "absolute"};
    for (size_t i = 0; i < 3; i++) {
        const char *link = scratch(links[i]);
        ck_assert_int_eq(mcl_output_check(link), MCL_OK);
        ck_assert_int_eq(write_text(link, links[i], MCL_OUTPUT_RESULT), MCL_OK);
        ck_assert(is_link(link) && !is_link(path));
        assert_content(path, links[i]);
    }
    ck_assert_uint_eq(scratch_files(NULL), 4);
    (void)unlink(path);
    (void)rmdir(scratch("store"));
}

START_TEST(test_links_that_lead_nowhere)
{
    const char *loop = scratch("loop"), *missing = scratch("missing"), *folder = scratch("folder");
    ck_assert_int_eq(symlink("loop", loop), 0);
    assert_refused(loop, ": its symbolic links lead in a circle");
    ck_assert_int_eq(symlink("nonesuch/model", missing), 0);
    assert_refused(missing, "/nonesuch does not exist");
    ck_assert_int_eq(symlink(".", folder), 0);
    assert_refused(folder, ": is a folder; name a file to write");
}

/* Through /proc a file that is open looks like a regular one. */
START_TEST(test_open_files_are_not_replaced)
{
    char name[64];
    const char *file = scratch("file"), *link = scratch("stdout");
    const int descriptor = open(file, O_RDWR | O_CREAT, 0644);
    snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
    assert_refused(name, ": is not a regular file and would be replaced: name a file");
    ck_assert_int_eq(symlink(name, link), 0);
    assert_refused(link, ": is not a regular file and would be replaced: name a file");
    snprintf(name, sizeof name, "/dev/fd/%d", descriptor);
    assert_refused(name, ": is not a regular file and would be replaced: name a file");
    assert_refused("/proc/self/exe", ": is not a regular file and would be replaced: name a file");
    close(descriptor);
}

START_TEST(test_write_protected_files_are_refused_in_time)
{
    const char *path = scratch("precious");
    write_file(path, "precious", 8);
    ck_assert_int_eq(chmod(path, 0444), 0);
    ck_assert_int_eq(mcl_output_check(path), MCL_ERROR_FILE);
    assert_error(path, ": is write-protected: ");
    /* but what was trained is not lost where it became so later */
    ck_assert_int_eq(write_text(path, "new", MCL_OUTPUT_RESULT), MCL_OK);
    assert_content(path, "new");
}

static int as_nobody(int (*act)(const char *), const char *path)
{
    int state = -1;
    const pid_t child = fork();
    if (child == 0)
        _exit(setgid(NOBODY) == 0 && setuid(NOBODY) == 0 ? act(path) : 100);
    ck_assert_int_eq(waitpid(child, &state, 0), child);
    return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

static int checks_sticky(const char *path)
{
    return mcl_output_check(path) == MCL_ERROR_FILE &&
                   strstr(mcl_error_message(), "only its owner can replace it")
               ? 0
               : 1;
}

static int checks_foreign(const char *path)
{
    return mcl_output_check(path) == MCL_ERROR_FILE &&
                   strstr(mcl_error_message(), "cannot be replaced: Permission denied")
               ? 0
               : 1;
}

static int checks_planted(const char *path)
{
    return mcl_output_check(path) == MCL_ERROR_FILE &&
                   strstr(mcl_error_message(), "is another user's, in a folder for all")
               ? 0
               : 1;
}

/* Needs root, who can be several users. */
START_TEST(test_other_users)
{
    const char *path = scratch("model"), *link = scratch("link");
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chmod(scratch_folder, 0777), 0);
    write_file(path, "old", 3);
    ck_assert_int_eq(as_nobody(checks_foreign, path), 0);
    ck_assert_int_eq(chmod(path, 0666), 0);
    ck_assert_int_eq(chmod(scratch_folder, 01777), 0);
    ck_assert_int_eq(as_nobody(checks_sticky, path), 0);
    ck_assert_int_eq(symlink("model", link), 0);
    ck_assert_int_eq(lchown(link, 1234, 1234), 0);
    ck_assert_int_eq(as_nobody(checks_planted, link), 0);
    ck_assert_int_eq(chmod(scratch_folder, 0700), 0);
}

/* Each name has one lock, whatever leads to it; it ends with whoever has it. */
START_TEST(test_locks)
{
    mcl_output_lock *first, *second, *other;
    ck_assert_int_eq(symlink("model", scratch("link")), 0);
    ck_assert_int_eq(mcl_output_lock_take(&first, scratch("model")), MCL_OK);
    ck_assert_ptr_nonnull(first);
    ck_assert_int_eq(mcl_output_lock_take(&other, scratch("model2")), MCL_OK);
    ck_assert_int_eq(mcl_output_lock_take(&second, scratch("link")), MCL_ERROR_FILE);
    assert_error(scratch("link"), ": another run is writing this file");
    ck_assert_ptr_null(second);
    mcl_output_lock_release(first);
    ck_assert_int_eq(mcl_output_lock_take(&second, scratch("model")), MCL_OK);
    mcl_output_lock_release(second);
    mcl_output_lock_release(other);
    mcl_output_lock_release(NULL);
    ck_assert_uint_eq(scratch_files(NULL), 1); /* no file is made */
    ck_assert_int_eq(mcl_output_lock_take(&first, scratch("nonesuch/model")), MCL_OK);
    ck_assert_ptr_null(first);

    int state;
    const pid_t child = fork();
    if (child == 0) {
        ck_assert_int_eq(mcl_output_lock_take(&first, scratch("model")), MCL_OK);
        raise(SIGKILL);
    }
    ck_assert_int_eq(waitpid(child, &state, 0), child);
    ck_assert_int_eq(mcl_output_lock_take(&first, scratch("model")), MCL_OK);
    mcl_output_lock_release(first);
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
    mcl_status status = mcl_output_open(&output, target, MCL_OUTPUT_RESULT);
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
    choose_file_system(_i);
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
    tcase_add_loop_test(tcase, test_a_new_file, 0, 2);
    tcase_add_test(tcase, test_an_empty_file);
    tcase_add_loop_test(tcase, test_an_old_file_is_replaced_at_the_end, 0, 2);
    tcase_add_test(tcase, test_who_has_the_old_file_open_keeps_it);
    tcase_add_loop_test(tcase, test_abandoned, 0, 2);
    tcase_add_test(tcase, test_discarded);
    tcase_add_loop_test(tcase, test_permissions_are_those_of_any_new_file, 0, 2);
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
    tcase_add_loop_test(tcase, test_a_folder_in_the_way_of_the_rename, 0, 2);
    tcase_add_loop_test(tcase, test_a_name_that_cannot_be_renamed_to, 0, 4);
    tcase_add_loop_test(tcase, test_a_new_name_that_cannot_be_renamed_to, 0, 2);
    tcase_add_loop_test(tcase, test_no_rename_at_all, 0, 2);
    tcase_add_test(tcase, test_no_links);
    tcase_add_test(tcase, test_no_links_and_any_mode);
    tcase_add_loop_test(tcase, test_what_a_file_system_does_not_know_is_passed_over, 0, 2);
    tcase_add_test(tcase, test_the_longest_names);
    tcase_add_loop_test(tcase, test_what_is_replaced_keeps_its_mode, 0, 2);
    tcase_add_loop_test(tcase, test_no_umask_locks_us_out, 0, 2);
    tcase_add_loop_test(tcase, test_links_are_written_through, 0, 2);
    tcase_add_test(tcase, test_links_that_lead_nowhere);
    tcase_add_test(tcase, test_open_files_are_not_replaced);
    tcase_add_test(tcase, test_write_protected_files_are_refused_in_time);
    tcase_add_test(tcase, test_other_users);
    tcase_add_test(tcase, test_locks);
    tcase_add_test(tcase, test_no_descriptor_is_left);
#if MASKCL_FAILING_MEMORY
    tcase_add_loop_test(tcase, test_each_allocation_failing, 0, 2);
#endif
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
