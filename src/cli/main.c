/* SPDX-License-Identifier: Apache-2.0 */
/* maskcl: the command line of the library. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "data_options.h"
#include "drivers.h"
#include "files.h"
#include "help.h"
#include "maskcl/version.h"
#include "nearest.h"
#include "signals.h"

/* A model that got the number of a closed standard stream would be written over by what the program
 * says. A stream opened for reading makes writing to it fail, which is noticed. */
static bool open_standard_streams(void)
{
    int descriptor;
    do {
        descriptor = open("/dev/null", O_RDONLY);
    } while (descriptor >= 0 && descriptor <= 2);
    if (descriptor < 0)
        return false;
    close(descriptor);
    return true;
}

/* A write to a pipe or terminal that does not block, as some parents leave theirs, would lose what
 * does not fit at once. The parent's own descriptor stays as it is, where the system lets the same
 * file be opened anew. */
static void make_blocking(int descriptor)
{
    char path[32];
    struct stat information;
    const int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || !(flags & O_NONBLOCK) || fstat(descriptor, &information) != 0)
        return;
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    int anew = -1;
    if (S_ISFIFO(information.st_mode) || S_ISCHR(information.st_mode))
        anew = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK);
    if (anew >= 0) {
        dup2(anew, descriptor);
        close(anew);
    }
    (void)fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK);
}

static mcl_exit unknown_command(const char *text)
{
    mcl_nearest nearest = mcl_nearest_to(text);
    for (size_t i = 0; mcl_commands[i]; i++)
        mcl_nearest_try(&nearest, mcl_commands[i]->name);
    if (text[0] == '-')
        return mcl_complain(MCL_EXIT_USAGE,
            "unknown option '%s' in place of a command: options follow the command; see 'maskcl "
            "help'",
            text);
    if (nearest.name)
        return mcl_complain(
            MCL_EXIT_USAGE, "unknown command '%s': did you mean '%s'?", text, nearest.name);
    return mcl_complain(MCL_EXIT_USAGE, "unknown command '%s': see 'maskcl help'", text);
}

static mcl_exit run(const mcl_command *command, int count, char **texts)
{
    mcl_arguments arguments;
    mcl_message_command(command);
    mcl_exit code = mcl_arguments_read(&arguments, command, count, texts);
    if (code != MCL_EXIT_DONE)
        return code;
    if (arguments.help)
        return mcl_help_command(command);
    void *settings = calloc(1, command->settings_size + 1);
    if (!settings)
        return mcl_complain(MCL_EXIT_FAILED, "the host has no memory left");
    mcl_begin_data_options(command, settings);
    if (command->set_defaults)
        command->set_defaults(settings);
    code = mcl_arguments_apply(&arguments, settings);
    if (code == MCL_EXIT_DONE)
        code = command->run(settings, &arguments);
    free(settings);
    return code;
}

static mcl_exit dispatch(int count, char **texts)
{
    if (count == 0)
        return mcl_complain(MCL_EXIT_USAGE, "no command is given: see 'maskcl help'");
    if (strcmp(texts[0], "--version") == 0) {
        mcl_print("maskcl %s\n", mcl_version());
        return MCL_EXIT_DONE;
    }
    if (strcmp(texts[0], "--help") == 0 || strcmp(texts[0], "-h") == 0)
        return run(&mcl_command_help, count - 1, texts + 1);
    const mcl_command *command = mcl_command_find(texts[0]);
    return command ? run(command, count - 1, texts + 1) : unknown_command(texts[0]);
}

int main(int count, char **texts)
{
    if (!open_standard_streams())
        return MCL_EXIT_FAILED;
    mcl_streams_open();
    make_blocking(fileno(mcl_out));
    make_blocking(fileno(mcl_err));
    mcl_signals_begin();
    mcl_survive_drivers();
    mcl_exit code = dispatch(count > 0 ? count - 1 : 0, texts + (count > 0));
    mcl_release_files();
    if (!mcl_flush_output() && code == MCL_EXIT_DONE)
        code = MCL_EXIT_FAILED;
    mcl_streams_end(code == MCL_EXIT_DONE);
    return mcl_signals_end(code);
}
