/* SPDX-License-Identifier: Apache-2.0 */
/* The NT-Xent objective, cl/ntxent.cl: InfoNCE of all views among all others. */
#include "objectives/infonce.h"
#include "train/options.h"

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    const mcl_infonce_options options = {
        .queries = 2 * setup->batch,
        .candidates = 2 * setup->batch,
        .origin = MCL_CANDIDATES_SAME,
        .temperature = mcl_temperature(setup->options, MCL_OBJECTIVE_NT_XENT),
        .file = "ntxent.cl",
        .rows = "ntxent_rows",
        .backward = "ntxent_backward",
        .width = 16,
        .what = "similarities of nt-xent",
    };
    return mcl_infonce_allocate(state, setup, &options);
}

const mcl_objective_type mcl_objective_ntxent = {
    .create = create, .free = mcl_infonce_free, .run = mcl_infonce_run};
