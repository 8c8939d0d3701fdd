/* SPDX-License-Identifier: Apache-2.0 */
#include "training.h"

#include <string.h>

#include "signals.h"

mcl_exit mcl_check_rate(mcl_optimizer_kind kind, const mcl_arguments *arguments)
{
    const char *advice = mcl_optimizer_describe(kind)->rate_advice;
    if (!advice || mcl_option_given(arguments, "lr"))
        return MCL_EXIT_DONE;
    return mcl_complain(MCL_EXIT_USAGE, "--optimizer: %s", advice);
}

mcl_exit mcl_save_model(char digest[MCL_DIGEST_SIZE], const mcl_model *model, const char *output)
{
    const mcl_status status = mcl_model_save(model, output);
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
        fprintf(mcl_err, "maskcl: interrupted by %s before the first step: %s is not written\n",
            name, output);
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
    fprintf(mcl_err, "maskcl: interrupted by %s: %s; the model so far is in %s%s\n", name, place,
        output, log ? "; --resume goes on" : "");
    return MCL_EXIT_INTERRUPTED;
}
