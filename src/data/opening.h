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

/* Looks at a path. opening is set to zeros but for what its caller knows, and to be ended, also
 * after a failure, by closing the source and freeing *copy, of which its file and member are. */
mcl_status mcl_opening_look(mcl_opening *opening, char **copy, const char *path);

/* A kind of what holds rows. */
typedef struct mcl_holder {
    const char *name; /* as a list of what can be read has it: "CSV" */
    bool (*recognize)(const mcl_opening *opening);
    /* The source is the opening's, and closed by it. */
    mcl_status (*open)(mcl_data **data, const mcl_opening *opening);
} mcl_holder;

/* Zip archives: what takes the content of an entry, whose source is named FILE:NAME and closed by
 * its owner. */
typedef mcl_status mcl_zip_use(void *state, mcl_source *source);

bool mcl_is_zip(const mcl_opening *opening);

/* Gives `use` the entry that the opening's member names, or the only one. */
mcl_status mcl_zip_read(const mcl_opening *opening, mcl_zip_use *use, void *state);

extern const mcl_holder mcl_holder_images;  /* folders of them, and image files */
extern const mcl_holder mcl_holder_table;   /* CSV and the like */
extern const mcl_holder mcl_holder_records; /* structured .npy */
extern const mcl_holder mcl_holder_tar;     /* of images */
extern const mcl_holder mcl_holder_cifar;
extern const mcl_holder mcl_holder_zip;    /* .npz */
extern const mcl_holder mcl_holder_tensor; /* safetensors */
extern const mcl_holder mcl_holder_array;  /* IDX and .npy */

#endif
