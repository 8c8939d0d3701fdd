/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into the program: makes calls on files fail by the environment,
 *     MASKCL_TEST_FILES="CALL=ERRNO …"   for the calls of failing_files.h
 *     MASKCL_TEST_FILES_TO=NAME          the end of the names that rename and linkat fail for */
#include <stdio.h>
#include <stdlib.h>

#include "failing_files.h"

__attribute__((constructor)) static void read_environment(void)
{
    static const struct {
        const char *name;
        int *error;
    } calls[] = {{"unnamed", &failing_files.unnamed}, {"fchmod", &failing_files.fchmod},
        {"fsync", &failing_files.fsync}, {"rename", &failing_files.rename},
        {"linkat", &failing_files.linkat}};
    const char *text = getenv("MASKCL_TEST_FILES"), *to = getenv("MASKCL_TEST_FILES_TO");
    char name[16];
    int error, length;
    snprintf(failing_files.to, sizeof failing_files.to, "%s", to ? to : "");
    while (text && sscanf(text, " %15[a-z]=%d%n", name, &error, &length) == 2) {
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
            if (strcmp(calls[i].name, name) == 0)
                *calls[i].error = error;
        }
        text += length;
    }
}
