#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs, moves the installed tree, and builds the README's program from it, through CMake's package
# and through pkg-config, with the library shared and static. Runs each.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The README's first block of C, which promises to be short.
mkdir "$folder/source"
awk '/^```c$/ { on = 1; next } /^```$/ { if (on) exit } on' "$MASKCL_SOURCE/README.md" \
    >"$folder/source/program.c"
lines=$(wc -l <"$folder/source/program.c")
if [ "$lines" -lt 15 ] || [ "$lines" -gt 25 ]; then
    echo "the README's program has $lines lines"
    exit 1
fi
cat >"$folder/source/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.18)
project(consumer LANGUAGES C)
find_package(maskcl 0.1 REQUIRED)
add_executable(consumer program.c)
target_link_libraries(consumer PRIVATE maskcl::maskcl)
END

# What the program reads: 200 rows of 64 numbers.
python3 - "$folder/rows.npy" <<'END'
import array, random, sys
header = "{'descr': '<f4', 'fortran_order': False, 'shape': (200, 64), }".ljust(117) + "\n"
values = array.array("f", (random.Random(1).gauss(0, 1) for _ in range(200 * 64)))
if sys.byteorder == "big":
    values.byteswap()
open(sys.argv[1], "wb").write(b"\x93NUMPY\x01\x00\x76\x00" + header.encode() + values.tobytes())
END

# check PROGRAM PREFIX: it trains and embeds; without rows it says why not, in one line.
check()
{
    rm -rf "$folder/run"
    mkdir "$folder/run"
    cd "$folder/run"
    if "$1" 2>message; then
        echo "$1 succeeds without rows.npy"
        exit 1
    fi
    [ "$(wc -l <message)" = 1 ]
    grep -q rows.npy message
    cp "$folder/rows.npy" .
    "$1"
    "$2/bin/maskcl" info model.safetensors | grep -q '64 -> 128 -> 64'
    "$2/bin/maskcl" embed model.safetensors rows.npy -o again.npy --quiet
    cmp again.npy embeddings.npy
}

# consume BUILD NAME PKG_CONFIG_OPTION…: installs a build elsewhere and uses it from there.
consume()
{
    build=$1 name=$2
    shift 2
    cmake --install "$build" --prefix "$folder/first/$name" >/dev/null
    mkdir -p "$folder/moved"
    mv "$folder/first/$name" "$folder/moved/$name"
    prefix=$folder/moved/$name

    cmake -S "$folder/source" -B "$folder/build-$name" -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
    cmake --build "$folder/build-$name" >/dev/null
    check "$folder/build-$name/consumer" "$prefix"

    package_folder=$(dirname "$(find "$prefix" -name maskcl.pc)")
    library_folder=$(dirname "$package_folder")
    flags=$(PKG_CONFIG_PATH=$package_folder pkg-config --cflags --libs "$@" maskcl)
    # shellcheck disable=SC2086 # a list of flags
    cc -std=c11 -Wall -Wextra -Werror "$folder/source/program.c" -o "$folder/by-pkg-config" $flags \
        -Wl,-rpath,"$library_folder"
    check "$folder/by-pkg-config" "$prefix"
}

consume "$MASKCL_BUILD" shared

# Nothing but the public API leaves the library.
if nm -D --defined-only "$library_folder/libmaskcl.so" | grep -v ' T mcl_'; then
    exit 1
fi

cmake -S "$MASKCL_SOURCE" -B "$folder/static" -DBUILD_SHARED_LIBS=OFF >"$folder/log"
cmake --build "$folder/static" -j2 >>"$folder/log" || {
    cat "$folder/log"
    exit 1
}
consume "$folder/static" static --static
[ -z "$(find "$prefix" -name '*.so*')" ]
