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
    mcl_survive_failed_writes();
    const mcl_status status = mcl_model_save(model, output);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    mcl_model_digest(digest, model);
    return MCL_EXIT_DONE;
}

mcl_exit mcl_save_interrupted(char digest[MCL_DIGEST_SIZE], const mcl_model *model,
    const char *steps, const char *output, bool can_resume)
{
    char place[256]; /* saving may put another message in its place */
    snprintf(place, sizeof place, "%s", mcl_error_message());
    if (strcmp(mcl_model_metadata_get(model, steps), "0") == 0) {
        fprintf(mcl_err, "maskcl: interrupted before the first step: %s is not written\n", output);
        return MCL_EXIT_INTERRUPTED;
    }
    const mcl_exit code = mcl_save_model(digest, model, output);
    if (code != MCL_EXIT_DONE)
        return code;
    fprintf(mcl_err, "maskcl: interrupted: %s; the model so far is in %s%s\n", place, output,
        can_resume ? "; --resume goes on" : "");
    return MCL_EXIT_INTERRUPTED;
}
