/* SPDX-License-Identifier: Apache-2.0 */
/* Trains on rows that the program has made itself, without a file, and prints the embeddings of
 * three of them. */
#include <maskcl/maskcl.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 1024, SAMPLES = 48, EMBEDDING = 8 };

/* A sine of some frequency and phase: a row of a sensor. */
static void fill(float *row, int number)
{
    const double frequency = 1 + number % 4, phase = 0.1 * number;
    for (int i = 0; i < SAMPLES; i++)
        row[i] = (float)sin(2 * 3.141592653589793 * frequency * i / SAMPLES + phase);
}

static mcl_status embed(float *embeddings, mcl_context *context, const mcl_data *data)
{
    mcl_pretrain_options options;
    mcl_model *model = NULL;
    mcl_status status = mcl_pretrain_options_init(&options);
    if (status == MCL_OK)
        status = mcl_options_set(&options.base, "objective", "nt-xent:1+reconstruction:10");
    if (status == MCL_OK)
        status = mcl_options_set(&options.base, "temperature", "0.5");
    options.hidden[0] = 32; /* hidden_count is 1 by default */
    options.embedding = EMBEDDING;
    options.train.epochs = 3;
    if (status == MCL_OK)
        status = mcl_pretrain(&model, context, data, &options);
    if (status == MCL_OK)
        status = mcl_embed(embeddings, context, model, data);
    mcl_model_free(model);
    return status;
}

int main(void)
{
    static float rows[ROWS][SAMPLES], embeddings[ROWS][EMBEDDING];
    for (int i = 0; i < ROWS; i++)
        fill(rows[i], i);
    const mcl_array_description described = {.values = rows,
        .type = MCL_NUMBER_FLOAT32,
        .dimensions = 2, /* 3 for images, which can then have views of images */
        .shape = {ROWS, SAMPLES},
        .borrow = true}; /* rows stays as it is for as long as data is used */
    mcl_context *context = NULL;
    mcl_data *data = NULL;
    mcl_status status = mcl_context_open(&context, NULL);
    if (status == MCL_OK)
        status = mcl_data_from_memory(&data, &described);
    if (status == MCL_OK)
        status = embed(embeddings[0], context, data);
    for (int i = 0; i < 3 && status == MCL_OK; i++) {
        for (int j = 0; j < EMBEDDING; j++)
            printf("%8.4f", embeddings[i][j]);
        printf("\n");
    }
    if (status != MCL_OK)
        fprintf(stderr, "%s\n", mcl_error_message());
    mcl_data_free(data);
    mcl_context_close(context);
    return status != MCL_OK;
}
