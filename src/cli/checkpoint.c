/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "maskcl/model.h"

/* "model.safetensors" gives "model.checkpoint.safetensors". */
static bool name_checkpoint(char path[4096], const char *output)
{
    static const char suffix[] = ".safetensors";
    size_t length = strlen(output);
    if (length > strlen(suffix) && strcmp(output + length - strlen(suffix), suffix) == 0)
        length -= strlen(suffix);
    return snprintf(path, 4096, "%.*s.checkpoint%s", (int)length, output, suffix) < 4000;
}

/* The step that a checkpoint was made after; 0 when it cannot be read, which the run will say. */
static uint64_t step_of(const char *path)
{
    mcl_model *model;
    uint64_t step = 0;
    if (mcl_model_load(&model, path) != MCL_OK)
        return 0;
    const char *steps = mcl_model_metadata_get(model, "finetune_steps");
    if (!steps) /* else "steps" are those of the model that is tuned */
        steps = mcl_model_metadata_get(model, "steps");
    if (steps)
        step = strtoull(steps, NULL, 10);
    mcl_model_free(model);
    return step;
}

mcl_exit mcl_checkpoint_name(char path[4096], mcl_train_options *options, const char *output)
{
    const bool every = options->checkpoint_steps || options->checkpoint_seconds > 0.0;
    if (!every && !options->resume)
        return MCL_EXIT_DONE;
    if (!name_checkpoint(path, output))
        return mcl_complain(
            MCL_EXIT_USAGE, "-o: %s is too long a name for checkpoints beside it", output);
    options->checkpoint = path;
    return MCL_EXIT_DONE;
}

/* Where there are no hard links, a run that was killed may have left only the checkpoint before the
 * one that it was writing. `path` or, if only that is there, its other name; NULL: neither. */
static const char *find_checkpoint(char previous[4096], const char *path)
{
    mcl_checkpoint_previous(previous, 4096, path);
    return access(path, F_OK) == 0 ? path : access(previous, F_OK) == 0 ? previous : NULL;
}

void mcl_checkpoint_say_none(const mcl_train_options *options, bool quiet)
{
    if (options->resume && !quiet)
        fprintf(mcl_err, "no checkpoint at %s: starting from the beginning\n", options->checkpoint);
}

mcl_exit mcl_checkpoint_prepare(
    uint64_t *resumed, const mcl_train_options *options, const char *output, bool quiet)
{
    char previous[4096];
    const char *path = options->checkpoint;
    *resumed = 0;
    if (!path)
        return MCL_EXIT_DONE;
    const char *found = find_checkpoint(previous, path);
    if (found && !options->resume)
        return mcl_complain(MCL_EXIT_FAILED,
            "%s: is the checkpoint of a run that did not end: add --resume to go on with it, or "
            "remove it to begin anew",
            found);
    const bool exists = found == path || (found && rename(found, path) == 0);
    if (exists)
        *resumed = step_of(path);
    if (exists && !quiet)
        fprintf(mcl_err, "resuming after step %" PRIu64 ", from %s\n", *resumed, path);
    else if (!exists && (!output || access(output, F_OK) != 0))
        mcl_checkpoint_say_none(options, quiet);
    return MCL_EXIT_DONE;
}

void mcl_checkpoint_note(mcl_checkpoint_log *log, mcl_progress *progress, const char *path,
    uint64_t step, const char *problem)
{
    const bool failed = problem != NULL;
    if (failed)
        snprintf(log->reason, sizeof log->reason, "%s", problem);
    if (failed && access(path, F_OK) != 0)
        mcl_keep("%s", ""); /* the folder has gone, and the last one with it */
    else if (!failed)
        mcl_keep("the last checkpoint is in %s", path);
    if (failed != log->failing)
        mcl_progress_clear(progress);
    if (failed && !log->failing)
        mcl_warn("no checkpoint after step %" PRIu64
                 ": %s; training goes on, and the next is tried within a minute",
            step, log->reason);
    else if (!failed && log->failing)
        mcl_warn("checkpoints are written again, from step %" PRIu64 " on", step);
    log->failing = failed;
    log->failed += failed;
    log->written += !failed;
}

mcl_exit mcl_checkpoint_judge(mcl_exit code, const mcl_checkpoint_log *log)
{
    if (code != MCL_EXIT_DONE || !log->failed || log->written)
        return code;
    return mcl_complain(MCL_EXIT_FAILED, "no checkpoint could be written: %s", log->reason);
}

void mcl_checkpoint_remove(const char *path)
{
    char previous[4096];
    mcl_checkpoint_previous(previous, sizeof previous, path);
    unlink(previous);                    /* first, so that a run killed here can still go on */
    char *target = realpath(path, NULL); /* a symbolic link stays, for the next run */
    if (target || errno != ENOENT)
        unlink(target ? target : path);
    free(target);
}
