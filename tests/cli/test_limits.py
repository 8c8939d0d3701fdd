# SPDX-License-Identifier: Apache-2.0
"""Devices that allow less than others: the same results, or one line that says what would help."""

import unittest

from watched import WatchedTest


class WorkGroupTest(WatchedTest):
    """A kernel may have fewer work-items a group than the device says for all kernels."""

    def test_smaller_groups_give_the_same_bits(self):
        arguments = ("pretrain", "--synthetic", "64x20", "--epochs", 1, "--hidden", 8,
                     "--embedding", 4, "--batch", 32, "--gemm", "native-gpu", "-q", "-o")
        self.succeed(*arguments, "all.safetensors")
        expected = self.path("all.safetensors").read_bytes()
        for limit in "64", "1", "64!", "1!":
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


if __name__ == "__main__":
    unittest.main()
