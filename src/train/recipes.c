/* SPDX-License-Identifier: Apache-2.0 */
#include "train/recipes.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
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
    {{"reference", "the published model as it is: it collapses, and serves as a comparison; a "
                   "probe of 77.4%, untrained 79.1%, and of 62.4% in batches of 256"},
        "objective=cosine;mask=uniform;batch=all"},
};

#define RECIPES (sizeof recipes / sizeof *recipes)

mcl_status mcl_options_apply(mcl_options *options, const char *settings)
{
    while (*settings) {
        char key[64], value[64];
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

const mcl_recipe *mcl_recipe_at(size_t index)
{
    return index < RECIPES ? &recipes[index].recipe : NULL;
}
