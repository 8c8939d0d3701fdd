/* SPDX-License-Identifier: Apache-2.0 */
/* Trains with a callback that prints every epoch and stops when one brings less than 1 percent, and
 * keeps the model:
 *     train [ROWS.npy] [MODEL.safetensors] */
#include <maskcl/maskcl.h>

#include <inttypes.h>
#include <stdio.h>

struct progress {
    volatile sig_atomic_t stop;
    double loss; /* of the epoch before */
};

/* Called from within mcl_pretrain(), in the thread that called it. */
static void report(const mcl_step *step, void *user)
{
    struct progress *progress = user;
    if (!step->epoch_end)
        return;
    printf("epoch %" PRIu64 "/%" PRIu64 "  loss %.4f  spread %.3f\n", step->epoch, step->epochs,
        step->epoch_loss, step->spread);
    if (step->epoch > 1 && step->epoch_loss > 0.99 * progress->loss)
        progress->stop = 1;
    progress->loss = step->epoch_loss;
}

static mcl_status train(mcl_model **model, const mcl_data *data)
{
    struct progress progress = {0};
    mcl_pretrain_options options;
    mcl_context *context = NULL;
    mcl_status status = mcl_pretrain_options_init(&options);
    if (status == MCL_OK)
        status = mcl_context_open(&context, NULL);
    options.train.epochs = 20;
    options.train.report = report;
    options.train.user = &progress;
    options.train.stop = &progress.stop;
    if (status == MCL_OK)
        status = mcl_pretrain(model, context, data, &options);
    mcl_context_close(context);
    return status == MCL_INTERRUPTED ? MCL_OK : status; /* stopped by report(): there is a model */
}

int main(int argc, char **argv)
{
    mcl_data *data = NULL;
    mcl_model *model = NULL;
    mcl_status status =
        argc > 1 ? mcl_data_open(&data, argv[1]) : mcl_data_synthetic(&data, 2048, 64, 1);
    if (status == MCL_OK)
        status = train(&model, data);
    mcl_collapse collapse = {MCL_COLLAPSE_UNKNOWN};
    if (status == MCL_OK)
        status = mcl_model_collapse(&collapse, model);
    if (collapse.verdict == MCL_COLLAPSE_OF_EMBEDDINGS)
        printf("the embeddings have collapsed: take the recipe recommended or tabular\n");
    if (status == MCL_OK)
        status = mcl_model_save(model, argc > 2 ? argv[2] : "model.safetensors");
    if (status != MCL_OK)
        fprintf(stderr, "%s\n", mcl_error_message());
    mcl_model_free(model);
    mcl_data_free(data);
    return status != MCL_OK;
}
