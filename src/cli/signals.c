/* SPDX-License-Identifier: Apache-2.0 */
#include "signals.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "maskcl/output.h"
#include "progress.h"

#define MOMENT 1.0 /* second in which two signals are one */
#define INTERRUPTED "interrupted by"
#define STACK ((size_t)256 << 10)
#define TIME_TO_SAVE 60 /* seconds of processor time, of all threads, at most */

/* SIGUSR1 and SIGUSR2 are what some batch systems send before a job's time is over. */
static const struct {
    int number;
    const char *name;
    bool insists; /* a second one ends the program at once: a person, or a service that waits. The
                   * kernel sends SIGXCPU every second, and a closed terminal SIGHUP twice */
} signals[] = {
    {SIGINT, "SIGINT", true},
    {SIGTERM, "SIGTERM", true},
    {SIGQUIT, "SIGQUIT", true},
    {SIGHUP, "SIGHUP", false},
    {SIGXCPU, "SIGXCPU", false},
    {SIGUSR1, "SIGUSR1", false},
    {SIGUSR2, "SIGUSR2", false},
};

#define SIGNALS (sizeof signals / sizeof *signals)

enum phase {
    AT_ONCE,  /* a signal ends the program */
    DEFERRED, /* what is under way is finished first */
    OVER,     /* all is said and saved, and the drivers are being unloaded */
};

static sigset_t awaited;
static bool redrawn; /* standard error is a terminal, with a bar perhaps */
static volatile sig_atomic_t stopped;

/* What the thread that waits and the main thread share. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum phase phase;
static size_t first = SIGNALS; /* the place of the first signal that came */
static double insisted;        /* when the first that insists came; 0: none has */
static int exit_code;          /* of OVER */

/* "maskcl: interrupted by SIGTERM; the model is in m.safetensors". By write, since another thread
 * may hold the stream; a pipe that nobody reads must not keep the program from ending. */
static void say(const char *how, size_t place)
{
    char kept[MCL_KEPT_SIZE], line[MCL_KEPT_SIZE + 128];
    struct pollfd ready = {.fd = fileno(mcl_err), .events = POLLOUT};
    mcl_kept_text(kept, sizeof kept);
    const int length = snprintf(line, sizeof line, "%smaskcl: %s %s%s\n", redrawn ? "\r\033[K" : "",
        how, signals[place].name, *kept ? kept : ": nothing is written");
    if (poll(&ready, 1, 0) == 1 && write(fileno(mcl_err), line, (size_t)length) < 0)
        return;
}

/* Ends the program as a signal does that nobody takes. */
_Noreturn static void die_of(size_t place)
{
    const int number = signals[place].number;
    sigset_t set;
    mcl_output_discard();
    say("ended at once by another", place);
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
    _exit(128 + number);
}

_Noreturn static void leave(void)
{
    mcl_output_discard();
    say(INTERRUPTED, first);
    _exit(128 + signals[first].number);
}

static void take(size_t place)
{
    const double now = mcl_seconds();
    if (phase == OVER)
        _exit(exit_code);
    if (signals[place].insists && insisted > 0.0 && now - insisted >= MOMENT)
        die_of(place);
    if (signals[place].insists && insisted == 0.0)
        insisted = now;
    if (first == SIGNALS)
        first = place;
    stopped = 1;
    if (phase == AT_ONCE)
        leave();
}

static void *wait_for_signals(void *unused)
{
    (void)unused;
    for (;;) {
        const int number = sigwaitinfo(&awaited, NULL); /* -1 where a debugger has looked */
        pthread_mutex_lock(&lock);
        for (size_t i = 0; i < SIGNALS; i++) {
            if (signals[i].number == number)
                take(i);
        }
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

/* False where there can be no thread: signals then do what they always do. */
static bool start_thread(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    const bool started = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
                         pthread_attr_setstacksize(&attributes, STACK) == 0 &&
                         pthread_create(&thread, &attributes, wait_for_signals, NULL) == 0;
    pthread_attr_destroy(&attributes);
    return started;
}

static bool is_ignored(int number)
{
    struct sigaction before;
    return sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_IGN;
}

void mcl_signals_begin(void)
{
    static const int of_writes[] = {SIGPIPE, SIGXFSZ};
    sigset_t blocked;
    sigemptyset(&awaited);
    for (size_t i = 0; i < SIGNALS; i++) {
        if (!is_ignored(signals[i].number))
            sigaddset(&awaited, signals[i].number);
    }
    blocked = awaited;
    for (size_t i = 0; i < sizeof of_writes / sizeof *of_writes; i++) {
        signal(of_writes[i], SIG_IGN);
        sigaddset(&blocked, of_writes[i]); /* for when a driver has put in a handler */
    }
    signal(SIGCHLD, SIG_DFL);
    redrawn = mcl_progress_start(false).terminal;
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    if (!start_thread())
        pthread_sigmask(SIG_UNBLOCK, &awaited, NULL);
}

/* `ulimit -t` sets the soft and the hard limit of processor time, and at the hard one the kernel
 * kills. SIGXCPU of a soft one before it leaves time to save what was trained. */
static void leave_time_to_save(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_CPU, &limit) != 0 || limit.rlim_max == RLIM_INFINITY ||
        is_ignored(SIGXCPU))
        return;
    const rlim_t tenth = limit.rlim_max / 10 + 1;
    const rlim_t needed = tenth < TIME_TO_SAVE ? tenth : TIME_TO_SAVE;
    if (limit.rlim_max <= needed || limit.rlim_cur <= limit.rlim_max - needed)
        return;
    limit.rlim_cur = limit.rlim_max - needed;
    (void)setrlimit(RLIMIT_CPU, &limit);
}

const volatile sig_atomic_t *mcl_signals_defer(void)
{
    leave_time_to_save();
    pthread_mutex_lock(&lock);
    phase = DEFERRED;
    pthread_mutex_unlock(&lock);
    return &stopped;
}

void mcl_signals_at_once(void)
{
    pthread_mutex_lock(&lock);
    phase = AT_ONCE;
    if (stopped)
        leave();
    pthread_mutex_unlock(&lock);
}

const char *mcl_signals_name(void)
{
    return stopped ? signals[first].name : "";
}

int mcl_signals_end(mcl_exit code)
{
    pthread_mutex_lock(&lock);
    const bool ended_by_it = stopped && (code == MCL_EXIT_DONE || code == MCL_EXIT_INTERRUPTED);
    if (ended_by_it && code == MCL_EXIT_DONE)
        say(INTERRUPTED, first);
    exit_code = ended_by_it ? 128 + signals[first].number : (int)code;
    phase = OVER;
    pthread_mutex_unlock(&lock);
    return exit_code;
}
