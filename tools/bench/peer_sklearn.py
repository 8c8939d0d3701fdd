# SPDX-License-Identifier: Apache-2.0
"""scikit-learn's LogisticRegression on standardised rows, until its objective is at most a target:
prints seconds, iterations, the objective and the iterations a second as JSON. Standardising does not
count, nor what it does before the first iteration."""

import argparse
import gzip
import json
import time
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression, _logistic


def read(path):
    """An IDX file, compressed, or a .npy file."""
    if path.endswith(".npy"):
        return np.load(path)
    with gzip.open(path) as file:
        head = file.read(4)
        shape = [int.from_bytes(file.read(4), "big") for _ in range(head[3])]
        return np.frombuffer(file.read(), np.uint8).reshape(shape[0], -1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("labels")
    parser.add_argument("target", type=float)
    parser.add_argument("--threads", type=int, required=True, help="as in OMP_NUM_THREADS")
    parser.add_argument("--dtype", choices=["float32", "float64"], required=True)
    parser.add_argument("--seconds", type=float, required=True, help="at most")
    parser.add_argument("--strength", type=float, required=True,
                        help="half of it times the weights' squares is added to the mean loss")
    options = parser.parse_args()
    rows = read(options.data).astype(np.float64)
    labels = read(options.labels).ravel().astype(np.int64)
    deviation = rows.std(0)
    rows = (rows - rows.mean(0)) * np.divide(1, deviation, where=deviation > 0,
                                             out=np.zeros_like(deviation))
    rows = rows.astype(options.dtype)
    seen = []
    minimize = _logistic.optimize.minimize

    def watch(intermediate_result):
        seen.append((time.perf_counter() - start, float(intermediate_result.fun)))
        if seen[-1][1] <= options.target or seen[-1][0] > options.seconds:
            raise StopIteration

    _logistic.optimize.minimize = lambda *arguments, **keywords: minimize(
        *arguments, **{**keywords, "callback": watch})
    warnings.simplefilter("ignore")
    # C·Σ loss + ½|w|² is N·C times the mean loss + ½·strength·|w|²
    regression = LogisticRegression(C=1 / (len(rows) * options.strength), tol=1e-12, max_iter=1000000)
    start = time.perf_counter()
    regression.fit(rows, labels)
    seconds, objective = seen[-1]
    print(json.dumps({"seconds": seconds, "objective": objective, "iterations": len(seen),
                      "rate": len(seen) / seconds}))


if __name__ == "__main__":
    main()
