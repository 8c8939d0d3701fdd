/* SPDX-License-Identifier: Apache-2.0 */
/* The short trainings of mcl_verify() and what they must end with. */
#ifndef MASKCL_VERIFY_RUNS_H
#define MASKCL_VERIFY_RUNS_H

#include "maskcl/pretrain.h"

typedef struct mcl_verify_run {
    /* The run's line in tests/fixtures/runs.txt: tests/unit/test_verify.c keeps them equal. */
    const char *line;
    const char *name;
    uint64_t rows, shape[3];
    size_t dimensions;       /* of a row: 1 for numbers, 3 for images of bytes */
    const char *settings;    /* options, as mcl_options_apply() takes them */
    uint64_t model, reports; /* digests, FNV-1a of 64 bits: of the parameters, and of the doubles
                                reported at the end of each epoch */
} mcl_verify_run;

/* *count of them. */
const mcl_verify_run *mcl_verify_runs(size_t *count);

#endif
