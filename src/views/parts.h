/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that views are made of: all that is known of each, as a row of a table. */
#ifndef MASKCL_VIEWS_PARTS_H
#define MASKCL_VIEWS_PARTS_H

#include "maskcl/views.h"

/* What a part does to a view. */
enum {
    MCL_EFFECT_MOVES = 1,    /* the content of an image, see cl/augment.cl */
    MCL_EFFECT_LIGHTS = 2,   /* the values of an image */
    MCL_EFFECT_REPLACES = 4, /* elements by those of other rows */
    MCL_EFFECT_ADDS = 8,     /* noise */
    MCL_EFFECT_MASKS = 16,
    MCL_EFFECT_AMPLIFIES = 32, /* the values of a sequence */
    MCL_EFFECT_SPANS = 64,     /* hides a part of a sequence */
    MCL_EFFECT_CROPS = 128,    /* an image */
    MCL_EFFECT_FLIPS = 256,    /* an image */
    MCL_EFFECT_CONTRASTS = 512,
    MCL_EFFECT_COLOURS = 1024, /* RGB images, see cl/colours.cl */
    MCL_EFFECT_BLURS = 2048,   /* an image */
    MCL_EFFECTS_ON_SEQUENCES = MCL_EFFECT_AMPLIFIES | MCL_EFFECT_SPANS,
    MCL_EFFECTS_ON_PLACES = MCL_EFFECT_MOVES | MCL_EFFECT_CROPS | MCL_EFFECT_FLIPS,
    /* What needs more than an element of the row at its place: stages of their own. */
    MCL_EFFECTS_IN_STAGES = MCL_EFFECT_CONTRASTS | MCL_EFFECT_COLOURS | MCL_EFFECT_BLURS,
    MCL_EFFECTS_ON_IMAGES = MCL_EFFECTS_ON_PLACES | MCL_EFFECT_LIGHTS | MCL_EFFECTS_IN_STAGES,
};

struct mcl_part_type;

/* A part with a grammar of its own. */
typedef struct mcl_part_words {
    /* Whether the options have it. */
    bool (*used)(const mcl_view_options *options);
    /* What it is when it is named and no more. */
    void (*begin)(mcl_view_options *options);
    /* One of the words after its name; had begins as 0, and is for its use. */
    mcl_status (*parse)(mcl_view_options *options, const struct mcl_part_type *part,
        const char *text, bool first, unsigned *had);
    /* Appends all of it to the text, in which it is used; NULL: it is short for others. */
    void (*show)(char text[MCL_VIEW_OPTIONS_SIZE], const mcl_view_options *options);
    /* MCL_ERROR_ARGUMENT where its options are out of their range; NULL: that is seen elsewhere. */
    mcl_status (*check)(const mcl_view_options *options);
} mcl_part_words;

#define MCL_PART_FIELDS_MAX 5

typedef struct mcl_part_type {
    mcl_view_part info;
    /* Floats of mcl_view_options that its number times a factor goes to; the list ends with a
     * factor of 0, or its maximum. A part with several is short for the parts with one of them
     * each, and is shown as these. 0 is none of it. */
    struct {
        size_t field;
        float factor;
    } fields[MCL_PART_FIELDS_MAX];
    float most;                  /* its number is above 0, and at most this, */
    bool below;                  /* or below it */
    const char *range;           /* the same in words */
    unsigned effect;             /* MCL_EFFECT_… */
    const char *flag;            /* a word that may stand after its number, or NULL, */
    size_t flag_field;           /* and the bool of mcl_view_options that it sets */
    const mcl_part_words *words; /* or NULL */
} mcl_part_type;

/* All of them in the order of their texts. */
extern const mcl_part_type mcl_part_types[];
extern const size_t mcl_part_type_count;

extern const mcl_part_words mcl_mask_words, mcl_crop_words, mcl_color_words, mcl_blur_words;

/* The first number of a part in options. */
float mcl_part_value(const mcl_part_type *part, const mcl_view_options *options);

/* Sets all its numbers by one. */
void mcl_part_set(const mcl_part_type *part, mcl_view_options *options, float number);

/* Whether options have a part. A part that is short for others is never there itself. */
bool mcl_part_used(const mcl_part_type *part, const mcl_view_options *options);

/* All that the parts that options have do. */
unsigned mcl_view_effects(const mcl_view_options *options);

/* MCL_ERROR_ARGUMENT for a number out of a part's range; text is how it was written. */
mcl_status mcl_part_check(const mcl_part_type *part, float number, const char *text);

/* *number = the number that a text after a part's name is, which is in the part's range. */
mcl_status mcl_part_parse_number(float *number, const char *text, const mcl_part_type *part);

/* Appends more, after the separator unless text is empty yet. */
void mcl_view_text_append(
    char text[MCL_VIEW_OPTIONS_SIZE], const char *separator, const char *more);
void mcl_view_text_append_number(char text[MCL_VIEW_OPTIONS_SIZE], float number);

#endif
