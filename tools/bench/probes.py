# SPDX-License-Identifier: Apache-2.0
"""The linear probe against scikit-learn's LogisticRegression, and the nearest neighbours."""

import json
import os
import pathlib
import subprocess

from table import row

HERE = pathlib.Path(__file__).resolve().parent
FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")
FILES = [FASHION / f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k")
         for kind in ("images-idx3", "labels-idx1")]
STRENGTH = 1e-4  # of the L2 penalty of both, so that they minimise the same
CLOSE = 1e-5  # to the minimum, relative to it, is near enough
PATIENCE = {True: 30, False: 300}  # seconds for the peer, when it is quick and when not


def run(command, **options):
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE,
                          text=True, **options).stdout


def train(bench):
    """A model with 64 columns, and its embeddings."""
    model, rows = bench.folder / "probe.safetensors", bench.folder / "probe.npy"
    run([bench.program, "pretrain", FILES[0], "--recipe", "reference", "--epochs", 1, "--batch",
         256, "-o", model, "--quiet", *bench.machine.selection])
    run([bench.program, "embed", model, FILES[0], "-o", rows, "--quiet", *bench.machine.selection])
    return model, rows


def ours(bench, model, *options):
    """What maskcl probe found, by features."""
    found = json.loads(run([bench.program, "probe", model, *FILES, "--json", "--quiet",
                            *bench.machine.selection, *bench.gemm, *options]))["results"]
    return {entry["features"]: entry for entry in found}


def peer(bench, data, target):
    """scikit-learn's seconds until its objective is at most the target, by the better of its forms,
    and the objective where it ended: that is above the target where patience has. Which form is
    better a few iterations tell."""
    patience = PATIENCE[bench.quick]

    def fit(threads, dtype, limit):
        return json.loads(run([bench.python, HERE / "peer_sklearn.py", data, FILES[1], target,
                               "--threads", threads, "--dtype", dtype, "--seconds", limit,
                               "--strength", STRENGTH],
                              env={**os.environ, "OMP_NUM_THREADS": str(threads)}))

    forms = [(threads, dtype) for threads in bench.machine.thread_counts()
             for dtype in ("float32", "float64")]
    rates = {form: fit(*form, 3)["rate"] for form in forms}
    best = max(rates, key=rates.get)
    return fit(*best, patience), f"scikit-learn, {best[1]}, threads: {best[0]}"


def compare(bench, work, entry, data):
    """Until the objective is within CLOSE of the least that was found."""
    found, name = peer(bench, data, entry["objective"] * (1 + CLOSE))
    seconds = entry["linear_seconds"]
    bench.say(f"{work}: objective {entry['objective']:.8f}, {entry['iterations']} iterations; "
              f"{name}: {found['objective']:.8f}, {found['iterations']} iterations")
    reached = found["objective"] <= entry["objective"] * (1 + CLOSE)
    if not reached:
        name += f"; not there yet, still {found['objective'] / entry['objective'] - 1:.1g} above"
    # As a rate, so that more is better: fits an hour.
    return row(f"{work}, linear probe, fits an hour", [3600 / seconds], name,
               [3600 / found["seconds"]], least=bench.target("probe"))


def probe(bench):
    model, rows = train(bench)
    for _ in range(2):  # the first time compiles kernels
        few = ours(bench, model, "--labels-per-class", 60)
    whole = ours(bench, model, "--strength", STRENGTH)
    lines = [compare(bench, "60,000 × 784 pixels", whole["raw"], FILES[0]),
             compare(bench, "60,000 × 64 embeddings", whole["encoder"], rows)]
    for features, columns in (("raw", 784), ("encoder", 64)):
        lines.append(row(f"five linear probes of 600 × {columns}, s",
                         [few[features]["linear_seconds"]]))
    for features, columns in (("raw", 784), ("encoder", 64)):
        entry = whole[features]
        lines.append(row(f"20-NN of 10,000 among 60,000 × {columns}, s",
                         [entry["seconds"] - entry["linear_seconds"]]))
    return lines
