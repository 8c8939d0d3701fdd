/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters that maskcl tune has found for a device, and their file. */
#ifndef MASKCL_COMPUTE_TUNING_H
#define MASKCL_COMPUTE_TUNING_H

#include "compute/tiles.h"
#include "maskcl/output.h"
#include "maskcl/tune.h"

#define MCL_TUNED_MAX 256

/* What CLBlast calls the parameters of a kernel; CLBlastOverrideParameters takes all or none. */
#define MCL_CLBLAST_PARAMETERS_MAX 16
typedef struct mcl_clblast_kernel {
    const char *name;
    size_t count, most; /* parameters, and what none of them exceeds */
    const char *parameters[MCL_CLBLAST_PARAMETERS_MAX];
} mcl_clblast_kernel;

enum { MCL_CLBLAST_INDIRECT, MCL_CLBLAST_DIRECT, MCL_CLBLAST_ROUTINE, MCL_CLBLAST_KERNELS };
extern const mcl_clblast_kernel mcl_clblast_kernels[MCL_CLBLAST_KERNELS];

/* Parameters that a provider can be tried with. */
#define MCL_CANDIDATES_MAX 96
typedef union mcl_candidate {
    mcl_cpu_tile cpu;
    mcl_gpu_tile gpu;
    struct {
        size_t kernel; /* of mcl_clblast_kernels */
        size_t values[MCL_CLBLAST_PARAMETERS_MAX];
    } clblast;
} mcl_candidate;

/* The tile of one product. */
typedef struct mcl_tuned_tile {
    bool for_gpu; /* which of the tiles */
    bool transpose_a, transpose_b;
    uint32_t m, n, k;
    mcl_cpu_tile cpu;
    mcl_gpu_tile gpu;
} mcl_tuned_tile;

/* One allocation, which the context frees. */
struct mcl_tuning {
    bool forced;           /* the tiles below are used for every product, or it fails */
    bool given_up;         /* the tiles are the defaults because a tuned one did not build */
    bool has_cpu, has_gpu; /* a tile for all products that have none of their own */
    mcl_cpu_tile cpu;
    mcl_gpu_tile gpu;
    mcl_tuned_tile tiles[MCL_TUNED_MAX];
    size_t tile_count;
    bool has_clblast[MCL_CLBLAST_KERNELS];
    size_t clblast[MCL_CLBLAST_KERNELS][MCL_CLBLAST_PARAMETERS_MAX];
    bool clblast_is_set;   /* handed over to CLBlast */
    bool clblast_is_tried; /* what fails with them or is wrong is told, not put right */
    char problem[1280];    /* why the file is not used; empty: there is none, or it is */
};

/* *tuning = what is stored for a device, all zeros but for the problem where nothing can be used.
 */
mcl_tuning_state mcl_tuning_load(struct mcl_tuning *tuning, const mcl_device_info *device);

/* Before a search: locks the tuning of a context's device, so that nobody else searches for it
 * meanwhile, makes sure that it can be stored and will be used, and reads what is stored now. The
 * caller releases *lock. */
mcl_status mcl_tuning_claim(
    mcl_output_lock **lock, struct mcl_tuning *stored, const mcl_context *context);

/* Stores a tuning; path, which may be NULL, gets the file's name. */
mcl_status mcl_tuning_store(
    const struct mcl_tuning *tuning, const mcl_device_info *device, char *path, size_t path_size);

/* The context's tuning, loaded when first asked for; NULL when there is no memory for one. */
struct mcl_tuning *mcl_tuning_of(mcl_context *context);

/* Replaces or adds the tile of a product; of MCL_TUNED_MAX the oldest makes room. */
void mcl_tuning_add(struct mcl_tuning *tuning, const mcl_tuned_tile *tile);

/* The tiles to use for a product: tuned ones where there are, else the defaults. */
mcl_cpu_tile mcl_cpu_tile_of(mcl_context *context, const mcl_gemm *gemm);
mcl_gpu_tile mcl_gpu_tile_of(mcl_context *context, const mcl_gemm *gemm);

/* Whether a tile is being tried, which is not to give way to another. */
bool mcl_tuning_is_forced(mcl_context *context);

/* A kernel could not be built. Whether its tile may have been a tuned one: the defaults are used
 * from now on, and a plan made anew is worth another try. */
bool mcl_tuning_give_up(mcl_context *context);

#endif
