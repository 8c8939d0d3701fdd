"""The parts of the table. Each measures, prints its own table and returns its figures."""

import json
import math
import os
import resource
import subprocess
import time

import models
from contest import compare, fastest
from table import number, spread, table
from workers import Worker

HERE = os.path.dirname(os.path.abspath(__file__))
FASHION = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"
MEGABYTE = 1e6


def own(bench, program, *options, environment=None):
    """A program of ours on the chosen device."""
    command = [bench.tools / program, *bench.machine.selection, *bench.gemm, *options]
    return Worker("maskcl", command, environment)


def torch(bench, name, *options, threads):
    cuda = ["--cuda"] if bench.machine.gpu else []
    title = name if cuda else f"{name}, {threads} thread{'s' if threads > 1 else ''}"
    return Worker(title, [bench.python, f"{HERE}/peer_torch.py", "--threads", threads, *cuda,
                          *options], {"OMP_NUM_THREADS": str(threads)})


FORMS = {"as published": [], "joined views": ["--joined"], "fused Adam": ["--fused"],
         "joined views, fused Adam": ["--joined", "--fused"]}


def torch_eager(bench, *options):
    """The loop as it was published, by the best of its thread counts."""
    counts = [1] if bench.machine.gpu else bench.machine.thread_counts()
    best = fastest(bench, {
        threads: lambda threads=threads: torch(bench, "PyTorch eager, as published", *options,
                                               threads=threads)
        for threads in counts})
    bench.threads = best.key
    return best


def torch_best(bench, *options):
    """PyTorch's eager mode by the best way to write the loop, with as many threads."""
    return fastest(bench, {
        form: lambda form=form: torch(bench, f"PyTorch eager, {form}", *options, *FORMS[form],
                                      threads=bench.threads)
        for form in FORMS if form != "as published"})


def torch_compile(bench, *options):
    """torch.compile by the better way to write the views, with as many threads."""
    return fastest(bench, {
        form: lambda form=form: torch(bench, f"torch.compile, {form}", *options, *FORMS[form],
                                      "--compile", threads=bench.threads)
        for form in FORMS if "fused Adam" in form})


def tinygrad(bench, *options):
    """tinygrad on the same device, by the best way to write the loop."""
    file = bench.machine.icd_file()
    if file is None:
        return None
    environment = {"DEV": "CL", "OCL_ICD_VENDORS": str(file)}
    return fastest(bench, {
        (form, gather): lambda form=form, gather=gather: Worker(
            f"tinygrad, {form}, gather on the {gather}",
            [bench.python, f"{HERE}/peer_tinygrad.py", *options, *FORMS[form], "--gather", gather],
            environment)
        for form in ("as published", "joined views") for gather in ("device", "host")})


def step(model, batch, peers):
    """A part that measures training steps. peers: (what makes the worker, the least ratio that is
    wanted or None)."""

    def run(bench):
        work = f"{model} model's step, batch {batch}"
        shape = models.MODELS[model]
        options = ["--model", model, "--batch", batch]
        ours = own(bench, "bench_step", "--rows", shape.rows, "--columns", shape.widths[0],
                   "--hidden", ",".join(map(str, shape.widths[1:-1])),
                   "--embedding", shape.widths[-1], "--objective", shape.objective,
                   "--batch", batch)
        chosen = [(lambda peer=peer: peer(bench, *options), target) for peer, target in peers
                  if not (bench.quick and peer in (torch_compile, tinygrad))]
        result = compare(bench, work, ours, chosen)
        result["gflops"] = [rate * shape.step_flops_per_row * 1e-9 for rate in result["ours"]]
        if (model, batch) == ("reference", 1024):
            result["share_of_peak"] = share_of_peak(bench, result["gflops"])
        return result

    return run


def share_of_peak(bench, rates):
    if bench.peaks is None:
        peaks(bench)
    rate = rates[len(rates) // 2]
    share = rate / bench.peaks["gflops"]
    print(f"\nof the fma peak, the whole step's products: {number(rate)} GFLOP/s, {share:.2f} "
          "(wanted: 0.75)")
    return share


def peaks(bench):
    """The device's own peaks, through OpenCL."""
    output = subprocess.run(
        [str(part) for part in [bench.tools / "bench_peaks", *bench.machine.selection]],
        check=True, capture_output=True, text=True).stdout
    bench.peaks = json.loads(output)
    print(f"\nPeaks through OpenCL: {number(bench.peaks['gflops'])} GFLOP/s of fma "
          f"(float{bench.peaks['vector']}, {bench.peaks['chains']} chains), "
          f"{number(bench.peaks['gbytes'])} GB/s read and written by a copy")
    return bench.peaks


def embed(bench):
    ours = own(bench, "bench_embed", "--data", FASHION)
    counts = [1] if bench.machine.gpu else bench.machine.thread_counts()
    peer = lambda: fastest(bench, {
        (threads, batch): lambda threads=threads, batch=batch: torch(
            bench, f"PyTorch eager, batch {batch}", "--data", FASHION, "--batch", batch,
            threads=threads)
        for threads in counts for batch in (256, 1024, 8192)})
    return compare(bench, "embedding 60,000 rows of uint8", ours, [(peer, 2.0)])


def gemm_against(peer):
    def run(bench):
        command = [bench.tools / "bench_gemm", *bench.machine.selection,
                   *(bench.gemm or ["--gemm", "native"]), "--against", peer, "--json", 1,
                   "--rounds", bench.rounds, "--seconds", bench.seconds / 2]
        output = subprocess.run([str(part) for part in command], check=True, capture_output=True,
                                text=True).stdout
        head, *products = map(json.loads, output.splitlines())
        title = peer if peer != "openblas" else f"OpenBLAS, {head['threads']} threads"
        if peer == "openblas":
            print(f"\n{head['openblas']}")
        print("\n" + table(
            ["product", "", ">m", ">n", ">k", f">{head['ours']}, GFLOP/s", f">{title}", ">ratio"],
            [[product["name"], product["form"],
              *(str(product[side]) for side in "mnk"),
              spread(product["ours"]), spread(product["peer"]),
              f"{product['ours'][1] / product['peer'][1]:.2f}"] for product in products]))
        ratios = [product["ours"][1] / product["peer"][1] for product in products
                  if not product["square"]]
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        wanted = " (wanted: 0.95; square ones: 0.8)" if peer == "openblas" else ""
        print(f"\ngeometric mean of the models' {len(ratios)} products: {mean:.2f}{wanted}")
        return {**head, "products": products, "geometric_mean": mean}

    return run


def first_steps(bench, environment):
    """Seconds of a whole run of one step, from the program's start to its end."""
    command = [bench.program, "pretrain", "--synthetic", "256x784", "--recipe", "reference",
               "--epochs", 1, "--quiet", *bench.machine.selection, *bench.gemm,
               "-o", bench.folder / "first.safetensors"]
    start = time.perf_counter()
    subprocess.run([str(part) for part in command], check=True, env={**os.environ, **environment})
    return time.perf_counter() - start


def start(bench):
    cold, warm = [], []
    for index in range(bench.rounds):
        cache = bench.folder / f"cache-{index}"
        cache.mkdir()
        environment = {name: str(cache) for name in ("POCL_CACHE_DIR", "XDG_CACHE_HOME")}
        cold.append(first_steps(bench, environment))
        warm.append(first_steps(bench, environment))
    result = {"cold": sorted(cold), "warm": sorted(warm)}
    print("\n" + table(
        ["a run of one step, start to end", ">seconds", ">wanted"],
        [["empty caches", spread(result["cold"]), "≤ 2"],
         ["warm caches", spread(result["warm"]), "≤ 0.3"]]))
    return result


def peak_memory(bench, rows, *data):
    """Bytes that a run keeps resident at most, and of the data set alone."""
    command = [bench.program, "pretrain", *data, "--recipe", "reference", "--batch", 256,
               "--epochs", 2, "--quiet", *bench.machine.selection, *bench.gemm,
               "-o", bench.folder / "memory.safetensors"]
    process = subprocess.Popen([str(part) for part in command])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return {"peak": usage.ru_maxrss * 1024, "data": rows}


def memory(bench):
    columns = models.MODELS["reference"].widths[0]
    result = {
        "60,000×784 of uint8": peak_memory(bench, 60000 * columns, FASHION),
        "60,000×784 of float32": peak_memory(
            bench, 60000 * columns * 4, "--synthetic", f"60000x{columns}"),
    }
    print("\n" + table(
        ["training on", ">data, MB", ">peak resident, MB", ">over the data, MB", ">wanted"],
        [[name, number(figures["data"] / MEGABYTE), number(figures["peak"] / MEGABYTE),
          number((figures["peak"] - figures["data"]) / MEGABYTE), "≤ 150"]
         for name, figures in result.items()]))
    return result


def random_rows(path, rows, columns):
    """A .npy file of random bytes."""
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({rows}, {columns}), }}"
    head = head.ljust(128 - 10 - 1) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode())
        for first in range(0, rows, 10000):
            file.write(os.urandom(min(10000, rows - first) * columns))
    return path


def flat(bench):
    """Time a row by the number of rows, whole epochs."""
    columns = models.MODELS["reference"].widths[0]
    counts = [10000, 100000] if bench.quick else [10000, 100000, 1000000]
    workers = []
    for rows in counts:
        path = random_rows(bench.folder / f"rows-{rows}.npy", rows, columns)
        workers.append(own(bench, "bench_step", "--data", path, "--batch", 256).wait_until_ready())
        path.unlink()
    for _ in range(bench.rounds):
        for worker in workers:
            worker.rates.append(worker.measure(bench.seconds))
    result = {rows: sorted(worker.rates) for rows, worker in zip(counts, workers)}
    for worker in workers:
        worker.close()
    middle = bench.rounds // 2
    print("\n" + table(
        ["rows of the data set", ">rows/s", ">time a row, of that at 10,000", ">wanted"],
        [[f"{rows:,}", spread(rates), f"{result[counts[0]][middle] / rates[middle]:.3f}",
          "0.9 – 1.1" if rows != counts[0] else ""] for rows, rates in result.items()]))
    return result


PARTS = {
    "peaks": peaks,
    "step-32": step("reference", 32, [(torch_eager, 4.0), (torch_best, None)]),
    "step-256": step("reference", 256, [(torch_eager, 2.5), (torch_best, None),
                                        (torch_compile, 2.3), (tinygrad, 6.0)]),
    "step-1024": step("reference", 1024, [(torch_eager, 1.7), (torch_best, None),
                                          (tinygrad, 6.0)]),
    "wide-512": step("wide", 512, [(torch_eager, 1.2), (torch_best, None)]),
    "embed": embed,
    "gemm": gemm_against("openblas"),
    "gemm-clblast": gemm_against("clblast"),
    "start": start,
    "memory": memory,
    "flat": flat,
}


def default_parts(bench):
    """OpenBLAS is no peer of a GPU, and CLBlast none of a CPU: it is far behind there."""
    left_out = "gemm" if bench.machine.gpu else "gemm-clblast"
    return [name for name in PARTS if name != left_out]
