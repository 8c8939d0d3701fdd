/* SPDX-License-Identifier: Apache-2.0 */
/* The layers that there are. The places of their parameters are the caller's to fill in. */
#ifndef MASKCL_NN_LAYERS_H
#define MASKCL_NN_LAYERS_H

#include "nn/layer.h"

/* y = x·Wᵀ + b with weight W[O×I] and bias b[O], as torch.nn.Linear */
mcl_layer mcl_layer_dense(uint32_t in, uint32_t out);

/* Batch normalization (Ioffe and Szegedy 2015) or layer normalization (Ba et al. 2016) of `width`
 * columns, as torch.nn.BatchNorm1d and torch.nn.LayerNorm, with weight[O] and bias[O]; the former
 * goes by the batch in training, and keeps running_mean[O] and running_var[O], by which it goes
 * without. */
mcl_layer mcl_layer_normalization(mcl_normalization normalization, uint32_t width);

/* y = f(x). It follows a layer that computes it in passing: dense, normalization. */
mcl_layer mcl_layer_activation(mcl_activation activation, uint32_t width);

/* Dropout (Srivastava et al. 2014): elements are set to 0 with probability rate, in (0,1), the
 * others divided by 1 − rate. Which ones follows from the seed, the step, the layer's block, and
 * the element's place in the batch. For training only. */
mcl_layer mcl_layer_dropout(float rate, uint64_t seed, uint32_t width);

/* y = x * w + b of maps, with weight w[O×C×kh×kw] and bias b[O], as torch.nn.Conv2d; the shape is
 * one that mcl_convolution_check() passes. */
mcl_layer mcl_layer_convolution(const mcl_convolution_shape *shape);

/* The values of a map channel by channel, as torch.nn.Flatten has them: what a dense layer after a
 * map takes, unless the map has a single position or a single channel, where nothing would change.
 */
mcl_layer mcl_layer_flatten(const mcl_map *map);

/* The other way around: what a map takes from a dense layer. */
mcl_layer mcl_layer_unflatten(const mcl_map *map);

/* The largest value, or the average, of windows of kernel[0] × kernel[1] positions that begin
 * stride[0] rows and stride[1] columns apart, as torch.nn.MaxPool2d and AvgPool2d: windows that
 * would reach beyond the map are left out, and the gradient by a maximum goes to the first of equal
 * ones. The window is no larger than the map. With MCL_POOL_GRID the average of kernel[0] ×
 * kernel[1] parts of the map, as torch.nn.AdaptiveAvgPool2d; stride may be NULL. */
mcl_layer mcl_layer_pool(
    mcl_pool_kind kind, const mcl_map *map, const uint32_t kernel[2], const uint32_t stride[2]);

/* The end of a residual block (He et al. 2016): y = x + the output of the layer `back` layers
 * before it, at least 2, or the network's input where back is one more than there are layers
 * before. It has the same map as x. The layer after that one is of a type that `keeps`. */
mcl_layer mcl_layer_add(uint32_t back, const mcl_map *map);

/* Normalization of maps, with weight[C] and bias[C]: batch normalization of each channel over rows
 * and positions, as torch.nn.BatchNorm2d; otherwise group normalization (Wu and He 2018) of so many
 * groups of channels, as torch.nn.GroupNorm, whose number divides C. That of one group is the layer
 * normalization of maps. */
mcl_layer mcl_layer_normalization_of_map(
    mcl_normalization normalization, uint32_t groups, const mcl_map *map);
mcl_layer mcl_layer_group_normalization(uint32_t groups, const mcl_map *map);

/* A filter of its own for each channel, weight[C×1×kh×kw] and bias[C], as torch.nn.Conv2d with as
 * many groups as channels; filters is the channels. */
mcl_layer mcl_layer_depthwise(const mcl_convolution_shape *shape);

/* The convolution of this shape turned around, from its output map to its input map, with
 * weight[O×C×kh×kw], the convolution's, and bias[C], as torch.nn.ConvTranspose2d, whose
 * output_padding makes up for what a stride left over. */
mcl_layer mcl_layer_transposed_convolution(const mcl_convolution_shape *shape);

#endif
