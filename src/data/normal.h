/* SPDX-License-Identifier: Apache-2.0 */
/* The inverse of the normal distribution, with the same bits on every machine. */
#ifndef MASKCL_DATA_NORMAL_H
#define MASKCL_DATA_NORMAL_H

/* The x below which a standard normal variable falls with probability p, 0 < p < 1: Wichura's
 * PPND16 (Algorithm AS 241, Applied Statistics 37, 1988), relative error about 1e-15. Computed with
 * + − × ÷ and sqrt on doubles only, in a fixed order. */
double mcl_normal_quantile(double p);

/* The natural logarithm of a positive, normal double, within 2 ulp; likewise. */
double mcl_normal_log(double x);

#endif
