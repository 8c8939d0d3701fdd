/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "maskcl/output.h"
#include "message.h"
#include "streams.h"

/* What std::set_terminate() is called in C. A driver's compiler is C++, and says what it threw. */
#define SET_TERMINATE "_ZSt13set_terminatePFvvE"

static volatile sig_atomic_t limited; /* the process may have less memory than the machine has */

static int own_error = -1; /* the descriptor; what drivers print may go elsewhere */

static bool has_limit(void)
{
    struct rlimit address, data;
    char mode = '0';
    const int file = open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC);
    const bool is_strict = file >= 0 && read(file, &mode, 1) == 1 && mode == '2';
    if (file >= 0)
        (void)close(file);
    return is_strict ||
           (getrlimit(RLIMIT_AS, &address) == 0 && address.rlim_cur != RLIM_INFINITY) ||
           (getrlimit(RLIMIT_DATA, &data) == 0 && data.rlim_cur != RLIM_INFINITY);
}

/* Async-signal-safe. */
static _Noreturn void end_with(const char *line)
{
    mcl_output_discard();
    const ssize_t written = write(own_error, line, strlen(line));
    (void)written;
    _exit(MCL_EXIT_FAILED);
}

/* Async-signal-safe. */
static _Noreturn void end(void)
{
    end_with(
        "maskcl: error: the device's driver ended for want of memory, which a limit keeps from the "
        "process: raise it (ulimit -v, vm.overcommit_memory), or use less\n");
}

/* Tried with a process, which counts as a thread does; pthread_create() takes locks, one of which
 * the driver may hold. */
static bool lacks_threads(void)
{
    const pid_t child = _Fork();
    if (child == 0)
        _exit(0);
    if (child > 0)
        (void)waitpid(child, NULL, 0);
    return child < 0 && errno == EAGAIN;
}

/* Ends the program where a limit is why a driver gives up. */
static void end_by_limit(void)
{
    if (limited)
        end();
    if (own_error >= 0 && lacks_threads())
        end_with("maskcl: error: the device's driver ended for want of threads, of which a limit "
                 "allows no more: raise it (ulimit -u, pids.max of a control group)\n");
}

/* Taken once; the signal's own end follows. */
static void end_by_signal(int number)
{
    end_by_limit();
    mcl_streams_last_words(number);
    (void)raise(number);
}

/* The function of that name that the program's own stands before. */
static void find_next(void *function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

/* Stands before the C library's: LLVM, which drivers compile with, takes the handler of SIGABRT for
 * itself. */
_Noreturn void abort(void)
{
    void (*next)(void);
    end_by_limit();
    mcl_streams_last_words(SIGABRT);
    find_next(&next, "abort");
    if (next)
        next();
    _exit(128 + SIGABRT);
}

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
_Noreturn void __assert_fail(
    const char *expression, const char *file, unsigned line, const char *function);
_Noreturn void __assert_fail(
    const char *expression, const char *file, unsigned line, const char *function)
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
{
    void (*next)(const char *, const char *, unsigned, const char *);
    end_by_limit();
    find_next(&next, "__assert_fail");
    if (next)
        next(expression, file, line, function);
    _exit(128 + SIGABRT);
}

/* A sanitizer's handler stays. */
static void take(int number)
{
    struct sigaction action = {.sa_handler = end_by_signal, .sa_flags = SA_RESETHAND | SA_NODEFER};
    struct sigaction before;
    if (sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
        (void)sigaction(number, &action, NULL);
}

void mcl_survive_drivers(void)
{
    void (*(*set_terminate)(void (*)(void)))(void);
    own_error = fileno(mcl_err);
    limited = has_limit();
    take(SIGSEGV);
    take(SIGBUS);
    if (!limited)
        return;
    take(SIGABRT);
    void *found = dlsym(RTLD_DEFAULT, SET_TERMINATE);
    memcpy(&set_terminate, &found, sizeof found);
    if (set_terminate)
        (void)set_terminate(end);
}
