/* SPDX-License-Identifier: Apache-2.0 */
/* Plain arrays whose columns are standardized as those of tables are. */
#ifndef MASKCL_DATA_STANDARDIZE_H
#define MASKCL_DATA_STANDARDIZE_H

#include "maskcl/data.h"

/* Where rows are vectors of floats, standardizes their columns in place of *data: by the schema of
 * options where that has columns that are numbers called 0, 1, …, else as `standardize` has it,
 * which leaves *data as it is, without a schema, where the columns are alike. */
mcl_status mcl_data_standardize(mcl_data **data, const mcl_data_options *options);

#endif
