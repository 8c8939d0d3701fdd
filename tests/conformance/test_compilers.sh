#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The library compiled by gcc without optimisation and by clang for this very processor, beside the
# build under test, which is neither: host code of each makes the runs' expected bits, with a device
# that is the same for all.
set -eu

# build FOLDER COMPILER FLAGS
build()
{
    cmake -S "$MASKCL_SOURCE" -B "$1" -DMASKCL_TESTS=ON -DBUILD_SHARED_LIBS=OFF \
        -DCMAKE_C_COMPILER="$2" -DCMAKE_BUILD_TYPE= -DCMAKE_C_FLAGS="$3" &&
        cmake --build "$1" --target runs
}

folder=$MASKCL_BUILD/compilers
failed=
compilers=0
for choice in "gcc -O0" "clang -O2 -march=native"; do
    compiler=${choice%% *}
    command -v "$compiler" >/dev/null || continue
    compilers=$((compilers + 1))
    build "$folder/$compiler" "$compiler" "${choice#* }" >"$folder.log" 2>&1 || {
        cat "$folder.log"
        exit 1
    }
    echo "$choice:"
    "$folder/$compiler/tests/conformance/runs" --some "$MASKCL_SOURCE/tests/fixtures/runs.txt" \
        "$MASKCL_SOURCE/tests/fixtures/objectives.txt" || failed=1
done
[ "$compilers" -gt 0 ] || exit 77
exit "${failed:-0}"
