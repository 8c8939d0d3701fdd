/* SPDX-License-Identifier: Apache-2.0 */
#include "replay.h"

#include <inttypes.h>
#include <string.h>

static bool is_tuned(const mcl_replay *replay)
{
    return replay->run.kind == MCL_OPTIONS_FINETUNE;
}

/* Labels and a model to begin from belong to a fine-tuned model, and only to it. */
static mcl_exit check_files(
    const mcl_replay *replay, const char *path, const mcl_replay_files *files)
{
    const bool tuned = is_tuned(replay), begun = !tuned && *replay->run.model_digest;
    const bool begins = begun || (tuned && !replay->run.finetune.from_scratch);
    if (!tuned && (files->labels || (files->model && !begun)))
        return mcl_complain(MCL_EXIT_USAGE,
            "--%s: %s was pre-trained, which takes none: leave it out",
            files->labels ? "labels" : "model", path);
    if (begins && !files->model) {
        const char *digest = replay->run.model_digest;
        return mcl_complain(MCL_EXIT_USAGE,
            "%s: %s: the model that it was made from%s%s%s is needed too: add --model FILE", path,
            tuned ? "is a fine-tuned model" : "was begun with another model",
            *digest ? " (digest " : "", digest, *digest ? ")" : "");
    }
    return MCL_EXIT_DONE;
}

static mcl_exit name_data(mcl_replay *replay, const char *path, const mcl_replay_files *files)
{
    const mcl_run *run = &replay->run;
    if (files->data)
        snprintf(replay->data, sizeof replay->data, "%s", files->data);
    if (files->data || run->synthetic_rows)
        return MCL_EXIT_DONE;
    if (!*run->data_digest)
        return mcl_complain(MCL_EXIT_USAGE,
            "%s: does not tell which data it was trained on, as older models do not: name the "
            "file with --data",
            path);
    return mcl_complain(MCL_EXIT_USAGE,
        "%s: was trained on data with the digest %s: name the file with --data", path,
        run->data_digest);
}

static mcl_exit load_data(mcl_replay *replay, const char *path, const mcl_replay_files *files)
{
    const mcl_run *run = &replay->run;
    mcl_exit code = name_data(replay, path, files);
    if (code != MCL_EXIT_DONE)
        return code;
    if (is_tuned(replay)) {
        code = mcl_load_data(&replay->set.data, replay->data, &files->reading, replay->model);
        if (code == MCL_EXIT_DONE && files->labels)
            code = mcl_add_labels(&replay->set, files->labels, &files->reading);
        replay->set.labels = mcl_data_labels(replay->set.data);
        if (code == MCL_EXIT_DONE && !replay->set.labels)
            code = mcl_complain(MCL_EXIT_USAGE,
                "%s: is a fine-tuned model: its labels are needed too: add --labels FILE, or "
                "--label COLUMN of a table",
                path);
        return code;
    }
    if (*replay->data)
        return mcl_load_data(&replay->set.data, replay->data, &files->reading, replay->model);
    const mcl_status status = mcl_data_synthetic(
        &replay->set.data, run->synthetic_rows, run->synthetic_columns, run->synthetic_seed);
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

static mcl_exit check_input(const mcl_replay *replay, const mcl_replay_files *files)
{
    if (mcl_run_check(&replay->run, &replay->input) == MCL_OK)
        return MCL_EXIT_DONE;
    const char *message = mcl_error_message();
    const bool data = strncmp(message, "the data", 8) == 0;
    const bool labels = strncmp(message, "the labels", 10) == 0;
    return mcl_complain(MCL_EXIT_FAILED, "%s: %s; name the right file with --%s",
        data     ? replay->data
        : labels ? files->labels ? files->labels : replay->data
                 : files->model,
        message,
        data     ? "data"
        : labels ? "labels"
                 : "model");
}

mcl_exit mcl_replay_load(mcl_replay *replay, const char *path, const mcl_replay_files *files)
{
    memset(replay, 0, sizeof *replay);
    mcl_exit code = mcl_load_model(&replay->model, path);
    if (code != MCL_EXIT_DONE)
        return code;
    if (mcl_run_read(&replay->run, replay->model) != MCL_OK)
        return mcl_complain(MCL_EXIT_FAILED, "%s: %s", path, mcl_error_message());
    code = check_files(replay, path, files);
    if (code == MCL_EXIT_DONE)
        code = load_data(replay, path, files);
    if (code == MCL_EXIT_DONE && files->model)
        code = mcl_load_model(&replay->begin, files->model);
    if (code != MCL_EXIT_DONE)
        return code;
    replay->input = (mcl_run_input){
        replay->set.data, replay->set.labels, replay->begin ? replay->begin : replay->model};
    return check_input(replay, files);
}

void mcl_replay_free(mcl_replay *replay)
{
    mcl_model_free(replay->model);
    mcl_model_free(replay->begin);
    mcl_free_labelled(&replay->set);
}

mcl_train_options *mcl_replay_options(mcl_replay *replay)
{
    return is_tuned(replay) ? &replay->run.finetune.train : &replay->run.pretrain.train;
}

void mcl_replay_warn(const mcl_replay *replay, const char *path, bool quiet)
{
    const mcl_run *run = &replay->run;
    if (quiet)
        return;
    if (*run->assumed)
        mcl_warn("%s: does not tell %s: the defaults are taken", path, run->assumed);
    if (!*run->data_digest)
        mcl_warn(
            "%s: does not tell the digest of its data: %s is taken as it is", path, replay->data);
}
