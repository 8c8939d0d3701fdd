/* SPDX-License-Identifier: Apache-2.0 */
/* The options of commands that read data: the library's (mcl_data_options), of which a command
 * takes those that make sense for it. */
#ifndef MASKCL_CLI_DATA_OPTIONS_H
#define MASKCL_CLI_DATA_OPTIONS_H

#include "maskcl/data.h"
#include "options.h"

/* For mcl_command.data_keys: of a command that fits a schema to the data, all; of one that applies
 * a model's, those that tell how a file is read but not what its columns become. */
extern const char *const mcl_data_keys_fitted[];
extern const char *const mcl_data_keys_applied[];

/* Whether data are a table: their rows have columns with names, and are no images. */
bool mcl_data_are_table(const mcl_data *data);

/* Refuses options that the data have no use for: of columns, where they are no table, or of images,
 * where they are none. */
mcl_exit mcl_check_data_options(
    const mcl_data *data, const char *path, const mcl_data_options *options);

/* Initializes the mcl_data_options of a command's settings, if it has any. */
void mcl_begin_data_options(const mcl_command *command, void *settings);

#endif
