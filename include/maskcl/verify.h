/* SPDX-License-Identifier: Apache-2.0 */
/* Checks, kernel by kernel, whether a device reproduces the reference bits. */
#ifndef MASKCL_VERIFY_H
#define MASKCL_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "maskcl/device.h"
#include "maskcl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A kernel's results on the device compared with the expected ones, and the first difference. */
typedef struct mcl_check {
    /* Both are valid during the report only. */
    const char *stage;  /* "arithmetic", "functions", …: checks of a stage come one by one */
    const char *kernel; /* "exp", "gemm NT, gelu" */
    uint64_t cases;     /* numbers that were compared */
    bool agrees;
    char place[96];    /* "element 17", "exp(-0x1.8p+3)"; these three are empty when it agrees, but
                        * that `got` is always the digest that a training ended with */
    char expected[40]; /* bits in hexadecimal, and the number they stand for */
    char got[40];
} mcl_check;

typedef struct mcl_verdict {
    uint64_t checks, failed;
    bool flushes_subnormals; /* the device makes subnormal numbers zero */
    char reason[320];        /* what violates the contract; empty when nothing does */
} mcl_verdict;

/* Runs every kernel of a training step, both native matrix products and short trainings on the
 * context's device. The host computes each kernel's expected results from the same input; the
 * trainings' expected digests are those of tests/fixtures/runs.txt. report, which may be NULL, is
 * called for each check. A device on which a kernel cannot be built or run is MCL_ERROR_DEVICE. */
MCL_API mcl_status mcl_verify(mcl_verdict *verdict, mcl_context *context,
    void (*report)(const mcl_check *check, void *user), void *user);

#ifdef __cplusplus
}
#endif

#endif
