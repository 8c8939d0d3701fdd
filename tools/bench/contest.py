# SPDX-License-Identifier: Apache-2.0
"""Whom to measure against, and the measurement in turn."""

import time

from table import spread, table
from workers import WorkerError

REST = 0.1  # seconds between two programs, until the first one's threads have stopped spinning


def fastest(bench, candidates):
    """The worker that is fastest in a short trial, with its key; the others are ended. candidates:
    what makes each, by key. None when none works."""
    best, highest = None, 0.0
    for key, make in candidates.items():
        worker = make()
        bench.say(f"trying {worker.name}")
        try:
            worker.wait_until_ready()
            rate = max(worker.measure(bench.seconds / 2) for _ in range(3))
        except WorkerError as error:
            bench.say(f"left out: {error}")
            rate = 0.0
        if rate > highest:
            best, worker, highest = worker, best, rate
            best.key = key
        if worker:
            worker.close()
    return best


def compare(bench, work, ours, peers):
    """Measures ours and each peer in turn, prints a table and returns the figures. peers: pairs of
    what makes a peer's worker (or None where it cannot be had) and the least ratio that is wanted,
    or None."""
    ours.wait_until_ready()
    chosen = [(make(), least) for make, least in peers]
    chosen = [(worker, least) for worker, least in chosen if worker]
    workers = [ours, *(worker for worker, _ in chosen)]
    for _ in range(bench.rounds):
        for worker in workers:
            time.sleep(REST)
            worker.rates.append(worker.measure(bench.seconds))
    for worker in workers:
        worker.rates.sort()
        worker.close()
    middle = bench.rounds // 2
    lines = [["maskcl", spread(ours.rates), ""]]
    figures = []
    for worker, least in chosen:
        ratio = ours.rates[middle] / worker.rates[middle]
        lines.append([worker.name, spread(worker.rates), f"{ratio:.2f}"])
        figures.append({"name": worker.name, "rates": worker.rates, "ratio": ratio})
        bench.wanted(work, worker.name, ratio, least=least)
    print("\n" + table([work, ">rows/s", ">maskcl to it"], lines), flush=True)
    return {"work": work, "ours": ours.rates, "peers": figures}
