/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <string.h>

const mcl_command *const mcl_commands[] = {
    &mcl_command_devices,
    &mcl_command_pretrain,
    &mcl_command_embed,
    &mcl_command_neighbors,
    &mcl_command_probe,
    &mcl_command_compare,
    &mcl_command_finetune,
    &mcl_command_predict,
    &mcl_command_reconstruct,
    &mcl_command_views,
    &mcl_command_info,
    &mcl_command_reproduce,
    &mcl_command_diff,
    &mcl_command_tune,
    &mcl_command_verify,
    &mcl_command_help,
    NULL,
};

const mcl_command *mcl_command_find(const char *name)
{
    for (size_t i = 0; mcl_commands[i]; i++) {
        if (strcmp(mcl_commands[i]->name, name) == 0)
            return mcl_commands[i];
    }
    return NULL;
}
