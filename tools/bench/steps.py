# SPDX-License-Identifier: Apache-2.0
"""Training steps and embedding, against PyTorch and tinygrad."""

import contextlib
import os
import subprocess
import sys
import time

import models
import peers
from contest import REST, compare, take_turns
from products import measure_peaks, run
from table import row

IMAGES = "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz"
FASHION = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"


def own_step(bench, model, batch):
    shape = models.MODELS[model]
    return bench.own("bench_step", "--rows", shape.rows, "--columns", shape.widths[0],
                     "--hidden", ",".join(map(str, shape.widths[1:-1])), "--embedding",
                     shape.widths[-1], "--objective", shape.objective, "--batch", batch)


def title(model, batch):
    shape = models.MODELS[model]
    return f"step {'-'.join(map(str, shape.widths))}, {shape.objective}, batch {batch}"


def step(model, batch, rivals):
    """A part that measures training steps. rivals: (what makes the peer, the target of its ratio or
    None)."""

    def measure(bench):
        options = ["--model", model, "--batch", batch]
        chosen = [(lambda rival=rival: rival(bench, *options), key) for rival, key in rivals
                  if not (bench.quick and rival in (peers.torch_compile, peers.tinygrad))]
        return compare(bench, title(model, batch), own_step(bench, model, batch), chosen)

    return measure


def share_of_peak(bench):
    """The products of the whole step at batch 1024 against the fma peak, both taken here, one
    after the other."""
    shape = models.MODELS["reference"]
    ours = own_step(bench, "reference", 1024).wait_until_ready()
    found, rates = [], []
    for _ in range(bench.rounds):
        found.append(measure_peaks(bench)["gflops"])
        rates.append(ours.measure(bench.seconds) * shape.step_flops_per_row * 1e-9)
    ours.close()
    shares = sorted(rate / peak for rate, peak in zip(rates, found))
    return [row("products of the whole step at batch 1024, GFLOP/s", rates, "fma peak", found,
                ratio=shares[len(shares) // 2], least=bench.target("share"))]


def convolution_step(bench):
    """A step of the convolutional encoder on images, in which views are joined on both sides."""
    options = ["--data", IMAGES, "--batch", 128]
    ours = bench.own("bench_step", *options, "--encoder", models.CONVOLUTIONS, "--objective",
                     "nt-xent")
    return compare(bench, f"step {models.CONVOLUTIONS}, nt-xent, batch 128", ours, [
        (lambda: peers.torch_convolutions(bench, "--images", *options), "convolutions")])


def convolution_embed(bench):
    options = ["--data", IMAGES]
    ours = bench.own("bench_embed", *options, "--encoder", models.CONVOLUTIONS)
    return compare(bench, "embedding 10,000 images of uint8 by convolutions", ours, [
        (lambda: peers.torch_convolutions(bench, "--embed-images", *options, "--batch", 256),
         "convolutions embed")])


def convolution(bench):
    """The three products of single convolutions."""
    rows = []
    for shape in models.SINGLE_CONVOLUTIONS:
        options = [part for key, value in shape.items() for part in (f"--{key}", value)]
        name = "{size} × {size} × {channels} → {filters}, {kernel} × {kernel} / {stride}"
        rows += compare(bench, "convolution " + name.format(**shape),
                        bench.own("bench_convolution", *options), [
            (lambda: peers.torch_convolutions(bench, "--convolution", *options), None)])
    return rows


@contextlib.contextmanager
def busy_processor():
    """Keeps the last of our processors busy."""
    processor = max(os.sched_getaffinity(0))
    loop = subprocess.Popen([sys.executable, "-c", "import os\n"
                             f"os.sched_setaffinity(0, {{{processor}}})\nwhile True: pass"])
    try:
        time.sleep(REST)
        yield
    finally:
        loop.kill()
        loop.wait()


def beside(bench):
    """Steps while another program keeps one processor busy, against the same on a quiet machine."""
    rows = []
    for batch in 32, 256, 1024:
        torch = peers.torch_eager(bench, "--model", "reference", "--batch", batch)
        workers = [worker for worker in (own_step(bench, "reference", batch), torch) if worker]
        workers[0].wait_until_ready()
        take_turns(bench, workers)
        quiet = [worker.rates for worker in workers]
        for worker in workers:
            worker.rates = []
        with busy_processor():
            take_turns(bench, workers)
        for worker, rates in zip(workers, quiet):
            worker.close()
            ours = worker is workers[0]
            name = "" if ours else f"{worker.name}, "
            rows.append(row(
                f"{name}batch {batch}, beside a busy loop on one processor, rows/s", worker.rates,
                "quiet", rates, least=bench.target("beside") if ours else None))
    return rows


def units(bench):
    """The step on parts of the device, 1, 2, 4, … of its compute units."""

    def part(count):
        return bench.own("bench_step", "--batch", 256, "--compute-units", count,
                   title=f"{count} of its compute units").wait_until_ready()

    counts = [1 << i for i in range(16) if 1 << i < bench.machine.device["compute_units"]]
    return compare(bench, "step, batch 256, on the whole device", bench.own("bench_step"),
                   [(lambda count=count: part(count), None) for count in counts])


def stream(bench):
    """The step on data four times as large as what may lie on the device, and on data that fits."""
    rows, columns = 100000, 784
    options = "--rows", rows, "--columns", columns, "--batch", 256
    limited = bench.own("bench_step", *options, "--device-memory", rows * columns)
    return compare(bench, "step, batch 256, data of 4 times --device-memory", limited, [
        (lambda: bench.own("bench_step", *options, title="no limit").wait_until_ready(),
         "stream")])


def watch(bench):
    """Whole runs in which alignment, uniformity, effective rank and an online probe are measured,
    and with none of these."""

    def whole(what, name):
        return bench.own("bench_step", "--batch", 256, "--epochs", 3, "--watch", what, title=name)

    rows = []
    for text, what in ("measures", "measures"), ("measures and validation", "validation"):
        rows += compare(bench, f"three epochs, batch 256, with {text}", whole(what, "maskcl"),
                        [(lambda: whole("none", "without").wait_until_ready(), "watch")])
    return rows


def embed(bench):
    ours = bench.own("bench_embed", "--data", FASHION)
    return compare(bench, "embedding 60,000 rows of uint8", ours,
                   [(lambda: peers.torch_embed(bench, FASHION), "embed")])


def requests(bench):
    """Calls that embed a few rows, by a session and by mcl_embed."""
    return [row("{model}, rows: {rows}, a session, ms".format(**call), call["session"],
                "mcl_embed", call["embed"])
            for call in run(bench, "bench_requests", "--seconds", bench.seconds)]
