/* SPDX-License-Identifier: Apache-2.0 */
/* The SCARF objective, cl/infonce.cl: InfoNCE of the second views among the first, the corrupted
 * ones. */
#include "objectives/infonce.h"
#include "train/options.h"

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    const mcl_infonce_options options = {
        .queries = setup->batch,
        .candidates = setup->batch,
        .origin = MCL_CANDIDATES_OTHER,
        .temperature = mcl_temperature(setup->options, MCL_OBJECTIVE_SCARF),
        .file = "infonce.cl",
        .rows = "infonce_rows",
        .backward = "infonce_backward",
        .width = 1,
        .what = "similarities of scarf",
    };
    return mcl_infonce_allocate(state, setup, &options);
}

const mcl_objective_type mcl_objective_scarf = {
    .create = create, .free = mcl_infonce_free, .run = mcl_infonce_run};
