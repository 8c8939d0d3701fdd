/* SPDX-License-Identifier: Apache-2.0 */
#include "data/channels.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/builder.h"
#include "data/data.h"
#include "data/schema.h"

/* Whether rows of this shape have their channels first. */
static bool are_first(const uint64_t *shape, size_t dimensions, const mcl_data_options *options)
{
    mcl_image image;
    if (options->channels != MCL_CHANNELS_AUTO)
        return options->channels == MCL_CHANNELS_FIRST;
    if (dimensions != 3 || !mcl_schema_image(&image, options->schema))
        return false;
    const bool last =
        shape[0] == image.height && shape[1] == image.width && shape[2] == image.channels;
    return !last && shape[0] == image.channels && shape[1] == image.height &&
           shape[2] == image.width;
}

/* to[n][c] = from[c][n] of values of size bytes. */
static void turn(
    unsigned char *to, const unsigned char *from, uint64_t channels, uint64_t pixels, size_t size)
{
    for (uint64_t n = 0; n < pixels; n++) {
        for (uint64_t c = 0; c < channels; c++, to += size)
            memcpy(to, from + (c * pixels + n) * size, size);
    }
}

static mcl_status add_turned(
    mcl_builder *builder, unsigned char *row, void *room, const mcl_data *data, uint64_t channels)
{
    const uint64_t rows = mcl_data_rows(data), block = mcl_data_block(data);
    const uint64_t pixels = mcl_data_columns(data) / channels;
    const size_t size = mcl_element_size(mcl_data_element(data));
    for (uint64_t first = 0; first < rows; first += block) {
        const uint64_t count = rows - first < block ? rows - first : block;
        const void *some;
        MCL_TRY(mcl_data_look(&some, room, data, first, count));
        for (uint64_t i = 0; i < count; i++) {
            turn(row, (const unsigned char *)some + i * mcl_data_columns(data) * size, channels,
                pixels, size);
            MCL_TRY(mcl_builder_add(builder, row, 1));
        }
    }
    return MCL_OK;
}

static mcl_status set_schema(mcl_data *data, const uint64_t *shape)
{
    const mcl_image image = {(uint32_t)shape[1], (uint32_t)shape[2], (uint32_t)shape[0]};
    mcl_schema *schema;
    if (mcl_data_element(data) != MCL_ELEMENT_UINT8)
        return MCL_OK; /* an image's values are bytes */
    MCL_TRY(mcl_schema_create(&schema));
    mcl_schema_set_image(schema, &image);
    mcl_data_set_schema(data, schema);
    return MCL_OK;
}

/* *turned = the rows with their channels last. */
static mcl_status make_turned(
    mcl_data **turned, const mcl_data *data, const uint64_t *shape, const mcl_data_options *options)
{
    const mcl_row_plan plan = {.element = mcl_data_element(data),
        .shape = {shape[1], shape[2], shape[0]},
        .dimensions = 3,
        .rows = mcl_data_rows(data),
        .host_memory = options->host_memory,
        .source = mcl_data_source(data)};
    mcl_builder *builder;
    unsigned char *row = NULL, *room = NULL;
    mcl_data *made = NULL;
    MCL_TRY(mcl_builder_create(&builder, &plan));
    mcl_status status = mcl_allocate(&row, mcl_data_columns(data), mcl_element_size(plan.element));
    if (status == MCL_OK)
        status = mcl_data_room(&room, data, mcl_data_block(data));
    if (status == MCL_OK)
        status = add_turned(builder, row, room, data, shape[0]);
    if (status == MCL_OK)
        status = mcl_builder_finish(&made, builder);
    if (status == MCL_OK)
        status = set_schema(made, shape);
    free(row);
    free(room);
    mcl_builder_free(builder);
    if (status == MCL_OK)
        *turned = made;
    else
        mcl_data_free(made);
    return status;
}

static mcl_status replace(mcl_data **data, const mcl_data_options *options)
{
    uint64_t shape[MCL_DIMENSIONS_MAX];
    mcl_data *turned;
    char *warning = NULL;
    (void)mcl_data_row_shape(*data, shape);
    MCL_TRY(make_turned(&turned, *data, shape, options));
    if (mcl_data_warning(*data)) {
        const mcl_status status = mcl_copy_string(&warning, mcl_data_warning(*data));
        if (status != MCL_OK) {
            mcl_data_free(turned);
            return status;
        }
        mcl_data_set_warning(turned, warning);
    }
    mcl_data_free(*data);
    *data = turned;
    return MCL_OK;
}

mcl_status mcl_channels_last(mcl_data **data, const mcl_data_options *options)
{
    uint64_t shape[MCL_DIMENSIONS_MAX];
    const size_t dimensions = mcl_data_row_shape(*data, shape);
    if (mcl_data_schema(*data) || !are_first(shape, dimensions, options))
        return MCL_OK;
    if (dimensions != 3 || shape[0] > UINT32_MAX || shape[1] > UINT32_MAX || shape[2] > UINT32_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "%s: `channels` is first, and its rows are not of channels × height × width: they have "
            "%zu dimension%s",
            mcl_data_source(*data), dimensions, dimensions == 1 ? "" : "s");
    return replace(data, options);
}
