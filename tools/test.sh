#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317 # functions are called through stage
# Installs what the tests need on a bare Debian or Ubuntu machine, builds with warnings as errors,
# runs every test on PoCL, on Intel's CPU runtime, and with sanitizers, and compiles the kernels for GPUs
# of three vendors.
#   tools/test.sh          all of it, as CI does
#   tools/test.sh --quick  format, scripts, clang-tidy, and the tests on PoCL
#   tools/test.sh NAME…    on PoCL, the tests whose names match one of the regular expressions
# `ctest -C long` in build-test runs those, too, that are too long for every day.
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh
for variable in ${!MASKCL_*}; do
    unset "$variable"
done

optional_packages="oclgrind mesa-opencl-icd clang-format-14 clang-tidy-14 clang-15 libclc-15 libwebp-dev libtiff-dev"
# shellcheck disable=SC2086 # lists of names
install_packages $build_packages git check librandom123-dev pocl-opencl-icd python3 python3-venv \
    dataset-fashion-mnist shellcheck clang g++ libwebp-dev libtiff-dev

build=$PWD/build-test
mkdir -p "$build"/{cache,vendors/pocl,vendors/intel,vendors/both}
# Check's own time limits are for an idle machine.
export POCL_CACHE_DIR=$build/cache XDG_CACHE_HOME=$build/cache CK_TIMEOUT_MULTIPLIER=10
jobs=$(nproc)
summary=
failed=

# stage TITLE COMMAND…: runs it, with its name before and its result and time in the summary.
stage()
{
    local title=$1 result=ok started=$SECONDS
    shift
    say "$title"
    "$@" || {
        result=FAILED
        failed=1
    }
    summary+=$(printf '%-40s %-6s %4d s' "$title" "$result" $((SECONDS - started)))$'\n'
}

finish()
{
    printf '\n%s%-40s %-6s %4d s\n' "$summary" "all of it" "$([ -z "$failed" ] && echo ok || echo FAILED)" \
        $SECONDS >&2
    exit "${failed:-0}"
}

make_environment()
{
    python3 -m venv "$build/venv" &&
        "$build/venv/bin/pip" install -q numpy safetensors scikit-learn &&
        if [ "$(uname -m)" = x86_64 ]; then
            "$build/venv/bin/pip" install -q intel-opencl-rt intel-cmplr-lib-rt
        fi &&
        touch "$build/venv/complete"
}

# build FOLDER OPTION…
build()
{
    cmake -S . -B "$@" -DMASKCL_TESTS=ON -DMASKCL_WERROR=ON -DCMAKE_EXPORT_COMPILE_COMMANDS=ON \
        >"$build/configure.log" && cmake --build "$1" -j"$jobs"
}

# suite FOLDER VENDORS OPTION…: the tests of a build on the drivers of build-test/vendors/VENDORS.
suite()
{
    OCL_ICD_VENDORS=$build/vendors/$2 ctest --test-dir "$1" -j"$jobs" --output-on-failure \
        --no-tests=error "${@:3}"
}

# The package, built by pip in an environment of its own, as whoever installs it does.
python_package()
{
    local venv=$build/venv-python
    python3 -m venv "$venv" &&
        "$venv/bin/pip" install -q scikit-learn pandas polars pyarrow tqdm mypy ./python &&
        MASKCL_PROGRAM=$build/maskcl "$venv/bin/python" -W ignore::UserWarning -m unittest \
            discover -s python/tests -t python/tests
}

# Debian 12 has the versions of the compilers that the table of kernels was made with.
compilers_of_gpus()
{
    local options=(--fetch)
    if [ "$(uname -m)" = x86_64 ] && grep -qx 'VERSION_CODENAME=bookworm' /etc/os-release; then
        options+=(--all-targets)
    fi
    if [ ! -e "$build/compilers" ] && ! known_package rocm-device-libs; then
        find_administrator " rocm-device-libs"
        $sudo apt-get update -q
    fi
    "$build/venv/bin/python" tools/gpu/compilers "${options[@]}"
}

if [ ! -e "$build/venv/complete" ]; then
    stage "Python environment" make_environment
    [ -z "$failed" ] || finish
fi
export MASKCL_PYTHON=$build/venv/bin/python
cp /etc/OpenCL/vendors/pocl.icd "$build/vendors/pocl/"
intel=$(find "$build/venv/lib/" -maxdepth 1 -name libintelocl.so)
if [ -n "$intel" ]; then
    echo "$intel" >"$build/vendors/intel/intel.icd"
    cp "$build"/vendors/{pocl,intel}/*.icd "$build/vendors/both/"
fi

stage "build" build "$build" -DMASKCL_SANITIZE=
[ -z "$failed" ] || finish

if [ $# -gt 0 ] && [ "$1" != --quick ]; then
    stage "tests of that name on PoCL" suite "$build" pocl -R "$(IFS='|' && echo "$*")"
    finish
fi

stage "format, scripts and clang-tidy" tools/lint.sh "$build"
stage "tests on PoCL" suite "$build" pocl
[ "${1-}" != --quick ] || finish
OCL_ICD_VENDORS=$build/vendors/pocl stage "compilers of GPUs" compilers_of_gpus

if [ -n "$intel" ]; then
    stage "tests on Intel's CPU runtime" suite "$build" intel \
        -E '^(oclgrind|persona|install|headers|lint|fuzz|gpu|unit_verify|cli_(advice|arrays|bad_input|checkpoint|compare|data$|diff|fashion|former|help|images|interrupt|large|limits|opencl_|outputs|predict|probe|profile|reconstruct|reproduce$|signals|study|tables|terminal|tune|views)|conformance_(host|functions|mutants|compiler|rusticl|runs_(gpu_unit|group_(1|64))$))'
    stage "tests with both drivers" suite "$build" both \
        -R '^(unit_device|unit_rounding|cli_devices|cli_bad_input)$'
else
    say "Intel's CPU runtime is for x86-64 only: skipped"
fi

OCL_ICD_VENDORS=$build/vendors/pocl stage "Python package" python_package

# Drivers keep memory until the process ends: tests/leaks.supp names them. LeakSanitizer at times
# crashes as it searches the thread-local storage of PoCL's threads, so it leaves that out.
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
export LSAN_OPTIONS=suppressions=$PWD/tests/leaks.supp:print_suppressions=0:use_tls=0
stage "build with sanitizers" build "$build/sanitize" -DMASKCL_SANITIZE=address,undefined \
    -DCMAKE_BUILD_TYPE=RelWithDebInfo
stage "tests with sanitizers" suite "$build/sanitize" pocl \
    -E '^(oclgrind|persona|install|headers|lint|conformance|gpu|cli_(device_memory|devices|drivers|fashion|parity|reproducible|study|tune|views)|unit_(device|gemm|rounding|verify)$)'
# There libc has the message of a driver that cannot be loaded, and PoCL few threads.
LSAN_OPTIONS+=:use_tls=1
stage "devices with sanitizers" suite "$build/sanitize" pocl -R '^(unit_device|cli_devices)$'
finish
