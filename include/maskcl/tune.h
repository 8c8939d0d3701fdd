/* SPDX-License-Identifier: Apache-2.0 */
/* Tuning: finds the parameters of the matrix product that are fastest on a device for the products
 * of a run. They are kept in the user's cache folder and used from then on; they never change a bit
 * of what the native product computes. */
#ifndef MASKCL_TUNE_H
#define MASKCL_TUNE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/device.h"
#include "maskcl/model.h"
#include "maskcl/pretrain.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The progress of a tuning. */
typedef struct mcl_tune_progress {
    mcl_gemm_kind provider; /* whose parameters are searched */
    uint32_t tried, candidates;
    double gflops; /* of the best so far, over all products; 0 while there is none */
} mcl_tune_progress;

typedef struct mcl_tune_options {
    /* The run whose products are tuned: all that mcl_pretrain() would have with these options,
     * whose batch must be a number of rows. Views and data do not matter. */
    const mcl_pretrain_options *run;
    /* A model, whose widths and objectives, as far as its file has them, replace the run's; NULL:
     * the run is on data with this many columns. */
    const mcl_model *model;
    uint64_t columns;
    bool native;  /* search the native product's parameters: of the kernel that the context uses */
    bool clblast; /* search CLBlast's */
    bool quick;   /* fewer candidates, shorter measurements */
    void (*report)(const mcl_tune_progress *progress, void *user); /* may be NULL */
    void *user;
    const volatile sig_atomic_t *stop; /* polled before every candidate; may be NULL */
} mcl_tune_options;

/* A product of the run, C[m×n] = A[m×k]·B[k×n], and its rates in GFLOP/s. */
typedef struct mcl_tuned_product {
    mcl_gemm_kind provider; /* MCL_GEMM_NATIVE_CPU, MCL_GEMM_NATIVE_GPU or MCL_GEMM_CLBLAST */
    bool transpose_a, transpose_b;
    uint32_t m, n, k;
    double before, after; /* with the default parameters, and with those found */
} mcl_tuned_product;

/* Searches, checks every candidate's results before it is timed, and stores the best in place of
 * what was stored for the device (parameters for other products stay). *products is an array of
 * *count entries, freed by the caller with free(); path, which may be NULL, gets the file's name.
 * MCL_ERROR_FILE, before the search, where the result could not be stored or would not be used
 * afterwards, and where another run is tuning the device.
 * MCL_ERROR_ARGUMENT for options that mcl_pretrain() would refuse, too, for neither native nor
 * clblast, and where the run has more products than a file has room for. MCL_INTERRUPTED: stopped;
 * the results of providers that were searched to the end are stored. */
MCL_API mcl_status mcl_tune(mcl_tuned_product **products, size_t *count, char *path,
    size_t path_size, mcl_context *context, const mcl_tune_options *options);

/* Whether parameters are stored for a device. */
typedef enum mcl_tuning_state {
    MCL_TUNING_NONE,    /* nothing */
    MCL_TUNING_STORED,  /* parameters that would be used */
    MCL_TUNING_REFUSED, /* a file that is not used: damaged, or of another driver or version */
} mcl_tuning_state;

/* Looks for the tuning of a device; reason, which may be NULL, gets one line on why a file is
 * refused. MCL_TUNING_NONE for NULL. */
MCL_API mcl_tuning_state mcl_device_tuning(
    const mcl_device_info *device, char *reason, size_t reason_size);

/* Why the file for a context's device is not used, or NULL. Owned by the context. */
MCL_API const char *mcl_context_tuning_problem(const mcl_context *context);

#ifdef __cplusplus
}
#endif

#endif
