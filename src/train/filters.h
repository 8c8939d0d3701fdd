/* SPDX-License-Identifier: Apache-2.0 */
/* Filters of a convolution that are taken from the data (Coates, Lee and Ng 2011; Coates and Ng
 * 2012). */
#ifndef MASKCL_TRAIN_FILTERS_H
#define MASKCL_TRAIN_FILTERS_H

#include "compute/convolution.h"
#include "maskcl/pretrain.h"

/* A filter has no more values. */
#define MCL_FILTER_VALUES_MAX 1024

/* Parses "random", "patches" or "kmeans". */
mcl_status mcl_filters_parse(mcl_filters *filters, const char *text);
/* "?" for a number that is none. */
const char *mcl_filters_name(mcl_filters filters);

/* MCL_ERROR_ARGUMENT where the options are not in their ranges. */
mcl_status mcl_filters_check(const mcl_filter_options *options);

/* weights[O×C×kh×kw], in torch's order, and bias[O] of a convolution of rows that are maps.
 *
 * Patches are drawn for the seed, those that vary by more than options->deviation are kept, each is
 * normalized as the convolution does, and they are whitened: z = W·(p − m), with m their mean, and
 * W = V·(Λ + whitening)^−½·Vᵀ of the eigenvectors and eigenvalues of their covariance. The filters
 * d are the first of them, or what k-means makes of those, of length 1. The convolution's are then
 * d·W, and its biases −d·W·m − threshold; of two-sided ones the second half are those of −d.
 * Sums are doubles in a fixed order: the bits are the same on every machine.
 *
 * MCL_ERROR_DATA where the data have not as many patches that vary, MCL_ERROR_ARGUMENT where the
 * convolution has no such filters. */
mcl_status mcl_filters_fit(float *weights, float *bias, const mcl_convolution_shape *shape,
    const mcl_data *data, const mcl_filter_options *options, uint64_t seed);

/* mcl_filters_fit() of the first layer of a new model's encoder, where the options ask for filters
 * from the data; else nothing. MCL_ERROR_ARGUMENT where that layer is no convolution. */
mcl_status mcl_filters_begin(
    mcl_model *model, const mcl_data *data, const mcl_pretrain_options *options);

#endif
