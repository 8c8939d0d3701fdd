/* SPDX-License-Identifier: Apache-2.0 */
/* How the kernels of the native product are built for a device and a product. */
#ifndef MASKCL_COMPUTE_TILES_H
#define MASKCL_COMPUTE_TILES_H

#include "compute/product.h"

/* Of cl/gemm.cl. */
typedef struct mcl_cpu_tile {
    uint32_t rows, vector, vectors, block_rows, block_depth;
} mcl_cpu_tile;

/* Of cl/gemm_gpu.cl; load is the most that LOAD can be. */
typedef struct mcl_gpu_tile {
    uint32_t item_rows, item_columns, group_rows, group_columns, depth, vector, padding, load;
    uint32_t buffers;
} mcl_gpu_tile;

/* Whether a work-group can have so many floats of local memory. */
bool mcl_has_local_memory(const mcl_context *context, uint64_t floats);

/* Whether the kernel can be built with a tile and run on the context's device, as far as one can
 * tell beforehand. */
bool mcl_cpu_tile_fits(const mcl_context *context, const mcl_cpu_tile *tile);
bool mcl_gpu_tile_fits(const mcl_context *context, const mcl_gpu_tile *tile);

/* What is used without a tuning: always one that fits, for a GPU that of the least estimated cost.
 */
mcl_cpu_tile mcl_cpu_tile_default(const mcl_context *context);
mcl_gpu_tile mcl_gpu_tile_default(const mcl_context *context, const mcl_gemm *gemm);

/* Work-groups of a product. */
uint64_t mcl_gpu_tile_groups(const mcl_gpu_tile *tile, const mcl_gemm *gemm);

/* Clock cycles that a product takes with a tile, about: a roofline of the busiest compute unit, by
 * its arithmetic, its local memory, what it reads of global memory, and the latency of what cannot
 * run side by side. */
double mcl_gpu_tile_cost(
    const mcl_context *context, const mcl_gpu_tile *tile, const mcl_gemm *gemm);

/* Makes a tile that does not fit smaller: one block of each operand in local memory instead of two,
 * then half of the work-items as often as it takes, at the latest one of one element. */
void mcl_gpu_tile_fit(mcl_gpu_tile *tile, const mcl_context *context);

/* Makes a tile that cannot run smaller, by half of its work-items; false: it has a single one. */
bool mcl_gpu_tile_shrink(mcl_gpu_tile *tile, const mcl_context *context);

/* Whether a kernel that is built for a tile can run, as its driver says. */
bool mcl_gpu_tile_runs(const mcl_gpu_tile *tile, const mcl_kernel *kernel);

#endif
