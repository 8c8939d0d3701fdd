# SPDX-License-Identifier: Apache-2.0
"""Programs that take turns: each measures when asked, and rests between."""

import os
import subprocess


class WorkerError(RuntimeError):
    """A program that ended, with the last line it wrote to standard error."""


class Worker:
    def __init__(self, name, command, environment=None):
        self.name = name
        self.rates = []
        self.key = None  # of the candidate that this is
        self._log = os.memfd_create("log")
        self._process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._log, text=True, env={**os.environ, **(environment or {})})

    def close(self):
        self._process.stdin.close()
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()
        os.close(self._log)

    def _line(self):
        line = self._process.stdout.readline().strip()
        if line:
            return line
        self._process.wait()
        log = os.pread(self._log, 1 << 20, 0).decode(errors="replace").strip().splitlines()
        raise WorkerError(f"{self.name}: {log[-1] if log else 'ended without a word'}")

    def wait_until_ready(self):
        while self._line() != "ready":
            pass
        return self

    def measure(self, seconds):
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        return float(self._line())
