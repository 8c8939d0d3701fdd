#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From a fresh Debian or Ubuntu machine to a trained and measured model: installs what is missing,
# builds, pre-trains on the 60,000 images of Fashion-MNIST, and prints how well the embeddings tell
# the ten classes apart. A second run installs nothing and builds nothing.
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh

# A driver for the CPU is installed only where no driver is there at all.
driver=
ls "${OCL_ICD_VENDORS:-/etc/OpenCL/vendors}"/*.icd >/dev/null 2>&1 || driver=pocl-opencl-icd
# shellcheck disable=SC2086 # lists of names
install_packages $build_packages dataset-fashion-mnist $driver

say "building"
[ -e build/Makefile ] || cmake -S . -B build -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build build -j"$(nproc)" >/dev/null
maskcl=build/maskcl
if ! "$maskcl" devices >/dev/null 2>&1; then
    # Drivers without a device, such as Mesa's on a machine without a GPU.
    install_packages pocl-opencl-icd
fi

data=/usr/share/datasets/fashion-mnist
train=$data/train-images-idx3-ubyte.gz
out=build/quickstart
mkdir -p "$out"

# field NAME: the last value of a field in the JSON on standard input, one field a line.
field()
{
    tr ',{}[]' '\n' | sed -n "s/^[[:space:]]*\"$1\":[[:space:]]*\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" | tail -n 1
}

# pretrain NAME OPTION…: trains $out/NAME.safetensors with a log of its steps.
pretrain()
{
    name=$1
    shift
    say "pre-training: $name"
    "$maskcl" pretrain "$train" "$@" --metrics "$out/$name.jsonl" --metrics-every 16 \
        -o "$out/$name.safetensors" >/dev/null
}

# probe NAME OPTION…: measures it.
probe()
{
    name=$1
    shift
    "$maskcl" probe "$out/$name.safetensors" "$train" "$data/train-labels-idx1-ubyte.gz" \
        "$data/t10k-images-idx3-ubyte.gz" "$data/t10k-labels-idx1-ubyte.gz" --json "$@" \
        >"$out/$name.json"
}

# row TITLE JSON INDEX METRICS EPOCHS: a line of the table, from the INDEXth result of a probe and the
# log of the training.
row()
{
    result=$(tr -d '\n' <"$2" | sed 's/.*"results"[^[]*\[//' | tr '}' '\n' | sed -n "$3p")
    linear=$(printf '%s' "$result" | field linear_accuracy)
    knn=$(printf '%s' "$result" | field knn_accuracy)
    rate=- seconds=-
    if [ -n "$4" ]; then
        seconds=$(tail -n 1 "$4" | field seconds)
        rate=$(awk -v rows="$(($5 * 60000))" -v s="$seconds" 'BEGIN { printf "%.0f", rows / s }')
        seconds=$(awk -v s="$seconds" 'BEGIN { printf "%.1f", s }')
    fi
    awk -v title="$1" -v linear="$linear" -v knn="$knn" -v rate="$rate" -v seconds="$seconds" \
        'BEGIN { printf "%-36s %11.2f%% %7.2f%% %10s %9s\n", title, 100 * linear, 100 * knn, rate, seconds }'
}

pretrain reference --recipe reference --batch 256
pretrain fast --recipe fast
say "embedding"
"$maskcl" embed "$out/fast.safetensors" "$train" -o "$out/embeddings.npy" --quiet
say "probing"
probe reference --encoder-only
probe fast

printf '\nFashion-MNIST, 60,000 images without labels; probes on 10,000 test images\n'
printf 'device: %s\n\n' "$(field device <"$out/fast.json")"
printf '%-36s %12s %8s %10s %9s\n' features 'linear probe' 20-NN rows/s seconds
row 'raw pixels' "$out/fast.json" 1 ''
row 'untrained encoder, 1024 wide' "$out/fast.json" 2 ''
row 'reference recipe (it collapses)' "$out/reference.json" 1 "$out/reference.jsonl" 10
row 'fast recipe' "$out/fast.json" 3 "$out/fast.jsonl" 2
printf '\nthe model: %s\nits embeddings: %s\n' "$out/fast.safetensors" "$out/embeddings.npy"
