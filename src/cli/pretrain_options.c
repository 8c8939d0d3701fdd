/* SPDX-License-Identifier: Apache-2.0 */
#include "pretrain_options.h"

#include <inttypes.h>
#include <string.h>

#include "checkpoint.h"
#include "mask_options.h"

static mcl_exit refuse(const mcl_option *option)
{
    return mcl_complain(MCL_EXIT_USAGE, "--%s: %s", option->name, mcl_error_message());
}

/* --recipe, the first of the table: what it sets, the options behind it may change. */
static mcl_exit parse_recipe(void *field, const char *text, const mcl_option *option)
{
    mcl_pretrain_settings *settings = field;
    if (mcl_recipe_apply(&settings->options, text) != MCL_OK)
        return refuse(option);
    settings->recipe = text;
    return MCL_EXIT_DONE;
}

static void show_recipe(char *text, size_t size, const void *field)
{
    const mcl_pretrain_settings *settings = field;
    snprintf(text, size, "%s", settings->recipe);
}

/* Widths joined by commas, or "none". */
static mcl_exit parse_widths(uint32_t *widths, uint32_t *width_count, uint32_t most,
    const char *text, const mcl_option *option)
{
    uint32_t parsed[MCL_HIDDEN_MAX], count = 0;
    const char *rest = text;
    if (strcmp(text, "none") == 0)
        rest = NULL;
    while (rest) {
        char width[24];
        uint64_t value;
        size_t length = strcspn(rest, ",");
        snprintf(width, sizeof width, "%.*s", (int)(length < 23 ? length : 23), rest);
        if (count == most)
            return mcl_complain(MCL_EXIT_USAGE, "--%s: at most %" PRIu32 " layers are possible",
                option->name, most);
        mcl_exit code = mcl_option_whole.parse(&value, width, option);
        if (code != MCL_EXIT_DONE)
            return code;
        parsed[count++] = (uint32_t)value;
        rest = rest[length] ? rest + length + 1 : NULL;
    }
    memcpy(widths, parsed, count * sizeof *parsed);
    *width_count = count;
    return MCL_EXIT_DONE;
}

static void show_widths(char *text, size_t size, const uint32_t *widths, uint32_t count)
{
    size_t used = 0;
    snprintf(text, size, "none");
    for (uint32_t i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRIu32, i ? "," : "", widths[i]);
}

static mcl_exit parse_hidden(void *field, const char *text, const mcl_option *option)
{
    mcl_pretrain_options *options = field;
    return parse_widths(options->hidden, &options->hidden_count, MCL_HIDDEN_MAX, text, option);
}

static void show_hidden(char *text, size_t size, const void *field)
{
    const mcl_pretrain_options *options = field;
    show_widths(text, size, options->hidden, options->hidden_count);
}

static mcl_exit parse_decoder(void *field, const char *text, const mcl_option *option)
{
    mcl_pretrain_options *options = field;
    options->own_decoder = strcmp(text, "mirror") != 0;
    return options->own_decoder ? parse_widths(options->decoder, &options->decoder_count,
                                      MCL_HIDDEN_MAX, text, option)
                                : MCL_EXIT_DONE;
}

static void show_decoder(char *text, size_t size, const void *field)
{
    const mcl_pretrain_options *options = field;
    if (options->own_decoder)
        show_widths(text, size, options->decoder, options->decoder_count);
    else
        snprintf(text, size, "mirror");
}

static mcl_exit parse_projector(void *field, const char *text, const mcl_option *option)
{
    mcl_pretrain_options *options = field;
    return parse_widths(options->projector, &options->projector_count, MCL_HEAD_MAX, text, option);
}

static void show_projector(char *text, size_t size, const void *field)
{
    const mcl_pretrain_options *options = field;
    show_widths(text, size, options->projector, options->projector_count);
}

static mcl_exit parse_predictor(void *field, const char *text, const mcl_option *option)
{
    mcl_pretrain_options *options = field;
    return parse_widths(options->predictor, &options->predictor_count, MCL_HEAD_MAX, text, option);
}

static void show_predictor(char *text, size_t size, const void *field)
{
    const mcl_pretrain_options *options = field;
    show_widths(text, size, options->predictor, options->predictor_count);
}

static mcl_exit parse_reconstruct(void *field, const char *text, const mcl_option *option)
{
    return mcl_reconstruct_parse(field, text) == MCL_OK ? MCL_EXIT_DONE : refuse(option);
}

static void show_reconstruct(char *text, size_t size, const void *field)
{
    snprintf(text, size, "%s", mcl_reconstruct_name(*(const mcl_reconstruct_elements *)field));
}

static mcl_exit parse_reconstruction_loss(void *field, const char *text, const mcl_option *option)
{
    return mcl_reconstruction_loss_parse(field, text) == MCL_OK ? MCL_EXIT_DONE : refuse(option);
}

static void show_reconstruction_loss(char *text, size_t size, const void *field)
{
    snprintf(
        text, size, "%s", mcl_reconstruction_loss_name(*(const mcl_reconstruction_loss *)field));
}

static mcl_exit parse_activation(void *field, const char *text, const mcl_option *option)
{
    return mcl_activation_parse(field, text) == MCL_OK ? MCL_EXIT_DONE : refuse(option);
}

static void show_activation(char *text, size_t size, const void *field)
{
    snprintf(text, size, "%s", mcl_activation_name(*(const mcl_activation *)field));
}

static mcl_exit parse_normalization(void *field, const char *text, const mcl_option *option)
{
    return mcl_normalization_parse(field, text) == MCL_OK ? MCL_EXIT_DONE : refuse(option);
}

static void show_normalization(char *text, size_t size, const void *field)
{
    snprintf(text, size, "%s", mcl_normalization_name(*(const mcl_normalization *)field));
}

static mcl_exit parse_embedding_layer(void *field, const char *text, const mcl_option *option)
{
    const bool activated = strcmp(text, "activated") == 0;
    if (!activated && strcmp(text, "linear") != 0)
        return mcl_complain(
            MCL_EXIT_USAGE, "--%s: '%s' is not %s", option->name, text, "linear or activated");
    *(bool *)field = activated;
    return MCL_EXIT_DONE;
}

static void show_embedding_layer(char *text, size_t size, const void *field)
{
    snprintf(text, size, "%s", *(const bool *)field ? "activated" : "linear");
}

static mcl_exit parse_objective(void *field, const char *text, const mcl_option *option)
{
    mcl_pretrain_options *options = field;
    mcl_status status = mcl_objectives_parse(options->objectives, &options->objective_count, text);
    return status == MCL_OK ? MCL_EXIT_DONE : refuse(option);
}

static void show_objective(char *text, size_t size, const void *field)
{
    mcl_show_objectives(text, size, field);
}

void mcl_show_objectives(char *text, size_t size, const mcl_pretrain_options *options)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < options->objective_count && used < size; i++) {
        const mcl_objective *objective = &options->objectives[i];
        used += (size_t)snprintf(
            text + used, size - used, "%s%s", i ? "+" : "", mcl_objective_name(objective->kind));
        if (objective->weight != 1.0f && used < size)
            used += (size_t)snprintf(text + used, size - used, ":%g", (double)objective->weight);
    }
}

static mcl_exit parse_temperature(void *field, const char *text, const mcl_option *option)
{
    return mcl_option_float.parse(field, text, option);
}

static void show_temperature(char *text, size_t size, const void *field)
{
    if (*(const float *)field > 0.0f)
        mcl_option_float.show(text, size, field);
    else
        snprintf(text, size, "0.2 for nt-xent, 1 for scarf, 0.07 for moco");
}

static void show_target_decay(char *text, size_t size, const void *field)
{
    if (*(const double *)field > 0.0)
        mcl_option_double.show(text, size, field);
    else
        snprintf(text, size, "0.996 for byol, 0.999 for moco");
}

static mcl_exit parse_optimizer(void *field, const char *text, const mcl_option *option)
{
    return mcl_optimizer_parse(field, text) == MCL_OK ? MCL_EXIT_DONE : refuse(option);
}

static void show_optimizer(char *text, size_t size, const void *field)
{
    snprintf(text, size, "%s", mcl_optimizer_name(*(const mcl_optimizer_kind *)field));
}

static mcl_exit parse_schedule(void *field, const char *text, const mcl_option *option)
{
    return mcl_schedule_parse(field, text) == MCL_OK ? MCL_EXIT_DONE : refuse(option);
}

static void show_schedule(char *text, size_t size, const void *field)
{
    snprintf(text, size, "%s", mcl_schedule_name(*(const mcl_schedule_kind *)field));
}

static mcl_exit parse_double(void *field, const char *text, const mcl_option *option)
{
    return mcl_option_double.parse(field, text, option);
}

static void show_weight_decay(char *text, size_t size, const void *field)
{
    double decay = *(const double *)field;
    if (decay < 0)
        snprintf(text, size, "0.01 for adamw and lamb, 1e-6 for lars, else 0");
    else
        snprintf(text, size, "%g", decay);
}

static void show_momentum(char *text, size_t size, const void *field)
{
    double momentum = *(const double *)field;
    if (momentum < 0)
        snprintf(text, size, "0.9 for lars, else 0");
    else
        snprintf(text, size, "%g", momentum);
}

/* Of a number that is 0 where the option is not wanted, which parse would refuse. */
static void show_wanted(char *text, size_t size, const void *field)
{
    const double value = *(const double *)field;
    if (value > 0.0)
        snprintf(text, size, "%g", value);
    else
        text[0] = '\0';
}

const char *mcl_momentum_conflict(mcl_optimizer_kind kind)
{
    return kind == MCL_OPTIMIZER_SGD || kind == MCL_OPTIMIZER_LARS
               ? NULL
               : "only sgd and lars have a momentum: add --optimizer sgd";
}

mcl_exit mcl_check_rate(mcl_optimizer_kind kind, const mcl_arguments *arguments)
{
    if (kind != MCL_OPTIMIZER_LARS || mcl_option_given(arguments, "lr"))
        return MCL_EXIT_DONE;
    return mcl_complain(MCL_EXIT_USAGE,
        "--optimizer: a step of lars is as long as a thousandth of --lr times the weights, and "
        "other optimizers' rates hardly train it: give an --lr, such as 0.3 for each 256 rows of a "
        "batch");
}

static mcl_exit parse_batch(void *field, const char *text, const mcl_option *option)
{
    if (strcmp(text, "all") == 0) {
        *(uint64_t *)field = MCL_BATCH_ALL;
        return MCL_EXIT_DONE;
    }
    return mcl_option_whole.parse(field, text, option);
}

static void show_batch(char *text, size_t size, const void *field)
{
    const uint64_t batch = *(const uint64_t *)field, limit = mcl_batch_rows(batch, UINT64_MAX);
    if (batch == MCL_BATCH_ALL)
        snprintf(text, size, "all");
    else
        snprintf(text, size, "%" PRIu64 "%s", limit,
            limit == batch ? "" : ", or all rows when there are fewer");
}

/* ROWSxCOLUMNS, both from 1. */
static mcl_exit parse_synthetic(void *field, const char *text, const mcl_option *option)
{
    uint64_t *sizes = field; /* rows, columns */
    const char *cross = strchr(text, 'x');
    char rows[24];
    size_t length = cross ? (size_t)(cross - text) : 0;
    if (length == 0 || length >= sizeof rows || !cross[1])
        return mcl_complain(MCL_EXIT_USAGE, "--%s: '%s' is not %s, such as 100x784", option->name,
            text, option->argument);
    snprintf(rows, sizeof rows, "%.*s", (int)length, text);
    mcl_exit code = mcl_option_whole.parse(&sizes[0], rows, option);
    return code == MCL_EXIT_DONE ? mcl_option_whole.parse(&sizes[1], cross + 1, option) : code;
}

static mcl_exit parse_views(void *field, const char *text, const mcl_option *option)
{
    mcl_pretrain_settings *settings = field;
    settings->views = text;
    return mcl_option_views.parse(&settings->options.views, text, option);
}

static void show_views(char *text, size_t size, const void *field)
{
    const mcl_pretrain_settings *settings = field;
    mcl_option_views.show(text, size, &settings->options.views);
}

/* The options of masks, which are behind it in the table, may add a mask to the views but not
 * change the one that they have. */
static const char *names_one_mask(const void *given)
{
    const mcl_pretrain_settings *settings = given;
    mcl_view_options named;
    if (!settings->views || mcl_view_options_parse(&named, settings->views) != MCL_OK)
        return NULL;
    const mcl_mask *mask = &settings->options.views.mask;
    const bool names = strncmp(settings->views, "mask", 4) == 0 || strstr(settings->views, ",mask");
    const bool same = mask->kind == named.mask.kind && mask->ratio == named.mask.ratio &&
                      mask->patch == named.mask.patch;
    return !names || same ? NULL
                          : "its mask is not that of --mask, --mask-ratio and --mask-patch: give "
                            "the mask in one place";
}

static const char *needs_ratio(const void *given)
{
    const mcl_pretrain_settings *settings = given;
    return mcl_ratio_conflict(settings->options.views.mask.kind);
}

static const char *needs_block(const void *given)
{
    const mcl_pretrain_settings *settings = given;
    return mcl_patch_conflict(settings->options.views.mask.kind);
}

static bool has_objective(const void *given, mcl_objective_kind kind)
{
    const mcl_pretrain_settings *settings = given;
    for (size_t i = 0; i < settings->options.objective_count; i++) {
        if (settings->options.objectives[i].kind == kind)
            return true;
    }
    return false;
}

static const char *needs_temperature(const void *given)
{
    return has_objective(given, MCL_OBJECTIVE_NT_XENT) ||
                   has_objective(given, MCL_OBJECTIVE_SCARF) ||
                   has_objective(given, MCL_OBJECTIVE_MOCO)
               ? NULL
               : "only the objectives nt-xent, scarf and moco have a temperature: add one to "
                 "--objective";
}

static const char *needs_target(const void *given)
{
    return has_objective(given, MCL_OBJECTIVE_BYOL) || has_objective(given, MCL_OBJECTIVE_MOCO)
               ? NULL
               : "only the objectives byol and moco have a target network: add one to --objective";
}

static const char *needs_moco(const void *given)
{
    return has_objective(given, MCL_OBJECTIVE_MOCO)
               ? NULL
               : "only the objective moco has a queue: add it to --objective";
}

static const char *needs_cosine(const void *given)
{
    return has_objective(given, MCL_OBJECTIVE_COSINE)
               ? NULL
               : "only the objective cosine has them: add it to --objective";
}

static const char *needs_negatives(const void *given)
{
    const mcl_pretrain_settings *settings = given;
    return settings->options.negatives > 0 ? needs_cosine(given)
                                           : "only negatives have a margin: add --negatives";
}

static const char *needs_reconstruction(const void *given)
{
    return has_objective(given, MCL_OBJECTIVE_RECONSTRUCTION)
               ? NULL
               : "it is for the objective reconstruction: add that to --objective";
}

static const char *needs_decoder(const void *given)
{
    return has_objective(given, MCL_OBJECTIVE_RECONSTRUCTION) ||
                   has_objective(given, MCL_OBJECTIVE_VIME)
               ? NULL
               : "only the objectives reconstruction and vime have a decoder: add one to "
                 "--objective";
}

static const char *needs_momentum(const void *given)
{
    const mcl_pretrain_settings *settings = given;
    return mcl_momentum_conflict(settings->options.train.optimizer.kind);
}

static const char *needs_cosine_schedule(const void *given)
{
    const mcl_pretrain_settings *settings = given;
    return settings->options.train.schedule.kind == MCL_SCHEDULE_COSINE
               ? NULL
               : "only the schedule cosine has a final rate: add --schedule cosine";
}

static const char *needs_step_schedule(const void *given)
{
    const mcl_pretrain_settings *settings = given;
    return settings->options.train.schedule.kind == MCL_SCHEDULE_STEP
               ? NULL
               : "only the schedule step has it: add --schedule step";
}

static const char *needs_metrics(const void *given)
{
    const mcl_pretrain_settings *settings = given;
    return settings->metrics ? NULL : "there is no file for them: add --metrics FILE.jsonl";
}

static const char *needs_data(const void *given)
{
    const mcl_pretrain_settings *settings = given;
    return settings->synthetic.rows
               ? "the rows of --synthetic have no classes: name a file of rows that have"
               : NULL;
}

static const mcl_option_type type_views = {parse_views, show_views};
static const mcl_option_type type_recipe = {parse_recipe, show_recipe};
const mcl_option_type mcl_option_hidden = {parse_hidden, show_hidden};
static const mcl_option_type type_activation = {parse_activation, show_activation};
static const mcl_option_type type_normalization = {parse_normalization, show_normalization};
static const mcl_option_type type_embedding_layer = {parse_embedding_layer, show_embedding_layer};
static const mcl_option_type type_temperature = {parse_temperature, show_temperature};
static const mcl_option_type type_target_decay = {parse_double, show_target_decay};
static const mcl_option_type type_objective = {parse_objective, show_objective};
static const mcl_option_type type_decoder = {parse_decoder, show_decoder};
static const mcl_option_type type_projector = {parse_projector, show_projector};
static const mcl_option_type type_predictor = {parse_predictor, show_predictor};
static const mcl_option_type type_reconstruct = {parse_reconstruct, show_reconstruct};
static const mcl_option_type type_reconstruction_loss = {
    parse_reconstruction_loss, show_reconstruction_loss};
const mcl_option_type mcl_option_optimizer = {parse_optimizer, show_optimizer};
const mcl_option_type mcl_option_schedule = {parse_schedule, show_schedule};
const mcl_option_type mcl_option_weight_decay = {parse_double, show_weight_decay};
const mcl_option_type mcl_option_momentum = {parse_double, show_momentum};
static const mcl_option_type type_wanted = {parse_double, show_wanted};
const mcl_option_type mcl_option_batch = {parse_batch, show_batch};
static const mcl_option_type type_synthetic = {parse_synthetic, NULL};

#define OFFSET(member) offsetof(mcl_pretrain_settings, member)

const mcl_option mcl_pretrain_option_table[] = {
    {.name = "recipe",
        .argument = "NAME",
        .group = "Recipe",
        .help = "set the options marked * to a named set, which the others then change, wherever "
                "they stand; see 'maskcl help recipes'",
        .type = &type_recipe},
    {.name = "synthetic",
        .argument = "ROWSxCOLUMNS",
        .group = "Data",
        .help = "train on standard normal numbers drawn from the seed, in place of DATA",
        .type = &type_synthetic,
        .offset = OFFSET(synthetic),
        .least = 1},
    {.name = "validate",
        .argument = "LABELS",
        .group = "Data",
        .help = "the classes of DATA's rows, as probe takes them, to watch training by and nothing "
                "else: about every 200 steps, at an epoch's end, 1,000 rows tell the classes of "
                "1,000 others by the 20 nearest embeddings; the part told right is shown as "
                "validation",
        .type = &mcl_option_text,
        .offset = OFFSET(validate),
        .without = "none",
        .conflict = needs_data},
    {.name = "hidden",
        .recipe = true,
        .argument = "WIDTHS",
        .group = "Model",
        .help = "widths of the encoder's hidden layers, joined by commas, or 'none'",
        .type = &mcl_option_hidden,
        .offset = OFFSET(options),
        .least = 1,
        .most = UINT32_MAX},
    {.name = "embedding",
        .recipe = true,
        .argument = "WIDTH",
        .group = "Model",
        .help = "width of an embedding",
        .type = &mcl_option_whole32,
        .offset = OFFSET(options.embedding),
        .least = 1,
        .most = UINT32_MAX},
    {.name = "activation",
        .recipe = true,
        .argument = "none|relu|gelu|tanh",
        .group = "Model",
        .help = "what follows every layer but the last",
        .type = &type_activation,
        .offset = OFFSET(options.activation)},
    {.name = "normalization",
        .recipe = true,
        .argument = "none|batch|layer",
        .group = "Model",
        .help = "what comes before every activation: batch normalization, whose running statistics "
                "the trained model uses, or layer normalization",
        .type = &type_normalization,
        .offset = OFFSET(options.normalization)},
    {.name = "embedding-layer",
        .recipe = true,
        .argument = "linear|activated",
        .group = "Model",
        .help = "whether normalization and activation follow the encoder's last layer too",
        .type = &type_embedding_layer,
        .offset = OFFSET(options.activated_embedding)},
    {.name = "dropout",
        .recipe = true,
        .argument = "P",
        .group = "Model",
        .help = "part of each hidden layer of the encoder that a training step sets to 0",
        .type = &mcl_option_float,
        .offset = OFFSET(options.train.dropout),
        .range = &mcl_range_below_one},
    {.name = "decoder",
        .recipe = true,
        .argument = "mirror|WIDTHS",
        .group = "Model",
        .help = "the hidden layers of the decoder: the encoder's the other way round, or widths "
                "joined by commas, or 'none'",
        .type = &type_decoder,
        .offset = OFFSET(options),
        .least = 1,
        .most = UINT32_MAX,
        .conflict = needs_decoder},
    {.name = "projector",
        .recipe = true,
        .argument = "WIDTHS",
        .group = "Model",
        .help = "widths of the layers of a projector behind the embedding, joined by commas, or "
                "'none': the objectives that compare views are on its output",
        .type = &type_projector,
        .offset = OFFSET(options),
        .least = 1,
        .most = UINT32_MAX},
    {.name = "predictor",
        .recipe = true,
        .argument = "WIDTHS",
        .group = "Model",
        .help = "widths of the layers of simsiam's or byol's predictor, joined by commas, without "
                "its last, which is as wide as what it predicts; or 'none'",
        .type = &type_predictor,
        .offset = OFFSET(options),
        .least = 1,
        .most = UINT32_MAX},
    {.name = "views",
        .recipe = true,
        .argument = "PARTS",
        .group = "Views",
        .help = "how the two views of a row are made, wholly: parts joined by commas, as in "
                "affine:0.2,flip,mask:bernoulli:0.5; see 'maskcl help views', a command that draws "
                "them. Without it and the masks' options, scarf and vime have the views of their "
                "papers",
        .type = &type_views,
        .conflict = names_one_mask},
    {.name = "mask",
        .recipe = true,
        .argument = "uniform|bernoulli|block|none",
        .group = "Views",
        .help = "how a row is split in two views: by one uniform number an element, by a draw of 0 "
                "or 1 an element, or by a draw of 0 or 1 a patch of an image; or not",
        .type = &mcl_option_mask,
        .offset = OFFSET(options.views.mask.kind)},
    {.name = "mask-ratio",
        .recipe = true,
        .argument = "P",
        .group = "Views",
        .help = "part of the elements or patches that the first view keeps",
        .type = &mcl_option_float,
        .offset = OFFSET(options.views.mask.ratio),
        .range = &mcl_range_inside_unit,
        .conflict = needs_ratio},
    {.name = "mask-patch",
        .recipe = true,
        .argument = "PIXELS",
        .group = "Views",
        .help = "side of a block mask's patch",
        .type = &mcl_option_whole32,
        .offset = OFFSET(options.views.mask.patch),
        .least = 1,
        .most = UINT32_MAX,
        .conflict = needs_block},
    {.name = "objective",
        .recipe = true,
        .argument = "OBJECTIVES",
        .group = "Objective",
        .help = "cosine, nt-xent, reconstruction, vicreg, barlow, scarf, simsiam, byol, vime or "
                "moco, or several joined by +, with weights as in nt-xent:1+reconstruction:10; see "
                "'maskcl help objectives'",
        .type = &type_objective,
        .offset = OFFSET(options)},
    {.name = "temperature",
        .recipe = true,
        .argument = "T",
        .group = "Objective",
        .help = "of nt-xent, scarf and moco: what their cosines are divided by",
        .type = &type_temperature,
        .offset = OFFSET(options.temperature),
        .range = &mcl_range_positive,
        .conflict = needs_temperature},
    {.name = "target-decay",
        .recipe = true,
        .argument = "DECAY",
        .group = "Objective",
        .help = "of byol and moco: of the moving average of the weights, a step, that the target "
                "network has",
        .type = &type_target_decay,
        .offset = OFFSET(options.target_decay),
        .range = &mcl_range_inside_unit,
        .conflict = needs_target},
    {.name = "queue",
        .recipe = true,
        .argument = "KEYS",
        .group = "Objective",
        .help =
            "of moco: keys of the steps before that a view is told from; each step adds two for "
            "every row of the batch",
        .type = &mcl_option_whole32,
        .offset = OFFSET(options.queue),
        .least = 2,
        .most = UINT32_MAX,
        .conflict = needs_moco},
    {.name = "negatives",
        .recipe = true,
        .argument = "K",
        .group = "Objective",
        .help = "of cosine: compare each row's first view with the second views of K other rows of "
                "the batch too, which are to be apart; 0 for none",
        .type = &mcl_option_whole32,
        .offset = OFFSET(options.negatives),
        .most = UINT32_MAX,
        .conflict = needs_cosine},
    {.name = "margin",
        .recipe = true,
        .argument = "M",
        .group = "Objective",
        .help = "of cosine's negatives: the cosine up to which they are far enough apart",
        .type = &mcl_option_float,
        .offset = OFFSET(options.margin),
        .range = &mcl_range_cosine,
        .conflict = needs_negatives},
    {.name = "reconstruct",
        .recipe = true,
        .argument = "all|hidden",
        .group = "Objective",
        .help = "of reconstruction: rebuild all elements of a row, or only those that a view hides",
        .type = &type_reconstruct,
        .offset = OFFSET(options.reconstruct),
        .conflict = needs_reconstruction},
    {.name = "reconstruction-loss",
        .recipe = true,
        .argument = "mse|bce",
        .group = "Objective",
        .help = "of reconstruction: squared error, or binary cross-entropy for values from 0 to 1",
        .type = &type_reconstruction_loss,
        .offset = OFFSET(options.reconstruction_loss),
        .conflict = needs_reconstruction},
    {.name = "optimizer",
        .recipe = true,
        .argument = "adam|adamw|sgd|lars|lamb",
        .group = "Optimizer",
        .help = "as PyTorch's of the same name; lars and lamb, for very large batches, are sgd and "
                "adam with a step for every weight matrix that is in proportion to its norm, and "
                "leave biases without decay; lars, whose trust coefficient is 0.001, needs an --lr "
                "given, such as 0.3 for each 256 rows of a batch",
        .type = &mcl_option_optimizer,
        .offset = OFFSET(options.train.optimizer.kind)},
    MCL_RATE_OPTIONS(mcl_pretrain_settings, true, needs_momentum),
    {.name = "schedule",
        .recipe = true,
        .argument = "constant|cosine|step",
        .group = "Optimizer",
        .help = "how the learning rate goes on from --lr: it stays; it falls by half a cosine, to "
                "--lr-final at the end of the run; or it is multiplied by --lr-gamma every "
                "--lr-step epochs",
        .type = &mcl_option_schedule,
        .offset = OFFSET(options.train.schedule.kind)},
    MCL_WARMUP_OPTION(mcl_pretrain_settings, true),
    {.name = "lr-final",
        .recipe = true,
        .argument = "RATE",
        .group = "Optimizer",
        .help = "what the schedule cosine ends with",
        .type = &mcl_option_double,
        .offset = OFFSET(options.train.schedule.final_rate),
        .range = &mcl_range_not_negative,
        .conflict = needs_cosine_schedule},
    {.name = "lr-step",
        .recipe = true,
        .argument = "EPOCHS",
        .group = "Optimizer",
        .help = "epochs that the schedule step keeps a rate for",
        .type = &mcl_option_whole,
        .offset = OFFSET(options.train.schedule.step_epochs),
        .least = 1,
        .most = UINT32_MAX,
        .without = "none: it must be given",
        .conflict = needs_step_schedule},
    {.name = "lr-gamma",
        .recipe = true,
        .argument = "FACTOR",
        .group = "Optimizer",
        .help = "what the schedule step multiplies the rate by",
        .type = &mcl_option_double,
        .offset = OFFSET(options.train.schedule.gamma),
        .range = &mcl_range_positive,
        .conflict = needs_step_schedule},
    {.name = "clip-norm",
        .recipe = true,
        .argument = "NORM",
        .group = "Optimizer",
        .help = "scale the gradient of all parameters down to this norm where its own is larger",
        .type = &type_wanted,
        .offset = OFFSET(options.train.clip_norm),
        .range = &mcl_range_positive,
        .without = "none"},
    {.name = "ema",
        .recipe = true,
        .argument = "DECAY",
        .group = "Optimizer",
        .help =
            "save the exponential moving average of the weights over the steps, with this "
            "decay a step, such as 0.999, in place of the last weights; after t steps the decay is "
            "at most (1 + t)/(10 + t), so that short runs are averaged over their last tenth",
        .type = &type_wanted,
        .offset = OFFSET(options.train.ema),
        .range = &mcl_range_inside_unit,
        .without = "none"},
    {.name = "batch",
        .recipe = true,
        .argument = "N|all",
        .group = "Run",
        .help = "rows a step",
        .type = &mcl_option_batch,
        .offset = OFFSET(options.train.batch),
        .least = 1},
    {.name = "epochs",
        .recipe = true,
        .argument = "N",
        .group = "Run",
        .help = "passes over the data; a recipe's warm-up remains the same part of them",
        .type = &mcl_option_whole,
        .offset = OFFSET(options.train.epochs),
        .least = 1,
        .most = UINT32_MAX},
    {.name = "early-stop",
        .argument = "EPOCHS",
        .group = "Run",
        .help = "end when the mean loss of an epoch has not been below the least one so far for "
                "so many epochs; the model is the one after the last epoch",
        .type = &mcl_option_whole,
        .offset = OFFSET(options.train.early_stop),
        .least = 1,
        .most = UINT32_MAX,
        .without = "never"},
    {.name = "seed",
        .argument = "N",
        .group = "Run",
        .help = "what all random numbers follow from: initial parameters, order of the rows, masks",
        .type = &mcl_option_whole,
        .offset = OFFSET(options.train.seed)},
    {.name = "checkpoint-every",
        .argument = "SECONDSs|STEPS",
        .group = "Run",
        .help = "keep a checkpoint beside the model, MODEL.checkpoint.safetensors, and the one "
                "before it, MODEL.checkpoint.previous.safetensors, as in 500 (steps) or 60s; "
                "Ctrl-C writes one as well, and a run that ends removes them",
        .type = &mcl_option_checkpoint_every,
        .offset = OFFSET(options),
        .without = "never"},
    {.name = "resume",
        .group = "Run",
        .help = "go on from the checkpoint, to the same bits as without the interruption; where "
                "there is none, begin. Data, options and seed must be the same, the device need "
                "not",
        .type = &mcl_option_switch,
        .offset = OFFSET(options.train.resume)},
    MCL_DEVICE_OPTIONS(mcl_pretrain_settings, device),
    {.name = "output",
        .letter = 'o',
        .required = true,
        .argument = "MODEL.safetensors",
        .group = "Output",
        .help = "the model file to write",
        .type = &mcl_option_text,
        .offset = OFFSET(output)},
    {.name = "metrics",
        .argument = "FILE.jsonl",
        .group = "Output",
        .help =
            "write a JSON object a step, as the steps come: step, epoch, loss, each objective's "
            "own loss, spread, lr, rows_per_s, seconds; at ends of epochs alignment, uniformity, "
            "effective_rank and, with --validate, validation, but only about every 200 steps. When "
            "the file can no longer be written, training goes on, the model is saved and the exit "
            "code is 1",
        .type = &mcl_option_text,
        .offset = OFFSET(metrics)},
    {.name = "metrics-every",
        .argument = "N",
        .group = "Output",
        .help = "write every N-th step, and the last of each epoch",
        .type = &mcl_option_whole,
        .offset = OFFSET(metrics_every),
        .least = 1,
        .conflict = needs_metrics},
    {.name = "profile",
        .group = "Output",
        .help = "print where the device's time went: every kernel with its calls, time, rate and "
                "part of the device's measured peak",
        .type = &mcl_option_switch,
        .offset = OFFSET(profile)},
};

void mcl_pretrain_set_defaults(void *given)
{
    mcl_pretrain_settings *settings = given;
    mcl_pretrain_defaults(&settings->options);
    settings->recipe = "default";
    settings->metrics_every = 1;
}
