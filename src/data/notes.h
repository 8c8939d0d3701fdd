/* SPDX-License-Identifier: Apache-2.0 */
/* What a user should know of data that were read all the same: the lines of mcl_data_warning(). */
#ifndef MASKCL_DATA_NOTES_H
#define MASKCL_DATA_NOTES_H

#include <stddef.h>

#include "maskcl/status.h"

/* To be set to zeros; text is freed with free(), or given away. */
typedef struct mcl_notes {
    char *text; /* lines joined by '\n'; NULL: none */
} mcl_notes;

/* Appends a line. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
mcl_status
mcl_notes_add(mcl_notes *notes, const char *format, ...);

/* A list for messages: "a, b, c and 17 more". */
#define MCL_LIST_SIZE 400
typedef struct mcl_list {
    char text[MCL_LIST_SIZE];
    size_t used, count, left_out;
} mcl_list;

/* To be set to zeros; mcl_list_text() after the last. */
void mcl_list_add(mcl_list *list, const char *name);
const char *mcl_list_text(mcl_list *list);

#endif
