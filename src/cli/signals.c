/* SPDX-License-Identifier: Apache-2.0 */
#include "signals.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static volatile sig_atomic_t interrupted;

#define SIGNALS 2

static const int signals[SIGNALS] = {SIGINT, SIGTERM};
static bool ignored[SIGNALS];

static void note(int number)
{
    (void)number;
    interrupted = 1;
    for (size_t i = 0; i < SIGNALS; i++)
        signal(signals[i], SIG_DFL);
}

void mcl_interrupt_prepare(void)
{
    for (size_t i = 0; i < SIGNALS; i++) {
        struct sigaction before;
        ignored[i] = sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN;
    }
}

const volatile sig_atomic_t *mcl_interrupt_catch(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_flags = SA_RESTART; /* a read or write under way goes on */
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < SIGNALS; i++) {
        action.sa_handler = ignored[i] ? SIG_IGN : note;
        sigaction(signals[i], &action, NULL);
    }
    return &interrupted;
}

void mcl_survive_failed_writes(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}
