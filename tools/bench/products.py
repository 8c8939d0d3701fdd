# SPDX-License-Identifier: Apache-2.0
"""The device's peaks, matrix products, and what tuning them brings."""

import json
import math
import subprocess

import models
from table import row


def run(bench, program, *options):
    """What a program of ours prints about the chosen device: a JSON object a line."""
    command = [bench.tools / program, *bench.machine.selection, *options]
    output = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE,
                            text=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def measure_peaks(bench):
    return run(bench, "bench_peaks")[0]


def peaks(bench):
    found = [measure_peaks(bench) for _ in range(3)]
    return [row(f"{what} through OpenCL, {unit}", [peaks[key] for peaks in found])
            for what, unit, key in (("fma", "GFLOP/s", "gflops"), ("copy", "GB/s", "gbytes"))]


def gemm(peer):
    """A part that measures products against OpenBLAS or a provider of ours."""

    def measure(bench):
        head, *products = run(
            bench, "bench_gemm", *(bench.gemm or ["--gemm", "native"]), "--against", peer,
            "--json", 1, "--rounds", bench.rounds, "--seconds", bench.seconds / 2)
        title, wanted = peer, lambda key: None
        if peer == "openblas":
            title, wanted = f"OpenBLAS, {head['threads']} threads", bench.target
            bench.versions["OpenBLAS"] = head["openblas"].removeprefix("OpenBLAS ")
        rows = [row("{form} {m} × {n} × {k}, {name}, GFLOP/s".format(**product), product["ours"],
                    title, product["peer"],
                    least=wanted("square" if product["square"] else "product"))
                for product in products]
        ratios = [found["ratio"] for found, product in zip(rows, products) if not product["square"]]
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        return [row(f"products of the models, geometric mean of {len(ratios)}", None, title,
                    ratio=mean, least=wanted("products")), *rows]

    return measure


def tune(bench):
    """What the quick search brings to the products of the models, before and after."""
    rows = []
    for name, batch in (("reference", 256), ("wide", 512))[:1 if bench.quick else 2]:
        model = models.MODELS[name]
        command = [bench.program, "tune", "--quick", "--json", "--quiet", *bench.machine.selection,
                   "--input", model.widths[0], "--hidden", ",".join(map(str, model.widths[1:-1])),
                   "--embedding", model.widths[-1], "--objective", model.objective,
                   "--batch", batch]
        found = json.loads(bench.output(command, bench.empty_caches(f"tune-{name}")))
        for provider in found["providers"]:
            rows.append(row(
                f"{name}, batch {batch}, products by {provider['gemm']}, tuned, GFLOP/s",
                [provider["gflops"]], "before", [provider["gflops_before"]],
                least=bench.target("tune") if provider["gemm"] == "clblast" else None))
    return rows
