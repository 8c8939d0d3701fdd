/* The runs of tests/fixtures/runs.txt by an implementation that shares nothing with the library: it
 * was written from docs/numerics.md.
 *   host FILE                     compares the digests
 *   host FILE --flush-subnormals  the same with the processor set to make subnormal numbers zero */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE__
#include <xmmintrin.h>
#endif

#include "random.h"
#include "training.h"

#define SKIPPED 77
#define LINE 256
#define ROWS 300
#define COLUMNS 61

static const char *const activations[] = {"none", "relu", "gelu", "tanh", NULL};
static const char *const masks[] = {"uniform", "bernoulli", "block", NULL};
static const char *const optimizers[] = {"adam", "adamw", "sgd", NULL};
static const char *const objectives[] = {"cosine", "nt-xent", "reconstruction", NULL};

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
static void parse_objectives(struct options *options, char *text)
{
    for (char *part = strtok(text, "+"); part; part = strtok(NULL, "+")) {
        char *colon = strchr(part, ':');
        if (colon)
            *colon = '\0';
        options->weights[options->objective_count] = colon ? strtof(colon + 1, NULL) : 1.0f;
        options->objectives[options->objective_count++] = (enum objective)named(part, objectives);
    }
}

static uint64_t digest(const void *values, size_t size)
{
    const unsigned char *bytes = values;
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 1099511628211u;
    return hash;
}

/* Whether a line's run ends with its digest. */
static int agrees(const char *line, const float *data)
{
    char activation[16], mask[16], optimizer[16], objective[64];
    uint64_t expected;
    if (sscanf(line, "%15s %15s %15s %63s %" SCNx64, activation, mask, optimizer, objective,
            &expected) != 5) {
        fprintf(stderr, "not a run: %s", line);
        exit(2);
    }
    struct options options = {
        .floats = data,
        .rows = ROWS,
        .columns = COLUMNS,
        .hidden = {33},
        .hidden_count = 1,
        .embedding = 17,
        .activation = (enum activation)named(activation, activations),
        .mask = (enum mask)named(mask, masks),
        .ratio = 0.5f,
        .temperature = 0.2f,
        .optimizer = (enum optimizer)named(optimizer, optimizers),
        .learning_rate = 1e-3,
        .weight_decay = 0.01,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .epsilon = 1e-8,
        .batch = 50,
        .epochs = 2,
        .seed = 0x123456789u,
    };
    options.momentum = options.optimizer == SGD ? 0.9 : 0.0;
    parse_objectives(&options, objective);
    float *parameters;
    struct measures *measures;
    const size_t count = host_train(&parameters, &measures, &options);
    const uint64_t got = digest(parameters, count * sizeof *parameters);
    free(parameters);
    free(measures);
    if (got != expected)
        printf("the host: %016" PRIx64 " for %s", got, line);
    return got == expected;
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
    const int flush = count == 3 && strcmp(arguments[2], "--flush-subnormals") == 0;
    FILE *file = count == 2 || flush ? fopen(arguments[1], "r") : NULL;
    if (!file) {
        fprintf(stderr, "usage: host FILE [--flush-subnormals]\n");
        return 2;
    }
    static float data[ROWS * COLUMNS];
    char line[LINE];
    int runs = 0, agree = 0;
    host_synthetic(data, ROWS, COLUMNS, 5);
    if (flush && !flush_subnormals()) {
        fclose(file);
        return SKIPPED;
    }
    for (; fgets(line, sizeof line, file); runs++)
        agree += agrees(line, data);
    fclose(file);
    printf("host: %d of %d runs have the expected bits\n", agree, runs);
    return runs == 0 || agree != runs;
}
