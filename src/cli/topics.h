/* SPDX-License-Identifier: Apache-2.0 */
/* Help on what is no command: pages of text. */
#ifndef MASKCL_CLI_TOPICS_H
#define MASKCL_CLI_TOPICS_H

#include <stddef.h>

typedef struct mcl_topic {
    const char *name;
    const char *summary; /* one line in the overview */
    const char *text;    /* paragraphs parted by newlines; a line that begins with a blank is an
                            example, printed as it is */
} mcl_topic;

/* All of them, one without a name at the end. */
extern const mcl_topic mcl_topics[];

/* NULL when there is none of this name. */
const mcl_topic *mcl_topic_find(const char *name);

void mcl_print_topic(const mcl_topic *topic);

#endif
