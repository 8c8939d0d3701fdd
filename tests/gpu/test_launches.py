# SPDX-License-Identifier: Apache-2.0
"""The launches of a training step on a GPU: how many each recipe has, and how their work-items are
divided in groups. Whoever needs fewer lowers the figures here."""

import os
import pathlib
import shutil
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["MASKCL_SOURCE"])
sys.path.insert(0, str(SOURCE / "tools" / "gpu"))

import model  # noqa: E402

PROGRAM = os.environ["MASKCL_PROGRAM"]

# At most.
LAUNCHES = {"reference": 13, "default": 33, "recommended": 43, "few-labels": 43, "fast": 32,
            "tabular": 43}

# Kernels whose groups are a single work-item, or are left to the driver, still.
SINGLE = {"block_gradients", "block_moments", "batch_backward", "batch_moments", "column_gradients",
          "column_sums", "normalize_activate"}
OPEN = {"adam", "cosine_embedding", "element_errors", "epilogue_product", "error_sums",
        "inverse_norms", "normalize_backward", "normalize_rows", "ntxent_backward", "ntxent_rows",
        "reconstruction_backward", "row_dots", "squared_errors", "sum", "views"}

# Kernels that may be launched as one group: they have at most 4,096 elements.
ONE_GROUP = {"sum"}


class LaunchesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="maskcl-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        recorder = model.Recorder(PROGRAM, cls.folder)
        cls.steps = {recipe: recorder.run(recipe, 2)[1][0] for recipe in model.RECIPES}

    def test_their_number(self):
        for recipe, launches in self.steps.items():
            with self.subTest(recipe=recipe):
                print(f"\n{recipe}: {len(launches)} launches")
                for kernel, *sizes in launches:
                    print("    {:24} {:>8} × {:<6} in groups of {} × {}".format(kernel, *sizes))
                self.assertLessEqual(len(launches), LAUNCHES[recipe])

    def test_their_groups(self):
        single, left_open, one = set(), set(), set()
        for launches in self.steps.values():
            for kernel, *sizes in launches:
                columns, rows, group_columns, group_rows = map(int, sizes)
                if group_columns == 0:
                    left_open.add(kernel)
                    continue
                if group_columns * group_rows == 1:
                    single.add(kernel)
                elif columns == group_columns and rows == group_rows:
                    one.add(kernel)
                self.assertEqual((columns % group_columns, rows % group_rows), (0, 0), kernel)
        self.assertLessEqual(single, SINGLE)
        self.assertLessEqual(left_open, OPEN)
        self.assertLessEqual(one, ONE_GROUP)


if __name__ == "__main__":
    unittest.main()
