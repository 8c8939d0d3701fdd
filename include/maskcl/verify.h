/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a device reproduces the reference bits, found out kernel by kernel. */
#ifndef MASKCL_VERIFY_H
#define MASKCL_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "maskcl/device.h"
#include "maskcl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a kernel gave on the device beside what it must give, and the first difference. */
typedef struct mcl_check {
    /* Both live during the report only. */
    const char *stage;  /* "arithmetic", "functions", …: checks of a stage come one by one */
    const char *kernel; /* "exp", "gemm NT, gelu" */
    uint64_t cases;     /* numbers that were compared */
    bool agrees;
    char place[96];    /* "element 17", "exp(-0x1.8p+3)"; these three are empty when it agrees */
    char expected[40]; /* bits in hexadecimal, and the number they stand for */
    char got[40];
} mcl_check;

typedef struct mcl_verdict {
    uint64_t checks, failed;
    bool flushes_subnormals; /* the device makes subnormal numbers zero */
    char reason[320];        /* what breaks the contract; empty when nothing does */
} mcl_verdict;

/* Runs every kernel of a training step, both native matrix products and short trainings on the
 * context's device. Each kernel gets the same input on the host, which computes what it must give;
 * the trainings' digests are those that tests/fixtures/runs.txt has. report is called for each
 * check. A device on which a kernel cannot be built or run is MCL_ERROR_DEVICE. */
MCL_API mcl_status mcl_verify(mcl_verdict *verdict, mcl_context *context,
    void (*report)(const mcl_check *check, void *user), void *user);

#ifdef __cplusplus
}
#endif

#endif
