/* SPDX-License-Identifier: Apache-2.0 */
#include "data/normal.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* A compiler that computes in a wider type would round twice. */
#if FLT_EVAL_METHOD == 2
#error "double must be evaluated as double: build with -msse2 -mfpmath=sse or the like"
#endif

#define DEGREE 7

/* Σ c[i]·xⁱ */
static double polynomial(const double c[DEGREE + 1], double x)
{
    double sum = c[DEGREE];
    for (int i = DEGREE - 1; i >= 0; i--)
        sum = sum * x + c[i];
    return sum;
}

/* Wichura's rational approximations, by powers: in q for the centre, in √(−log p) for the tails. */
static const double centre_a[] = {3.3871328727963666080e0, 1.3314166789178437745e2,
    1.9715909503065514427e3, 1.3731693765509461125e4, 4.5921953931549871457e4,
    6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3};
static const double centre_b[] = {1.0, 4.2313330701600911252e1, 6.8718700749205790830e2,
    5.3941960214247511077e3, 2.1213794301586595867e4, 3.9307895800092710610e4,
    2.8729085735721942674e4, 5.2264952788528545610e3};
static const double tail_c[] = {1.42343711074968357734e0, 4.63033784615654529590e0,
    5.76949722146069140550e0, 3.64784832476320460504e0, 1.27045825245236838258e0,
    2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4};
static const double tail_d[] = {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0,
    6.89767334985100004550e-1, 1.48103976427480074590e-1, 1.51986665636164571966e-2,
    5.47593808499534494600e-4, 1.05075007164441684324e-9};
static const double far_tail_e[] = {6.65790464350110377720e0, 5.46378491116411436990e0,
    1.78482653991729133580e0, 2.96560571828504891230e-1, 2.65321895265761230930e-2,
    1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7};
static const double far_tail_f[] = {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1,
    1.48753612908506148525e-2, 7.86869131145613259100e-4, 1.84631831751005468180e-5,
    1.42151175831644588870e-7, 2.04426310338993978564e-15};

double mcl_normal_quantile(double p)
{
    const double q = p - 0.5;
    if (fabs(q) <= 0.425) {
        const double r = 0.180625 - q * q;
        return q * polynomial(centre_a, r) / polynomial(centre_b, r);
    }
    const double r = sqrt(-mcl_normal_log(q < 0 ? p : 1.0 - p));
    const double x = r <= 5.0 ? polynomial(tail_c, r - 1.6) / polynomial(tail_d, r - 1.6)
                              : polynomial(far_tail_e, r - 5.0) / polynomial(far_tail_f, r - 5.0);
    return q < 0 ? -x : x;
}

/* x = m·2ᵉ with m between √½ and √2, and log m = 2·atanh f = 2(f + f³/3 + f⁵/5 + …) for
 * f = (m − 1)/(m + 1): |f| < 0.1716, so that the terms beyond f²³ are below 2^-60 of the sum. */
double mcl_normal_log(double x)
{
    uint64_t bits;
    double m;
    memcpy(&bits, &x, sizeof bits);
    int e = (int)(bits >> 52) - 1023;
    bits = (bits & 0xFFFFFFFFFFFFFu) | (uint64_t)1023 << 52;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        e++;
    }
    const double f = (m - 1.0) / (m + 1.0), square = f * f;
    double series = 0.0; /* f²/3 + f⁴/5 + … */
    for (int n = 23; n >= 3; n -= 2)
        series = (series + 1.0 / n) * square;
    /* log 2 in two parts, the upper one short enough that its product with e is exact */
    const double upper = e * 0x1.62e42fefa3800p-1, lower = e * 0x1.ef35793c76730p-45;
    return upper + (2.0 * f + (2.0 * f * series + lower));
}
