/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "streams.h"

#define REDRAW_SECONDS 0.1
#define BAR_LEAST 8 /* a shorter bar says nothing */
#define BAR_MOST 40
#define LINE_MAX_LENGTH 320

double mcl_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

mcl_progress mcl_progress_start(bool quiet)
{
    const char *kind = getenv("TERM");
    bool can_redraw = kind && *kind && strcmp(kind, "dumb") != 0;
    return (mcl_progress){
        .quiet = quiet, .terminal = can_redraw && isatty(fileno(mcl_err)), .validation = NAN};
}

/* How many characters a line may have: one less than the terminal's columns, since some terminals
 * go to the next line after the last one. Asked each time: a window changes its size. */
static size_t line_width(void)
{
    struct winsize window;
    if (ioctl(fileno(mcl_err), TIOCGWINSZ, &window) != 0 || window.ws_col < 2)
        return 79;
    return window.ws_col - 1u < LINE_MAX_LENGTH ? window.ws_col - 1u : LINE_MAX_LENGTH - 1u;
}

static bool on_screen; /* a line that is not ended */

void mcl_progress_make_way(void)
{
    if (on_screen)
        fputs("\r\033[K", mcl_err);
    on_screen = false;
    if (mcl_streams_waiting())
        mcl_streams_show();
}

static void draw(mcl_progress *progress, const char *line)
{
    if (mcl_streams_waiting())
        mcl_progress_make_way();
    fprintf(mcl_err, "\r%.*s\033[K", (int)line_width(), line);
    fflush(mcl_err);
    progress->drawn = true;
    on_screen = true;
    progress->last_draw = mcl_seconds();
}

void mcl_progress_clear(mcl_progress *progress)
{
    if (!progress->drawn)
        return;
    mcl_progress_make_way();
    fflush(mcl_err);
    progress->drawn = false;
}

void mcl_progress_note(mcl_progress *progress, const char *text)
{
    if (progress->terminal && !progress->quiet)
        draw(progress, text);
}

/* 12345.6 → "12346", 0.01234 → "0.0123". */
static void show_rate(char text[32], double rate)
{
    if (!isfinite(rate))
        snprintf(text, 32, "-");
    else
        snprintf(text, 32, rate < 100 ? "%.3g" : "%.0f", rate);
}

static void show_time(char text[32], double seconds)
{
    if (!isfinite(seconds) || seconds < 0 || seconds > 1e9) {
        snprintf(text, 32, "-");
        return;
    }
    uint64_t whole = (uint64_t)(seconds + 0.5);
    if (whole >= 3600)
        snprintf(text, 32, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, whole / 3600, whole / 60 % 60,
            whole % 60);
    else
        snprintf(text, 32, "%" PRIu64 ":%02" PRIu64, whole / 60, whole % 60);
}

/* Draws "head [=====>    ] tail", the bar done to a part from 0 to 1, if there is room for one. */
static void draw_bar(mcl_progress *progress, const char *head, double part, const char *tail)
{
    char line[LINE_MAX_LENGTH];
    size_t used = strlen(head) + strlen(tail) + sizeof " [] " - 1, width = line_width();
    if (width < used + BAR_LEAST) {
        snprintf(line, sizeof line, "%s %s", head, tail);
    } else {
        char bar[BAR_MOST + 1];
        size_t length = width - used < BAR_MOST ? width - used : BAR_MOST;
        size_t done = (size_t)((double)length * part);
        for (size_t i = 0; i < length; i++)
            bar[i] = i < done ? '=' : i == done ? '>' : ' ';
        bar[length] = '\0';
        snprintf(line, sizeof line, "%s [%s] %s", head, bar, tail);
    }
    draw(progress, line);
}

void mcl_progress_part(mcl_progress *progress, const char *head, double part, const char *tail)
{
    if (progress->terminal && !progress->quiet)
        draw_bar(progress, head, part, tail);
}

/* What a step measured beside its loss: of pre-training the spread, else the part told right. */
static void show_measure(char text[32], double spread, double accuracy)
{
    if (!isnan(accuracy))
        snprintf(text, 32, "accuracy %.3f", accuracy);
    else if (isnan(spread))
        snprintf(text, 32, "spread -"); /* a batch of one row */
    else
        snprintf(text, 32, "spread %.3f", spread);
}

/* "epoch  3/10 [======>    ] loss  0.1234  spread 0.987   48780 rows/s   0:12 left"; there is no
 * room for the spread and the validation, of which the latter says more. */
static void redraw(mcl_progress *progress, const mcl_step *step)
{
    char head[64], tail[160], rate[32], left[32], measure[32];
    show_rate(rate, step->rows_per_second);
    show_time(left, step->seconds / (double)step->step * (double)(step->steps - step->step));
    show_measure(measure, step->spread, step->accuracy);
    if (isfinite(progress->validation))
        snprintf(measure, sizeof measure, "valid %.3f", progress->validation);
    /* Padded, so that the bar does not jump as the numbers change. */
    const int digits = snprintf(NULL, 0, "%" PRIu64, step->epochs);
    snprintf(head, sizeof head, "epoch %*" PRIu64 "/%" PRIu64, digits, step->epoch, step->epochs);
    snprintf(
        tail, sizeof tail, "loss %7.4f  %s  %7s rows/s  %5s left", step->loss, measure, rate, left);
    draw_bar(progress, head, (double)step->step / (double)step->steps, tail);
}

static void print_epoch(mcl_progress *progress, const mcl_step *step)
{
    const double steps = (double)(step->step - progress->shown);
    const double seconds = step->seconds - progress->shown_at;
    char rate[32], measure[32], validation[32] = "", held[48] = "";
    show_measure(measure, step->spread, step->epoch_accuracy);
    if (isfinite(step->held_out))
        snprintf(held, sizeof held, "  held out %.6g", step->held_out);
    if (isfinite(step->validation))
        snprintf(validation, sizeof validation, "  validation %.3f", step->validation);
    /* Of steps that are seen to end together, the time tells nothing. */
    show_rate(
        rate, seconds < 1.0 ? step->rows_per_second : steps * (double)progress->rows / seconds);
    progress->shown = step->step;
    progress->shown_at = step->seconds;
    fprintf(mcl_err, "epoch %" PRIu64 "/%" PRIu64 "  loss %.6g%s  %s%s  %s rows/s  %.1f s\n",
        step->epoch, step->epochs, step->epoch_loss, held, measure, validation, rate,
        step->seconds);
    fflush(mcl_err);
}

void mcl_progress_step(mcl_progress *progress, const mcl_step *step)
{
    if (progress->quiet)
        return;
    if (isfinite(step->validation))
        progress->validation = step->validation;
    if (!progress->terminal) {
        if (step->epoch_end)
            print_epoch(progress, step);
    } else if (!progress->drawn || step->step == step->steps ||
               mcl_seconds() - progress->last_draw >= REDRAW_SECONDS) {
        redraw(progress, step);
    }
}

void mcl_progress_ended_early(const mcl_step *last, uint64_t patience)
{
    if (last->epoch < last->epochs)
        mcl_print("ended early: the loss had not fallen for %" PRIu64 " epoch%s of %" PRIu64 "\n",
            patience, patience == 1 ? "" : "s", last->epochs);
}
