# SPDX-License-Identifier: Apache-2.0
"""The device's peaks, and matrix products."""

import json
import math
import subprocess

from table import number, spread, table


def run(bench, program, *options):
    """What a program of ours prints about the chosen device: a JSON object a line."""
    command = [bench.tools / program, *bench.machine.selection, *options]
    output = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE,
                            text=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def measure_peaks(bench):
    return run(bench, "bench_peaks")[0]


def peaks(bench):
    found = measure_peaks(bench)
    print(f"\nPeaks through OpenCL: {number(found['gflops'])} GFLOP/s of fma, "
          f"{number(found['gbytes'])} GB/s read and written by a copy.")
    return found


def gemm(peer):
    """A part that measures products against OpenBLAS or a provider of ours."""

    def measure(bench):
        head, *products = run(
            bench, "bench_gemm", *(bench.gemm or ["--gemm", "native"]), "--against", peer,
            "--json", 1, "--rounds", bench.rounds, "--seconds", bench.seconds / 2)
        title = f"OpenBLAS, {head['threads']} threads" if peer == "openblas" else peer
        for product in products:
            product["ratio"] = product["ours"][1] / product["peer"][1]
        print("\n" + table(
            ["product", "", ">m", ">n", ">k", f">{head['ours']}, GFLOP/s", f">{title}", ">ratio"],
            [[product["name"], product["form"], *(str(product[side]) for side in "mnk"),
              spread(product["ours"]), spread(product["peer"]), f"{product['ratio']:.2f}"]
             for product in products]))
        ratios = [product["ratio"] for product in products if not product["square"]]
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        least, square = (0.95, 0.8) if peer == "openblas" else (None, None)
        if peer == "openblas":
            print(f"\n{head['openblas']}")
        bench.wanted(f"products of the models, geometric mean of {len(ratios)}", title, mean,
                     least=least)
        for product in products:
            if product["square"]:
                bench.wanted(f"product {product['m']}³", title, product["ratio"], least=square)
        return {**head, "products": products, "geometric_mean": mean}

    return measure
