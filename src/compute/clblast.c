/* SPDX-License-Identifier: Apache-2.0 */
/* The product by CLBlast, which is not believed: what its table of parameters says is checked
 * before use, and the first product of each number of rows is compared with sums on the host. A
 * plan that fails either way is replaced by a native one (compute/product.c). */
#include <clblast_c.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "compute/providers.h"
#include "device/pace.h"
#include "device/profile.h"

#define RATE_LEAST 2e9 /* operations a second of a compute unit */
#define ROWS_STEP 64u  /* rows of C that a call has a multiple of */

#define SAMPLE 8       /* rows and columns whose common elements are compared */
#define CHECKED_ROWS 4 /* numbers of rows of a plan that are compared */
#define ATTEMPTS 16 /* runs that are looked at while operands have nothing to compare, as zeros */

/* What a context has of CLBlast; attached to it. */
struct clblast {
    mcl_context *context;
    cl_mem workspace; /* CLBlast's copies of operands, as large as the largest plan's; or NULL */
    size_t bytes;
    bool is_small; /* the parameters that every device has room for are set */
};

static const char clblast_key;

/* What a plan learns as it is run. */
struct trust {
    uint32_t rows[CHECKED_ROWS]; /* that were compared */
    uint32_t attempts;
};

struct plan {
    mcl_context *context;
    mcl_gemm gemm;
    struct clblast *clblast;
    struct mcl_tuning *tuning; /* NULL: there was no memory for one */
    struct trust *trust;
    mcl_epilogue_pass epilogue;
};

static void release_clblast(void *state)
{
    struct clblast *clblast = state;
    mcl_buffer_release(&clblast->workspace);
    free(clblast);
    (void)CLBlastClearCache(); /* programs and kernels of the context, which they keep alive */
}

static mcl_status clblast_of(struct clblast **clblast, mcl_context *context)
{
    struct clblast *created;
    *clblast = mcl_context_attached(context, &clblast_key);
    if (*clblast)
        return MCL_OK;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    const mcl_status status = mcl_context_attach(context, &clblast_key, created, release_clblast);
    if (status == MCL_OK)
        *clblast = created;
    else
        free(created);
    return status;
}

/* Sets a kernel's parameters: CLBlast keeps them by device, for all its users in this process. */
static CLBlastStatusCode set_kernel(
    const mcl_context *context, size_t which, const size_t values[MCL_CLBLAST_PARAMETERS_MAX])
{
    const mcl_clblast_kernel *kernel = &mcl_clblast_kernels[which];
    const char *names[MCL_CLBLAST_PARAMETERS_MAX];
    memcpy(names, kernel->parameters, sizeof names);
    return CLBlastOverrideParameters(
        context->device, kernel->name, CLBlastPrecisionSingle, kernel->count, names, values);
}

static mcl_status set_tuned(const mcl_context *context, struct mcl_tuning *tuning)
{
    if (!tuning || tuning->clblast_is_set)
        return MCL_OK;
    for (size_t i = 0; i < MCL_CLBLAST_KERNELS; i++) {
        if (!tuning->has_clblast[i])
            continue;
        const CLBlastStatusCode code = set_kernel(context, i, tuning->clblast[i]);
        if (code != CLBlastSuccess)
            return mcl_fail(MCL_ERROR_DEVICE,
                "%s: CLBlast does not take the tuned parameters of %s (%d)", context->info.name,
                mcl_clblast_kernels[i].name, code);
    }
    tuning->clblast_is_set = true;
    return MCL_OK;
}

/* Groups of 64 work-items with 8 KB of local memory, and as many with 3 KB. */
static const size_t small_indirect[MCL_CLBLAST_PARAMETERS_MAX] = {
    0, 1, 32, 2, 8, 8, 32, 8, 8, 32, 1, 1, 0, 0, 4, 4};
static const size_t small_direct[MCL_CLBLAST_PARAMETERS_MAX] = {2, 8, 8, 8, 8, 1, 1, 1, 1, 16};

/* The floats of workspace for a product of matrices without padding, all of which begin at offset;
 * false where CLBlast does not say. */
static bool workspace_of(
    uint64_t *floats, const mcl_context *context, size_t m, size_t n, size_t k, size_t offset)
{
    cl_command_queue queue = context->queue;
    size_t bytes = 0;
    const CLBlastStatusCode code =
        CLBlastSGemmTempBufferSize(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeNo, m,
            n, k, offset, k, offset, n, offset, n, &queue, &bytes);
    *floats = bytes / sizeof(float);
    return code == CLBlastSuccess;
}

/* Whether the parameters of the indirect kernel are known to be right. Versions before 1.6.3 write
 * outside their buffers where GEMMK is 1 and MWG is not NWG, as their own table has it for some
 * devices (https://github.com/CNugteren/CLBlast/pull/542). CLBlast's C interface does not tell its
 * parameters, but the workspace that it asks for does: matrices that are copied are padded to
 * multiples of the tile, and those that suit the kernel are not copied. With GEMMK 1 it takes
 * row-major matrices as they are, else it transposes C. The sizes are too large for the direct
 * kernel, whatever XGEMM_MIN_INDIRECT_SIZE says. */
static bool is_right(const mcl_context *context)
{
    const uint64_t side = (uint64_t)15 << 17, wide = (uint64_t)15 << 26;
    uint64_t suiting, one_row, one_column;
    if (sizeof(size_t) < sizeof(uint64_t) ||
        !workspace_of(&suiting, context, side, side, side, 0) ||
        !workspace_of(&one_row, context, 1, wide, wide, 1) ||
        !workspace_of(&one_column, context, wide, 1, wide, 1))
        return false;
    /* rows·k + k·n + rows·n, and k·columns in place of k·n: the padded numbers follow */
    const uint64_t rows = (one_row - wide * wide) / (2 * wide);
    const uint64_t columns = (one_column - wide * wide) / (2 * wide);
    return suiting > 0 || rows == columns;
}

/* Takes the parameters that every device has room for. False where that has been done. */
static bool make_small(struct clblast *clblast)
{
    if (clblast->is_small ||
        set_kernel(clblast->context, MCL_CLBLAST_INDIRECT, small_indirect) != CLBlastSuccess ||
        set_kernel(clblast->context, MCL_CLBLAST_DIRECT, small_direct) != CLBlastSuccess)
        return false;
    clblast->is_small = true;
    return true;
}

static CLBlastTranspose transpose_of(bool transposed)
{
    return transposed ? CLBlastTransposeYes : CLBlastTransposeNo;
}

/* Sees to a workspace for every run of a plan: its offsets, and fewer rows, may make CLBlast copy
 * what it would not copy of this. */
static mcl_status make_workspace(const struct plan *plan)
{
    const mcl_gemm *gemm = &plan->gemm;
    struct clblast *clblast = plan->clblast;
    mcl_context *context = plan->context;
    size_t bytes = 0;
    const CLBlastStatusCode code = CLBlastSGemmTempBufferSize(CLBlastLayoutRowMajor,
        transpose_of(gemm->transpose_a), transpose_of(gemm->transpose_b), gemm->m, gemm->n, gemm->k,
        1, gemm->lda, 1, gemm->ldb, 1, gemm->ldc, &context->queue, &bytes);
    if (code != CLBlastSuccess)
        return mcl_fail(MCL_ERROR_DEVICE,
            "%s: CLBlast has no workspace for a product of %u × %u × %u: %s (%d)",
            context->info.name, gemm->m, gemm->n, gemm->k, mcl_opencl_error_name(code), code);
    if (bytes <= clblast->bytes)
        return MCL_OK;
    mcl_buffer_release(&clblast->workspace);
    clblast->bytes = 0;
    MCL_TRY(mcl_buffer_create(&clblast->workspace, context, bytes, 1, "workspace of CLBlast"));
    clblast->bytes = bytes;
    return MCL_OK;
}

static mcl_status create(
    void *of, mcl_context *context, const mcl_gemm *gemm, const mcl_epilogue *epilogue)
{
    struct plan *plan = of;
    *plan = (struct plan){.context = context, .gemm = *gemm, .tuning = mcl_tuning_of(context)};
    MCL_TRY(clblast_of(&plan->clblast, context));
    MCL_TRY(mcl_allocate(&plan->trust, 1, sizeof *plan->trust));
    MCL_TRY(set_tuned(context, plan->tuning));
    if (!is_right(context) &&
        set_kernel(context, MCL_CLBLAST_INDIRECT, small_indirect) != CLBlastSuccess)
        return mcl_fail(MCL_ERROR_DEVICE,
            "%s: CLBlast's parameters for the device are wrong, and it takes no others",
            context->info.name);
    MCL_TRY(make_workspace(plan));
    return mcl_epilogue_find(&plan->epilogue, context, gemm->m, gemm->n, gemm->ldc, epilogue);
}

static void forget(void *of)
{
    const struct plan *plan = of;
    free(plan->trust);
}

/* How many rows of C a call has. CLBlast's launches cannot be divided: where they must be short its
 * calls are, by the work alone, so that runs have the same bits, at a rate that any GPU has. */
static uint32_t rows_at_once(const mcl_context *context, const mcl_gemm *gemm, uint32_t rows)
{
    const double work = RATE_LEAST * (double)context->info.compute_units * MCL_PACE_SECONDS;
    const double most = work / (2.0 * (double)gemm->n * (double)gemm->k) / ROWS_STEP;
    if (!context->paced || most * ROWS_STEP >= (double)rows)
        return rows;
    return most < 1.0 ? ROWS_STEP : (uint32_t)most * ROWS_STEP;
}

/* Enqueues count rows of the product from the first on. */
static CLBlastStatusCode multiply_rows(
    const struct plan *plan, const mcl_operands *x, uint32_t first, uint32_t count, cl_event *event)
{
    const mcl_gemm *gemm = &plan->gemm;
    const uint64_t of_a = gemm->transpose_a ? first : (uint64_t)first * gemm->lda;
    return CLBlastSgemmWithTempBuffer(CLBlastLayoutRowMajor, transpose_of(gemm->transpose_a),
        transpose_of(gemm->transpose_b), count, gemm->n, gemm->k, gemm->alpha, x->a.buffer,
        x->a.offset + of_a, gemm->lda, x->b.buffer, x->b.offset, gemm->ldb, x->beta, x->c.buffer,
        x->c.offset + (uint64_t)first * gemm->ldc, gemm->ldc, &plan->context->queue, event,
        plan->clblast->workspace);
}

static CLBlastStatusCode multiply(const struct plan *plan, const mcl_operands *x)
{
    mcl_context *context = plan->context;
    const uint32_t rows = rows_at_once(context, &plan->gemm, x->m);
    CLBlastStatusCode code = CLBlastSuccess;
    for (uint32_t first = 0; first < x->m && code == CLBlastSuccess; first += rows) {
        const uint32_t count = x->m - first < rows ? x->m - first : rows;
        const bool last = first + count == x->m;
        code = multiply_rows(plan, x, first, count, last ? mcl_profile_event(context) : NULL);
        if (!last && code == CLBlastSuccess)
            code = (CLBlastStatusCode)clFlush(context->queue);
    }
    return code;
}

static bool is_tried(const struct plan *plan)
{
    return plan->tuning && plan->tuning->clblast_is_tried;
}

/* Multiplies; where the device has no room for a kernel, with parameters for which it has. Plans
 * that were made before these were taken may need a larger workspace with them. */
static mcl_status multiply_somehow(const struct plan *plan, const mcl_operands *x)
{
    CLBlastStatusCode code = multiply(plan, x);
    if (code != CLBlastSuccess && !is_tried(plan) &&
        (make_small(plan->clblast) || code == CLBlastInsufficientMemoryTemp)) {
        MCL_TRY(make_workspace(plan));
        code = multiply(plan, x);
    }
    if (code == CLBlastSuccess)
        return MCL_OK;
    return mcl_fail(MCL_ERROR_DEVICE, "%s: CLBlast's product of %u × %u × %u failed: %s (%d)",
        plan->context->info.name, x->m, plan->gemm.n, plan->gemm.k, mcl_opencl_error_name(code),
        code);
}

/* Number `place` of the rows or columns that are compared, the first and the last among them. */
static uint32_t sample(uint32_t count, uint32_t place)
{
    return count <= SAMPLE ? place : (uint32_t)((uint64_t)(count - 1) * place / (SAMPLE - 1));
}

static uint32_t sample_count(uint32_t count)
{
    return count < SAMPLE ? count : SAMPLE;
}

/* Reads elements of a matrix, each `stride` after the one before. Not a part of a profile. */
static cl_int read_line(float *values, const struct plan *plan, mcl_matrix from, uint64_t first,
    uint32_t count, uint32_t stride)
{
    const size_t size = sizeof(float);
    const size_t origin[3] = {(size_t)(from.offset + first) * size, 0, 0}, zero[3] = {0, 0, 0};
    const size_t region[3] = {size, count, 1};
    if (stride == 1 || count == 1)
        return clEnqueueReadBuffer(plan->context->queue, from.buffer, CL_TRUE, origin[0],
            count * size, values, 0, NULL, NULL);
    /* rows of one float: the origin within a row of the buffer is what is left of the offset */
    const size_t pitch = (size_t)stride * size;
    const size_t start[3] = {origin[0] % pitch, origin[0] / pitch, 0};
    return clEnqueueReadBufferRect(plan->context->queue, from.buffer, CL_TRUE, start, zero, region,
        pitch, 0, size, 0, values, 0, NULL, NULL);
}

/* The sample of a product: rows of op(A), columns of op(B), and the elements of C where they meet.
 */
struct sample {
    uint32_t rows, columns;
    float *a, *b; /* [rows×k], [columns×k] */
    float before[SAMPLE][SAMPLE], after[SAMPLE][SAMPLE];
};

static mcl_status read_c(
    float values[SAMPLE][SAMPLE], const struct plan *plan, const mcl_operands *x)
{
    const mcl_gemm *gemm = &plan->gemm;
    for (uint32_t i = 0; i < sample_count(x->m); i++) {
        for (uint32_t j = 0; j < sample_count(gemm->n); j++) {
            const uint64_t at = (uint64_t)sample(x->m, i) * gemm->ldc + sample(gemm->n, j);
            const cl_int code = read_line(&values[i][j], plan, x->c, at, 1, 1);
            if (code != CL_SUCCESS)
                return mcl_context_fail(plan->context, "reading a product", code);
        }
    }
    return MCL_OK;
}

static mcl_status read_operands(struct sample *s, const struct plan *plan, const mcl_operands *x)
{
    const mcl_gemm *gemm = &plan->gemm;
    cl_int code = CL_SUCCESS;
    for (uint32_t i = 0; i < s->rows && code == CL_SUCCESS; i++) {
        const uint64_t row = sample(x->m, i);
        code = read_line(s->a + (uint64_t)i * gemm->k, plan, x->a,
            gemm->transpose_a ? row : row * gemm->lda, gemm->k, gemm->transpose_a ? gemm->lda : 1);
    }
    for (uint32_t j = 0; j < s->columns && code == CL_SUCCESS; j++) {
        const uint64_t column = sample(gemm->n, j);
        code = read_line(s->b + (uint64_t)j * gemm->k, plan, x->b,
            gemm->transpose_b ? column * gemm->ldb : column, gemm->k,
            gemm->transpose_b ? 1 : gemm->ldb);
    }
    return code == CL_SUCCESS
               ? MCL_OK
               : mcl_context_fail(plan->context, "reading a product's operands", code);
}

/* Compares an element with the sum that it should be; *meaning = whether that says anything. An
 * order of the sum, and rounding of products or none, moves it by γ = (k + 2)·2⁻²⁴ of the sum of
 * magnitudes at most (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), and
 * each flush of a subnormal by the least normal number. Twice that is allowed. */
static bool is_close(bool *meaning, const struct plan *plan, const struct sample *s, float beta,
    uint32_t i, uint32_t j)
{
    const uint32_t k = plan->gemm.k;
    const float *a = s->a + (uint64_t)i * k, *b = s->b + (uint64_t)j * k;
    const double alpha = plan->gemm.alpha,
                 kept = beta == 0.0f ? 0.0 : beta * (double)s->before[i][j];
    double sum = 0.0, magnitude = 0.0;
    for (uint32_t l = 0; l < k; l++) {
        const double product = (double)a[l] * b[l];
        sum += product;
        magnitude += fabs(product);
    }
    const double all = fabs(alpha) * magnitude + fabs(kept);
    *meaning =
        magnitude > 0.0 && all < (double)FLT_MAX / 2.0; /* neither zeros, NaN nor infinities */
    const double bound = ((double)k + 2.0) * ((double)FLT_EPSILON * all + 2.0 * (double)FLT_MIN);
    return !*meaning || fabs(s->after[i][j] - (alpha * sum + kept)) <= bound;
}

static mcl_status compare(
    bool *meaning, const struct plan *plan, const mcl_operands *x, const struct sample *s)
{
    *meaning = false;
    for (uint32_t i = 0; i < s->rows; i++) {
        for (uint32_t j = 0; j < s->columns; j++) {
            bool here;
            if (!is_close(&here, plan, s, x->beta, i, j))
                return mcl_fail(MCL_ERROR_DEVICE,
                    "%s: CLBlast's product of %u × %u × %u is wrong: element %u, %u is %.9g",
                    plan->context->info.name, x->m, plan->gemm.n, plan->gemm.k, sample(x->m, i),
                    sample(plan->gemm.n, j), (double)s->after[i][j]);
            *meaning = *meaning || here;
        }
    }
    return MCL_OK;
}

/* Whether a run of so many rows is to be compared. */
static bool is_new(const struct plan *plan, uint32_t rows)
{
    if (is_tried(plan) || plan->trust->attempts >= ATTEMPTS)
        return false;
    for (size_t i = 0; i < CHECKED_ROWS; i++) {
        if (plan->trust->rows[i] == rows)
            return false;
    }
    return plan->trust->rows[CHECKED_ROWS - 1] == 0;
}

static void note(struct trust *trust, uint32_t rows, bool meaning)
{
    size_t i = 0;
    trust->attempts += !meaning;
    while (i < CHECKED_ROWS && trust->rows[i])
        i++;
    if (meaning && i < CHECKED_ROWS) {
        trust->rows[i] = rows;
        trust->attempts = 0;
    }
}

/* What C holds before, on the host, where a run adds to it and may have to be done again. */
static mcl_status save(
    float **saved, uint64_t *floats, const struct plan *plan, const mcl_operands *x)
{
    *saved = NULL;
    *floats = (uint64_t)(x->m - 1) * plan->gemm.ldc + plan->gemm.n;
    if (x->beta == 0.0f)
        return MCL_OK;
    MCL_TRY(mcl_allocate(saved, *floats, sizeof(float)));
    const cl_int code = clEnqueueReadBuffer(plan->context->queue, x->c.buffer, CL_TRUE,
        x->c.offset * sizeof(float), *floats * sizeof(float), *saved, 0, NULL, NULL);
    return code == CL_SUCCESS ? MCL_OK : mcl_context_fail(plan->context, "reading a product", code);
}

static void restore(
    const float *saved, uint64_t floats, const struct plan *plan, const mcl_operands *x)
{
    if (saved)
        (void)clEnqueueWriteBuffer(plan->context->queue, x->c.buffer, CL_TRUE,
            x->c.offset * sizeof(float), floats * sizeof(float), saved, 0, NULL, NULL);
}

static mcl_status multiply_and_compare(
    struct sample *s, const struct plan *plan, const mcl_operands *x)
{
    const uint64_t k = plan->gemm.k;
    bool meaning;
    s->rows = sample_count(x->m);
    s->columns = sample_count(plan->gemm.n);
    MCL_TRY(mcl_allocate(&s->a, s->rows * k, sizeof(float)));
    MCL_TRY(mcl_allocate(&s->b, s->columns * k, sizeof(float)));
    MCL_TRY(read_operands(s, plan, x));
    if (x->beta != 0.0f)
        MCL_TRY(read_c(s->before, plan, x));
    MCL_TRY(multiply_somehow(plan, x));
    MCL_TRY(read_c(s->after, plan, x));
    MCL_TRY(compare(&meaning, plan, x, s));
    note(plan->trust, x->m, meaning);
    return MCL_OK;
}

/* The first run: C is as before where it fails. */
static mcl_status first_run(const struct plan *plan, const mcl_operands *x)
{
    struct sample s = {0};
    float *saved;
    uint64_t floats;
    mcl_status status = save(&saved, &floats, plan, x);
    if (status == MCL_OK) {
        status = multiply_and_compare(&s, plan, x);
        if (status != MCL_OK)
            restore(saved, floats, plan, x);
    }
    free(s.a);
    free(s.b);
    free(saved);
    return status;
}

static mcl_status run(const void *of, const mcl_operands *x)
{
    const struct plan *plan = of;
    MCL_TRY(is_new(plan, x->m) ? first_run(plan, x) : multiply_somehow(plan, x));
    mcl_product_record(plan->context, &plan->gemm, x->m);
    MCL_TRY(mcl_profile_command(plan->context, NULL, NULL, true));
    return mcl_epilogue_apply(&plan->epilogue, x);
}

/* Each candidate makes CLBlast compile all its kernels anew, so that they are few: those that
 * CLBlast's own database has most often, and for CPUs those that did best in trials. Its direct
 * kernel with vectors makes PoCL 3.1 crash or compile without end: on CPUs only the indirect one is
 * searched. GEMMK 1 needs MWG = NWG: else CLBlast before 1.6.3 reads where there is nothing, and
 * Intel's CPU runtime crashes. Parameters are in the order of mcl_clblast_kernels; the best guesses
 * come first. */
static const size_t cpu_indirect[][MCL_CLBLAST_PARAMETERS_MAX] = {
    /* by turns for compilers that want vectors, and for those that join work-items to vectors */
    {1, 8, 1, 1, 1, 1, 16, 1, 1, 16, 0, 0, 0, 0, 8, 8},
    {1, 1, 1, 1, 16, 16, 16, 1, 1, 16, 0, 0, 0, 0, 1, 1},
    {1, 8, 1, 1, 2, 2, 16, 2, 2, 16, 0, 0, 0, 0, 8, 8},
    {1, 1, 1, 1, 8, 8, 16, 1, 1, 16, 0, 0, 0, 0, 1, 1},
    {1, 4, 1, 1, 4, 4, 32, 4, 4, 32, 0, 0, 0, 0, 4, 4},
    {1, 1, 1, 1, 16, 16, 32, 2, 2, 32, 0, 0, 0, 0, 1, 1},
    {1, 4, 1, 1, 1, 1, 8, 1, 1, 8, 0, 0, 0, 0, 4, 4},
    {1, 1, 1, 1, 16, 16, 64, 4, 4, 64, 0, 0, 0, 0, 1, 1},
};
static const size_t gpu_indirect[][MCL_CLBLAST_PARAMETERS_MAX] = {
    {0, 1, 32, 2, 16, 16, 64, 8, 8, 64, 1, 1, 0, 0, 4, 4},
    {0, 1, 32, 2, 8, 8, 32, 8, 8, 32, 1, 1, 0, 0, 4, 4},
    {0, 1, 32, 2, 8, 8, 64, 32, 16, 128, 1, 1, 1, 1, 2, 2},
    {0, 1, 32, 2, 16, 16, 64, 8, 8, 64, 0, 0, 0, 0, 4, 4},
    {1, 4, 1, 1, 16, 16, 64, 8, 8, 64, 0, 0, 0, 0, 4, 4},
    {0, 1, 32, 2, 8, 8, 128, 32, 16, 128, 1, 1, 1, 1, 4, 4},
    {0, 1, 32, 2, 8, 8, 32, 16, 16, 64, 1, 1, 0, 0, 4, 4},
    {0, 1, 16, 2, 8, 8, 32, 8, 16, 128, 1, 0, 1, 1, 4, 8},
    {0, 1, 32, 2, 16, 16, 64, 8, 8, 32, 1, 1, 0, 0, 4, 4},
    {0, 1, 32, 2, 16, 16, 64, 8, 8, 128, 0, 0, 1, 0, 2, 4},
    {0, 1, 32, 2, 16, 16, 128, 16, 8, 64, 1, 1, 1, 0, 4, 1},
    {0, 1, 32, 2, 16, 16, 64, 32, 8, 128, 0, 1, 1, 0, 1, 2},
    {1, 16, 1, 1, 16, 16, 64, 8, 8, 64, 0, 0, 0, 0, 2, 8},
    {0, 1, 32, 2, 8, 8, 16, 8, 8, 32, 1, 1, 0, 0, 2, 4},
};
static const size_t gpu_direct[][MCL_CLBLAST_PARAMETERS_MAX] = {
    {2, 8, 8, 8, 8, 1, 1, 4, 4, 32},
    {2, 16, 16, 8, 8, 1, 1, 2, 4, 32},
    {2, 8, 8, 8, 8, 1, 1, 1, 1, 16},
    {2, 16, 8, 8, 16, 1, 1, 2, 1, 64},
    {8, 16, 8, 16, 8, 1, 0, 2, 2, 32},
    {8, 32, 16, 8, 8, 1, 0, 1, 4, 32},
    {2, 8, 8, 8, 8, 1, 1, 4, 2, 32},
    {2, 16, 16, 8, 8, 1, 1, 1, 1, 16},
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void add(mcl_candidates *candidates, size_t kernel,
    const size_t (*values)[MCL_CLBLAST_PARAMETERS_MAX], size_t count)
{
    for (size_t i = 0; i < count && candidates->count < MCL_CANDIDATES_MAX; i++) {
        mcl_candidate *candidate = &candidates->list[candidates->count++];
        candidate->clblast.kernel = kernel;
        memcpy(candidate->clblast.values, values[i], sizeof values[i]);
    }
}

static void add_candidates(mcl_candidates *candidates, const mcl_context *context, bool quick)
{
    if (context->info.type == MCL_DEVICE_CPU) {
        add(candidates, MCL_CLBLAST_INDIRECT, cpu_indirect, quick ? 2 : COUNT(cpu_indirect));
        return;
    }
    add(candidates, MCL_CLBLAST_DIRECT, gpu_direct, quick ? 2 : COUNT(gpu_direct));
    add(candidates, MCL_CLBLAST_INDIRECT, gpu_indirect, quick ? 3 : COUNT(gpu_indirect));
}

const mcl_product_provider mcl_product_clblast = {
    .kind = MCL_GEMM_CLBLAST,
    .plan_size = sizeof(struct plan),
    .create = create,
    .free = forget,
    .run = run,
    .candidates = add_candidates,
};
