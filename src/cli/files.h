/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a command is given: checks before any work begins, and reading. */
#ifndef MASKCL_CLI_FILES_H
#define MASKCL_CLI_FILES_H

#include <stdbool.h>

#include "maskcl/data.h"
#include "maskcl/model.h"
#include "message.h"
#include "options.h"

typedef enum mcl_file_use {
    MCL_FILE_READ,
    MCL_FILE_WRITTEN,  /* whole, at the end or time and again */
    MCL_FILE_STREAMED, /* line by line; it may be a pipe or a device */
} mcl_file_use;

/* A file of a run, and what it is to it. */
typedef struct mcl_run_file {
    const char *path; /* NULL: there is none */
    mcl_file_use use;
    const char *option; /* that names it: "-o"; those of one option have names of their own */
    const char *what;   /* "the input", "the model" */
} mcl_run_file;

#define MCL_RUN_FILES_MAX (MCL_OPERANDS_GIVEN_MAX + 16)

/* Refuses, before any work, two parts played by one file of which one is written, an output that
 * could not be written, and one that another run is writing. Outputs are locked from then on until
 * the program ends. Called once. */
mcl_exit mcl_claim_files(const mcl_run_file *files, size_t count);

/* Compares the claimed files again, some of which are there only now: their names may differ in
 * nothing but what the file system does not tell apart. */
mcl_exit mcl_compare_claimed(void);

/* Lets go of all that is claimed. */
void mcl_release_files(void);

/* Whether a name ends so, in upper or lower case. */
bool mcl_ends_in(const char *path, const char *ending);

/* Refuses the name of an output that is neither an array nor a table. */
mcl_exit mcl_check_output_name(const char *output);

/* Claims an output and count inputs (NULL ones are skipped). */
mcl_exit mcl_check_output(const char *output, const char *const *inputs, size_t count);

/* mcl_model_load(), mcl_data_open_with() and mcl_data_open_all() that say why they failed. Data for
 * a model, where that is not NULL, are read by its schema, and refused where they are a table and
 * it was trained on plain numbers, or the other way round, or where options do not fit them.
 * Warnings of reading are printed. options may be NULL: defaults. */
mcl_exit mcl_load_model(mcl_model **model, const char *path);
mcl_exit mcl_load_data(
    mcl_data **data, const char *path, const mcl_data_options *options, const mcl_model *model);
mcl_exit mcl_load_all(mcl_data **data, const char *const *paths, size_t count,
    const mcl_data_options *options, const mcl_model *model);

/* --layer of embed and probe: *layer and *width are those of the layer asked for, which is 0 for
 * the embedding. */
mcl_exit mcl_find_layer(
    uint32_t *layer, uint32_t *width, const mcl_model *model, uint32_t asked_for);

#define MCL_LAYER_OPTION(settings, member)                                                         \
    {                                                                                              \
        .name = "layer", .argument = "N", .group = "Encoder",                                      \
        .help = "what layer N makes of the rows, in place of the embedding: layers are counted "   \
                "from 1 through the encoder and on through the projector",                         \
        .type = &mcl_option_whole32, .offset = offsetof(settings, member), .least = 1,             \
        .most = UINT32_MAX, .without = "the embedding"                                             \
    }

/* Rows with their classes. */
typedef struct mcl_labelled {
    mcl_data *data;
    const int32_t *labels; /* mcl_data_labels(): -1 of rows that have none */
    double *targets;       /* mcl_data_targets(), where they are wanted */
} mcl_labelled;

/* mcl_load_data() of rows that have labels: those of the file at labels_path or, where that is
 * NULL, the data's own. What was read is freed by mcl_free_labelled() in any case. */
mcl_exit mcl_load_labelled(mcl_labelled *set, const char *path, const char *labels_path,
    const mcl_data_options *options, const mcl_model *model);
void mcl_free_labelled(mcl_labelled *set);

/* The second half of it: the labels of rows that are read. */
mcl_exit mcl_add_labels(
    mcl_labelled *set, const char *labels_path, const mcl_data_options *options);

/* Refuses labels that are numbers, and no classes. */
mcl_exit mcl_refuse_targets(const mcl_data *data, const char *path);

/* The data's labels, where there are two classes or more among them; else NULL, as where they are
 * numbers that are no classes. */
const int32_t *mcl_labels_to_watch(const mcl_data *data);

/* What a class is called: its name, or its number. */
#define MCL_CLASS_SIZE 64
const char *mcl_class_name(char text[MCL_CLASS_SIZE], const mcl_data *data, int32_t label);

/* *numbers = the different labels from 0 in ascending order, *count of them, freed with free(). */
mcl_exit mcl_distinct_labels(int32_t **numbers, uint64_t *count, const mcl_labelled *set);

/* Warns of test rows whose class no training row has: they cannot be told right. */
mcl_exit mcl_warn_of_unseen(
    const mcl_labelled *train, const mcl_labelled *test, const char *test_path);

/* Warns of rows whose class is none of those that the model's schema, by which the data were read,
 * has of its column of labels: a class may be misspelt. label is the column that the labels are of,
 * NULL where it is the schema's own. */
void mcl_warn_of_new_classes(const mcl_data *data, const char *path, const char *label);

/* Refuses data of another width than the model takes, and warns of data that is scaled otherwise
 * than what it was trained on. */
mcl_exit mcl_check_rows(
    const mcl_model *model, const char *model_path, const mcl_data *data, const char *data_path);

/* mcl_model_doubts() as a warning. */
void mcl_warn_of_doubts(const mcl_model *model, const mcl_data *data, const char *path);

/* *values = room for rows × columns numbers, freed with free(). */
mcl_exit mcl_allocate_values(float **values, uint64_t rows, uint64_t columns);

#endif
