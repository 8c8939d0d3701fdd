#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""maskcl pretrain --recipe patches, --filters and embed --pool."""
import json
import unittest

from program import ProgramTest


class PatchesTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.images("x.idx", 40, 12, 10)

    def test_without_training(self):
        out = self.succeed("pretrain", "x.idx", "--recipe", "patches", "-o", "m.safetensors").stdout
        self.assertRegex(out, r"^took patches as filters, of 40 rows in [0-9.]+ s, without training, ")
        metadata = self.information("m.safetensors")["metadata"]
        self.assertEqual(metadata["encoder"], "patches:256x6,pool:grid:3")
        self.assertEqual((metadata["filters"], metadata["planned_epochs"], metadata["steps"]),
                         ("patches", "0", "0"))
        self.assertEqual(metadata["embedding"], "2304")
        self.succeed("reproduce", "m.safetensors", "--data", "x.idx")

    def test_layers_and_grids(self):
        self.succeed("pretrain", "x.idx", "-q", "--recipe", "patches", "--encoder",
                     "patches:8x4:0.1,pool:grid:3", "--filters", "kmeans", "-o", "m.safetensors")
        for name, options in (("a", ()), ("b", ("--layer", "1", "--pool", "3")), ("c", ("--pool", "3")),
                              ("d", ("--layer", "2"))):
            self.succeed("embed", "m.safetensors", "x.idx", "-o", name + ".npy", *options)
            self.assertEqual(self.path(name + ".npy").read_bytes(), self.path("a.npy").read_bytes())
        self.refuse("embed", "m.safetensors", "x.idx", "-o", "e.npy", "--pool", "4", code=2,
                    says=["--pool: a grid of 4 × 4 has more parts than the map of 3 × 3"])

    def test_training_goes_on_from_filters(self):
        for seed, filters in (("0", "patches"), ("0", "random"), ("1", "patches")):
            self.succeed("pretrain", "x.idx", "-q", "--encoder", "conv:8x3/2,dense:6", "--filters", filters,
                         "--epochs", "1", "--batch", "20", "--seed", seed,
                         "-o", f"{filters}{seed}.safetensors")
        digests = {self.information(name)["digest"] for name in
                   ("patches0.safetensors", "random0.safetensors", "patches1.safetensors")}
        self.assertEqual(len(digests), 3)

    def test_made_again_from_metadata(self):
        for option, value in (("filters", "kmeans"), ("filter-deviation", "0.1"), ("filter-whitening", "0.5"),
                              ("filter-threshold", "0.5"), ("filter-sides", "two")):
            with self.subTest(option=option):
                self.succeed("pretrain", "x.idx", "-q", "--recipe", "patches", "--encoder", "patches:8x4",
                             "--" + option, value, "-o", "m.safetensors")
                self.succeed("reproduce", "m.safetensors", "--data", "x.idx", "-q")

    def test_baselines(self):
        self.labels("y.idx", 40)
        self.succeed("pretrain", "x.idx", "-q", "--recipe", "patches", "--encoder", "patches:8x4,pool:grid:3",
                     "-o", "m.safetensors")
        out = self.succeed("probe", "m.safetensors", "x.idx", "y.idx", "--baselines", "--json").stdout
        results = {entry["features"]: entry for entry in json.loads(out)["results"]}
        self.assertEqual({name: entry["width"] for name, entry in results.items()},
                         {"raw": 120, "untrained": 72, "hog": 72, "random_convolutions": 72,
                          "whitened_patches": 72, "encoder": 72})
        out = self.succeed("probe", "m.safetensors", "x.idx", "y.idx", "--baselines").stdout
        self.assertRegex(out, r"seconds that the features took: raw inputs [0-9.]+, .*HOG")
        self.assertIn("HOG", out)
        self.refuse("probe", "m.safetensors", "x.idx", "y.idx", "--baselines", "--encoder-only", code=2,
                    says=["leave --encoder-only out"])

    def test_what_cannot_be_had(self):
        self.random_rows("flat.npy", 6, 120)
        for data, options, message in [
                ("x.idx", ("--encoder", "conv:8x3,patches:8x4"), "its patches are those of the rows"),
                ("x.idx", ("--encoder", "patches:8x4:0"), "'patches:8x4:0'"),
                ("x.idx", ("--recipe", "patches", "--encoder", "patches:8x13"), "does not fit the map"),
                ("x.idx", ("--recipe", "patches", "--filter-deviation", "9"), "use a lower"),
                ("x.idx", ("--filters", "patches", "--recipe", "fast"), "a dense encoder has no filters"),
                ("flat.npy", ("--recipe", "patches"), "is of images")]:
            result = self.run_program("pretrain", data, "-o", "m.safetensors", *options)
            self.assertIn(result.returncode, (1, 2), options)
            self.assertIn(message, result.stderr)


if __name__ == "__main__":
    unittest.main()
