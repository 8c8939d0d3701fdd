#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks the layers and licenses (tools/sources.py), the format of C files, shell scripts, and what
# clang-tidy finds:
#   tools/lint.sh BUILD    (a build folder that has compile_commands.json)
# Of clang's tools, version 14 decides, as Debian 12 has it: another formats differently and knows
# other rules. A distribution without version 14 skips these checks; one that has it must use it.
set -eu -o pipefail
cd "$(dirname "$0")/.."
. tools/common.sh
build=$1
failed=

# clang_tool NAME: the name of its version 14; false without one.
clang_tool()
{
    local candidate
    for candidate in "$1-14" "$1"; do
        if command -v "$candidate" >/dev/null && "$candidate" --version | grep -q 'version 14\.'; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

# without_clang NAME: says why its version 14 is not there; false when it could be.
without_clang()
{
    if known_package "$1-14" || grep -qx 'VERSION_CODENAME=bookworm' /etc/os-release; then
        echo "$1 14 is not installed: apt-get install $1-14" >&2
        return 1
    fi
    echo "$1 14 is not in this distribution: skipped" >&2
}

tools/sources.py || failed=1
if format=$(clang_tool clang-format); then
    git ls-files -z '*.c' '*.h' '*.cpp' | xargs -0 "$format" --dry-run -Werror || failed=1
else
    without_clang clang-format || failed=1
fi
if command -v shellcheck >/dev/null; then
    git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck -x || failed=1
else
    echo "shellcheck is not installed: apt-get install shellcheck" >&2
    failed=1
fi
if tidy=$(clang_tool clang-tidy); then
    # One file a process: with more, version 14 takes every later va_list for uninitialised.
    git ls-files -z 'src/*.c' | xargs -0 -P "$(nproc)" -n 1 "$tidy" -p "$build" --quiet 2>&1 |
        sed '/ warnings\{0,1\} generated\.$/d' || failed=1
else
    without_clang clang-tidy || failed=1
fi
[ -z "$failed" ]
