/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"
#include "table.h"

const mcl_range mcl_range_inside_unit = {0.0, 1.0, true, true, "between 0 and 1"};

const char *mcl_option_label(char label[40], const mcl_option *option)
{
    if (option->letter)
        snprintf(label, 40, "-%c", option->letter);
    else
        snprintf(label, 40, "--%s", option->name);
    return label;
}

static mcl_exit parse_text(void *field, const char *text, const mcl_option *option)
{
    char label[40];
    if (!*text)
        return mcl_complain(MCL_EXIT_USAGE, "%s: the %s is empty", mcl_option_label(label, option),
            option->argument);
    *(const char **)field = text;
    return MCL_EXIT_DONE;
}

static mcl_exit parse_switch(void *field, const char *text, const mcl_option *option)
{
    (void)text;
    (void)option;
    *(bool *)field = true;
    return MCL_EXIT_DONE;
}

static mcl_exit parse_whole(void *field, const char *text, const mcl_option *option)
{
    char label[40];
    mcl_option_label(label, option);
    if (!*text || text[strspn(text, "0123456789")])
        return mcl_complain(MCL_EXIT_USAGE, "%s: '%s' is not a whole number", label, text);
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    uint64_t most = option->most ? option->most : UINT64_MAX;
    if (errno || value < option->least || value > most)
        return mcl_complain(MCL_EXIT_USAGE, "%s: %s is not from %" PRIu64 " to %" PRIu64, label,
            text, option->least, most);
    *(uint64_t *)field = value;
    return MCL_EXIT_DONE;
}

static void show_whole(char *text, size_t size, const void *field)
{
    snprintf(text, size, "%" PRIu64, *(const uint64_t *)field);
}

static mcl_exit parse_whole32(void *field, const char *text, const mcl_option *option)
{
    uint64_t value = 0;
    mcl_exit code = parse_whole(&value, text, option);
    if (code == MCL_EXIT_DONE)
        *(uint32_t *)field = (uint32_t)value;
    return code;
}

static void show_whole32(char *text, size_t size, const void *field)
{
    snprintf(text, size, "%" PRIu32, *(const uint32_t *)field);
}

static bool in_range(double value, const mcl_range *range)
{
    return isfinite(value) && value >= range->minimum && value <= range->maximum &&
           !(range->without_minimum && value == range->minimum) &&
           !(range->without_maximum && value == range->maximum);
}

static mcl_exit parse_float(void *field, const char *text, const mcl_option *option)
{
    char label[40], *end;
    mcl_option_label(label, option);
    const float value = (float)strtod(text, &end); /* 1e-60 is not above 0 as a float */
    if (!*text || *end || text[strspn(text, "0123456789.eE+-")])
        return mcl_complain(MCL_EXIT_USAGE, "%s: '%s' is not a number", label, text);
    if (!in_range((double)value, option->range))
        return mcl_complain(
            MCL_EXIT_USAGE, "%s: %s is not a number %s", label, text, option->range->words);
    *(float *)field = value;
    return MCL_EXIT_DONE;
}

static void show_float(char *text, size_t size, const void *field)
{
    snprintf(text, size, "%g", (double)*(const float *)field);
}

const mcl_option_type mcl_option_text = {parse_text, NULL};
const mcl_option_type mcl_option_switch = {parse_switch, NULL};
const mcl_option_type mcl_option_whole = {parse_whole, show_whole};
const mcl_option_type mcl_option_whole32 = {parse_whole32, show_whole32};
const mcl_option_type mcl_option_float = {parse_float, show_float};

/* An option as typed, told apart from its value. */
typedef struct typed {
    const char *text;  /* the whole argument */
    const char *name;  /* after the dashes */
    size_t length;     /* of the name */
    const char *value; /* after '=' or glued to a letter, NULL: none */
    bool is_long;
} typed;

static typed take_apart(const char *text)
{
    typed option = {.text = text, .is_long = text[1] == '-'};
    if (!option.is_long) {
        option.name = text + 1;
        option.length = 1;
        option.value = text[2] ? text + 2 : NULL;
        return option;
    }
    option.name = text + 2;
    option.length = strcspn(option.name, "=");
    if (option.name[option.length])
        option.value = option.name + option.length + 1;
    return option;
}

static bool is_named(const typed *typed_option, const char *name, char letter)
{
    if (!typed_option->is_long)
        return letter && *typed_option->name == letter;
    return strlen(name) == typed_option->length &&
           strncmp(name, typed_option->name, typed_option->length) == 0;
}

static mcl_exit unknown_option(const mcl_command *command, const typed *option)
{
    char name[64];
    snprintf(
        name, sizeof name, "%.*s", (int)(option->length < 63 ? option->length : 63), option->name);
    if (!option->is_long)
        return mcl_complain(MCL_EXIT_USAGE, "unknown option '%s': see 'maskcl help %s'",
            option->text, command->name);
    const mcl_option_table table = mcl_command_table(command);
    mcl_nearest nearest = mcl_nearest_to(name);
    for (size_t i = 0; i < table.count; i++)
        mcl_nearest_try(&nearest, table.options[i].name);
    mcl_nearest_try(&nearest, "help");
    if (nearest.name)
        return mcl_complain(
            MCL_EXIT_USAGE, "unknown option '--%s': did you mean '--%s'?", name, nearest.name);
    return mcl_complain(
        MCL_EXIT_USAGE, "unknown option '--%s': see 'maskcl help %s'", name, command->name);
}

/* The next option is hardly meant as a value; who does mean it writes --name=-value. */
static bool looks_like_option(const char *text)
{
    return text[0] == '-' && text[1] && !strchr("0123456789.", text[1]);
}

/* Notes the option in texts[*place], and moves *place on when its value is the next argument. */
static mcl_exit read_option(mcl_arguments *arguments, int *place, int count, char **texts)
{
    const mcl_option_table table = mcl_command_table(arguments->command);
    const typed given = take_apart(texts[*place]);
    size_t i = 0;
    while (i < table.count && !is_named(&given, table.options[i].name, table.options[i].letter))
        i++;
    if (i == table.count)
        return unknown_option(arguments->command, &given);
    const mcl_option *option = &table.options[i];
    if (!option->argument) {
        if (given.value)
            return mcl_complain(MCL_EXIT_USAGE, "--%s takes no value", option->name);
        arguments->values[i] = "";
        return MCL_EXIT_DONE;
    }
    arguments->values[i] = given.value;
    if (given.value)
        return MCL_EXIT_DONE;
    if (*place + 1 == count || looks_like_option(texts[*place + 1]))
        return mcl_complain(MCL_EXIT_USAGE, "%s needs a value: %s", given.text, option->argument);
    arguments->values[i] = texts[++*place];
    return MCL_EXIT_DONE;
}

static mcl_exit read_operand(mcl_arguments *arguments, const char *text)
{
    const mcl_command *command = arguments->command;
    const size_t most = command->last_repeats ? MCL_OPERANDS_GIVEN_MAX : command->operand_count;
    if (arguments->operand_count == most)
        return mcl_complain(
            MCL_EXIT_USAGE, "unexpected argument '%s': see 'maskcl help %s'", text, command->name);
    arguments->operands[arguments->operand_count++] = text;
    return MCL_EXIT_DONE;
}

static mcl_exit check_complete(const mcl_arguments *arguments)
{
    const mcl_command *command = arguments->command;
    if (arguments->operand_count + command->optional_operands < command->operand_count) {
        const mcl_operand *missing = &command->operands[arguments->operand_count];
        return mcl_complain(MCL_EXIT_USAGE, "%s needs %s, %s: see 'maskcl help %s'", command->name,
            missing->name, missing->help, command->name);
    }
    const mcl_option_table table = mcl_command_table(command);
    for (size_t i = 0; i < table.count; i++) {
        const mcl_option *option = &table.options[i];
        char label[40];
        if (option->required && !arguments->values[i])
            return mcl_complain(MCL_EXIT_USAGE, "%s needs %s %s: see 'maskcl help %s'",
                command->name, mcl_option_label(label, option), option->argument, command->name);
    }
    return MCL_EXIT_DONE;
}

static bool asks_for_help(int count, char **texts)
{
    for (int i = 0; i < count && strcmp(texts[i], "--") != 0; i++) {
        if (strcmp(texts[i], "--help") == 0 || strcmp(texts[i], "-h") == 0)
            return true;
    }
    return false;
}

mcl_exit mcl_arguments_read(
    mcl_arguments *arguments, const mcl_command *command, int count, char **texts)
{
    *arguments = (mcl_arguments){.command = command, .help = asks_for_help(count, texts)};
    bool options_ended = false;
    for (int i = 0; i < count && !arguments->help; i++) {
        mcl_exit code = MCL_EXIT_DONE;
        if (!options_ended && strcmp(texts[i], "--") == 0)
            options_ended = true;
        else if (!options_ended && texts[i][0] == '-' && texts[i][1])
            code = read_option(arguments, &i, count, texts);
        else
            code = read_operand(arguments, texts[i]);
        if (code != MCL_EXIT_DONE)
            return code;
    }
    return arguments->help ? MCL_EXIT_DONE : check_complete(arguments);
}

static mcl_exit apply(const mcl_option *option, const char *text, void *settings)
{
    if (!option->key)
        return option->type->parse((char *)settings + option->offset, text, option);
    mcl_options *options = (void *)((char *)settings + option->offset);
    if (mcl_options_set(options, option->key, option->argument ? text : "yes") == MCL_OK)
        return MCL_EXIT_DONE;
    const bool topic = strcmp(option->key, "views") == 0;
    return mcl_complain(MCL_EXIT_USAGE, "--%s: %s%s", option->name, mcl_error_message(),
        topic ? "; see 'maskcl help views'" : "");
}

/* Refuses an option that makes no sense together with the others. */
static mcl_exit check(const mcl_option *option, const void *settings)
{
    char reason[512] = "";
    if (option->key) {
        const mcl_options *options = (const void *)((const char *)settings + option->offset);
        (void)mcl_options_conflict(reason, sizeof reason, options, option->key);
    } else if (option->conflict) {
        const char *why = option->conflict(settings);
        snprintf(reason, sizeof reason, "%s", why ? why : "");
    }
    return *reason ? mcl_complain(MCL_EXIT_USAGE, "--%s: %s", option->name, reason) : MCL_EXIT_DONE;
}

/* Sets the options given, or those of them that recipes set. */
static mcl_exit apply_all(const mcl_arguments *arguments, bool of_recipes_only, void *settings)
{
    const mcl_option_table table = mcl_command_table(arguments->command);
    for (size_t i = 0; i < table.count; i++) {
        mcl_exit code = MCL_EXIT_DONE;
        if (arguments->values[i] && (!of_recipes_only || table.options[i].recipe))
            code = apply(&table.options[i], arguments->values[i], settings);
        if (code != MCL_EXIT_DONE)
            return code;
    }
    return MCL_EXIT_DONE;
}

/* Judges the options given, with or without those that recipes set. */
static mcl_exit check_all(const mcl_arguments *arguments, bool of_recipes, const void *settings)
{
    const mcl_option_table table = mcl_command_table(arguments->command);
    for (size_t i = 0; i < table.count; i++) {
        mcl_exit code = MCL_EXIT_DONE;
        if (arguments->values[i] && (of_recipes || !table.options[i].recipe))
            code = check(&table.options[i], settings);
        if (code != MCL_EXIT_DONE)
            return code;
    }
    return MCL_EXIT_DONE;
}

mcl_exit mcl_arguments_apply(const mcl_arguments *arguments, void *settings)
{
    const mcl_command *command = arguments->command;
    const mcl_exit code = apply_all(arguments, false, settings);
    if (code != MCL_EXIT_DONE)
        return code;
    const bool follows = command->recipe_follows && command->recipe_follows(settings);
    return check_all(arguments, !follows, settings);
}

mcl_exit mcl_arguments_apply_recipe(const mcl_arguments *arguments, void *settings)
{
    const mcl_exit code = apply_all(arguments, true, settings);
    return code == MCL_EXIT_DONE ? check_all(arguments, true, settings) : code;
}

const char *mcl_option_text_of(const mcl_arguments *arguments, const char *name)
{
    const mcl_option_table table = mcl_command_table(arguments->command);
    for (size_t i = 0; i < table.count; i++) {
        if (strcmp(table.options[i].name, name) == 0)
            return arguments->values[i];
    }
    return NULL;
}

bool mcl_option_given(const mcl_arguments *arguments, const char *name)
{
    return mcl_option_text_of(arguments, name) != NULL;
}
