/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation with checked sizes. */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "support/failing_memory.h"
#include "support/refused_memory.h"

#include "base/error.h"
#include "base/memory.h"

START_TEST(test_memory_is_zero)
{
    for (size_t count = 1; count < 100000; count = count * 3 + 1) {
        unsigned char *bytes = NULL;
        ck_assert_int_eq(mcl_allocate(&bytes, count, 3), MCL_OK);
        for (size_t i = 0; i < 3 * count; i++) {
            ck_assert_uint_eq(bytes[i], 0);
            bytes[i] = 0xFF; /* for the next block, should it be the same */
        }
        free(bytes);
    }
}

START_TEST(test_nothing_is_a_pointer_too)
{
    static const uint64_t sizes[][2] = {{0, 8}, {8, 0}, {0, 0}, {0, UINT64_MAX}, {UINT64_MAX, 0}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *memory = NULL;
        ck_assert_int_eq(mcl_allocate(&memory, sizes[i][0], sizes[i][1]), MCL_OK);
        ck_assert_ptr_nonnull(memory);
        free(memory);
    }
}

/* Whole pages, which may be written to their ends. */
START_TEST(test_pages)
{
    static const uint64_t counts[] = {0, 1, 1364, 1365, 1366, 100000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        unsigned char *bytes = NULL;
        ck_assert_int_eq(mcl_allocate_pages(&bytes, counts[i], 3), MCL_OK);
        ck_assert_uint_eq((uintptr_t)bytes % MCL_PAGE, 0);
        memset(bytes, 0xFF, (3 * counts[i] + MCL_PAGE - 1) / MCL_PAGE * MCL_PAGE);
        free(bytes);
    }
}

START_TEST(test_too_much_is_refused)
{
    static const uint64_t sizes[][2] = {
        {UINT64_MAX, 2},                        /* 2⁶⁴ − 2 to who lets it wrap */
        {(uint64_t)1 << 32, (uint64_t)1 << 32}, /* 0 to who does */
        {((uint64_t)1 << 61) + 1, 8},           /* 8 to who does */
        {UINT64_MAX, 1},
        {(uint64_t)1 << 52, 1},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int block;
        int *memory = &block;
        ck_assert_int_eq(mcl_allocate(&memory, sizes[i][0], sizes[i][1]), MCL_ERROR_MEMORY);
        ck_assert_ptr_eq(memory, &block);
        ck_assert_int_eq(mcl_allocate_pages(&memory, sizes[i][0], sizes[i][1]), MCL_ERROR_MEMORY);
        ck_assert_ptr_eq(memory, &block);
    }
    int *memory = NULL;
    ck_assert_int_eq(mcl_allocate_pages(&memory, UINT64_MAX - 4096, 1), MCL_ERROR_MEMORY);
    ck_assert_int_eq(mcl_allocate_pages(&memory, (uint64_t)1 << 52, 1), MCL_ERROR_MEMORY);
    ck_assert_str_eq(
        mcl_error_message(), "the host has no memory for 4503599627370496 elements of 1 bytes");
}

START_TEST(test_products_that_do_not_fit)
{
    uint64_t product = 0;
    uint32_t narrow = 0;
    ck_assert(mcl_multiply(&product, (uint64_t)4294967295, (uint64_t)4294967297));
    ck_assert_uint_eq(product, UINT64_MAX);
    ck_assert(!mcl_multiply(&product, (uint64_t)4294967296, (uint64_t)4294967296));
    ck_assert(!mcl_multiply(&product, UINT64_MAX, (uint64_t)2));
    ck_assert(mcl_multiply(&product, UINT64_MAX, (uint64_t)0));
    ck_assert_uint_eq(product, 0);
    ck_assert(mcl_multiply(&narrow, 65535u, 65537u));
    ck_assert(!mcl_multiply(&narrow, 65536u, 65536u)); /* the product's type decides */
}

START_TEST(test_strings_are_copied)
{
    char text[] = "name";
    char *copy = NULL, *empty = NULL;
    ck_assert_int_eq(mcl_copy_string(&copy, text), MCL_OK);
    ck_assert_int_eq(mcl_copy_string(&empty, ""), MCL_OK);
    text[0] = 'f';
    ck_assert_str_eq(copy, "name");
    ck_assert_str_eq(empty, "");
    free(copy);
    free(empty);
}

#if MASKCL_FAILING_MEMORY
static int allocate_page(void)
{
    char *page = NULL;
    const mcl_status status = mcl_allocate_pages(&page, 5, 1);
    free(page);
    return status == MCL_OK ? 0 : status == MCL_ERROR_MEMORY && !page ? 1 : -1;
}

static int copy_name(void)
{
    char *copy = NULL;
    const mcl_status status = mcl_copy_string(&copy, "name");
    free(copy);
    return status == MCL_OK ? 0 : status == MCL_ERROR_MEMORY && !copy ? 1 : -1;
}

START_TEST(test_a_refusal_leaves_the_pointer_alone)
{
    ck_assert_uint_eq(fail_each_allocation(allocate_page), 1);
    ck_assert_uint_eq(fail_each_allocation(copy_name), 1);
    ck_assert_str_eq(mcl_error_message(), "the host has no memory for 5 elements of 1 bytes");
}
#endif

int main(void)
{
    Suite *suite = suite_create("memory");
    TCase *tcase = tcase_create("memory");
    tcase_add_test(tcase, test_memory_is_zero);
    tcase_add_test(tcase, test_nothing_is_a_pointer_too);
    tcase_add_test(tcase, test_pages);
    tcase_add_test(tcase, test_too_much_is_refused);
    tcase_add_test(tcase, test_products_that_do_not_fit);
    tcase_add_test(tcase, test_strings_are_copied);
#if MASKCL_FAILING_MEMORY
    tcase_add_test(tcase, test_a_refusal_leaves_the_pointer_alone);
#endif
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
