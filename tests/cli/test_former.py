# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that version 0.1 wrote: they are models, and a run goes on from them to the bits that
it would have had there. tests/fixtures/former/ has them with the options of their runs."""

import json
import os
import pathlib
import unittest

from program import ProgramTest

FORMER = pathlib.Path(os.environ["MASKCL_SOURCE"]) / "tests/fixtures/former"
RUNS = json.loads((FORMER / "former.json").read_text())


def run_of(run):
    return ["pretrain", "--synthetic", "200x16", "--hidden", "8", "--embedding", "4", "--batch",
            "16", "--epochs", "20", "-o", "m.safetensors", *run["options"], "--resume"]


class FormerTest(ProgramTest):
    def keep(self, name):
        self.write("m.checkpoint.safetensors", (FORMER / (name + ".safetensors")).read_bytes())

    def test_runs_go_on(self):
        for name, run in RUNS.items():
            with self.subTest(name=name):
                self.keep(name)
                self.assertIn("resuming after step ", self.succeed(*run_of(run)).stderr)
                self.assertEqual(self.information("m.safetensors")["digest"], run["digest"])

    def test_they_are_models(self):
        self.random_rows("rows.npy", 3, 16)
        for name in RUNS:
            with self.subTest(name=name):
                self.keep(name)
                self.succeed("embed", "m.checkpoint.safetensors", "rows.npy", "-o", "out.npy")

    def test_other_options_are_refused(self):
        self.keep("lars")
        for option, value in ("--epsilon", "1e-7"), ("--momentum", "0.5"), ("--ema", "0.9"):
            self.refuse(*run_of(RUNS["lars"]), "-q", option, value, code=2,
                        says=["%s was " % option, ", and here it is "])


if __name__ == "__main__":
    unittest.main()
