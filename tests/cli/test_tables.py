# SPDX-License-Identifier: Apache-2.0
"""Tables and arrays as pandas, Arrow, NumPy and safetensors write them: what is read has the schema and the
values that those programs find, and the same bits in every form of one table."""

import json
import os
import subprocess
import sys
import unittest

from program import ProgramTest, command, environment

# Makes one table in many forms, and writes what its schema must be.
MAKE = """
import gzip, json, sys
import numpy, pandas
random = numpy.random.default_rng(0)
n = 500
table = pandas.DataFrame({
    "offset": 1e9 + random.normal(size=n),
    "small, \\"quoted\\"": 1e-9 * random.normal(size=n),
    "gaps": numpy.where(random.random(n) < 0.2, numpy.nan, random.normal(size=n)),
    "whole": random.integers(-5, 5, n),
    "text": random.choice(["a", "b, c", 'say "d"', "two\\nlines", "\u00e9\u65e5"], n),
    "holes": random.choice(["x", "y", None], n),
    "class": random.choice(["no", "yes"], n),
})
numbers = {name: [float(table[name].mean()), float(table[name].std(ddof=0))]
           for name in list(table)[:4]}
json.dump(numbers, open("expected.json", "w"))
table.to_csv("plain.csv", index=False)
table.to_csv("semicolon.csv", index=False, sep=";", decimal=",")
table.to_csv("tab.tsv", index=False, sep="\\t", lineterminator="\\r\\n", encoding="utf-8-sig")
table.to_csv("packed.csv.gz", index=False)
table.to_csv("quoted.csv", index=False, quoting=1, na_rep="NA")
table.to_csv("index.csv")
table.to_csv("in.zip", index=False)
records = table.to_records(index=False, column_dtypes={"text": "U9", "holes": "U4", "class": "S3"})
numpy.save("records.npy", records)
numpy.savez_compressed("records.npz", records=records)
for part in range(3):
    piece = table[part * n // 3:(part + 1) * n // 3]
    piece[list(piece)[::-1] if part else list(piece)].to_csv(f"part-{part}.csv", index=False)
try:
    import pyarrow, pyarrow.csv
    pyarrow.csv.write_csv(pyarrow.Table.from_pandas(table, preserve_index=False), "arrow.csv")
except ImportError:
    pass
"""

ARRAYS = """
import numpy
from safetensors.numpy import save_file
rows = numpy.random.default_rng(0).normal(size=(200, 4)).astype(numpy.float32)
numpy.save("rows.npy", rows)
numpy.savez("one.npz", rows=rows)
numpy.savez_compressed("two.npz", rows=rows, labels=numpy.arange(200))
save_file({"rows": rows, "other": rows[:, :2].copy()}, "two.safetensors")
half = rows.astype(numpy.float16)
numpy.save("half.npy", half)
save_file({"half": half}, "half.safetensors")
scales = rows * numpy.array([1, 1000, 1, 1], numpy.float32) + numpy.array([0, 0, 5e4, 0], numpy.float32)
numpy.save("scales.npy", scales)
"""


class TablesTest(ProgramTest):
    def make(self, program, *modules):
        python = os.environ.get("MASKCL_PYTHON", sys.executable)
        if subprocess.run([python, "-c", "import " + ", ".join(modules)],
                          stderr=subprocess.DEVNULL).returncode:
            self.skipTest(f"no {' and '.join(modules)}; MASKCL_PYTHON names an interpreter that has them")
        subprocess.run([python, "-c", program], cwd=self.folder, check=True)

    def info(self, *arguments):
        return json.loads(self.succeed("info", *arguments, "--json").stdout)

    def test_one_table_in_many_forms(self):
        self.make(MAKE, "pandas")
        plain = self.info("plain.csv")
        columns = {column["name"]: column for column in plain["columns"]}
        for name, (mean, deviation) in json.loads(self.path("expected.json").read_text()).items():
            self.assertAlmostEqual(columns[name]["deviation"] / deviation, 1, places=9)
            self.assertAlmostEqual((columns[name]["mean"] - mean) / deviation, 0, places=6)
        self.assertEqual(columns["text"]["categories"],
                         sorted(["a", "b, c", 'say "d"', "two\nlines", "\u00e9\u65e5"]))
        self.assertEqual(columns["holes"]["categories"], ["", "x", "y"])
        forms = ["semicolon.csv", "tab.tsv", "packed.csv.gz", "quoted.csv", "in.zip", "records.npy", "records.npz"]
        forms += ["arrow.csv"] if self.path("arrow.csv").exists() else []
        for form in forms:
            with self.subTest(form=form):
                other = self.info(form)
                self.assertEqual(other["digest"], plain["digest"])
                self.assertEqual(other["columns"], plain["columns"])
        self.assertEqual(self.info("part-*.csv")["digest"], plain["digest"])
        shards = self.path("shards/2026")
        shards.mkdir(parents=True)
        for part in range(3):
            self.path(f"part-{part}.csv").rename(shards / f"part-{part}.csv")
        (shards / "_SUCCESS").write_text("")
        (shards / "README.md").write_text("Three parts.")
        self.assertEqual(self.info("shards")["digest"], plain["digest"])
        (shards / "more.npy").write_text("")
        self.refuse("info", "shards", code=1, says=["several kinds of files", "'shards/*.npy'"])
        index = self.info("index.csv")
        self.assertEqual(index["digest"], plain["digest"])
        self.assertIn("'Unnamed: 0', which count the rows", index["warning"])
        with open(self.path("plain.csv"), "rb") as stream:
            piped = subprocess.run(command(["info", "-", "--json"]), stdin=stream, check=True,
                                   stdout=subprocess.PIPE, env=environment())
        self.assertEqual(json.loads(piped.stdout)["digest"], plain["digest"])

    def test_arrays_in_archives(self):
        self.make(ARRAYS, "numpy", "safetensors")
        plain = self.info("rows.npy")["digest"]
        for name in "one.npz", "one.npz:rows", "two.npz:rows", "two.safetensors:rows":
            self.assertEqual(self.info(name)["digest"], plain, name)
        self.assertEqual(self.info("half.safetensors:half")["digest"], self.info("half.npy")["digest"])
        self.refuse("info", "two.npz", code=1, says=["two.npz:NAME", "'rows', 'labels'"])
        self.refuse("info", "two.npz:row", code=1, says=["has no 'row' in it; it has 'rows', 'labels'"])

    def test_arrays_of_many_scales(self):
        self.make(ARRAYS, "numpy", "safetensors")
        self.assertIsNone(self.info("rows.npy").get("columns"))
        scaled = self.info("scales.npy")
        self.assertEqual([column["name"] for column in scaled["columns"]],
                         ["0", "1", "2", "3"])
        self.assertIn("differ much in size", scaled["warning"])
        self.assertIsNone(self.info("scales.npy", "--standardize", "none").get("columns"))
        forced = self.info("rows.npy", "--standardize", "columns")
        self.assertEqual(len(forced["columns"]), 4)


if __name__ == "__main__":
    unittest.main()
