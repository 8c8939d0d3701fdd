/* SPDX-License-Identifier: Apache-2.0 */
/* What a user sees of a run while it runs, on standard error: a line redrawn in place on a
 * terminal, a plain line an epoch elsewhere. */
#ifndef MASKCL_CLI_PROGRESS_H
#define MASKCL_CLI_PROGRESS_H

#include <stdbool.h>

#include "maskcl/pretrain.h"

typedef struct mcl_progress {
    bool quiet;
    bool terminal;
    bool drawn;       /* the line is on the screen */
    double last_draw; /* by mcl_seconds() */
    uint64_t rows;    /* a step has; set before the first is shown */
    uint64_t shown;   /* the step of the line printed last, and its seconds */
    double shown_at;
    double validation; /* measured last; NaN: not yet */
} mcl_progress;

mcl_progress mcl_progress_start(bool quiet);

/* Shows what is being done; on a terminal only. */
void mcl_progress_note(mcl_progress *progress, const char *text);

/* Shows "head [====>   ] tail" with the bar done to a part from 0 to 1; on a terminal only. */
void mcl_progress_part(mcl_progress *progress, const char *head, double part, const char *tail);

/* Shows a reported step. */
void mcl_progress_step(mcl_progress *progress, const mcl_step *step);

/* Says on standard output, where it is so, that a run ended before its last epoch, since the loss
 * had not fallen for so many. */
void mcl_progress_ended_early(const mcl_step *last, uint64_t patience);

/* Takes the line off the screen, before something else is printed. */
void mcl_progress_clear(mcl_progress *progress);

/* The same for whatever line is there, and shows what drivers have printed meanwhile. */
void mcl_progress_make_way(void);

/* Seconds of a clock that only goes forward. */
double mcl_seconds(void);

#endif
