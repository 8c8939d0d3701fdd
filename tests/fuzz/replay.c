/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for libFuzzer where there is none: runs the target on every file of a corpus, and on
 * mutations of them from a generator with a fixed seed.
 *
 *     fuzz_NAME FOLDER MUTATIONS
 *
 * An input that ends the program by a signal is left in crash-fuzz_NAME in the working folder. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_MAX 65536
#define CORPUS_MAX 1024
#define MUTATIONS_A_RUN 6

struct input {
    uint8_t bytes[INPUT_MAX];
    size_t size;
};

static struct input current;
static char crash_path[256];

static void save_input(int signal_number)
{
    const int descriptor = open(crash_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (descriptor >= 0 && write(descriptor, current.bytes, current.size) >= 0)
        close(descriptor);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* SplitMix64 (Steele, Lea and Flood 2014) */
static uint64_t next_random(void)
{
    static uint64_t state;
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static size_t below(size_t bound)
{
    return bound ? (size_t)(next_random() % bound) : 0;
}

/* Puts count bytes in at a place; what no longer fits is cut. */
static void insert(struct input *input, size_t at, const uint8_t *bytes, size_t count)
{
    static uint8_t piece[INPUT_MAX]; /* the bytes may be the input's own */
    if (count > INPUT_MAX - input->size)
        count = INPUT_MAX - input->size;
    memcpy(piece, bytes, count);
    memmove(input->bytes + at + count, input->bytes + at, input->size - at);
    memcpy(input->bytes + at, piece, count);
    input->size += count;
}

static void erase(struct input *input, size_t at, size_t count)
{
    memmove(input->bytes + at, input->bytes + at + count, input->size - at - count);
    input->size -= count;
}

static void mutate(struct input *input, const struct input *other)
{
    static const uint8_t edges[] = {0, 1, 0x7F, 0x80, 0xFF, '\n', '\'', '(', '9', '{', '}', '"'};
    const size_t at = below(input->size), count = below(input->size - at + 1);
    uint8_t *byte = input->bytes + at;
    switch (input->size ? below(8) : 7) {
    case 0:
        *byte ^= (uint8_t)(1 << below(8));
        break;
    case 1:
        *byte = (uint8_t)next_random();
        break;
    case 2:
        *byte = edges[below(sizeof edges)];
        break;
    case 3:
        input->size = at;
        break;
    case 4:
        erase(input, at, count < 16 ? count : below(16));
        break;
    case 5:
        insert(input, below(input->size), byte, count < 64 ? count : below(64));
        break;
    case 6:
        *byte = (uint8_t)(*byte + below(3) - 1);
        break;
    default:
        if (other->size) {
            const size_t from = below(other->size);
            insert(input, at, other->bytes + from, below(other->size - from + 1));
        }
    }
}

static int is_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int read_input(struct input *input, const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return 0;
    input->size = fread(input->bytes, 1, INPUT_MAX, file);
    const int whole = !ferror(file) && fgetc(file) == EOF;
    fclose(file);
    return whole;
}

/* Returns how many inputs the folder has; 0 when one cannot be read. */
static size_t read_corpus(struct input **corpus, const char *folder)
{
    struct dirent **entries;
    const int count = scandir(folder, &entries, is_file, alphasort);
    if (count <= 0 || count > CORPUS_MAX)
        return 0;
    *corpus = calloc((size_t)count, sizeof **corpus);
    int good = *corpus != NULL;
    for (int i = 0; i < count; i++) {
        if (good && !read_input(&(*corpus)[i], folder, entries[i]->d_name)) {
            fprintf(stderr, "%s/%s: cannot read, or too long\n", folder, entries[i]->d_name);
            good = 0;
        }
        free(entries[i]);
    }
    free(entries);
    return good ? (size_t)count : 0;
}

/* The input goes to a block of just its size, so that a sanitizer sees a read beyond it. */
static void run(const struct input *input)
{
    uint8_t *bytes = malloc(input->size ? input->size : 1);
    if (!bytes)
        abort();
    current = *input;
    memcpy(bytes, input->bytes, input->size);
    LLVMFuzzerTestOneInput(bytes, input->size);
    free(bytes);
}

int main(int argc, char **argv)
{
    static struct input mutated;
    struct input *corpus = NULL;
    if (argc != 3) {
        fprintf(stderr, "usage: %s FOLDER MUTATIONS\n", argv[0]);
        return 2;
    }
    const char *name = strrchr(argv[0], '/');
    snprintf(crash_path, sizeof crash_path, "crash-%s", name ? name + 1 : argv[0]);
    const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], save_input);
    const size_t count = read_corpus(&corpus, argv[1]);
    if (!count) {
        fprintf(stderr, "%s: has no inputs\n", argv[1]);
        free(corpus);
        return 1;
    }
    for (size_t i = 0; i < count; i++)
        run(&corpus[i]);
    for (long n = strtol(argv[2], NULL, 10); n > 0; n--) {
        mutated = corpus[below(count)];
        for (size_t i = 1 + below(MUTATIONS_A_RUN); i > 0; i--)
            mutate(&mutated, &corpus[below(count)]);
        run(&mutated);
    }
    free(corpus);
    return 0;
}
