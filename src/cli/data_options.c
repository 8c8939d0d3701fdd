/* SPDX-License-Identifier: Apache-2.0 */
#include "data_options.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *const mcl_data_keys_fitted[] = {"Tables", "Images", "Data", NULL};

const char *const mcl_data_keys_applied[] = {"label", "id", "delimiter", "decimal", "header",
    "background", "channels", "strict", "host_memory", NULL};

void mcl_begin_data_options(const mcl_command *command, void *settings)
{
    if (command->data_keys)
        (void)mcl_data_options_init((void *)((char *)settings + command->data_offset));
}

bool mcl_data_are_table(const mcl_data *data)
{
    const mcl_schema *schema = mcl_data_schema(data);
    return mcl_schema_columns(schema) > 0 && !mcl_schema_image(NULL, schema);
}

/* Whether all columns are numbers that are called 0, 1, …: those of an array that was standardized,
 * or of a text table without a header. */
static bool are_numbered(const mcl_data *data)
{
    const mcl_schema *schema = mcl_data_schema(data);
    for (size_t i = 0; i < mcl_schema_columns(schema); i++) {
        char name[24];
        const mcl_column column = mcl_schema_column(schema, i);
        snprintf(name, sizeof name, "%zu", i);
        if (column.kind != MCL_COLUMN_NUMBER || strcmp(column.name, name) != 0)
            return false;
    }
    return true;
}

/* The first option given that only a table has a use for; NULL: none. */
static const char *find_column_option(const mcl_data *data, const mcl_data_options *options)
{
    const bool table = mcl_data_are_table(data), numbered = are_numbered(data);
    if (options->label && (!table || (numbered && !mcl_data_labels(data))))
        return "label";
    if (options->id && (!table || (numbered && !mcl_data_row_name(data, 0))))
        return "id";
    if (options->categorical && (!table || numbered))
        return "categorical";
    if (options->ignore && (!table || numbered))
        return "ignore";
    if (table)
        return NULL;
    return options->numeric                     ? "numeric"
           : options->delimiter                 ? "delimiter"
           : options->decimal                   ? "decimal"
           : options->header != MCL_HEADER_AUTO ? "header"
                                                : NULL;
}

/* The same of images, which plain arrays may hold: of these the order of channels can be told. */
static const char *find_image_option(const mcl_data *data, const mcl_data_options *options)
{
    uint64_t shape[MCL_DIMENSIONS_MAX];
    if (options->channels != MCL_CHANNELS_AUTO && mcl_data_row_shape(data, shape) < 2)
        return "channels";
    return options->size         ? "size"
           : options->colors     ? "colors"
           : options->background ? "background"
                                 : NULL;
}

/* Images that are no picture files, and those of a model to begin with, are what they are. */
static mcl_exit check_images(
    const mcl_image *image, const char *path, const mcl_data_options *options)
{
    const bool sized =
        !options->size || (image->height == options->size && image->width == options->size);
    if (sized && (!options->colors || image->channels == options->colors))
        return MCL_EXIT_DONE;
    return mcl_complain(MCL_EXIT_USAGE,
        "--%s: the images of %s are %" PRIu32 " x %" PRIu32 " x %" PRIu32
        ", and stay so: leave it out",
        sized ? "colors" : "size", path, image->height, image->width, image->channels);
}

mcl_exit mcl_check_data_options(
    const mcl_data *data, const char *path, const mcl_data_options *options)
{
    mcl_image image;
    const char *option = find_column_option(data, options);
    if (option)
        return mcl_complain(
            MCL_EXIT_USAGE, "--%s: %s is no table, and has no columns", option, path);
    if (mcl_schema_image(&image, mcl_data_schema(data)))
        return check_images(&image, path, options);
    option = find_image_option(data, options);
    return option ? mcl_complain(MCL_EXIT_USAGE, "--%s: %s has no images", option, path)
                  : MCL_EXIT_DONE;
}
