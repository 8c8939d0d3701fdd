/* SPDX-License-Identifier: Apache-2.0 */
#include "random.h"

#include <math.h>
#include <stdlib.h>

uint32_t host_word(
    uint64_t seed, enum stream stream, uint32_t epoch, uint64_t row, uint64_t element)
{
    uint32_t c[4] = {(uint32_t)(element / 4), (uint32_t)row, epoch,
        (uint32_t)stream + 65536u * (uint32_t)(row >> 32)};
    uint32_t k[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (int round = 0; round < 10; round++) {
        const uint64_t even = (uint64_t)0xD2511F53u * c[0], odd = (uint64_t)0xCD9E8D57u * c[2];
        const uint32_t next[4] = {(uint32_t)(odd >> 32) ^ c[1] ^ k[0], (uint32_t)odd,
            (uint32_t)(even >> 32) ^ c[3] ^ k[1], (uint32_t)even};
        for (int i = 0; i < 4; i++)
            c[i] = next[i];
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    return c[element % 4];
}

float host_uniform(uint32_t word)
{
    return (float)(word >> 8) * 0x1p-24f;
}

static double horner(const double c[8], double x)
{
    double s = c[7];
    for (int i = 6; i >= 0; i--)
        s = s * x + c[i];
    return s;
}

static double logarithm(double x)
{
    int e;
    double m = frexp(x, &e) * 2.0; /* 1 ≤ m < 2 */
    e--;
    if (m > 1.4142135623730951) {
        m = m / 2.0;
        e++;
    }
    const double f = (m - 1.0) / (m + 1.0), g = f * f;
    double s = 0.0;
    for (int n = 23; n >= 3; n -= 2)
        s = (s + 1.0 / n) * g;
    return e * 0x1.62e42fefa3800p-1 + (2.0 * f + ((2.0 * f) * s + e * 0x1.ef35793c76730p-45));
}

static double normal(double u)
{
    static const double a[8] = {3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427,
        13731.693765509461125, 45921.953931549871457, 67265.770927008700853, 33430.575583588128105,
        2509.0809287301226727};
    static const double b[8] = {1, 42.313330701600911252, 687.18700749205790830,
        5394.1960214247511077, 21213.794301586595867, 39307.895800092710610, 28729.085735721942674,
        5226.4952788528545610};
    static const double c[8] = {1.42343711074968357734, 4.63033784615654529590,
        5.76949722146069140550, 3.64784832476320460504, 1.27045825245236838258,
        0.241780725177450611770, 0.0227238449892691845833, 7.74545014278341407640e-4};
    static const double d[8] = {1, 2.05319162663775882187, 1.67638483018380384940,
        0.689767334985100004550, 0.148103976427480074590, 0.0151986665636164571966,
        5.47593808499534494600e-4, 1.05075007164441684324e-9};
    static const double e[8] = {6.65790464350110377720, 5.46378491116411436990,
        1.78482653991729133580, 0.296560571828504891230, 0.0265321895265761230930,
        1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[8] = {1, 0.599832206555887937690, 0.136929880922735805310,
        0.0148753612908506148525, 7.86869131145613259100e-4, 1.84631831751005468180e-5,
        1.42151175831644588870e-7, 2.04426310338993978564e-15};
    const double q = u - 0.5;
    if (fabs(q) <= 0.425) {
        const double r = 0.180625 - q * q;
        return (q * horner(a, r)) / horner(b, r);
    }
    const double r = sqrt(-logarithm(q < 0 ? u : 1.0 - u));
    const double x = r <= 5.0 ? horner(c, r - 1.6) / horner(d, r - 1.6)
                              : horner(e, r - 5.0) / horner(f, r - 5.0);
    return q < 0 ? -x : x;
}

void host_synthetic(float *values, uint64_t rows, uint64_t columns, uint64_t seed)
{
    for (uint64_t row = 0; row < rows; row++) {
        for (uint64_t j = 0; j < columns; j++) {
            const uint32_t word = host_word(seed, STREAM_DATA, 0, row, j);
            *values++ = (float)normal(((double)(word >> 8) + 0.5) * 0x1p-24);
        }
    }
}

struct keyed {
    uint64_t key, row;
};

static int compare(const void *left, const void *right)
{
    const struct keyed *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

void host_order(uint64_t *order, uint64_t rows, uint64_t seed, uint32_t epoch)
{
    struct keyed *sorted = calloc(rows, sizeof *sorted);
    if (!sorted)
        abort();
    for (uint64_t row = 0; row < rows; row++) {
        const uint64_t high = host_word(seed, STREAM_ORDER, epoch, row, 0);
        sorted[row] =
            (struct keyed){high << 32 | host_word(seed, STREAM_ORDER, epoch, row, 1), row};
    }
    qsort(sorted, rows, sizeof *sorted, compare);
    for (uint64_t i = 0; i < rows; i++)
        order[i] = sorted[i].row;
    free(sorted);
}
