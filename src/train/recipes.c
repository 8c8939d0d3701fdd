/* SPDX-License-Identifier: Apache-2.0 */
#include "train/recipes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "data/data.h"
#include "train/options.h"

/* What the recipes share: an encoder of one normalised and activated layer that rebuilds masked
 * rows, by AdamW with a rate that warms up and falls. */
#define REBUILD                                                                                    \
    "objective=reconstruction;hidden=none;embedding_layer=activated;normalization=batch;"          \
    "optimizer=adamw;learning_rate=0.006;schedule=cosine;warmup=10%;batch=at most 128;"

/* Figures are docs/learning.md's: linear probes on Fashion-MNIST, and five folds of digits. */
static const struct {
    mcl_recipe recipe;
    const char *settings; /* what differs from the defaults of the table of options */
} recipes[] = {
    {{"auto",
         "the recipe and the size that suit the data: fast's for images and wide rows, tabular's "
         "for tables and narrow ones, of one layer and at a rate of 0.003 for at most 48 inputs, "
         "with epochs and batches by the number of rows; the line 'recipe auto' says what was "
         "chosen"},
        ""},
    {{"default",
         "the reference encoder's sizes with objectives that do not collapse: a probe of "
         "82.4% by 64 numbers, where the untrained encoder has 79.1% and all 784 pixels have "
         "84.1%: see the others"},
        ""},
    {{"recommended", "images: a wide encoder that learns to fill in what a mask hides; a probe of "
                     "88.8%, untrained 86.2%, raw pixels 84.1%"},
        REBUILD "embedding=2048;epochs=8;decoder=1024,2048"},
    {{"few-labels", "images of which few have labels, and fine-tuning: one layer more; 81.4% with "
                    "60 labels a class, raw pixels 78.0%"},
        REBUILD "embedding=1024;epochs=8;hidden=2048"},
    {{"fast", "images with values from 0 to 1, in a minute: half as wide, and two epochs; a probe "
              "of 88.3%, untrained 85.9%, raw pixels 84.1%"},
        REBUILD "embedding=1024;epochs=2;reconstruction_loss=bce;decoder=1024"},
    {{"tabular", "tables and vectors of standardised columns: learns to fill in what a mask hides; "
                 "digits 97.7%, raw columns 96.6%, with 10 labels a class 91.7% and 88.0%"},
        REBUILD "embedding=256;epochs=100;hidden=256;learning_rate=0.001"},
    {{"patches",
         "images, without any training: whitened patches of theirs as filters, in seconds; a probe "
         "of 91.6%, raw pixels 84.1%, and of 82.6% with 60 labels a class, raw pixels 78.0%"},
        "encoder=patches;filters=patches;epochs=0"},
    {{"reference", "the published model as it is: it collapses, and serves as a comparison; a "
                   "probe of 77.4%, untrained 79.1%, and of 62.4% in batches of 256"},
        "objective=cosine;mask=uniform;batch=all"},
};

#define RECIPES (sizeof recipes / sizeof *recipes)

mcl_status mcl_options_apply(mcl_options *options, const char *settings)
{
    while (*settings) {
        char key[64], value[MCL_OPTION_SIZE];
        const size_t whole = strcspn(settings, ";"), length = strcspn(settings, "=");
        snprintf(key, sizeof key, "%.*s", (int)length, settings);
        snprintf(value, sizeof value, "%.*s", (int)(whole - length - 1), settings + length + 1);
        MCL_TRY(mcl_options_set(options, key, value));
        settings += whole + (settings[whole] == ';');
    }
    return MCL_OK;
}

mcl_status mcl_recipe_apply(mcl_pretrain_options *options, const char *name)
{
    const char *names[RECIPES];
    size_t index;
    MCL_NEED(name);
    MCL_TRY(mcl_options_expect(options ? &options->base : NULL, MCL_OPTIONS_PRETRAIN));
    for (size_t i = 0; i < RECIPES; i++)
        names[i] = recipes[i].recipe.name;
    MCL_TRY(mcl_name_parse(&index, name, names, RECIPES, "recipe"));
    MCL_TRY(mcl_options_reset(&options->base, true));
    options->setting_count = 0;
    options->recipe = recipes[index].recipe.name;
    return mcl_options_apply(&options->base, recipes[index].settings);
}

/* Inputs from which on rows are wide: a layer of 1024 then learns more than two of 256. */
#define WIDE 256

/* Inputs up to which one layer, rebuilt by a linear decoder, has been no worse than two, in a
 * quarter of the time. */
#define FEW_INPUTS 48
#define ONE_LAYER "hidden=none;decoder=none;learning_rate=0.003"

/* Steps that training takes, as many as the recipes' figures are of; epochs at most, of a small
 * data set; rows from which on batches are larger; and steps an epoch that a small one is to have.
 */
#define WIDE_STEPS 1900
#define NARROW_STEPS 1500
#define EPOCHS_MOST 300
#define MANY_ROWS 1000000
#define STEPS_LEAST 8

/* Rows of floats so many times as high as wide are sequences, not images: in words alone. */
#define LONG 4

/* What rows are, in words, with their number: "a table of 344 rows × 9 inputs". wide tells whether
 * they are for the wide encoder. */
static void describe_rows(char text[128], bool *wide, const mcl_data *data)
{
    const mcl_schema *schema = mcl_data_schema(data);
    const uint64_t rows = mcl_data_rows(data), inputs = mcl_data_columns(data);
    uint64_t shape[MCL_DIMENSIONS_MAX];
    const size_t dimensions = mcl_data_row_shape(data, shape);
    const bool table = schema && mcl_schema_columns(schema) > 0 && dimensions == 1;
    *wide = inputs >= WIDE && !table;
    const bool bytes = mcl_data_element(data) == MCL_ELEMENT_UINT8;
    if (dimensions == 2 && !bytes && shape[0] >= LONG * shape[1])
        snprintf(text, 128, "%" PRIu64 " sequences of %" PRIu64 " × %" PRIu64 " values", rows,
            shape[0], shape[1]);
    else if (dimensions == 2 || dimensions == 3)
        snprintf(
            text, 128, "%" PRIu64 " images of %" PRIu64 " × %" PRIu64, rows, shape[0], shape[1]);
    else
        snprintf(text, 128, "%s of %" PRIu64 " rows × %" PRIu64 " inputs",
            table ? "a table" : "vectors", rows, inputs);
}

/* A power of two from 16 to 128 that leaves an epoch some steps; 512 where there are very many. */
static uint64_t batch_for(uint64_t rows)
{
    uint64_t batch = rows >= MANY_ROWS ? 512 : 128;
    while (batch > 16 && rows / batch < STEPS_LEAST)
        batch /= 2;
    return batch;
}

static uint64_t epochs_for(uint64_t rows, uint64_t batch, uint64_t steps)
{
    const uint64_t an_epoch = rows / batch ? rows / batch : 1;
    const uint64_t epochs = (steps + an_epoch - 1) / an_epoch, least = rows < MANY_ROWS ? 2 : 1;
    return epochs < least ? least : epochs > EPOCHS_MOST ? EPOCHS_MOST : epochs;
}

mcl_status mcl_recipe_fit(
    char line[MCL_RECIPE_LINE_SIZE], mcl_pretrain_options *options, const mcl_data *data)
{
    char what[128], settings[128], unused[MCL_RECIPE_LINE_SIZE];
    bool wide;
    MCL_NEED(data);
    line = line ? line : unused;
    if (mcl_data_origin_of(data).synthetic) {
        snprintf(line, MCL_RECIPE_LINE_SIZE, "default for synthetic rows");
        return mcl_recipe_apply(options, "default");
    }
    describe_rows(what, &wide, data);
    const uint64_t rows = mcl_data_rows(data), batch = batch_for(rows);
    const uint64_t epochs = epochs_for(rows, batch, wide ? WIDE_STEPS : NARROW_STEPS);
    const char *recipe = wide ? "fast" : "tabular";
    MCL_TRY(mcl_recipe_apply(options, recipe));
    if (!wide && mcl_data_columns(data) <= FEW_INPUTS)
        MCL_TRY(mcl_options_apply(&options->base, ONE_LAYER));
    /* Only bytes are known to be from 0 to 1. */
    if (wide && mcl_data_element(data) != MCL_ELEMENT_UINT8)
        MCL_TRY(mcl_options_set(&options->base, "reconstruction_loss", "mse"));
    snprintf(settings, sizeof settings, "epochs=%" PRIu64 ";batch=at most %" PRIu64, epochs, batch);
    snprintf(line, MCL_RECIPE_LINE_SIZE,
        "%s for %s: embeddings of %" PRIu32 " numbers, %" PRIu64 " epoch%s in batches of %" PRIu64,
        recipe, what, options->embedding, epochs, epochs == 1 ? "" : "s",
        batch < rows ? batch : rows);
    return mcl_options_apply(&options->base, settings);
}

const mcl_recipe *mcl_recipe_at(size_t index)
{
    return index < RECIPES ? &recipes[index].recipe : NULL;
}
