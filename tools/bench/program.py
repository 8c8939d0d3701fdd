# SPDX-License-Identifier: Apache-2.0
"""The program as a whole: start, memory, and time by the size of the data set."""

import os
import subprocess
import time

import models
from contest import take_turns
from steps import FASHION
from table import row

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


def start(bench):
    cold, warm = [], []
    for index in range(bench.rounds):
        environment = bench.empty_caches(index)
        cold.append(one_step(bench, environment))
        warm.append(one_step(bench, environment))
    return [row(f"a run of one step, {caches} caches, s", seconds, most=bench.target(key))
            for caches, key, seconds in (("empty", "cold", cold), ("warm", "warm", warm))]


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
    drivers = peak_memory(bench, [str(bench.program), "devices"], {})
    rows = [row("peak memory of maskcl devices, which only loads the drivers, MB",
                [drivers / MEGABYTE])]
    for name, bytes_each, data in (("uint8", 1, [FASHION]),
                                   ("float32", 4, ["--synthetic", f"60000x{columns}"])):
        environment = bench.empty_caches(f"memory-{name}")
        command = pretrain(bench, "memory", *data, "--batch", 256, "--epochs", 2)
        size = 60000 * columns * bytes_each
        for caches, wanted in ("empty", None), ("warm", bench.target("memory")):
            over = peak_memory(bench, command, environment) - size
            rows.append(row(f"peak memory beyond 60,000 × {columns} of {name}, {caches} caches, MB",
                            [over / MEGABYTE], most=wanted))
    return rows


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
        worker = bench.own("bench_step", "--data", path, "--batch", 256)
        workers.append(worker.wait_until_ready())
        path.unlink()
    take_turns(bench, workers)
    for worker in workers:
        worker.close()
    return [row(f"epochs of {rows:,} rows of uint8, rows/s", worker.rates,
                f"epochs of {counts[0]:,}", workers[0].rates, least=0.9, most=1.1)
            for rows, worker in zip(counts[1:], workers[1:])]
