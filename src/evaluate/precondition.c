/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/precondition.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "compute/product.h"

#define CURVATURE 0.03  /* p(1−p) on average, of 10 classes of which most rows are sure */
#define RIDGE 3e-4      /* what is added to the eigenvalues at first: see factorize_run() */
#define RIDGES 8        /* how many times it is made ten times as much at most */
#define RUN 1024        /* columns that are factorised together */
#define ROWS_MOST 32768 /* of the selection */

struct mcl_preconditioner {
    uint32_t columns, runs;
    double *factors; /* of each run [width×width] U, upper triangular: Uᵀ·U is the matrix */
};

/* Columns of run r begin at start(r) and end at start(r+1). */
static uint32_t start(const mcl_preconditioner *preconditioner, uint32_t r)
{
    return (uint32_t)((uint64_t)preconditioner->columns * r / preconditioner->runs);
}

/* Cholesky's factorisation of the upper triangle of a[n×n], in place. False when a pivot is far
 * below the least eigenvalue that the matrix can have: rounding has made it another matrix. */
static bool factorize(double *a, size_t n, double least)
{
    for (size_t j = 0; j < n; j++) {
        double *row = a + j * n;
        if (!(row[j] >= 0.5 * least))
            return false;
        const double pivot = sqrt(row[j]);
        row[j] = pivot;
        for (size_t i = j + 1; i < n; i++)
            row[i] /= pivot;
        for (size_t k = j + 1; k < n; k++) {
            const double factor = row[k];
            for (size_t i = k; i < n; i++)
                a[k * n + i] -= factor * row[i];
        }
    }
    return true;
}

static void set_identity(double *a, size_t n)
{
    for (size_t i = 0; i < n * n; i++)
        a[i] = i % (n + 1) == 0 ? 1.0 : 0.0;
}

/* x = (Uᵀ·U)⁻¹·x */
static void solve(const double *u, size_t n, double *x)
{
    for (size_t j = 0; j < n; j++) {
        x[j] /= u[j * n + j];
        for (size_t i = j + 1; i < n; i++)
            x[i] -= u[j * n + i] * x[j];
    }
    for (size_t j = n; j-- > 0;) {
        double sum = x[j];
        for (size_t i = j + 1; i < n; i++)
            sum -= u[j * n + i] * x[i];
        x[j] = sum / u[j * n + j];
    }
}

/* Every so manieth row is selected. */
static uint32_t step_of(const mcl_blocks *features)
{
    uint64_t step = features->rows / ROWS_MOST + (features->rows % ROWS_MOST != 0);
    while (step * features->columns > UINT32_MAX)
        step--;
    return (uint32_t)step;
}

/* How many rows of a block are. */
static uint32_t selected(const mcl_blocks *features, uint32_t b, uint32_t step)
{
    const uint32_t left = features->rows - b * features->block_rows;
    const uint32_t rows = left < features->block_rows ? left : features->block_rows;
    return (rows - 1) / step + 1;
}

/* product[width×width] = scale · XᵀX of the selected rows' columns first …, with what blocks before
 * have made of it. */
static mcl_status add_block(cl_mem product, const mcl_blocks *features, uint32_t b, uint32_t first,
    uint32_t width, float scale)
{
    const uint32_t step = step_of(features), ld = step * features->columns;
    const mcl_gemm gemm = {
        true, false, width, width, selected(features, b, step), ld, ld, width, scale};
    uint32_t rows;
    cl_mem x;
    mcl_product *plan;
    MCL_TRY(mcl_blocks_get(&x, &rows, features, b));
    const mcl_operands operands = {
        .a = {x, first}, .b = {x, first}, .c = {product, 0}, .beta = b > 0 ? 1.0f : 0.0f};
    MCL_TRY(mcl_product_create(&plan, features->context, &gemm, NULL));
    const mcl_status status = mcl_product_run(plan, &operands);
    mcl_product_free(plan);
    return status;
}

/* factor[width×width] = the factorised matrix of columns first … first+width-1. Where columns
 * depend on one another the products' rounding errors can leave it with an eigenvalue below 0, and
 * the factors worthless: a ridge keeps the eigenvalues at a distance. How much that takes depends
 * on the features, and is found by trying. Features that are not finite get the identity. */
static mcl_status factorize_run(double *factor, const mcl_blocks *features, uint32_t first,
    uint32_t width, double penalty, cl_mem product, float *host)
{
    const uint32_t step = step_of(features);
    const size_t size = (size_t)width * width;
    uint32_t count = 0;
    for (uint32_t b = 0; b < features->count; b++)
        count += selected(features, b, step);
    for (uint32_t b = 0; b < features->count; b++)
        MCL_TRY(add_block(product, features, b, first, width, (float)(CURVATURE / count)));
    MCL_TRY(mcl_buffer_read(features->context, host, product, 0, size * sizeof *host));
    double ridge = penalty + RIDGE;
    for (int i = 0; i <= RIDGES; i++) {
        for (size_t k = 0; k < size; k++)
            factor[k] = (double)host[k] + (k % (width + 1) == 0 ? ridge : 0.0);
        if (factorize(factor, width, ridge))
            return MCL_OK;
        ridge *= 10.0;
    }
    set_identity(factor, width);
    return MCL_OK;
}

static mcl_status fill(mcl_preconditioner *preconditioner, const mcl_blocks *features,
    double penalty, cl_mem product, float *host)
{
    double *factor = preconditioner->factors;
    for (uint32_t r = 0; r < preconditioner->runs; r++) {
        const uint32_t first = start(preconditioner, r);
        const uint32_t width = start(preconditioner, r + 1) - first;
        MCL_TRY(factorize_run(factor, features, first, width, penalty, product, host));
        factor += (size_t)width * width;
    }
    return MCL_OK;
}

mcl_status mcl_preconditioner_create(
    mcl_preconditioner **preconditioner, const mcl_blocks *features, double penalty)
{
    const uint32_t columns = features->columns;
    mcl_preconditioner *created;
    float *host = NULL;
    cl_mem product = NULL;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->columns = columns;
    created->runs = columns / RUN + (columns % RUN != 0);
    const uint64_t widest = columns / created->runs + 1;
    mcl_status status = mcl_allocate(
        &created->factors, widest * widest, (uint64_t)created->runs * sizeof *created->factors);
    if (status == MCL_OK)
        status = mcl_allocate(&host, widest * widest, sizeof *host);
    if (status == MCL_OK)
        status = mcl_buffer_create(
            &product, features->context, widest * widest, sizeof *host, "products of columns");
    if (status == MCL_OK)
        status = fill(created, features, penalty, product, host);
    free(host);
    mcl_buffer_release(&product);
    if (status != MCL_OK)
        mcl_preconditioner_free(created);
    else
        *preconditioner = created;
    return status;
}

void mcl_preconditioner_free(mcl_preconditioner *preconditioner)
{
    if (!preconditioner)
        return;
    free(preconditioner->factors);
    free(preconditioner);
}

void mcl_precondition(const mcl_preconditioner *preconditioner, double *x)
{
    const double *factor = preconditioner->factors;
    for (uint32_t r = 0; r < preconditioner->runs; r++) {
        const uint32_t first = start(preconditioner, r);
        const size_t width = start(preconditioner, r + 1) - first;
        solve(factor, width, x + first);
        factor += width * width;
    }
}

double mcl_precondition_bias(double x)
{
    return x / CURVATURE;
}
