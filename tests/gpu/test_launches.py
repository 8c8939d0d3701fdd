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
LAUNCHES = {"reference": 9, "default": 22, "recommended": 22, "few-labels": 22, "fast": 18,
            "tabular": 22}

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
        for recipe, launches in self.steps.items():
            for kernel, *sizes in launches:
                with self.subTest(recipe=recipe, kernel=kernel):
                    columns, rows, group_columns, group_rows = map(int, sizes)
                    self.assertGreater(group_columns * group_rows, 1, "0: left to the driver")
                    self.assertEqual((columns % group_columns, rows % group_rows), (0, 0))
                    if (columns, rows) == (group_columns, group_rows):
                        self.assertIn(kernel, ONE_GROUP)


if __name__ == "__main__":
    unittest.main()
