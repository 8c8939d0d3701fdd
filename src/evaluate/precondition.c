/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/precondition.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "compute/product.h"

#define CURVATURE 0.03  /* p(1−p) on average, of 10 classes of which most rows are sure */
#define RIDGE 3e-4      /* what is added to the eigenvalues at first: see factorize_run() */
#define RIDGES 8        /* how many times it is made ten times as much at most */
#define RUN 1024        /* columns that are factorised together */
#define TOGETHER 4      /* vectors that are multiplied at once, so that factors are read less */
#define ROWS_MOST 16384 /* of the selection */

struct mcl_preconditioner {
    uint32_t columns, runs;
    double *factors; /* of each run [width×width] U, upper triangular: Uᵀ·U is the matrix */
    double *space;   /* [widest×TOGETHER] */
};

/* What a matrix is made of: scale · Σ factor²·x·xᵀ over the selected rows x, plus ridge. */
struct recipe {
    double scale, ridge;
    const float *factors;  /* of the selected rows; NULL: all are 1 */
    cl_mem scaled, factor; /* of a block's selected rows; NULL without factors */
    mcl_kernel *multiply;
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

/* x[n×TOGETHER] = (Uᵀ·U)⁻¹·x, for vectors side by side. */
static void solve(const double *u, size_t n, double *x)
{
    for (size_t j = 0; j < n; j++) {
        double of[TOGETHER];
        for (size_t c = 0; c < TOGETHER; c++)
            of[c] = x[j * TOGETHER + c] /= u[j * n + j];
        for (size_t i = j + 1; i < n; i++) {
            for (size_t c = 0; c < TOGETHER; c++)
                x[i * TOGETHER + c] -= u[j * n + i] * of[c];
        }
    }
    for (size_t j = n; j-- > 0;) {
        double of[TOGETHER];
        for (size_t c = 0; c < TOGETHER; c++)
            of[c] = x[j * TOGETHER + c];
        for (size_t i = j + 1; i < n; i++) {
            for (size_t c = 0; c < TOGETHER; c++)
                of[c] -= u[j * n + i] * x[i * TOGETHER + c];
        }
        for (size_t c = 0; c < TOGETHER; c++)
            x[j * TOGETHER + c] = of[c] / u[j * n + j];
    }
}

/* The same for `count` vectors of n elements, which begin `apart` elements one after another; space
 * has room for n×TOGETHER. */
static void solve_each(
    const double *u, size_t n, double *x, size_t apart, uint32_t count, double *space)
{
    for (uint32_t first = 0; first < count; first += TOGETHER) {
        const size_t vectors = count - first < TOGETHER ? count - first : TOGETHER;
        double *from = x + first * apart;
        for (size_t j = 0; j < n; j++) {
            for (size_t c = 0; c < TOGETHER; c++)
                space[j * TOGETHER + c] = c < vectors ? from[c * apart + j] : 0.0;
        }
        solve(u, n, space);
        for (size_t c = 0; c < vectors; c++) {
            for (size_t j = 0; j < n; j++)
                from[c * apart + j] = space[j * TOGETHER + c];
        }
    }
}

bool mcl_invert(double *inverse, double *a, size_t n, double *space)
{
    set_identity(inverse, n);
    if (!factorize(a, n, DBL_MIN))
        return false;
    solve_each(a, n, inverse, n, (uint32_t)n, space);
    return true;
}

bool mcl_solve(double *x, double *a, size_t n, double *space)
{
    if (!factorize(a, n, DBL_MIN))
        return false;
    solve_each(a, n, x, n, 1, space);
    return true;
}

uint32_t mcl_preconditioner_step(const mcl_blocks *features)
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

/* Writes the selected rows of a block, the first of them number `first`, times their factors. */
static mcl_status multiply_rows(const struct recipe *recipe, const mcl_blocks *features, cl_mem x,
    uint32_t first, uint32_t rows)
{
    mcl_context *context = features->context;
    const uint32_t columns = features->columns;
    MCL_TRY(mcl_buffer_write(
        context, recipe->factor, 0, recipe->factors + first, rows * sizeof(float)));
    return mcl_run_elements(recipe->multiply, columns, rows, MCL_BUFFER(x), MCL_UINT(columns),
        MCL_UINT(mcl_preconditioner_step(features)), MCL_BUFFER(recipe->factor), MCL_UINT(rows),
        MCL_BUFFER(recipe->scaled));
}

/* product[width×width] = scale · XᵀX of the selected rows' columns first …, with what blocks before
 * have made of it; before: the selected rows of those. */
static mcl_status add_block(cl_mem product, const struct recipe *recipe, const mcl_blocks *features,
    uint32_t b, uint32_t before, uint32_t first, uint32_t width)
{
    const uint32_t step = mcl_preconditioner_step(features), count = selected(features, b, step);
    const uint32_t ld = recipe->factors ? features->columns : step * features->columns;
    const mcl_gemm gemm = {true, false, width, width, count, ld, ld, width, (float)recipe->scale};
    uint32_t rows;
    cl_mem x;
    mcl_product *plan;
    MCL_TRY(mcl_blocks_get(&x, &rows, features, b));
    if (recipe->factors) {
        MCL_TRY(multiply_rows(recipe, features, x, before, count));
        x = recipe->scaled;
    }
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
static mcl_status factorize_run(double *factor, const struct recipe *recipe,
    const mcl_blocks *features, uint32_t first, uint32_t width, cl_mem product, float *host)
{
    const uint32_t step = mcl_preconditioner_step(features);
    const size_t size = (size_t)width * width;
    uint32_t before = 0;
    for (uint32_t b = 0; b < features->count; b++) {
        MCL_TRY(add_block(product, recipe, features, b, before, first, width));
        before += selected(features, b, step);
    }
    MCL_TRY(mcl_buffer_read(features->context, host, product, 0, size * sizeof *host));
    double ridge = recipe->ridge;
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

static uint32_t widest(const mcl_preconditioner *preconditioner)
{
    return preconditioner->columns / preconditioner->runs + 1;
}

static mcl_status fill_runs(mcl_preconditioner *preconditioner, const struct recipe *recipe,
    const mcl_blocks *features, cl_mem product, float *host)
{
    double *factor = preconditioner->factors;
    for (uint32_t r = 0; r < preconditioner->runs; r++) {
        const uint32_t first = start(preconditioner, r);
        const uint32_t width = start(preconditioner, r + 1) - first;
        MCL_TRY(factorize_run(factor, recipe, features, first, width, product, host));
        factor += (size_t)width * width;
    }
    return MCL_OK;
}

static mcl_status fill(
    mcl_preconditioner *preconditioner, const struct recipe *recipe, const mcl_blocks *features)
{
    const uint64_t size = (uint64_t)widest(preconditioner) * widest(preconditioner);
    float *host = NULL;
    cl_mem product = NULL;
    mcl_status status = mcl_allocate(&host, size, sizeof *host);
    if (status == MCL_OK)
        status = mcl_buffer_create(
            &product, features->context, size, sizeof *host, "products of columns");
    if (status == MCL_OK)
        status = fill_runs(preconditioner, recipe, features, product, host);
    free(host);
    mcl_buffer_release(&product);
    return status;
}

uint32_t mcl_preconditioner_selected(const mcl_blocks *features)
{
    uint32_t count = 0;
    for (uint32_t b = 0; b < features->count; b++)
        count += selected(features, b, mcl_preconditioner_step(features));
    return count;
}

mcl_status mcl_preconditioner_create(
    mcl_preconditioner **preconditioner, const mcl_blocks *features, double penalty)
{
    const uint32_t columns = features->columns;
    const struct recipe recipe = {
        .scale = CURVATURE / mcl_preconditioner_selected(features), .ridge = penalty + RIDGE};
    mcl_preconditioner *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->columns = columns;
    created->runs = columns / RUN + (columns % RUN != 0);
    mcl_status status = mcl_allocate(&created->factors, (uint64_t)widest(created) * widest(created),
        (uint64_t)created->runs * sizeof *created->factors);
    if (status == MCL_OK)
        status = mcl_allocate(&created->space, widest(created), TOGETHER * sizeof *created->space);
    if (status == MCL_OK)
        status = fill(created, &recipe, features);
    if (status != MCL_OK)
        mcl_preconditioner_free(created);
    else
        *preconditioner = created;
    return status;
}

mcl_status mcl_preconditioner_renew(mcl_preconditioner *preconditioner, const mcl_blocks *features,
    const float *factors, double ridge)
{
    const uint32_t most = selected(features, 0, mcl_preconditioner_step(features));
    struct recipe recipe = {
        .scale = 1.0 / mcl_preconditioner_selected(features), .ridge = ridge, .factors = factors};
    mcl_status status =
        mcl_kernel_find(&recipe.multiply, features->context, "probe.cl", "scale_rows", "");
    if (status == MCL_OK)
        status = mcl_buffer_create(
            &recipe.scaled, features->context, most, features->columns * sizeof(float), "features");
    if (status == MCL_OK)
        status =
            mcl_buffer_create(&recipe.factor, features->context, most, sizeof(float), "features");
    if (status == MCL_OK)
        status = fill(preconditioner, &recipe, features);
    mcl_buffer_release(&recipe.scaled);
    mcl_buffer_release(&recipe.factor);
    return status;
}

void mcl_preconditioner_free(mcl_preconditioner *preconditioner)
{
    if (!preconditioner)
        return;
    free(preconditioner->factors);
    free(preconditioner->space);
    free(preconditioner);
}

void mcl_precondition(const mcl_preconditioner *preconditioner, double *x, uint32_t count)
{
    const double *factor = preconditioner->factors;
    for (uint32_t r = 0; r < preconditioner->runs; r++) {
        const uint32_t first = start(preconditioner, r);
        const size_t width = start(preconditioner, r + 1) - first;
        solve_each(factor, width, x + first, preconditioner->columns, count, preconditioner->space);
        factor += width * width;
    }
}

double mcl_precondition_bias(double x)
{
    return x / CURVATURE;
}
