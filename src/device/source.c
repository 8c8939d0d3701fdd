/* SPDX-License-Identifier: Apache-2.0 */
#include "device/source.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "device/kernels.h"

#define INCLUDE_DEPTH_MAX 8
#define NAME_SIZE 128

mcl_status mcl_text_append(struct mcl_text *text, const char *bytes, size_t count)
{
    if (text->length + count + 1 > text->capacity) {
        size_t capacity = 2 * (text->length + count + 1);
        char *longer = realloc(text->bytes, capacity);
        if (!longer)
            return mcl_fail(MCL_ERROR_MEMORY, "the host has no memory for a kernel's source");
        text->bytes = longer;
        text->capacity = capacity;
    }
    memcpy(text->bytes + text->length, bytes, count);
    text->length += count;
    text->bytes[text->length] = '\0';
    return MCL_OK;
}

static mcl_status append(struct mcl_text *text, const char *string)
{
    return mcl_text_append(text, string, strlen(string));
}

/* Appends the file called name from the folder that MASKCL_KERNELS names. */
static mcl_status read_file(struct mcl_text *text, const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return mcl_fail(MCL_ERROR_FILE, "%s: cannot open the kernel source (MASKCL_KERNELS): %s",
            path, strerror(errno));
    mcl_status status = MCL_OK;
    char block[4096];
    size_t count;
    while (status == MCL_OK && (count = fread(block, 1, sizeof block, file)) > 0)
        status = mcl_text_append(text, block, count);
    if (status == MCL_OK && ferror(file))
        status = mcl_fail(MCL_ERROR_FILE, "%s: cannot read: %s", path, strerror(errno));
    fclose(file);
    return status;
}

const struct mcl_kernel_file *mcl_source_find(const char *name)
{
    for (const struct mcl_kernel_file *file = mcl_kernel_files; file->name; file++) {
        if (strcmp(file->name, name) == 0)
            return file;
    }
    return NULL;
}

static mcl_status read_source(struct mcl_text *text, const char *name)
{
    const char *folder = getenv("MASKCL_KERNELS");
    if (folder && *folder)
        return read_file(text, folder, name);
    const struct mcl_kernel_file *file = mcl_source_find(name);
    if (file)
        return append(text, file->text);
    return mcl_fail(MCL_ERROR_ARGUMENT, "there is no kernel source called '%s'", name);
}

/* The characters of the line at text, with its end. */
static size_t line_length(const char *text)
{
    const size_t length = strcspn(text, "\n");
    return length + (text[length] == '\n');
}

static size_t identifier_length(const char *text)
{
    size_t length = 0;
    while (isalnum((unsigned char)text[length]) || text[length] == '_')
        length++;
    return length;
}

static const char *find_name(const struct mcl_text *names, const char *name, size_t length)
{
    for (const char *at = names->bytes; at && *at; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        if (strncmp(at, name, length) == 0 && at[length] == ' ')
            return at;
    }
    return NULL;
}

bool mcl_names_have(const struct mcl_text *names, const char *name, size_t length)
{
    return find_name(names, name, length) != NULL;
}

static mcl_status add_name(struct mcl_text *names, const char *name, size_t length)
{
    MCL_TRY(append(names, names->length ? "" : " "));
    MCL_TRY(mcl_text_append(names, name, length));
    return append(names, " ");
}

/* The name of the macro that a line defines, its length in *length; NULL when it defines none. */
static const char *find_macro(size_t *length, const char *line)
{
    static const char define[] = "#define ";
    if (strncmp(line, define, sizeof define - 1) != 0)
        return NULL;
    line += sizeof define - 1;
    line += strspn(line, " ");
    *length = identifier_length(line);
    return line;
}

static mcl_status note_macros(struct mcl_text *macros, const char *lines)
{
    for (; *lines; lines += line_length(lines)) {
        size_t length;
        const char *name = find_macro(&length, lines);
        if (name && !mcl_names_have(macros, name, length))
            MCL_TRY(add_name(macros, name, length));
    }
    return MCL_OK;
}

/* included = the name of the file that a line includes; false when it includes none. */
static bool find_include(char included[NAME_SIZE], const char *line)
{
    static const char directive[] = "#include \"";
    if (strncmp(line, directive, sizeof directive - 1) != 0)
        return false;
    line += sizeof directive - 1;
    snprintf(included, NAME_SIZE, "%.*s", (int)strcspn(line, "\"\n"), line);
    return true;
}

/* Whether an included file can be there once for all files of the program: neither it nor what it
 * includes mentions a macro of theirs. One that cannot be read is not. */
static bool can_share(const struct mcl_source *source, const char *name, unsigned depth)
{
    struct mcl_text text = {0};
    bool shared = depth <= INCLUDE_DEPTH_MAX && read_source(&text, name) == MCL_OK;
    for (const char *at = text.bytes; shared && at && *at;) {
        const size_t length = identifier_length(at);
        shared = length == 0 || !mcl_names_have(&source->macros, at, length);
        at += length ? length : 1;
    }
    for (const char *line = text.bytes; shared && line && *line; line += line_length(line)) {
        char included[NAME_SIZE];
        if (find_include(included, line))
            shared = can_share(source, included, depth + 1);
    }
    free(text.bytes);
    return shared;
}

static mcl_status expand(
    struct mcl_text *text, struct mcl_source *source, const char *name, unsigned depth);

/* Whether the first directive of the file called name is that of a guard against being included
 * twice. One without may be meant to be. */
static bool is_guarded(const char *name)
{
    struct mcl_text text = {0};
    bool guarded = false;
    if (read_source(&text, name) == MCL_OK) {
        const char *line = text.bytes;
        while (line && *line && *line != '#')
            line += line_length(line);
        guarded = line && strncmp(line, "#ifndef ", 8) == 0;
    }
    free(text.bytes);
    return guarded;
}

/* Puts an included file into text, or into the program's text if it is shared. */
static mcl_status include(
    struct mcl_text *text, struct mcl_source *source, const char *name, unsigned depth)
{
    if (!is_guarded(name) || !can_share(source, name, 0))
        return expand(text, source, name, depth);
    if (mcl_names_have(&source->shared, name, strlen(name)))
        return MCL_OK;
    MCL_TRY(add_name(&source->shared, name, strlen(name)));
    return expand(&source->text, source, name, depth);
}

/* Appends what the file called name expands to. */
static mcl_status expand(
    struct mcl_text *text, struct mcl_source *source, const char *name, unsigned depth)
{
    if (depth > INCLUDE_DEPTH_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%s: kernel sources include each other", name);
    struct mcl_text file = {0};
    mcl_status status = read_source(&file, name);
    char mark[NAME_SIZE + 32], included[NAME_SIZE];
    snprintf(mark, sizeof mark, "#line 1 \"%s\"\n", name);
    if (status == MCL_OK)
        status = append(text, mark);
    unsigned number = 0;
    for (const char *line = file.bytes; status == MCL_OK && line && *line;) {
        const size_t length = line_length(line);
        number++;
        if (find_include(included, line)) {
            status = include(text, source, included, depth + 1);
            snprintf(mark, sizeof mark, "\n#line %u \"%s\"\n", number + 1, name);
            if (status == MCL_OK)
                status = append(text, mark);
        } else {
            status = mcl_text_append(text, line, length);
        }
        line += length;
    }
    if (status == MCL_OK)
        status = append(text, "\n"); /* the last line may have no end */
    free(file.bytes);
    return status;
}

mcl_status mcl_source_options(struct mcl_text *defines, struct mcl_text *rest, const char *options)
{
    while (*(options += strspn(options, " "))) {
        struct mcl_text *to = rest;
        if (strncmp(options, "-D", 2) == 0) {
            to = defines;
            options += 2;
            options += strspn(options, " ");
        }
        const size_t length = strcspn(options, " ");
        const size_t name = to == defines ? strcspn(options, "= ") : length;
        MCL_TRY(append(to, to == defines ? "#define " : " "));
        MCL_TRY(mcl_text_append(to, options, name));
        if (to == defines) {
            MCL_TRY(append(to, " "));
            MCL_TRY(name < length ? mcl_text_append(to, options + name + 1, length - name - 1)
                                  : append(to, "1"));
            MCL_TRY(append(to, "\n"));
        }
        options += length;
    }
    return MCL_OK;
}

/* Where in line the name of a function begins that is defined there, its length in *length; NULL
 * when line does not begin a definition: "kernel void gemm(const global float *a," does. */
static const char *find_function(size_t *length, const char *line)
{
    static const char attribute[] = "__attribute__";
    const char *word = NULL, *before = NULL; /* the last word, and the one before it */
    if (!isalpha((unsigned char)*line) && *line != '_')
        return NULL;
    for (const char *at = line; *at && !strchr("=;{\n", *at);) {
        const size_t letters = identifier_length(at);
        if (letters == sizeof attribute - 1 && strncmp(at, attribute, letters) == 0) {
            int open = 0; /* parentheses */
            at += letters;
            for (; *at && *at != '\n'; at++) {
                open += (*at == '(') - (*at == ')');
                if (*at == ')' && open == 0)
                    break;
            }
            at += *at == ')';
        } else if (letters) {
            before = word;
            word = at;
            *length = letters;
            at += letters;
        } else if (*at == '(') {
            return before ? word : NULL; /* a call of a macro has one word only */
        } else {
            at++;
        }
    }
    return NULL;
}

/* Adds the functions that lines define to known, and those that were there already to clashes. */
static mcl_status note_functions(
    struct mcl_text *known, struct mcl_text *clashes, const char *lines)
{
    const size_t earlier = known->length; /* a declaration before a definition is no clash */
    for (; *lines; lines += line_length(lines)) {
        size_t length = 0;
        const char *name = find_function(&length, lines);
        if (!name || mcl_names_have(clashes, name, length))
            continue;
        const char *at = find_name(known, name, length);
        if (!at)
            MCL_TRY(add_name(known, name, length));
        else if (at < known->bytes + earlier)
            MCL_TRY(add_name(clashes, name, length));
    }
    return MCL_OK;
}

/* Appends "#define gemm gemm_3" for each name. */
static mcl_status define_names(struct mcl_text *text, const struct mcl_text *names, unsigned number)
{
    char line[512];
    for (const char *at = names->bytes; at && at[strspn(at, " ")];) {
        at += strspn(at, " ");
        const int length = (int)strcspn(at, " ");
        snprintf(line, sizeof line, "#define %.*s %.*s_%u\n", length, at, length, at, number);
        MCL_TRY(append(text, line));
        at += length;
    }
    return MCL_OK;
}

/* Appends an #undef for every #define in lines. */
static mcl_status undefine(struct mcl_text *text, const char *lines)
{
    for (; *lines; lines += line_length(lines)) {
        size_t length;
        const char *name = find_macro(&length, lines);
        if (!name)
            continue;
        MCL_TRY(append(text, "#undef "));
        MCL_TRY(mcl_text_append(text, name, length));
        MCL_TRY(append(text, "\n"));
    }
    return MCL_OK;
}

void mcl_source_free(struct mcl_source *source)
{
    free(source->text.bytes);
    free(source->macros.bytes);
    free(source->functions.bytes);
    free(source->shared.bytes);
}

mcl_status mcl_source_prepare(struct mcl_source *source, const char *name, const char *defines)
{
    struct mcl_text file = {0};
    mcl_status status = read_source(&file, name);
    if (status == MCL_OK && file.bytes)
        status = note_macros(&source->macros, file.bytes);
    if (status == MCL_OK)
        status = note_macros(&source->macros, defines);
    free(file.bytes);
    return status;
}

mcl_status mcl_source_append(
    struct mcl_source *source, struct mcl_text *renamed, const char *name, const char *defines)
{
    struct mcl_text file = {0}, names = {0};
    mcl_status status = expand(&file, source, name, 0);
    if (status == MCL_OK)
        status = note_functions(&source->functions, renamed, file.bytes);
    if (status == MCL_OK)
        status = define_names(&names, renamed, source->files);
    const char *const parts[] = {names.bytes ? names.bytes : "", defines, file.bytes};
    for (size_t i = 0; status == MCL_OK && i < sizeof parts / sizeof *parts; i++)
        status = append(&source->text, parts[i]);
    for (size_t i = 0; status == MCL_OK && i < sizeof parts / sizeof *parts; i++)
        status = undefine(&source->text, parts[i]);
    source->files++;
    free(file.bytes);
    free(names.bytes);
    return status;
}
