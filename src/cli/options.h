/* SPDX-License-Identifier: Apache-2.0 */
/* Commands, the tables of their options, and the reading of a command line by them. The help texts
 * come from the same tables. */
#ifndef MASKCL_CLI_OPTIONS_H
#define MASKCL_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/options.h"
#include "message.h"

typedef struct mcl_option mcl_option;

/* How an option's value is read from text and shown. A field is the member of the command's
 * settings that the option sets. */
typedef struct mcl_option_type {
    /* Says what is wrong with text, and returns MCL_EXIT_USAGE, when it is not a value. */
    mcl_exit (*parse)(void *field, const char *text, const mcl_option *option);
    /* Writes the field as an option's value that parse reads back; NULL: it has no default to show,
     * and an empty text says the same of one value. */
    void (*show)(char *text, size_t size, const void *field);
} mcl_option_type;

extern const mcl_option_type mcl_option_text;    /* const char *, any but the empty text */
extern const mcl_option_type mcl_option_switch;  /* bool */
extern const mcl_option_type mcl_option_whole;   /* uint64_t, from least to most */
extern const mcl_option_type mcl_option_whole32; /* uint32_t, from least to most */
extern const mcl_option_type mcl_option_float;   /* float, within the range */

/* The numbers from minimum to maximum, with or without the ends, and the same in words. */
typedef struct mcl_range {
    double minimum, maximum;
    bool without_minimum, without_maximum;
    const char *words;
} mcl_range;

extern const mcl_range mcl_range_inside_unit; /* between 0 and 1, without the two */

struct mcl_option {
    const char *name; /* without its dashes */
    const char *key;  /* of an option of the library's, which has no type here; else NULL */
    char letter;      /* of the short form, which messages then use; 0: none */
    bool required;
    bool recipe;          /* a recipe sets it */
    const char *argument; /* what the help calls the value; NULL for a switch */
    const char *group;    /* the heading in the help */
    const char *help;
    const mcl_option_type *type;
    size_t offset;        /* in the command's settings: of the field, or of the library's options */
    uint64_t least, most; /* of a whole number; most 0: no limit */
    const mcl_range *range; /* of a float */
    const char *without;    /* what the help says happens without it, where show does not */
    /* Why the option makes no sense together with the others, NULL when it does. */
    const char *(*conflict)(const void *settings);
};

/* An argument that is not an option. */
typedef struct mcl_operand {
    const char *name;
    const char *help;
} mcl_operand;

#define MCL_OPERANDS_MAX 5
#define MCL_OPERANDS_GIVEN_MAX 4096 /* where the last one may stand several times */
#define MCL_OPTIONS_MAX 128

typedef struct mcl_arguments mcl_arguments;

typedef struct mcl_command {
    const char *name;
    const char *summary;     /* one line in the list of commands */
    const char *description; /* paragraphs parted by newlines */
    const char *examples;    /* lines */
    mcl_operand operands[MCL_OPERANDS_MAX];
    size_t operand_count;
    size_t optional_operands; /* so many of the last ones may be left out */
    bool last_repeats;        /* the last one may stand several times */
    /* Options of the library's, for a member of the settings: 0, there are none. They come before
     * the command's own. */
    mcl_options_kind library;
    size_t library_offset;
    const char *const *library_keys; /* the keys and groups that are taken; NULL: all */
    /* Options of reading data, for a mcl_data_options in the settings, which is initialized before
     * set_defaults: one of the lists of data_options.h. NULL: none. They come first. */
    const char *const *data_keys;
    size_t data_offset;
    const mcl_option *options; /* applied in this order, whatever the order on the line */
    size_t option_count;
    const char *details_heading; /* what else there is to tell, below the options */
    void (*print_details)(void); /* by mcl_print_entry() */
    size_t settings_size;
    /* Whether the options that a recipe sets are still to come, so that those given beside it can
     * be judged no sooner than in mcl_arguments_apply_recipe(); NULL: they never are. */
    bool (*recipe_follows)(const void *settings);
    void (*set_defaults)(void *settings); /* settings are zeros before; NULL: zeros are right */
    mcl_exit (*run)(void *settings, const mcl_arguments *arguments);
} mcl_command;

/* A command line taken apart. */
struct mcl_arguments {
    const mcl_command *command;
    const char *values[MCL_OPTIONS_MAX]; /* by place in the table, "" for a switch, NULL: not given;
                                            of an option given twice the last */
    const char *operands[MCL_OPERANDS_GIVEN_MAX]; /* NULL beyond the count */
    size_t operand_count;
    bool help; /* asked for with --help or -h; nothing else is checked then */
};

/* Takes the arguments that follow the command's name apart. */
mcl_exit mcl_arguments_read(
    mcl_arguments *arguments, const mcl_command *command, int count, char **texts);

/* Sets the options given in settings, which hold the defaults, then looks for conflicts. */
mcl_exit mcl_arguments_apply(const mcl_arguments *arguments, void *settings);

/* Once a recipe has been applied: sets the options given beside it again, then looks for conflicts.
 */
mcl_exit mcl_arguments_apply_recipe(const mcl_arguments *arguments, void *settings);

bool mcl_option_given(const mcl_arguments *arguments, const char *name);

/* The text that an option was given; NULL where it was not. */
const char *mcl_option_text_of(const mcl_arguments *arguments, const char *name);

/* The option as a message calls it: "--epochs" or "-o". */
const char *mcl_option_label(char label[40], const mcl_option *option);

#endif
