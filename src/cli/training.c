/* SPDX-License-Identifier: Apache-2.0 */
#include "training.h"

#include <string.h>

#include "files.h"
#include "signals.h"

mcl_exit mcl_check_rate(mcl_optimizer_kind kind, const mcl_arguments *arguments)
{
    const char *advice = mcl_optimizer_describe(kind)->rate_advice;
    if (!advice || mcl_option_given(arguments, "lr"))
        return MCL_EXIT_DONE;
    return mcl_complain(MCL_EXIT_USAGE, "--optimizer: %s", advice);
}

void mcl_take_objective_views(mcl_pretrain_options *options)
{
    for (size_t i = 0; i < options->objective_count; i++) {
        if (mcl_objective_views(&options->views, options->objectives[i].kind))
            return;
    }
}

mcl_exit mcl_claim_training(char checkpoint[4096], mcl_train_options *options, const char *output,
    const char *metrics, const char *const *inputs, size_t count)
{
    char previous[4096] = "";
    const mcl_exit code = mcl_checkpoint_name(checkpoint, options, output);
    if (code != MCL_EXIT_DONE)
        return code;
    if (options->checkpoint)
        mcl_checkpoint_previous(previous, sizeof previous, checkpoint);
    mcl_run_file files[MCL_RUN_FILES_MAX] = {
        {metrics, MCL_FILE_STREAMED, "--metrics", "the file of the metrics"},
        {output, MCL_FILE_WRITTEN, "-o", "the model's file"},
        {options->checkpoint, MCL_FILE_WRITTEN, "-o", "the checkpoint of this run"},
        {*previous ? previous : NULL, MCL_FILE_WRITTEN, "-o", "the checkpoint before that"}};
    size_t used = 4;
    for (size_t i = 0; i < count; i++)
        files[used++] = (mcl_run_file){inputs[i], MCL_FILE_READ, NULL, "an input"};
    return mcl_claim_files(files, used);
}

mcl_exit mcl_save_model(char digest[MCL_DIGEST_SIZE], const mcl_model *model, const char *output)
{
    const mcl_status status = mcl_model_save_anywhere(model, output);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    mcl_model_digest(digest, model);
    mcl_keep("the model is in %s", output);
    return MCL_EXIT_DONE;
}

mcl_exit mcl_save_interrupted(char digest[MCL_DIGEST_SIZE], const mcl_model *model,
    const char *steps, const char *output, const mcl_checkpoint_log *log)
{
    char place[256]; /* saving may put another message in its place */
    const char *name = mcl_signals_name();
    snprintf(place, sizeof place, "%s", mcl_error_message());
    if (strcmp(mcl_model_metadata_get(model, steps), "0") == 0) {
        mcl_tell("interrupted by %s before the first step: %s is not written", name, output);
        return MCL_EXIT_INTERRUPTED;
    }
    const mcl_exit code = mcl_save_model(digest, model, output);
    if (code != MCL_EXIT_DONE)
        return code;
    if (log && log->failing)
        return mcl_complain(MCL_EXIT_FAILED,
            "interrupted by %s: %s, without a checkpoint there: %s; --resume goes on from an "
            "earlier one, if there is one",
            name, place, log->reason);
    mcl_tell("interrupted by %s: %s; the model so far is in %s%s", name, place, output,
        log ? "; --resume goes on" : "");
    return MCL_EXIT_INTERRUPTED;
}
