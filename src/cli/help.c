/* SPDX-License-Identifier: Apache-2.0 */
#include "help.h"

#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "maskcl/pretrain.h"
#include "maskcl/version.h"
#include "nearest.h"
#include "pretrain.h"

#define LINE_WIDTH 80
#define OPTION_COLUMN 28 /* where the explanation of an option begins */

void mcl_print_wrapped(const char *text, size_t column, size_t indent)
{
    bool first = true;
    while (*text) {
        size_t length = strcspn(text, " \n");
        if (!first && column + 1 + length > LINE_WIDTH) {
            printf("\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)length, text);
        column += length;
        first = false;
        text += length;
        if (*text == '\n') {
            printf("\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        text += *text != '\0';
    }
    putchar('\n');
}

/* Prints an entry of a list: what it is called, and behind it or below it what it is. */
static void print_marked(char mark, const char *name, const char *text)
{
    int written = printf("%c %-*s", mark, OPTION_COLUMN - 4, name);
    if (written > OPTION_COLUMN - 2)
        printf("\n%*s", OPTION_COLUMN, "");
    else
        fputs("  ", stdout);
    mcl_print_wrapped(text, OPTION_COLUMN, OPTION_COLUMN);
}

static void print_entry(const char *name, const char *text)
{
    print_marked(' ', name, text);
}

static void print_option(const mcl_option *option, const void *defaults)
{
    char name[80], text[1024], value[64] = "";
    int used = option->letter ? snprintf(name, sizeof name, "-%c, ", option->letter) : 0;
    snprintf(name + used, sizeof name - (size_t)used, "--%s%s%s", option->name,
        option->argument ? " " : "", option->argument ? option->argument : "");
    used = snprintf(text, sizeof text, "%s", option->help);
    if (option->type->show && !option->without)
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
    printf("Usage: maskcl %s", command->name);
    if (command->option_count)
        fputs(" [OPTION ...]", stdout);
    for (size_t i = 0; i < command->operand_count; i++)
        printf(command->operands_optional ? " [%s]" : " %s", command->operands[i].name);
    for (size_t i = 0; i < command->option_count; i++) {
        if (command->options[i].required)
            printf(" -%c %s", command->options[i].letter, command->options[i].argument);
    }
    fputs("\n\n", stdout);
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
        fputs("\nArguments:\n", stdout);
    for (size_t i = 0; i < command->operand_count; i++)
        print_entry(command->operands[i].name, command->operands[i].help);
    for (size_t i = 0; i < command->option_count; i++) {
        const mcl_option *option = &command->options[i];
        if (i == 0 || strcmp(option->group, option[-1].group) != 0)
            printf("\n%s:\n", option->group);
        print_option(option, defaults);
    }
    if (command->detail_count) {
        printf("\n%s:\n", command->details_heading);
        for (size_t i = 0; i < command->detail_count; i++)
            print_entry(command->details[i].name, command->details[i].help);
    }
    printf("\nExamples:\n%s\n", command->examples);
    free(defaults);
    return MCL_EXIT_DONE;
}

static void print_overview(void)
{
    printf("maskcl %s: masked contrastive pre-training on any OpenCL device\n\n"
           "Usage: maskcl COMMAND [OPTION ...] [ARGUMENT ...]\n\nCommands:\n",
        mcl_version());
    for (size_t i = 0; mcl_commands[i]; i++)
        print_entry(mcl_commands[i]->name, mcl_commands[i]->summary);
    fputs("\nHelp:\n", stdout);
    print_entry("maskcl help COMMAND", "a command's arguments and options, with examples");
    print_entry("maskcl help recipes", "what each --recipe of pretrain sets");
    print_entry("maskcl help objectives", "what each --objective of pretrain trains for");
    print_entry("maskcl help views", "what each part of --views does, with the command views");
    print_entry("maskcl --version", "the version");
    putchar('\n');
    mcl_print_wrapped(
        "Options may stand anywhere behind the command, as '--name value' or "
        "'--name=value'; '--' ends them. Of an option given twice the last one counts.",
        0, 0);
    putchar('\n');
    mcl_print_wrapped(
        "Results go to standard output. Everything else goes to standard error: first "
        "the device in use, then progress (a bar on a terminal, a line an epoch "
        "elsewhere), warnings and errors.",
        0, 0);
    fputs("\nEnvironment:\n", stdout);
    print_entry("MASKCL_PLATFORM", "the platform when there is no --platform");
    print_entry("MASKCL_DEVICE", "the device when there is no --device");
    print_entry("MASKCL_KERNELS", "a folder of kernels to use instead of the built-in ones");
    fputs("\nExit codes:\n", stdout);
    print_entry("0", "done");
    print_entry("1", "failed; no file has changed unless the message says so");
    print_entry("2", "wrong usage");
    print_entry("130", "interrupted, and the model so far is written");
}

static void print_objectives(void)
{
    static const char *const meanings[MCL_OBJECTIVE_KINDS] = {
        [MCL_OBJECTIVE_COSINE] =
            "pulls the embeddings of a row's two views together (1 - cosine), and nothing pushes "
            "those of different rows apart: the reference model's objective, which collapses when "
            "it stands alone; --negatives K (0) does push: PyTorch's cosine embedding loss with "
            "target -1 and --margin (0) for K other rows",
        [MCL_OBJECTIVE_NT_XENT] =
            "SimCLR's: tells a row's other view from the views of all other rows of the batch by "
            "cosine, divided by --temperature (0.2; Chen et al. 2020 found 0.1 to 0.5 best, by "
            "data and batch); does not collapse",
        [MCL_OBJECTIVE_RECONSTRUCTION] =
            "mean squared error of the whole row as the decoder rebuilds it from the embedding of "
            "either view; trains the decoder too, which 'maskcl reconstruct' needs; --reconstruct "
            "hidden leaves out what the view shows, as masked autoencoders do (He et al. 2022; all "
            "as denoising ones, Vincent et al. 2008), --reconstruction-loss bce is for values from "
            "0 to 1 and better for images",
        [MCL_OBJECTIVE_VICREG] =
            "pulls a row's two views together, and keeps every column of the embedding varied and "
            "no two alike (Bardes et al. 2022, weights 25, 25 and 1): no negatives, no "
            "temperature; "
            "for wide embeddings and small batches",
        [MCL_OBJECTIVE_SCARF] =
            "for tables: tells a row's first, corrupted view from those of the other rows by its "
            "second (Bahri et al. 2022), cosines divided by --temperature (the paper's 1); with "
            "neither --views nor --mask it sets --views corrupt:0.6:one, the paper's",
        [MCL_OBJECTIVE_SIMSIAM] =
            "lets a predictor (--predictor WIDTHS, the paper's a quarter of the projection) guess "
            "the other view's projection, which is held constant (Chen and He 2021): no negatives, "
            "no temperature; sensitive to the learning rate, and better with --projector",
        [MCL_OBJECTIVE_VIME] =
            "for tables: tells from a view's embedding which elements are not the row's own, by "
            "cross-entropy, and what the row was, by squared error with weight 2, of the decoder "
            "(Yoon et al. 2020); with neither --views nor --mask it sets --views corrupt:0.3, the "
            "paper's",
        [MCL_OBJECTIVE_BYOL] =
            "as simsiam, but what the predictor guesses is what a target network, the moving "
            "average of encoder and projector (--target-decay, 0.996 throughout, from where the "
            "paper's rises to 1), makes of the other view (Grill et al. 2020): no negatives, no "
            "temperature; steadier than simsiam, for one more forward pass a step",
        [MCL_OBJECTIVE_MOCO] =
            "tells what a target network, the moving average of encoder and projector "
            "(--target-decay, 0.999), makes of a row's other view from what it made of rows of the "
            "steps before, a queue of --queue keys (4096, the paper's 65536; empty at first), by "
            "cosine, divided by --temperature (0.07; He et al. 2020): many negatives for small "
            "batches",
        [MCL_OBJECTIVE_BARLOW] =
            "Barlow Twins: makes each column of one view's embedding correlate with the same "
            "column "
            "of the other's and with no other one (Zbontar et al. 2021, lambda 0.0051): no "
            "negatives, no temperature; gains from wide embeddings",
    };
    for (int kind = 0; kind < MCL_OBJECTIVE_KINDS; kind++)
        print_entry(mcl_objective_name((mcl_objective_kind)kind), meanings[kind]);
    fputs("\nJoin several with '+', each with a weight where 1 is not right:\n"
          "  maskcl pretrain DATA -o MODEL.safetensors --objective nt-xent:1+reconstruction:10\n",
        stdout);
}

static mcl_exit unknown_topic(const char *topic)
{
    mcl_nearest nearest = mcl_nearest_to(topic);
    for (size_t i = 0; mcl_commands[i]; i++)
        mcl_nearest_try(&nearest, mcl_commands[i]->name);
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
    return unknown_topic(topic);
}

const mcl_command mcl_command_help = {
    .name = "help",
    .summary = "explain a command, the recipes or the objectives",
    .description = "Explains a command, or lists them all.",
    .examples = "  maskcl help pretrain\n  maskcl help recipes",
    .operands = {{"TOPIC", "a command, 'recipes' or 'objectives'"}},
    .operand_count = 1,
    .operands_optional = true,
    .run = run,
};
