# SPDX-License-Identifier: Apache-2.0
"""The results file: a JSON object a line, one for each run."""

import json
import os


class Results:
    def __init__(self, path):
        self.path = path
        self.lines = []
        if path.exists():
            self._read()

    def _read(self):
        text = self.path.read_text()
        whole = text[:text.rfind("\n") + 1]
        if whole != text:
            # The study was killed while it wrote this line.
            self.path.write_text(whole)
        self.lines = [json.loads(line) for line in whole.splitlines() if line]

    def has(self, what, seed, version):
        return any((line["what"], line["seed"], line["version"]) == (what, seed, version)
                   for line in self.lines)

    def append(self, line):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.lines.append(line)

    def of(self, what):
        """{seed: line} of what was run, whatever the version: the newest counts."""
        return {line["seed"]: line for line in self.lines if line["what"] == what}

    def features(self, data, kind, layers=None):
        """{seed: line} of the lines that have measured these features ('raw', or 'untrained' with
        such layers) of the data."""
        return {line["seed"]: line for line in self.lines
                if line["data"] == data and kind in line.get("features", {}) and
                (layers is None or line["layers"] == layers)}
