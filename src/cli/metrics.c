/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "json.h"

mcl_exit mcl_metrics_check(const char *path, const char *const *inputs, size_t count)
{
    for (size_t i = 0; i < count && path; i++) {
        if (inputs[i] && mcl_same_file(path, inputs[i]))
            return mcl_complain(MCL_EXIT_USAGE,
                "--metrics: %s is the input %s, which would be lost: name another file", path,
                inputs[i]);
    }
    return MCL_EXIT_DONE;
}

static mcl_exit open_file(mcl_metrics *metrics, const char *path)
{
    const char *opened = mcl_streams_path(path);
    int descriptor = open(opened, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    metrics->created = descriptor >= 0;
    if (descriptor < 0 && errno == EEXIST)
        descriptor = open(opened, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor >= 0)
        metrics->stream = fdopen(descriptor, "w");
    if (metrics->stream)
        return MCL_EXIT_DONE;
    mcl_exit code =
        mcl_complain(MCL_EXIT_FAILED, "--metrics: %s: cannot write: %s", path, strerror(errno));
    if (descriptor >= 0)
        close(descriptor);
    return code;
}

/* False when closing it failed, with errno set. */
static bool close_file(mcl_metrics *metrics)
{
    if (!metrics->stream)
        return true;
    /* After a failure the stream still holds what it could not write, and would fail again. */
    bool closed = fclose(metrics->stream) == 0 || metrics->failed;
    int reason = errno;
    metrics->stream = NULL;
    if (metrics->created && !metrics->begun)
        unlink(metrics->path);
    errno = reason;
    return closed;
}

mcl_exit mcl_metrics_open(mcl_metrics *metrics, const char *path, const char *output)
{
    *metrics = (mcl_metrics){.path = path};
    if (!path)
        return MCL_EXIT_DONE;
    const mcl_exit code = open_file(metrics, path);
    /* Only now that the file is there can it be told whether it is the one that -o names. */
    if (code != MCL_EXIT_DONE || !mcl_same_file(path, output))
        return code;
    (void)close_file(metrics);
    return mcl_complain(
        MCL_EXIT_USAGE, "--metrics: %s is the model's file too: name another file", path);
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
    int descriptor = fileno(metrics->stream);
    off_t kept = 0;
    metrics->begun = true;
    if (fstat(descriptor, &information) != 0)
        return false;
    if (!S_ISREG(information.st_mode))
        return true;
    if (metrics->keep && !measure_kept(&kept, metrics->path, metrics->keep))
        return false;
    return ftruncate(descriptor, kept) == 0 && fseeko(metrics->stream, kept, SEEK_SET) == 0;
}

static void lose(mcl_metrics *metrics, mcl_progress *progress)
{
    const char *reason = strerror(errno);
    metrics->failed = true;
    mcl_progress_clear(progress);
    mcl_warn("--metrics: %s: cannot write: %s; training goes on without", metrics->path, reason);
}

void mcl_metrics_step(mcl_metrics *metrics, mcl_progress *progress, const mcl_step *step,
    const mcl_objective *objectives, size_t count)
{
    if (!metrics->stream || metrics->failed)
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
    if (isfinite(step->validation))
        mcl_json_number(line, "validation", step->validation);
    mcl_json_number(line, "lr", step->learning_rate);
    mcl_json_number(line, "rows_per_s", step->rows_per_second);
    mcl_json_number(line, "seconds", step->seconds);
    bool ready = metrics->begun || begin(metrics);
    int reason = errno;
    if (!ready) {
        cJSON_Delete(line);
        errno = reason;
    } else if (mcl_json_line(metrics->stream, line)) {
        return;
    }
    lose(metrics, progress);
}

mcl_exit mcl_metrics_close(
    mcl_metrics *metrics, mcl_progress *progress, mcl_exit code, const char *output)
{
    if (!close_file(metrics))
        lose(metrics, progress);
    return metrics->failed && code == MCL_EXIT_DONE
               ? mcl_complain(MCL_EXIT_FAILED, "--metrics: %s is incomplete; the model is in %s",
                     metrics->path, output)
               : code;
}
