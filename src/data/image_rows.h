/* SPDX-License-Identifier: Apache-2.0 */
/* A data set of images, wherever they come from. */
#ifndef MASKCL_DATA_IMAGE_ROWS_H
#define MASKCL_DATA_IMAGE_ROWS_H

#include "data/image.h"
#include "data/strings.h"

/* One image of a series. What it points to is freed with free() by who takes it. */
typedef struct mcl_image_job {
    char *name;       /* of the row */
    char *class_name; /* NULL: none, or it is not known yet */
    char *place;      /* for messages: a file's path */
    /* One of three: a file to read, the bytes of one, or pixels. */
    bool is_path; /* place is to be read */
    unsigned char *bytes;
    size_t count;
    mcl_picture picture;
    mcl_status status; /* of getting it so far; with message where it is a failure */
    bool fatal;        /* and nothing can come after it */
    bool other;        /* it is no image, and its name says none */
    bool resized, grey;
    char *message;
} mcl_image_job;

/* Records a failure in the job, by this thread's last error. */
void mcl_image_job_fail(mcl_image_job *job, mcl_status status);

/* Frees what it points to, and makes it all zeros. */
void mcl_image_job_release(mcl_image_job *job);

typedef struct mcl_image_series {
    void *state;
    /* Sets up the next image in *job, which is all zeros; false: there is none. One thread at a
     * time calls it, not always the same. */
    bool (*next)(mcl_image_job *job, void *state);
    uint64_t expected;  /* images; 0: not known */
    const char *source; /* for messages: what holds them */
} mcl_image_series;

/* *data = a row of uint8, height × width × channels, for each image of the series, in its order,
 * with names, classes, a schema, and a warning of what was left out. They are decoded by threads.
 * The caller frees *data. */
mcl_status mcl_image_rows(
    mcl_data **data, const mcl_image_series *series, const mcl_data_options *options);

/* Gives the rows classes, and them to the schema: texts has the name of each row's, "" where it has
 * none. They are numbered as in options->like or options->schema, new ones after those; without, in
 * ascending order of their bytes. Rows that have none at all have no labels. */
mcl_status mcl_image_classes(
    mcl_data *data, const mcl_strings *texts, const mcl_data_options *options);

#endif
