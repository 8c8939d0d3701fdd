/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels have in common, on the host, from docs/numerics.md. */
#ifndef MASKCL_VERIFY_REFERENCE_H
#define MASKCL_VERIFY_REFERENCE_H

#include <stddef.h>

#include "maskcl/model.h"

/* Σ xᵢ and Σ aᵢ·bᵢ of n elements in 16 lanes, each a chain, then a tree. */
float mcl_reference_sum(const float *x, size_t n);
float mcl_reference_dot(const float *a, const float *b, size_t n);

/* a = f(z), and f′ from what the forward pass kept: z of gelu, a of the others. */
float mcl_reference_activate(mcl_activation activation, float z);
float mcl_reference_derivative(mcl_activation activation, float kept);

#endif
