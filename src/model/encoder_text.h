/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of an encoder in words, as in "conv:64x5/2,conv:128x3/2,pool:grid:3":
 *
 *   conv:CHANNELSxKERNEL[/STRIDE][pPADDING]    a convolution of images, KERNEL × KERNEL
 *   conv1d:CHANNELSxKERNEL[/STRIDE][pPADDING]  a convolution of series, along time
 *   patches:CHANNELSxKERNEL[/STRIDE][pPADDING][:CONTRAST]
 *                                              a convolution as the first layer that normalizes the
 *                                              contrast of every patch p of a row,
 *                                              (p − mean)/√(variance + CONTRAST)
 *   depthwise:KERNEL[/STRIDE][pPADDING]        one filter for each channel
 *   pool:max|avg[:KERNEL[/STRIDE]]             of 2 and a stride of the kernel
 *   pool:global                                the mean of each channel
 *   pool:grid:G                                its means in G × G parts
 *   residual(LAYERS)                           x + what the layers make of x
 *   dense:WIDTH
 *
 * joined by commas. The stride is 1 and the padding ⌊(KERNEL − 1) / 2⌋ where they are not said,
 * the padding of patches 0 and their contrast 0.01. */
#ifndef MASKCL_MODEL_ENCODER_TEXT_H
#define MASKCL_MODEL_ENCODER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/model.h"

#define MCL_WORDS_MAX 48            /* of an encoder, residual( and ) counting as one each */
#define MCL_WORD_NUMBER_MAX 1000000 /* of any number in it */

typedef enum mcl_word_kind {
    MCL_WORD_CONV,
    MCL_WORD_CONV1D,
    MCL_WORD_PATCHES,
    MCL_WORD_DEPTHWISE,
    MCL_WORD_POOL_MAX,
    MCL_WORD_POOL_AVG,
    MCL_WORD_POOL_GLOBAL,
    MCL_WORD_POOL_GRID,
    MCL_WORD_RESIDUAL, /* its layers follow, and … */
    MCL_WORD_END,      /* … this ends them */
    MCL_WORD_DENSE,
} mcl_word_kind;

typedef struct mcl_word {
    mcl_word_kind kind;
    uint32_t width; /* channels, of a dense layer columns, G of a grid */
    uint32_t kernel, stride, padding;
    float contrast;      /* of patches */
    uint32_t at, length; /* where it stands in the text that was parsed, from 0 */
} mcl_word;

typedef struct mcl_words {
    mcl_word of[MCL_WORDS_MAX];
    size_t count; /* 0: the dense encoder of `hidden` and `embedding` */
    bool series;  /* convolutions are along time */
} mcl_words;

/* Whether a layer has weights: a normalization and an activation follow it. */
bool mcl_word_has_weights(const mcl_word *word);

/* Reads a text, or a name: "dense", or one that stands for such a text. MCL_ERROR_ARGUMENT with the
 * place in the text where it is none. */
mcl_status mcl_words_parse(mcl_words *words, const char *text);

/* Writes the words in full, "" for none: what mcl_words_parse() makes the same words of, other
 * places aside. MCL_ERROR_ARGUMENT where they are too long for it. */
mcl_status mcl_words_show(char text[MCL_ENCODER_SIZE], const mcl_words *words);

/* Records that something is wrong with a word of the text, "at character 14, 'conv:64y5': …", and
 * returns MCL_ERROR_ARGUMENT. */
mcl_status mcl_word_fail(const char *text, const mcl_word *word, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
