/* SPDX-License-Identifier: Apache-2.0 */
#include "train/collapse.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/numbers.h"
#include "base/random.h"
#include "data/draw.h"
#include "evaluate/spread.h"
#include "maskcl/evaluate.h"

#define ROWS_MOST 256
#define ROWS_LEAST 16
#define ELEMENTS ((uint64_t)1 << 22) /* of the widest of the three, in so many rows */

/* The trained encoder keeps less than this part of the spread that the untrained one has. */
#define KEPT 0.22

#define KEY "collapse"

static const char *const verdicts[] = {[MCL_COLLAPSE_NONE] = "no",
    [MCL_COLLAPSE_OF_ROWS] = "the rows are alike",
    [MCL_COLLAPSE_OF_EMBEDDINGS] = "yes"};

#define VERDICTS (sizeof verdicts / sizeof *verdicts)

static const char *const subjects[MCL_COLLAPSE_SUBJECTS] = {[MCL_COLLAPSE_INPUTS] = "_inputs",
    [MCL_COLLAPSE_UNTRAINED] = "_untrained",
    [MCL_COLLAPSE_TRAINED] = ""};

struct mcl_collapse_watch {
    mcl_context *context;
    mcl_data *sample;
    mcl_collapse measured; /* so far */
};

static uint64_t sample_size(uint64_t rows, uint64_t width)
{
    uint64_t count = ELEMENTS / width;
    count = count < ROWS_LEAST ? ROWS_LEAST : count < ROWS_MOST ? count : ROWS_MOST;
    return count < rows ? count : rows;
}

/* *sample = count rows: of as many ranges of equal length, one each, at the place that the seed
 * says. */
static mcl_status draw_sample(
    mcl_data **sample, const mcl_data *data, uint64_t count, uint64_t seed)
{
    const uint64_t rows = mcl_data_rows(data), each = rows / count, more = rows % count;
    uint64_t *numbers, first = 0;
    MCL_TRY(mcl_allocate(&numbers, count, sizeof *numbers));
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t length = each + (i < more);
        uint32_t words[4];
        mcl_random_words(words, seed, MCL_STREAM_SAMPLE, 0, 0, i, 0);
        numbers[i] = first + ((uint64_t)words[0] << 32 | words[1]) % length;
        first += length;
    }
    const mcl_status status = mcl_data_select(sample, data, numbers, count);
    free(numbers);
    return status;
}

/* What a model makes of the sample or, without one, the sample itself. */
static mcl_status measure(
    mcl_collapse_watch *watch, mcl_collapse_subject subject, const mcl_model *model)
{
    const mcl_data *sample = watch->sample;
    const uint64_t rows = mcl_data_rows(sample);
    const uint64_t width =
        model ? mcl_model_architecture(model)->embedding : mcl_data_columns(sample);
    mcl_dispersion dispersion;
    float *values;
    MCL_TRY(mcl_allocate(&values, rows * width, sizeof *values));
    mcl_status status = model ? mcl_embed(values, watch->context, model, sample)
                              : mcl_data_floats(values, sample, 0, rows);
    if (status == MCL_OK)
        status = mcl_disperse(&dispersion, values, rows, width);
    free(values);
    if (status != MCL_OK)
        return status;
    watch->measured.spread[subject] = dispersion.spread;
    watch->measured.effective_rank[subject] = dispersion.rank;
    return MCL_OK;
}

static mcl_status measure_before(
    mcl_collapse_watch *watch, const mcl_architecture *architecture, uint64_t seed)
{
    mcl_model *untrained;
    MCL_TRY(measure(watch, MCL_COLLAPSE_INPUTS, NULL));
    MCL_TRY(mcl_model_create(&untrained, architecture, seed));
    const mcl_status status = measure(watch, MCL_COLLAPSE_UNTRAINED, untrained);
    mcl_model_free(untrained);
    return status;
}

mcl_status mcl_collapse_begin(mcl_collapse_watch **watch, mcl_context *context,
    const mcl_architecture *architecture, const mcl_data *data, uint64_t seed)
{
    const uint64_t columns = mcl_data_columns(data), width = architecture->embedding;
    const uint64_t count = sample_size(mcl_data_rows(data), columns > width ? columns : width);
    mcl_collapse_watch *created;
    *watch = NULL;
    if (count < 2)
        return MCL_OK;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    mcl_status status = draw_sample(&created->sample, data, count, seed);
    if (status == MCL_OK)
        status = measure_before(created, architecture, seed);
    if (status == MCL_OK)
        *watch = created;
    else
        mcl_collapse_free(created);
    return status;
}

void mcl_collapse_free(mcl_collapse_watch *watch)
{
    if (!watch)
        return;
    mcl_data_free(watch->sample);
    free(watch);
}

static mcl_collapse_verdict judge(const mcl_collapse *collapse)
{
    const double *spread = collapse->spread;
    const double trained = spread[MCL_COLLAPSE_TRAINED];
    for (size_t i = 0; i < MCL_COLLAPSE_SUBJECTS; i++) {
        if (!isfinite(spread[i]))
            return MCL_COLLAPSE_UNKNOWN;
    }
    if (trained >= MCL_COLLAPSE_SPREAD && trained >= KEPT * spread[MCL_COLLAPSE_UNTRAINED])
        return MCL_COLLAPSE_NONE;
    return spread[MCL_COLLAPSE_INPUTS] < MCL_COLLAPSE_SPREAD ? MCL_COLLAPSE_OF_ROWS
                                                             : MCL_COLLAPSE_OF_EMBEDDINGS;
}

mcl_status mcl_collapse_end(
    mcl_collapse *collapse, mcl_collapse_watch *watch, const mcl_model *model)
{
    MCL_TRY(measure(watch, MCL_COLLAPSE_TRAINED, model));
    *collapse = watch->measured;
    collapse->verdict = judge(collapse);
    return MCL_OK;
}

/* With four digits after the point. */
static mcl_status set_number(mcl_model *model, const char *what, size_t subject, double value)
{
    char key[64], text[MCL_NUMBER_SIZE];
    snprintf(key, sizeof key, KEY "_%s%s", what, subjects[subject]);
    mcl_number_show(text, floor(value * 1e4 + 0.5) / 1e4);
    return mcl_model_metadata_set(model, key, text);
}

mcl_status mcl_collapse_describe(mcl_model *model, const mcl_collapse *collapse)
{
    if (collapse->verdict == MCL_COLLAPSE_UNKNOWN)
        return MCL_OK;
    MCL_TRY(mcl_model_metadata_set(model, KEY, verdicts[collapse->verdict]));
    for (size_t i = MCL_COLLAPSE_SUBJECTS; i-- > 0;)
        MCL_TRY(set_number(model, "spread", i, collapse->spread[i]));
    for (size_t i = MCL_COLLAPSE_SUBJECTS; i-- > 0;)
        MCL_TRY(set_number(model, "rank", i, collapse->effective_rank[i]));
    return MCL_OK;
}

static bool read_number(double *value, const mcl_model *model, const char *what, size_t subject)
{
    char key[64];
    snprintf(key, sizeof key, KEY "_%s%s", what, subjects[subject]);
    const char *text = mcl_model_metadata_get(model, key);
    return text && mcl_number_parse(value, text);
}

mcl_status mcl_model_collapse(mcl_collapse *collapse, const mcl_model *model)
{
    MCL_NEED(collapse);
    MCL_NEED(model);
    mcl_collapse read = {.verdict = MCL_COLLAPSE_UNKNOWN};
    const char *verdict = mcl_model_metadata_get(model, KEY);
    bool whole = verdict != NULL;
    for (size_t i = 0; i < MCL_COLLAPSE_SUBJECTS && whole; i++)
        whole = read_number(&read.spread[i], model, "spread", i) &&
                read_number(&read.effective_rank[i], model, "rank", i);
    for (size_t i = MCL_COLLAPSE_NONE; i < VERDICTS && whole; i++) {
        if (strcmp(verdict, verdicts[i]) == 0)
            read.verdict = (mcl_collapse_verdict)i;
    }
    *collapse = read;
    return MCL_OK;
}
