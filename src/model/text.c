/* SPDX-License-Identifier: Apache-2.0 */
/* Texts as result files. */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "maskcl/output.h"

mcl_status mcl_write_text(const char *path, const char *text)
{
    MCL_NEED(path);
    MCL_NEED(text);
    mcl_output *output;
    MCL_TRY(mcl_output_open(&output, path, MCL_OUTPUT_RESULT));
    mcl_status status = mcl_output_write(output, text, strlen(text));
    if (status == MCL_OK)
        status = mcl_output_write(output, "\n", 1);
    if (status == MCL_OK)
        return mcl_output_commit(output);
    mcl_output_abandon(output);
    return status;
}

mcl_status mcl_write_stream(
    const char *path, mcl_status (*write)(FILE *stream, void *user), void *user)
{
    MCL_NEED(path);
    MCL_NEED(write);
    mcl_output *output;
    MCL_TRY(mcl_output_open(&output, path, MCL_OUTPUT_RESULT));
    const mcl_status status = write(mcl_output_stream(output), user);
    if (status == MCL_OK)
        return mcl_output_commit(output);
    mcl_output_abandon(output);
    return status;
}
