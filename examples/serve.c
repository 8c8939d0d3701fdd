/* SPDX-License-Identifier: Apache-2.0 */
/* Serves embeddings: reads rows of numbers from standard input, a row a line, and answers each with
 * its embedding. The encoder stays on the device between rows.
 *     serve MODEL.safetensors <rows.txt
 * Without a model it makes an untrained one, which takes rows of 4. */
#include <maskcl/maskcl.h>

#include <stdio.h>
#include <stdlib.h>

struct server {
    mcl_context *context;
    mcl_encoder *encoder;
    uint32_t columns, width;
    float *row, *embedding;
};

static mcl_status open_server(struct server *server, const char *path)
{
    const mcl_architecture small = {.input = 4,
        .hidden = {16},
        .hidden_count = 1,
        .embedding = 2,
        .activation = MCL_ACTIVATION_RELU};
    mcl_model *model = NULL;
    mcl_status status = path ? mcl_model_load(&model, path) : mcl_model_create(&model, &small, 1);
    if (status == MCL_OK)
        status = mcl_context_open(&server->context, NULL);
    if (status == MCL_OK) /* the embedding (layer 0), a row at a time */
        status = mcl_encoder_open(&server->encoder, server->context, model, 0, 1);
    mcl_model_free(model); /* the encoder has copied it */
    if (status != MCL_OK)
        return status;
    server->columns = mcl_encoder_columns(server->encoder);
    server->width = mcl_encoder_width(server->encoder);
    server->row = malloc(server->columns * sizeof(float));
    server->embedding = malloc(server->width * sizeof(float));
    return server->row && server->embedding ? MCL_OK : MCL_ERROR_MEMORY;
}

/* Reads the next row; 0 at the end of the input, or where it is not a number. */
static int read_row(struct server *server)
{
    for (uint32_t i = 0; i < server->columns; i++) {
        if (scanf("%f", &server->row[i]) != 1)
            return 0;
    }
    return 1;
}

static mcl_status answer(struct server *server)
{
    const mcl_status status = mcl_encoder_run(server->encoder, server->embedding, server->row, 1);
    for (uint32_t i = 0; i < server->width && status == MCL_OK; i++)
        printf("%.6g%c", server->embedding[i], i + 1 < server->width ? ' ' : '\n');
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
    free(server.row);
    free(server.embedding);
    mcl_encoder_close(server.encoder);
    mcl_context_close(server.context);
    return status != MCL_OK;
}
