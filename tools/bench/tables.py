#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reading tables beside pandas.read_csv with its C engine: writes a table of numbers of 100 MB and a mixed one, and
prints the least seconds of three readings of each. Ours end with encoder inputs.

    tools/bench/tables.py BENCH_TABLE        (needs pandas; BUILD/tools/bench/bench_table)
"""

import pathlib
import subprocess
import sys
import tempfile
import time

import numpy
import pandas

TIMES = 3


def tables(folder):
    random = numpy.random.default_rng(0)
    numbers = pandas.DataFrame(random.normal(size=(260000, 20)))
    numbers.columns = [f"c{i}" for i in range(20)]
    rows = 900000
    mixed = pandas.DataFrame({
        "number": random.normal(size=rows),
        "whole": random.integers(0, 1000, rows),
        "colour": random.choice(["red", "green", "blue", "dark yellow"], rows),
        "price": numpy.round(random.normal(size=rows) * 100, 2),
        "answer": random.choice(["yes", "no"], rows),
        "gaps": numpy.where(random.random(rows) < 0.1, numpy.nan, random.normal(size=rows)),
        "quoted": random.choice(["a, b", 'c "d"', "e"], rows)})
    for name, table in ("numbers", numbers), ("mixed", mixed):
        path = pathlib.Path(folder, name + ".csv")
        table.to_csv(path, index=False)
        yield path


def seconds_of_pandas(path):
    least = float("inf")
    for _ in range(TIMES):
        start = time.monotonic()
        pandas.read_csv(path, engine="c")
        least = min(least, time.monotonic() - start)
    return least


def main():
    with tempfile.TemporaryDirectory() as folder:
        for path in tables(folder):
            ours = float(subprocess.run([sys.argv[1], path, str(TIMES)], check=True, text=True,
                                        stdout=subprocess.PIPE).stdout)
            print(f"{path.stem:8} {path.stat().st_size / 1e6:6.1f} MB  maskcl {ours:.3f} s  "
                  f"pandas {pandas.__version__} {seconds_of_pandas(path):.3f} s")


if __name__ == "__main__":
    main()
