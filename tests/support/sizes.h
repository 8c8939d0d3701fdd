/* SPDX-License-Identifier: Apache-2.0 */
/* An initializer of an architecture without normalization and heads. */
#ifndef MASKCL_TESTS_SIZES_H
#define MASKCL_TESTS_SIZES_H

#include "maskcl/model.h"

/* The hidden widths come last: SIZES(784, 1, 64, MCL_ACTIVATION_RELU, 128). */
#define SIZES(in, count, out, function, ...)                                                       \
    {                                                                                              \
        .input = (in), .hidden = {__VA_ARGS__}, .hidden_count = (count), .embedding = (out),       \
        .activation = (function)                                                                   \
    }

#endif
