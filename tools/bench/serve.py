# SPDX-License-Identifier: Apache-2.0
"""How tools/bench/run takes turns between programs: serve.h says the same for C."""

import sys
import time


def serve(run, wait):
    """run() does a step or a few and returns how many rows they took; wait() returns when the device
    has done them all."""

    def measure(seconds):
        start = time.perf_counter()
        rows = 0
        while True:
            rows += run()
            if time.perf_counter() - start >= seconds:
                break
        wait()
        return rows / (time.perf_counter() - start)

    measure(0.0)
    measure(0.2)
    print("ready", flush=True)
    for line in sys.stdin:
        print(f"{measure(float(line)):.6g}", flush=True)
