/* SPDX-License-Identifier: Apache-2.0 */
#include "data/row_labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "data/dictionary.h"
#include "data/lookup.h"
#include "data/texts.h"

struct mcl_row_labels {
    mcl_dictionary *texts;
    int32_t *rows; /* [count]: the number of a text as it came, or -1 */
    uint64_t count, room;
    char point;
};

mcl_status mcl_row_labels_create(mcl_row_labels **labels, char point)
{
    mcl_row_labels *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->point = point;
    const mcl_status status = mcl_dictionary_create(&created->texts);
    if (status == MCL_OK)
        *labels = created;
    else
        mcl_row_labels_free(created);
    return status;
}

void mcl_row_labels_free(mcl_row_labels *labels)
{
    if (!labels)
        return;
    mcl_dictionary_free(labels->texts);
    free(labels->rows);
    free(labels);
}

mcl_status mcl_row_labels_add(mcl_row_labels *labels, const char *text, size_t length)
{
    uint64_t index = 0;
    if (labels->count == labels->room) {
        const uint64_t room = labels->room ? 2 * labels->room : 1024;
        int32_t *rows = realloc(labels->rows, (size_t)room * sizeof *rows);
        if (!rows)
            return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory for the labels");
        labels->rows = rows;
        labels->room = room;
    }
    if (text)
        MCL_TRY(mcl_dictionary_add(&index, labels->texts, text, length));
    if (index > MCL_LABEL_MAX)
        return mcl_fail(MCL_ERROR_DATA, "the labels are of too many classes");
    labels->rows[labels->count++] = text ? (int32_t)index : -1;
    return MCL_OK;
}

/* places[i] = the class of text i, by classes, to which those are added that are none of them. */
static mcl_status place(
    int32_t *places, bool *added, mcl_strings *classes, const mcl_strings *texts)
{
    mcl_lookup *lookup;
    mcl_status status = mcl_lookup_create(&lookup, classes);
    *added = false;
    if (status != MCL_OK)
        return status;
    for (uint64_t i = 0; i < mcl_strings_count(texts) && status == MCL_OK; i++) {
        const char *text = mcl_strings_at(texts, i);
        uint32_t found = 0;
        status = mcl_lookup_find(&found, lookup, text, strlen(text));
        places[i] = (int32_t)found;
        if (status != MCL_OK || found != MCL_LOOKUP_NONE)
            continue;
        places[i] = (int32_t)mcl_strings_count(classes);
        status = mcl_strings_add(classes, text, strlen(text));
        *added = true;
    }
    mcl_lookup_free(lookup);
    return status;
}

/* Classes without names are their numbers. */
static mcl_status place_numbers(
    int32_t *places, const mcl_strings *texts, const mcl_data *like, const char *source)
{
    char quote[MCL_QUOTE_SIZE];
    for (uint64_t i = 0; i < mcl_strings_count(texts); i++) {
        const char *text = mcl_strings_at(texts, i);
        double value;
        if (!mcl_text_number(&value, text) || !(value >= 0.0 && value <= MCL_LABEL_MAX) ||
            value != rint(value))
            return mcl_fail(MCL_ERROR_DATA,
                "%s: the label '%s' is none of the numbers that %s has as labels", source,
                mcl_quote(quote, text), mcl_data_source(like));
        places[i] = (int32_t)value;
    }
    return MCL_OK;
}

static mcl_status add_names(mcl_strings *classes, const mcl_data *like)
{
    for (uint32_t i = 0; i < mcl_data_classes(like); i++) {
        const char *name = mcl_data_class_name(like, i);
        MCL_TRY(mcl_strings_add(classes, name, strlen(name)));
    }
    return MCL_OK;
}

static mcl_status add_all(mcl_strings *classes, const mcl_strings *others)
{
    for (uint64_t i = 0; i < mcl_strings_count(others); i++) {
        const char *text = mcl_strings_at(others, i);
        MCL_TRY(mcl_strings_add(classes, text, strlen(text)));
    }
    return MCL_OK;
}

/* places[texts], and *classes = the classes' names; NULL where they are numbers. */
static mcl_status find_places(int32_t *places, mcl_strings **classes, const mcl_strings *texts,
    const mcl_data *like, const mcl_strings *known, const char *source)
{
    bool added = false;
    if (like && mcl_data_classes(like) == 0)
        return place_numbers(places, texts, like, source);
    MCL_TRY(mcl_strings_create(classes));
    MCL_TRY(like ? add_names(*classes, like) : add_all(*classes, known));
    MCL_TRY(place(places, &added, *classes, texts));
    if (like || !added)
        return MCL_OK;
    mcl_strings_free(*classes);
    *classes = NULL;
    MCL_TRY(mcl_texts_sorted(classes, texts, true, false));
    return place(places, &added, *classes, texts);
}

/* *pointed = numbers with '.' as their point. */
static mcl_status point_numbers(mcl_strings **pointed, const mcl_strings *texts, char point)
{
    mcl_strings *created;
    MCL_TRY(mcl_strings_create(&created));
    mcl_status status = MCL_OK;
    for (uint64_t i = 0; i < mcl_strings_count(texts) && status == MCL_OK; i++) {
        char *copy;
        status = mcl_copy_string(&copy, mcl_strings_at(texts, i));
        if (status != MCL_OK)
            break;
        char *found = strchr(copy, point);
        if (found)
            *found = '.';
        status = mcl_strings_add(created, copy, strlen(copy));
        free(copy);
    }
    if (status == MCL_OK)
        *pointed = created;
    else
        mcl_strings_free(created);
    return status;
}

static mcl_status give(mcl_data *data, const mcl_row_labels *labels, const mcl_strings *texts,
    const mcl_data *like, const mcl_strings *classes)
{
    int32_t *places = NULL, *rows = NULL;
    mcl_strings *names = NULL;
    MCL_TRY(mcl_allocate(&places, mcl_strings_count(texts), sizeof *places));
    mcl_status status = find_places(places, &names, texts, like, classes, mcl_data_source(data));
    if (status == MCL_OK)
        status = mcl_allocate(&rows, labels->count, sizeof *rows);
    for (uint64_t i = 0; status == MCL_OK && i < labels->count; i++)
        rows[i] = labels->rows[i] < 0 ? -1 : places[labels->rows[i]];
    free(places);
    if (status == MCL_OK)
        mcl_data_set_labels(data, rows, names);
    else
        mcl_strings_free(names);
    return status;
}

mcl_status mcl_row_labels_give(
    mcl_data *data, const mcl_row_labels *labels, const mcl_data *like, const mcl_strings *classes)
{
    const mcl_strings *texts = mcl_dictionary_texts(labels->texts);
    mcl_strings *pointed;
    if (labels->point == '.' || !mcl_texts_are_targets(texts, labels->point))
        return give(data, labels, texts, like, classes);
    MCL_TRY(point_numbers(&pointed, texts, labels->point));
    const mcl_status status = give(data, labels, pointed, like, classes);
    mcl_strings_free(pointed);
    return status;
}
