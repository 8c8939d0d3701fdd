# SPDX-License-Identifier: Apache-2.0
"""Training steps and embedding, against PyTorch and tinygrad."""

import models
import peers
from contest import compare
from products import measure_peaks
from table import number
from workers import Worker

FASHION = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"


def own(bench, program, *options, name="maskcl"):
    """A program of ours on the chosen device."""
    return Worker(name, [bench.tools / program, *bench.machine.selection, *bench.gemm,
                             *options])


def step(model, batch, rivals):
    """A part that measures training steps. rivals: (what makes the peer, the least ratio that is
    wanted or None)."""

    def run(bench):
        shape = models.MODELS[model]
        options = ["--model", model, "--batch", batch]
        ours = own(bench, "bench_step", "--rows", shape.rows, "--columns", shape.widths[0],
                   "--hidden", ",".join(map(str, shape.widths[1:-1])),
                   "--embedding", shape.widths[-1], "--objective", shape.objective,
                   "--batch", batch)
        chosen = [(lambda rival=rival: rival(bench, *options), least) for rival, least in rivals
                  if not (bench.quick and rival in (peers.torch_compile, peers.tinygrad))]
        work = f"step, {'-'.join(map(str, shape.widths))}, {shape.objective}, batch {batch}"
        return compare(bench, work, ours, chosen)

    return run


def share_of_peak(bench):
    """The products of the whole step at batch 1024 against the fma peak, both taken here, one
    after the other."""
    shape = models.MODELS["reference"]
    ours = own(bench, "bench_step", "--rows", shape.rows, "--batch", 1024).wait_until_ready()
    shares, rates = [], []
    for _ in range(bench.rounds):
        peak = measure_peaks(bench)["gflops"]
        rates.append(ours.measure(bench.seconds) * shape.step_flops_per_row * 1e-9)
        shares.append(rates[-1] / peak)
    ours.close()
    shares.sort()
    rates.sort()
    share, rate = (values[len(values) // 2] for values in (shares, rates))
    print(f"\nThe whole step at batch 1024: {number(rate)} GFLOP/s in its products.")
    bench.wanted("step, batch 1024", "fma peak", share, least=0.75)
    return {"shares": shares, "gflops": rates}


def units(bench):
    """The step on parts of the device, 1, 2, 4, … of its compute units."""

    def part(count):
        return own(bench, "bench_step", "--batch", 256, "--compute-units", count,
                   name=f"on {count} of its compute units").wait_until_ready()

    counts = [1 << i for i in range(16) if 1 << i < bench.machine.device["compute_units"]]
    return compare(bench, "step, batch 256, on the whole device", own(bench, "bench_step"),
                   [(lambda count=count: part(count), None) for count in counts])


def stream(bench):
    """The step on data four times as large as what may lie on the device, and on data that fits."""
    rows, columns = 100000, 784
    options = "--rows", rows, "--columns", columns, "--batch", 256
    limited = own(bench, "bench_step", *options, "--device-memory", rows * columns)
    return compare(bench, "step, batch 256, data of 4 times --device-memory", limited, [
        (lambda: own(bench, "bench_step", *options,
                     name="the same without a limit").wait_until_ready(), 0.87)])


def watch(bench):
    """Whole runs in which alignment, uniformity, effective rank and an online probe are measured,
    and with none of these."""

    def run(what, name):
        return own(bench, "bench_step", "--batch", 256, "--epochs", 3, "--watch", what, name=name)

    return [compare(bench, f"three epochs, batch 256, with {text}", run(what, "maskcl"),
                    [(lambda: run("none", "the same without").wait_until_ready(), 0.98)])
            for what, text in (("measures", "measures"), ("validation", "measures and validation"))]


def embed(bench):
    ours = own(bench, "bench_embed", "--data", FASHION)
    rival = lambda: peers.torch_embed(bench, FASHION)
    return compare(bench, "embedding 60,000 rows of uint8", ours, [(rival, 2.0)])
