#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every kernel once or more under Oclgrind, which must find no bad access, no data race and no misuse of
# the API. (Its search for uninitialised memory, version 21.10, crashes on our programs.) Oclgrind is
# about a thousand times slower than a device, so everything is as small as it can be while still
# having full tiles, remainders and edges. Its device calls itself a GPU, for which CLBlast would be
# the default: the kernels here are ours, and of the two products most runs take that for GPUs.
set -eu
if ! command -v oclgrind >/dev/null; then
    echo "Oclgrind is not installed: skipped"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unset OCL_ICD_VENDORS MASKCL_PLATFORM MASKCL_DEVICE MASKCL_KERNELS
export OPENCL_SHIM_LOG="$folder/calls" # see tests/support/opencl_shim.c
count=0
gemm=native

# checked ARGUMENT…: the program under Oclgrind, without a finding.
checked()
{
    rm -f "$folder/log"
    # shellcheck disable=SC2016 # LD_PRELOAD is Oclgrind's own by then
    if ! oclgrind --log "$folder/log" --data-races --check-api \
        sh -c 'LD_PRELOAD=$0:$LD_PRELOAD exec "$@"' "$MASKCL_BUILD/tests/libopencl_shim.so" \
        "$MASKCL_PROGRAM" "$@" --gemm "$gemm" >"$folder/out" 2>&1; then
        echo "failed: maskcl $*"
        cat "$folder/out"
        exit 1
    fi
    if [ -s "$folder/log" ]; then
        echo "Oclgrind's findings for: maskcl $*"
        head -n 60 "$folder/log"
        exit 1
    fi
    sed -n 's/.* clEnqueueNDRangeKernel //p' "$OPENCL_SHIM_LOG" >>"$folder/run"
    count=$((count + 1))
}

# planted KERNELS.cl SED FINDING: a kernel made wrong by an edit must be found out, as FINDING.
planted()
{
    rm -rf "$folder/cl"
    cp -r "$MASKCL_SOURCE/cl" "$folder/cl"
    sed -i "$2" "$folder/cl/$1"
    if cmp -s "$folder/cl/$1" "$MASKCL_SOURCE/cl/$1"; then
        echo "$1 has changed, so that a fault cannot be planted by: $2"
        exit 1
    fi
    if (
        export MASKCL_KERNELS="$folder/cl"
        checked pretrain --synthetic 4x3 --hidden none --embedding 2 --epochs 2 --quiet \
            --optimizer sgd --momentum 0.9 -o "$folder/planted.safetensors"
    ) >"$folder/report"; then
        echo "no finding with a fault in $1: $2"
        exit 1
    fi
    if ! grep -q "$3 at global memory address" "$folder/report"; then
        echo "a fault in $1 was not found out as '$3':"
        cat "$folder/report"
        exit 1
    fi
}

planted optimizer.cl 's/gradients\[j\]/gradients[j + 1]/' 'Invalid read of size 4'
planted optimizer.cl 's/velocity\[j\] = /velocity[0] = /' 'Write-write data race'

# An image file: 9 images of 7×5 bytes, and its labels.
{
    printf '\000\000\010\003\000\000\000\011\000\000\000\007\000\000\000\005'
    head -c 315 /dev/zero | tr '\000' '\177' | sed 's/^.../a3Z/'
} >"$folder/images"
printf '\000\000\010\001\000\000\000\011\000\001\002\000\001\002\000\001\002' >"$folder/labels"

# Three images of 5×7 colours.
{
    printf '\000\000\010\004\000\000\000\003\000\000\000\005\000\000\000\007\000\000\000\003'
    head -c 315 /dev/zero | tr '\000' '\177' | sed 's/^....../a3ZqM8/'
} >"$folder/colours"

# Forty images of noise, of two classes that nothing tells apart: a long search.
{
    printf '\000\000\010\003\000\000\000\050\000\000\000\007\000\000\000\005'
    LC_ALL=C awk 'BEGIN { x = 1; for (i = 0; i < 1400; i++) {
        x = x * 16807 % 2147483647; printf "%c", 1 + int(x / 65536) % 250 } }'
} >"$folder/noise"
{
    printf '\000\000\010\001\000\000\000\050'
    LC_ALL=C awk 'BEGIN { x = 7; for (i = 0; i < 40; i++) {
        x = x * 16807 % 2147483647; printf "%c", 1 + int(x / 65536) % 2 } }' | tr '\001\002' '\000\001'
} >"$folder/noise-labels"

# A number, one with gaps, and two categories.
{
    echo 'x,gaps,kind,many'
    LC_ALL=C awk 'BEGIN { for (i = 0; i < 40; i++)
        printf "%d.5,%s,%s,m%d\n", i * 7 % 11, i % 3 ? i "" : "", i % 2 ? "a" : "b", i % 19 }'
} >"$folder/table.csv"

small="--recipe default --hidden 17 --embedding 6 --epochs 2 --batch 4 --quiet"
model=$folder/model.safetensors
# shellcheck disable=SC2086 # a list of options
{
    checked pretrain --synthetic 9x35 $small --objective cosine --mask uniform --optimizer adam \
        --activation relu --ema 0.9 --clip-norm 0.1 -o "$model"
    checked pretrain --synthetic 9x20 $small --objective nt-xent --mask bernoulli --optimizer adamw \
        --activation gelu -o "$model"
    checked pretrain "$folder/images" $small --objective cosine+reconstruction --mask block \
        --optimizer sgd --momentum 0.9 --activation tanh -o "$model"
    checked pretrain "$folder/images" $small --objective nt-xent+reconstruction --mask uniform \
        --optimizer sgd --activation none -o "$model"
    checked pretrain --synthetic 35x7 --hidden 19 --embedding 5 --epochs 1 --batch 34 --quiet \
        --normalization batch --embedding-layer activated --activation gelu --dropout 0.5 -o "$model"
    checked pretrain "$folder/images" $small --normalization batch -o "$folder/batch.safetensors"
    checked embed "$folder/batch.safetensors" "$folder/images" -o "$folder/out.npy"
    checked pretrain --synthetic 150x3 --hidden 16 --embedding 2 --epochs 1 --batch 140 --quiet \
        --objective cosine --normalization batch -o "$model" # too much for a single work-group
    checked pretrain --synthetic 35x7 --hidden 19 --embedding 5 --epochs 1 --batch 34 --quiet \
        --normalization layer -o "$model"
    checked pretrain --synthetic 70x33 --hidden none --embedding 3 --epochs 1 --batch 66 --quiet \
        --objective reconstruction -o "$folder/wide.safetensors"
    checked pretrain "$folder/noise" --recipe patches --encoder patches:3x3,pool:grid:2 --quiet -o "$model"
    checked pretrain "$folder/images" --recipe default --epochs 1 --batch 4 --quiet --encoder \
        'depthwise:3,conv:3x3/2,residual(depthwise:3),pool:max,pool:avg:1,dense:4' \
        --normalization group --objective reconstruction -o "$model"
    checked pretrain --synthetic 60x3 --hidden none --embedding 2 --epochs 1 --batch 6 --quiet \
        --objective cosine --device-memory 1400 -o "$model"
    grep -q clEnqueueUnmapMemObject "$OPENCL_SHIM_LOG" # sent in parts
    checked pretrain --synthetic 9x20 $small --objective vicreg+barlow --embedding 18 -o "$model"
    checked pretrain --synthetic 60x33 --hidden 40 --embedding 3 --epochs 1 --batch 30 --quiet \
        --objective cosine --optimizer lars --lr 1 -o "$model"
    checked pretrain --synthetic 60x33 --hidden 40 --embedding 3 --epochs 1 --batch 30 --quiet \
        --objective cosine --optimizer lamb -o "$model"
    checked pretrain --synthetic 43x20 $small --objective scarf --batch 19 --views corrupt:0.6:one \
        -o "$model"
    checked pretrain --synthetic 9x20 $small --objective simsiam --predictor 3 -o "$model"
    checked pretrain --synthetic 9x20 $small --objective vime -o "$model"
    checked pretrain --synthetic 9x20 $small --objective byol --predictor 3 --projector 5 \
        --normalization batch -o "$model"
    checked pretrain --synthetic 40x20 $small --objective moco --queue 35 --projector 5 -o "$model"
    checked pretrain --synthetic 9x20 $small --objective sigreg --directions 19 -o "$model"
    checked pretrain --synthetic 9x20 $small --objective cosine --negatives 2 --projector 5 -o "$model"
    checked pretrain "$folder/images" $small --objective reconstruction --reconstruct hidden \
        --reconstruction-loss bce -o "$model"
    checked pretrain "$folder/images" $small --objective reconstruction --reconstruction-loss bce \
        --mask uniform -o "$model"
    checked pretrain "$folder/images" $small --objective nt-xent+reconstruction -o "$model" --views \
        affine:0.9,flip,brightness,corrupt:0.3,noise,mask:block:0.5:2px:independent
    checked pretrain "$folder/colours" $small --batch 2 --objective nt-xent -o "$model" \
        --views crop,flip,color:1:1,grey,blur:1,mask:block:0.5:1-3px
    checked pretrain --synthetic 9x35 $small --objective nt-xent -o "$model" \
        --views corrupt:one,mask:uniform:whole
    checked pretrain "$folder/table.csv" $small --objective vime -o "$model"
    checked pretrain "$folder/table.csv" $small --objective reconstruction --reconstruct hidden \
        -o "$model" --views corrupt,mask:uniform:independent
    checked pretrain "$folder/table.csv" $small --objective reconstruction -o "$model"
    checked pretrain "$folder/images" $small --objective nt-xent --views amplitude,span -o "$model"
    gemm=native-cpu
    checked pretrain "$folder/images" $small --objective nt-xent+reconstruction --activation gelu \
        -o "$model"
    checked pretrain "$folder/images" --recipe default --epochs 1 --batch 4 --quiet --encoder \
        'conv:32x3/2,conv:3x2,dense:4' --objective cosine -o "$folder/gathered.safetensors" # short and long runs
    checked pretrain --synthetic 70x33 --hidden none --embedding 3 --epochs 1 --batch 66 --quiet \
        --objective reconstruction -o "$folder/wide.safetensors"
    gemm=native
}
checked embed "$model" "$folder/images" -o "$folder/out.npy" --reproducible
checked reconstruct "$model" "$folder/images" -o "$folder/out.png"
checked reconstruct "$model" "$folder/images" --mask block --mask-patch 2 -o "$folder/out.npy"
checked finetune "$model" "$folder/images" "$folder/labels" -o "$folder/tuned.safetensors" \
    --labels-per-class 2 --batch 4 --epochs 2 --quiet
checked probe "$model" "$folder/images" "$folder/labels" "$folder/images" "$folder/labels"
gemm=native-cpu
checked embed "$model" "$folder/noise" --device-memory 16K -o "$folder/out.npy" # weights are packed
checked probe "$model" "$folder/noise" "$folder/noise-labels" "$folder/noise" "$folder/noise-labels"

# epilogue_product works on CLBlast's products only, and Oclgrind 21.10 crashes in CLBlast's programs;
# what cl/peak.cl measures would take hours, and cl/verify.cl is not for training.
cat "$MASKCL_SOURCE"/cl/*.cl | tr '\n' ' ' |
    grep -oE '\bkernel [^{]*\bvoid +(NAME\()?[A-Za-z0-9_]+\)?\(' |
    sed 's/.*void *//; s/NAME(//; s/[()]*$//' |
    grep -vxE 'epilogue_product|peak_fma|peak_copy|operations|separate16|function|draw' |
    sort -u >"$folder/all"
never=$(sort -u "$folder/run" | comm -13 - "$folder/all")
if [ -n "$never" ]; then
    echo "kernels that never ran: $(echo "$never" | tr "\n" " ")"
    exit 1
fi
echo "$count runs under Oclgrind, of $(wc -l <"$folder/all") kernels, without a finding"
