#include "interrupt.h"

#include <stddef.h>
#include <string.h>

static volatile sig_atomic_t interrupted;

static const int signals[] = {SIGINT, SIGTERM};

static void note(int number)
{
    (void)number;
    interrupted = 1;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_DFL);
}

const volatile sig_atomic_t *mcl_interrupt_catch(void)
{
    struct sigaction action, before;
    memset(&action, 0, sizeof action);
    action.sa_handler = note;
    action.sa_flags = SA_RESTART; /* a read or write under way goes on */
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        /* A shell starts its background jobs with SIGINT ignored. */
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
    return &interrupted;
}
