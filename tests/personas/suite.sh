#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The suite's device-dependent tests on PoCL that looks like other devices, and a table of what
# failed.
#   suite.sh BUILD [PERSONA...]
# MASKCL_PERSONA_TESTS is a regular expression of other tests' names.
set -u
build=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- nvidia-h200 rtx-3060 rx-6700-xt rx-580 uhd-620 iris-xe mali-g52 gcn-laptop \
    haswell-beignet

# Those whose results hang on the device. They use native products, whatever the device's default is.
units='augment|checkpoint|dropout|encoder|feed|finetune|fma|gemm|optim|probe|rate|reconstruct|reduce'
units=$units'|rounding|subnormal|trainer|tuning|validation|verify|view_parts|views'
runs='runs_gpu|runs_gpu_tuned|finetune_native|small_native'
programs='device_memory|reproducible|verify'
all="^(unit_($units)|parity_.*|conformance_($runs)|cli_($programs))\$"
tests=${MASKCL_PERSONA_TESTS:-$all}

failed=0
for persona in "$@"; do
    log=$build/Testing/persona-$persona.log
    started=$(date +%s)
    LD_PRELOAD=$build/tests/libopencl_personas.so PERSONA=$persona ctest --test-dir "$build" \
        -j"$(nproc)" -R "$tests" --output-on-failure --no-tests=error >"$log" 2>&1 || failed=1
    printf '%-16s %4d s  %s\n' "$persona" $(($(date +%s) - started)) \
        "$(grep -E 'tests? passed' "$log")"
    sed -n 's/^.*Test *#[0-9]*: \([a-z_0-9-]*\) .*\(\*\*\*.*\)$/    \1 \2/p' "$log"
done
exit $failed
