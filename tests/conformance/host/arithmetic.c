/* SPDX-License-Identifier: Apache-2.0 */
#include "arithmetic.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "float and double must be evaluated as such: build with -msse2 -mfpmath=sse or the like"
#endif

#define SMALLEST 0x1p-126f
#define L 0x1.715476p+0f
#define H 0x1.62e4p-1f
#define W 0x1.7f7d1cp-20f
#define R 0x1.8p+23f

#define POLY(x, ...)                                                                               \
    polynomial(x, (const float[]){__VA_ARGS__}, sizeof((float[]){__VA_ARGS__}) / sizeof(float))

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float not_a_number(void)
{
    return from_bits(0x7FC00000u);
}

static float polynomial(float x, const float *c, size_t count)
{
    float s = c[count - 1];
    for (size_t i = count - 1; i-- > 0;)
        s = fmaf(s, x, c[i]);
    return s;
}

float host_flush(float x)
{
    if (isnan(x))
        return not_a_number();
    return fabsf(x) < 0x1p-125f ? 0.0f : x;
}

/* E(r) of the document */
static float reduced_exp(float r)
{
    return POLY(r, 1.0f, 1.0f, 0x1.fffffcp-2f, 0x1.55548cp-3f, 0x1.555858p-5f, 0x1.123dep-7f,
        0x1.6ac74ep-10f);
}

float host_exp(float x)
{
    if (isnan(x))
        return not_a_number();
    if (x > 0x1.62e42ep+6f)
        return INFINITY;
    if (x < -0x1.5d589ep+6f)
        return 0.0f;
    const float k = fmaf(x, L, R) - R;
    const float r = fmaf(k, -W, fmaf(k, -H, x));
    return ldexpf(reduced_exp(r), (int)k);
}

float host_log(float x)
{
    if (isnan(x))
        return not_a_number();
    if (fabsf(x) < SMALLEST)
        return -INFINITY;
    if (x < 0.0f)
        return not_a_number();
    if (isinf(x))
        return x;
    int exponent;
    float m = frexpf(x, &exponent); /* ½ ≤ m < 1 */
    if (m < 0x1.6a09e6p-1f) {
        m *= 2.0f;
        exponent--;
    }
    const float e = (float)exponent, f = m - 1.0f;
    const float q = POLY(f, -0x1.fffff8p-2f, 0x1.555558p-2f, -0x1.00044cp-2f, 0x1.999feap-3f,
        -0x1.541b3p-3f, 0x1.22bd46p-3f, -0x1.0ff8bap-3f, 0x1.069c02p-3f, -0x1.300858p-4f);
    const float rest = fmaf(f * f, q, e * W);
    const float part = e * H;
    const float high = part + f;
    const float low = (part - high) + f;
    return high + (low + rest);
}

static float refined(float m, float guess)
{
    float r = guess;
    for (int i = 0; i < 2; i++) {
        const float d = fmaf(-m, r, 1.0f);
        r = fmaf(r, fmaf(d, d, d), r);
    }
    return r;
}

float host_tanh(float x)
{
    const float magnitude = fabsf(x);
    if (isnan(x))
        return not_a_number();
    if (magnitude < SMALLEST)
        return copysignf(0.0f, x);
    if (magnitude < 0x1p-12f)
        return x;
    const float y = 2.0f * (magnitude < 10.0f ? magnitude : 10.0f);
    const float k = fmaf(y, L, R) - R;
    const float r = fmaf(k, -W, fmaf(k, -H, y));
    const float b = ldexpf(1.0f, -(int)k);
    const float q = POLY(
        r, 0.5f, 0x1.555554p-3f, 0x1.5554b2p-5f, 0x1.11118ap-7f, 0x1.6d71e6p-10f, 0x1.a032cp-13f);
    const float s = r * r;
    const float p = fmaf(s, q, r), p_low = fmaf(s, q, r - p);
    const float u = 1.0f - b, u_low = (1.0f - u) - b;
    const float n = u + p, n_low = ((u - n) + p) + (u_low + p_low);
    const float v = 1.0f + b, v_low = (1.0f - v) + b;
    const float d = v + p, d_low = ((v - d) + p) + (v_low + p_low);
    const float i = refined(d, from_bits(0x7EF311C7u - bits_of(d)));
    const float z = n * i;
    return copysignf(fmaf(fmaf(-z, d_low, fmaf(-z, d, n) + n_low), i, z), x);
}

float host_erf(float x)
{
    const float magnitude = fabsf(x);
    if (isnan(x))
        return not_a_number();
    if (magnitude < SMALLEST)
        return copysignf(0.0f, x);
    const float y = magnitude < 4.0f ? magnitude : 4.0f;
    if (magnitude < 0.9375f) {
        const float g = POLY(y * y, 0x1.06eba8p-3f, -0x1.81274p-2f, 0x1.ce2d5cp-4f, -0x1.b7ff66p-6f,
            0x1.5429dap-8f, -0x1.a3e20ep-11f, 0x1.3e49a4p-14f, 0x1.99d7ecp-20f);
        return copysignf(fmaf(y, g, y), x);
    }
    const float l = POLY(y, -0x1.20efc4p+0f, -0x1.452d3ap-1f, -0x1.b36bb2p-4f, 0x1.8642b8p-6f,
        -0x1.e0fbb6p-9f, 0x1.59797p-12f, -0x1.8f2e18p-17f);
    const float k = fmaf(l * y, L, R) - R;
    const float r = fmaf(k, -W, fmaf(l, y, k * -H));
    return copysignf(1.0f - ldexpf(reduced_exp(r), (int)k), x);
}

/* x = k·π/2 + high + low for x > 0; k is returned modulo 4. */
static unsigned near_angle(float x, float *high, float *low)
{
    const float k = fmaf(x, 0x1.45f306p-1f, R) - R;
    const float g = fmaf(k, -0x1.921fb6p+0f, x);
    *high = fmaf(k, 0x1.777a5cp-25f, g);
    *low = fmaf(k, 0x1.777a5cp-25f, g - *high);
    return (unsigned)k % 4;
}

/* The binary digit of 2/π with the weight 2^-place. */
static unsigned digit_of_2_over_pi(int place)
{
    static const char digits[] = "a2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163ab";
    if (place < 1)
        return 0;
    const char digit = digits[(place - 1) / 4];
    const unsigned value = digit < 'a' ? (unsigned)(digit - '0') : (unsigned)(digit - 'a') + 10;
    return value >> (3 - (place - 1) % 4) & 1;
}

/* Longhand: the product of the significand and the digits, from the most significant one on, modulo
 * 2^96, of which the upper 64 bits are y·2^62. */
static unsigned far_angle(float x, float *high, float *low)
{
    int exponent;
    const uint64_t m = (uint64_t)ldexpf(frexpf(x, &exponent), 24);
    exponent -= 24;
    uint64_t upper = 0, lower = 0;
    for (int place = exponent - 1; place < exponent + 95; place++) {
        lower = 2 * lower + digit_of_2_over_pi(place) * m;
        upper = 2 * upper + (lower >> 32);
        lower &= UINT32_MAX;
    }
    const uint64_t half_up = upper + ((uint64_t)1 << 61);
    const uint64_t fraction = half_up & (((uint64_t)1 << 62) - 1);
    const float a = ldexpf((float)(fraction >> 40), -22) - 0.5f;
    const float b = ldexpf((float)(fraction >> 16 & 0xFFFFFF), -46);
    const float c = ldexpf((float)(fraction & 0xFFFF), -62);
    const float f = a + b, f_low = (b - (f - a)) + c;
    const float p = f * 0x1.921fb6p+0f;
    const float p_low =
        fmaf(f, 0x1.921fb6p+0f, -p) + fmaf(f_low, 0x1.921fb6p+0f, f * -0x1.777a5cp-25f);
    *high = p + p_low;
    *low = (p - *high) + p_low;
    return (unsigned)(half_up >> 62);
}

/* sin(x + more·π/2) for 2^-12 ≤ x < ∞ */
static float sine(float x, unsigned more)
{
    float r, r_low;
    const unsigned k = x <= 0x1.921fb6p+1f ? near_angle(x, &r, &r_low) : far_angle(x, &r, &r_low);
    const unsigned quarter = (k + more) % 4;
    const float s = r * r;
    float result;
    if (quarter % 2 == 0) {
        const float p = POLY(s, -0x1.555556p-3f, 0x1.111174p-7f, -0x1.a05954p-13f, 0x1.7c2c4ep-19f);
        result = r + fmaf(s * r, p, r_low);
    } else {
        const float q =
            POLY(s, 0x1.555556p-5f, -0x1.6c175ep-10f, 0x1.a071c6p-16f, -0x1.361c22p-22f);
        const float h = 0.5f * s, h_low = fmaf(0.5f * r, r, -h);
        const float v = 1.0f - h;
        result = v + (((1.0f - v) - h) + fmaf(s * s, q, fmaf(-r, r_low, -h_low)));
    }
    return quarter < 2 ? result : -result;
}

float host_sin(float x)
{
    const float magnitude = fabsf(x);
    if (!isfinite(x))
        return not_a_number();
    if (magnitude < SMALLEST)
        return copysignf(0.0f, x);
    if (magnitude < 0x1p-12f)
        return x;
    const float result = sine(magnitude, 0);
    return x < 0.0f ? -result : result;
}

float host_cos(float x)
{
    if (!isfinite(x))
        return not_a_number();
    return fabsf(x) < 0x1p-12f ? 1.0f : sine(fabsf(x), 1);
}

float host_sqrt(float x)
{
    if (fabsf(x) < SMALLEST)
        return copysignf(0.0f, x);
    return isnan(x) || x < 0.0f ? not_a_number() : sqrtf(x);
}

/* The quotient of the significands in double, rounded to float, is the correctly rounded one:
 * double has more than twice the digits (Figueroa 1995). */
float host_divide(float a, float b)
{
    const int a_zero = fabsf(a) < SMALLEST, b_zero = fabsf(b) < SMALLEST;
    if (isnan(a) || isnan(b) || (a_zero && b_zero) || (isinf(a) && isinf(b)))
        return not_a_number();
    const float sign = copysignf(1.0f, a) * copysignf(1.0f, b);
    if (a_zero || isinf(b))
        return copysignf(0.0f, sign);
    if (b_zero || isinf(a))
        return copysignf(INFINITY, sign);
    int a_exponent, b_exponent;
    const double n = (double)frexpf(a, &a_exponent), d = (double)frexpf(b, &b_exponent);
    const double quotient = ldexp((double)(float)(n / d), a_exponent - b_exponent);
    if (fabs(quotient) < (double)SMALLEST)
        return copysignf(0.0f, sign);
    return fabs(quotient) > (double)FLT_MAX ? copysignf(INFINITY, sign) : (float)quotient;
}

float host_quantile(float x)
{
    const float w = -host_log(fmaf(-x, x, 1.0f));
    const float g = w < 5.0f ? POLY(w - 2.5f, 0x1.0fc8bep+1f, 0x1.652c8ap-2f, -0x1.833bb8p-8f,
                                   -0x1.d0ce46p-10f, 0x1.44a464p-12f, -0x1.9f5b86p-18f,
                                   -0x1.56f108p-18f, 0x1.0388bcp-21f, 0x1.ae907ap-25f)
                             : POLY(w - 10.0f, 0x1.0f24dap+2f, 0x1.cbe258p-3f, -0x1.60d834p-8f,
                                   0x1.fb1372p-13f, -0x1.916a7p-17f, 0x1.12c13cp-21f,
                                   0x1.422e6cp-26f, -0x1.4a0708p-27f, 0x1.9efefap-31f);
    return x * g;
}

static float tree(float lanes[16])
{
    for (size_t half = 8; half > 0; half /= 2) {
        for (size_t l = 0; l < half; l++)
            lanes[l] = lanes[l] + lanes[l + half];
    }
    return lanes[0];
}

float host_sum(const float *x, size_t n)
{
    float lanes[16] = {0.0f};
    for (size_t i = 0; i < n; i += 16) {
        for (size_t l = 0; l < 16; l++)
            lanes[l] = lanes[l] + (i + l < n ? x[i + l] : 0.0f);
    }
    return tree(lanes);
}

float host_dot(const float *a, const float *b, size_t n)
{
    float lanes[16] = {0.0f};
    for (size_t i = 0; i < n; i += 16) {
        for (size_t l = 0; l < 16; l++) {
            const size_t at = i + l;
            lanes[l] = at < n ? fmaf(a[at], b[at], lanes[l]) : fmaf(0.0f, 0.0f, lanes[l]);
        }
    }
    return tree(lanes);
}

float host_total(const float *x, size_t n, float divisor)
{
    float *left = malloc(n * sizeof *left);
    if (!left)
        abort();
    memcpy(left, x, n * sizeof *left);
    while (n > 1024) {
        size_t blocks = 0; /* never overtakes what is still to be summed */
        for (size_t first = 0; first < n; first += 1024)
            left[blocks++] =
                host_divide(host_sum(left + first, n - first < 1024 ? n - first : 1024), 1.0f);
        n = blocks;
    }
    const float total = host_divide(host_sum(left, n), divisor);
    free(left);
    return total;
}

void host_row_sum(float *out, const float *x, size_t rows, size_t columns)
{
    for (size_t j = 0; j < columns; j++) {
        float sum = 0.0f;
        for (size_t first = 0; first < rows; first += 64) {
            float block = 0.0f;
            for (size_t i = first; i < rows && i < first + 64; i++)
                block = block + x[i * columns + j];
            sum = sum + block;
        }
        out[j] = host_flush(sum);
    }
}

void host_product(float *c, size_t m, size_t n, size_t k, struct matrix a, struct matrix b,
    float alpha, float beta)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            float chain = 0.0f;
            for (size_t p = 0; p < k; p++)
                chain = fmaf(a.values[i * a.down + p * a.across],
                    b.values[p * b.down + j * b.across], chain);
            const float scaled = alpha * chain;
            c[i * n + j] = beta != 0.0f ? fmaf(beta, c[i * n + j], scaled) : scaled;
        }
    }
}
