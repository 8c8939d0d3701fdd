/* SPDX-License-Identifier: Apache-2.0 */
/* The classes of images, by their names. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/data.h"
#include "data/dictionary.h"
#include "data/image_rows.h"
#include "data/schema.h"

#define NAME_SIZE 256 /* of a class: longer ones are cut */

/* A class's name as models keep it: what terminals and JSON take. */
static const char *clean(char name[NAME_SIZE], const char *text)
{
    (void)mcl_clean_text(name, NAME_SIZE, text, "");
    return name;
}

static mcl_status add(mcl_dictionary *classes, const char *text)
{
    char name[NAME_SIZE];
    uint64_t index;
    clean(name, text);
    return *name ? mcl_dictionary_add(&index, classes, name, strlen(name)) : MCL_OK;
}

/* The classes that have numbers already. */
static mcl_status add_known(mcl_dictionary *classes, const mcl_data_options *options)
{
    const char *name;
    for (uint32_t i = 0; (name = mcl_data_class_name(options->like, i)); i++)
        MCL_TRY(add(classes, name));
    if (options->like)
        return MCL_OK;
    for (size_t c = 0; c < mcl_schema_columns(options->schema); c++) {
        if (mcl_schema_column(options->schema, c).kind != MCL_COLUMN_LABEL)
            continue;
        for (uint32_t i = 0; (name = mcl_schema_category(options->schema, c, i)); i++)
            MCL_TRY(add(classes, name));
    }
    return MCL_OK;
}

/* Adds names in ascending order. */
static mcl_status add_sorted(mcl_dictionary *classes, const mcl_strings *names)
{
    mcl_strings *sorted;
    MCL_TRY(mcl_strings_create(&sorted));
    mcl_status status = mcl_strings_add_sorted(sorted, names);
    for (uint64_t i = 0; i < mcl_strings_count(sorted) && status == MCL_OK; i++)
        status = add(classes, mcl_strings_at(sorted, i));
    mcl_strings_free(sorted);
    return status;
}

/* Adds the rows' classes, which are fewer than the rows. */
static mcl_status add_new(mcl_dictionary *classes, const mcl_strings *texts)
{
    mcl_dictionary *found;
    MCL_TRY(mcl_dictionary_create(&found));
    mcl_status status = MCL_OK;
    for (uint64_t row = 0; row < mcl_strings_count(texts) && status == MCL_OK; row++)
        status = add(found, mcl_strings_at(texts, row));
    if (status == MCL_OK)
        status = add_sorted(classes, mcl_dictionary_texts(found));
    mcl_dictionary_free(found);
    return status;
}

static mcl_status copy_names(mcl_strings **names, const mcl_dictionary *classes)
{
    const mcl_strings *texts = mcl_dictionary_texts(classes);
    mcl_strings *copy;
    MCL_TRY(mcl_strings_create(&copy));
    for (uint64_t i = 0; i < mcl_strings_count(texts); i++) {
        const char *text = mcl_strings_at(texts, i);
        const mcl_status status = mcl_strings_add(copy, text, strlen(text));
        if (status != MCL_OK) {
            mcl_strings_free(copy);
            return status;
        }
    }
    *names = copy;
    return MCL_OK;
}

static mcl_status set_labels(
    mcl_data *data, const mcl_strings *texts, const mcl_dictionary *classes)
{
    char name[NAME_SIZE];
    int32_t *labels;
    mcl_strings *names;
    MCL_TRY(copy_names(&names, classes));
    const mcl_status status = mcl_allocate(&labels, mcl_data_rows(data), sizeof *labels);
    if (status != MCL_OK) {
        mcl_strings_free(names);
        return status;
    }
    for (uint64_t row = 0; row < mcl_data_rows(data); row++) {
        clean(name, mcl_strings_at(texts, row));
        const uint64_t index = mcl_dictionary_find(classes, name, strlen(name));
        labels[row] = index == MCL_DICTIONARY_NONE ? -1 : (int32_t)index;
    }
    mcl_data_set_labels(data, labels, names);
    return MCL_OK;
}

/* names has the classes; NULL: there are none. */
static mcl_status set_schema(mcl_data *data, const mcl_strings *names)
{
    uint64_t shape[MCL_DIMENSIONS_MAX];
    mcl_schema *schema;
    (void)mcl_data_row_shape(data, shape);
    const mcl_image image = {(uint32_t)shape[0], (uint32_t)shape[1], (uint32_t)shape[2]};
    const mcl_column label = {.name = "class", .kind = MCL_COLUMN_LABEL};
    MCL_TRY(mcl_schema_create(&schema));
    mcl_schema_set_image(schema, &image);
    const mcl_status status = names ? mcl_schema_add(schema, &label, names) : MCL_OK;
    if (status == MCL_OK)
        mcl_data_set_schema(data, schema);
    else
        mcl_schema_free(schema);
    return status;
}

mcl_status mcl_image_classes(
    mcl_data *data, const mcl_strings *texts, const mcl_data_options *options)
{
    mcl_dictionary *classes;
    bool any = false;
    for (uint64_t row = 0; row < mcl_strings_count(texts) && !any; row++)
        any = *mcl_strings_at(texts, row) != '\0';
    if (!any)
        return set_schema(data, NULL);
    MCL_TRY(mcl_dictionary_create(&classes));
    mcl_status status = add_known(classes, options);
    if (status == MCL_OK)
        status = add_new(classes, texts);
    if (status == MCL_OK)
        status = set_labels(data, texts, classes);
    if (status == MCL_OK)
        status = set_schema(data, mcl_dictionary_texts(classes));
    mcl_dictionary_free(classes);
    return status;
}
