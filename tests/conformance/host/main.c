/* SPDX-License-Identifier: Apache-2.0 */
/* The runs of tests/fixtures/runs.txt by an implementation that shares nothing with the library: it
 * was written from docs/numerics.md.
 *   host FILE…                     compares the digests
 *   host --flush-subnormals FILE…  the same with the processor set to make subnormal numbers zero
 *   host --print FILE…             prints the files with this program's digests */
#ifdef __SSE__
#include <xmmintrin.h>
#endif

#include "../cases.h"
#include "random.h"
#include "training.h"

#define SKIPPED 77

static const char *const activations[] = {"none", "relu", "gelu", "tanh", NULL};
static const char *const normalizations[] = {"none", "batch", "layer", NULL};
static const char *const masks[] = {"uniform", "bernoulli", "block", NULL};
static const char *const optimizers[] = {"adam", "adamw", "sgd", "lars", "lamb", NULL};
static const char *const objectives[] = {"cosine", "nt-xent", "reconstruction", "sigreg", NULL};

static int named(const char *name, const char *const *names)
{
    for (int i = 0; names[i]; i++) {
        if (strcmp(name, names[i]) == 0)
            return i;
    }
    fprintf(stderr, "'%s' is no name that this program knows\n", name);
    exit(2);
}

/* "nt-xent:1+reconstruction:10" */
static void parse_objectives(struct options *options, const struct run_case *run)
{
    char text[sizeof run->objectives];
    memcpy(text, run->objectives, sizeof text);
    for (char *part = strtok(text, "+"); part; part = strtok(NULL, "+")) {
        const float weight = (float)case_value(part, 1.0);
        options->weights[options->objective_count] = weight;
        options->objectives[options->objective_count++] = (enum objective)named(part, objectives);
    }
}

static struct options options_of(const struct run_case *run)
{
    struct options options = {
        .rows = run->rows,
        .columns = run->columns,
        .width = run->width,
        .channels = run->channels,
        .hidden_count = run->hidden_count,
        .embedding = run->embedding,
        .activation = (enum activation)named(run->activation, activations),
        .normalization = (enum normalization)named(run->normalization, normalizations),
        .activated_embedding = run->activated,
        .mask = (enum mask)named(run->mask, masks),
        .ratio = run->ratio,
        .side = run->side,
        .temperature = CASE_TEMPERATURE,
        .optimizer = (enum optimizer)named(run->optimizer, optimizers),
        .learning_rate = run->rate,
        .weight_decay = run->decay,
        .momentum = run->momentum,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .epsilon = run->epsilon,
        .schedule = run->cosine >= 0.0 ? COSINE_SCHEDULE
                    : run->step > 0.0  ? STEP_SCHEDULE
                                       : CONSTANT_SCHEDULE,
        .warmup = run->warmup,
        .final_rate = run->cosine,
        .step_epochs = (uint64_t)run->step,
        .gamma = run->gamma,
        .ema = run->ema,
        .clip_norm = run->clip,
        .batch = run->batch,
        .epochs = run->epochs,
        .seed = CASE_SEED,
    };
    for (size_t i = 0; i < run->hidden_count; i++)
        options.hidden[i] = run->hidden[i];
    parse_objectives(&options, run);
    return options;
}

static uint64_t digest_reports(const struct measures *measures, const struct options *options)
{
    uint64_t digest = CASE_DIGEST;
    for (uint64_t epoch = 0; epoch < options->epochs; epoch++) {
        const struct measures *m = &measures[epoch];
        const double others[] = {m->loss, m->epoch_loss, m->spread};
        digest = case_digest(digest, others, sizeof others);
        digest = case_digest(digest, m->objectives, options->objective_count * sizeof(double));
    }
    return digest;
}

/* Whether a run ends with its digests; or prints it with those that it ends with. */
static int agrees(const struct run_case *run, bool print)
{
    const size_t count = (size_t)run->rows * run->columns;
    struct options options = options_of(run);
    float *floats = malloc(count * sizeof *floats), *parameters;
    unsigned char *bytes = malloc(count);
    struct measures *measures;
    if (!floats || !bytes)
        abort();
    if (strcmp(run->kind, "images") == 0) {
        case_make_bytes(bytes, run);
        options.bytes = bytes;
    } else {
        host_synthetic(floats, run->rows, run->columns, CASE_DATA_SEED);
        case_make_floats(floats, run);
        options.floats = floats;
    }
    const size_t size = host_train(&parameters, &measures, &options) * sizeof *parameters;
    const uint64_t model = case_digest(CASE_DIGEST, parameters, size);
    const uint64_t reports = digest_reports(measures, &options);
    free(floats);
    free(bytes);
    free(parameters);
    free(measures);
    if (print)
        printf("%s %016" PRIx64 " %016" PRIx64 "\n", run->text, model, reports);
    if (print || (model == run->model && reports == run->reports))
        return 1;
    printf("the host: %s %016" PRIx64 " %016" PRIx64 " instead of %016" PRIx64 " %016" PRIx64 "\n",
        run->text, model, reports, run->model, run->reports);
    return 0;
}

static int flush_subnormals(void)
{
#ifdef __SSE__
    _mm_setcsr(_mm_getcsr() | 0x8040); /* results and operands */
#endif
    const volatile float smallest = 0x1p-126f;
    const volatile float half = 0.5f * smallest;
    return half == 0.0f;
}

int main(int count, char **arguments)
{
    const bool flush = count > 1 && strcmp(arguments[1], "--flush-subnormals") == 0;
    const bool print = count > 1 && strcmp(arguments[1], "--print") == 0;
    if (flush && !flush_subnormals())
        return SKIPPED;
    char line[CASE_LINE];
    int runs = 0, agree = 0;
    for (int i = 1 + (flush || print); i < count; i++) {
        FILE *file = fopen(arguments[i], "r");
        for (; file && fgets(line, sizeof line, file); runs++) {
            struct run_case run;
            if (!case_parse(&run, line)) {
                fprintf(stderr, "not a run: %s", line);
                return 2;
            }
            agree += agrees(&run, print);
        }
        if (!file) {
            fprintf(stderr, "there is no file %s\n", arguments[i]);
            return 2;
        }
        fclose(file);
    }
    if (runs == 0) {
        fprintf(stderr, "usage: host [--flush-subnormals | --print] FILE...\n");
        return 2;
    }
    if (!print)
        printf("host: %d of %d runs have the expected bits\n", agree, runs);
    return agree != runs;
}
