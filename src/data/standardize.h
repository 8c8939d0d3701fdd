/* SPDX-License-Identifier: Apache-2.0 */
/* Plain arrays whose columns are standardized as those of tables are. */
#ifndef MASKCL_DATA_STANDARDIZE_H
#define MASKCL_DATA_STANDARDIZE_H

#include "data/opening.h"

/* Where rows are vectors of floats, standardizes their columns in place of *data: by the schema of
 * options where that has columns that are numbers called 0, 1, …, else as `standardize` has it,
 * which leaves *data as it is, without a schema, where the columns are alike. */
mcl_status mcl_data_standardize(mcl_data **data, const mcl_data_options *options);

/* Opens arrays, whose columns are standardized so. Numbers of which float32 has not all, as of
 * float64, are so before they are rounded; they are read once more for that. */
mcl_status mcl_arrays_open_standardized(mcl_data **data, const mcl_opening *opening);

#endif
