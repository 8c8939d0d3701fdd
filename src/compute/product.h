/* SPDX-License-Identifier: Apache-2.0 */
/* The matrix product: one interface, whose providers stand in compute/providers.h. */
#ifndef MASKCL_COMPUTE_PRODUCT_H
#define MASKCL_COMPUTE_PRODUCT_H

#include <stdbool.h>
#include <stdint.h>

#include "constants.clh"
#include "device/context.h"
#include "maskcl/model.h"

/* C[m×n] = epilogue(alpha · op(A)[m×k] · op(B)[k×n] + beta · C), all float32 and row-major. op(X)
 * is X, or its transpose when X is stored as such: transpose_a says that A is stored [k×m],
 * transpose_b that B is stored [n×k]. A row of a stored matrix begins lda, ldb or ldc elements
 * after the one before. With beta 0, which each run has its own of, C is written without being
 * read.
 *
 * native: an element of C is one chain of fma over k in ascending order from 0, then alpha times
 * that, then fma(beta, C, …), then the epilogue or mcl_flush: the same bits on every device. */
typedef struct mcl_gemm {
    bool transpose_a, transpose_b;
    uint32_t m, n, k;
    uint32_t lda, ldb, ldc;
    float alpha;
} mcl_gemm;

/* An operand whose rows are patches of maps, which a product gathers while it runs instead of
 * reading them from memory, see cl/patches.clh: A, or B. With those of B a product has several C,
 * one for each of so many segments of its k, and the last segment is of last_k. */
typedef struct mcl_patches {
    bool of_b;
    bool scattered;            /* C's rows, those of A, are not all positions of the map in order */
    uint32_t segments, last_k; /* of those of B */
    int32_t geometry[MCL_PATCH_NUMBERS];
} mcl_patches;

/* A matrix within a buffer: offset counts elements. */
typedef struct mcl_matrix {
    cl_mem buffer;
    uint64_t offset;
} mcl_matrix;

/* What becomes of an element of the product before it is stored, see cl/epilogue.clh. */
typedef enum mcl_epilogue_kind {
    MCL_EPILOGUE_NONE,
    MCL_EPILOGUE_FORWARD,  /* z = product + bias[column]; C = f(z) */
    MCL_EPILOGUE_BACKWARD, /* C = product · f'(z): the gradient by f(z) becomes that by z */
    MCL_EPILOGUE_SUMS,     /* C = product; where mcl_product_sums() says so, bias[row] = Σ_k of the
                              row of op(A), as mcl_sums_run_columns() has it of a stored A */
} mcl_epilogue_kind;

typedef struct mcl_epilogue {
    mcl_epilogue_kind kind;
    mcl_activation activation; /* f */
} mcl_epilogue;

/* A plan: a product of fixed shape with its epilogue, made once, so that running it allocates
 * nothing, formats no text and looks nothing up. */
typedef struct mcl_product mcl_product;

/* What a run of a plan works on. */
typedef struct mcl_operands {
    mcl_matrix a, b, c;
    uint32_t m; /* rows of C, fewer than the plan's only where A is stored [m×k]; 0: as many */
    float beta; /* what C held counts so many times */
    mcl_matrix bias; /* [n] of MCL_EPILOGUE_FORWARD; [m] of MCL_EPILOGUE_SUMS, which is written */
    cl_mem kept;     /* [m×n] z for GELU, which the forward pass writes; else f(z), */
    uint64_t kept_offset; /* from this element on */
} mcl_operands;

/* Makes the plan of a product with an epilogue; NULL is one of kind MCL_EPILOGUE_NONE. What tuning
 * the context has then is what the plan goes by. */
mcl_status mcl_product_create(mcl_product **product, mcl_context *context, const mcl_gemm *gemm,
    const mcl_epilogue *epilogue);
void mcl_product_free(mcl_product *product);

/* Whether products that are planned on a context can gather patches; and a plan of one. The map
 * takes the operand's place, whose lda or ldb counts for nothing. */
bool mcl_product_gathers(const mcl_context *context);
mcl_status mcl_product_create_gathering(mcl_product **product, mcl_context *context,
    const mcl_gemm *gemm, const mcl_patches *patches, const mcl_epilogue *epilogue);

/* Enqueues the product. C must not overlap A or B. The first run of a plan may build its kernel,
 * and CLBlast compiles its own when it is first called. */
mcl_status mcl_product_run(mcl_product *product, const mcl_operands *operands);

/* Whether a run of a plan with MCL_EPILOGUE_SUMS writes the sums, of a transposed A. Otherwise they
 * are the caller's to compute; a plan that comes to write them later writes the same. */
bool mcl_product_sums(const mcl_product *product);

/* The plans that are alive on a context, in the order in which they were made: the first and the
 * one after another, or NULL; and what one is a plan of. */
const mcl_product *mcl_product_first(const mcl_context *context);
const mcl_product *mcl_product_next(const mcl_product *product);
const mcl_gemm *mcl_product_gemm(const mcl_product *product);

/* What it gathers, or NULL. */
const mcl_patches *mcl_product_patches(const mcl_product *product);

/* For a B that stays as it is while the plan is run many times: where that spares every run a copy
 * of its own, the plan takes a copy of B as it is now, in the order in which it is read, and what
 * operands->b has is no longer read. Called again, it takes another copy. */
mcl_status mcl_product_pack(mcl_product *product, mcl_matrix b);

/* An epilogue as a pass of its own, found once, over a product c[m×n] whose rows begin ldc elements
 * apart. It owns nothing, and lives as long as the context. */
typedef struct mcl_epilogue_pass {
    mcl_context *context;
    mcl_kernel *kernel; /* NULL: there is nothing to do */
    uint32_t how, m, n, ldc;
} mcl_epilogue_pass;

mcl_status mcl_epilogue_find(mcl_epilogue_pass *pass, mcl_context *context, uint32_t m, uint32_t n,
    uint32_t ldc, const mcl_epilogue *epilogue);

/* Enqueues it; of operands c, m, bias and kept count. */
mcl_status mcl_epilogue_apply(const mcl_epilogue_pass *pass, const mcl_operands *operands);

#endif
