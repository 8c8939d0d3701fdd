/* SPDX-License-Identifier: Apache-2.0 */
/* What the checks of mcl_verify() share: memory, comparisons and reports. */
#ifndef MASKCL_VERIFY_CHECKER_H
#define MASKCL_VERIFY_CHECKER_H

#include "device/context.h"
#include "maskcl/verify.h"

#define MCL_CHECKER_MOST 32

typedef struct mcl_checker {
    mcl_context *context;
    void (*report)(const mcl_check *check, void *user);
    void *user;
    const char *stage;
    mcl_verdict verdict;
    char first[128]; /* the first kernel that differs, with its stage */
    struct {         /* operations that differ, each of which explains other differences */
        bool fma, operations, separate, division;
    } wrong;
    void *memory[MCL_CHECKER_MOST]; /* of the check under way, until mcl_checker_clear() */
    cl_mem buffers[MCL_CHECKER_MOST];
    size_t memory_count, buffer_count;
} mcl_checker;

/* The stages in the order in which they are run, each with all its checks. */
mcl_status mcl_check_arithmetic(mcl_checker *checker);
mcl_status mcl_check_functions(mcl_checker *checker);
mcl_status mcl_check_random(mcl_checker *checker);
mcl_status mcl_check_views(mcl_checker *checker);
mcl_status mcl_check_products(mcl_checker *checker);
mcl_status mcl_check_convolutions(mcl_checker *checker);
mcl_status mcl_check_sums(mcl_checker *checker);
mcl_status mcl_check_layers(mcl_checker *checker);
mcl_status mcl_check_groups(mcl_checker *checker); /* of that stage the group normalization */
mcl_status mcl_check_maps(mcl_checker *checker);
mcl_status mcl_check_cosines(mcl_checker *checker);
mcl_status mcl_check_softmaxes(mcl_checker *checker);
mcl_status mcl_check_correlations(mcl_checker *checker);
mcl_status mcl_check_errors(mcl_checker *checker);
mcl_status mcl_check_sigreg(mcl_checker *checker);
mcl_status mcl_check_optimizers(mcl_checker *checker);
mcl_status mcl_check_runs(mcl_checker *checker);

/* *memory = count × size bytes of zeros; MCL_CHECKER_MOST of them at most. */
mcl_status mcl_checker_memory(void *memory, mcl_checker *checker, size_t count, size_t size);

/* *values = count numbers in [−1,1), another series for each seed. */
mcl_status mcl_checker_values(float **values, mcl_checker *checker, size_t count, uint64_t seed);

/* *buffer = a copy of so many bytes on the device. */
mcl_status mcl_checker_buffer(
    cl_mem *buffer, mcl_checker *checker, const void *values, size_t bytes);

/* The same numbers on the host and on the device: random ones, or zeros, as room for a result. */
mcl_status mcl_checker_numbers(
    float **values, cl_mem *buffer, mcl_checker *checker, size_t count, uint64_t seed);
mcl_status mcl_checker_result(float **values, cl_mem *buffer, mcl_checker *checker, size_t count);

/* Lets the device have what has become of them on the host. */
mcl_status mcl_checker_write(
    mcl_checker *checker, cl_mem buffer, const float *values, size_t count);

/* Releases all of these. */
void mcl_checker_clear(mcl_checker *checker);

/* Compares count 4-byte words with those in got, and reports the kernel. describe, which may be
 * NULL, writes where the first one is that differs: by default "element FIRST". *agrees, unless
 * that is NULL, says whether there is none. */
mcl_status mcl_checker_compare(mcl_checker *checker, const char *kernel, const void *expected,
    cl_mem got, size_t count, void (*describe)(char place[96], size_t first, const void *state),
    const void *state, bool *agrees);

/* The same without the last three. */
mcl_status mcl_checker_expect(
    mcl_checker *checker, const char *kernel, const void *expected, cl_mem got, size_t count);

/* The same, after which the device has what was expected, for the kernels that go on from there. */
mcl_status mcl_checker_settle(
    mcl_checker *checker, const char *kernel, const float *expected, cl_mem got, size_t count);

/* Finds a kernel that will be run, so that all that a check has found are built together. */
mcl_status mcl_checker_find(
    mcl_checker *checker, const char *file, const char *kernel, const char *options);

/* Enqueues a kernel of cl/file, as mcl_run() and mcl_kernel_find() have it. */
mcl_status mcl_checker_enqueue(mcl_checker *checker, const char *file, const char *kernel,
    const char *options, const size_t size[2], const mcl_argument *arguments, size_t count);

#define mcl_checker_run(checker, file, kernel, options, x, y, ...)                                 \
    mcl_checker_enqueue(                                                                           \
        checker, file, kernel, options, (const size_t[2]){(x), (y)}, MCL_ARGUMENTS(__VA_ARGS__))

/* The same for a matrix of so many columns and rows, size, as mcl_run_rows() and the like have it.
 */
mcl_status mcl_checker_enqueue_mapped(mcl_checker *checker, const char *file, const char *kernel,
    const char *options, mcl_mapping mapping, const size_t size[2], const mcl_argument *arguments,
    size_t count);

#define mcl_checker_run_mapped(checker, file, kernel, options, mapping, columns, rows, ...)        \
    mcl_checker_enqueue_mapped(checker, file, kernel, options, mapping,                            \
        (const size_t[2]){(columns), (rows)}, MCL_ARGUMENTS(__VA_ARGS__))
#define mcl_checker_run_rows(checker, file, kernel, options, rows, ...)                            \
    mcl_checker_run_mapped(checker, file, kernel, options, MCL_MAP_ROWS, 1, rows, __VA_ARGS__)
#define mcl_checker_run_columns(checker, file, kernel, options, columns, blocks, ...)              \
    mcl_checker_run_mapped(                                                                        \
        checker, file, kernel, options, MCL_MAP_COLUMNS, columns, blocks, __VA_ARGS__)
#define mcl_checker_run_elements(checker, file, kernel, options, columns, rows, ...)               \
    mcl_checker_run_mapped(                                                                        \
        checker, file, kernel, options, MCL_MAP_ELEMENTS, columns, rows, __VA_ARGS__)
#define mcl_checker_run_vectors(checker, file, kernel, options, columns, rows, ...)                \
    mcl_checker_run_mapped(                                                                        \
        checker, file, kernel, options, MCL_MAP_VECTORS, columns, rows, __VA_ARGS__)

/* Counts and reports a check whose stage is not set yet. */
void mcl_checker_report(mcl_checker *checker, mcl_check *check);

/* "3f800000 (1)" */
void mcl_checker_show(char text[40], float value);

#endif
