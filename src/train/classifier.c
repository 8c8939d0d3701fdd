/* SPDX-License-Identifier: Apache-2.0 */
#include "train/classifier.h"

#include <stdlib.h>

#include "base/memory.h"
#include "compute/sums.h"
#include "device/profile.h"

/* Shapes: N rows of the data set, B of a batch, E columns of the embedding, C classes. */
struct mcl_classifier {
    mcl_context *context;
    uint32_t batch, classes;
    mcl_network *head;
    cl_mem labels;    /* [N] */
    cl_mem losses;    /* [B] */
    cl_mem hits;      /* [B] 1 where the likeliest class is the row's, else 0 */
    cl_mem workspace; /* of their sums */
    mcl_sums sums;
    mcl_kernel *cross_entropy;
};

static mcl_status create(mcl_classifier *created, const mcl_architecture *architecture,
    const int32_t *labels, uint64_t rows)
{
    mcl_context *context = created->context;
    const uint32_t batch = created->batch;
    MCL_TRY(mcl_sums_find(&created->sums, context));
    MCL_TRY(
        mcl_kernel_find(&created->cross_entropy, context, "cross_entropy.cl", "cross_entropy", ""));
    MCL_TRY(mcl_network_create_part(
        &created->head, context, architecture, MCL_PART_HEAD, batch, MCL_NETWORK_TRAINING));
    MCL_TRY(
        mcl_buffer_create_from(&created->labels, context, labels, rows, sizeof(int32_t), "labels"));
    MCL_TRY(mcl_buffer_create(&created->losses, context, batch, sizeof(float), "losses"));
    MCL_TRY(mcl_buffer_create(&created->hits, context, batch, sizeof(float), "hits"));
    return mcl_buffer_create(&created->workspace, context, mcl_sum_workspace(batch), sizeof(float),
        "workspace of the sums");
}

mcl_status mcl_classifier_create(mcl_classifier **classifier, mcl_context *context,
    const mcl_architecture *architecture, const int32_t *labels, uint64_t rows, uint32_t batch)
{
    mcl_classifier *created;
    MCL_TRY(mcl_allocate(&created, 1, sizeof *created));
    created->context = context;
    created->batch = batch;
    created->classes = architecture->classes;
    const mcl_status status = create(created, architecture, labels, rows);
    if (status != MCL_OK) {
        mcl_classifier_free(created);
        return status;
    }
    *classifier = created;
    return MCL_OK;
}

void mcl_classifier_free(mcl_classifier *classifier)
{
    if (!classifier)
        return;
    mcl_network_free(classifier->head);
    mcl_buffer_release(&classifier->labels);
    mcl_buffer_release(&classifier->losses);
    mcl_buffer_release(&classifier->hits);
    mcl_buffer_release(&classifier->workspace);
    free(classifier);
}

/* metrics[at] = the mean of values[B] */
static mcl_status mean(mcl_classifier *classifier, cl_mem values, cl_mem metrics, uint64_t at)
{
    return mcl_sums_run(&classifier->sums, values, classifier->batch, (float)classifier->batch,
        classifier->workspace, metrics, at);
}

mcl_status mcl_classifier_run(mcl_classifier *classifier, const mcl_network *encoder,
    cl_mem parameters, cl_mem gradients, const mcl_rows *rows, cl_mem metrics, uint64_t slot)
{
    const uint32_t b = classifier->batch, c = classifier->classes;
    const cl_mem embeddings = mcl_network_output(encoder);
    const uint64_t at = slot * MCL_CLASSIFIER_METRICS;
    MCL_TRY(mcl_network_forward(classifier->head, parameters, embeddings, b));
    mcl_profile_work(classifier->context, NULL, 0.0, sizeof(float) * 2.0 * b * c);
    MCL_TRY(mcl_run_rows(classifier->cross_entropy, b,
        MCL_BUFFER(mcl_network_output(classifier->head)), MCL_UINT(b), MCL_UINT(c),
        MCL_BUFFER(rows->order), MCL_ULONG(rows->first), MCL_BUFFER(classifier->labels),
        MCL_FLOAT(1.0f / (float)b), MCL_BUFFER(classifier->losses), MCL_BUFFER(classifier->hits),
        MCL_BUFFER(mcl_network_output_gradient(classifier->head)), MCL_LOCAL(MCL_ROW_SPACE)));
    MCL_TRY(mean(classifier, classifier->losses, metrics, at + MCL_CLASSIFIER_LOSS));
    MCL_TRY(mean(classifier, classifier->hits, metrics, at + MCL_CLASSIFIER_ACCURACY));
    return mcl_network_backward(classifier->head, parameters, gradients, embeddings, b,
        mcl_network_output_gradient(encoder), 0.0f);
}
