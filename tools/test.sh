#!/usr/bin/env bash
# Installs what the tests need on a bare Debian or Ubuntu machine, builds with warnings as errors,
# and runs every test on PoCL and on Intel's CPU runtime.
#   tools/test.sh          all of it
#   tools/test.sh --quick  on PoCL only
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh
unset MASKCL_PLATFORM MASKCL_DEVICE MASKCL_KERNELS

# shellcheck disable=SC2086 # lists of names
install_packages $build_packages check oclgrind librandom123-dev pocl-opencl-icd python3 \
    python3-venv dataset-fashion-mnist

build=$PWD/build-test
mkdir -p "$build/cache" "$build/vendors"
export POCL_CACHE_DIR=$build/cache XDG_CACHE_HOME=$build/cache

if [ ! -e "$build/venv/complete" ]; then
    say "making a Python environment with NumPy, safetensors and Intel's OpenCL runtime"
    python3 -m venv "$build/venv"
    "$build/venv/bin/pip" install -q numpy safetensors intel-opencl-rt intel-cmplr-lib-rt
    touch "$build/venv/complete"
fi
export MASKCL_PYTHON=$build/venv/bin/python
cp /etc/OpenCL/vendors/pocl.icd "$build/vendors/pocl.icd"
find "$build/venv/lib" -maxdepth 1 -name libintelocl.so >"$build/vendors/intel.icd"
export OCL_ICD_VENDORS=$build/vendors

say "building"
cmake -S . -B "$build" -DMASKCL_TESTS=ON -DMASKCL_WERROR=ON >"$build/configure.log"
cmake --build "$build" -j"$(nproc)"

failed=
say "tests on PoCL"
MASKCL_PLATFORM=portable ctest --test-dir "$build" --output-on-failure || failed=1
if [ "${1-}" != --quick ]; then
    say "tests on Intel's CPU runtime"
    MASKCL_PLATFORM=intel ctest --test-dir "$build" --output-on-failure || failed=1
fi
[ -z "$failed" ] || exit 1
