/* SPDX-License-Identifier: Apache-2.0 */
/* Using and measuring a model: embeddings, reconstructions, linear probe and k-NN. */
#ifndef MASKCL_EVALUATE_H
#define MASKCL_EVALUATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "maskcl/data.h"
#include "maskcl/device.h"
#include "maskcl/mask.h"
#include "maskcl/model.h"
#include "maskcl/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes the encoder's output for every row of data to embeddings[rows × embedding]. Widths that
 * do not match are MCL_ERROR_DATA. */
MCL_API mcl_status mcl_embed(
    float *embeddings, mcl_context *context, const mcl_model *model, const mcl_data *data);

/* The same for the output of a layer: layers are counted from 1 through the encoder, whose last one
 * is the embedding, as is 0, and on through the projector. embeddings has rows × *width entries,
 * with the width from mcl_layer_width(); a layer that does not exist is MCL_ERROR_ARGUMENT. */
MCL_API mcl_status mcl_embed_layer(float *embeddings, mcl_context *context, const mcl_model *model,
    const mcl_data *data, uint32_t layer);
MCL_API mcl_status mcl_layer_width(uint32_t *width, const mcl_model *model, uint32_t layer);

/* The same for the averages of the layer's map over a grid of `grid` × `grid` parts, channel by
 * channel, as torch.nn.AdaptiveAvgPool2d and Flatten make them; of a series over `grid` parts of
 * its time. A layer that makes no map, or a smaller one, is MCL_ERROR_ARGUMENT; a grid of 0 is
 * none. */
MCL_API mcl_status mcl_embed_pooled(float *embeddings, mcl_context *context, const mcl_model *model,
    const mcl_data *data, uint32_t layer, uint32_t grid);
MCL_API mcl_status mcl_pooled_width(
    uint32_t *width, const mcl_model *model, uint32_t layer, uint32_t grid);

/* features[rows × *width], with the width from mcl_hog_width(), = the histograms of oriented
 * gradients (Dalal and Triggs 2005) of rows that are images: 9 bins over 180°, cells of 4 × 4
 * pixels, or in images whose shorter side has more than 34 a seventh of it, blocks of 2 × 2 cells,
 * normalized as L2-Hys; what skimage.feature.hog computes. For comparison with embeddings: there is
 * nothing to train. Rows that are no images, or smaller than 8 × 8, are MCL_ERROR_DATA. */
MCL_API mcl_status mcl_hog(float *features, const mcl_data *data);
MCL_API mcl_status mcl_hog_width(uint64_t *width, const mcl_data *data);

/* Masks rows first … first+rows-1 as epoch 0 of a run with this seed would, embeds the positive
 * view and decodes it. Each array has rows × columns entries. */
MCL_API mcl_status mcl_reconstruct(float *masked, float *reconstructed, mcl_context *context,
    const mcl_model *model, const mcl_data *data, const mcl_mask *mask, uint64_t seed,
    uint64_t first, uint64_t rows);

/* Labelled feature vectors in the caller's memory. */
typedef struct mcl_features {
    const float *values; /* rows × columns, row-major */
    const int32_t *labels;
    uint64_t rows;
    uint64_t columns;
    /* Which rows of values count: row i is number chosen[i] there, and labels[i] is its label.
     * NULL: all, in their order. */
    const uint64_t *chosen;
} mcl_features;

typedef struct mcl_probe_result {
    double linear_accuracy; /* of the test rows, in [0,1] */
    double knn_accuracy;    /* majority of the 20 nearest training rows by cosine; a tie goes to the
                               class of the nearest neighbour among the tied */
    uint32_t iterations;    /* of L-BFGS */
    bool converged;         /* before the most iterations, 1000; also where rounding hides any
                               further progress, and not where no first step was one */
    double seconds;
    double linear_seconds; /* of these, the linear probe's */
    double objective;      /* what the linear probe has made as small as it could */
    double strength;       /* of its L2 penalty */
} mcl_probe_result;

/* Zeros are the defaults. */
typedef struct mcl_probe_options {
    double strength; /* of the L2 penalty; 0: chosen */
    bool balanced;   /* the classes' losses count alike, and not as their rows are many */
    uint64_t seed;   /* of the rows that are held out to choose the strength */
} mcl_probe_options;

/* How well frozen features tell the classes apart. The linear probe is multinomial logistic
 * regression on features standardised by the training rows' mean and deviation, with an L2 penalty
 * of strength/2 on the weights, trained by L-BFGS (Liu and Nocedal 1989), preconditioned by the
 * features' covariance, which counts rows by the uncertainty of their classes as soon as that is
 * known, to convergence: until the objective, the mean cross-entropy and the penalty, is within
 * about 1e-5 of its minimum, relative to it.
 *
 * The strength is the power of ten from 10 to 1e-6 by which most of a held-out tenth of the
 * training rows are told right, of equals the one with the lesser cross-entropy there. With less
 * than 10,000 training rows several tenths are held out in turn, so that they have 1,000 rows, or
 * all ten. Classes are spread over the tenths evenly. The search goes from 10 down, each fit from
 * where the one before ended and to a hundredth of its accuracy, and ends at the first
 * strength that makes neither better; then all rows are fitted with the best one. */
MCL_API mcl_status mcl_probe(mcl_probe_result *result, mcl_context *context,
    const mcl_features *train, const mcl_features *test);

/* The same by options, which may be NULL. linear and nearest, if they are not NULL, get the class
 * that the linear probe and the neighbours tell of each test row. */
MCL_API mcl_status mcl_probe_with(mcl_probe_result *result, int32_t *linear, int32_t *nearest,
    mcl_context *context, const mcl_features *train, const mcl_features *test,
    const mcl_probe_options *options);

/* How near the numbers come that are told of rows. */
typedef struct mcl_ridge_result {
    double r2; /* 1 − Σ errors² / Σ (targets − their mean)², of the test rows: 0 is as good as
                  their mean; of test rows that are all alike 1 where there are no errors, else
                  0 */
    double rmse;     /* the root of the mean squared error, in the targets' unit */
    double strength; /* of its L2 penalty */
    double seconds;
} mcl_ridge_result;

/* The same where labels are numbers that are no classes: ridge regression of targets[rows] on
 * features standardised by the training rows, with a free intercept: the least mean of half the
 * squared errors plus strength/2 times the weights' square, which is scikit-learn's Ridge on them
 * with alpha = strength · rows. In doubles on the host. A strength that is 0 is chosen as by
 * mcl_probe(), by the least squared error on the held-out tenths, of all eight. told[test rows]
 * gets what the regression says of the test rows, and may be NULL; the features' labels do not
 * count. options may be NULL; their `balanced` does not count. Targets that are not finite are
 * MCL_ERROR_DATA. */
MCL_API mcl_status mcl_probe_ridge(mcl_ridge_result *result, double *told,
    const mcl_features *train, const double *train_targets, const mcl_features *test,
    const double *test_targets, const mcl_probe_options *options);

/* fold[i] = which of so many folds row i of labels[rows] is in, drawn for the seed; UINT32_MAX,
 * none, where the label is negative. Every fold has as many rows of a class as any other, or one
 * more or less. MCL_ERROR_ARGUMENT for less than 2 folds. */
MCL_API mcl_status mcl_folds(
    uint32_t *fold, const int32_t *labels, uint64_t rows, uint32_t folds, uint64_t seed);

/* How right the classes are that rows were told to be of. */
typedef struct mcl_scores {
    double accuracy;
    double balanced_accuracy; /* the mean over the classes that labels have of the part that is told
                                 right */
    double macro_f1; /* the mean over all classes of the harmonic mean of precision and recall */
} mcl_scores;

MCL_API mcl_status mcl_scores_of(
    mcl_scores *scores, const int32_t *labels, const int32_t *told, uint64_t rows);

/* The mean and deviation of repeated measurements. */
typedef struct mcl_mean {
    double mean;
    double deviation; /* of the sample, with n − 1; 0 for a single measurement */
} mcl_mean;

/* NaN of no values. */
MCL_API mcl_mean mcl_mean_of(const double *values, size_t count);

#define MCL_FEW_DRAWS 5

typedef struct mcl_few_result {
    mcl_mean linear_accuracy; /* over the draws */
    mcl_mean knn_accuracy;
    uint64_t rows;       /* labelled rows of a draw */
    uint32_t iterations; /* of L-BFGS, in all draws together */
    bool converged;      /* in every draw */
    double seconds;
    double linear_seconds;              /* of these, the linear probes' */
    double linear_draws[MCL_FEW_DRAWS]; /* accuracies */
} mcl_few_result;

/* The same with few labels: measures MCL_FEW_DRAWS times, each time with only per_class training
 * rows of each class that occurs among them, drawn for the seeds 0, 1, …. Features are standardised
 * by the drawn rows. With D columns and N drawn rows the L2 penalty is (D/10N)/2, that of a normal
 * prior of the weights under which a row's logits have a variance of 10, whatever its width.
 * MCL_ERROR_DATA when a class has fewer than per_class rows, MCL_ERROR_ARGUMENT for 0. */
MCL_API mcl_status mcl_probe_few(mcl_few_result *result, mcl_context *context,
    const mcl_features *train, const mcl_features *test, uint64_t per_class);

/* A row that is near to another one. */
typedef struct mcl_neighbor {
    uint64_t row;
    double similarity; /* the cosine, in [-1,1]; 0 where one of both is all zeros */
} mcl_neighbor;

/* Writes to nearest[query_count × count] the candidates[rows × columns] that are nearest to each of
 * queries[query_count × columns] by cosine, the nearest first, of equally near ones the first row
 * first. Every candidate is compared, on the host, in float64 sums of a fixed order.
 * MCL_ERROR_ARGUMENT for a count of 0 or above rows. */
MCL_API mcl_status mcl_neighbors_find(mcl_neighbor *nearest, const float *candidates, uint64_t rows,
    uint64_t columns, const float *queries, uint64_t query_count, uint64_t count);

#ifdef __cplusplus
}
#endif

#endif
