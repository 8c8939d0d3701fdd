# SPDX-License-Identifier: Apache-2.0
"""Devices that allow less than others: the same results, or one line that says what would help."""

import json
import random
import re
import resource
import unittest

from watched import WatchedTest


class WorkGroupTest(WatchedTest):
    """A kernel may have fewer work-items a group than the device says for all kernels."""

    def test_smaller_groups_give_the_same_bits(self):
        arguments = ("pretrain", "--synthetic", "64x20", "--epochs", 1, "--hidden", 8,
                     "--embedding", 4, "--batch", 32, "--gemm", "native-gpu", "-q", "-o")
        self.succeed(*arguments, "all.safetensors")
        expected = self.path("all.safetensors").read_bytes()
        for limit in "64", "1!":
            with self.subTest(limit=limit):
                self.succeed(*arguments, "some.safetensors",
                             env=self.watched(OPENCL_SHIM_GROUP=limit))
                self.check_released()
                self.assertTrue(self.path("some.safetensors").read_bytes() == expected)

    def test_profile(self):
        result = self.succeed("pretrain", "--synthetic", "64x20", "--epochs", 1, "--hidden", 8,
                              "--embedding", 4, "--gemm", "native-gpu", "--profile", "-o",
                              "m.safetensors", env=self.watched(OPENCL_SHIM_GROUP="8"))
        self.assertIn("measured peaks", result.stdout)


class MemoryTest(WatchedTest):
    """Other programs may hold what the device says it has, and a buffer need not have all of it."""

    GPU = {"OPENCL_SHIM_GPU": 1}
    TRAINING = ("--epochs", 2, "--hidden", 16, "--embedding", 8, "--batch", 64, "--gemm",
                "native-cpu", "-q", "-o")

    def test_data_without_room_is_sent_in_parts(self):
        self.random_rows("rows.npy", 6000, 64)  # 1,536,000 bytes
        self.succeed("pretrain", "rows.npy", *self.TRAINING, "whole.safetensors")
        expected = self.path("whole.safetensors").read_bytes()
        for most in "1200000", "1200000!":
            with self.subTest(most=most):
                result = self.succeed("pretrain", "rows.npy", *self.TRAINING, "parts.safetensors",
                                      env=self.watched(OPENCL_SHIM_MOST=most, **self.GPU))
                self.check_released()
                self.assertRegex(result.stderr, r"^maskcl: warning: .*: no memory for the data as "
                                 r"a whole, 1536000 bytes, .*: it is sent in parts, .*"
                                 r"\(--device-memory [^\n]*\n$")
                self.assertTrue(self.path("parts.safetensors").read_bytes() == expected)

    def test_the_option_that_is_too_large_is_named(self):
        for options, named in ((("--objective", "moco", "--queue", 100000), "smaller --queue"),
                               (("--objective", "cosine", "--hidden", 40000), "smaller --hidden"),
                               (("--objective", "barlow", "--projector", 2000),
                                "smaller --projector")):
            result = self.run_program("pretrain", "--synthetic", "600x32", *self.TRAINING, "m",
                                      *options,
                                      env=self.watched(OPENCL_SHIM_MOST="3000000!", **self.GPU))
            self.check_released()
            self.assertEqual(result.returncode, 1)
            self.assertIn("bytes of device memory (of ", result.stderr)
            self.assertIn(named, result.stderr)
            self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
            self.assertEqual(self.contents(), {})

    def test_embedding_takes_smaller_batches(self):
        self.model(columns=3000)
        self.random_rows("rows.npy", 300, 3000)
        self.succeed("embed", "model.safetensors", "rows.npy", "-o", "all.npy", "-q")
        expected = self.path("all.npy").read_bytes()
        for change in {"OPENCL_SHIM_MOST": "1000000", **self.GPU}, {"OPENCL_SHIM_LARGEST": 200000}:
            with self.subTest(change=change):
                self.succeed("embed", "model.safetensors", "rows.npy", "-o", "some.npy", "--gemm",
                             "native-cpu", "-q", env=self.watched(**change))
                self.check_released()
                self.assertTrue(self.path("some.npy").read_bytes() == expected)

    def test_no_option_is_advised_that_was_tried_already(self):
        """With a row at a time, --device-memory makes nothing smaller."""
        model = self.model(columns=40)
        self.random_rows("rows.npy", 20, 40)
        for command in "embed", "reconstruct":
            result = self.run_program(command, model, "rows.npy", "-o", "out.npy", "-q",
                                      env=self.watched(OPENCL_SHIM_LARGEST=300))
            self.assertEqual(result.returncode, 1)
            self.assertIn("use another --device", result.stderr)
            self.assertNotIn("--device-memory", result.stderr)

    def test_small_buffers_change_no_model(self):
        """Of rows of 4 KB some 100 are a buffer: the data is sent, and what is validated lies in
        parts."""
        self.random_rows("rows.npy", 400, 1000)
        self.labels("labels", 400)
        arguments = ("pretrain", "rows.npy", "--validate", "labels", "--metrics", "m.jsonl",
                     *self.TRAINING)
        self.succeed(*arguments, "a.safetensors")
        metrics = self.path("m.jsonl").read_text()
        self.succeed(*arguments, "b.safetensors", env=self.watched(OPENCL_SHIM_LARGEST=550000))
        self.check_released()
        self.assertTrue(self.path("a.safetensors").read_bytes() ==
                        self.path("b.safetensors").read_bytes())
        accuracy = r'"validation[^,}]*'
        self.assertEqual(re.findall(accuracy, self.path("m.jsonl").read_text()),
                         re.findall(accuracy, metrics))

    def test_short_launches_change_no_bit(self):
        """On a GPU whose display must not wait a kernel's launches are divided, at first and where
        they take long."""
        arguments = ("pretrain", "--synthetic", "64x20", "--epochs", 1, "--hidden", 8,
                     "--embedding", 4, "--batch", 32, "--gemm", "native-gpu", "-q", "-o")
        models, launches = [], []
        for options in (), ("--exclusive",):
            self.succeed(*arguments, "m.safetensors", *options, env=self.watched(**self.GPU))
            models.append(self.path("m.safetensors").read_bytes())
            launches.append(sum(call[1] == "clEnqueueNDRangeKernel"
                                for call in self.check_released().calls))
        self.assertTrue(models[0] == models[1])
        self.assertGreater(launches[0], launches[1])

    def test_address_space(self):
        """Under ulimit -v a driver may abort, throw or crash: one line and exit code 1."""

        def limit(megabytes):
            return lambda: resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20,) * 2)

        if self.run_program("--version", preexec_fn=limit(1000)).returncode != 0:
            self.skipTest("a sanitizer needs more address space")
        for megabytes in 285, 340, 450:
            with self.subTest(megabytes=megabytes):
                result = self.run_program("pretrain", "--synthetic", "10000x784", "--epochs", 1,
                                          "--hidden", 1024, "--embedding", 512, "--batch", 2048,
                                          "--objective", "nt-xent", "-q", "-o", "m.safetensors",
                                          preexec_fn=limit(megabytes))
                self.assertIn(result.returncode, (0, 1), result.stderr)
                errors = [line for line in result.stderr.splitlines()
                          if line.startswith("maskcl: error: ")]
                self.assertEqual(len(errors), result.returncode, result.stderr)

    def test_probe_works_in_blocks(self):
        self.model(columns=40)
        generator = random.Random(3)
        labels = {"train": [i % 3 for i in range(900)], "test": [i % 3 for i in range(99)]}
        for name, classes in labels.items():
            self.npy(name + ".npy", (len(classes), 40),
                     [generator.gauss(c, 2) for c in classes for _ in range(40)])
            self.npy(name + "-labels.npy", (len(classes),), classes, "<i4")
        results = []
        for change in {}, {"OPENCL_SHIM_LARGEST": 60000}, {"OPENCL_SHIM_MOST": "100000",
                                                           "OPENCL_SHIM_LARGEST": 60000}, \
                {"OPENCL_SHIM_MOST": "30000!", "OPENCL_SHIM_LARGEST": 30000, **self.GPU}:
            result = self.succeed("probe", "model.safetensors", "train.npy", "train-labels.npy",
                                  "test.npy", "test-labels.npy", "--gemm", "native-cpu", "--json",
                                  "-q", env=self.watched(**change))
            self.check_released()
            results.append([(row["features"], row["linear_accuracy"], row["knn_accuracy"])
                            for row in json.loads(result.stdout)["results"]])
        for other in results[1:]:
            self.assertEqual([row[2] for row in other], [row[2] for row in results[0]])
            for (name, expected, _), (_, linear, _) in zip(results[0], other):
                self.assertAlmostEqual(linear, expected, delta=0.021, msg=name)


if __name__ == "__main__":
    unittest.main()
