/* SPDX-License-Identifier: Apache-2.0 */
/* The file that --metrics names: one JSON object a reported step, each line written as it comes. */
#ifndef MASKCL_CLI_METRICS_H
#define MASKCL_CLI_METRICS_H

#include <stdbool.h>
#include <stdio.h>

#include "maskcl/pretrain.h"
#include "message.h"
#include "progress.h"

typedef struct mcl_metrics {
    const char *path; /* NULL: none are wanted */
    int descriptor;
    bool open;
    bool created;    /* the file was not there before */
    bool begun;      /* its old content has gone */
    uint64_t keep;   /* of the old content, the steps up to this one stay: a run goes on from it */
    char *unwritten; /* lines that could not be written yet, the first one perhaps in part */
    size_t used, room;
    bool failing;     /* the last try to write failed, and that was said */
    double tried;     /* when, by mcl_seconds() */
    int reason;       /* errno of the last failure */
    uint64_t missing; /* lines for which there was no room */
} mcl_metrics;

/* Opens path for writing, or does nothing for NULL. Old content stays until the first step; an open
 * file that path names, such as /dev/stdout, is appended to. Compares the claimed files. */
mcl_exit mcl_metrics_open(mcl_metrics *metrics, const char *path);

/* What a line says beside the step. */
typedef struct mcl_metrics_facts {
    const mcl_objective *objectives; /* [objective_count] the names of its losses */
    size_t objective_count;
    const mcl_collapse *collapse; /* of the model after it; NULL: not known */
} mcl_metrics_facts;

/* Appends a step. A failure is warned of; what could not be written is kept, up to 8 MiB, and
 * tried again every second, so that the file has whole lines, in order. */
void mcl_metrics_step(mcl_metrics *metrics, mcl_progress *progress, const mcl_step *step,
    const mcl_metrics_facts *facts);

/* Closes the file after a training that ended with `code`, and removes it when it is new and
 * nothing was written. Returns the code, or when some steps are missing that this is a failure. */
mcl_exit mcl_metrics_close(mcl_metrics *metrics, mcl_progress *progress, mcl_exit code);

#endif
