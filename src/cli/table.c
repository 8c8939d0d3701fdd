/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <string.h>

#include "maskcl/options.h"

#define NAME_SIZE 40

/* Options whose usual name is not their key with hyphens. */
static const struct {
    const char *key, *name;
} spellings[] = {
    {"learning_rate", "lr"},
    {"final_learning_rate", "lr-final"},
    {"learning_rate_step_epochs", "lr-step"},
    {"learning_rate_gamma", "lr-gamma"},
};

static void spell_key(char name[NAME_SIZE], const char *key)
{
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        if (strcmp(spellings[i].key, key) == 0) {
            snprintf(name, NAME_SIZE, "%s", spellings[i].name);
            return;
        }
    }
    snprintf(name, NAME_SIZE, "%s", key);
    for (char *c = name; *c; c++)
        *c = *c == '_' ? '-' : *c;
}

/* Options of contexts (mcl_context_options), and others that are no rows, which messages name, too.
 */
static const char *const others[] = {"init", "platform", "device", "gemm", "compute_units",
    "device_memory", "exclusive", "reproducible"};

static bool is_key(const char *key)
{
    mcl_option_info info;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strcmp(others[i], key) == 0)
            return true;
    }
    for (mcl_options_kind kind = MCL_OPTIONS_PRETRAIN; kind <= MCL_OPTIONS_DATA; kind++) {
        for (size_t i = 0; mcl_option_at(&info, kind, i) == MCL_OK; i++) {
            if (strcmp(info.key, key) == 0)
                return true;
        }
    }
    return false;
}

/* Options of the library's as a command takes them. */
struct taken {
    mcl_options_kind kind; /* 0: none */
    size_t offset;
    const char *const *keys; /* and groups; NULL: all */
};

#define FAMILIES 2

static void find_taken(struct taken taken[FAMILIES], const mcl_command *command)
{
    taken[0] = (struct taken){0};
    if (command->data_keys)
        taken[0] = (struct taken){MCL_OPTIONS_DATA, command->data_offset, command->data_keys};
    taken[1] = (struct taken){command->library, command->library_offset, command->library_keys};
}

static bool is_taken(const struct taken *taken, const mcl_option_info *info)
{
    if (!taken->keys)
        return true;
    for (const char *const *key = taken->keys; *key; key++) {
        if (strcmp(*key, info->key) == 0 || strcmp(*key, info->group) == 0)
            return true;
    }
    return false;
}

static bool has_option(const mcl_command *command, const char *key, const char *name)
{
    mcl_option_info info;
    for (size_t i = 0; i < command->option_count; i++) {
        if (strcmp(command->options[i].name, name) == 0)
            return true;
    }
    struct taken taken[FAMILIES];
    find_taken(taken, command);
    for (size_t f = 0; f < FAMILIES; f++) {
        for (size_t i = 0; taken[f].kind && mcl_option_at(&info, taken[f].kind, i) == MCL_OK; i++) {
            if (strcmp(info.key, key) == 0 && is_taken(&taken[f], &info))
                return true;
        }
    }
    return false;
}

/* An option's key as words. */
static void say_key(char words[NAME_SIZE], const char *key)
{
    snprintf(words, NAME_SIZE, "%s", key);
    for (char *c = words; *c; c++)
        *c = *c == '_' ? ' ' : *c;
}

void mcl_spell(char *spelled, size_t size, const char *text, const mcl_command *command)
{
    size_t used = 0;
    while (*text && used + NAME_SIZE + 2 < size) {
        char key[NAME_SIZE], name[NAME_SIZE];
        const size_t length = *text == '`' ? strcspn(text + 1, "`") : 0;
        if (length == 0 || length >= sizeof key || text[length + 1] != '`') {
            spelled[used++] = *text++;
            continue;
        }
        snprintf(key, sizeof key, "%.*s", (int)length, text + 1);
        if (!is_key(key)) {
            spelled[used++] = *text++;
            continue;
        }
        spell_key(name, key);
        const bool typed = !command || has_option(command, key, name);
        if (!typed)
            say_key(name, key);
        used += (size_t)snprintf(spelled + used, size - used, typed ? "--%s" : "%s", name);
        text += length + 2;
    }
    spelled[used] = '\0';
}

/* What an option of the library's is on a command line; texts are room for what is spelled. */
struct texts {
    char name[NAME_SIZE], help[1024], otherwise[160];
};

static mcl_option from_library(
    struct texts *texts, const mcl_option_info *info, const struct taken *taken)
{
    const bool is_switch = strcmp(info->values, "no|yes") == 0;
    spell_key(texts->name, info->key);
    mcl_spell(texts->help, sizeof texts->help, info->help, NULL);
    snprintf(texts->otherwise, sizeof texts->otherwise, "%s", info->otherwise);
    return (mcl_option){.name = texts->name,
        .key = info->key,
        .offset = taken->offset,
        .recipe = !taken->keys && info->of_recipe,
        .argument = is_switch ? NULL : info->values,
        .group = info->group,
        .help = texts->help,
        .without = is_switch ? NULL : texts->otherwise};
}

mcl_option_table mcl_command_table(const mcl_command *command)
{
    static mcl_option options[MCL_OPTIONS_MAX];
    static struct texts texts[MCL_OPTIONS_MAX];
    static const mcl_command *made_for;
    static size_t count;
    struct taken taken[FAMILIES];
    mcl_option_info info;
    if (command == made_for)
        return (mcl_option_table){options, count};
    made_for = command;
    count = 0;
    find_taken(taken, command);
    for (size_t f = 0; f < FAMILIES; f++) {
        for (size_t i = 0; taken[f].kind && mcl_option_at(&info, taken[f].kind, i) == MCL_OK; i++) {
            if (count < MCL_OPTIONS_MAX && is_taken(&taken[f], &info)) {
                options[count] = from_library(&texts[count], &info, &taken[f]);
                count++;
            }
        }
    }
    for (size_t i = 0; i < command->option_count && count < MCL_OPTIONS_MAX; i++)
        options[count++] = command->options[i];
    return (mcl_option_table){options, count};
}
