/* The file that --metrics names: one JSON object a reported step, each line written as it comes. */
#ifndef MASKCL_CLI_METRICS_H
#define MASKCL_CLI_METRICS_H

#include <stdbool.h>
#include <stdio.h>

#include "maskcl/pretrain.h"
#include "message.h"

typedef struct mcl_metrics {
    const char *path; /* NULL: none are wanted */
    FILE *stream;
    bool created;  /* the file was not there before */
    bool begun;    /* its old content has gone */
    bool failed;   /* said already; no more is written */
    uint64_t keep; /* of the old content, the steps up to this one stay: a run goes on from it */
} mcl_metrics;

/* Opens path for writing, or does nothing for NULL. Old content stays until the first step. */
mcl_exit mcl_metrics_open(mcl_metrics *metrics, const char *path);

/* Appends a step. The first failure is returned as false with errno set, and ends the writing. */
bool mcl_metrics_step(
    mcl_metrics *metrics, const mcl_step *step, const mcl_objective *objectives, size_t count);

/* Closes the file, and removes it when it is new and nothing was written. False when closing it
 * failed, with errno set. */
bool mcl_metrics_close(mcl_metrics *metrics);

#endif
