"""Training steps and embedding, against PyTorch and tinygrad."""

import models
import peers
from contest import compare
from products import measure_peaks
from table import number
from workers import Worker

FASHION = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"


def own(bench, program, *options):
    """A program of ours on the chosen device."""
    return Worker("maskcl", [bench.tools / program, *bench.machine.selection, *bench.gemm,
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


def embed(bench):
    ours = own(bench, "bench_embed", "--data", FASHION)
    rival = lambda: peers.torch_embed(bench, FASHION)
    return compare(bench, "embedding 60,000 rows of uint8", ours, [(rival, 2.0)])
