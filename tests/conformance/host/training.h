/* SPDX-License-Identifier: Apache-2.0 */
/* A whole pre-training on the host, as docs/numerics.md has it. */
#ifndef HOST_TRAINING_H
#define HOST_TRAINING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAYERS_MAX 8
#define OBJECTIVES_MAX 3

enum activation { NONE, RELU, GELU, TANH };
enum normalization { NO_NORMALIZATION, BATCH_NORMALIZATION, LAYER_NORMALIZATION };
enum mask { UNIFORM, BERNOULLI, BLOCK };
enum optimizer { ADAM, ADAMW, SGD, LARS, LAMB };
enum schedule { CONSTANT_SCHEDULE, COSINE_SCHEDULE, STEP_SCHEDULE };
enum objective { COSINE, NT_XENT, RECONSTRUCTION, SIGREG };

struct options {
    const float *floats;        /* the rows, or NULL for … */
    const unsigned char *bytes; /* … rows of uint8 */
    uint64_t rows, columns;
    uint64_t height, width, channels; /* of an image, for block masks */

    uint64_t hidden[LAYERS_MAX - 1], hidden_count, embedding;
    enum activation activation;
    enum normalization normalization;
    bool activated_embedding;
    enum mask mask;
    float ratio;
    uint64_t side;
    enum objective objectives[OBJECTIVES_MAX];
    float weights[OBJECTIVES_MAX];
    size_t objective_count;
    float temperature;
    enum optimizer optimizer;
    double learning_rate, weight_decay, momentum, beta1, beta2, epsilon;
    enum schedule schedule;
    double warmup, final_rate, gamma;
    uint64_t step_epochs;
    double ema, clip_norm;
    uint64_t batch, epochs, seed;
};

/* What an epoch's last step and the epoch measured. */
struct measures {
    double loss, epoch_loss, spread;
    double objectives[OBJECTIVES_MAX];
};

/* Returns how many parameters there are; the caller frees *parameters, and *measures, one of each
 * epoch. */
size_t host_train(float **parameters, struct measures **measures, const struct options *options);

#endif
