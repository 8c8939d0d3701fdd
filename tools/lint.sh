#!/usr/bin/env bash
# Checks the format of C files, shell scripts, and what clang-tidy finds:
#   tools/lint.sh BUILD    (a build folder that has compile_commands.json)
# Of clang's tools, version 14 decides, as Debian 12 has it; another formats differently and knows
# other rules, so that without version 14 these checks are skipped.
set -eu
cd "$(dirname "$0")/.."
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
    echo "$1 14 is not there: skipped" >&2
    return 1
}

if format=$(clang_tool clang-format); then
    git ls-files '*.c' '*.h' | xargs "$format" --dry-run -Werror || failed=1
fi
if command -v shellcheck >/dev/null; then
    git ls-files '*.sh' .ci/run | xargs shellcheck -x || failed=1
else
    echo "shellcheck is not there: skipped" >&2
fi
if tidy=$(clang_tool clang-tidy); then
    git ls-files 'src/*.c' | xargs -P "$(nproc)" -n 8 "$tidy" -p "$build" --quiet 2>/dev/null ||
        failed=1
fi
[ -z "$failed" ]
