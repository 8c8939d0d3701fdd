# SPDX-License-Identifier: Apache-2.0
"""Whom to measure against, and the measurement in turn."""

import time

from table import row
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


def take_turns(bench, workers):
    """Each measures once in every round, into its rates."""
    for _ in range(bench.rounds):
        for worker in workers:
            time.sleep(REST)
            worker.rates.append(worker.measure(bench.seconds))


def compare(bench, work, ours, peers):
    """Measures ours and each peer in turn and returns the rows. peers: pairs of what makes a peer's
    worker (or None where it cannot be had) and the target that its ratio has, or None."""
    ours.wait_until_ready()
    chosen = [(make(), key) for make, key in peers]
    chosen = [(worker, key) for worker, key in chosen if worker]
    workers = [ours, *(worker for worker, _ in chosen)]
    take_turns(bench, workers)
    for worker in workers:
        worker.close()
    return [row(f"{work}, rows/s", ours.rates, worker.name, worker.rates, least=bench.target(key))
            for worker, key in chosen] or [row(f"{work}, rows/s", ours.rates)]
