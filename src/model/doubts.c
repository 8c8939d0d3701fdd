/* SPDX-License-Identifier: Apache-2.0 */
/* Whether rows look as those did that a model was trained on. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/numbers.h"
#include "data/data.h"
#include "model/model.h"

#define ROWS_MOST 1024 /* that are looked at */
#define FEW_ROWS 16    /* fewer than this may all be unusual */
#define NO_PIXELS 16   /* images have brighter pixels than this, tables of small numbers do not */
#define FAR_PART 0.01  /* of the values; fewer may be outliers */
#define FAR_ROWS 0.5   /* of the rows, which may have few values that are not 0 */

/* Whatever their distribution, no more than 1/16 of the values in training were 4 deviations or
 * more from their mean (Chebyshev). */
#define UNUSUAL 4.0
#define UNUSUAL_PART 0.25
#define NEGATIVE_PART 0.2 /* where there were none, as before numbers are standardised */

/* So many times as far from the mean as the furthest value in training, or as small as both the
 * largest and the mean size in training. */
struct limits {
    double far, small;
};

static const struct limits many = {4.0, 6.0}, few = {20.0, 32.0};

static const struct limits *limits_for(const mcl_data *data)
{
    return mcl_data_rows(data) < FEW_ROWS ? &few : &many;
}

static const char *const keys[] = {
    "input_least", "input_largest", "input_mean", "input_deviation", "input_magnitude"};

#define KEYS (sizeof keys / sizeof *keys)

mcl_status mcl_model_set_facts(mcl_model *model, const mcl_facts *facts)
{
    const double values[KEYS] = {
        facts->least, facts->largest, facts->mean, facts->deviation, facts->magnitude};
    for (size_t i = 0; i < KEYS; i++) {
        char text[MCL_NUMBER_SIZE];
        mcl_number_show_float(text, (float)values[i]);
        MCL_TRY(mcl_model_metadata_set(model, keys[i], text));
    }
    return MCL_OK;
}

/* False where the metadata, which may be of an earlier version, lack a number. */
static bool read_facts(mcl_facts *facts, const mcl_model *model)
{
    double values[KEYS];
    for (size_t i = 0; i < KEYS; i++) {
        const char *text = mcl_model_metadata_get(model, keys[i]);
        if (!text || !mcl_number_parse(&values[i], text))
            return false;
    }
    *facts = (mcl_facts){values[0], values[1], values[2], values[3], values[4], 0, 0, 0, 0};
    return true;
}

static double most(double a, double b)
{
    return a > b ? a : b;
}

static double size_of(const mcl_facts *facts)
{
    return most(fabs(facts->least), fabs(facts->largest));
}

/* How far a value was from the mean in training. */
static double reach(const mcl_facts *facts)
{
    return most(facts->largest - facts->mean, facts->mean - facts->least);
}

/* The value that is furthest from where they were in training. */
static double furthest(const mcl_facts *now, const mcl_facts *trained)
{
    return now->largest - trained->mean > trained->mean - now->least ? now->largest : now->least;
}

static bool are_small(const mcl_facts *now, const mcl_facts *trained, double times)
{
    return size_of(now) > 0.0 && times * size_of(now) < size_of(trained) &&
           times * now->magnitude < trained->magnitude;
}

static bool doubt_bytes(char *text, size_t size, const mcl_facts *now)
{
    const double largest = rint(255.0 * now->largest);
    if (!(largest > 0.0 && largest <= NO_PIXELS))
        return false;
    snprintf(text, size,
        "no byte is above %g, and bytes are divided by 255, as pixels are: save "
        "array.astype(numpy.float32) where they are numbers of another kind",
        largest);
    return true;
}

/* Doubts by the type of the numbers. */
static bool doubt_type(char *text, size_t size, const char *scaling, const mcl_facts *trained,
    const mcl_data *data, const mcl_facts *now)
{
    const bool bytes = mcl_data_element(data) == MCL_ELEMENT_UINT8;
    const bool of_bytes = strcmp(scaling, "1/255") == 0;
    if (of_bytes && !bytes && (now->largest > 2.0 || now->least < -0.5)) {
        snprintf(text, size,
            "has values such as %g, and the model was trained on bytes that were divided by 255: "
            "divide these in the same way, or leave them bytes",
            now->largest > 2.0 ? now->largest : now->least);
        return true;
    }
    const bool beyond = trained && (trained->largest > 1.5 || trained->least < -0.5);
    const bool one = trained && now->largest > 0.0 && 255.0 * now->largest < NO_PIXELS + 0.5 &&
                     many.small * now->largest < trained->largest;
    if (of_bytes || !bytes || !(beyond || one))
        return false;
    snprintf(text, size,
        "has bytes, which are divided by 255, and the model was trained on numbers from %g to %g, "
        "taken as they are: save array.astype(numpy.float32), scaled as those were",
        trained->least, trained->largest);
    return true;
}

/* Doubts by where most of the values are. */
static bool doubt_most(char *text, size_t size, const mcl_facts *trained, const mcl_facts *now)
{
    const bool unusual = trained->deviation > 0.0 && now->unusual >= UNUSUAL_PART;
    const bool negative = trained->least >= 0.0 && now->negative >= NEGATIVE_PART;
    if (!unusual && !negative)
        return false;
    snprintf(text, size,
        "has values from %g to %g with a mean of %g, and the model was trained on values from %g "
        "to %g with a mean of %g: scale these as those were",
        now->least, now->largest, now->mean, trained->least, trained->largest, trained->mean);
    return true;
}

/* Doubts by where the values are. */
static bool doubt_scale(
    char *text, size_t size, const mcl_facts *trained, const mcl_facts *now, double small)
{
    const bool far = reach(trained) > 0.0 && (now->far >= FAR_PART || now->far_rows >= FAR_ROWS);
    if (!far && !are_small(now, trained, small))
        return false;
    if (far)
        snprintf(text, size,
            "has values such as %g, and the model was trained on values from %g to %g: scale these "
            "as those were",
            furthest(now, trained), trained->least, trained->largest);
    else
        snprintf(text, size,
            "has values up to %g in size, and the model was trained on values from %g to %g: scale "
            "these as those were",
            size_of(now), trained->least, trained->largest);
    return true;
}

bool mcl_model_doubts(char *text, size_t size, const mcl_model *model, const mcl_data *data)
{
    if (!text || !data)
        return false;
    mcl_facts now, trained;
    const bool known = model && read_facts(&trained, model);
    const mcl_distances distances = {known ? trained.mean : 0.0,
        known ? limits_for(data)->far * reach(&trained) : DBL_MAX,
        known ? UNUSUAL * trained.deviation : DBL_MAX};
    if (mcl_facts_find(&now, data, ROWS_MOST, &distances) != MCL_OK)
        return false;
    if (!model)
        return mcl_data_element(data) == MCL_ELEMENT_UINT8 && doubt_bytes(text, size, &now);
    const char *scaling = mcl_model_metadata_get(model, "input_scaling");
    if (scaling && doubt_type(text, size, scaling, known ? &trained : NULL, data, &now))
        return true;
    if (known && doubt_scale(text, size, &trained, &now, limits_for(data)->small))
        return true;
    return known && limits_for(data) == &many && doubt_most(text, size, &trained, &now);
}
