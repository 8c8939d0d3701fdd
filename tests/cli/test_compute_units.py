# SPDX-License-Identifier: Apache-2.0
"""--compute-units: the same model from any number of them."""

import json
import unittest

from program import ProgramTest, environment


class ComputeUnitsTest(ProgramTest):
    def setUp(self):
        super().setUp()
        # PoCL has as many compute units as it is told; other drivers have what there is.
        self.env = environment(POCL_MAX_PTHREAD_COUNT="4")
        listing = json.loads(self.succeed("devices", "--json", env=self.env).stdout)
        self.device = next(device for device in listing["devices"] if device["used"])

    def train(self, *options, **settings):
        return self.run_program("pretrain", "--synthetic", "200x70", "--hidden", "33,17",
                                "--embedding", 9, "--batch", 50, "--epochs", 3, *options, "-o",
                                "m.safetensors", env=self.env, **settings)

    def test_the_model_is_the_same(self):
        models = {}
        for units in (1, 2, 4):
            if units <= self.device["compute_units"]:
                result = self.train("--compute-units", units)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn(f", {units} compute unit{'s' if units > 1 else ''})", result.stderr)
                models[units] = self.path("m.safetensors").read_bytes()
        self.assertGreaterEqual(len(models), min(2, self.device["compute_units"]))
        self.assertEqual(len(set(models.values())), 1)

    def test_more_than_there_are(self):
        result = self.train("--compute-units", self.device["compute_units"] + 1)
        self.assertEqual(result.returncode, 2)
        self.assertIn(f"compute units are wanted, but it has {self.device['compute_units']}",
                      result.stderr)
        self.assertFalse(self.path("m.safetensors").exists())

    def test_none(self):
        result = self.train("--compute-units", 0)
        self.assertEqual(result.returncode, 2)


if __name__ == "__main__":
    unittest.main()
