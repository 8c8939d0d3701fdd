/* SPDX-License-Identifier: Apache-2.0 */
/* The runs of tests/fixtures/runs.txt, small.txt, objectives.txt, views.txt,
 * columns.txt and encoders.txt, one a line:
 *
 *   DATA HIDDEN EMBEDDING BATCH EPOCHS ACTIVATION MASK OPTIMIZER OBJECTIVES MODEL REPORTS
 *
 * DATA is KIND-ROWSxCOLUMNS or, for images, KIND-ROWSxHEIGHTxWIDTHxCHANNELS. Kinds: normal, the
 * synthetic data of seed 5; the same made tiny, huge or zero, to few different values (ties), or to
 * numbers of every size side by side (edges); a table with a schema, whose inputs are numbers, and
 * categories one-hot, in turns of 36; and images, of uint8. HIDDEN is a list of widths or -, or
 * encoder=WORDS of --encoder, with any EMBEDDING. ACTIVATION may have +batch or +layer behind it, a
 * normalization, and then +activated, when both follow the embedding too. MASK is uniform,
 * bernoulli:RATIO or block:RATIO:SIDE, or views=PARTS of --views. OPTIMIZER may have :momentum=,
 * :rate=, :decay= and :epsilon= behind it, for a warm-up :warmup=EPOCHS, for a schedule
 * :cosine=FINAL or :step=EPOCHS:gamma=FACTOR, for the average of the weights :ema=, and for
 * clipping :clip=NORM. OBJECTIVES may have /OPTION=VALUE behind it, in objectives.txt. MODEL and
 * REPORTS are the digests of all parameters and of what was reported at the ends of epochs. */
#ifndef MASKCL_CONFORMANCE_CASES_H
#define MASKCL_CONFORMANCE_CASES_H

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASE_LINE 384
#define CASE_SEED 0x123456789u /* above 2³² */
#define CASE_DATA_SEED 5
#define CASE_TEMPERATURE 0.2f
#define CASE_TEMPERATURE_TEXT "0.2"
#define CASE_HIDDEN_MAX 7

struct run_case {
    char text[CASE_LINE]; /* the line up to the digests */
    char kind[16];
    unsigned rows, height, width, channels, columns;
    unsigned hidden[CASE_HIDDEN_MAX], hidden_count, embedding, batch, epochs;
    char encoder[128]; /* in place of these widths; empty: none */
    char activation[32], mask[16], optimizer[96], objectives[96];
    char views[96];        /* in place of the mask; empty: none */
    char normalization[8]; /* or "none" */
    bool activated;
    float ratio;
    unsigned side;
    double momentum, rate, decay, epsilon;
    double ema, clip;
    double warmup, cosine, step, gamma; /* cosine below 0, step 0: not this schedule */
    uint64_t model, reports;
};

/* Cuts ":value" off a word; returns the value, or otherwise. */
static inline double case_value(char *word, double otherwise)
{
    char *colon = strrchr(word, ':');
    if (!colon)
        return otherwise;
    *colon = '\0';
    return strtod(colon + 1, NULL);
}

/* Cuts what stands behind an optimizer's name off and sets it. */
static inline bool case_parse_optimizer(struct run_case *run)
{
    const struct {
        const char *name;
        double *value, otherwise;
    } settings[] = {{"momentum", &run->momentum, 0.0}, {"rate", &run->rate, 1e-3},
        {"decay", &run->decay, 0.01}, {"epsilon", &run->epsilon, 1e-8},
        {"warmup", &run->warmup, 0.0}, {"cosine", &run->cosine, -1.0}, {"step", &run->step, 0.0},
        {"gamma", &run->gamma, 0.1}, {"ema", &run->ema, 0.0}, {"clip", &run->clip, 0.0}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        *settings[i].value = settings[i].otherwise;
    strtok(run->optimizer, ":");
    for (char *setting = strtok(NULL, ":"); setting; setting = strtok(NULL, ":")) {
        size_t i = 0;
        const size_t length = strcspn(setting, "=");
        while (
            i < sizeof settings / sizeof *settings &&
            (strlen(settings[i].name) != length || strncmp(setting, settings[i].name, length) != 0))
            i++;
        if (i == sizeof settings / sizeof *settings || setting[length] != '=')
            return false;
        *settings[i].value = strtod(setting + length + 1, NULL);
    }
    return true;
}

/* Cuts what stands behind an activation's name off and sets it. */
static inline bool case_parse_activation(struct run_case *run)
{
    snprintf(run->normalization, sizeof run->normalization, "none");
    strtok(run->activation, "+");
    for (char *extra = strtok(NULL, "+"); extra; extra = strtok(NULL, "+")) {
        if (strcmp(extra, "activated") == 0)
            run->activated = true;
        else if (strlen(extra) < sizeof run->normalization)
            snprintf(run->normalization, sizeof run->normalization, "%s", extra);
        else
            return false;
    }
    return true;
}

static inline bool case_parse(struct run_case *run, const char *line)
{
    char data[64], hidden[136], masked[102];
    int end = 0;
    *run = (struct run_case){.height = 1, .width = 1, .channels = 1};
    if (sscanf(line, "%63s %135s %u %u %u %31s %101s %95s %95s%n %" SCNx64 " %" SCNx64, data,
            hidden, &run->embedding, &run->batch, &run->epochs, run->activation, masked,
            run->optimizer, run->objectives, &end, &run->model, &run->reports) != 11)
        return false;
    memcpy(run->text, line, (size_t)end);
    if (sscanf(data, "%15[a-z]-%ux%ux%ux%u", run->kind, &run->rows, &run->height, &run->width,
            &run->channels) < 3)
        return false;
    run->columns = run->height * run->width * run->channels;
    if (strncmp(hidden, "encoder=", 8) == 0) {
        snprintf(run->encoder, sizeof run->encoder, "%s", hidden + 8);
        hidden[0] = '\0';
    }
    for (char *width = strtok(hidden, ","); width && *width != '-'; width = strtok(NULL, ",")) {
        if (run->hidden_count == CASE_HIDDEN_MAX)
            return false;
        run->hidden[run->hidden_count++] = (unsigned)strtoul(width, NULL, 10);
    }
    if (strncmp(masked, "views=", 6) == 0)
        snprintf(run->views, sizeof run->views, "%s", masked + 6);
    if (strncmp(masked, "block", 5) == 0)
        run->side = (unsigned)case_value(masked, 0.0);
    run->ratio = (float)case_value(masked, 0.5);
    snprintf(run->mask, sizeof run->mask, "%.15s", masked);
    return case_parse_activation(run) && case_parse_optimizer(run);
}

/* Widths of a table's columns: a number, one with an indicator, two categories. */
#define CASE_TABLE_COLUMNS 4
static const uint32_t case_table_widths[CASE_TABLE_COLUMNS] = {1, 2, 3, 30};

/* Of an input in a row: what was a normal number there becomes one in which every third value of
 * the column with an indicator is missing, and each category is chosen by the row's number. */
static inline float case_table_value(float normal, size_t row, size_t input)
{
    const size_t place = input % 36;
    if (place < 3)
        return place == 0 ? normal : row % 3 ? (place == 1 ? normal : 0.0f) : (float)(place - 1);
    const size_t first = place < 6 ? 3 : 6, width = place < 6 ? 3 : 30;
    return place - first == (row * row + input / 36) % width ? 1.0f : 0.0f;
}

/* Turns normal values to those of the run's kind. */
static inline void case_make_floats(float *values, const struct run_case *run)
{
    for (size_t at = 0; at < (size_t)run->rows * run->columns; at++) {
        if (strcmp(run->kind, "tiny") == 0) /* most are subnormal, many zero */
            values[at] = (float)ldexp((double)values[at], -110 - (int)(at % 41));
        else if (strcmp(run->kind, "huge") == 0)
            values[at] = values[at] * 1e30f;
        else if (strcmp(run->kind, "edges") ==
                 0) /* 1e30, subnormal, ±0, 1e-30, smallest and plain */
            values[at] *= (const float[]){1e30f, 0x1p-127f, 0.0f, 1e-30f, 0x1p-126f, 1.0f}[at % 6];
        else if (strcmp(run->kind, "zero") == 0)
            values[at] = 0.0f;
        else if (strcmp(run->kind, "ties") == 0) /* rows of three kinds, columns of one number */
            values[at] = at % run->columns % 3 == 0
                             ? 1.0f
                             : (float)(at / run->columns % 3) - (float)(at % 2);
        else if (strcmp(run->kind, "table") == 0)
            values[at] = case_table_value(values[at], at / run->columns, at % run->columns);
    }
}

static inline void case_make_bytes(unsigned char *values, const struct run_case *run)
{
    for (uint32_t at = 0; at < run->rows * run->columns; at++)
        values[at] = (unsigned char)((at * at * 2654435761u + at) >> 20);
}

/* FNV-1a; begins with CASE_DIGEST. */
#define CASE_DIGEST 14695981039346656037u
static inline uint64_t case_digest(uint64_t hash, const void *values, size_t size)
{
    const unsigned char *bytes = values;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 1099511628211u;
    return hash;
}

#endif
