#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The library by another compiler, or with other options, than the build under test: host code of each
# makes the runs' expected bits, with a device that is the same for all.
#   test_compiler.sh COMPILER FLAG…
set -eu

compiler=$1
shift
command -v "$compiler" >/dev/null || exit 77
folder=$MASKCL_BUILD/compilers/$compiler
mkdir -p "$MASKCL_BUILD/compilers"
{
    cmake -S "$MASKCL_SOURCE" -B "$folder" -DMASKCL_TESTS=ON -DBUILD_SHARED_LIBS=OFF \
        -DCMAKE_C_COMPILER="$compiler" -DCMAKE_BUILD_TYPE= -DCMAKE_C_FLAGS="$*" &&
        cmake --build "$folder" --target runs
} >"$folder.log" 2>&1 || {
    cat "$folder.log"
    exit 1
}
exec "$folder/tests/conformance/runs" --some "$MASKCL_SOURCE/tests/fixtures/runs.txt" \
    "$MASKCL_SOURCE/tests/fixtures/objectives.txt"
