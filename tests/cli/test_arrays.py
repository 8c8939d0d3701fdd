# SPDX-License-Identifier: Apache-2.0
"""Arrays as other programs write them: what is read gives the same rows, and of what is refused the
message's advice, followed to the letter, leads to a file that is read."""

import gzip
import os
import subprocess
import sys
import unittest

from program import ProgramTest, npy_bytes, read_npy

# Makes a file of an array, in the process that has NumPy.
MAKE = """
import sys
import numpy
numpy.save(sys.argv[1], eval(sys.argv[2]))
"""

# Follows the advice on it.
FOLLOW = """
import sys
import numpy
array = labels = rows = numpy.load(sys.argv[1], allow_pickle=True)
numpy.save(sys.argv[1], eval(sys.argv[2]))
"""

# Rows of four columns that no command takes as they are, and the advice.
ROWS = {
    "objects": ("numpy.arange(32.).reshape(8, 4).astype(object)", "array.astype(numpy.float32)"),
    "dict": ("numpy.array({'NAME': numpy.ones((8, 4))}, dtype=object)", "array.item()['NAME']"),
    "complex": ("(numpy.arange(16.) * (1 + 2j)).reshape(8, 2)",
                "numpy.stack((array.real, array.imag), axis=-1)"),
    "times": ("numpy.datetime64('2020-01-01') + 1000 * numpy.arange(32).reshape(8, 4)",
              "(array - array.min()).astype('timedelta64[s]').astype(numpy.float64)"),
    "spans": ("numpy.arange(32).reshape(8, 4).astype('timedelta64[ms]') * 1000",
              "array.astype('timedelta64[s]').astype(numpy.float64)"),
    "numbers as text": ("numpy.arange(32).reshape(8, 4).astype('U')",
                        "array.astype(numpy.float32)"),
    "numbers as bytes": ("numpy.arange(32).reshape(8, 4).astype('S')",
                         "array.astype(numpy.float32)"),
    "bfloat16": ("(numpy.arange(32, dtype='<f4').view('<u4') >> 16).astype('<u2')"
                 ".reshape(8, 4).view('V2')",
                 "(array.view(numpy.uint16).astype(numpy.uint32) << 16).view(numpy.float32)"),
    "long floats": ("numpy.arange(32).reshape(8, 4).astype(numpy.longdouble)",
                    "array.astype(numpy.float64)"),
}

TAKEN_LABELS = ["numpy.array(['cat', 'dög'] * 4)", "numpy.array([b'cat', b'dog'] * 4)",
                "numpy.array([['cat'], ['dog']] * 4)", "numpy.array([10**12, 10**12 + 7] * 4)",
                "numpy.array([-5, 7] * 4)", "numpy.array([2.0, 3.0] * 4)"]

LABELS = {
    "one-hot": ("numpy.eye(2)[[0, 1] * 4]", "labels.argmax(axis=1)"),
    "a table": ("numpy.array([[0, 7, 7], [1, 8, 8]] * 4)", "labels[:, 0]"),
}


class NumpyTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.python = os.environ.get("MASKCL_PYTHON", sys.executable)
        if subprocess.run([self.python, "-c", "import numpy"], stderr=subprocess.DEVNULL).returncode:
            self.skipTest("no NumPy; MASKCL_PYTHON names an interpreter that has it")
        self.model("m.safetensors", 4)

    def numpy(self, program, *arguments):
        subprocess.run([self.python, "-c", program, *arguments], cwd=self.folder, check=True)

    def embed(self, name):
        self.succeed("embed", "m.safetensors", name, "-o", "out.npy", "-q")
        return read_npy(self.path("out.npy"))

    def probe(self, labels):
        return "probe", "m.safetensors", "rows.npy", labels, "rows.npy", labels, "--encoder-only"

    def test_advice_on_rows(self):
        for name, (expression, advice) in ROWS.items():
            with self.subTest(rows=name):
                self.numpy(MAKE, "array.npy", expression)
                self.refuse("embed", "m.safetensors", "array.npy", "-o", "out.npy", code=1,
                            says=["array.npy", advice])
                self.numpy(FOLLOW, "array.npy", advice)
                self.assertEqual(self.embed("array.npy")[0], (8, 4))
                self.path("out.npy").unlink()

    def test_a_single_number(self):
        self.numpy(MAKE, "array.npy", "numpy.array(2.5)")
        self.refuse("pretrain", "array.npy", "-o", "one.safetensors", code=1,
                    says=["numpy.atleast_1d(array)"])
        self.numpy(FOLLOW, "array.npy", "numpy.atleast_1d(array)")
        self.succeed("pretrain", "array.npy", "-o", "one.safetensors", "--objective",
                     "reconstruction", "--epochs", "1", "--hidden", "2", "--embedding", "2", "-q")

    def test_labels_that_are_taken(self):
        self.numpy(MAKE, "rows.npy", "numpy.arange(32.).reshape(8, 4)")
        for expression in TAKEN_LABELS:
            with self.subTest(labels=expression):
                self.numpy(MAKE, "l.npy", expression)
                self.succeed(*self.probe("l.npy"))

    def test_advice_on_labels(self):
        self.numpy(MAKE, "rows.npy", "numpy.arange(32.).reshape(8, 4)")
        for name, (expression, advice) in LABELS.items():
            with self.subTest(labels=name):
                self.numpy(MAKE, "l.npy", expression)
                self.refuse(*self.probe("l.npy"), code=1, says=["l.npy", advice])
                self.numpy(FOLLOW, "l.npy", advice)
                self.succeed(*self.probe("l.npy"))

    def test_advice_on_numbers_that_float32_lacks(self):
        """Once it is followed, nothing is told any more."""
        for numbers in "1700000000 + numpy.arange(32)", "1.7e9 + numpy.arange(32.)":
            self.numpy(MAKE, "rows.npy", "(%s).reshape(8, 4)" % numbers)
            result = self.run_program("embed", "m.safetensors", "rows.npy", "-o", "out.npy")
            self.assertRegex(result.stderr, r"warning: rows\.npy: column \d .*subtract the column's "
                             "least number and save it again")
            self.numpy(FOLLOW, "rows.npy", "array - array.min(axis=0)")
            result = self.run_program("embed", "m.safetensors", "rows.npy", "-o", "out.npy")
            self.assertNotIn("subtract", result.stderr)

    def test_every_way_to_save_the_same_rows(self):
        plain = "numpy.arange(32).reshape(8, 4)"
        self.numpy(MAKE, "rows.npy", plain + ".astype('<f4')")
        expected = self.embed("rows.npy")
        ways = [plain + ".astype('%s')" % dtype for dtype in
                ("i1", ">i2", "<u8", "<f2")] # tests/unit/test_npy.c has all
        ways += ["numpy.asfortranarray(%s.astype('>f8'))" % plain,
                 "numpy.asfortranarray(%s.astype('<f4').reshape(8, 2, 2))" % plain]
        for way in ways:
            with self.subTest(way=way):
                self.numpy(MAKE, "rows.npy", way)
                self.assertEqual(self.embed("rows.npy"), expected)
        self.write("rows.npy", gzip.compress(self.path("rows.npy").read_bytes()) + bytes(512))
        self.assertEqual(self.embed("rows.npy"), expected)


class LabelsTest(ProgramTest):
    """Labels as other programs save them, without NumPy."""

    def test_records_of_no_bytes(self):
        header = b"{'descr': [('a', '|S0')], 'fortran_order': False, 'shape': (5,), }"
        header += b" " * (117 - len(header)) + b"\n"
        self.write("r.npy", b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header)
        self.refuse("info", "r.npy", code=1, says=["r.npy: holds no values: its records have 0 bytes"])

    def test_types_and_shapes(self):
        self.model("m.safetensors", 4)
        self.random_rows("rows.npy", 8, 4)
        for descr, shape, data, fortran in (("|b1", (8,), b"\0\1", False),
                                            ("<i2", (8, 1), b"\0\0\1\0", True),
                                            (">u4", (1, 8), b"\0\0\0\0\0\0\0\1", False)):
            self.write("l.npy", npy_bytes(descr, shape, data * 4, fortran=fortran))
            self.succeed("probe", "m.safetensors", "rows.npy", "l.npy", "rows.npy", "l.npy",
                         "--encoder-only")


if __name__ == "__main__":
    unittest.main()
