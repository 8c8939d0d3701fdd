/* SPDX-License-Identifier: Apache-2.0 */
#include "device/source.h"

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

/* What follows directive at the beginning of line, or NULL. */
static const char *after(const char *directive, const char *line)
{
    const size_t length = strlen(directive);
    return strncmp(line, directive, length) == 0 ? line + length : NULL;
}

/* Whether the file's first directives are those of a guard against being included twice. One
 * without is meant to be: for other files, or with other macros defined. */
static bool is_guarded(const char *file)
{
    while (*file && *file != '#')
        file += line_length(file);
    const char *tested = after("#ifndef ", file);
    const char *defined = after("#define ", file + line_length(file));
    return tested && defined && strncmp(tested, defined, line_length(tested)) == 0;
}

/* Notes that the program has the header called name; *is_new = it had not. */
static mcl_status note_header(bool *is_new, struct mcl_source *source, const char *name)
{
    char entry[NAME_SIZE + 2];
    snprintf(entry, sizeof entry, " %s ", name);
    *is_new = !source->headers.bytes || !strstr(source->headers.bytes, entry);
    return *is_new ? append(&source->headers, entry) : MCL_OK;
}

/* Appends #undef for the macro that line defines, if it defines one. */
static mcl_status undefine(struct mcl_text *undefs, const char *line)
{
    const char *macro = after("#define ", line);
    if (!macro)
        return MCL_OK;
    MCL_TRY(append(undefs, "#undef "));
    MCL_TRY(mcl_text_append(undefs, macro, strcspn(macro, " (\n")));
    return append(undefs, "\n");
}

static mcl_status add_file(
    struct mcl_source *source, struct mcl_text *undefs, const char *name, unsigned depth);

/* Appends the lines of a file that is called name. */
static mcl_status add_lines(struct mcl_source *source, struct mcl_text *undefs, const char *lines,
    const char *name, unsigned depth)
{
    char mark[NAME_SIZE + 32], included[NAME_SIZE];
    snprintf(mark, sizeof mark, "#line 1 \"%s\"\n", name);
    MCL_TRY(append(&source->text, mark));
    for (unsigned number = 1; *lines; lines += line_length(lines), number++) {
        const char *file = after("#include \"", lines);
        if (file) {
            snprintf(included, sizeof included, "%.*s", (int)strcspn(file, "\"\n"), file);
            MCL_TRY(add_file(source, undefs, included, depth + 1));
            snprintf(mark, sizeof mark, "#line %u \"%s\"\n", number + 1, name);
            MCL_TRY(append(&source->text, mark));
        } else {
            MCL_TRY(mcl_text_append(&source->text, lines, line_length(lines)));
            MCL_TRY(undefine(undefs, lines));
        }
    }
    return append(&source->text, "\n"); /* the last line may have no end */
}

static mcl_status add_file(
    struct mcl_source *source, struct mcl_text *undefs, const char *name, unsigned depth)
{
    if (depth > INCLUDE_DEPTH_MAX)
        return mcl_fail(MCL_ERROR_ARGUMENT, "%s: kernel sources include each other", name);
    struct mcl_text file = {0}, kept = {0}; /* a guarded header's macros stay */
    bool is_new = true;
    mcl_status status = read_source(&file, name);
    const bool guarded = depth > 0 && file.bytes && is_guarded(file.bytes);
    if (status == MCL_OK && guarded)
        status = note_header(&is_new, source, name);
    if (status == MCL_OK && is_new)
        status =
            add_lines(source, guarded ? &kept : undefs, file.bytes ? file.bytes : "", name, depth);
    free(file.bytes);
    free(kept.bytes);
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

void mcl_source_free(struct mcl_source *source)
{
    free(source->text.bytes);
    free(source->headers.bytes);
}

mcl_status mcl_source_append(struct mcl_source *source, const char *name, const char *defines)
{
    struct mcl_text undefs = {0};
    char variant[32] = "#define VARIANT\n";
    if (source->files > 0)
        snprintf(variant, sizeof variant, "#define VARIANT _%u\n", source->files);
    source->files++;
    const char *const parts[] = {variant, defines};
    mcl_status status = MCL_OK;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (status == MCL_OK)
            status = append(&source->text, parts[i]);
        for (const char *line = parts[i]; status == MCL_OK && *line; line += line_length(line))
            status = undefine(&undefs, line);
    }
    if (status == MCL_OK)
        status = add_file(source, &undefs, name, 0);
    if (status == MCL_OK)
        status = append(&source->text, undefs.bytes);
    free(undefs.bytes);
    return status;
}
