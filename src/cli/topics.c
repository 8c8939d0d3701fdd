/* SPDX-License-Identifier: Apache-2.0 */
#include "topics.h"

#include <string.h>

#include "help.h"
#include "message.h"

const mcl_topic mcl_topics[] = {
    {"data", "what data can be, and where their labels come from",
        "What a file holds is told by its content, not by its name:\n"
        "- a table: CSV, TSV and the like, and NumPy .npy with fields; see 'maskcl help tables'\n"
        "- images: a folder, a tar file, CIFAR's binary files; see 'maskcl help images'\n"
        "- arrays, whose first dimension counts rows: NumPy .npy of numbers of any type, and IDX. "
        "Bytes (uint8) are divided by 255, all other numbers are taken as they are\n"
        "'-' is standard input. Of pretrain, embed and info several files of one kind, such as "
        "shards, or a folder of them, are taken as one, row after row.\n"
        "\n"
        "'maskcl info' prints what data are taken for, without training:\n"
        "  maskcl info penguins.csv --label species\n"
        "\n"
        "Labels, which classes are called, come\n"
        "- from a column of a table, --label COLUMN\n"
        "- from the subfolders of a folder of images, and from CIFAR's files\n"
        "- from a file of labels, one a row, which commands take beside DATA: IDX or .npy of whole "
        "numbers, .npy of texts, or text with one a line, quoted as in CSV, with or without a "
        "heading\n"
        "Classes may be texts or whole numbers of any size; numbers from 0 are kept as they are, "
        "all others become names in their order. -1, and what is missing in a table (nothing, NA, "
        "NaN), is no label. Test rows "
        "are matched with training rows by the names of their classes.\n"
        "\n"
        "A model keeps how its columns became inputs (their names, kinds, categories, means and "
        "deviations), and is given new data by that: 'maskcl info MODEL' prints it.\n"},
    {"tables", "tables: columns, categories, missing values",
        "A table has a row a line, and its columns' names in the first line. Delimiter, decimal "
        "mark, quotes, heading and compression (gzip, zstd) are recognized; --delimiter, --decimal "
        "and --header say them where that goes wrong.\n"
        "\n"
        "Each column is taken for\n"
        "- number: it becomes (x - mean) / deviation, by the mean and deviation of the data that "
        "the model was trained on (--standardize). A missing value is the mean, 0, and an input of "
        "its own says that it is missing\n"
        "- category: an input for each category, of which one is 1, and one more for those that "
        "are new in other data\n"
        "- label: the classes, no input\n"
        "- id: what the rows are called, no input\n"
        "- ignored: no input\n"
        "'maskcl info' prints which is which; change it by --numeric, --categorical, --ignore, "
        "--label and --id, each with names joined by commas:\n"
        "  maskcl info people.csv --label income --ignore fnlwgt\n"
        "\n"
        "Leave the label out of the inputs, by --label or --ignore, when you train: else every "
        "measurement of how well it is told is worthless.\n"
        "\n"
        "New data for a model are matched by the columns' names, in any order. What is missing or "
        "left over, new categories and numbers on another scale are said.\n"
        "\n"
        "From a table to predictions of classes that can be trusted:\n"
        "  maskcl pretrain train.csv --label species -o penguins.safetensors\n"
        "  maskcl finetune penguins.safetensors train.csv --label species \\\n"
        "      --test test.csv -o tuned.safetensors --compare\n"
        "  maskcl embed penguins.safetensors new.csv -o embeddings.csv --keep id\n"},
    {"images", "images: folders, sizes, colours, classes",
        "A folder is read with all its subfolders, whose names are the classes of what is in them. "
        "PNG and JPEG are read, WebP and TIFF where they were built in, tar files of images, and "
        "CIFAR's binary files. All images become as large as --size says, or as the first one: "
        "they are resized, and cropped at the middle. Transparent pixels show the --background.\n"
        "  maskcl pretrain icons/ --size 32 -o icons.safetensors\n"
        "  maskcl neighbors icons.safetensors icons/ --query 17 -k 8 -o sheet.png\n"
        "  maskcl embed icons.safetensors icons/ -o icons.csv --names\n"
        "\n"
        "An array of images has the shape rows x height x width, with the channels last or first: "
        "--channels. Bytes are divided by 255; other numbers are taken as they are and should be "
        "from 0 to 1.\n"
        "\n"
        "A damaged file among many is named and left out; --strict refuses it.\n"
        "\n"
        "An encoder of convolutions is --encoder conv or resnet9, or layers in words, joined by "
        "commas:\n"
        "- conv:CHANNELSxKERNEL[/STRIDE][pPADDING], a convolution of images\n"
        "- conv1d:CHANNELSxKERNEL[/STRIDE][pPADDING], one of series, rows of time x channels\n"
        "- depthwise:KERNEL[/STRIDE][pPADDING], one filter for each channel\n"
        "- pool:max[:KERNEL[/STRIDE]] and pool:avg, of 2 without it; pool:global, the mean of each "
        "channel; pool:grid:G, its means in G x G parts\n"
        "- residual(LAYERS), what comes in plus what the layers make of it\n"
        "- dense:WIDTH\n"
        "The normalization and the activation follow each layer with weights but the last one of "
        "all. The decoder mirrors the layers.\n"
        "  maskcl pretrain icons/ --size 32 -o icons.safetensors --normalization batch \\\n"
        "      --encoder 'conv:32x3,pool:max,residual(conv:32x3),pool:grid:2,dense:128'\n"},
    {NULL, NULL, NULL},
};

const mcl_topic *mcl_topic_find(const char *name)
{
    for (const mcl_topic *topic = mcl_topics; topic->name; topic++) {
        if (strcmp(topic->name, name) == 0)
            return topic;
    }
    return NULL;
}

/* Prints a line of a topic; the lines of a list are indented. */
static void print_line(const char *line, size_t length)
{
    char text[2048];
    snprintf(text, sizeof text, "%.*s", (int)length, line);
    const size_t indent = strncmp(text, "- ", 2) == 0 ? 2 : 0;
    if (*text == ' ' || !*text)
        mcl_print("%s\n", text);
    else
        mcl_print_wrapped(text, 0, indent);
}

void mcl_print_topic(const mcl_topic *topic)
{
    for (const char *line = topic->text; *line;) {
        const size_t length = strcspn(line, "\n");
        print_line(line, length);
        line += length + (line[length] != '\0');
    }
}
