/* SPDX-License-Identifier: Apache-2.0 */
#include "train/rows.h"

#include <float.h>

#include "objectives/objective.h"

#define DECIDES (MCL_ROW_BITS | MCL_ROW_STORED)
#define RECIPE (MCL_ROW_RECIPE | DECIDES)

static const char *const embedding_layers[] = {"linear", "activated"};
static const mcl_value_type embedding_layer = {
    .kind = MCL_VALUE_NAME, .what = "last layer", .names = embedding_layers, .name_count = 2};
static const mcl_value_type ratio = {.kind = MCL_VALUE_FLOAT,
    .maximum = 1.0,
    .without_minimum = true,
    .without_maximum = true,
    .words = "between 0 and 1"};
static const mcl_value_type part = {
    .kind = MCL_VALUE_FLOAT, .maximum = 1.0, .without_maximum = true, .words = "from 0 to below 1"};
static const mcl_value_type epochs = {.least = 1, .most = UINT32_MAX};
static const mcl_value_type epochs_or_none = {.least = 0, .most = UINT32_MAX};
static const char *const sides[] = {"one", "two"};
static const mcl_value_type one_or_two = {
    .kind = MCL_VALUE_NAME, .what = "number of sides", .names = sides, .name_count = 2};
static const mcl_value_type any_float = {
    .kind = MCL_VALUE_FLOAT, .minimum = -FLT_MAX, .maximum = FLT_MAX, .words = "a finite number"};
static const mcl_value_type not_negative_float = {
    .kind = MCL_VALUE_FLOAT, .maximum = FLT_MAX, .words = "0 or above"};

static const char *needs_ratio(const void *given)
{
    const mcl_pretrain_options *options = given;
    switch (options->views.mask.kind) {
    case MCL_MASK_NONE:
        return "there is no mask: add bernoulli or block (`mask`)";
    case MCL_MASK_UNIFORM:
        return "a uniform mask has no ratio: add bernoulli or block (`mask`)";
    default:
        return NULL;
    }
}

static const char *needs_block(const void *given)
{
    const mcl_pretrain_options *options = given;
    return options->views.mask.kind == MCL_MASK_BLOCK
               ? NULL
               : "only a block mask has patches: add block (`mask`)";
}

static const char *needs_dense(const void *given)
{
    const mcl_pretrain_options *options = given;
    return *options->encoder
               ? "the layers of the encoder are in words, and say their widths: leave "
                 "it out, or let `encoder` be dense"
               : NULL;
}

static const char *needs_convolution(const void *given)
{
    const mcl_pretrain_options *options = given;
    return *options->encoder ? NULL
                             : "a dense encoder has no filters: use one of convolutions, as "
                               "patches or conv (`encoder`)";
}

static const char *needs_filters(const void *given)
{
    const mcl_pretrain_options *options = given;
    return options->filters.kind != MCL_FILTERS_RANDOM
               ? NULL
               : "no filters are taken from the data: add patches or kmeans (`filters`)";
}

static const char *needs_decoder(const void *given)
{
    return mcl_objectives_decode(given)
               ? NULL
               : "no objective here trains a decoder: add one that does, such as reconstruction "
                 "(`objective`)";
}

static const char *needs_holdout(const void *given)
{
    const mcl_pretrain_options *options = given;
    return options->holdout > 0.0f ? NULL
                                   : "no rows are held out to tell the best by: add `holdout`";
}

#define OF(member) offsetof(mcl_pretrain_options, member)

static const mcl_row pretraining[] = {
    {.key = "recipe",
        .group = "Recipe",
        .values = "NAME",
        .help = "set the options marked * to a named set, which the others then change, wherever "
                "they stand; see 'maskcl help recipes'. auto takes one that suits the data, and "
                "their number; what is shown of the others is recipe default's",
        .type = &mcl_field_recipe,
        .flags = MCL_ROW_STORED,
        .otherwise = "auto"},
    {.key = "encoder",
        .group = "Model",
        .values = "NAME|LAYERS",
        .help = "the encoder: dense, of `hidden` and `embedding`; conv or resnet9, of images; or "
                "layers in words, as conv:64x5/2,pool:max,dense:256; see 'maskcl help images'",
        .type = &mcl_field_encoder,
        .offset = OF(encoder),
        .flags = RECIPE,
        .otherwise = "dense"},
    {.key = "hidden",
        .group = "Model",
        .values = "WIDTHS",
        .help = "widths of the hidden layers of a dense encoder, joined by commas, or 'none'",
        .type = &mcl_field_hidden,
        .flags = RECIPE,
        .otherwise = "128",
        .conflict = needs_dense},
    {.key = "embedding",
        .group = "Model",
        .values = "WIDTH",
        .help = "width of an embedding of a dense encoder",
        .type = &mcl_field_uint32,
        .value = &mcl_value_count32,
        .offset = OF(embedding),
        .flags = RECIPE,
        .otherwise = "64",
        .conflict = needs_dense},
    {.key = "activation",
        .group = "Model",
        .values = "none|relu|gelu|tanh",
        .help = "what follows every layer but the last",
        .type = &mcl_field_activation,
        .offset = OF(activation),
        .flags = RECIPE,
        .otherwise = "relu"},
    {.key = "normalization",
        .group = "Model",
        .values = "none|batch|layer|group",
        .help = "what comes before every activation: batch normalization, whose running statistics "
                "the trained model uses, layer normalization, or group normalization of 8 groups",
        .type = &mcl_field_normalization,
        .offset = OF(normalization),
        .flags = RECIPE,
        .otherwise = "none"},
    {.key = "embedding_layer",
        .group = "Model",
        .values = "linear|activated",
        .help = "whether normalization and activation follow the encoder's last layer too",
        .type = &mcl_field_bool,
        .value = &embedding_layer,
        .offset = OF(activated_embedding),
        .flags = RECIPE,
        .otherwise = "linear"},
    {.key = "decoder",
        .group = "Model",
        .values = "mirror|WIDTHS",
        .help = "the hidden layers of the decoder: the encoder's the other way round, convolutions "
                "transposed, or widths of dense layers joined by commas, or 'none'",
        .type = &mcl_field_decoder,
        .flags = RECIPE,
        .otherwise = "mirror",
        .conflict = needs_decoder},
    {.key = "projector",
        .group = "Model",
        .values = "WIDTHS",
        .help = "widths of the layers of a projector after the embedding, joined by commas, or "
                "'none': the objectives that compare views are on its output",
        .type = &mcl_field_projector,
        .flags = RECIPE,
        .otherwise = "none"},
    {.key = "predictor",
        .group = "Model",
        .values = "WIDTHS",
        .help =
            "widths of the layers of the predictor that some objectives have, joined by commas, "
            "without its last, which is as wide as what it predicts; or 'none'",
        .type = &mcl_field_predictor,
        .flags = RECIPE,
        .otherwise = "none"},
    {.key = "filters",
        .group = "Filters",
        .values = "random|patches|kmeans",
        .help = "what the filters of the encoder's first layer begin with, a convolution: numbers "
                "drawn from the seed, whitened patches of the data, or what k-means makes of them",
        .type = &mcl_field_filters,
        .offset = OF(filters.kind),
        .flags = RECIPE,
        .otherwise = "random",
        .conflict = needs_convolution},
    {.key = "filter_deviation",
        .group = "Filters",
        .values = "DEVIATION",
        .help = "patches that vary less are no filters",
        .type = &mcl_field_float,
        .value = &not_negative_float,
        .offset = OF(filters.deviation),
        .flags = RECIPE,
        .otherwise = "0.05",
        .conflict = needs_filters},
    {.key = "filter_whitening",
        .group = "Filters",
        .values = "W",
        .help = "what is added to the eigenvalues of the patches' covariance by which they are "
                "whitened",
        .type = &mcl_field_float,
        .value = &mcl_value_positive_float,
        .offset = OF(filters.whitening),
        .flags = RECIPE,
        .otherwise = "0.1",
        .conflict = needs_filters},
    {.key = "filter_threshold",
        .group = "Filters",
        .values = "T",
        .help = "what is subtracted from a filter's response, before the activation",
        .type = &mcl_field_float,
        .value = &any_float,
        .offset = OF(filters.threshold),
        .flags = RECIPE,
        .otherwise = "0.25",
        .conflict = needs_filters},
    {.key = "filter_sides",
        .group = "Filters",
        .values = "one|two",
        .help = "two: half of the filters are the negatives of the others",
        .type = &mcl_field_bool,
        .value = &one_or_two,
        .offset = OF(filters.two_sided),
        .flags = RECIPE,
        .otherwise = "one",
        .conflict = needs_filters},
    {.key = "views",
        .group = "Views",
        .values = "PARTS",
        .help = "how the two views of a row are made, wholly: parts joined by commas, as in "
                "affine:0.2,flip,mask:bernoulli:0.5; see 'maskcl help views', a command that draws "
                "them. Without it and the masks' options, some objectives have the views of their "
                "papers",
        .type = &mcl_field_views,
        .offset = OF(views),
        .flags = RECIPE | MCL_ROW_WHOLE,
        .otherwise = "mask:bernoulli:0.5"},
    {.key = "mask",
        .group = "Views",
        .values = "uniform|bernoulli|block|none",
        .help = "how a row is split in two views: by one uniform number an element, by a draw of 0 "
                "or 1 an element, or by a draw of 0 or 1 a patch of an image; or not",
        .type = &mcl_field_mask,
        .offset = OF(views.mask.kind),
        .flags = RECIPE,
        .otherwise = "bernoulli"},
    {.key = "mask_ratio",
        .group = "Views",
        .values = "P",
        .help = "part of the elements or patches that the first view keeps",
        .type = &mcl_field_float,
        .value = &ratio,
        .offset = OF(views.mask.ratio),
        .flags = RECIPE,
        .otherwise = "0.5",
        .conflict = needs_ratio},
    {.key = "mask_patch",
        .group = "Views",
        .values = "PIXELS",
        .help = "side of a block mask's patch, or as in 2-8 the least and the largest of a side "
                "that is drawn for each row",
        .type = &mcl_field_patch,
        .offset = OF(views.mask),
        .flags = RECIPE,
        .otherwise = "4",
        .conflict = needs_block},
    {.key = "objective",
        .group = "Objective",
        .values = "OBJECTIVES",
        .help = "what is trained for, or several joined by +, with weights as in "
                "nt-xent:1+reconstruction:10; see 'maskcl help objectives'",
        .type = &mcl_field_objectives,
        .flags = RECIPE,
        .otherwise = "nt-xent+reconstruction:10"},
    {.key = "holdout",
        .group = "Run",
        .values = "PART",
        .help = "keep about this part of the rows, such as 0.1, out of training, drawn from the "
                "seed by their numbers, and measure the loss on them after every epoch, with the "
                "same views each time; `early_stop` then goes by that loss",
        .type = &mcl_field_float,
        .value = &ratio,
        .offset = OF(holdout),
        .flags = DECIDES,
        .otherwise = "none",
        .unset = "none"},
    {.key = "keep_best",
        .group = "Run",
        .values = "no|yes",
        .help = "the model is the one after the epoch with the least loss on those rows, not the "
                "last one",
        .type = &mcl_field_bool,
        .value = &mcl_value_no_or_yes,
        .offset = OF(keep_best),
        .flags = DECIDES,
        .otherwise = "no",
        .conflict = needs_holdout},
};

#undef OF
#define OF(member) offsetof(mcl_finetune_options, member)

static const mcl_row finetuning[] = {
    {.key = "labels_per_class",
        .group = "Data",
        .values = "N",
        .help = "train on N labelled rows of each class alone, drawn at random from the seed",
        .type = &mcl_field_uint64,
        .value = &mcl_value_count64,
        .offset = OF(labels_per_class),
        .flags = DECIDES,
        .otherwise = "all",
        .unset = "all",
        .unset_help = "all rows"},
    {.key = "from_scratch",
        .group = "Model",
        .values = "no|yes",
        .help = "begin with new parameters drawn from the seed: the model gives its widths alone",
        .type = &mcl_field_bool,
        .value = &mcl_value_no_or_yes,
        .offset = OF(from_scratch),
        .flags = DECIDES,
        .otherwise = "no"},
};

#undef OF

static const char *needs_momentum(const void *given)
{
    const mcl_train_options *options = given;
    return mcl_optimizer_describe(options->optimizer.kind)->has_momentum
               ? NULL
               : "only sgd and lars have a momentum: add one of them (`optimizer`)";
}

static const char *needs_betas(const void *given)
{
    const mcl_train_options *options = given;
    return mcl_optimizer_describe(options->optimizer.kind)->has_betas
               ? NULL
               : "only adam, adamw and lamb have it: add one of them (`optimizer`)";
}

static const char *needs_epsilon(const void *given)
{
    const mcl_train_options *options = given;
    return mcl_optimizer_describe(options->optimizer.kind)->has_epsilon
               ? NULL
               : "only adam, adamw and lamb have it: add one of them (`optimizer`)";
}

static const char *needs_cosine_schedule(const void *given)
{
    const mcl_train_options *options = given;
    return mcl_schedule_describe(options->schedule.kind)->has_final_rate
               ? NULL
               : "only the schedule cosine has a final rate: add it (`schedule`)";
}

static const char *needs_step_schedule(const void *given)
{
    const mcl_train_options *options = given;
    return mcl_schedule_describe(options->schedule.kind)->has_steps
               ? NULL
               : "only the schedule step has it: add it (`schedule`)";
}

#define OF(member) offsetof(mcl_train_options, member)

static const mcl_row training[] = {
    {.key = "dropout",
        .group = "Model",
        .values = "P",
        .help = "part of each hidden layer of the encoder that a training step sets to 0",
        .type = &mcl_field_float,
        .value = &part,
        .offset = OF(dropout),
        .flags = RECIPE,
        .otherwise = "0"},
    {.key = "optimizer",
        .group = "Optimizer",
        .values = "adam|adamw|sgd|lars|lamb",
        .help = "as PyTorch's of the same name; lars and lamb, for very large batches, are sgd and "
                "adam with a step for every weight matrix that is in proportion to its norm, and "
                "leave biases without decay; lars, whose trust coefficient is 0.001, needs a "
                "`learning_rate` given, such as 0.3 for each 256 rows of a batch",
        .type = &mcl_field_optimizer,
        .offset = OF(optimizer.kind),
        .flags = RECIPE,
        .otherwise = "adam"},
    {.key = "learning_rate",
        .group = "Optimizer",
        .values = "RATE",
        .help = "learning rate",
        .type = &mcl_field_double,
        .value = &mcl_value_positive,
        .offset = OF(optimizer.learning_rate),
        .flags = RECIPE,
        .otherwise = "0.001"},
    {.key = "weight_decay",
        .group = "Optimizer",
        .values = "DECAY",
        .help = "weight decay",
        .type = &mcl_field_double,
        .value = &mcl_value_not_negative,
        .offset = OF(optimizer.weight_decay),
        .flags = RECIPE,
        .otherwise = "auto",
        .unset = "auto",
        .unset_value = MCL_WEIGHT_DECAY_DEFAULT,
        .unset_help = "0.01 for adamw and lamb, 1e-6 for lars, else 0"},
    {.key = "momentum",
        .group = "Optimizer",
        .values = "M",
        .help = "momentum of sgd and lars",
        .type = &mcl_field_double,
        .value = &mcl_value_below_one,
        .offset = OF(optimizer.momentum),
        .flags = RECIPE,
        .otherwise = "auto",
        .unset = "auto",
        .unset_value = MCL_MOMENTUM_DEFAULT,
        .unset_help = "0.9 for lars, else 0",
        .conflict = needs_momentum},
    {.key = "beta1",
        .former = "betas#0",
        .group = "Optimizer",
        .values = "BETA",
        .help = "decay of the mean of the gradients, of adam, adamw and lamb",
        .type = &mcl_field_double,
        .value = &mcl_value_below_one,
        .offset = OF(optimizer.beta1),
        .flags = RECIPE,
        .otherwise = "0.9",
        .conflict = needs_betas},
    {.key = "beta2",
        .former = "betas#1",
        .group = "Optimizer",
        .values = "BETA",
        .help = "decay of the mean of their squares",
        .type = &mcl_field_double,
        .value = &mcl_value_below_one,
        .offset = OF(optimizer.beta2),
        .flags = RECIPE,
        .otherwise = "0.999",
        .conflict = needs_betas},
    {.key = "epsilon",
        .former = "betas#2",
        .group = "Optimizer",
        .values = "EPSILON",
        .help = "added to the root of that mean, by which a step is divided",
        .type = &mcl_field_double,
        .value = &mcl_value_positive,
        .offset = OF(optimizer.epsilon),
        .flags = RECIPE,
        .otherwise = "auto",
        .unset = "auto",
        .unset_value = MCL_EPSILON_DEFAULT,
        .unset_help = "1e-6 for lamb, else 1e-8",
        .conflict = needs_epsilon},
    {.key = "schedule",
        .group = "Optimizer",
        .values = "constant|cosine|step",
        .help = "how the learning rate goes on from `learning_rate`: it stays; it falls by half a "
                "cosine, to `final_learning_rate` at the end of the run; or it is multiplied by "
                "`learning_rate_gamma` every `learning_rate_step_epochs` epochs",
        .type = &mcl_field_schedule,
        .offset = OF(schedule.kind),
        .flags = RECIPE,
        .otherwise = "constant"},
    {.key = "warmup",
        .stored = "warmup_epochs",
        .former = "warmup",
        .group = "Optimizer",
        .values = "EPOCHS|PART%",
        .help = "epochs, whole or not, in which the learning rate first rises from 0 to "
                "`learning_rate`, by the same amount a step; or that part of the run's, as 10%",
        .type = &mcl_field_warmup,
        .value = &mcl_value_not_negative,
        .offset = OF(schedule.warmup),
        .flags = RECIPE,
        .otherwise = "0"},
    {.key = "final_learning_rate",
        .former = "final_rate",
        .group = "Optimizer",
        .values = "RATE",
        .help = "what the schedule cosine ends with",
        .type = &mcl_field_double,
        .value = &mcl_value_not_negative,
        .offset = OF(schedule.final_rate),
        .flags = RECIPE,
        .otherwise = "0",
        .conflict = needs_cosine_schedule},
    {.key = "learning_rate_step_epochs",
        .former = "step_epochs",
        .group = "Optimizer",
        .values = "EPOCHS",
        .help = "epochs that the schedule step keeps a rate for",
        .type = &mcl_field_uint64,
        .value = &epochs,
        .offset = OF(schedule.step_epochs),
        .flags = RECIPE,
        .otherwise = "none",
        .unset = "none",
        .unset_help = "none: it must be given",
        .conflict = needs_step_schedule},
    {.key = "learning_rate_gamma",
        .former = "gamma",
        .group = "Optimizer",
        .values = "FACTOR",
        .help = "what the schedule step multiplies the rate by",
        .type = &mcl_field_double,
        .value = &mcl_value_positive,
        .offset = OF(schedule.gamma),
        .flags = RECIPE,
        .otherwise = "0.1",
        .conflict = needs_step_schedule},
    {.key = "clip_norm",
        .group = "Optimizer",
        .values = "NORM",
        .help = "scale the gradient of all parameters down to this norm where its own is larger",
        .type = &mcl_field_double,
        .value = &mcl_value_positive,
        .offset = OF(clip_norm),
        .flags = RECIPE,
        .otherwise = "none",
        .unset = "none"},
    {.key = "freeze",
        .group = "Optimizer",
        .values = "LAYERS",
        .help =
            "the encoder's first so many layers keep the parameters that they begin with, such as "
            "filters from the data or those of a trained model",
        .type = &mcl_field_uint32,
        .value = &mcl_value_count32,
        .offset = OF(freeze),
        .flags = RECIPE,
        .otherwise = "none",
        .unset = "none"},
    {.key = "ema",
        .group = "Optimizer",
        .values = "DECAY",
        .help =
            "save the exponential moving average of the weights over the steps, with this "
            "decay a step, such as 0.999, in place of the last weights; after t steps the decay "
            "is at most (1 + t)/(10 + t), so that short runs are averaged over their last tenth",
        .type = &mcl_field_double,
        .value = &mcl_value_inside_unit,
        .offset = OF(ema),
        .flags = RECIPE,
        .otherwise = "none",
        .unset = "none"},
    {.key = "batch",
        .group = "Run",
        .values = "N|all",
        .help = "rows a step; 'at most N' takes all rows where there are fewer",
        .type = &mcl_field_batch,
        .value = &mcl_value_count64,
        .offset = OF(batch),
        .flags = RECIPE,
        .otherwise = "at most 256"},
    {.key = "epochs",
        .stored = "planned_epochs",
        .former = "epochs",
        .group = "Run",
        .values = "N",
        .help = "passes over the data; pretrain takes 0, too: the encoder as it begins",
        .type = &mcl_field_uint64,
        .value = &epochs_or_none,
        .offset = OF(epochs),
        .flags = RECIPE,
        .otherwise = "10"},
    {.key = "early_stop",
        .group = "Run",
        .values = "EPOCHS",
        .help = "end when the mean loss of an epoch has not been below the least one so far for "
                "so many epochs; the model is the one after the last epoch",
        .type = &mcl_field_uint64,
        .value = &epochs,
        .offset = OF(early_stop),
        .flags = DECIDES,
        .otherwise = "never",
        .unset = "never"},
    {.key = "seed",
        .group = "Run",
        .values = "N",
        .help = "what all random numbers follow from: initial parameters, order of the rows, masks",
        .type = &mcl_field_uint64,
        .value = &mcl_value_whole64,
        .offset = OF(seed),
        .flags = DECIDES,
        .otherwise = "0"},
    {.key = "checkpoint_every",
        .group = "Run",
        .values = "SECONDSs|STEPS",
        .help = "keep a checkpoint beside the model, MODEL.checkpoint.safetensors, and the one "
                "before it, MODEL.checkpoint.previous.safetensors, as in 500 (steps) or 60s; "
                "Ctrl-C writes one as well, and a run that ends removes them",
        .type = &mcl_field_checkpoint_every,
        .otherwise = "never",
        .unset = "never"},
    {.key = "resume",
        .group = "Run",
        .values = "no|yes",
        .help =
            "go on from the checkpoint, to the same bits as without the interruption; where "
            "there is none, begin, but that a model is left alone that is there and is what the "
            "run would come to. Data, options and seed must be the same, the device "
            "need not",
        .type = &mcl_field_bool,
        .value = &mcl_value_no_or_yes,
        .offset = OF(resume),
        .otherwise = "no"},
};

#undef OF

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const mcl_options_family families[] = {
    {.kind = MCL_OPTIONS_PRETRAIN,
        .version = MCL_PRETRAIN_OPTIONS_VERSION,
        .size = sizeof(mcl_pretrain_options),
        .training = offsetof(mcl_pretrain_options, train),
        .rows = pretraining,
        .row_count = COUNT(pretraining),
        .prefix = "",
        .defaults = ""},
    {.kind = MCL_OPTIONS_FINETUNE,
        .version = MCL_FINETUNE_OPTIONS_VERSION,
        .size = sizeof(mcl_finetune_options),
        .training = offsetof(mcl_finetune_options, train),
        .rows = finetuning,
        .row_count = COUNT(finetuning),
        .prefix = MCL_FINETUNE_PREFIX,
        .defaults = "optimizer=adamw;schedule=cosine;batch=at most 32;epochs=20"},
    {.kind = MCL_OPTIONS_DATA,
        .version = MCL_DATA_OPTIONS_VERSION,
        .size = sizeof(mcl_data_options),
        .rows = mcl_rows_of_data,
        .row_count = MCL_ROWS_OF_DATA,
        .prefix = "",
        .defaults = ""},
};

const mcl_options_family *mcl_options_family_of(mcl_options_kind kind)
{
    for (size_t i = 0; i < COUNT(families); i++) {
        if (families[i].kind == kind)
            return &families[i];
    }
    return NULL;
}

const mcl_row *mcl_options_row(const mcl_options_family *family, size_t index)
{
    if (index < family->row_count)
        return &family->rows[index];
    index -= family->row_count;
    return family->training && index < COUNT(training) ? &training[index] : NULL;
}
