/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/checker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

mcl_status mcl_checker_memory(void *memory, mcl_checker *checker, size_t count, size_t size)
{
    if (checker->memory_count == MCL_CHECKER_MOST)
        return mcl_fail(MCL_ERROR_MEMORY, "a check has more than %d arrays", MCL_CHECKER_MOST);
    void *allocated;
    MCL_TRY(mcl_allocate(&allocated, count, size));
    checker->memory[checker->memory_count++] = allocated;
    memcpy(memory, &allocated, sizeof allocated);
    return MCL_OK;
}

mcl_status mcl_checker_values(float **values, mcl_checker *checker, size_t count, uint64_t seed)
{
    uint32_t words[4];
    MCL_TRY(mcl_checker_memory(values, checker, count, sizeof **values));
    for (size_t i = 0; i < count; i++) {
        if (i % 4 == 0)
            mcl_random_words(words, seed, MCL_STREAM_DATA, 0, 0, 0, (uint32_t)(i / 4));
        (*values)[i] = (float)(int32_t)words[i % 4] * 0x1p-31f;
    }
    return MCL_OK;
}

mcl_status mcl_checker_buffer(
    cl_mem *buffer, mcl_checker *checker, const void *values, size_t bytes)
{
    if (checker->buffer_count == MCL_CHECKER_MOST)
        return mcl_fail(MCL_ERROR_MEMORY, "a check has more than %d buffers", MCL_CHECKER_MOST);
    MCL_TRY(mcl_buffer_create_from(buffer, checker->context, values, bytes, 1, "a check"));
    checker->buffers[checker->buffer_count++] = *buffer;
    return MCL_OK;
}

mcl_status mcl_checker_numbers(
    float **values, cl_mem *buffer, mcl_checker *checker, size_t count, uint64_t seed)
{
    MCL_TRY(mcl_checker_values(values, checker, count, seed));
    return mcl_checker_buffer(buffer, checker, *values, count * sizeof **values);
}

mcl_status mcl_checker_result(float **values, cl_mem *buffer, mcl_checker *checker, size_t count)
{
    MCL_TRY(mcl_checker_memory(values, checker, count, sizeof **values));
    return mcl_checker_buffer(buffer, checker, *values, count * sizeof **values);
}

mcl_status mcl_checker_write(mcl_checker *checker, cl_mem buffer, const float *values, size_t count)
{
    return mcl_buffer_write(checker->context, buffer, 0, values, count * sizeof *values);
}

void mcl_checker_clear(mcl_checker *checker)
{
    while (checker->memory_count)
        free(checker->memory[--checker->memory_count]);
    while (checker->buffer_count)
        mcl_buffer_release(&checker->buffers[--checker->buffer_count]);
}

void mcl_checker_show(char text[40], float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    snprintf(text, 40, "%08x (%.9g)", (unsigned)bits, (double)value);
}

void mcl_checker_report(mcl_checker *checker, mcl_check *check)
{
    check->stage = checker->stage;
    checker->verdict.checks++;
    if (!check->agrees && checker->verdict.failed++ == 0)
        snprintf(checker->first, sizeof checker->first, "%s (%s)", check->kernel, check->stage);
    if (checker->report)
        checker->report(check, checker->user);
}

/* The bits of a float, or a word. */
static uint32_t word_at(const void *values, size_t i)
{
    uint32_t word;
    memcpy(&word, (const char *)values + i * sizeof word, sizeof word);
    return word;
}

mcl_status mcl_checker_compare(mcl_checker *checker, const char *kernel, const void *expected,
    cl_mem got, size_t count, void (*describe)(char place[96], size_t first, const void *state),
    const void *state, bool *agrees)
{
    float *words;
    MCL_TRY(mcl_allocate(&words, count, sizeof *words));
    const mcl_status status =
        mcl_buffer_read(checker->context, words, got, 0, count * sizeof *words);
    size_t first = 0;
    while (status == MCL_OK && first < count && word_at(expected, first) == word_at(words, first))
        first++;
    mcl_check check = {.kernel = kernel, .cases = count, .agrees = first == count};
    if (status == MCL_OK && !check.agrees) {
        if (describe)
            describe(check.place, first, state);
        else
            snprintf(check.place, sizeof check.place, "element %zu", first);
        mcl_checker_show(check.expected, ((const float *)expected)[first]);
        mcl_checker_show(check.got, words[first]);
    }
    free(words);
    if (status == MCL_OK)
        mcl_checker_report(checker, &check);
    if (agrees)
        *agrees = check.agrees;
    return status;
}

mcl_status mcl_checker_expect(
    mcl_checker *checker, const char *kernel, const void *expected, cl_mem got, size_t count)
{
    return mcl_checker_compare(checker, kernel, expected, got, count, NULL, NULL, NULL);
}

mcl_status mcl_checker_settle(
    mcl_checker *checker, const char *kernel, const float *expected, cl_mem got, size_t count)
{
    MCL_TRY(mcl_checker_expect(checker, kernel, expected, got, count));
    return mcl_checker_write(checker, got, expected, count);
}

mcl_status mcl_checker_find(
    mcl_checker *checker, const char *file, const char *kernel, const char *options)
{
    mcl_kernel *found;
    return mcl_kernel_find(&found, checker->context, file, kernel, options);
}

mcl_status mcl_checker_enqueue(mcl_checker *checker, const char *file, const char *kernel,
    const char *options, const size_t size[2], const mcl_argument *arguments, size_t count)
{
    const size_t global[3] = {size[0], size[1], 1};
    mcl_kernel *found;
    MCL_TRY(mcl_kernel_find(&found, checker->context, file, kernel, options));
    return mcl_run_arguments(found, global, NULL, arguments, count);
}

mcl_status mcl_checker_enqueue_mapped(mcl_checker *checker, const char *file, const char *kernel,
    const char *options, mcl_mapping mapping, const size_t size[2], const mcl_argument *arguments,
    size_t count)
{
    mcl_kernel *found;
    MCL_TRY(mcl_kernel_find(&found, checker->context, file, kernel, options));
    return mcl_run_mapped(found, mapping, size[0], size[1], arguments, count);
}
