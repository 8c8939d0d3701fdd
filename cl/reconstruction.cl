/* The reconstruction objective: mean squared error between the decoder's output on both views and
 * the rows. */
#include "common.clh"
#include "rounding.clh"

/* loss[i] = Σ_j (r_ij − x_ij)² for r[2B×n] and x of so many rows, the targets: B where both views of
 * a row have one target, 2B where each has its own. Work-item i of 2B. */
kernel void squared_errors(const global float *restrict r, const global float *restrict x,
    const uint targets, const uint n, global float *restrict loss)
{
    const uint i = get_global_id(0);
    const global float *row = r + (ulong)i * n, *target = x + (ulong)(i % targets) * n;
    float16 lanes = 0.0f;
    uint j = 0;
    for (; j + 16 <= n; j += 16) {
        const float16 difference = vload16(0, row + j) - vload16(0, target + j);
        lanes = fma(difference, difference, lanes);
    }
    if (j < n) {
        const float16 difference = mcl_load_part(row + j, n - j) - mcl_load_part(target + j, n - j);
        lanes = fma(difference, difference, lanes);
    }
    loss[i] = mcl_sum_lanes(lanes);
}

/* d = scale·(r − x), scale being 2·weight over the number of elements, 2B·n. Work-item (j, i). */
kernel void reconstruction_backward(const global float *restrict r, const global float *restrict x,
    const uint targets, const uint n, const float scale, global float *restrict d)
{
    const uint j = get_global_id(0), i = get_global_id(1);
    const ulong at = (ulong)i * n + j;
    d[at] = mcl_flush(scale * (r[at] - x[(ulong)(i % targets) * n + j]));
}
