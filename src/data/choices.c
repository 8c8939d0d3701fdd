/* SPDX-License-Identifier: Apache-2.0 */
/* The columns that options name. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "data/table.h"

#define DISTANCE_MOST 3 /* edits by which a name may be meant for another */
#define NAME_MOST 64    /* bytes of names that are compared so */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MOST + 1];
    const size_t m = strlen(a), n = strlen(b);
    if (m > NAME_MOST || n > NAME_MOST)
        return NAME_MOST;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(replaced, least(row[j - 1], row[j]) + 1);
        }
    }
    return row[n];
}

static mcl_status refuse_name(const mcl_table *table, const char *name, const char *option)
{
    char quote[MCL_QUOTE_SIZE], near[MCL_QUOTE_SIZE];
    const mcl_strings *names = mcl_dictionary_texts(mcl_table_names(table));
    const char *nearest = NULL;
    size_t best = least(DISTANCE_MOST, strlen(name) / 2) + 1;
    mcl_list list = {.used = 0};
    for (uint64_t i = 0; i < mcl_strings_count(names); i++) {
        const size_t edits = distance(name, mcl_strings_at(names, i));
        if (edits < best) {
            best = edits;
            nearest = mcl_strings_at(names, i);
        }
        mcl_list_add(&list, mcl_strings_at(names, i));
    }
    mcl_quote(quote, name);
    if (nearest)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s: `%s`: there is no column '%s'; is '%s' meant? The columns are %s",
            mcl_table_source(table), option, quote, mcl_quote(near, nearest), mcl_list_text(&list));
    return mcl_fail(MCL_ERROR_ARGUMENT, "%s: `%s`: there is no column '%s'; the columns are %s%s",
        mcl_table_source(table), option, quote, mcl_list_text(&list),
        mcl_table_header(table) ? ""
                                : ", as the file has no header; if it has one, say so by `header`");
}

static mcl_status choose(mcl_column_choices *choices, mcl_table *table, const char *name,
    size_t length, mcl_column_kind kind, const char *option)
{
    char quote[MCL_QUOTE_SIZE], *copy;
    const uint64_t column = mcl_dictionary_find(mcl_table_names(table), name, length);
    if (column == MCL_DICTIONARY_NONE) {
        MCL_TRY(mcl_allocate(&copy, length + 1, 1));
        memcpy(copy, name, length);
        const mcl_status status = refuse_name(table, copy, option);
        free(copy);
        return status;
    }
    const unsigned char before = choices->kinds[column];
    if (before != MCL_CHOICE_NONE && before != kind)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%s: column '%s' cannot be %s and %s, as options say",
            mcl_table_source(table),
            mcl_quote(quote, mcl_strings_at(mcl_dictionary_texts(mcl_table_names(table)), column)),
            mcl_column_kind_name((mcl_column_kind)before), mcl_column_kind_name(kind));
    choices->kinds[column] = (unsigned char)kind;
    if (kind != MCL_COLUMN_NUMBER)
        mcl_table_want_texts(table, (size_t)column);
    if (kind == MCL_COLUMN_LABEL)
        choices->label = column;
    if (kind == MCL_COLUMN_ID)
        choices->id = column;
    return MCL_OK;
}

/* Takes the next name of a list to name[*length]; returns what follows it, NULL after the last. */
static const char *next_name(char *name, size_t *length, const char *list)
{
    *length = 0;
    if (*list != '"') {
        while (*list && *list != ',')
            name[(*length)++] = *list++;
        return *list ? list + 1 : NULL;
    }
    for (list++; *list; list++) {
        if (*list == '"' && list[1] != '"')
            break;
        list += *list == '"';
        name[(*length)++] = *list;
    }
    while (*list && *list != ',')
        list++;
    return *list ? list + 1 : NULL;
}

static mcl_status choose_all(mcl_column_choices *choices, mcl_table *table, const char *list,
    mcl_column_kind kind, const char *option)
{
    char *name;
    if (!list || !*list)
        return MCL_OK;
    MCL_TRY(mcl_allocate(&name, strlen(list) + 1, 1));
    mcl_status status = MCL_OK;
    while (list && status == MCL_OK) {
        size_t length;
        list = next_name(name, &length, list);
        status = choose(choices, table, name, length, kind, option);
    }
    free(name);
    return status;
}

static mcl_status choose_one(mcl_column_choices *choices, mcl_table *table, const char *name,
    mcl_column_kind kind, const char *option)
{
    return name && *name ? choose(choices, table, name, strlen(name), kind, option) : MCL_OK;
}

mcl_status mcl_table_choices(
    mcl_column_choices *choices, mcl_table *table, const mcl_data_options *options)
{
    const size_t columns = mcl_table_columns(table);
    mcl_column_choices found = {MCL_DICTIONARY_NONE, MCL_DICTIONARY_NONE, NULL};
    MCL_TRY(mcl_allocate(&found.kinds, columns, 1));
    memset(found.kinds, MCL_CHOICE_NONE, columns);
    mcl_status status = choose_one(&found, table, options->label, MCL_COLUMN_LABEL, "label");
    if (status == MCL_OK)
        status = choose_one(&found, table, options->id, MCL_COLUMN_ID, "id");
    if (status == MCL_OK)
        status =
            choose_all(&found, table, options->categorical, MCL_COLUMN_CATEGORY, "categorical");
    if (status == MCL_OK)
        status = choose_all(&found, table, options->numeric, MCL_COLUMN_NUMBER, "numeric");
    if (status == MCL_OK)
        status = choose_all(&found, table, options->ignore, MCL_COLUMN_IGNORED, "ignore");
    if (status == MCL_OK)
        *choices = found;
    else
        free(found.kinds);
    return status;
}
