/* The product by our own kernels, see cl/gemm.cl. */
#include "base/memory.h"
#include "gemm/providers.h"

#define TILE_M 6
#define TILE_N 16
#define STRING_(x) #x
#define STRING(x) STRING_(x)

/* The kernel reads B as rows of at least 16 elements. Where B is stored transposed, or its rows are
 * shorter than that, it reads a copy in the context's work space, with rows of this many elements;
 * 0 where B is read in place. B is the weights or the embeddings here, the smaller operand. */
static uint32_t copy_row(const mcl_gemm *gemm)
{
    if (gemm->n < TILE_N)
        return TILE_N;
    return gemm->transpose_b ? gemm->n : 0;
}

static mcl_status reserve(mcl_context *context, const mcl_gemm *gemm)
{
    uint64_t bytes = (uint64_t)copy_row(gemm) * gemm->k * sizeof(float);
    if (bytes <= context->scratch.bytes)
        return MCL_OK;
    cl_mem buffer;
    MCL_TRY(mcl_buffer_create(&buffer, context, bytes, 1, "work space of the matrix product"));
    mcl_buffer_release(&context->scratch.buffer); /* the queue keeps it alive while in use */
    context->scratch.buffer = buffer;
    context->scratch.bytes = bytes;
    return MCL_OK;
}

static mcl_status get_kernel(cl_kernel *kernel, mcl_context *context, const mcl_gemm *gemm)
{
    return mcl_kernel_get(kernel, context, "gemm.cl", "gemm",
        gemm->transpose_a ? "-D TILE_M=" STRING(TILE_M) " -D TRANSPOSE_A=1"
                          : "-D TILE_M=" STRING(TILE_M) " -D TRANSPOSE_A=0");
}

static mcl_status get_copy_kernel(cl_kernel *kernel, mcl_context *context, const mcl_gemm *gemm)
{
    return mcl_kernel_get(
        kernel, context, "transpose.cl", gemm->transpose_b ? "transpose" : "pad", "");
}

mcl_status mcl_gemm_native_prepare(mcl_context *context, const mcl_gemm *gemm)
{
    cl_kernel kernel;
    MCL_TRY(get_kernel(&kernel, context, gemm));
    if (copy_row(gemm))
        MCL_TRY(get_copy_kernel(&kernel, context, gemm));
    return reserve(context, gemm);
}

/* Copies B to the work space as k rows of ld elements, zeros behind the n that are there. */
static mcl_status copy_b(mcl_context *context, const mcl_gemm *gemm, mcl_matrix b, uint32_t ld)
{
    cl_kernel kernel;
    MCL_TRY(reserve(context, gemm));
    MCL_TRY(get_copy_kernel(&kernel, context, gemm));
    const uint32_t rows = gemm->transpose_b ? gemm->n : gemm->k;
    const uint32_t columns = gemm->transpose_b ? gemm->k : gemm->n;
    return mcl_launch(context, kernel, ld, gemm->k, MCL_BUFFER(b.buffer), MCL_ULONG(b.offset),
        MCL_UINT(gemm->ldb), MCL_BUFFER(context->scratch.buffer), MCL_UINT(ld), MCL_UINT(rows),
        MCL_UINT(columns));
}

mcl_status mcl_gemm_native(
    mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b, mcl_matrix c)
{
    cl_kernel kernel;
    uint32_t ldb = gemm->ldb;
    const uint32_t copied = copy_row(gemm);
    if (copied) {
        MCL_TRY(copy_b(context, gemm, b, copied));
        b = (mcl_matrix){context->scratch.buffer, 0};
        ldb = copied;
    }
    MCL_TRY(get_kernel(&kernel, context, gemm));
    const size_t one[3] = {1, 1, 1};
    return mcl_launch_local(context, kernel, (gemm->n + TILE_N - 1) / TILE_N,
        (gemm->m + TILE_M - 1) / TILE_M, one, MCL_BUFFER(a.buffer), MCL_ULONG(a.offset),
        MCL_UINT(gemm->lda), MCL_BUFFER(b.buffer), MCL_ULONG(b.offset), MCL_UINT(ldb),
        MCL_BUFFER(c.buffer), MCL_ULONG(c.offset), MCL_UINT(gemm->ldc), MCL_UINT(gemm->m),
        MCL_UINT(gemm->n), MCL_UINT(gemm->k), MCL_FLOAT(gemm->alpha), MCL_FLOAT(gemm->beta));
}
