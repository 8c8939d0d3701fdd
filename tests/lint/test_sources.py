# SPDX-License-Identifier: Apache-2.0
"""tools/sources.py finds what it is there to find, each fault planted in a small tree of its own."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["MASKCL_SOURCE"])
C_LICENSE = "/* SPDX-License-Identifier: Apache-2.0 */\n"


class SourcesTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="maskcl-test-"))
        self.addCleanup(shutil.rmtree, self.root)
        (self.root / "tools").mkdir()
        shutil.copy(SOURCE / "tools" / "layers.txt", self.root / "tools")
        for header in ("src/base/error.h", "src/nn/network.h", "src/train/options.h",
                       "src/objectives/loss.h", "src/evaluate/probe.h", "src/cli/files.h",
                       "include/maskcl/data.h", "cl/rounding.clh"):
            self.write(header, C_LICENSE)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def check(self):
        done = subprocess.run([sys.executable, SOURCE / "tools" / "sources.py", self.root],
                              capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, 1 if done.stdout else 0)
        return done.stdout

    def include(self, file, header):
        self.write(file, f'{C_LICENSE}\n#include <stdio.h>\n#include "{header}"\n')

    def test_includes_downwards_are_right(self):
        self.include("src/train/train.c", "nn/network.h")
        self.include("src/train/steps.c", "base/error.h")
        self.include("src/train/rate.c", "train/options.h")
        self.include("src/nn/dropout.c", "maskcl/data.h")
        self.include("src/device/fma.c", "rounding.clh")
        self.include("src/cli/main.c", "files.h")
        self.include("include/maskcl/mask.h", "maskcl/data.h")
        self.include("cl/softmax.clh", "rounding.clh")
        self.assertEqual(self.check(), "")

    def test_includes_in_other_directions_are_found(self):
        for file, header in [("src/objectives/moco.c", "train/options.h"),
                             ("src/evaluate/embed.c", "objectives/loss.h"),
                             ("src/cli/main.c", "base/error.h"),
                             ("src/cli/json.c", "rounding.clh"),
                             ("include/maskcl/mask.h", "base/error.h"),
                             ("cl/softmax.clh", "maskcl/data.h")]:
            with self.subTest(file):
                self.include(file, header)
                self.assertIn(f"{file}:4: ", self.check())
                self.write(file, C_LICENSE)

    def test_a_folder_outside_the_layers_is_found(self):
        self.write("src/learning/learn.c", C_LICENSE)
        self.assertIn("src/learning is not in tools/layers.txt", self.check())

    def test_a_file_without_its_license_is_found(self):
        for file in ("CMakeLists.txt", "cmake/install.cmake", "src/base/error.h", "tests/test.py",
                     "examples/train.c", "cl/views.cl", "tools/run"):
            with self.subTest(file):
                self.write(file, "#!/bin/sh\n")
                self.assertRegex(self.check(), f"^{file}:1: .*SPDX")
                self.write(file, "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n")
        self.write("tests/fixtures/rows.py", "")
        self.assertEqual(self.check(), "")

    def test_plain_inline_in_a_kernel_is_found(self):
        self.write("cl/views.cl", C_LICENSE + "/* inline\n   inline */\nstatic inline int a(void);\n"
                   "inline int b(void);\n")
        self.assertEqual(self.check(), "cl/views.cl:5: a kernel's function is static inline, not "
                         "inline\n")

    def test_output_to_the_process_s_streams_is_found(self):
        for text in ('printf("x");', 'puts("x");', "fflush(stdout);", 'fprintf(stderr, "x");',
                     "isatty(STDERR_FILENO);"):
            with self.subTest(text):
                self.write("src/cli/main.c", f"{C_LICENSE}void f(void)\n{{\n    {text}\n}}\n")
                self.assertIn("src/cli/main.c:4: the program prints by mcl_print()", self.check())
        self.write("src/cli/main.c", f'{C_LICENSE}/* stdout */\nmcl_print("x"); snprintf(x);\n'
                   "__attribute__((format(printf, 1, 2))) void f(const char *format, ...);\n")
        self.assertEqual(self.check(), "")


if __name__ == "__main__":
    unittest.main()
