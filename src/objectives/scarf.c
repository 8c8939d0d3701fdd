/* SPDX-License-Identifier: Apache-2.0 */
/* The SCARF objective, cl/infonce.cl: InfoNCE of the second views among the first, the corrupted
 * ones. */
#include "objectives/infonce.h"

enum { TEMPERATURE }; /* its own options */

static mcl_status create(void **state, const mcl_objective_setup *setup)
{
    const mcl_infonce_options options = {
        .queries = setup->batch,
        .candidates = setup->batch,
        .origin = MCL_CANDIDATES_OTHER,
        .temperature = (float)setup->values[TEMPERATURE],
        .file = "infonce.cl",
        .rows = "infonce_rows",
        .backward = "infonce_backward",
        .what = "similarities of scarf (`batch`)",
    };
    return mcl_infonce_allocate(state, setup, &options);
}

static const mcl_objective_option options[] = {
    [TEMPERATURE] = MCL_INFONCE_TEMPERATURE("scarf_temperature", 1.0),
};

const mcl_objective_type mcl_objective_scarf = {
    .info = {.name = "scarf",
        .paper = "Bahri et al. 2022",
        .summary =
            "for tables: tells a row's first, corrupted view from those of the other rows by its "
            "second (Bahri et al. 2022), cosines divided by `temperature` (the paper's 1); where "
            "neither `views` nor `mask` is given, views are corrupt:0.6:one, the paper's",
        .views = "corrupt:0.6:one",
        .spreads = true},
    .needs = MCL_NEEDS_TWO_VIEWS | MCL_NEEDS_OTHER_ROWS,
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .create = create,
    .free = mcl_infonce_free,
    .run = mcl_infonce_run,
};
