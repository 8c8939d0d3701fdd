/* SPDX-License-Identifier: Apache-2.0 */
/* What readers of labels have in common. */
#ifndef MASKCL_DATA_LABELS_H
#define MASKCL_DATA_LABELS_H

#include "data/array.h"

/* Refuses arrays that have more than one index which counts. */
mcl_status mcl_labels_check_shape(const mcl_array *array, const char *source);

/* Refuses value `index` of a run, which is no label. */
mcl_status mcl_labels_refuse(const void *from, size_t index, const mcl_array_run *run);

#endif
