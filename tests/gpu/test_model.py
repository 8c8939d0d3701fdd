# SPDX-License-Identifier: Apache-2.0
"""tools/gpu/model.py: the devices that it knows, what its figures rest on, and its output."""

import contextlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["MASKCL_SOURCE"])
sys.path.insert(0, str(SOURCE / "tools" / "gpu"))

import model  # noqa: E402

CARD = model.DEVICES["rtx-3060"]


def command(name="k", calls=1, operations=0.0, size=0.0, items=1 << 20, groups=1 << 12):
    return model.Command(name, calls, operations, size, items, groups)


class ModelTest(unittest.TestCase):
    def test_the_devices_are_the_personas(self):
        text = (SOURCE / "tests/support/opencl_personas.h").read_text()
        units = re.findall(r'\.name = "(.*?)".*?\.units = (\d+)', text, re.DOTALL)
        self.assertEqual({name: int(count) for name, count in units},
                         {name: device.units for name, device in model.DEVICES.items()})

    def test_large_launches_reach_the_peaks(self):
        launch = CARD.launch * 1e-6
        peak = 2 * 28 * 128 * 1.777e9 * model.EFFICIENCY
        self.assertAlmostEqual(command(operations=1e9).seconds(CARD), launch + 1e9 / peak)
        self.assertAlmostEqual(command(size=1e9).seconds(CARD), launch + 1 / 360)
        self.assertAlmostEqual(command(calls=5).seconds(CARD), 5 * launch)

    def test_few_and_single_work_items_do_not(self):
        whole = command(operations=1e12).seconds(CARD)
        few = command(operations=1e12, items=1024, groups=4).seconds(CARD)
        single = command(operations=1e12, groups=1 << 20).seconds(CARD)
        self.assertGreater(few, 10 * whole)
        self.assertAlmostEqual(single / whole, CARD.warp, delta=0.1)
        chain = command("gemm NT 16×16×100000", items=256, groups=1).seconds(CARD)
        self.assertGreater(chain, 100000 * model.CYCLES / 1.777e9)

    def test_a_measured_profile(self):
        row = {"name": "k", "calls": 2, "seconds": 2e-3, "operations": 0, "bytes": 72e6,
               "items": 1 << 20, "groups": 1 << 12}
        profile = {"commands": [row, dict(row, name="copy to the host", items=0)], "between": 1e-5}
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            model.compare(profile, CARD)
        lines = said.getvalue().splitlines()
        self.assertEqual(lines[1].split(), ["k", "2", "1000.0", "100.0", "10.00"])
        self.assertIn("2.00 ms measured, 0.20 ms by the model; between launches 5.0 µs", lines[2])
        self.assertEqual(len(lines), 3)

    def test_a_step(self):
        with tempfile.TemporaryDirectory(prefix="maskcl-test-") as folder:
            recorder = model.Recorder(os.environ["MASKCL_PROGRAM"], folder)
            commands = recorder.step("reference")
            launches = recorder.run("reference", 2)[1][0]
        self.assertEqual(sum(c.calls for c in commands), len(launches))
        products = {c.name: c.operations for c in commands if c.name.startswith("gemm")}
        self.assertEqual(products["gemm NT 256×128×784"], 2 * 256 * 128 * 784)
        self.assertEqual(len(products), 5)
        rows = model.table({"reference": commands}).splitlines()
        self.assertEqual(rows[2].split(" | ")[1], str(len(launches)))

    def test_the_page_has_a_place_for_it(self):
        before, rest = model.PAGE.read_text().split(model.BEGIN)
        self.assertEqual(rest.count(model.END), 1)
        self.assertEqual(rest.split(model.END)[0].count("\n| "), len(model.RECIPES) + 1)

    def test_its_command(self):
        with tempfile.TemporaryDirectory(prefix="maskcl-test-") as folder:
            profile = pathlib.Path(folder) / "profile.json"
            profile.write_text(json.dumps({"commands": [
                {"name": "k", "calls": 1, "seconds": 1e-3, "operations": 1, "bytes": 1,
                 "items": 64, "groups": 1}], "between": 0.0}))
            result = subprocess.run([SOURCE / "tools/gpu/model.py", "--measured", profile,
                                     "--device", "iris-xe"], check=True, text=True,
                                    capture_output=True)
        self.assertIn("by the model 8 µs", result.stdout)


if __name__ == "__main__":
    unittest.main()
