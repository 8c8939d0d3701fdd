/* SPDX-License-Identifier: Apache-2.0 */
/* The product by the kernel for GPUs, see cl/gemm_gpu.cl. */
#include <stdio.h>

#include "compute/providers.h"
#include "compute/tuning.h"

#define OPTIONS_SIZE 320

/* The widest reads that both operands allow, whose rows begin at multiples of them. */
static uint32_t load_of(const mcl_gpu_tile *tile, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b)
{
    uint32_t load = tile->load;
    while (load > 1 && (gemm->lda % load || gemm->ldb % load || a.offset % load || b.offset % load))
        load /= 2;
    return load;
}

static void write_options(char options[OPTIONS_SIZE], const mcl_gpu_tile *tile, uint32_t load,
    const mcl_gemm *gemm, const mcl_epilogue *epilogue)
{
    snprintf(options, OPTIONS_SIZE,
        "-D ITEM_ROWS=%u -D ITEM_COLUMNS=%u -D GROUP_ROWS=%u -D GROUP_COLUMNS=%u -D DEPTH=%u "
        "-D VECTOR=%u -D PADDING=%u -D LOAD=%u -D TRANSPOSE_A=%d -D TRANSPOSE_B=%d "
        "-D ACTIVATION=%d",
        tile->item_rows, tile->item_columns, tile->group_rows, tile->group_columns, tile->depth,
        tile->vector, tile->padding, load, gemm->transpose_a, gemm->transpose_b,
        mcl_epilogue_activation(epilogue));
}

mcl_status mcl_gemm_gpu_prepare(
    mcl_context *context, const mcl_gemm *gemm, const mcl_epilogue *epilogue)
{
    const mcl_gpu_tile tile = mcl_gpu_tile_of(context, gemm);
    const mcl_matrix aligned = {NULL, 0}; /* most are */
    char options[OPTIONS_SIZE];
    write_options(options, &tile, load_of(&tile, gemm, aligned, aligned), gemm, epilogue);
    return mcl_kernel_expect(context, "gemm_gpu.cl", options);
}

mcl_status mcl_gemm_gpu(mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b,
    mcl_matrix c, const mcl_epilogue *epilogue)
{
    const mcl_gpu_tile tile = mcl_gpu_tile_of(context, gemm);
    const uint32_t rows = tile.item_rows * tile.group_rows;
    const uint32_t columns = tile.item_columns * tile.group_columns;
    const size_t local[3] = {tile.group_columns, tile.group_rows, 1};
    const mcl_matrix bias = epilogue->bias.buffer ? epilogue->bias : c; /* else it is not read */
    char options[OPTIONS_SIZE];
    cl_kernel kernel;
    write_options(options, &tile, load_of(&tile, gemm, a, b), gemm, epilogue);
    mcl_status status = mcl_kernel_get(&kernel, context, "gemm_gpu.cl", "gemm_gpu", options);
    if (status != MCL_OK)
        return mcl_tuning_give_up(context) ? mcl_gemm_gpu(context, gemm, a, b, c, epilogue)
                                           : status;
    mcl_gemm_record(context, gemm);
    return mcl_launch_local(context, kernel, ((gemm->n - 1) / columns + 1) * local[0],
        ((gemm->m - 1) / rows + 1) * local[1], local, MCL_BUFFER(a.buffer), MCL_ULONG(a.offset),
        MCL_UINT(gemm->lda), MCL_BUFFER(b.buffer), MCL_ULONG(b.offset), MCL_UINT(gemm->ldb),
        MCL_BUFFER(c.buffer), MCL_ULONG(c.offset), MCL_UINT(gemm->ldc), MCL_UINT(gemm->m),
        MCL_UINT(gemm->n), MCL_UINT(gemm->k), MCL_FLOAT(gemm->alpha), MCL_FLOAT(gemm->beta),
        MCL_UINT(mcl_epilogue_how(epilogue)), MCL_BUFFER(bias.buffer), MCL_ULONG(bias.offset),
        MCL_BUFFER(epilogue->kept ? epilogue->kept : c.buffer),
        MCL_LOCAL((size_t)tile.depth * (rows + tile.padding) * sizeof(float)),
        MCL_LOCAL((size_t)tile.depth * (columns + tile.padding) * sizeof(float)));
}
