/* SPDX-License-Identifier: Apache-2.0 */
/* A model's training once more, from its own metadata: whether it comes to the same bits, and where
 * two trainings diverge. */
#ifndef MASKCL_REPRODUCE_H
#define MASKCL_REPRODUCE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "maskcl/data.h"
#include "maskcl/device.h"
#include "maskcl/finetune.h"
#include "maskcl/model.h"
#include "maskcl/pretrain.h"
#include "maskcl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A training as the metadata of its model tell it. */
typedef struct mcl_run {
    mcl_options_kind kind;         /* which of the two options are those of the run */
    mcl_pretrain_options pretrain; /* settled for the data: the batch is a number of rows */
    mcl_finetune_options finetune;
    uint64_t steps;                    /* that were trained: fewer than planned, where it stopped */
    char data_digest[MCL_DIGEST_SIZE]; /* mcl_data_digest(); "": not told, by older versions */
    uint64_t synthetic_rows, synthetic_columns; /* of synthetic data; 0: they are not */
    uint64_t synthetic_seed;
    char labels_digest[MCL_DIGEST_SIZE]; /* fine-tuning's; "": not told */
    char model_digest[MCL_DIGEST_SIZE];  /* that it began with; "": none, or not told */
    mcl_gemm_kind product; /* whose bits: MCL_GEMM_NATIVE, MCL_GEMM_CLBLAST; AUTO: not told */
    uint32_t contract;     /* the version of the numeric contract; 0: not told */
    char version[32];      /* of the library that trained it */
    char assumed[512];     /* keys of options that are not told, joined by commas; they have their
                            * defaults */
} mcl_run;

/* Reads how a model was trained. MCL_ERROR_FORMAT when the metadata do not say that, or not in a
 * way that this library understands; the message names what is missing or wrong. What models of
 * earlier versions do not tell is empty, and `assumed` lists it where it decides the bits. */
MCL_API mcl_status mcl_run_read(mcl_run *run, const mcl_model *model);

/* What a run is trained on beside its options. */
typedef struct mcl_run_input {
    const mcl_data *data;
    const int32_t *labels;  /* [rows of data], of fine-tuning */
    const mcl_model *model; /* that training begins with. Only its sizes count for one that began
                             * from scratch: the tuned model itself will do */
} mcl_run_input;

/* MCL_ERROR_DATA when data, labels or model are not those of the run by their digests; the message
 * has both digests and begins with the name of what differs: "the data", "the labels", "the model".
 * What the run does not tell is not checked. */
MCL_API mcl_status mcl_run_check(const mcl_run *run, const mcl_run_input *input);

/* Trains the run once more, as far as it went then, on the context's device. Of run->pretrain.train
 * or run->finetune.train the caller may set report, report_every, user and stop. MCL_INTERRUPTED
 * when stop ended it before that; *model then has what was trained. The caller frees *model. */
MCL_API mcl_status mcl_run_train(
    mcl_model **model, mcl_context *context, const mcl_run *run, const mcl_run_input *input);

/* One of two trainings that are compared. */
typedef struct mcl_side {
    const mcl_run *run;
    const mcl_run_input *input;
    mcl_context_options device;
    uint64_t memory; /* as in mcl_context_limit_memory() */
} mcl_side;

/* Where two trainings diverge. Bits are those of the 32-bit words that buffers consist of, mostly
 * floats; a is the first side, b the second. */
typedef struct mcl_difference {
    uint64_t steps;  /* that both sides made, up to the one that differs */
    bool found;      /* after the last of them, the sides have other bits */
    bool located;    /* and running it again has shown in which launch: */
    uint64_t launch; /* of the step's, from 1 */
    char kernel[64]; /* its kernel or, where the sides multiply matrices in other ways, the product:
                      * "adam", "gemm NT 512×128×784" */
    uint32_t
        argument; /* the kernel's buffer that differs, by its place among the arguments, from 0 */
    char parameter[64];              /* the name of that argument in cl/; "" where it has none */
    uint64_t element;                /* the first word of it that does */
    uint32_t bits[2];                /* that word on a and b */
    uint64_t differing;              /* how many words of it do */
    char other_kernel[64];           /* not empty: b launched this one in place of `kernel` */
    char digest[2][MCL_DIGEST_SIZE]; /* of what the sides have come to, model, optimizer and all */
    mcl_device_info device[2];
    mcl_gemm_kind product[2];
} mcl_difference;

/* Trains both sides in lock-step and compares all that they carry from step to step. Where that
 * differs, trains both up to the step before once more, on contexts of their own, and compares that
 * step launch by launch: the words that a kernel wrote on either side. It needs host memory for
 * what the step writes. Memory that nobody has written may differ. report, which may be NULL, is
 * called after every step that is the same, and while the second training runs; stop as in
 * mcl_train_options. MCL_INTERRUPTED when that ended it. */
MCL_API mcl_status mcl_run_compare(mcl_difference *difference, const mcl_side sides[2],
    void (*report)(uint64_t step, uint64_t steps, bool locating, void *user), void *user,
    const volatile sig_atomic_t *stop);

#ifdef __cplusplus
}
#endif

#endif
