/* SPDX-License-Identifier: Apache-2.0 */
/* For tests that ask for more memory than there can be: AddressSanitizer would end the program
 * where the C library's malloc returns NULL. It calls this function, where there is one. */
#ifndef MASKCL_TESTS_REFUSED_MEMORY_H
#define MASKCL_TESTS_REFUSED_MEMORY_H

const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

#endif
