/* SPDX-License-Identifier: Apache-2.0 */
/* The options of training and of reading data by key, as text: for programs and for bindings to
 * other languages. C programs may as well use the members of the structs (mcl_pretrain_options,
 * mcl_finetune_options, mcl_data_options), which these functions set. Texts are the same in every
 * locale. */
#ifndef MASKCL_OPTIONS_H
#define MASKCL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mcl_options_kind {
    MCL_OPTIONS_PRETRAIN = 1, /* mcl_pretrain_options */
    MCL_OPTIONS_FINETUNE,     /* mcl_finetune_options */
    MCL_OPTIONS_DATA,         /* mcl_data_options */
} mcl_options_kind;

/* The first member of every option struct: its kind, and the version of the header that the caller
 * was compiled with. */
typedef struct mcl_options {
    mcl_options_kind kind;
    uint32_t version;
} mcl_options;

/* Sets all members to their defaults. Called through mcl_pretrain_options_init() and the like,
 * which pass kind and version. MCL_ERROR_ARGUMENT for a version that this library does not know. */
MCL_API mcl_status mcl_options_init(mcl_options *options, mcl_options_kind kind, uint32_t version);

/* Sets an option: mcl_options_set(&options.base, "epochs", "20"). MCL_ERROR_ARGUMENT for an unknown
 * key or a text that is not a value of it; the options are unchanged then. Of an option whose
 * member is a text, such as `label`, the text is not copied: it must live as long as the options.
 */
MCL_API mcl_status mcl_options_set(mcl_options *options, const char *key, const char *text);

/* Writes the option's value as mcl_options_set() reads it. */
MCL_API mcl_status mcl_options_get(
    char *text, size_t size, const mcl_options *options, const char *key);

/* Whether the option makes no sense together with the others. reason gets a line on why, in which
 * other options are named as `key`; it may be NULL. A key that is unknown is in no conflict,
 * nor are options with counts beyond their arrays or numbers that are no kind. */
MCL_API bool mcl_options_conflict(
    char *reason, size_t size, const mcl_options *options, const char *key);

/* The description of an option. */
typedef struct mcl_option_info {
    const char *key;     /* "learning_rate" */
    const char *group;   /* a heading: "Model", "Filters", "Views", "Objective", "Optimizer", "Run",
                            "Recipe";   "Tables", "Images", "Data" */
    const char *values;  /* what a value looks like: "none|relu|gelu|tanh", "N" */
    char help[640];      /* a sentence without its first capital and full stop */
    char otherwise[128]; /* the default, in words or as a value */
    bool of_recipe;      /* recipes set it */
    bool decides_bits;   /* another value gives another model, and cannot resume a checkpoint */
} mcl_option_info;

/* Lists the options of a kind: index counts from 0; MCL_ERROR_ARGUMENT after the last. An option's
 * index may change with the version of the library. */
MCL_API mcl_status mcl_option_at(mcl_option_info *info, mcl_options_kind kind, size_t index);

#ifdef __cplusplus
}
#endif

#endif
