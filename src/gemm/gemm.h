/* The matrix product: one interface, two providers. */
#ifndef MASKCL_GEMM_GEMM_H
#define MASKCL_GEMM_GEMM_H

#include <stdbool.h>
#include <stdint.h>

#include "device/context.h"
#include "maskcl/model.h"

/* C[m×n] = alpha · op(A)[m×k] · op(B)[k×n] + beta · C, all float32 and row-major. op(X) is X, or
 * its transpose when X is stored as such: transpose_a says that A is stored [k×m], transpose_b that
 * B is stored [n×k]. A row of a stored matrix begins lda, ldb or ldc elements after the one before.
 * With beta 0, C is written without being read.
 *
 * native: an element of C is one chain of fma over k in ascending order from 0, then alpha times
 * that, then fma(beta, C, …), then mcl_flush: the same bits on every device. */
typedef struct mcl_gemm {
    bool transpose_a, transpose_b;
    uint32_t m, n, k;
    uint32_t lda, ldb, ldc;
    float alpha, beta;
} mcl_gemm;

/* A matrix within a buffer: offset counts elements. */
typedef struct mcl_matrix {
    cl_mem buffer;
    uint64_t offset;
} mcl_matrix;

/* What becomes of an element of the product before it is stored, see cl/finish.clh. */
typedef enum mcl_finish_kind {
    MCL_FINISH_NONE,
    MCL_FINISH_FORWARD,  /* z = product + bias[column]; C = f(z) */
    MCL_FINISH_BACKWARD, /* C = product · f'(z): the gradient by f(z) becomes that by z */
} mcl_finish_kind;

typedef struct mcl_finish {
    mcl_finish_kind kind;
    mcl_activation activation; /* f */
    mcl_matrix bias;           /* [n] forward */
    cl_mem kept;               /* [m×n] z for GELU, which the forward pass writes; else f(z) */
} mcl_finish;

/* Enqueues the product. C must not overlap A or B. */
mcl_status mcl_gemm_run(
    mcl_context *context, const mcl_gemm *gemm, mcl_matrix a, mcl_matrix b, mcl_matrix c);

/* The same with a finish, which is free in the native product. */
mcl_status mcl_gemm_run_finish(mcl_context *context, const mcl_gemm *gemm, mcl_matrix a,
    mcl_matrix b, mcl_matrix c, const mcl_finish *finish);

/* For a B that stays as it is while many products read it: *turned = a copy of B the other way
 * round where that spares each product a copy of its own, and gemm the product with it; else NULL.
 */
mcl_status mcl_gemm_turn(cl_mem *turned, mcl_context *context, mcl_gemm *gemm, mcl_matrix b);

/* Expects the kernels and reserves the work space that a product needs, so that running it does not
 * allocate; of finish, which may be NULL, kind and activation count. CLBlast compiles its own
 * kernels when first run. */
mcl_status mcl_gemm_prepare(mcl_context *context, const mcl_gemm *gemm, const mcl_finish *finish);

/* Enqueues the finish alone, on a product c[m×n] whose rows begin ldc elements apart. */
mcl_status mcl_finish_prepare(mcl_context *context, const mcl_finish *finish);
mcl_status mcl_finish_run(mcl_context *context, uint32_t m, uint32_t n, uint32_t ldc, mcl_matrix c,
    const mcl_finish *finish);

#endif
