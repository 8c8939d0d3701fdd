/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl neighbors: the rows whose embeddings are nearest to some. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "data_options.h"
#include "device_options.h"
#include "files.h"
#include "json.h"
#include "maskcl/evaluate.h"
#include "maskcl/output.h"
#include "progress.h"
#include "signals.h"
#include "triples.h"

#define QUERIES_MAX 64
#define TILE_LEAST                                                                                 \
    48        /* pixels of a tile's height: smaller images are shown several times as large */
#define GAP 4 /* pixels between tiles */
#define WHITE 255
#define NAME_SIZE 4096
#define WITHOUT_PICTURE "leave -o out"

struct settings {
    mcl_device_settings device;
    mcl_data_options data;
    const char *query;
    uint64_t count;
    uint32_t layer;
    bool json;
    const char *output; /* NULL: no picture */
};

/* A row that is asked for: of the data, or of a file by itself. */
struct query {
    const mcl_data *data;
    uint64_t row;
    bool inside; /* of the data that neighbours are looked for in */
};

struct search {
    const struct settings *settings;
    const char *path; /* of the data */
    mcl_data *data;
    mcl_data *files[QUERIES_MAX];
    size_t file_count;
    struct query queries[QUERIES_MAX];
    size_t count;
    uint32_t layer, width;
    uint64_t each;         /* neighbours of a query */
    float *embeddings;     /* [rows × width] */
    mcl_neighbor *nearest; /* [count × each] */
};

/* Of too many, the rest are counted. */
static void add_query(struct search *search, struct query query)
{
    if (search->count < QUERIES_MAX)
        search->queries[search->count] = query;
    search->count++;
}

/* All rows of a file are asked for. */
static mcl_exit add_file(
    struct search *search, const char *path, const mcl_model *model, const char *model_path)
{
    mcl_data *data = NULL;
    if (search->file_count == QUERIES_MAX) { /* each has a row or more */
        add_query(search, (struct query){NULL, 0, false});
        return MCL_EXIT_DONE;
    }
    mcl_exit code = mcl_load_data(&data, path, &search->settings->data, model);
    if (code != MCL_EXIT_DONE)
        return code;
    search->files[search->file_count++] = data;
    code = mcl_check_rows(model, model_path, data, path);
    for (uint64_t row = 0; row < mcl_data_rows(data) && code == MCL_EXIT_DONE; row++)
        add_query(search, (struct query){data, row, false});
    return code;
}

/* One row's number, or name, or a file. */
static mcl_exit add_one(
    struct search *search, const char *text, const mcl_model *model, const char *model_path)
{
    const uint64_t rows = mcl_data_rows(search->data);
    char *end;
    const bool digits = *text && strspn(text, "0123456789") == strlen(text);
    const uint64_t row = digits ? strtoull(text, &end, 10) : 0;
    if (digits && row >= rows)
        return mcl_complain(MCL_EXIT_USAGE,
            "--query: %s has %" PRIu64 " rows, counted from 0: there is no row %s", search->path,
            rows, text);
    if (digits) {
        add_query(search, (struct query){search->data, row, true});
        return MCL_EXIT_DONE;
    }
    for (uint64_t i = 0; i < rows; i++) {
        const char *name = mcl_data_row_name(search->data, i);
        if (name && strcmp(name, text) == 0) {
            add_query(search, (struct query){search->data, i, true});
            return MCL_EXIT_DONE;
        }
    }
    if (access(text, F_OK) != 0)
        return mcl_complain(MCL_EXIT_USAGE,
            "--query: '%s' is no number of a row, no name of one in %s, and no file", text,
            search->path);
    return add_file(search, text, model, model_path);
}

/* Those that are joined by commas, unless that is a file's name. */
static mcl_exit add_queries(struct search *search, const mcl_model *model, const char *model_path)
{
    const char *text = search->settings->query;
    if (access(text, F_OK) == 0)
        return add_one(search, text, model, model_path);
    char *copy = strdup(text);
    if (!copy)
        return mcl_complain(MCL_EXIT_FAILED, "the host has no memory left");
    mcl_exit code = MCL_EXIT_DONE;
    for (char *part = copy; part && code == MCL_EXIT_DONE;) {
        char *comma = strchr(part, ',');
        if (comma)
            *comma++ = '\0';
        code = add_one(search, part, model, model_path);
        part = comma;
    }
    free(copy);
    return code;
}

/* Embeds all rows, and those of the files of queries after them; *queries = the queries' own. */
static mcl_exit embed(
    float **queries, struct search *search, mcl_context *context, const mcl_model *model)
{
    const size_t width = search->width;
    mcl_exit code = mcl_allocate_values(&search->embeddings, mcl_data_rows(search->data), width);
    if (code == MCL_EXIT_DONE)
        code = mcl_allocate_values(queries, search->count, width);
    if (code != MCL_EXIT_DONE)
        return code;
    mcl_status status =
        mcl_embed_layer(search->embeddings, context, model, search->data, search->layer);
    for (size_t q = 0; q < search->count && status == MCL_OK; q++) {
        const struct query *query = &search->queries[q];
        if (query->inside) {
            memcpy(*queries + q * width, search->embeddings + query->row * width,
                width * sizeof **queries);
        } else if (query->row == 0) { /* the rows of a file follow each other */
            status =
                mcl_embed_layer(*queries + q * width, context, model, query->data, search->layer);
        }
    }
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

/* Takes a query itself out of what was found for it, one more than is wanted. */
static void leave_out_itself(mcl_neighbor *found, uint64_t count, const struct query *query)
{
    uint64_t at = 0;
    while (query->inside && at + 1 < count && found[at].row != query->row)
        at++;
    if (query->inside)
        memmove(found + at, found + at + 1, (size_t)(count - 1 - at) * sizeof *found);
}

static mcl_exit find(struct search *search, const float *queries)
{
    const uint64_t rows = mcl_data_rows(search->data), wanted = search->settings->count;
    const uint64_t found = wanted + 1 < rows ? wanted + 1 : rows;
    mcl_neighbor *nearest = malloc((size_t)(search->count * found) * sizeof *nearest);
    if (!nearest)
        return mcl_complain(MCL_EXIT_FAILED, "the host has no memory left");
    search->nearest = nearest;
    const mcl_status status = mcl_neighbors_find(
        nearest, search->embeddings, rows, search->width, queries, search->count, found);
    if (status != MCL_OK)
        return mcl_complain_status(status);
    /* A file's row may have all rows for neighbours, one of the data all others. */
    search->each = found < wanted ? found : wanted;
    for (size_t q = 0; q < search->count; q++) {
        if (search->queries[q].inside && search->each == rows)
            search->each--;
    }
    for (size_t q = 0; q < search->count; q++) {
        mcl_neighbor *of = nearest + q * found;
        leave_out_itself(of, found, &search->queries[q]);
        memmove(nearest + q * search->each, of, (size_t)search->each * sizeof *nearest);
    }
    return MCL_EXIT_DONE;
}

/* A row's class, "" where it has none; number has room for one. */
static const char *class_of(char number[16], const mcl_data *data, uint64_t row)
{
    const int32_t *labels = mcl_data_labels(data);
    if (!labels || labels[row] < 0)
        return "";
    const char *name = mcl_data_class_name(data, (uint32_t)labels[row]);
    snprintf(number, 16, "%" PRId32, labels[row]);
    return name ? name : number;
}

static void print_row(const mcl_data *data, uint64_t row)
{
    char number[16];
    const char *name = mcl_data_row_name(data, row), *of = class_of(number, data, row);
    char clean[NAME_SIZE];
    (void)mcl_clean_text(clean, sizeof clean, name, "");
    if (*of)
        mcl_print("  %-16s", of);
    mcl_print("%s%s\n", name ? "  " : "", clean);
}

static void print_table(const struct search *search)
{
    for (size_t q = 0; q < search->count; q++) {
        const struct query *query = &search->queries[q];
        mcl_print("%squery %10" PRIu64 "              ", q ? "\n" : "", query->row);
        print_row(query->data, query->row);
        for (uint64_t i = 0; i < search->each; i++) {
            const mcl_neighbor *neighbor = &search->nearest[q * search->each + i];
            mcl_print(
                "%5" PRIu64 " %10" PRIu64 "  %10.6f  ", i + 1, neighbor->row, neighbor->similarity);
            print_row(search->data, neighbor->row);
        }
    }
}

static void add_row(cJSON *entry, const mcl_data *data, uint64_t row)
{
    char number[16];
    const char *name = mcl_data_row_name(data, row), *of = class_of(number, data, row);
    mcl_json_number(entry, "row", (double)row);
    if (name)
        mcl_json_text(entry, "name", name);
    if (*of)
        mcl_json_text(entry, "class", of);
}

static mcl_exit print_json(const struct search *search)
{
    cJSON *root = mcl_json_object();
    cJSON *queries = mcl_json_array_in(root, "queries");
    for (size_t q = 0; q < search->count; q++) {
        cJSON *entry = mcl_json_object_at(queries);
        add_row(entry, search->queries[q].data, search->queries[q].row);
        cJSON *neighbors = mcl_json_array_in(entry, "neighbors");
        for (uint64_t i = 0; i < search->each; i++) {
            const mcl_neighbor *found = &search->nearest[q * search->each + i];
            cJSON *neighbor = mcl_json_object_at(neighbors);
            add_row(neighbor, search->data, found->row);
            mcl_json_number(neighbor, "similarity", found->similarity);
        }
    }
    return mcl_json_print(root);
}

/* A picture of tiles, a line for each query. */
struct sheet {
    mcl_tile tile;
    uint64_t factor; /* by which tiles are enlarged */
    uint64_t width, height;
    uint8_t *pixels;
    float *values; /* of a row */
};

/* Draws a row with its upper left corner at a column and a line of tiles. */
static mcl_status draw(
    struct sheet *sheet, const mcl_data *data, uint64_t row, uint64_t column, uint64_t line)
{
    const mcl_tile *tile = &sheet->tile;
    const uint64_t factor = sheet->factor, channels = tile->channels;
    /* the query stands apart */
    const uint64_t left = column * (tile->width * factor + GAP) + (column ? 2 * (uint64_t)GAP : 0);
    const uint64_t top = line * (tile->height * factor + GAP);
    const mcl_status status = mcl_data_floats(sheet->values, data, row, 1);
    for (uint64_t y = 0; y < tile->height * factor && status == MCL_OK; y++) {
        uint8_t *to = sheet->pixels + ((top + y) * sheet->width + left) * channels;
        const float *from = sheet->values + y / factor * tile->width * channels;
        for (uint64_t x = 0; x < tile->width * factor; x++) {
            for (uint64_t c = 0; c < channels; c++) {
                const float value = from[x / factor * channels + c];
                *to++ = !(value > 0.0f) ? 0
                        : value >= 1.0f ? 255
                                        : (uint8_t)(value * 255.0f + 0.5f);
            }
        }
    }
    return status;
}

static mcl_status draw_all(struct sheet *sheet, const struct search *search)
{
    mcl_status status = MCL_OK;
    for (size_t q = 0; q < search->count && status == MCL_OK; q++) {
        status = draw(sheet, search->queries[q].data, search->queries[q].row, 0, q);
        for (uint64_t i = 0; i < search->each && status == MCL_OK; i++)
            status = draw(sheet, search->data, search->nearest[q * search->each + i].row, i + 1, q);
    }
    return status;
}

static mcl_exit draw_and_write(struct sheet *sheet, const struct search *search, size_t size)
{
    memset(sheet->pixels, WHITE, size);
    mcl_status status = draw_all(sheet, search);
    (void)mcl_signals_defer();
    if (status == MCL_OK)
        status = mcl_write_png(search->settings->output, sheet->pixels, (uint32_t)sheet->width,
            (uint32_t)sheet->height, (uint32_t)sheet->tile.channels);
    return status == MCL_OK ? MCL_EXIT_DONE : mcl_complain_status(status);
}

static mcl_exit write_sheet(const struct search *search)
{
    struct sheet sheet = {.factor = 1};
    const mcl_tile *tile = &sheet.tile;
    mcl_exit code = mcl_find_image(&sheet.tile, search->data, search->path, WITHOUT_PICTURE);
    if (code != MCL_EXIT_DONE)
        return code;
    while (sheet.factor * tile->height < TILE_LEAST)
        sheet.factor++;
    sheet.width = (search->each + 1) * (tile->width * sheet.factor + GAP) + GAP;
    sheet.height = search->count * (tile->height * sheet.factor + GAP) - GAP;
    if (sheet.width > INT32_MAX || sheet.height > INT32_MAX)
        return mcl_complain(MCL_EXIT_FAILED,
            "%s: no picture can show as many neighbours: ask for "
            "fewer with -k",
            search->settings->output);
    const size_t size = (size_t)(sheet.width * sheet.height * tile->channels);
    sheet.pixels = malloc(size);
    if (!sheet.pixels)
        return mcl_complain(MCL_EXIT_FAILED, "the host has no memory for the picture");
    code = mcl_allocate_values(&sheet.values, 1, mcl_data_columns(search->data));
    if (code == MCL_EXIT_DONE)
        code = draw_and_write(&sheet, search, size);
    free(sheet.pixels);
    free(sheet.values);
    return code;
}

/* What can be refused before any work on the device. */
static mcl_exit check(struct search *search, const mcl_model *model, const char *model_path)
{
    mcl_tile tile;
    mcl_exit code = mcl_check_rows(model, model_path, search->data, search->path);
    if (code == MCL_EXIT_DONE && search->settings->output)
        code = mcl_find_image(&tile, search->data, search->path, WITHOUT_PICTURE);
    if (code == MCL_EXIT_DONE)
        code = mcl_find_layer(&search->layer, &search->width, model, search->settings->layer);
    if (code == MCL_EXIT_DONE)
        code = add_queries(search, model, model_path);
    if (code == MCL_EXIT_DONE && search->count > QUERIES_MAX)
        code = mcl_complain(MCL_EXIT_USAGE,
            "--query: asks for %zu rows, and at most %d can be asked for at once", search->count,
            QUERIES_MAX);
    if (code == MCL_EXIT_DONE && mcl_data_rows(search->data) < 2)
        code = mcl_complain(MCL_EXIT_FAILED, "%s: has a single row", search->path);
    return code;
}

static mcl_exit answer(struct search *search, mcl_context *context, const mcl_model *model)
{
    mcl_progress progress = mcl_progress_start(search->settings->device.quiet);
    float *queries = NULL;
    mcl_progress_note(&progress, "embedding");
    mcl_exit code = embed(&queries, search, context, model);
    mcl_progress_clear(&progress);
    if (code == MCL_EXIT_DONE)
        code = find(search, queries);
    free(queries);
    if (code == MCL_EXIT_DONE && search->settings->output)
        code = write_sheet(search);
    if (code == MCL_EXIT_DONE && search->settings->json)
        code = print_json(search);
    else if (code == MCL_EXIT_DONE)
        print_table(search);
    return code;
}

static mcl_exit run(void *given, const mcl_arguments *arguments)
{
    const struct settings *settings = given;
    const char *const *paths = arguments->operands;
    struct search search = {.settings = settings, .path = paths[1]};
    mcl_model *model = NULL;
    mcl_context *context = NULL;
    mcl_exit code = MCL_EXIT_DONE;
    if (settings->output && !mcl_is_picture(settings->output))
        code = mcl_complain(
            MCL_EXIT_USAGE, "-o: '%s' does not end with .png, as a picture does", settings->output);
    if (code == MCL_EXIT_DONE && settings->output)
        code = mcl_check_output(settings->output, paths, 2);
    if (code == MCL_EXIT_DONE)
        code = mcl_load_model(&model, paths[0]);
    if (code == MCL_EXIT_DONE)
        code = mcl_load_data(&search.data, paths[1], &settings->data, model);
    if (code == MCL_EXIT_DONE)
        code = check(&search, model, paths[0]);
    if (code == MCL_EXIT_DONE)
        code = mcl_open_device(&context, &settings->device);
    if (code == MCL_EXIT_DONE)
        code = answer(&search, context, model);
    free(search.embeddings);
    free(search.nearest);
    mcl_context_close(context);
    for (size_t i = 0; i < search.file_count; i++)
        mcl_data_free(search.files[i]);
    mcl_data_free(search.data);
    mcl_model_free(model);
    return code;
}

static void set_defaults(void *given)
{
    struct settings *settings = given;
    settings->count = 8;
}

static const mcl_option options[] = {
    {.name = "query",
        .required = true,
        .argument = "ROW|NAME|FILE",
        .group = "Neighbours",
        .help = "whose neighbours: a row of DATA, by its number from 0 or its name, or all rows of "
                "another file, at most 64 in all; several are joined by commas",
        .type = &mcl_option_text,
        .offset = offsetof(struct settings, query)},
    {.name = "count",
        .letter = 'k',
        .argument = "K",
        .group = "Neighbours",
        .help = "how many neighbours of each",
        .type = &mcl_option_whole,
        .offset = offsetof(struct settings, count),
        .least = 1,
        .most = 10000},
    MCL_LAYER_OPTION(struct settings, layer),
    MCL_DEVICE_OPTIONS(struct settings, device),
    {.name = "json",
        .group = "Output",
        .help = "print the neighbours as JSON",
        .type = &mcl_option_switch,
        .offset = offsetof(struct settings, json)},
    {.name = "output",
        .letter = 'o',
        .argument = "OUT.png",
        .group = "Output",
        .help = "a picture to write, of rows that are images: a line for each query, which comes "
                "first",
        .without = "none",
        .type = &mcl_option_text,
        .offset = offsetof(struct settings, output)},
};

const mcl_command mcl_command_neighbors = {
    .name = "neighbors",
    .summary = "show the rows whose embeddings are nearest to some",
    .description =
        "Embeds all rows, and prints those that are nearest to each query by the cosine of their "
        "embeddings: their place, number, cosine, class and name. A query that is a row of DATA is "
        "not its own neighbour.",
    .examples = "  maskcl neighbors icons.safetensors icons/ --query 17 -k 8 -o sheet.png\n"
                "  maskcl neighbors icons.safetensors icons/ --query actions/go-up.png,new.png",
    .operands = {{"MODEL", "the model file"}, {"DATA", "the rows to look in"}},
    .operand_count = 2,
    .data_keys = mcl_data_keys_applied,
    .data_offset = offsetof(struct settings, data),
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .set_defaults = set_defaults,
    .run = run,
};
