/* SPDX-License-Identifier: Apache-2.0 */
/* Rows to train on, from files, from the caller's memory, or synthetic; and labels. */
#ifndef MASKCL_DATA_H
#define MASKCL_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "maskcl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The type in which rows are stored; uint8 values are divided by 255 when they are used. */
typedef enum mcl_element {
    MCL_ELEMENT_UINT8,
    MCL_ELEMENT_FLOAT32,
} mcl_element;

#define MCL_DIMENSIONS_MAX 8

/* An immutable matrix of rows×columns values in host memory. Threads may share it. */
typedef struct mcl_data mcl_data;

/* Reads a whole file: IDX of unsigned bytes or NumPy .npy (uint8, float32, float64, C order), plain
 * or gzipped, recognized by content. The caller frees *data with mcl_data_free(). The first
 * dimension counts rows, the others are flattened to columns. float64 is rounded to float32.
 * Errors: MCL_ERROR_FILE, MCL_ERROR_FORMAT (with the place in the file), MCL_ERROR_DATA (a NaN or
 * infinity, with its row and column). */
MCL_API mcl_status mcl_data_open(mcl_data **data, const char *path);

/* Standard normal values, a function of row, column and seed alone. The caller frees *data. */
MCL_API mcl_status mcl_data_synthetic(
    mcl_data **data, uint64_t rows, uint64_t columns, uint64_t seed);

/* Copies rows×columns values, row-major. NaN and infinities are MCL_ERROR_DATA. The caller frees
 * *data. */
MCL_API mcl_status mcl_data_from_floats(
    mcl_data **data, const float *values, uint64_t rows, uint64_t columns);

/* NULL is allowed. */
MCL_API void mcl_data_free(mcl_data *data);

/* 0 for NULL; of mcl_data_element() that is MCL_ELEMENT_UINT8. */
MCL_API uint64_t mcl_data_rows(const mcl_data *data);
MCL_API uint64_t mcl_data_columns(const mcl_data *data);
MCL_API mcl_element mcl_data_element(const mcl_data *data);

/* The sizes of one row's dimensions, in the file's order (28, 28 for a 28×28 image); returns how
 * many there are, at least 1 and at most MCL_DIMENSIONS_MAX; 0 for NULL. */
MCL_API size_t mcl_data_row_shape(const mcl_data *data, uint64_t shape[MCL_DIMENSIONS_MAX]);

/* Writes rows first … first+rows-1 as floats (uint8 divided by 255) to values[rows × columns]. */
MCL_API mcl_status mcl_data_floats(
    float *values, const mcl_data *data, uint64_t first, uint64_t rows);

/* Reads class labels: IDX of unsigned bytes or .npy of uint8, int32 or int64, one dimension, each
 * from 0 to 65535. *labels has *count entries and is freed by the caller with
 * mcl_labels_free(). */
MCL_API mcl_status mcl_labels_open(int32_t **labels, uint64_t *count, const char *path);
/* NULL is allowed. */
MCL_API void mcl_labels_free(int32_t *labels);

#ifdef __cplusplus
}
#endif

#endif
