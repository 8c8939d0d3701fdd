/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of the objectives that tell a view from others by a softmax: nt-xent, scarf and moco;
 * and that of fine-tuning. */
#include <math.h>

#include "base/rounding.h"
#include "verify/objectives.h"
#include "verify/reference.h"

#define QUEUE 100 /* keys of moco, more than two batches of views */
#define CLASSES 21
#define ROWS 40 /* that have classes */
#define FIRST 3 /* of a batch in their order */

/* log Σ_j exp row_j without number `without`, n being none. */
static float log_sum_exp(const float *row, size_t n, size_t without)
{
    float most = -INFINITY, terms[QUEUE];
    for (size_t j = 0; j < n; j++)
        most = j == without ? most : largest(most, row[j]);
    for (size_t j = 0; j < n; j++)
        terms[j] = j == without ? 0.0f : mcl_host_exp(row[j] - most);
    return most + mcl_host_log(mcl_reference_sum(terms, n));
}

/* Rows of numbers, one in each so far below the others that its softmax is flushed. */
static mcl_status make_rows(
    float **s, cl_mem *buffer, mcl_checker *checker, size_t rows, size_t n, uint64_t seed)
{
    MCL_TRY(mcl_checker_numbers(s, buffer, checker, rows * n, seed));
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < n; j++)
            (*s)[i * n + j] = j == (i + 1) % n ? -79.0f : 5.0f * (*s)[i * n + j];
    }
    return mcl_checker_write(checker, *buffer, *s, rows * n);
}

/* s is symmetric, with similarities as of a temperature of 0.2. */
static void make_similarities(float *s)
{
    for (size_t i = 0; i < R; i++) {
        for (size_t j = 0; j <= i; j++)
            s[i * R + j] = s[j * R + i] = 5.0f * s[i * R + j];
    }
}

static mcl_status check_ntxent(mcl_checker *checker)
{
    const float scale = 0.7f / (float)R;
    float *s, *normalizer, *loss, *expected;
    cl_mem s_buffer, normalizer_buffer, loss_buffer;
    MCL_TRY(mcl_checker_numbers(&s, &s_buffer, checker, R * R, 8));
    MCL_TRY(mcl_checker_result(&normalizer, &normalizer_buffer, checker, R));
    MCL_TRY(mcl_checker_result(&loss, &loss_buffer, checker, R));
    MCL_TRY(mcl_checker_memory(&expected, checker, R * R, sizeof *expected));
    make_similarities(s);
    MCL_TRY(mcl_checker_write(checker, s_buffer, s, R * R));
    for (size_t i = 0; i < R; i++) {
        normalizer[i] = log_sum_exp(s + i * R, R, i);
        loss[i] = normalizer[i] - s[i * R + positive_of(i)];
    }
    for (size_t i = 0; i < R; i++) {
        for (size_t j = 0; j < R; j++) {
            const float value = s[i * R + j], target = j == positive_of(i) ? 2.0f : 0.0f;
            const float both =
                mcl_host_exp(value - normalizer[i]) + mcl_host_exp(value - normalizer[j]);
            expected[i * R + j] = i == j ? 0.0f : mcl_host_flush(scale * (both - target));
        }
    }
    MCL_TRY(mcl_checker_run_rows(checker, "ntxent.cl", "ntxent_rows", "", R, MCL_BUFFER(s_buffer),
        MCL_UINT(R), MCL_BUFFER(normalizer_buffer), MCL_BUFFER(loss_buffer),
        MCL_LOCAL(MCL_ROW_SPACE)));
    MCL_TRY(
        mcl_checker_settle(checker, "ntxent_rows: normalizers", normalizer, normalizer_buffer, R));
    MCL_TRY(mcl_checker_expect(checker, "ntxent_rows: loss", loss, loss_buffer, R));
    MCL_TRY(mcl_checker_run_vectors(checker, "ntxent.cl", "ntxent_backward", "", R, R,
        MCL_BUFFER(s_buffer), MCL_BUFFER(normalizer_buffer), MCL_UINT(R), MCL_FLOAT(scale)));
    MCL_TRY(mcl_checker_expect(checker, "ntxent_backward", expected, s_buffer, R * R));
    mcl_checker_clear(checker);
    return MCL_OK;
}

static mcl_status check_infonce(mcl_checker *checker)
{
    const float scale = 0.7f / (float)B;
    float *s, *normalizer, *loss, *expected;
    cl_mem s_buffer, normalizer_buffer, loss_buffer;
    MCL_TRY(make_rows(&s, &s_buffer, checker, B, B, 30));
    MCL_TRY(mcl_checker_result(&normalizer, &normalizer_buffer, checker, B));
    MCL_TRY(mcl_checker_result(&loss, &loss_buffer, checker, B));
    MCL_TRY(mcl_checker_memory(&expected, checker, B * B, sizeof *expected));
    for (size_t i = 0; i < B; i++) {
        normalizer[i] = log_sum_exp(s + i * B, B, B);
        loss[i] = normalizer[i] - s[i * B + i];
        for (size_t j = 0; j < B; j++)
            expected[i * B + j] = mcl_host_flush(
                scale * (mcl_host_exp(s[i * B + j] - normalizer[i]) - (i == j ? 1.0f : 0.0f)));
    }
    MCL_TRY(mcl_checker_run_rows(checker, "infonce.cl", "infonce_rows", "", B, MCL_BUFFER(s_buffer),
        MCL_UINT(B), MCL_BUFFER(normalizer_buffer), MCL_BUFFER(loss_buffer),
        MCL_LOCAL(MCL_ROW_SPACE)));
    MCL_TRY(
        mcl_checker_settle(checker, "infonce_rows: normalizers", normalizer, normalizer_buffer, B));
    MCL_TRY(mcl_checker_expect(checker, "infonce_rows: loss", loss, loss_buffer, B));
    MCL_TRY(mcl_checker_run_vectors(checker, "infonce.cl", "infonce_backward", "", B, B,
        MCL_BUFFER(s_buffer), MCL_BUFFER(normalizer_buffer), MCL_UINT(B), MCL_FLOAT(scale)));
    MCL_TRY(mcl_checker_expect(checker, "infonce_backward", expected, s_buffer, B * B));
    mcl_checker_clear(checker);
    return MCL_OK;
}

/* What moco is computed from: s[R×QUEUE], queries and keys [R×E]. */
struct moco {
    float *s, *queries, *keys, inverse_temperature, scale;
    cl_mem s_buffer, queries_buffer, keys_buffer;
};

/* The normalizer and the loss of view i, and the part of the gradient that its key has. */
static void moco_row(
    float *normalizer, float *loss, float *gradient, const struct moco *moco, size_t i)
{
    const float *key = moco->keys + positive_of(i) * E;
    const float positive =
        mcl_reference_dot(moco->queries + i * E, key, E) * moco->inverse_temperature;
    const float others = log_sum_exp(moco->s + i * QUEUE, QUEUE, QUEUE);
    const float most = largest(others, positive);
    const float both = mcl_host_exp(others - most) + mcl_host_exp(positive - most);
    *normalizer = most + mcl_host_log(both);
    *loss = *normalizer - positive;
    const float along =
        moco->scale * (mcl_host_exp(positive - *normalizer) - 1.0f) * moco->inverse_temperature;
    for (size_t j = 0; j < E; j++)
        gradient[j] = mcl_host_flush(along * key[j]);
}

static mcl_status check_moco_rows(mcl_checker *checker, const struct moco *moco)
{
    float *normalizer, *loss, *gradient, *expected;
    cl_mem normalizer_buffer, loss_buffer, gradient_buffer;
    MCL_TRY(mcl_checker_result(&normalizer, &normalizer_buffer, checker, R));
    MCL_TRY(mcl_checker_result(&loss, &loss_buffer, checker, R));
    MCL_TRY(mcl_checker_result(&gradient, &gradient_buffer, checker, R * E));
    MCL_TRY(mcl_checker_memory(&expected, checker, R * QUEUE, sizeof *expected));
    for (size_t i = 0; i < R; i++) {
        moco_row(&normalizer[i], &loss[i], gradient + i * E, moco, i);
        for (size_t j = i * QUEUE; j < (i + 1) * QUEUE; j++)
            expected[j] = mcl_host_flush(moco->scale * mcl_host_exp(moco->s[j] - normalizer[i]));
    }
    MCL_TRY(mcl_checker_run_rows(checker, "moco.cl", "moco_rows", "", R, MCL_BUFFER(moco->s_buffer),
        MCL_UINT(QUEUE), MCL_BUFFER(moco->queries_buffer), MCL_BUFFER(moco->keys_buffer),
        MCL_UINT(B), MCL_UINT(E), MCL_FLOAT(moco->inverse_temperature), MCL_FLOAT(moco->scale),
        MCL_BUFFER(normalizer_buffer), MCL_BUFFER(loss_buffer), MCL_BUFFER(gradient_buffer),
        MCL_LOCAL(MCL_ROW_SPACE)));
    MCL_TRY(
        mcl_checker_settle(checker, "moco_rows: normalizers", normalizer, normalizer_buffer, R));
    MCL_TRY(mcl_checker_expect(checker, "moco_rows: loss", loss, loss_buffer, R));
    MCL_TRY(mcl_checker_expect(checker, "moco_rows: gradient", gradient, gradient_buffer, R * E));
    MCL_TRY(mcl_checker_run_vectors(checker, "moco.cl", "moco_backward", "", QUEUE, R,
        MCL_BUFFER(moco->s_buffer), MCL_BUFFER(normalizer_buffer), MCL_UINT(QUEUE),
        MCL_FLOAT(moco->scale)));
    return mcl_checker_expect(checker, "moco_backward", expected, moco->s_buffer, R * QUEUE);
}

/* Steps one after the other, so that the queue's end falls in the middle of one's keys. */
static mcl_status check_moco_enqueue(mcl_checker *checker, const struct moco *moco)
{
    float *queue;
    cl_mem queue_buffer;
    MCL_TRY(mcl_checker_numbers(&queue, &queue_buffer, checker, QUEUE * E, 33));
    for (size_t step = 0; step < 3; step++) {
        const size_t first = step * R % QUEUE;
        for (size_t i = 0; i < R * E; i++)
            queue[(first * E + i) % (QUEUE * E)] = moco->keys[i];
        MCL_TRY(mcl_checker_run_elements(checker, "moco.cl", "moco_enqueue", "", E, R,
            MCL_BUFFER(moco->keys_buffer), MCL_UINT(E), MCL_UINT(first), MCL_UINT(QUEUE),
            MCL_BUFFER(queue_buffer)));
        MCL_TRY(mcl_checker_expect(checker,
            first + R > QUEUE ? "moco_enqueue: over the end" : "moco_enqueue", queue, queue_buffer,
            QUEUE * E));
    }
    return MCL_OK;
}

static mcl_status check_moco(mcl_checker *checker)
{
    struct moco moco = {.inverse_temperature = 1.0f / 0.4f, .scale = 0.7f / (float)R};
    MCL_TRY(make_rows(&moco.s, &moco.s_buffer, checker, R, QUEUE, 31));
    MCL_TRY(mcl_checker_numbers(&moco.queries, &moco.queries_buffer, checker, R * E, 32));
    MCL_TRY(mcl_checker_numbers(&moco.keys, &moco.keys_buffer, checker, R * E, 34));
    make_tiny(moco.keys, R, E);
    /* Every other query is nearer to its key than to all others. */
    for (size_t i = 0; i < R; i += 2) {
        for (size_t j = 0; j < E; j++)
            moco.queries[i * E + j] += 0.5f * moco.keys[positive_of(i) * E + j];
    }
    MCL_TRY(mcl_checker_write(checker, moco.queries_buffer, moco.queries, R * E));
    MCL_TRY(mcl_checker_write(checker, moco.keys_buffer, moco.keys, R * E));
    MCL_TRY(check_moco_rows(checker, &moco));
    MCL_TRY(check_moco_enqueue(checker, &moco));
    mcl_checker_clear(checker);
    return MCL_OK;
}

/* Rows of classes, and their classes by way of an order, as fine-tuning has them. */
struct classes {
    float *z;
    cl_mem z_buffer;
    cl_ulong order[FIRST + B];
    cl_uint of[ROWS];
};

static size_t class_of(const struct classes *classes, size_t i)
{
    return classes->of[classes->order[FIRST + i]];
}

static mcl_status make_classes(struct classes *classes, mcl_checker *checker)
{
    MCL_TRY(make_rows(&classes->z, &classes->z_buffer, checker, B, CLASSES, 35));
    for (size_t i = 0; i < ROWS; i++)
        classes->of[i] = (cl_uint)(1 + i % (CLASSES - 2));
    for (size_t i = 0; i < FIRST + B; i++)
        classes->order[i] = (7 * i + 5) % ROWS;
    /* Row 0 is right although a later class is as likely, row 1 is wrong by an earlier one. */
    float *right = classes->z + class_of(classes, 0);
    float *wrong = classes->z + CLASSES + class_of(classes, 1);
    right[0] = right[1] = wrong[0] = wrong[-1] = 9.0f;
    return mcl_checker_write(checker, classes->z_buffer, classes->z, B * CLASSES);
}

static mcl_status check_cross_entropy(mcl_checker *checker)
{
    const float scale = 1.0f / (float)B;
    struct classes classes;
    float *loss, *right, *gradient;
    cl_mem order_buffer, of_buffer, loss_buffer, right_buffer, gradient_buffer;
    MCL_TRY(make_classes(&classes, checker));
    MCL_TRY(mcl_checker_buffer(&order_buffer, checker, classes.order, sizeof classes.order));
    MCL_TRY(mcl_checker_buffer(&of_buffer, checker, classes.of, sizeof classes.of));
    MCL_TRY(mcl_checker_result(&loss, &loss_buffer, checker, B));
    MCL_TRY(mcl_checker_result(&right, &right_buffer, checker, B));
    MCL_TRY(mcl_checker_result(&gradient, &gradient_buffer, checker, B * CLASSES));
    for (size_t i = 0; i < B; i++) {
        const float *row = classes.z + i * CLASSES;
        const size_t y = class_of(&classes, i);
        const float normalizer = log_sum_exp(row, CLASSES, CLASSES);
        size_t told = 0;
        for (size_t j = 0; j < CLASSES; j++) {
            const float softmax = mcl_host_exp(row[j] - normalizer);
            gradient[i * CLASSES + j] = mcl_host_flush(scale * (softmax - (j == y ? 1.0f : 0.0f)));
            told = row[j] > row[told] ? j : told;
        }
        loss[i] = normalizer - row[y];
        right[i] = told == y ? 1.0f : 0.0f;
    }
    MCL_TRY(mcl_checker_run_rows(checker, "cross_entropy.cl", "cross_entropy", "", B,
        MCL_BUFFER(classes.z_buffer), MCL_UINT(B), MCL_UINT(CLASSES), MCL_BUFFER(order_buffer),
        MCL_ULONG(FIRST), MCL_BUFFER(of_buffer), MCL_FLOAT(scale), MCL_BUFFER(loss_buffer),
        MCL_BUFFER(right_buffer), MCL_BUFFER(gradient_buffer), MCL_LOCAL(MCL_ROW_SPACE)));
    MCL_TRY(mcl_checker_expect(checker, "cross_entropy: loss", loss, loss_buffer, B));
    MCL_TRY(mcl_checker_expect(checker, "cross_entropy: right", right, right_buffer, B));
    MCL_TRY(mcl_checker_expect(
        checker, "cross_entropy: gradient", gradient, gradient_buffer, B * CLASSES));
    mcl_checker_clear(checker);
    return MCL_OK;
}

mcl_status mcl_check_softmaxes(mcl_checker *checker)
{
    MCL_TRY(check_ntxent(checker));
    MCL_TRY(check_infonce(checker));
    MCL_TRY(check_moco(checker));
    return check_cross_entropy(checker);
}
