/* SPDX-License-Identifier: Apache-2.0 */
/* A probe as its parts share it: what is asked for, which rows, and what each kind of features came
 * to. */
#ifndef MASKCL_CLI_PROBE_H
#define MASKCL_CLI_PROBE_H

#include "device_options.h"
#include "files.h"
#include "held_out.h"
#include "maskcl/evaluate.h"
#include "progress.h"

#define MCL_FOLDS_MOST 100 /* of --cv */

/* What labels are taken for. */
typedef enum mcl_probe_task {
    MCL_TASK_AUTO, /* numbers where some are not whole, else classes */
    MCL_TASK_CLASSES,
    MCL_TASK_REGRESSION,
} mcl_probe_task;

typedef struct mcl_probe_settings {
    mcl_device_settings device;
    mcl_data_options data;
    uint64_t labels_per_class; /* 0: all */
    uint32_t layer;            /* 0: the embedding */
    uint32_t folds;            /* 0: no cross-validation */
    float strength;            /* 0: chosen */
    bool balanced;
    mcl_probe_task task;
    uint64_t seed;
    bool encoder_only;
    bool baselines;
    bool confusion;
    bool json;
} mcl_probe_settings;

typedef enum mcl_probed {
    MCL_RAW_INPUTS,
    MCL_UNTRAINED_ENCODER,
    MCL_HOG, /* this and the next two of images, with --baselines */
    MCL_RANDOM_CONVOLUTIONS,
    MCL_WHITENED_PATCHES,
    MCL_THIS_ENCODER,
    MCL_PROBED,
} mcl_probed;

/* "raw inputs", "untrained encoder", "this encoder" */
const char *mcl_probed_title(mcl_probed kind);

/* What one kind of features came to. */
typedef struct mcl_outcome {
    uint64_t width;
    double accuracy[MCL_FOLDS_MOST], balanced[MCL_FOLDS_MOST], f1[MCL_FOLDS_MOST],
        nearest[MCL_FOLDS_MOST];
    double strength; /* of the last fold */
    uint32_t iterations;
    bool converged;
    double seconds, linear_seconds, objective;
    double made_in; /* seconds that the features took, filters and all */
    int32_t *told;  /* [tested] by the linear probe, the folds' test rows one after another */
    mcl_few_result few;
    /* Of numbers: */
    double r2[MCL_FOLDS_MOST], rmse[MCL_FOLDS_MOST];
    double *told_numbers; /* [tested] */
} mcl_outcome;

typedef struct mcl_probe_run {
    const mcl_probe_settings *settings;
    mcl_context *context;
    mcl_progress progress;
    mcl_labelled sets[2];  /* training rows and test rows; without the latter both are the former */
    bool own_test;         /* there are files of test rows */
    uint32_t layer, width; /* of the encoders */
    mcl_probed first;      /* the kinds before it are not measured */
    uint32_t fold_count;
    mcl_fold folds[MCL_FOLDS_MOST];
    uint64_t tested;
    bool regression; /* the labels are numbers */
    int32_t *labels; /* [tested] */
    double *targets; /* [tested] where they are */
    mcl_outcome outcomes[MCL_PROBED];
} mcl_probe_run;

/* The next of the kinds that are measured. */
mcl_probed mcl_probed_after(const mcl_probe_run *probe, mcl_probed kind);

/* Measures the kinds of features from probe->first on; model_path is for messages. */
mcl_exit mcl_probe_measure(mcl_probe_run *probe, const mcl_model *model, const char *model_path);

/* Prints what was measured, as tables or one JSON object, as the settings have it. */
mcl_exit mcl_probe_show(const mcl_probe_run *probe);

mcl_exit mcl_probe_lacks_memory(void);

#endif
