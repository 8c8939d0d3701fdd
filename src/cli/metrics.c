/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "json.h"
#include "signals.h"

#define UNWRITTEN_MAX ((size_t)8 << 20) /* bytes of lines that wait */
#define RETRY_SECONDS 1.0
#define PAUSE 200  /* milliseconds between two looks at signals, while a reader takes nothing */
#define PIECE 4096 /* bytes that a pipe that can be written takes without waiting: PIPE_BUF */

/* The open descriptor that a path names, as /dev/stdout does, or -1. Opened anew, the file behind
 * it would be written from its beginning, over what is there. */
static int named_descriptor(const char *path)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    struct stat file, open_file;
    FILE *const streams[] = {mcl_out, mcl_err};
    for (size_t i = 0; i < 2; i++) {
        if (stat(path, &file) == 0 && fstat(fileno(streams[i]), &open_file) == 0 &&
            file.st_dev == open_file.st_dev && file.st_ino == open_file.st_ino)
            return fileno(streams[i]);
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        const size_t length = strlen(folders[i]);
        if (strncmp(path, folders[i], length) == 0 && path[length] >= '0' && path[length] <= '9')
            return (int)strtol(path + length, NULL, 10);
    }
    return -1;
}

static mcl_exit open_file(mcl_metrics *metrics, const char *path)
{
    const char *opened = mcl_streams_path(path);
    const int named = named_descriptor(opened);
    if (named >= 0) {
        metrics->descriptor = fcntl(named, F_DUPFD_CLOEXEC, 0);
        metrics->open = metrics->descriptor >= 0;
        metrics->begun = true; /* what is in it is not ours to drop */
        return metrics->open ? MCL_EXIT_DONE
                             : mcl_complain(MCL_EXIT_FAILED, "--metrics: %s: cannot write: %s",
                                   path, strerror(errno));
    }
    int descriptor = open(opened, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    metrics->created = descriptor >= 0;
    if (descriptor < 0 && errno == EEXIST)
        descriptor = open(opened, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    struct stat information;
    if (metrics->created && fstat(descriptor, &information) == 0) /* --resume reads it again */
        (void)fchmod(descriptor, (information.st_mode & 0777) | S_IRUSR | S_IWUSR);
    metrics->open = descriptor >= 0;
    metrics->descriptor = descriptor;
    return metrics->open ? MCL_EXIT_DONE
                         : mcl_complain(MCL_EXIT_FAILED, "--metrics: %s: cannot write: %s", path,
                               strerror(errno));
}

/* False when closing it failed, with errno set: a file on another machine may be full only then. */
static bool close_file(mcl_metrics *metrics)
{
    const bool closed = close(metrics->descriptor) == 0 || errno == EINTR;
    const int reason = errno;
    metrics->open = false;
    if (metrics->created && !metrics->begun)
        unlink(metrics->path);
    free(metrics->unwritten);
    metrics->unwritten = NULL;
    errno = reason;
    return closed;
}

mcl_exit mcl_metrics_open(mcl_metrics *metrics, const char *path)
{
    *metrics = (mcl_metrics){.path = path};
    if (!path)
        return MCL_EXIT_DONE;
    mcl_exit code = open_file(metrics, path);
    if (code != MCL_EXIT_DONE)
        return code;
    code = mcl_compare_claimed(); /* now that the file is there */
    if (code != MCL_EXIT_DONE)
        (void)close_file(metrics);
    return code;
}

/* The step that a line is of; 0: of none. */
static uint64_t step_of(const char *line)
{
    static const char begin[] = "{\"step\":";
    if (strncmp(line, begin, sizeof begin - 1) != 0)
        return 0;
    char *end;
    const unsigned long long step = strtoull(line + sizeof begin - 1, &end, 10);
    return *end == ',' ? step : 0;
}

/* How many bytes the lines of steps up to the last one have. */
static bool measure_kept(off_t *bytes, const char *path, uint64_t last)
{
    char *line = NULL;
    size_t size = 0;
    FILE *old = fopen(path, "r");
    *bytes = 0;
    if (!old)
        return false;
    for (ssize_t length; (length = getline(&line, &size, old)) > 0; *bytes += length) {
        const uint64_t step = step_of(line);
        if (line[length - 1] != '\n' || step == 0 || step > last)
            break;
    }
    free(line);
    const bool read = !ferror(old);
    fclose(old);
    return read;
}

/* Drops the old content of a regular file but for what is to be kept; a pipe or a device has none.
 */
static bool begin(mcl_metrics *metrics)
{
    struct stat information;
    const int descriptor = metrics->descriptor;
    off_t kept = 0;
    if (fstat(descriptor, &information) != 0)
        return false;
    if (S_ISREG(information.st_mode)) {
        if (metrics->keep && !measure_kept(&kept, metrics->path, metrics->keep))
            return false;
        if (ftruncate(descriptor, kept) != 0 || lseek(descriptor, kept, SEEK_SET) < 0)
            return false;
    }
    metrics->begun = true;
    return true;
}

/* Takes the part of a line off a regular file's end: of `written` bytes, those from `whole` on.
 * False where they must stay, and the rest of the line follows. */
static bool take_back(const mcl_metrics *metrics, size_t written, size_t whole)
{
    struct stat information;
    const int descriptor = metrics->descriptor;
    const off_t end = lseek(descriptor, 0, SEEK_CUR), kept = end - (off_t)(written - whole);
    return end >= 0 && fstat(descriptor, &information) == 0 && S_ISREG(information.st_mode) &&
           ftruncate(descriptor, kept) == 0 && lseek(descriptor, kept, SEEK_SET) == kept;
}

/* Waits until something can be written, as for the reader of a pipe. False, with errno set, where a
 * signal has come, which ends the run whether that reader goes on or not. */
static bool wait_for_room(const mcl_metrics *metrics)
{
    struct pollfd room = {.fd = metrics->descriptor, .events = POLLOUT};
    while (poll(&room, 1, PAUSE) == 0) {
        if (*mcl_signals_name()) {
            errno = EAGAIN;
            return false;
        }
    }
    return true; /* or writing tells the reason */
}

/* Writes a piece, and no more than a pipe has room for; false, with errno set, when that failed. */
static bool write_piece(size_t *written, const mcl_metrics *metrics)
{
    const size_t rest = metrics->used - *written;
    if (!wait_for_room(metrics))
        return false;
    const ssize_t count =
        write(metrics->descriptor, metrics->unwritten + *written, rest < PIECE ? rest : PIECE);
    if (count > 0)
        *written += (size_t)count;
    else if (count == 0)
        errno = ENOSPC;
    return count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK));
}

/* Writes what is unwritten, as far as it gets; false, with the reason noted, when that is not all
 * of it. */
static bool write_out(mcl_metrics *metrics)
{
    size_t written = 0;
    bool good = metrics->begun || begin(metrics);
    while (good && written < metrics->used)
        good = write_piece(&written, metrics);
    metrics->reason = good ? 0 : errno;
    size_t whole = written;
    while (whole > 0 && metrics->unwritten[whole - 1] != '\n')
        whole--;
    if (whole < written && take_back(metrics, written, whole))
        written = whole;
    metrics->used -= written;
    if (metrics->used)
        memmove(metrics->unwritten, metrics->unwritten + written, metrics->used);
    return good;
}

/* Adds a line to what is unwritten, unless that is too much already. */
static void append(mcl_metrics *metrics, const char *line)
{
    const size_t length = line ? strlen(line) : 0, needed = metrics->used + length + 1;
    if (needed > metrics->room && needed <= UNWRITTEN_MAX) {
        const size_t room = needed < UNWRITTEN_MAX / 16 ? UNWRITTEN_MAX / 16 : UNWRITTEN_MAX;
        char *larger = realloc(metrics->unwritten, room);
        if (larger) {
            metrics->unwritten = larger;
            metrics->room = room;
        }
    }
    if (!line || needed > metrics->room) {
        metrics->missing++;
        return;
    }
    memcpy(metrics->unwritten + metrics->used, line, length);
    metrics->unwritten[needed - 1] = '\n';
    metrics->used = needed;
}

/* Tries to write, and warns when that fails for the first time in a row. */
static void flush(mcl_metrics *metrics, mcl_progress *progress)
{
    const bool written = write_out(metrics);
    metrics->tried = mcl_seconds();
    if (!written && !metrics->failing) {
        mcl_progress_clear(progress);
        mcl_warn("--metrics: %s: cannot write: %s; training goes on, and it is tried again",
            metrics->path, strerror(metrics->reason));
    }
    metrics->failing = !written;
}

/* What a model's metadata say under "collapse", by the same names. */
static void add_collapse(cJSON *line, const mcl_collapse *collapse)
{
    static const char *const names[] = {"collapse_spread", "collapse_rank"};
    static const char *const subjects[] = {"_inputs", "_untrained", ""};
    const double *const values[] = {collapse->spread, collapse->effective_rank};
    mcl_json_bool(line, "collapse", collapse->verdict != MCL_COLLAPSE_NONE);
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = MCL_COLLAPSE_SUBJECTS; j-- > 0;) {
            char name[64];
            snprintf(name, sizeof name, "%s%s", names[i], subjects[j]);
            mcl_json_number(line, name, values[i][j]);
        }
    }
}

void mcl_metrics_step(mcl_metrics *metrics, mcl_progress *progress, const mcl_step *step,
    const mcl_metrics_facts *facts)
{
    const mcl_objective *objectives = facts->objectives;
    const size_t count = facts->objective_count;
    if (!metrics->open)
        return;
    cJSON *line = mcl_json_object();
    mcl_json_number(line, "step", (double)step->step);
    mcl_json_number(line, "epoch", (double)step->epoch);
    mcl_json_number(line, "loss", step->loss);
    for (size_t i = 0; i < count; i++)
        mcl_json_number(line, mcl_objective_name(objectives[i].kind), step->objective_loss[i]);
    if (isnan(step->accuracy))
        mcl_json_number(line, "spread", step->spread);
    else
        mcl_json_number(line, "accuracy", step->accuracy);
    if (isfinite(step->effective_rank)) {
        mcl_json_number(line, "alignment", step->alignment);
        mcl_json_number(line, "uniformity", step->uniformity);
        mcl_json_number(line, "effective_rank", step->effective_rank);
    }
    if (isfinite(step->held_out))
        mcl_json_number(line, "held_out", step->held_out);
    if (isfinite(step->validation))
        mcl_json_number(line, "validation", step->validation);
    if (facts->collapse && facts->collapse->verdict != MCL_COLLAPSE_UNKNOWN)
        add_collapse(line, facts->collapse);
    mcl_json_number(line, "lr", step->learning_rate);
    mcl_json_number(line, "rows_per_s", step->rows_per_second);
    mcl_json_number(line, "seconds", step->seconds);
    char *text = mcl_json_line(line);
    append(metrics, text);
    free(text);
    if (!metrics->failing || mcl_seconds() - metrics->tried >= RETRY_SECONDS)
        flush(metrics, progress);
}

/* How many lines the file lacks. */
static uint64_t count_missing(const mcl_metrics *metrics)
{
    uint64_t missing = metrics->missing;
    for (size_t i = 0; i < metrics->used; i++)
        missing += metrics->unwritten[i] == '\n';
    return missing;
}

mcl_exit mcl_metrics_close(mcl_metrics *metrics, mcl_progress *progress, mcl_exit code)
{
    if (!metrics->open)
        return code;
    if (metrics->used)
        flush(metrics, progress);
    const uint64_t missing = count_missing(metrics);
    const bool closed = close_file(metrics);
    char text[4352] = "";
    if (missing)
        snprintf(text, sizeof text, "--metrics: %s is incomplete: it lacks %" PRIu64 " line%s",
            metrics->path, missing, missing == 1 ? "" : "s");
    else if (!closed)
        snprintf(text, sizeof text, "--metrics: %s is incomplete, perhaps: cannot close it: %s",
            metrics->path, strerror(errno));
    if (*text && code == MCL_EXIT_DONE)
        return mcl_complain(MCL_EXIT_FAILED, "%s", text);
    if (*text)
        mcl_warn("%s", text);
    return code;
}
