#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every file of cl/ compiles by itself, without options and without a warning, and every header in a file
# that includes nothing else: so an editor understands it, and none leans on what is before it in a program.
set -eu
compiler=
for candidate in clang-14 clang clang-15 clang-16 clang-17 clang-18; do
    if command -v "$candidate" >/dev/null; then
        compiler=$candidate
        break
    fi
done
if [ -z "$compiler" ]; then
    echo "clang is not installed: skipped"
    exit 77
fi
cd "$MASKCL_SOURCE/cl"
failed=0
count=0
for file in *.cl *.clh; do
    [ "$file" = lanes.clh ] && continue # a part of rounding.clh, which says what it needs
    printf '#include "%s"\n' "$file" | "$compiler" -x cl -cl-std=CL1.2 -Xclang -finclude-default-header \
        -fsyntax-only -Wall -Wundef -Werror -I . - || failed=1
    case $file in *.cl)
        "$compiler" -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -fsyntax-only -Wall -Wundef -Werror \
            "$file" || failed=1 ;;
    esac
    count=$((count + 1))
done
echo "$count files of kernels compiled by $compiler"
exit $failed
