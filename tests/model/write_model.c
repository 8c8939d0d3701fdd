/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the model file that test_model.py examines, through the public API alone:
 *
 *   write_model create MODEL SEED INPUT EMBEDDING ACTIVATION [HIDDEN]...
 *   write_model copy MODEL COPY
 *   write_model npy FILE [SIZE]...   of the numbers 0, 1, 2, ... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "maskcl/model.h"
#include "maskcl/output.h"

static mcl_status create(int count, char **arguments)
{
    mcl_model *model = NULL;
    mcl_architecture architecture = {
        .input = strtoull(arguments[2], NULL, 10),
        .embedding = (uint32_t)strtoul(arguments[3], NULL, 10),
    };
    for (int i = 5; i < count && i < 5 + MCL_HIDDEN_MAX; i++)
        architecture.hidden[architecture.hidden_count++] =
            (uint32_t)strtoul(arguments[i], NULL, 10);
    mcl_status status = mcl_activation_parse(&architecture.activation, arguments[4]);
    if (status == MCL_OK)
        status = mcl_model_create(&model, &architecture, strtoull(arguments[1], NULL, 10));
    if (status == MCL_OK)
        status = mcl_model_metadata_set(model, "input_shape", "28,28");
    if (status == MCL_OK)
        status = mcl_model_metadata_set(model, "note", "\"é\\\n\x01 日本");
    if (status == MCL_OK)
        status = mcl_model_save(model, arguments[0]);
    mcl_model_free(model);
    return status;
}

static mcl_status copy(char **arguments)
{
    mcl_model *model = NULL;
    mcl_status status = mcl_model_load(&model, arguments[0]);
    if (status == MCL_OK)
        status = mcl_model_save(model, arguments[1]);
    mcl_model_free(model);
    return status;
}

static mcl_status write_npy(int count, char **arguments)
{
    static float values[100000];
    uint64_t shape[32];
    for (int i = 0; i < 100000; i++)
        values[i] = (float)i;
    for (int i = 1; i < count && i <= 32; i++)
        shape[i - 1] = strtoull(arguments[i], NULL, 10);
    return mcl_write_npy(arguments[0], values, shape, (size_t)count - 1);
}

int main(int count, char **arguments)
{
    mcl_status status;
    if (count >= 7 && strcmp(arguments[1], "create") == 0)
        status = create(count - 2, arguments + 2);
    else if (count == 4 && strcmp(arguments[1], "copy") == 0)
        status = copy(arguments + 2);
    else if (count >= 3 && strcmp(arguments[1], "npy") == 0)
        status = write_npy(count - 2, arguments + 2);
    else
        return 2;
    if (status != MCL_OK)
        fprintf(stderr, "write_model: %s\n", mcl_error_message());
    return status == MCL_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
