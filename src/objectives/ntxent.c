/* SPDX-License-Identifier: Apache-2.0 */
/* The NT-Xent objective, cl/ntxent.cl: InfoNCE of all views among all others. */
#include "objectives/infonce.h"

enum { TEMPERATURE }; /* its own options */

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    const mcl_infonce_options options = {
        .queries = 2 * setup->batch,
        .candidates = 2 * setup->batch,
        .origin = MCL_CANDIDATES_SAME,
        .temperature = (float)setup->values[TEMPERATURE],
        .file = "ntxent.cl",
        .rows = "ntxent_rows",
        .backward = "ntxent_backward",
        .what = "similarities of nt-xent (`batch`)",
    };
    return mcl_infonce_allocate(state, setup, &options);
}

static const mcl_objective_option options[] = {
    [TEMPERATURE] = MCL_INFONCE_TEMPERATURE("temperature", 0.2f),
};

const mcl_objective_type mcl_objective_ntxent = {
    .info = {.name = "nt-xent",
        .paper = "Chen et al. 2020",
        .summary =
            "SimCLR's: tells a row's other view from the views of all other rows of the batch by "
            "cosine, divided by `temperature` (0.2; Chen et al. 2020 found 0.1 to 0.5 best, by "
            "data and batch); does not collapse",
        .spreads = true},
    .needs = MCL_NEEDS_TWO_VIEWS | MCL_NEEDS_OTHER_ROWS,
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .create = create,
    .free = mcl_infonce_free,
    .run = mcl_infonce_run,
};
