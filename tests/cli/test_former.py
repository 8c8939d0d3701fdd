# SPDX-License-Identifier: Apache-2.0
"""Models and checkpoints that version 0.1 wrote (tests/fixtures/v0.1) load and resume, to its bits."""

import os
import pathlib
import shutil
import unittest

from program import ProgramTest

FIXTURES = pathlib.Path(os.environ["MASKCL_SOURCE"]) / "tests" / "fixtures" / "v0.1"
SHAPE = ["--synthetic", "64x12", "--hidden", 6, "--embedding", 4, "--batch", 16, "--epochs", 400]
RUNS = {
    "contrastive": ([
        "--seed", 3, "--objective", "nt-xent+moco:0.5+byol:2", "--predictor", 4, "--queue", 40,
        "--temperature", 0.3, "--ema", 0.99, "--clip-norm", 1, "--optimizer", "adamw",
        "--schedule", "cosine", "--warmup", 2.5, "--normalization", "batch"],
        "b786f8725bd22406606cdea1599a7cca"),
    "reconstruction": ([
        "--seed", 4, "--objective", "reconstruction:2+cosine", "--negatives", 2, "--margin", 0.1,
        "--reconstruct", "hidden", "--dropout", 0.1, "--optimizer", "sgd", "--momentum", 0.9,
        "--schedule", "step", "--lr-step", 100, "--lr-gamma", 0.5,
        "--views", "noise:0.1,mask:bernoulli:0.6", "--early-stop", 300, "--decoder", 7],
        "6b11f1ccc244cb7ef43e9b1360758337"),
}


class FormerTest(ProgramTest):
    def test_models(self):
        for name, (_, digest) in RUNS.items():
            self.assertEqual(self.information(FIXTURES / (name + ".safetensors"))["digest"], digest)

    def test_checkpoints_resume(self):
        for name, (options, digest) in RUNS.items():
            with self.subTest(name):
                shutil.copy(FIXTURES / (name + ".checkpoint.safetensors"), self.folder)
                out = name + ".safetensors"
                result = self.succeed("pretrain", *SHAPE, *options, "--resume", "-o", out)
                self.assertIn("resuming after step", result.stderr)
                self.assertNotIn("resuming after step 0", result.stderr)
                self.assertEqual(self.information(out)["digest"], digest)

    def test_other_options_are_refused(self):
        for option, other, name in [
                ("--temperature", 0.4, "contrastive"), ("--queue", 41, "contrastive"),
                ("--ema", 0.5, "contrastive"), ("--warmup", 3, "contrastive"),
                ("--margin", 0.2, "reconstruction"), ("--lr-gamma", 0.25, "reconstruction"),
                ("--early-stop", 200, "reconstruction"), ("--beta1", 0.8, "contrastive")]:
            with self.subTest(option):
                shutil.copy(FIXTURES / (name + ".checkpoint.safetensors"), self.folder)
                line = self.refuse("pretrain", *SHAPE, *RUNS[name][0], option, other, "--resume",
                                   "-q", "-o", name + ".safetensors", code=2)
                self.assertIn("is of a run in which %s was " % option, line)


if __name__ == "__main__":
    unittest.main()
