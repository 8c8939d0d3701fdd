# SPDX-License-Identifier: Apache-2.0
"""The reference model on Fashion-MNIST: the same bits on whatever device the tests run."""

import hashlib
import json
import pathlib
import unittest

from program import ProgramTest

IMAGES = pathlib.Path("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz")

# Of the model, and of what each step reported, as PoCL 3.1 and Intel's CPU runtime have them.
DIGEST = "ab95a453a0ae37924c2bb944223b3c7d"
METRICS = "51e69cdbdcece3625eb54900a85059b68dd437c20cd8069eee1dd25d7bef5d22"


@unittest.skipUnless(IMAGES.exists(), "dataset-fashion-mnist is not installed")
class FashionTest(ProgramTest):
    def test_three_epochs(self):
        result = self.succeed("pretrain", IMAGES, "--epochs", 3, "--batch", 256, "--hidden", 128,
                              "--embedding", 64, "--activation", "relu", "--mask", "bernoulli",
                              "--mask-ratio", 0.5, "--objective", "nt-xent:1+reconstruction:10",
                              "--temperature", 0.2, "--optimizer", "adam", "--lr", 0.001,
                              "--seed", 0, "--reproducible", "--metrics", "m.jsonl",
                              "-o", "m.safetensors")
        self.assertEqual(result.stdout.splitlines()[-1], "digest " + DIGEST)
        lines = [json.loads(line) for line in self.path("m.jsonl").read_text().splitlines()]
        self.assertEqual(lines[-1]["step"], 3 * (60000 // 256))
        said = hashlib.sha256()
        for line in lines:
            for name in "loss", "nt-xent", "reconstruction", "spread":
                said.update(float(line[name]).hex().encode())
        self.assertEqual(said.hexdigest(), METRICS)


if __name__ == "__main__":
    unittest.main()
