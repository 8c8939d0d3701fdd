/* SPDX-License-Identifier: Apache-2.0 */
/* What holds rows, by kind: one file a kind, and one line of the table in open.c. */
#ifndef MASKCL_DATA_OPENING_H
#define MASKCL_DATA_OPENING_H

#include <stdbool.h>

#include "data/source.h"
#include "maskcl/data.h"

/* What is to be opened. */
typedef struct mcl_opening {
    const char *const *paths; /* [count]; all of one kind */
    size_t count;
    const mcl_data_options *options; /* never NULL */
    /* Of the first path: */
    const char *file;   /* the path, or what is before the last ':' where there is no such file */
    const char *member; /* what is after it, as in file.npz:array; NULL: none */
    mcl_source *source; /* of which nothing has been read; NULL: it is a folder */
    unsigned char bytes[MCL_SOURCE_PEEK]; /* the first ones of its content, uncompressed */
    size_t byte_count;
} mcl_opening;

/* A kind of what holds rows. */
typedef struct mcl_holder {
    const char *name; /* as a list of what can be read has it: "CSV" */
    bool (*recognize)(const mcl_opening *opening);
    /* The source is the opening's, and closed by it. */
    mcl_status (*open)(mcl_data **data, const mcl_opening *opening);
} mcl_holder;

extern const mcl_holder mcl_holder_images;  /* folders of them, and image files */
extern const mcl_holder mcl_holder_table;   /* CSV and the like */
extern const mcl_holder mcl_holder_records; /* structured .npy */
extern const mcl_holder mcl_holder_tar;     /* of images */
extern const mcl_holder mcl_holder_cifar;
extern const mcl_holder mcl_holder_zip;    /* .npz */
extern const mcl_holder mcl_holder_tensor; /* safetensors */
extern const mcl_holder mcl_holder_array;  /* IDX and .npy */

#endif
