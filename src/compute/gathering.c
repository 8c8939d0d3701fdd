/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/gathering.h"

#include "base/integers.h"

#define VECTOR                                                                                     \
    16 /* fewer channels than these are gathered together with those of the taps beside */
#define PHASES_MAX 64
#define LARGEST (1u << 28) /* side of a padded map, and a step, so that places fit an int */

mcl_patches mcl_input_patches(const mcl_convolution_shape *shape)
{
    const bool rows = shape->channels < VECTOR && shape->dilation[1] == 1;
    mcl_patches patches = {.of_b = false};
    int32_t *geometry = patches.geometry;
    for (int d = 0; d < 2; d++) {
        geometry[MCL_PATCH_HEIGHT + d] = (int32_t)shape->size[d];
        geometry[MCL_PATCH_DOWN + d] = (int32_t)mcl_convolution_out(shape, d);
        geometry[MCL_PATCH_STEP_Y + d] = (int32_t)shape->stride[d];
        geometry[MCL_PATCH_FIRST_Y + d] = -(int32_t)shape->padding[d];
        geometry[MCL_PATCH_TAP_Y + d] = (int32_t)shape->dilation[d];
    }
    geometry[MCL_PATCH_CHANNELS] = (int32_t)shape->channels;
    geometry[MCL_PATCH_RUN] = (int32_t)(shape->channels * (rows ? shape->kernel[1] : 1));
    geometry[MCL_PATCH_RUNS] = rows ? 1 : (int32_t)shape->kernel[1];
    return patches;
}

/* Phases down or across: places with one remainder each. */
static uint32_t phases_of(const mcl_convolution_shape *shape, int d)
{
    return (uint32_t)mcl_least(shape->stride[d], shape->size[d]);
}

uint32_t mcl_convolution_phases(const mcl_convolution_shape *shape)
{
    return phases_of(shape, 0) * phases_of(shape, 1);
}

bool mcl_convolution_gathers(const mcl_context *context, const mcl_convolution_shape *shape)
{
    for (int d = 0; d < 2; d++) {
        if (shape->size[d] > LARGEST || shape->padding[d] > LARGEST || shape->stride[d] > LARGEST ||
            shape->dilation[d] > LARGEST)
            return false;
    }
    return shape->contrast <= 0.0f && mcl_convolution_phases(shape) <= PHASES_MAX &&
           shape->channels <= LARGEST && shape->filters <= LARGEST && mcl_product_gathers(context);
}

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b) {
        const uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The part of a phase that is down or across, of places at, at + stride, … */
static void add_side(
    mcl_convolution_phase *phase, const mcl_convolution_shape *shape, int d, uint32_t at)
{
    const uint32_t stride = shape->stride[d], dilation = shape->dilation[d];
    const uint32_t common = common_divisor(stride, dilation), next = stride / common;
    const int64_t from = (int64_t)at + shape->padding[d];
    int32_t *geometry = phase->patches.geometry;
    uint32_t first = 0;
    while (first < next && first < shape->kernel[d] && (from - (int64_t)first * dilation) % stride)
        first++;
    const bool none = first == next || first >= shape->kernel[d];
    phase->first[d] = first;
    phase->next[d] = next;
    phase->count[d] = none ? 0 : (shape->kernel[d] - 1 - first) / next + 1;
    geometry[MCL_PATCH_HEIGHT + d] = (int32_t)mcl_convolution_out(shape, d);
    geometry[MCL_PATCH_DOWN + d] = (int32_t)((shape->size[d] - 1 - at) / stride + 1);
    geometry[MCL_PATCH_STEP_Y + d] = 1;
    geometry[MCL_PATCH_FIRST_Y + d] =
        none ? -(int32_t)LARGEST : (int32_t)((from - (int64_t)first * dilation) / stride);
    geometry[MCL_PATCH_TAP_Y + d] = -(int32_t)(dilation / common);
    geometry[MCL_PATCH_TO_HEIGHT + d] = (int32_t)shape->size[d];
    geometry[MCL_PATCH_TO_Y + d] = (int32_t)at;
    geometry[MCL_PATCH_TO_STEP_Y + d] = (int32_t)stride;
    phase->positions *= (uint32_t)geometry[MCL_PATCH_DOWN + d];
}

mcl_convolution_phase mcl_convolution_phase_of(const mcl_convolution_shape *shape, uint32_t number)
{
    const uint32_t across = phases_of(shape, 1);
    mcl_convolution_phase phase = {.positions = 1};
    int32_t *geometry = phase.patches.geometry;
    add_side(&phase, shape, 0, number / across);
    add_side(&phase, shape, 1, number % across);
    phase.patches.scattered = mcl_convolution_phases(shape) > 1;
    geometry[MCL_PATCH_CHANNELS] = geometry[MCL_PATCH_RUN] = (int32_t)shape->filters;
    geometry[MCL_PATCH_RUNS] = phase.count[1] ? (int32_t)phase.count[1] : 1;
    return phase;
}
