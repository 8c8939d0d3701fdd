# SPDX-License-Identifier: Apache-2.0
"""maskcl predict."""

import csv
import io
import unittest

from program import ProgramTest


class PredictTest(ProgramTest):
    def tuned(self):
        rows = "".join(f"r{i},{i % 2 + (i * 7919 % 100) / 300},{i * 31 % 17},{'ab'[i % 2]}\n"
                       for i in range(60))
        self.write("all.csv", ("key,x,y,kind\n" + rows).encode())
        self.succeed("pretrain", "all.csv", "--label", "kind", "--id", "key", "-o", "t.safetensors",
                     "-q", "--recipe", "default", "--epochs", 1, "--hidden", "8", "--embedding", "4")
        self.succeed("finetune", "t.safetensors", "all.csv", "--label", "kind", "-o",
                     "tuned.safetensors", "-q", "--epochs", 30, "--lr", "0.05")

    def test_names_and_probabilities(self):
        self.tuned()
        self.succeed("predict", "tuned.safetensors", "all.csv", "-o", "out.csv", "-q")
        with open(self.path("out.csv"), encoding="utf-8") as file:
            plain = list(csv.DictReader(file))
        self.assertEqual(list(plain[0]), ["class"])
        self.assertEqual(len(plain), 60)
        right = sum(row["class"] == "ab"[i % 2] for i, row in enumerate(plain))
        self.assertGreater(right, 50)
        said = self.succeed("predict", "tuned.safetensors", "all.csv", "-o", "-", "--proba",
                            "--keep", "key", "-q").stdout
        rows = list(csv.DictReader(io.StringIO(said)))
        self.assertEqual(list(rows[0]), ["key", "class", "a", "b"])
        for i, (row, first) in enumerate(zip(rows, plain)):
            a, b = float(row["a"]), float(row["b"])
            self.assertEqual(row["key"], f"r{i}")
            self.assertAlmostEqual(a + b, 1, places=6)
            self.assertEqual(row["class"], "a" if a >= b else "b")
            self.assertEqual(row["class"], first["class"])

    def test_refused(self):
        self.tuned()
        self.refuse("predict", "t.safetensors", "all.csv", "-o", "out.csv", code=1,
                    says=["t.safetensors", "no head"])
        self.refuse("predict", "tuned.safetensors", "all.csv", "-o", "out.npy", "--keep", "key",
                    code=2, says=["--keep", "-o OUT.csv"])
        for command in "predict", "embed":
            for name in "out.tsv", "out.txt", "out":
                self.refuse(command, "tuned.safetensors", "all.csv", "-o", name, code=2,
                            says=["-o: '%s' ends in neither .npy nor .csv" % name])
            self.succeed(command, "tuned.safetensors", "all.csv", "-o", "OUT.CSV", "-q")
            self.assertIn("\n", self.path("OUT.CSV").read_text())
            self.succeed(command, "tuned.safetensors", "all.csv", "-o", "OUT.NPY", "-q")
            self.assertTrue(self.path("OUT.NPY").read_bytes().startswith(b"\x93NUMPY"))
        self.refuse("embed", "all.csv", "tuned.safetensors", "-o", "out.csv", code=1,
                    says=["all.csv: is no model (no safetensors file, or cut off)"])


if __name__ == "__main__":
    unittest.main()
