/* SPDX-License-Identifier: Apache-2.0 */
#include "data_options.h"

const char *const mcl_data_keys_fitted[] = {"Tables", "Images", "Data", NULL};

const char *const mcl_data_keys_applied[] = {"label", "id", "delimiter", "decimal", "header",
    "background", "channels", "strict", "host_memory", NULL};

void mcl_begin_data_options(const mcl_command *command, void *settings)
{
    if (command->data_keys)
        (void)mcl_data_options_init((void *)((char *)settings + command->data_offset));
}
