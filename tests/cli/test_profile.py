# SPDX-License-Identifier: Apache-2.0
"""pretrain --profile: every command of the device with its time."""

import re
import unittest

from program import ProgramTest

ROW = re.compile(r"(?P<name>.+?)  +(?P<calls>\d+) +(?P<time>[\d.]+) ms +(?P<share>[\d.]+)%"
                 r"(?: +(?P<rate>[\d.]+) (?P<unit>GFLOP/s|GB/s) +(?P<peak>\d+)%)?$")
REST = re.compile(r"(?P<name>\(.+\)|total) +(?P<time>[\d.]+) ms +(?P<share>[\d.]+)%$")


class ProfileTest(ProgramTest):
    def profile(self, *options):
        result = self.succeed("pretrain", "--synthetic", "64x100", "--batch", 16, "--epochs", 3,
                              *options, "--profile", "-o", "m.safetensors")
        lines = result.stdout.splitlines()
        begin = next(i for i, line in enumerate(lines) if line.startswith("command "))
        self.assertRegex(lines.pop(), "^digest ")
        self.assertRegex(lines[-1], r"measured peaks: [1-9]\d* GFLOP/s .*, [\d.]+ GB/s")
        rows, rest = {}, {}
        for line in lines[begin + 1:-1]:
            match = ROW.match(line) or REST.match(line)
            self.assertTrue(match, line)
            (rows if "calls" in match.groupdict() else rest)[match["name"]] = match
        return rows, rest

    def check_sum(self, rows, rest):
        total = float(rest.pop("total")["time"])
        times = [float(match["time"]) for match in [*rows.values(), *rest.values()]]
        self.assertAlmostEqual(sum(times), total, delta=0.05 * len(times) + 0.1)
        own = [float(match["time"]) for match in rows.values()]
        self.assertEqual(own, sorted(own, reverse=True))

    def test_native(self):
        rows, rest = self.profile("--recipe", "reference", "--hidden", 24, "--embedding", 8)
        self.check_sum(rows, rest)
        products = {name: int(match["calls"]) for name, match in rows.items()
                    if name.startswith("gemm")}
        self.assertEqual(products, {"gemm NT 32×24×100": 12, "gemm NT 32×8×24": 12,
                                    "gemm NN 32×24×8": 12, "gemm TN 24×100×32": 12,
                                    "gemm TN 8×24×32": 12,
                                    # of the rows by which a collapse is judged, before and after
                                    "gemm NT 64×24×100": 2, "gemm NT 64×8×24": 2})
        for name in products:
            self.assertEqual(rows[name]["unit"], "GFLOP/s", name)
        self.assertEqual(int(rows["views"]["calls"]), 12)
        self.assertEqual(rows["adam"]["unit"], "GB/s")
        self.assertIn("copy to the device", rows)

    def test_clblast(self):
        rows, rest = self.profile("--recipe", "reference", "--hidden", 24, "--embedding", 8,
                                  "--gemm", "clblast")
        self.check_sum(rows, rest)
        self.assertEqual(int(rows["gemm NT 32×24×100"]["calls"]), 12)
        self.assertEqual(int(rows["epilogue_product"]["calls"]), 40)

    def test_the_model_is_the_same(self):
        options = "--synthetic", "64x100", "--batch", 16, "-q", "-o"
        self.succeed("pretrain", *options, "a.safetensors")
        self.succeed("pretrain", "--profile", *options, "b.safetensors")
        self.assertEqual(self.path("a.safetensors").read_bytes(),
                         self.path("b.safetensors").read_bytes())


if __name__ == "__main__":
    unittest.main()
