# SPDX-License-Identifier: Apache-2.0
"""docs/performance.md is that of docs/figures/, to which tools/bench/run adds."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["MASKCL_SOURCE"])
TOOL = SOURCE / "tools" / "bench" / "page"
sys.dont_write_bytecode = True
sys.path.insert(0, str(TOOL.parent))

import figures  # noqa: E402
import table  # noqa: E402

MACHINE = {"processor": "Some(R) CPU Processor, 2 processors", "instructions": "AVX2", "device": "D"}


def check(folder):
    return subprocess.run([sys.executable, TOOL, "--check", folder], text=True, stderr=subprocess.PIPE)


def run_of(**parts):
    return {"date": "2030-01-01", "maskcl": "1234567", "parts": parts}


class PerformanceTest(unittest.TestCase):
    def test_the_page_is_up_to_date(self):
        result = check(SOURCE)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_an_old_page(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            shutil.copytree(SOURCE / "docs" / "figures", root / "docs" / "figures")
            shutil.copy(SOURCE / "docs" / "performance.md", root / "docs")
            self.assertEqual(check(root).returncode, 0)
            rows = [table.row("a step, rows/s", [30.0, 10.0, 20.0], "a peer", [5.0, 5.0, 5.0], least=4.5),
                    table.row("a start, s", [0.5, 0.1, 0.2], most=0.2)]
            (root / "docs" / "figures" / "new.json").write_text(
                figures.text_of(figures.merge(None, MACHINE, run_of(peaks=rows))))
            result = check(root)
            self.assertEqual(result.returncode, 1)
            self.assertIn("run tools/bench/page", result.stderr)
            subprocess.run([sys.executable, TOOL, folder], check=True)
            self.assertEqual(check(root).returncode, 0)
            text = " ".join((root / "docs" / "performance.md").read_text().split())
            self.assertIn("### Some CPU, AVX2", text)
            self.assertIn("| 20 (10 – 30) | a peer | 5 | 4 | ≥ 4.5 | no |", text)
            self.assertIn("| 0.2 (0.1 – 0.5) | | | | ≤ 0.2 | yes |", text)
            self.assertIn("1 targets met, 1 missed", text)

    def test_parts_that_are_measured_again(self):
        row = table.row("work", [1.0])
        first = figures.merge(None, MACHINE, run_of(peaks=[row], start=[row], memory=[row]))
        second = figures.merge(first, MACHINE, run_of(start=[row]))
        self.assertEqual([list(run["parts"]) for run in second["runs"]], [["peaks", "memory"], ["start"]])
        third = figures.merge(second, MACHINE, run_of(peaks=[row], memory=[row]))
        self.assertEqual([list(run["parts"]) for run in third["runs"]], [["start"], ["peaks", "memory"]])
        with self.assertRaises(ValueError):
            figures.merge(third, {**MACHINE, "instructions": "AVX-512"}, run_of())


if __name__ == "__main__":
    unittest.main()
