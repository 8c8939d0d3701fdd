# SPDX-License-Identifier: Apache-2.0
"""The program as a whole: start, memory, and time by the size of the data set."""

import os
import subprocess
import time

import models
from steps import FASHION, own
from table import number, spread, table

MEGABYTE = 1e6


def pretrain(bench, name, *options):
    """The command of a training run of the reference model."""
    command = [bench.program, "pretrain", *options, "--recipe", "reference", "--quiet",
               *bench.machine.selection, *bench.gemm, "-o", bench.folder / f"{name}.safetensors"]
    return [str(part) for part in command]


def one_step(bench, environment):
    """Seconds of a whole run of one step, from the program's start to its end."""
    command = pretrain(bench, "first", "--synthetic", "256x784", "--epochs", 1)
    begun = time.perf_counter()
    subprocess.run(command, check=True, env={**os.environ, **environment})
    return time.perf_counter() - begun


def empty_caches(bench, name):
    """An environment in which no kernel has been compiled yet."""
    cache = bench.folder / f"cache-{name}"
    cache.mkdir()
    return {variable: str(cache) for variable in ("POCL_CACHE_DIR", "XDG_CACHE_HOME")}


def start(bench):
    cold, warm = [], []
    for index in range(bench.rounds):
        environment = empty_caches(bench, index)
        cold.append(one_step(bench, environment))
        warm.append(one_step(bench, environment))
    result = {"cold": sorted(cold), "warm": sorted(warm)}
    print("\n" + table(
        ["a run of one step, from start to end", ">seconds"],
        [[f"{caches} caches", spread(result[key])]
         for caches, key in (("empty", "cold"), ("warm", "warm"))]))
    for key, most in ("cold", 2.0), ("warm", 0.3):
        bench.wanted(f"{key} start to the end of the first step, seconds", "",
                     result[key][bench.rounds // 2], most=most)
    return result


def peak_memory(bench, command, environment):
    """Bytes that a run keeps resident at most."""
    with open(bench.folder / "memory.log", "w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log,
                                   env={**os.environ, **environment})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            raise RuntimeError(log.read())
    return usage.ru_maxrss * 1024


def memory(bench):
    """Training with kernels compiled before and with none, and what the drivers take anyway."""
    columns = models.MODELS["reference"].widths[0]
    result = {"drivers": peak_memory(bench, [str(bench.program), "devices"], {})}
    rows = []
    for name, bytes_each, data in (("uint8", 1, [FASHION]),
                                   ("float32", 4, ["--synthetic", f"60000x{columns}"])):
        cache = empty_caches(bench, f"memory-{name}")
        command = pretrain(bench, "memory", *data, "--batch", 256, "--epochs", 2)
        size = 60000 * columns * bytes_each
        peaks = {caches: peak_memory(bench, command, cache) for caches in ("empty", "warm")}
        result[name] = {"data": size, **peaks, "over": peaks["warm"] - size}
        bench.wanted(f"memory over the data, MB, {name}", "",
                     result[name]["over"] / MEGABYTE, most=150)
        rows.append([f"60,000 × {columns} of {name}",
                     *(number(bytes / MEGABYTE) for bytes in (
                         size, peaks["warm"], peaks["warm"] - size, peaks["empty"] - size))])
    print("\n" + table(
        ["training on", ">data, MB", ">peak resident, MB", ">over the data, MB",
         ">with empty caches, MB"], rows))
    print("\nThe drivers that are installed take "
          f"{number(result['drivers'] / MEGABYTE)} MB of each by being loaded.")
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
    """Time a row by the number of rows, over whole epochs."""
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
    for worker in workers:
        worker.close()
    result = {rows: sorted(worker.rates) for rows, worker in zip(counts, workers)}
    print("\n" + table(["rows of the data set, 784 of uint8 each", ">rows/s"],
                       [[f"{rows:,}", spread(rates)] for rows, rates in result.items()]))
    middle = bench.rounds // 2
    for rows in counts[1:]:
        bench.wanted(f"time a row at {rows:,} rows", "of that at 10,000",
                     result[counts[0]][middle] / result[rows][middle], least=0.9, most=1.1)
    return result
