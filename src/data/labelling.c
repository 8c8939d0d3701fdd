/* SPDX-License-Identifier: Apache-2.0 */
/* Labels from files: whole numbers of any size, or texts. */
#include "data/labelling.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/numbers.h"
#include "base/utf8.h"
#include "data/array.h"
#include "data/classes.h"
#include "data/csv.h"
#include "data/data.h"
#include "data/dictionary.h"
#include "data/formats.h"
#include "data/labels.h"
#include "data/opening.h"
#include "data/texts.h"

#define LABEL_MOST 4096 /* bytes of a label's text */
#define BLOCK 65536     /* bytes that are read at once */
#define NUMBER_TEXT 24
#define UNLABELLED (-1)

/* Labels as texts, each of which is kept once. */
struct texts {
    const mcl_source *source;
    mcl_dictionary *known;
    uint32_t *codes; /* [count] numbers of the dictionary's */
    uint64_t count, room;
};

static mcl_status begin(struct texts *texts, const mcl_source *source)
{
    *texts = (struct texts){.source = source};
    return mcl_dictionary_create(&texts->known);
}

static void release(struct texts *texts)
{
    mcl_dictionary_free(texts->known);
    free(texts->codes);
}

static mcl_status make_room(struct texts *texts)
{
    if (texts->count < texts->room)
        return MCL_OK;
    const uint64_t room = texts->room ? 2 * texts->room : 1024;
    uint32_t *codes = realloc(texts->codes, (size_t)room * sizeof *codes);
    if (!codes)
        return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory for %" PRIu64 " labels", room);
    texts->codes = codes;
    texts->room = room;
    return MCL_OK;
}

static mcl_status add(struct texts *texts, const char *text, size_t length)
{
    uint64_t code;
    double number;
    char label[LABEL_MOST + 1];
    memcpy(label, text, length);
    label[length] = '\0';
    if (strlen(label) != length || !mcl_is_utf8(label, length) || mcl_has_control_character(label))
        return mcl_fail(MCL_ERROR_DATA,
            "%s: the label of row %" PRIu64
            " (counted from 0) is no UTF-8 text without control characters",
            mcl_source_name(texts->source), texts->count);
    MCL_TRY(make_room(texts));
    MCL_TRY(mcl_dictionary_add(&code, texts->known, text, length));
    /* Beside those for no label, and a heading; numbers need not be classes. */
    if (code > MCL_CLASSES_MOST + 2 && !mcl_text_number(&number, label))
        return mcl_fail(MCL_ERROR_DATA,
            "%s: the labels are of more than %d classes: texts that are nearly all different are "
            "no labels",
            mcl_source_name(texts->source), MCL_CLASSES_MOST);
    texts->codes[texts->count++] = (uint32_t)code;
    return MCL_OK;
}

/* Texts, a line each, quoted as in CSV where they are quoted. */

struct lines {
    mcl_source *source;
    struct texts *texts;
    char block[BLOCK];
    size_t at, end; /* in the block */
    char label[LABEL_MOST];
    size_t length;
};

/* *byte = the next one, or -1 at the end. */
static mcl_status next_byte(int *byte, struct lines *lines)
{
    if (lines->at == lines->end) {
        lines->at = 0;
        MCL_TRY(mcl_source_read(&lines->end, lines->source, lines->block, sizeof lines->block));
    }
    *byte = lines->at < lines->end ? (unsigned char)lines->block[lines->at++] : -1;
    return MCL_OK;
}

static mcl_status refuse_line(const struct lines *lines, const char *what)
{
    return mcl_fail(MCL_ERROR_FORMAT, "%s: line %" PRIu64 " %s: a file of labels has one a line",
        mcl_source_name(lines->source), lines->texts->count + 1, what);
}

static mcl_status keep(struct lines *lines, int byte)
{
    if (lines->length == sizeof lines->label)
        return refuse_line(lines, "has more than 4096 bytes");
    lines->label[lines->length++] = (char)byte;
    return MCL_OK;
}

/* The rest of a quoted label; *byte is what follows the last quote. */
static mcl_status read_quoted(int *byte, struct lines *lines)
{
    for (;;) {
        MCL_TRY(next_byte(byte, lines));
        if (*byte < 0)
            return refuse_line(lines, "has a quote that does not end");
        if (*byte == '"') {
            MCL_TRY(next_byte(byte, lines));
            if (*byte != '"')
                return MCL_OK;
        }
        MCL_TRY(keep(lines, *byte));
    }
}

/* A label and the end of its line; *byte is its first byte, and then -1 where the file ends. */
static mcl_status read_line(int *byte, struct lines *lines)
{
    lines->length = 0;
    if (*byte == '"') {
        MCL_TRY(read_quoted(byte, lines));
        if (*byte >= 0 && *byte != '\r' && *byte != '\n')
            return refuse_line(lines, "has more than a quoted text");
    }
    while (*byte >= 0 && *byte != '\n') {
        if (*byte == ',' || *byte == ';' || *byte == '\t')
            return refuse_line(lines, "has several columns");
        if (*byte != '\r')
            MCL_TRY(keep(lines, *byte));
        MCL_TRY(next_byte(byte, lines));
    }
    return add(lines->texts, lines->label, lines->length);
}

static mcl_status read_lines(struct texts *texts, mcl_source *source)
{
    static const unsigned char mark[] = {0xEF, 0xBB, 0xBF};
    unsigned char start[sizeof mark];
    size_t got;
    struct lines *lines;
    int byte = 0;
    MCL_TRY(mcl_source_peek(&got, source, start, sizeof start));
    MCL_TRY(mcl_allocate(&lines, 1, sizeof *lines));
    lines->source = source;
    lines->texts = texts;
    mcl_status status = MCL_OK;
    for (size_t i = 0; i < sizeof mark && status == MCL_OK && got == sizeof mark &&
                       memcmp(start, mark, sizeof mark) == 0;
         i++)
        status = next_byte(&byte, lines);
    while (status == MCL_OK && byte >= 0) {
        status = next_byte(&byte, lines);
        if (status == MCL_OK && byte >= 0)
            status = read_line(&byte, lines);
    }
    free(lines);
    if (status == MCL_OK && texts->count == 0)
        return mcl_fail(MCL_ERROR_DATA, "%s: has no labels", mcl_source_name(source));
    return status;
}

/* NumPy's arrays of texts. */

struct text_array {
    bool wide, big_endian; /* characters of 4 bytes, in that order */
    size_t width;          /* of a text, in characters */
    uint64_t rows;
    size_t header; /* bytes */
};

/* Whether these first bytes of a file, of which NumPy writes the header in one way, are such an
 * array's. */
static bool find_text_array(struct text_array *array, const unsigned char *bytes, size_t count)
{
    char text[MCL_SOURCE_PEEK + 1], order, kind, width[5], rows[20];
    int used = 0;
    const size_t start = count > 6 && bytes[6] == 1 ? 10 : 12;
    if (count < start || !mcl_npy_recognize(bytes))
        return false;
    const size_t length = bytes[8] + 256u * bytes[9];
    if (start + length > count)
        return false;
    memcpy(text, bytes + start, length);
    text[length] = '\0';
    if (sscanf(text,
            "{'descr': '%c%c%4[0-9]', 'fortran_order': %*[TrueFals], 'shape': (%19[0-9],%n", &order,
            &kind, width, rows, &used) != 4 ||
        used == 0 || (kind != 'U' && kind != 'S') ||
        (strncmp(text + used, ")", 1) != 0 && strncmp(text + used, " 1)", 3) != 0))
        return false;
    *array = (struct text_array){kind == 'U', order == '>', (size_t)strtoul(width, NULL, 10),
        strtoull(rows, NULL, 10), start + length};
    return array->rows > 0;
}

/* Writes a character as UTF-8, or something that is none where it is none; returns its bytes. */
static size_t encode(char *text, uint32_t code)
{
    if (code < 0x80) {
        text[0] = (char)code;
        return 1;
    }
    const size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length - 1; i > 0; i--, code >>= 6)
        text[i] = (char)(0x80 | (code & 0x3F));
    text[0] = (char)(first[length] | code);
    return length;
}

static mcl_status add_text(
    struct texts *texts, const unsigned char *bytes, const struct text_array *array)
{
    char text[LABEL_MOST];
    size_t used = 0, end = array->width;
    const size_t size = array->wide ? 4 : 1;
    static const unsigned char zero[4];
    while (end > 0 && memcmp(bytes + (end - 1) * size, zero, size) == 0)
        end--;
    for (size_t i = 0; i < end; i++) {
        const unsigned char *b = bytes + i * size;
        if (used + 4 > sizeof text)
            return mcl_fail(MCL_ERROR_DATA,
                "%s: the label of row %" PRIu64 " (counted from 0) has more than %d bytes",
                mcl_source_name(texts->source), texts->count, LABEL_MOST);
        if (!array->wide)
            text[used++] = (char)*b;
        else
            used += encode(text + used,
                array->big_endian ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | b[2] << 8 | b[3]
                                  : (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | b[1] << 8 | b[0]);
    }
    return add(texts, text, used);
}

static mcl_status read_text_array(
    struct texts *texts, mcl_source *source, const struct text_array *array)
{
    const size_t size = array->width * (array->wide ? 4 : 1);
    unsigned char *bytes;
    MCL_TRY(mcl_allocate(&bytes, size > array->header ? size : array->header, 1));
    mcl_status status = mcl_source_read_whole(source, bytes, array->header, "a .npy header");
    for (uint64_t row = 0; row < array->rows && status == MCL_OK; row++) {
        status = mcl_source_read_whole(source, bytes, size, "the labels");
        if (status == MCL_OK)
            status = add_text(texts, bytes, array);
    }
    free(bytes);
    return status;
}

/* Numbers. */

/* A label as it was read. */
struct number {
    bool is_whole;
    int64_t whole;
    double value; /* NaN: there is none */
};

static mcl_status convert(void *to, const void *from, size_t count, const mcl_array_run *run)
{
    struct number *numbers = to;
    const mcl_number type = run->array->type;
    for (size_t i = 0; i < count; i++) {
        const double value = mcl_number_at(from, type, i);
        struct number *number = &numbers[i];
        *number = (struct number){true, UNLABELLED, value};
        if (type == MCL_NUMBER_INT64 || type == MCL_NUMBER_UINT64)
            memcpy(&number->whole, (const int64_t *)from + i, sizeof number->whole);
        else if (value == rint(value) && fabs(value) <= 0x1p53)
            number->whole = (int64_t)value;
        else
            number->is_whole = isnan(value);
        if (isinf(value) || (type == MCL_NUMBER_UINT64 && number->whole < 0))
            return mcl_labels_refuse(from, i, run);
    }
    return MCL_OK;
}

/* Whether all numbers are labels as they are. */
static bool are_labels(const struct number *numbers, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        if (!numbers[i].is_whole || numbers[i].whole < UNLABELLED ||
            numbers[i].whole > MCL_LABEL_MAX)
            return false;
    }
    return true;
}

static mcl_status take_numbers(
    mcl_labelling *labelling, const struct number *numbers, uint64_t count)
{
    MCL_TRY(mcl_allocate(&labelling->labels, count, sizeof *labelling->labels));
    labelling->count = count;
    for (uint64_t i = 0; i < count; i++)
        labelling->labels[i] = (int32_t)numbers[i].whole;
    return MCL_OK;
}

static mcl_status add_number(struct texts *texts, const struct number *number)
{
    char text[MCL_NUMBER_SIZE] = ""; /* what is missing */
    if (!number->is_whole)
        mcl_number_show(text, number->value);
    else if (!isnan(number->value))
        snprintf(text, sizeof text, "%" PRId64, number->whole);
    return add(texts, text, strlen(text));
}

/* Numbers that are labels are taken as they are; else they become texts. */
static mcl_status read_numbers(
    mcl_labelling *labelling, struct texts *texts, mcl_source *source, bool named)
{
    mcl_array array;
    struct number *numbers;
    MCL_TRY(mcl_array_header(&array, source));
    MCL_TRY(mcl_labels_check_shape(&array, mcl_source_name(source)));
    MCL_TRY(mcl_array_read(&numbers, &array, source, sizeof *numbers, convert, NULL));
    const uint64_t count = array.rows * array.columns;
    mcl_status status = MCL_OK;
    if (!named && are_labels(numbers, count))
        status = take_numbers(labelling, numbers, count);
    for (uint64_t i = 0; !labelling->labels && i < count && status == MCL_OK; i++)
        status = add_number(texts, &numbers[i]);
    free(numbers);
    return status;
}

/* From texts to classes. */

/* A text as a class. */
struct named {
    const char *text;
    uint64_t code;
    bool is_number; /* whole, of 64 bits, spelled as it would be printed */
    int64_t number;
};

/* As in the cells of a table. */
static bool is_missing(const char *text)
{
    const mcl_cell cell = {.text = text, .length = (uint32_t)strlen(text)};
    return mcl_cell_missing(&cell);
}

/* Whether labels from `first` on are numbers of which some are not whole: then -1 is one of them,
 * too. seen is room for a mark a text. */
static bool are_targets(bool *seen, const struct texts *texts, uint64_t first)
{
    const mcl_strings *known = mcl_dictionary_texts(texts->known);
    bool whole = true;
    double number;
    for (uint64_t i = first; i < texts->count; i++) {
        const char *text = mcl_strings_at(known, texts->codes[i]);
        if (seen[texts->codes[i]] || is_missing(text))
            continue;
        seen[texts->codes[i]] = true;
        if (!mcl_text_number(&number, text))
            return false;
        whole = whole && number == rint(number);
    }
    return !whole;
}

static struct named name(const char *text, uint64_t code)
{
    char again[NUMBER_TEXT];
    struct named named = {text, code, false, 0};
    named.number = strtoll(text, NULL, 10);
    snprintf(again, sizeof again, "%" PRId64, named.number);
    named.is_number = strcmp(again, text) == 0;
    return named;
}

/* Numbers come before texts. */
static int compare_named(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    if (x->is_number != y->is_number)
        return x->is_number ? -1 : 1;
    if (x->is_number)
        return (x->number > y->number) - (x->number < y->number);
    return strcmp(x->text, y->text);
}

/* classes[*count] = the different labels from `first` on, in their order, without those that stand
 * for none. used is room for a mark a text. */
static void find_classes(
    struct named *classes, uint64_t *count, bool *used, const struct texts *texts, uint64_t first)
{
    const mcl_strings *known = mcl_dictionary_texts(texts->known);
    const bool targets = are_targets(used, texts, first);
    memset(used, 0, (size_t)mcl_strings_count(known) * sizeof *used);
    *count = 0;
    for (uint64_t i = first; i < texts->count; i++) {
        const uint32_t code = texts->codes[i];
        const char *text = mcl_strings_at(known, code);
        if (!used[code] && !is_missing(text) && (targets || strcmp(text, "-1") != 0))
            classes[(*count)++] = name(text, code);
        used[code] = true;
    }
    qsort(classes, *count, sizeof *classes, compare_named);
}

/* Copies the names of like's classes, by which they are found. */
static mcl_status begin_names(mcl_dictionary **names, const mcl_data *like)
{
    MCL_TRY(mcl_dictionary_create(names));
    for (uint32_t i = 0; i < mcl_data_classes(like); i++) {
        uint64_t index;
        const char *text = mcl_data_class_name(like, i);
        MCL_TRY(mcl_dictionary_add(&index, *names, text, strlen(text)));
    }
    return MCL_OK;
}

/* numbers[code of a class] = its label: its own number, or else its place among the names, which
 * are like's and then the others. */
static mcl_status number_classes(int32_t *numbers, mcl_strings **names, const struct named *classes,
    uint64_t count, const mcl_data *like)
{
    mcl_dictionary *places = NULL;
    bool plain = mcl_data_classes(like) == 0;
    for (uint64_t i = 0; i < count && plain; i++)
        plain =
            classes[i].is_number && classes[i].number >= 0 && classes[i].number <= MCL_LABEL_MAX;
    for (uint64_t i = 0; i < count && plain; i++)
        numbers[classes[i].code] = (int32_t)classes[i].number;
    if (plain)
        return MCL_OK;
    if (like && mcl_data_labels(like) && mcl_data_classes(like) == 0)
        return mcl_fail(MCL_ERROR_DATA,
            "labels such as '%s' have names, and those of the rows that were learnt from are "
            "numbers",
            classes[count - 1].text);
    mcl_status status = begin_names(&places, like);
    for (uint64_t i = 0; i < count && status == MCL_OK; i++) {
        uint64_t place;
        status = mcl_dictionary_add(&place, places, classes[i].text, strlen(classes[i].text));
        if (status == MCL_OK)
            numbers[classes[i].code] = (int32_t)place;
    }
    if (status == MCL_OK)
        status = mcl_strings_create(names);
    const mcl_strings *all = places ? mcl_dictionary_texts(places) : NULL;
    for (uint64_t i = 0; i < mcl_strings_count(all) && status == MCL_OK; i++)
        status = mcl_strings_add(*names, mcl_strings_at(all, i), strlen(mcl_strings_at(all, i)));
    mcl_dictionary_free(places);
    return status;
}

/* One text more than there are rows has a heading before them. */
static mcl_status classify(
    mcl_labelling *labelling, const struct texts *texts, uint64_t rows, const mcl_data *like)
{
    const uint64_t first = rows > 0 && texts->count == rows + 1;
    const uint64_t known_count = mcl_strings_count(mcl_dictionary_texts(texts->known));
    struct named *classes = NULL;
    int32_t *numbers = NULL;
    bool *used = NULL;
    uint64_t count = 0;
    labelling->count = texts->count - first;
    mcl_status status = mcl_allocate(&classes, known_count, sizeof *classes);
    if (status == MCL_OK)
        status = mcl_allocate(&used, known_count, sizeof *used);
    if (status == MCL_OK)
        status = mcl_allocate(&numbers, known_count, sizeof *numbers);
    if (status == MCL_OK)
        status = mcl_allocate(&labelling->labels, labelling->count, sizeof *labelling->labels);
    for (uint64_t i = 0; i < known_count && status == MCL_OK; i++)
        numbers[i] = UNLABELLED;
    if (status == MCL_OK) {
        find_classes(classes, &count, used, texts, first);
        status = number_classes(numbers, &labelling->classes, classes, count, like);
    }
    for (uint64_t i = 0; i < labelling->count && status == MCL_OK; i++)
        labelling->labels[i] = numbers[texts->codes[first + i]];
    free(classes);
    free(used);
    free(numbers);
    return status;
}

/* Whether these first bytes of a file are text. */
static bool are_text(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] < ' ' && !strchr("\t\n\r", bytes[i]))
            return false;
        if (bytes[i] == '\0')
            return false;
    }
    return count > 0 && !mcl_npy_recognize(bytes);
}

mcl_status mcl_labelling_read(
    mcl_labelling *labelling, mcl_source *source, uint64_t rows, const mcl_data *like)
{
    unsigned char bytes[MCL_SOURCE_PEEK] = {0};
    size_t count;
    struct texts texts;
    struct text_array array;
    mcl_labelling read = {NULL, 0, NULL};
    MCL_TRY(mcl_source_peek(&count, source, bytes, sizeof bytes));
    mcl_status status = begin(&texts, source);
    if (status == MCL_OK) {
        if (find_text_array(&array, bytes, count))
            status = read_text_array(&texts, source, &array);
        else if (are_text(bytes, count))
            status = read_lines(&texts, source);
        else
            status = read_numbers(&read, &texts, source, mcl_data_classes(like) > 0);
    }
    if (status == MCL_OK && !read.labels)
        status = classify(&read, &texts, rows, like);
    release(&texts);
    if (status == MCL_OK)
        *labelling = read;
    else
        mcl_labelling_release(&read);
    return status;
}

void mcl_labelling_release(mcl_labelling *labelling)
{
    free(labelling->labels);
    mcl_strings_free(labelling->classes);
    *labelling = (mcl_labelling){NULL, 0, NULL};
}

/* The labels of so many rows that are being read. */
struct reading {
    mcl_labelling labelling;
    uint64_t rows;
    const mcl_data *like;
};

/* mcl_zip_use */
static mcl_status read_source(void *state, mcl_source *source)
{
    struct reading *reading = state;
    return mcl_labelling_read(&reading->labelling, source, reading->rows, reading->like);
}

/* Reads a file, or an array of an archive. */
static mcl_status read_path(struct reading *reading, const char *path)
{
    mcl_opening opening = {.paths = &path, .count = 1};
    char *copy;
    mcl_status status = mcl_opening_look(&opening, &copy, path);
    if (status == MCL_OK && !opening.source)
        status = mcl_fail(MCL_ERROR_FILE, "%s: is a folder; name a file of labels", path);
    else if (status == MCL_OK && mcl_is_zip(&opening))
        status = mcl_zip_read(&opening, read_source, reading);
    else if (status == MCL_OK && opening.member)
        status = mcl_fail(MCL_ERROR_FORMAT, "%s: is no .npz file, and has no '%s' in it",
            opening.file, opening.member);
    else if (status == MCL_OK)
        status = read_source(reading, opening.source);
    mcl_source_close(opening.source);
    free(copy);
    if (status != MCL_OK)
        mcl_labelling_release(&reading->labelling);
    return status;
}

mcl_status mcl_data_label(mcl_data *data, const char *path, const mcl_data *like)
{
    MCL_NEED(data);
    MCL_NEED(path);
    struct reading reading = {.rows = mcl_data_rows(data), .like = like};
    mcl_labelling *labelling = &reading.labelling;
    MCL_TRY(read_path(&reading, path));
    if (labelling->count != mcl_data_rows(data)) {
        const uint64_t count = labelling->count;
        mcl_labelling_release(labelling);
        return mcl_fail(MCL_ERROR_DATA,
            "%s has %" PRIu64 " labels, but %s has %" PRIu64
            " rows: a label for each row is needed",
            path, count, mcl_data_source(data), mcl_data_rows(data));
    }
    mcl_data_set_labels(data, labelling->labels, labelling->classes);
    return MCL_OK;
}
