#!/bin/sh
# Installs to a temporary prefix and builds the README's program twice from the installed tree:
# through CMake's package and through pkg-config. Runs both.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
prefix=$folder/prefix
cmake --install "$MASKCL_BUILD" --prefix "$prefix" >/dev/null

# The README's first block of C, which promises to be short.
awk '/^```c$/ { on = 1; next } /^```$/ { if (on) exit } on' "$MASKCL_SOURCE/README.md" \
    >"$folder/program.c"
lines=$(wc -l <"$folder/program.c")
if [ "$lines" -lt 15 ] || [ "$lines" -gt 25 ]; then
    echo "the README's program has $lines lines"
    exit 1
fi

cat >"$folder/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.18)
project(consumer LANGUAGES C)
find_package(maskcl 0.1 REQUIRED)
add_executable(consumer program.c)
target_link_libraries(consumer PRIVATE maskcl::maskcl)
END
cmake -S "$folder" -B "$folder/build" -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
cmake --build "$folder/build" >/dev/null

package_folder=$(dirname "$(find "$prefix" -name maskcl.pc)")
library_folder=$(dirname "$package_folder")
flags=$(PKG_CONFIG_PATH=$package_folder pkg-config --define-variable=prefix="$prefix" \
    --cflags --libs maskcl)
# shellcheck disable=SC2086 # a list of flags
cc -std=c11 -Wall -Wextra -Werror "$folder/program.c" -o "$folder/by-pkg-config" $flags \
    -Wl,-rpath,"$library_folder"

cd "$folder"
for program in "$folder/build/consumer" "$folder/by-pkg-config"; do
    rm -f model.safetensors
    "$program"
    "$prefix/bin/maskcl" info model.safetensors | grep -q '64 -> 128 -> 64'
done

# A failure is one line and exit code 1.
if "$folder/build/consumer" missing.npy 2>"$folder/message"; then
    exit 1
fi
[ "$(wc -l <"$folder/message")" = 1 ]
grep -q missing.npy "$folder/message"

# Nothing but the public API leaves the library.
! nm -D --defined-only "$library_folder/libmaskcl.so" | grep -v ' T mcl_'
