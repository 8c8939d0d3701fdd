/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas and their text, a line of JSON:
 *
 * {"version":1,"columns":[{"name":"mass","kind":"number","mean":4201.75,"deviation":801.5,
 * "missing":true},{"name":"island","kind":"category","categories":["Biscoe","Dream"]},…],
 * "image":{"height":32,"width":32,"channels":3,"scale":"1/255"}}
 *
 * Members have this order; "missing" stands only where it is true, "image" only where there is one.
 */
#include "data/schema.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/names.h"
#include "base/numbers.h"
#include "base/utf8.h"

#define VERSION 1
#define SCALE "1/255"
#define IMAGE_MOST 65536 /* pixels a side, and channels */

static const char *const kinds[] = {
    [MCL_COLUMN_NUMBER] = "number",
    [MCL_COLUMN_CATEGORY] = "category",
    [MCL_COLUMN_LABEL] = "label",
    [MCL_COLUMN_ID] = "id",
    [MCL_COLUMN_IGNORED] = "ignored",
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

struct stored {
    mcl_column column;
    char *name;
    mcl_strings *categories; /* NULL: none */
};

struct mcl_schema {
    struct stored *columns; /* [count] */
    size_t count, room;
    uint64_t inputs;
    mcl_image image; /* of height 0: none */
};

const char *mcl_column_kind_name(mcl_column_kind kind)
{
    return mcl_name_of(kinds, COUNT(kinds), (size_t)kind);
}

mcl_status mcl_schema_create(mcl_schema **schema)
{
    return mcl_allocate(schema, 1, sizeof **schema);
}

void mcl_schema_free(mcl_schema *schema)
{
    if (!schema)
        return;
    for (size_t i = 0; i < schema->count; i++) {
        free(schema->columns[i].name);
        mcl_strings_free(schema->columns[i].categories);
    }
    free(schema->columns);
    free(schema);
}

static mcl_status copy_strings(mcl_strings **copy, const mcl_strings *strings)
{
    mcl_status status = mcl_strings_create(copy);
    for (uint64_t i = 0; i < mcl_strings_count(strings) && status == MCL_OK; i++) {
        const char *text = mcl_strings_at(strings, i);
        status = mcl_strings_add(*copy, text, strlen(text));
    }
    return status;
}

static uint64_t width_of(const mcl_column *column)
{
    switch (column->kind) {
    case MCL_COLUMN_NUMBER:
        return 1 + (uint64_t)column->indicator;
    case MCL_COLUMN_CATEGORY:
        return 1 + (uint64_t)column->categories;
    default:
        return 0;
    }
}

static mcl_status reserve(mcl_schema *schema)
{
    if (schema->count < schema->room)
        return MCL_OK;
    const size_t room = schema->room ? 2 * schema->room : 16;
    struct stored *columns = realloc(schema->columns, room * sizeof *columns);
    if (!columns)
        return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory for %zu columns", room);
    schema->columns = columns;
    schema->room = room;
    return MCL_OK;
}

mcl_status mcl_schema_add(
    mcl_schema *schema, const mcl_column *column, const mcl_strings *categories)
{
    MCL_TRY(reserve(schema));
    struct stored *added =
        &schema->columns[schema->count++]; /* freed with the schema from now on */
    *added = (struct stored){.column = *column};
    MCL_TRY(mcl_copy_string(&added->name, column->name));
    if (mcl_strings_count(categories))
        MCL_TRY(copy_strings(&added->categories, categories));
    const bool number = column->kind == MCL_COLUMN_NUMBER;
    added->column = (mcl_column){
        .name = added->name,
        .kind = column->kind,
        .first = schema->inputs,
        .mean = number ? column->mean : 0.0,
        .deviation = number ? column->deviation : 1.0,
        .indicator = number && column->indicator,
        .categories = (uint32_t)mcl_strings_count(added->categories),
    };
    added->column.width = width_of(&added->column);
    schema->inputs += added->column.width;
    return MCL_OK;
}

static uint64_t values_of(const mcl_image *image)
{
    return (uint64_t)image->height * image->width * image->channels;
}

void mcl_schema_set_image(mcl_schema *schema, const mcl_image *image)
{
    const uint64_t before = values_of(&schema->image), values = values_of(image);
    schema->image = *image;
    schema->inputs = schema->inputs - before + values;
    for (size_t i = 0; i < schema->count; i++)
        schema->columns[i].column.first += values - before;
}

mcl_status mcl_schema_copy(mcl_schema **copy, const mcl_schema *schema)
{
    mcl_schema *created;
    MCL_TRY(mcl_schema_create(&created));
    mcl_schema_set_image(created, &schema->image);
    mcl_status status = MCL_OK;
    for (size_t i = 0; i < schema->count && status == MCL_OK; i++)
        status = mcl_schema_add(created, &schema->columns[i].column, schema->columns[i].categories);
    if (status == MCL_OK)
        *copy = created;
    else
        mcl_schema_free(created);
    return status;
}

size_t mcl_schema_columns(const mcl_schema *schema)
{
    return schema ? schema->count : 0;
}

mcl_column mcl_schema_column(const mcl_schema *schema, size_t index)
{
    return index < mcl_schema_columns(schema) ? schema->columns[index].column
                                              : (mcl_column){.name = NULL, .deviation = 1.0};
}

const char *mcl_schema_category(const mcl_schema *schema, size_t column, uint32_t index)
{
    return column < mcl_schema_columns(schema)
               ? mcl_strings_at(schema->columns[column].categories, index)
               : NULL;
}

uint64_t mcl_schema_inputs(const mcl_schema *schema)
{
    return schema ? schema->inputs : 0;
}

bool mcl_schema_image(mcl_image *image, const mcl_schema *schema)
{
    if (!schema || schema->image.height == 0)
        return false;
    if (image)
        *image = schema->image;
    return true;
}

/* Writing. cJSON prints doubles with fewer digits than some of them need. */
static bool add_number(cJSON *object, const char *name, double value)
{
    char text[MCL_NUMBER_SIZE];
    mcl_number_show(text, value);
    return cJSON_AddRawToObject(object, name, text) != NULL;
}

static bool add_categories(cJSON *object, const mcl_strings *categories)
{
    cJSON *array = cJSON_AddArrayToObject(object, "categories");
    for (uint64_t i = 0; array && i < mcl_strings_count(categories); i++) {
        cJSON *item = cJSON_CreateString(mcl_strings_at(categories, i));
        if (!item || !cJSON_AddItemToArray(array, item)) {
            cJSON_Delete(item);
            return false;
        }
    }
    return array != NULL;
}

static bool describe_column(cJSON *object, const struct stored *stored)
{
    const mcl_column *column = &stored->column;
    if (!cJSON_AddStringToObject(object, "name", column->name) ||
        !cJSON_AddStringToObject(object, "kind", mcl_column_kind_name(column->kind)))
        return false;
    if (column->kind == MCL_COLUMN_CATEGORY || column->kind == MCL_COLUMN_LABEL)
        return add_categories(object, stored->categories);
    if (column->kind != MCL_COLUMN_NUMBER)
        return true;
    return add_number(object, "mean", column->mean) &&
           add_number(object, "deviation", column->deviation) &&
           (!column->indicator || cJSON_AddTrueToObject(object, "missing"));
}

static bool describe_image(cJSON *root, const mcl_image *image)
{
    cJSON *object = cJSON_AddObjectToObject(root, "image");
    return object && add_number(object, "height", image->height) &&
           add_number(object, "width", image->width) &&
           add_number(object, "channels", image->channels) &&
           cJSON_AddStringToObject(object, "scale", SCALE);
}

static bool describe(cJSON *root, const mcl_schema *schema)
{
    if (!root || !add_number(root, "version", VERSION))
        return false;
    cJSON *columns = cJSON_AddArrayToObject(root, "columns");
    for (size_t i = 0; i < schema->count; i++) {
        cJSON *object = columns ? cJSON_CreateObject() : NULL;
        if (!object || !cJSON_AddItemToArray(columns, object)) {
            cJSON_Delete(object);
            return false;
        }
        if (!describe_column(object, &schema->columns[i]))
            return false;
    }
    return columns && (!mcl_schema_image(NULL, schema) || describe_image(root, &schema->image));
}

mcl_status mcl_schema_text(char **text, const mcl_schema *schema)
{
    MCL_NEED(text);
    MCL_NEED(schema);
    cJSON *root = cJSON_CreateObject();
    char *printed = describe(root, schema) ? cJSON_PrintUnformatted(root) : NULL;
    cJSON_Delete(root);
    if (!printed)
        return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory for the schema's text");
    *text = printed;
    return MCL_OK;
}

void mcl_schema_text_free(char *text)
{
    cJSON_free(text);
}

/* Reading. Where messages say the place: "schema: column 3: …", counted from 1. */
#define PLACE_SIZE 48

/* The members that an object may have. */
struct member {
    const char *name;
    const cJSON *item; /* NULL: it has none */
};

/* Fills in items; a member that is none of them, or there twice, is a failure. */
static mcl_status find_members(
    struct member *members, size_t count, const cJSON *object, const char *place)
{
    const cJSON *child;
    char quote[MCL_QUOTE_SIZE];
    if (!cJSON_IsObject(object))
        return mcl_fail(MCL_ERROR_FORMAT, "%s: is no object", place);
    cJSON_ArrayForEach(child, object)
    {
        size_t i = 0;
        while (i < count && strcmp(child->string, members[i].name) != 0)
            i++;
        if (i == count)
            return mcl_fail(MCL_ERROR_FORMAT,
                "%s: has an unknown member '%s'; a newer maskcl may have written it", place,
                mcl_quote(quote, child->string));
        if (members[i].item)
            return mcl_fail(MCL_ERROR_FORMAT, "%s: has '%s' twice", place, members[i].name);
        members[i].item = child;
    }
    return MCL_OK;
}

static mcl_status need_number(double *value, const struct member *member, const char *place)
{
    if (!member->item || !cJSON_IsNumber(member->item) || !isfinite(member->item->valuedouble))
        return mcl_fail(MCL_ERROR_FORMAT, "%s: its '%s' is no number", place, member->name);
    *value = member->item->valuedouble;
    return MCL_OK;
}

static mcl_status need_whole(uint32_t *value, const struct member *member, const char *place)
{
    double number = 0.0;
    MCL_TRY(need_number(&number, member, place));
    if (!(number >= 1.0 && number <= IMAGE_MOST) || number != floor(number))
        return mcl_fail(MCL_ERROR_FORMAT, "%s: its '%s' is no number from 1 to %d", place,
            member->name, IMAGE_MOST);
    *value = (uint32_t)number;
    return MCL_OK;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Refuses texts[count] of which two are the same, and sorts them. */
static mcl_status check_distinct(const char **texts, size_t count, const char *place)
{
    char quote[MCL_QUOTE_SIZE];
    qsort(texts, count, sizeof *texts, compare_texts);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(texts[i - 1], texts[i]) == 0)
            return mcl_fail(
                MCL_ERROR_FORMAT, "%s: '%s' is there twice", place, mcl_quote(quote, texts[i]));
    }
    return MCL_OK;
}

static mcl_status check_categories(const mcl_strings *categories, const char *place)
{
    const char **texts;
    const uint64_t count = mcl_strings_count(categories);
    MCL_TRY(mcl_allocate(&texts, count, sizeof *texts));
    for (uint64_t i = 0; i < count; i++)
        texts[i] = mcl_strings_at(categories, i);
    const mcl_status status = check_distinct(texts, (size_t)count, place);
    free(texts);
    return status;
}

static mcl_status parse_categories(mcl_strings *categories, const cJSON *array, const char *place)
{
    const cJSON *item;
    if (!cJSON_IsArray(array))
        return mcl_fail(MCL_ERROR_FORMAT, "%s: its 'categories' are no list", place);
    cJSON_ArrayForEach(item, array)
    {
        if (!cJSON_IsString(item))
            return mcl_fail(MCL_ERROR_FORMAT, "%s: a category is no text", place);
        MCL_TRY(mcl_strings_add(categories, item->valuestring, strlen(item->valuestring)));
    }
    if (mcl_strings_count(categories) >= UINT32_MAX)
        return mcl_fail(MCL_ERROR_FORMAT, "%s: has too many categories", place);
    return check_categories(categories, place);
}

enum { NAME, KIND, MEAN, DEVIATION, MISSING, CATEGORIES, MEMBERS };

/* Whether a column of a kind has each member. */
static mcl_status check_members(
    const struct member *members, mcl_column_kind kind, const char *place)
{
    const bool number = kind == MCL_COLUMN_NUMBER;
    const bool listed = kind == MCL_COLUMN_CATEGORY || kind == MCL_COLUMN_LABEL;
    for (int m = MEAN; m < MEMBERS; m++) {
        const bool wanted = m == CATEGORIES ? listed : number;
        if (members[m].item ? !wanted : wanted && m != MISSING)
            return mcl_fail(MCL_ERROR_FORMAT, "%s: is a %s and has %s '%s'", place,
                mcl_column_kind_name(kind), wanted ? "no" : "a", members[m].name);
    }
    return MCL_OK;
}

static mcl_status parse_facts(
    mcl_column *column, mcl_strings *categories, const struct member *members, const char *place)
{
    char quote[MCL_QUOTE_SIZE];
    size_t kind = 0;
    if (!cJSON_IsString(members[NAME].item) || !cJSON_IsString(members[KIND].item))
        return mcl_fail(MCL_ERROR_FORMAT, "%s: has no name or no kind", place);
    if (mcl_name_parse(&kind, members[KIND].item->valuestring, kinds, COUNT(kinds), "kind"))
        return mcl_fail(MCL_ERROR_FORMAT, "%s: its kind '%s' is not known", place,
            mcl_quote(quote, members[KIND].item->valuestring));
    *column = (mcl_column){
        .name = members[NAME].item->valuestring, .kind = (mcl_column_kind)kind, .deviation = 1.0};
    MCL_TRY(check_members(members, column->kind, place));
    if (members[CATEGORIES].item)
        return parse_categories(categories, members[CATEGORIES].item, place);
    if (column->kind != MCL_COLUMN_NUMBER)
        return MCL_OK;
    MCL_TRY(need_number(&column->mean, &members[MEAN], place));
    MCL_TRY(need_number(&column->deviation, &members[DEVIATION], place));
    if (!(column->deviation > 0.0))
        return mcl_fail(MCL_ERROR_FORMAT, "%s: its 'deviation' is not above 0", place);
    if (members[MISSING].item && !cJSON_IsTrue(members[MISSING].item))
        return mcl_fail(MCL_ERROR_FORMAT, "%s: its 'missing' is not true", place);
    column->indicator = members[MISSING].item != NULL;
    return MCL_OK;
}

static mcl_status parse_column(mcl_schema *schema, const cJSON *object)
{
    char place[PLACE_SIZE];
    struct member members[MEMBERS] = {{"name", NULL}, {"kind", NULL}, {"mean", NULL},
        {"deviation", NULL}, {"missing", NULL}, {"categories", NULL}};
    mcl_strings *categories;
    mcl_column column;
    snprintf(place, sizeof place, "schema: column %zu", schema->count + 1);
    MCL_TRY(find_members(members, MEMBERS, object, place));
    MCL_TRY(mcl_strings_create(&categories));
    mcl_status status = parse_facts(&column, categories, members, place);
    if (status == MCL_OK)
        status = mcl_schema_add(schema, &column, categories);
    mcl_strings_free(categories);
    return status;
}

static mcl_status parse_columns(mcl_schema *schema, const cJSON *array)
{
    const cJSON *item;
    const char **names;
    if (!cJSON_IsArray(array))
        return mcl_fail(MCL_ERROR_FORMAT, "schema: its 'columns' are no list");
    cJSON_ArrayForEach(item, array) MCL_TRY(parse_column(schema, item));
    MCL_TRY(mcl_allocate(&names, schema->count, sizeof *names));
    for (size_t i = 0; i < schema->count; i++)
        names[i] = schema->columns[i].name;
    const mcl_status status = check_distinct(names, schema->count, "schema: a column's name");
    free(names);
    return status;
}

static mcl_status parse_image(mcl_schema *schema, const cJSON *object)
{
    static const char *const place = "schema: image";
    struct member members[] = {
        {"height", NULL}, {"width", NULL}, {"channels", NULL}, {"scale", NULL}};
    mcl_image image;
    MCL_TRY(find_members(members, COUNT(members), object, place));
    MCL_TRY(need_whole(&image.height, &members[0], place));
    MCL_TRY(need_whole(&image.width, &members[1], place));
    MCL_TRY(need_whole(&image.channels, &members[2], place));
    if (!cJSON_IsString(members[3].item) || strcmp(members[3].item->valuestring, SCALE) != 0)
        return mcl_fail(MCL_ERROR_FORMAT, "%s: its 'scale' is not " SCALE, place);
    mcl_schema_set_image(schema, &image);
    return MCL_OK;
}

static mcl_status parse_root(mcl_schema *schema, const cJSON *root)
{
    struct member members[] = {{"version", NULL}, {"columns", NULL}, {"image", NULL}};
    double version = 0.0;
    MCL_TRY(find_members(members, COUNT(members), root, "schema"));
    MCL_TRY(need_number(&version, &members[0], "schema"));
    if (version != VERSION)
        return mcl_fail(MCL_ERROR_FORMAT,
            "schema: is of version %g, and this maskcl knows version %d", version, VERSION);
    MCL_TRY(parse_columns(schema, members[1].item));
    return members[2].item ? parse_image(schema, members[2].item) : MCL_OK;
}

mcl_status mcl_schema_parse(mcl_schema **schema, const char *text)
{
    MCL_NEED(schema);
    MCL_NEED(text);
    mcl_schema *created;
    const char *end = text;
    const size_t length = strlen(text);
    if (!mcl_is_utf8(text, length) || mcl_json_has_zero(text, length))
        return mcl_fail(MCL_ERROR_FORMAT, "schema: is not UTF-8 text");
    cJSON *root = cJSON_ParseWithOpts(text, &end, true);
    if (!root)
        return mcl_fail(MCL_ERROR_FORMAT,
            "schema: is not JSON, or too large for the memory: byte %zu", (size_t)(end - text));
    mcl_status status = mcl_schema_create(&created);
    if (status == MCL_OK) {
        status = parse_root(created, root);
        if (status == MCL_OK)
            *schema = created;
        else
            mcl_schema_free(created);
    }
    cJSON_Delete(root);
    return status;
}
