/* SPDX-License-Identifier: Apache-2.0 */
/* The run whose products are searched: built as pre-training builds it, looked at, and freed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/data.h"
#include "model/architecture.h"
#include "objectives/objective.h"
#include "train/trainer.h"
#include "tune/search.h"

/* Options that a model's metadata tell and products depend on. */
static mcl_status take_objectives(mcl_pretrain_options *run, const mcl_model *model)
{
    mcl_option_info info;
    if (!mcl_model_metadata_get(model, "objective"))
        return MCL_OK;
    for (size_t i = 0; mcl_option_at(&info, MCL_OPTIONS_PRETRAIN, i) == MCL_OK; i++) {
        const char *text = mcl_model_metadata_get(model, info.key);
        if (text && strcmp(info.group, "Objective") == 0)
            MCL_TRY(mcl_options_set(&run->base, info.key, text));
    }
    return MCL_OK;
}

/* The parts that are trained as the model has them. A model whose file does not tell its
 * objectives, as one that was fine-tuned, may have parts that none of these trains. */
static mcl_status take_model(mcl_pretrain_options *run, const mcl_model *model)
{
    const mcl_architecture *architecture = mcl_model_architecture(model);
    MCL_TRY(take_objectives(run, model));
    run->hidden_count = architecture->hidden_count;
    memcpy(run->hidden, architecture->hidden, sizeof run->hidden);
    memcpy(run->encoder, architecture->encoder, sizeof run->encoder);
    run->embedding = architecture->embedding;
    run->activation = architecture->activation;
    run->normalization = architecture->normalization;
    run->activated_embedding = architecture->activated_embedding;
    run->own_decoder = architecture->own_decoder && mcl_objectives_decode(run);
    run->decoder_count = architecture->decoder_count;
    memcpy(run->decoder, architecture->decoder, sizeof run->decoder);
    run->projector_count = architecture->projector_count;
    memcpy(run->projector, architecture->projector, sizeof run->projector);
    run->predictor_count =
        mcl_objectives_need(run, MCL_NEEDS_PREDICTOR) ? architecture->predictor_count : 0;
    memcpy(run->predictor, architecture->predictor, sizeof run->predictor);
    return MCL_OK;
}

/* What a run has besides networks and objectives makes no products, and may need data, labels or
 * files that are not there. */
static void leave_out(mcl_pretrain_options *run)
{
    mcl_train_options *train = &run->train;
    run->views = (mcl_view_options){.mask = {.kind = MCL_MASK_BERNOULLI, .ratio = 0.5f}};
    for (size_t i = 0; i < run->objective_count; i++)
        (void)mcl_objective_views(&run->views, run->objectives[i].kind);
    train->validation_labels = NULL;
    train->report = NULL;
    train->checkpoint = NULL;
    train->resume = false;
    run->holdout = 0.0f;
    run->keep_best = false;
    run->init = NULL;
    run->filters.kind = MCL_FILTERS_RANDOM;
    train->epochs = train->epochs ? train->epochs : 1;
}

/* The shape of a row that a model takes, where it is a map; returns how many dimensions it has. */
static size_t map_shape(uint64_t shape[3], const mcl_model *model)
{
    const mcl_architecture *architecture = model ? mcl_model_architecture(model) : NULL;
    mcl_words words = {.count = 0};
    if (!architecture || architecture->height == 0 ||
        mcl_words_parse(&words, architecture->encoder) != MCL_OK)
        return 0;
    shape[0] = architecture->height;
    shape[1] = words.series ? architecture->channels : architecture->width;
    shape[2] = architecture->channels;
    return words.series ? 2 : 3;
}

/* *data = as many rows as the run's batch has, all zeros. */
static mcl_status make_data(mcl_data **data, const mcl_tune_options *options)
{
    const uint64_t all = UINT32_MAX; /* no batch has as many */
    const uint64_t rows = mcl_batch_rows(options->run->train.batch, all);
    const uint64_t columns =
        options->model ? mcl_model_architecture(options->model)->input : options->columns;
    uint64_t shape[4] = {rows, columns};
    const size_t of_map = map_shape(shape + 1, options->model);
    float *values;
    if (rows == 0 || rows > INT32_MAX / 2)
        return mcl_fail(MCL_ERROR_ARGUMENT,
            "`batch`: a tuning needs a number of rows, from 1 to %" PRId32, INT32_MAX / 2);
    if (columns == 0 || columns > INT32_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT, "data cannot have %" PRIu64 " columns", columns);
    MCL_TRY(mcl_allocate_pages(&values, rows * columns, sizeof *values));
    memset(values, 0, (size_t)(rows * columns) * sizeof *values);
    const mcl_status status = mcl_data_create(
        data, values, MCL_ELEMENT_FLOAT32, shape, of_map ? of_map + 1 : 2, "data of a tuning");
    if (status != MCL_OK)
        free(values);
    return status;
}

/* Adds a product unless one of its shape is there. */
static mcl_status add(mcl_search *search, const mcl_gemm *of)
{
    for (size_t i = 0; i < search->count; i++) {
        const mcl_gemm *p = &search->products[i];
        if (p->transpose_a == of->transpose_a && p->transpose_b == of->transpose_b &&
            p->m == of->m && p->n == of->n && p->k == of->k)
            return MCL_OK;
    }
    if (search->count == MCL_SEARCH_PRODUCTS_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT, "the run has more than %d products of different sizes",
            MCL_SEARCH_PRODUCTS_MAX);
    search->products[search->count++] = (mcl_gemm){.transpose_a = of->transpose_a,
        .transpose_b = of->transpose_b,
        .m = of->m,
        .n = of->n,
        .k = of->k,
        .lda = of->transpose_a ? of->m : of->k,
        .ldb = of->transpose_b ? of->k : of->n,
        .ldc = of->n,
        .alpha = 1.0f};
    return MCL_OK;
}

mcl_status mcl_search_list(mcl_search *search)
{
    mcl_context *context = search->context;
    mcl_pretrain_options run = *search->options->run;
    mcl_trainer *trainer;
    mcl_data *data;
    if (search->options->model)
        MCL_TRY(take_model(&run, search->options->model));
    leave_out(&run);
    MCL_TRY(make_data(&data, search->options));
    mcl_status status = mcl_pretrain_build(&trainer, context, data, &run);
    if (status == MCL_OK) {
        for (const mcl_product *p = mcl_product_first(context); p && status == MCL_OK;
             p = mcl_product_next(p)) {
            if (!mcl_product_patches(p)) /* the others are tried as matrices that are stored */
                status = add(search, mcl_product_gemm(p));
        }
        mcl_trainer_free(trainer);
    }
    mcl_data_free(data);
    mcl_programs_release(context); /* what nobody runs need not be built with the products */
    return status;
}
