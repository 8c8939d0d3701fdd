#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles every public header alone, as C and as C++, and a C++ program that uses the library.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
warnings="-Wall -Wextra -Wpedantic -Werror"
failed=0

# compile LANGUAGE COMPILER STANDARD…: each header alone, where there is such a compiler.
# shellcheck disable=SC2086 # $warnings is a list of options
compile()
{
    language=$1 compiler=$2
    shift 2
    command -v "$compiler" >/dev/null || return 0
    for standard in "$@"; do
        for header in "$MASKCL_SOURCE"/include/maskcl/*.h; do
            # Twice: its guard works.
            name=maskcl/${header##*/}
            printf '#include <%s>\n#include <%s>\nint main(void) { return 0; }\n' "$name" "$name" |
                "$compiler" -x "$language" -std="$standard" $warnings -I"$MASKCL_SOURCE/include" \
                    -fsyntax-only - || {
                echo "$name does not compile alone by $compiler -std=$standard" >&2
                failed=1
            }
        done
        compiled="${compiled-} $compiler-$standard"
    done
}

compile c gcc c99 c11
compile c clang c99 c11
compile c++ g++ c++11 c++20
compile c++ clang++ c++11
case $compiled in
*gcc-c11*g++-c++11* | *clang-c11*clang++-c++11*) ;;
*)
    echo "no compiler of both C and C++ is installed: apt-get install g++" >&2
    exit 1
    ;;
esac

cxx=$(command -v g++ || command -v clang++)
# shellcheck disable=SC2086 # a list of options
"$cxx" -std=c++11 $warnings -I"$MASKCL_SOURCE/include" "$MASKCL_SOURCE/tests/headers/program.cpp" \
    -o "$folder/program" -L"$MASKCL_BUILD" -lmaskcl -Wl,-rpath,"$MASKCL_BUILD"
cd "$folder"
./program
[ -s model.safetensors ]
exit $failed
