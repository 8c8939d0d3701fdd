/* SPDX-License-Identifier: Apache-2.0 */
/* Features measured on rows that are held out, for probe and compare: which rows, and whether one
 * kind of features is better on them than another. */
#ifndef MASKCL_CLI_HELD_OUT_H
#define MASKCL_CLI_HELD_OUT_H

#include "files.h"
#include "maskcl/evaluate.h"

#define MCL_HELD_OUT_PARTS 5 /* of which one is held out where there are no test rows */

/* Rows to train on and rows to test on, by their numbers. */
typedef struct mcl_fold {
    uint64_t *numbers[2];
    int32_t *labels[2];
    double *targets[2]; /* of a set that has them; else NULL */
    uint64_t rows[2];
} mcl_fold;

enum { MCL_FOLD_TRAIN, MCL_FOLD_TEST };

/* Adds the labelled rows of a set to a part of a fold: all or, where `of` has the fold of every
 * row, those inside the one with this number, to test on, or outside it. */
mcl_exit mcl_fold_take(
    mcl_fold *fold, int part, const mcl_labelled *set, const uint32_t *of, uint32_t number);
void mcl_fold_free(mcl_fold *fold);

/* Values [rows of the set × width] as the features of a part. */
mcl_features mcl_fold_features(const mcl_fold *fold, int part, const float *values, uint64_t width);

/* Fills in set->targets. Labels that are no numbers are refused, and rows none of which has one;
 * differ: and rows that all have the same. */
mcl_exit mcl_take_targets(mcl_labelled *set, const char *path, bool differ);

/* Refuses training rows none of which has a label, or that are all of one class. */
mcl_exit mcl_check_classes(const mcl_labelled *train, const char *path);

/* The mean of differences, with its standard error as the deviation. */
mcl_mean mcl_gain_from(const double *gains, uint64_t count);

/* How much more of rows one kind of features tells right than another, with the standard error of
 * that; NaN for want of memory. */
mcl_mean mcl_gain_of(
    const int32_t *told, const int32_t *told_by_other, const int32_t *labels, uint64_t rows);

/* How much more of the variance of targets[rows] is explained by what is told from one kind of
 * features than from another: the difference of both R², with its standard error. */
mcl_mean mcl_gain_of_numbers(
    const double *told, const double *told_by_other, const double *targets, uint64_t rows);

/* "this encoder is not clearly better than the raw inputs: by 0.40 points, 0.9 standard errors of
 * the difference"; numbers: the points are hundredths of R². */
void mcl_say_gain(
    char *text, size_t size, mcl_mean gain, const char *subject, const char *other, bool numbers);

#endif
