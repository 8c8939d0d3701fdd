/* SPDX-License-Identifier: Apache-2.0 */
#include "help.h"

#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "maskcl/pretrain.h"
#include "maskcl/version.h"
#include "nearest.h"
#include "pretrain.h"
#include "table.h"
#include "topics.h"

#define LINE_WIDTH 80
#define OPTION_COLUMN 28 /* where the explanation of an option begins */

void mcl_print_wrapped(const char *text, size_t column, size_t indent)
{
    bool first = true;
    while (*text) {
        size_t length = strcspn(text, " \n");
        if (!first && column + 1 + length > LINE_WIDTH) {
            mcl_print("\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            fputc(' ', mcl_out);
            column++;
        }
        mcl_print("%.*s", (int)length, text);
        column += length;
        first = false;
        text += length;
        if (*text == '\n') {
            mcl_print("\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        text += *text != '\0';
    }
    mcl_print("\n");
}

/* Prints an entry of a list: what it is called, and after it or below it what it is. */
static void print_marked(char mark, const char *name, const char *text)
{
    int written = mcl_print("%c %-*s", mark, OPTION_COLUMN - 4, name);
    if (written > OPTION_COLUMN - 2)
        mcl_print("\n%*s", OPTION_COLUMN, "");
    else
        fputs("  ", mcl_out);
    mcl_print_wrapped(text, OPTION_COLUMN, OPTION_COLUMN);
}

void mcl_print_entry(const char *name, const char *text)
{
    print_marked(' ', name, text);
}

static void print_option(const mcl_option *option, const void *defaults)
{
    char name[96], text[1400], value[64] = "";
    int used = option->letter ? snprintf(name, sizeof name, "-%c, ", option->letter) : 0;
    snprintf(name + used, sizeof name - (size_t)used, "--%s%s%s", option->name,
        option->argument ? " " : "", option->argument ? option->argument : "");
    used = snprintf(text, sizeof text, "%s", option->help);
    if (option->type && option->type->show && !option->without)
        option->type->show(value, sizeof value, (const char *)defaults + option->offset);
    if (option->required)
        snprintf(text + used, sizeof text - (size_t)used, " (required)");
    else if (option->without || *value)
        snprintf(text + used, sizeof text - (size_t)used, " (default: %s)",
            option->without ? option->without : value);
    print_marked(option->recipe ? '*' : ' ', name, text);
}

static void print_usage(const mcl_command *command)
{
    const mcl_option_table table = mcl_command_table(command);
    mcl_print("Usage: maskcl %s", command->name);
    if (table.count)
        fputs(" [OPTION ...]", mcl_out);
    for (size_t i = 0; i < command->operand_count; i++) {
        const bool optional = i + command->optional_operands >= command->operand_count;
        const bool repeats = command->last_repeats && i + 1 == command->operand_count;
        mcl_print(optional ? " [%s%s]" : " %s%s", command->operands[i].name, repeats ? " ..." : "");
    }
    for (size_t i = 0; i < table.count; i++) {
        char label[40];
        if (table.options[i].required)
            mcl_print(
                " %s %s", mcl_option_label(label, &table.options[i]), table.options[i].argument);
    }
    fputs("\n\n", mcl_out);
}

/* Headings in their order; others come before the last three, as they are met. */
static const char *const groups[] = {"Recipe", "Data", "Tables", "Images", "Model", "Filters",
    "Views", "Objective", "Optimizer", "Run", NULL, "Device", "Output"};

static bool is_listed(const char *group)
{
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        if (groups[i] && strcmp(groups[i], group) == 0)
            return true;
    }
    return false;
}

static void print_group(const mcl_option_table *table, const char *group, const void *defaults)
{
    bool begun = false;
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->options[i].group, group) != 0)
            continue;
        if (!begun)
            mcl_print("\n%s:\n", group);
        begun = true;
        print_option(&table->options[i], defaults);
    }
}

static void print_groups(const mcl_command *command, const void *defaults)
{
    const mcl_option_table table = mcl_command_table(command);
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        if (groups[g])
            print_group(&table, groups[g], defaults);
        for (size_t i = 0; !groups[g] && i < table.count; i++) {
            const char *group = table.options[i].group;
            if (!is_listed(group) && (i == 0 || strcmp(table.options[i - 1].group, group) != 0))
                print_group(&table, group, defaults);
        }
    }
}

mcl_exit mcl_help_command(const mcl_command *command)
{
    void *defaults = calloc(1, command->settings_size + 1);
    if (!defaults)
        return mcl_complain(MCL_EXIT_FAILED, "the host has no memory left");
    if (command->set_defaults)
        command->set_defaults(defaults);
    print_usage(command);
    mcl_print_wrapped(command->description, 0, 0);
    if (command->operand_count)
        fputs("\nArguments:\n", mcl_out);
    for (size_t i = 0; i < command->operand_count; i++)
        mcl_print_entry(command->operands[i].name, command->operands[i].help);
    print_groups(command, defaults);
    if (command->print_details) {
        mcl_print("\n%s:\n", command->details_heading);
        command->print_details();
    }
    mcl_print("\nExamples:\n%s\n", command->examples);
    free(defaults);
    return MCL_EXIT_DONE;
}

static void print_overview(void)
{
    mcl_print("maskcl %s: masked contrastive pre-training on any OpenCL device\n\n"
              "Usage: maskcl COMMAND [OPTION ...] [ARGUMENT ...]\n\nCommands:\n",
        mcl_version());
    for (size_t i = 0; mcl_commands[i]; i++)
        mcl_print_entry(mcl_commands[i]->name, mcl_commands[i]->summary);
    fputs("\nHelp:\n", mcl_out);
    mcl_print_entry("maskcl help COMMAND", "a command's arguments and options, with examples");
    for (const mcl_topic *topic = mcl_topics; topic->name; topic++) {
        char name[64];
        snprintf(name, sizeof name, "maskcl help %s", topic->name);
        mcl_print_entry(name, topic->summary);
    }
    mcl_print_entry("maskcl help recipes", "what each --recipe of pretrain sets");
    mcl_print_entry("maskcl help objectives", "what each --objective of pretrain trains for");
    mcl_print_entry("maskcl help views", "what each part of --views does, with the command views");
    mcl_print_entry("maskcl --version", "the version");
    mcl_print("\n");
    mcl_print_wrapped(
        "Options may stand anywhere after the command, as '--name value' or "
        "'--name=value'; '--' ends them. Of an option given twice the last one counts.",
        0, 0);
    mcl_print("\n");
    mcl_print_wrapped(
        "Results go to standard output. Everything else goes to standard error: first "
        "the device in use, then progress (a bar on a terminal, a line an epoch "
        "elsewhere), warnings and errors.",
        0, 0);
    fputs("\nEnvironment:\n", mcl_out);
    mcl_print_entry("MASKCL_PLATFORM", "the platform when there is no --platform");
    mcl_print_entry("MASKCL_DEVICE", "the device when there is no --device");
    mcl_print_entry("MASKCL_KERNELS", "a folder of kernels to use instead of the built-in ones");
    fputs("\nExit codes:\n", mcl_out);
    mcl_print_entry("0", "done");
    mcl_print_entry("1", "failed; no file has changed unless the message says so");
    mcl_print_entry("2", "wrong usage");
    mcl_print_entry("128 + signal",
        "ended by a signal (Ctrl-C: 130, SIGTERM: 143, SIGHUP: 129, SIGQUIT: 131, SIGXCPU: 152, "
        "SIGUSR1: 138, SIGUSR2: 140); a training writes the model so far, and a checkpoint where "
        "it keeps any; the message says what is written");
}

static void print_objectives(void)
{
    const mcl_objective_info *info;
    for (int kind = 0; (info = mcl_objective_describe((mcl_objective_kind)kind)); kind++) {
        char summary[1024];
        mcl_spell(summary, sizeof summary, info->summary, NULL);
        mcl_print_entry(info->name, summary);
    }
    fputs("\nJoin several with '+', each with a weight where 1 is not right:\n"
          "  maskcl pretrain DATA -o MODEL.safetensors --objective nt-xent:1+reconstruction:10\n",
        mcl_out);
}

static mcl_exit unknown_topic(const char *topic)
{
    mcl_nearest nearest = mcl_nearest_to(topic);
    for (size_t i = 0; mcl_commands[i]; i++)
        mcl_nearest_try(&nearest, mcl_commands[i]->name);
    for (const mcl_topic *other = mcl_topics; other->name; other++)
        mcl_nearest_try(&nearest, other->name);
    mcl_nearest_try(&nearest, "recipes");
    mcl_nearest_try(&nearest, "objectives");
    if (nearest.name)
        return mcl_complain(
            MCL_EXIT_USAGE, "no help on '%s': did you mean '%s'?", topic, nearest.name);
    return mcl_complain(MCL_EXIT_USAGE, "no help on '%s': see 'maskcl help'", topic);
}

static mcl_exit run(void *settings, const mcl_arguments *arguments)
{
    (void)settings;
    if (arguments->operand_count == 0) {
        print_overview();
        return MCL_EXIT_DONE;
    }
    const char *topic = arguments->operands[0];
    const mcl_command *command = mcl_command_find(topic);
    if (command)
        return mcl_help_command(command);
    if (strcmp(topic, "recipes") == 0)
        return mcl_print_recipes();
    if (strcmp(topic, "objectives") == 0) {
        print_objectives();
        return MCL_EXIT_DONE;
    }
    const mcl_topic *page = mcl_topic_find(topic);
    if (!page)
        return unknown_topic(topic);
    mcl_print_topic(page);
    return MCL_EXIT_DONE;
}

const mcl_command mcl_command_help = {
    .name = "help",
    .summary = "explain a command, what data can be, the recipes or the objectives",
    .description = "Explains a command, or lists them all.",
    .examples = "  maskcl help pretrain\n  maskcl help tables",
    .operands = {{"TOPIC", "a command, or 'data', 'tables', 'images', 'recipes', 'objectives'"}},
    .operand_count = 1,
    .optional_operands = 1,
    .run = run,
};
