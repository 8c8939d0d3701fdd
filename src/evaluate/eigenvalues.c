/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/eigenvalues.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#define ITERATIONS_MOST 60 /* for one eigenvalue; two or three are common */
#define SWEEPS_MOST 60     /* of Jacobi's method; ten are common */

/* Applies the reflection that leaves row i with one element e beside the diagonal to the leading
 * i × i elements of a, with p[i] as workspace; returns e. */
static double reflect(double *a, size_t n, size_t i, double *p)
{
    double *u = a + i * n;
    double rest = 0.0;
    for (size_t k = 0; k + 1 < i; k++)
        rest += u[k] * u[k];
    const double last = u[i - 1];
    if (rest == 0.0) {
        u[i - 1] = 0.0;
        return last;
    }
    const double length = sqrt(rest + last * last);
    const double e = last > 0.0 ? -length : length;
    const double h = rest + last * last - last * e; /* |u|²/2 */
    double along = 0.0;
    u[i - 1] = last - e;
    for (size_t j = 0; j < i; j++)
        p[j] = 0.0;
    for (size_t k = 0; k < i; k++) {
        const double *row = a + k * n;
        for (size_t j = 0; j < i; j++)
            p[j] += row[j] * u[k];
    }
    for (size_t j = 0; j < i; j++) {
        p[j] /= h;
        along += p[j] * u[j];
    }
    for (size_t j = 0; j < i; j++)
        p[j] -= along / (2.0 * h) * u[j];
    for (size_t k = 0; k < i; k++) {
        double *row = a + k * n;
        for (size_t j = 0; j < i; j++)
            row[j] -= u[k] * p[j] + p[k] * u[j];
    }
    return e;
}

/* One QL step on elements l … m of the diagonal d and of e below it. */
static void rotate(double *d, double *e, size_t l, size_t m)
{
    double g = (d[l + 1] - d[l]) / (2.0 * e[l]);
    double sine = 1.0, cosine = 1.0, shift = 0.0;
    g = d[m] - d[l] + e[l] / (g + copysign(sqrt(g * g + 1.0), g));
    for (size_t i = m; i-- > l;) {
        const double f = sine * e[i], b = cosine * e[i];
        const double length = sqrt(f * f + g * g);
        e[i + 1] = length;
        if (length == 0.0) {
            d[i + 1] -= shift;
            e[m] = 0.0;
            return;
        }
        sine = f / length;
        cosine = g / length;
        g = d[i + 1] - shift;
        const double turned = (d[i] - g) * sine + 2.0 * cosine * b;
        shift = sine * turned;
        d[i + 1] = g + shift;
        g = cosine * turned - b;
    }
    d[l] -= shift;
    e[l] = g;
    e[m] = 0.0;
}

void mcl_tridiagonalize(double *d, double *e, double *a, size_t n)
{
    for (size_t i = n; i-- > 1;) {
        e[i] = reflect(a, n, i, e);
        d[i] = a[i * n + i];
    }
    if (n > 0) {
        d[0] = a[0];
        e[0] = 0.0;
    }
}

/* Applies the reflection that row i has kept. */
static void reflect_vector(double *x, const double *a, size_t n, size_t i)
{
    const double *u = a + i * n;
    double square = 0.0, along = 0.0;
    for (size_t k = 0; k < i; k++) {
        square += u[k] * u[k];
        along += u[k] * x[k];
    }
    if (square == 0.0)
        return;
    for (size_t k = 0; k < i; k++)
        x[k] -= 2.0 * along / square * u[k];
}

void mcl_tridiagonal_enter(double *x, const double *a, size_t n)
{
    for (size_t i = n; i-- > 1;)
        reflect_vector(x, a, n, i);
}

void mcl_tridiagonal_leave(double *x, const double *a, size_t n)
{
    for (size_t i = 1; i < n; i++)
        reflect_vector(x, a, n, i);
}

void mcl_eigenvalues(double *values, double *a, size_t n, double *space)
{
    double *e = space; /* e[i] lies beside values[i] and values[i + 1] at last */
    mcl_tridiagonalize(values, e, a, n);
    for (size_t i = 1; i < n; i++)
        e[i - 1] = e[i];
    if (n > 0)
        e[n - 1] = 0.0;
    for (size_t l = 0; l < n; l++) {
        for (int iteration = 0; iteration < ITERATIONS_MOST; iteration++) {
            size_t m = l;
            while (m + 1 < n && fabs(e[m]) > DBL_EPSILON * (fabs(values[m]) + fabs(values[m + 1])))
                m++;
            if (m == l)
                break;
            rotate(values, e, l, m);
        }
    }
}

/* x' = cosine·x − sine·y and y' = sine·x + cosine·y of n elements that are `apart` from the next.
 */
static void turn(double *x, double *y, size_t n, size_t apart, double cosine, double sine)
{
    for (size_t k = 0; k < n * apart; k += apart) {
        const double of_x = x[k], of_y = y[k];
        x[k] = cosine * of_x - sine * of_y;
        y[k] = sine * of_x + cosine * of_y;
    }
}

/* Turns rows and columns p and q of a so that a[p][q] becomes 0, and the vectors with them. */
static void annihilate(double *vectors, double *a, size_t n, size_t p, size_t q)
{
    const double beside = a[p * n + q];
    if (beside == 0.0)
        return;
    const double ratio = (a[q * n + q] - a[p * n + p]) / (2.0 * beside);
    const double tangent = copysign(1.0, ratio) / (fabs(ratio) + sqrt(ratio * ratio + 1.0));
    const double cosine = 1.0 / sqrt(tangent * tangent + 1.0), sine = tangent * cosine;
    turn(a + p, a + q, n, n, cosine, sine);
    turn(a + p * n, a + q * n, n, 1, cosine, sine);
    turn(vectors + p * n, vectors + q * n, n, 1, cosine, sine);
    a[p * n + q] = a[q * n + p] = 0.0;
}

/* Whether what is beside the diagonal no longer matters. */
static bool is_diagonal(const double *a, size_t n)
{
    double diagonal = 0.0, beside = 0.0;
    for (size_t i = 0; i < n * n; i++)
        *(i % (n + 1) == 0 ? &diagonal : &beside) += a[i] * a[i];
    return beside <= DBL_EPSILON * DBL_EPSILON * diagonal;
}

void mcl_eigenvectors(double *vectors, double *a, size_t n)
{
    for (size_t i = 0; i < n * n; i++)
        vectors[i] = i % (n + 1) == 0 ? 1.0 : 0.0;
    for (int sweep = 0; sweep < SWEEPS_MOST && !is_diagonal(a, n); sweep++) {
        for (size_t p = 0; p + 1 < n; p++) {
            for (size_t q = p + 1; q < n; q++)
                annihilate(vectors, a, n, p, q);
        }
    }
}
