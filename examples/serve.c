/* SPDX-License-Identifier: Apache-2.0 */
/* Serves embeddings: reads rows of numbers from standard input, a row a line, and answers each with
 * its embedding.
 *     serve MODEL.safetensors <rows.txt
 * Without a model it makes an untrained one, which takes rows of 4. */
#include <maskcl/maskcl.h>

#include <stdio.h>
#include <stdlib.h>

struct server {
    mcl_context *context;
    mcl_model *model;
    uint64_t input, embedding; /* widths */
    float *row, *answer;
};

static mcl_status open_server(struct server *server, const char *path)
{
    const mcl_architecture small = {.input = 4,
        .hidden = {16},
        .hidden_count = 1,
        .embedding = 2,
        .activation = MCL_ACTIVATION_RELU};
    mcl_status status =
        path ? mcl_model_load(&server->model, path) : mcl_model_create(&server->model, &small, 1);
    if (status == MCL_OK)
        status = mcl_context_open(&server->context, NULL);
    if (status != MCL_OK)
        return status;
    server->input = mcl_model_architecture(server->model)->input;
    server->embedding = mcl_model_architecture(server->model)->embedding;
    server->row = malloc(server->input * sizeof(float));
    server->answer = malloc(server->embedding * sizeof(float));
    return server->row && server->answer ? MCL_OK : MCL_ERROR_MEMORY;
}

static void close_server(struct server *server)
{
    free(server->row);
    free(server->answer);
    mcl_model_free(server->model);
    mcl_context_close(server->context);
}

/* Reads the next row; 0 at the end of the input, or where it is not a number. */
static int read_row(struct server *server)
{
    for (uint64_t i = 0; i < server->input; i++) {
        if (scanf("%f", &server->row[i]) != 1)
            return 0;
    }
    return 1;
}

static mcl_status answer(struct server *server)
{
    mcl_data *data = NULL;
    mcl_status status = mcl_data_from_floats(&data, server->row, 1, server->input);
    if (status == MCL_OK)
        status = mcl_embed(server->answer, server->context, server->model, data);
    mcl_data_free(data);
    for (uint64_t i = 0; i < server->embedding && status == MCL_OK; i++)
        printf("%.6g%c", server->answer[i], i + 1 < server->embedding ? ' ' : '\n');
    fflush(stdout);
    return status;
}

int main(int argc, char **argv)
{
    struct server server = {0};
    mcl_status status = open_server(&server, argc > 1 ? argv[1] : NULL);
    while (status == MCL_OK && read_row(&server))
        status = answer(&server);
    if (status != MCL_OK)
        fprintf(stderr, "%s\n", mcl_error_message());
    close_server(&server);
    return status != MCL_OK;
}
