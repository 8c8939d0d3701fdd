/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a command is given: checks before any work begins, and reading. */
#ifndef MASKCL_CLI_FILES_H
#define MASKCL_CLI_FILES_H

#include <stdbool.h>

#include "maskcl/data.h"
#include "maskcl/model.h"
#include "message.h"

/* Both paths lead to one file, by whatever links. */
bool mcl_same_file(const char *a, const char *b);

/* Refuses an output that could not be written or that is one of the count inputs (NULL ones are
 * skipped). */
mcl_exit mcl_check_output(const char *output, const char *const *inputs, size_t count);

/* mcl_model_load(), mcl_data_open() and mcl_labels_open() that say why they failed. */
mcl_exit mcl_load_model(mcl_model **model, const char *path);
mcl_exit mcl_load_data(mcl_data **data, const char *path);
mcl_exit mcl_load_labels(int32_t **labels, uint64_t *count, const char *path);

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
    int32_t *labels;
} mcl_labelled;

/* Reads both, of which there must be as many; what was read is freed in any case. */
mcl_exit mcl_load_labelled(mcl_labelled *set, const char *path, const char *labels_path);
void mcl_free_labelled(mcl_labelled *set);

/* *numbers = the different labels in ascending order, *count of them, freed with free(). */
mcl_exit mcl_distinct_labels(int32_t **numbers, uint64_t *count, const mcl_labelled *set);

/* Warns of test rows whose class no training row has: they cannot be told right. */
mcl_exit mcl_warn_of_unseen(
    const mcl_labelled *train, const mcl_labelled *test, const char *test_labels_path);

/* Refuses data of another width than the model takes, and warns of data that is scaled otherwise
 * than what it was trained on. */
mcl_exit mcl_check_rows(
    const mcl_model *model, const char *model_path, const mcl_data *data, const char *data_path);

/* mcl_model_doubts() as a warning. */
void mcl_warn_of_doubts(const mcl_model *model, const mcl_data *data, const char *path);

/* *values = room for rows × columns numbers, freed with free(). */
mcl_exit mcl_allocate_values(float **values, uint64_t rows, uint64_t columns);

#endif
