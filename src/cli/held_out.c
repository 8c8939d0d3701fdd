/* SPDX-License-Identifier: Apache-2.0 */
#include "held_out.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define ERRORS_TOLD 2.0 /* standard errors from which on a difference is said to be one */

mcl_exit mcl_fold_take(
    mcl_fold *fold, int part, const mcl_labelled *set, const uint32_t *of, uint32_t number)
{
    const uint64_t rows = mcl_data_rows(set->data);
    fold->numbers[part] = calloc((size_t)rows + 1, sizeof *fold->numbers[part]);
    fold->labels[part] = calloc((size_t)rows + 1, sizeof *fold->labels[part]);
    if (set->targets)
        fold->targets[part] = calloc((size_t)rows + 1, sizeof *fold->targets[part]);
    if (!fold->numbers[part] || !fold->labels[part] || (set->targets && !fold->targets[part]))
        return mcl_complain(
            MCL_EXIT_FAILED, "the host has no memory left for the rows of the probe");
    for (uint64_t i = 0; i < rows; i++) {
        if (set->labels[i] < 0 || (of && (of[i] == number) != (part == MCL_FOLD_TEST)))
            continue;
        fold->numbers[part][fold->rows[part]] = i;
        if (set->targets)
            fold->targets[part][fold->rows[part]] = set->targets[i];
        fold->labels[part][fold->rows[part]++] = set->labels[i];
    }
    return MCL_EXIT_DONE;
}

void mcl_fold_free(mcl_fold *fold)
{
    for (int part = MCL_FOLD_TRAIN; part <= MCL_FOLD_TEST; part++) {
        free(fold->numbers[part]);
        free(fold->labels[part]);
        free(fold->targets[part]);
    }
}

mcl_features mcl_fold_features(const mcl_fold *fold, int part, const float *values, uint64_t width)
{
    return (mcl_features){values, fold->labels[part], fold->rows[part], width, fold->numbers[part]};
}

mcl_exit mcl_take_targets(mcl_labelled *set, const char *path, bool differ)
{
    const uint64_t rows = mcl_data_rows(set->data);
    double least = INFINITY, largest = -INFINITY;
    set->targets = malloc((size_t)rows * sizeof *set->targets + 1);
    if (!set->targets)
        return mcl_complain(MCL_EXIT_FAILED, "the host has no memory for %" PRIu64 " labels", rows);
    const mcl_status status = mcl_data_targets(set->targets, set->data);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    for (uint64_t i = 0; i < rows; i++) { /* NaN is neither */
        least = set->targets[i] < least ? set->targets[i] : least;
        largest = set->targets[i] > largest ? set->targets[i] : largest;
    }
    if (least < largest || (least == largest && !differ))
        return MCL_EXIT_DONE;
    return least == largest
               ? mcl_complain(MCL_EXIT_FAILED,
                     "%s: the label of all rows is %g: there is nothing to tell", path, least)
               : mcl_complain(MCL_EXIT_FAILED, "%s: no row has a label", path);
}

mcl_exit mcl_check_classes(const mcl_labelled *train, const char *path)
{
    char name[MCL_CLASS_SIZE];
    int32_t *numbers;
    uint64_t count;
    mcl_exit code = mcl_distinct_labels(&numbers, &count, train);
    if (code != MCL_EXIT_DONE)
        return code;
    if (count == 0)
        code = mcl_complain(MCL_EXIT_FAILED, "%s: no row has a label", path);
    else if (count == 1)
        code = mcl_complain(MCL_EXIT_FAILED,
            "%s: all rows are of class %s: there is nothing to tell apart", path,
            mcl_class_name(name, train->data, numbers[0]));
    free(numbers);
    return code;
}

mcl_mean mcl_gain_from(const double *gains, uint64_t count)
{
    mcl_mean gain = mcl_mean_of(gains, (size_t)count);
    gain.deviation /= sqrt((double)count);
    return gain;
}

mcl_mean mcl_gain_of(
    const int32_t *told, const int32_t *told_by_other, const int32_t *labels, uint64_t rows)
{
    double *gains = calloc((size_t)rows + 1, sizeof *gains);
    if (!gains)
        return (mcl_mean){NAN, NAN};
    for (uint64_t i = 0; i < rows; i++)
        gains[i] = (told[i] == labels[i]) - (told_by_other[i] == labels[i]);
    const mcl_mean gain = mcl_gain_from(gains, rows);
    free(gains);
    return gain;
}

mcl_mean mcl_gain_of_numbers(
    const double *told, const double *told_by_other, const double *targets, uint64_t rows)
{
    double mean = 0.0, variance = 0.0;
    double *gains = calloc((size_t)rows + 1, sizeof *gains);
    if (!gains)
        return (mcl_mean){NAN, NAN};
    for (uint64_t i = 0; i < rows; i++)
        mean += targets[i] / (double)rows;
    for (uint64_t i = 0; i < rows; i++)
        variance += (targets[i] - mean) * (targets[i] - mean) / (double)rows;
    for (uint64_t i = 0; i < rows; i++) {
        const double error = told[i] - targets[i], other = told_by_other[i] - targets[i];
        gains[i] = variance > 0.0 ? (other * other - error * error) / variance : 0.0;
    }
    const mcl_mean gain = mcl_gain_from(gains, rows);
    free(gains);
    return gain;
}

void mcl_say_gain(
    char *text, size_t size, mcl_mean gain, const char *subject, const char *other, bool numbers)
{
    const char *unit = numbers ? "points of R²" : "points";
    const double points = 100 * fabs(gain.mean), errors = fabs(gain.mean) / gain.deviation;
    char by[96];
    if (gain.deviation > 0)
        snprintf(by, sizeof by, "by %.2f %s, %.1f standard errors of the difference", points, unit,
            errors);
    else
        snprintf(by, sizeof by, "by %.2f %s", points, unit);
    if (gain.mean == 0.0)
        snprintf(text, size, "%s is no better than the %s: %s", subject, other,
            numbers ? "the errors are as large" : "as many rows are right");
    else if (gain.deviation > 0 && errors < ERRORS_TOLD)
        snprintf(text, size, "%s is not clearly %s than the %s: %s", subject,
            gain.mean > 0 ? "better" : "worse", other, by);
    else
        snprintf(text, size, "%s is %s than the %s %s", subject, gain.mean > 0 ? "better" : "worse",
            other, by);
}
