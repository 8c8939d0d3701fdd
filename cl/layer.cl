/* Bias and activation of a fully connected layer, forward and backward. Built with:
 *   ACTIVATION  0 none, 1 relu, 2 gelu, 3 tanh */
#include "common.clh"
#include "rounding.clh"

#define SQRT_HALF 0x1.6a09e6p-1f     /* √½ */
#define INVERSE_SQRT_2PI 0x1.988454p-2f /* 1/√(2π) */

/* a = f(z) */
inline float activate(const float z)
{
#if ACTIVATION == 1
    return z <= 0.0f ? 0.0f : z; /* and not fmax, which would hide a NaN */
#elif ACTIVATION == 2
    return z * (0.5f * (1.0f + mcl_erf(z * SQRT_HALF)));
#elif ACTIVATION == 3
    return mcl_tanh(z);
#else
    return z;
#endif
}

/* f'(z), from what the forward pass kept: z for gelu, a = f(z) for the others */
inline float derivative(const float kept)
{
#if ACTIVATION == 1
    return kept > 0.0f ? 1.0f : 0.0f;
#elif ACTIVATION == 2
    const float density = INVERSE_SQRT_2PI * mcl_exp(-0.5f * (kept * kept));
    return fma(kept, density, 0.5f * (1.0f + mcl_erf(kept * SQRT_HALF)));
#elif ACTIVATION == 3
    return fma(-kept, kept, 1.0f);
#else
    return 1.0f;
#endif
}

/* z[rows×n] += bias, a = f(z). a may be z where z is not needed again. Work-item (j, i). */
kernel void forward(global float *z, const global float *parameters, const ulong bias,
    global float *a, const uint n)
{
    const uint j = get_global_id(0);
    const ulong at = (ulong)get_global_id(1) * n + j;
    const float sum = z[at] + parameters[bias + j];
    if (ACTIVATION == 2)
        z[at] = sum;
    a[at] = activate(sum);
}

/* d[rows×n], the gradient by a, becomes the gradient by z. Work-item j has element j of n. */
kernel void backward(global float *d, const global float *kept)
{
    const ulong at = get_global_id(0);
    d[at] = mcl_flush(d[at] * derivative(kept[at]));
}
