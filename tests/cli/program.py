# SPDX-License-Identifier: Apache-2.0
"""Runs the program as a user does, and makes the files that it reads."""

import array
import gzip
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.environ["MASKCL_PROGRAM"]
TIMEOUT = 300


OF_TESTS = "MASKCL_KERNELS", "MASKCL_SEPARATE_PROGRAMS"


def environment(**changes):
    """The environment without the user's own settings; a change to None removes a variable."""
    result = {name: value for name, value in os.environ.items()
              if name in OF_TESTS or not name.startswith("MASKCL_")}
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = str(value)
    return result


def command(arguments):
    """The command line. Training is of the small default encoder, in seconds, where a test does not
    name a recipe: 'auto', what the program does by itself, takes as long as the data need."""
    words = [str(argument) for argument in arguments]
    if words[:1] == ["pretrain"] and "--recipe" not in words and "--synthetic" not in words:
        words[1:1] = ["--recipe", "default"]
    return [PROGRAM, *words]


def npy_bytes(descr, shape, data, fortran=False, version=b"\x01\x00"):
    header = "{'descr': %s, 'fortran_order': %s, 'shape': (%s), }" % (
        repr(descr), fortran, "".join("%d, " % size for size in shape))
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header.encode() + data


def read_npy(path):
    """(shape, flat list) of a float32 array in C order."""
    data = pathlib.Path(path).read_bytes()
    assert data[:8] == b"\x93NUMPY\x01\x00", data[:8]
    size = struct.unpack_from("<H", data, 8)[0]
    header = eval(data[10:10 + size].decode(), {"__builtins__": {}})
    assert header["descr"] == "<f4" and not header["fortran_order"], header
    values = array.array("f", data[10 + size:])
    if sys.byteorder == "big":
        values.byteswap()
    return header["shape"], values


def read_tensors(path):
    """{name: (shape, flat list)} and the metadata of a safetensors file."""
    data = pathlib.Path(path).read_bytes()
    size = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        tensors[name] = entry["shape"], array.array("f", data[8 + size + first:8 + size + last])
    return tensors, metadata


def rewritten(data, **changes):
    """The bytes of a model's file with other metadata, as another program would write it: without the
    digests of what was there."""
    size = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:8 + size])
    header["__metadata__"].update(changes)
    for key in "maskcl_digest", "maskcl_file_digest":
        header["__metadata__"].pop(key, None)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data[8 + size:]


class ProgramTest(unittest.TestCase):
    """A test with a folder of its own, in which the program runs."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="maskcl-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return self.folder / name

    def write(self, name, data):
        self.path(name).write_bytes(data)
        return name

    def planted(self, name, before, after):
        """The environment in which a file of the kernels is changed."""
        kernels = self.path("cl")
        shutil.copytree(os.path.join(os.environ["MASKCL_SOURCE"], "cl"), kernels)
        text = (kernels / name).read_text()
        self.assertIn(before, text)
        (kernels / name).write_text(text.replace(before, after))
        return environment(MASKCL_KERNELS=kernels)

    def run_program(self, *arguments, env=None, **options):
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.run(command(arguments), cwd=self.folder,
                              env=environment() if env is None else env, text=True,
                              timeout=TIMEOUT, stdin=subprocess.DEVNULL, **options)

    def start_program(self, *arguments, **options):
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("env", environment())
        process = subprocess.Popen(command(arguments), cwd=self.folder, text=True,
                                   stdin=subprocess.DEVNULL, **options)

        def end():
            if process.poll() is None:
                process.kill()
            process.communicate()

        self.addCleanup(end)
        return process

    def succeed(self, *arguments, **options):
        """Runs the program, which must exit with 0, and returns what it did."""
        result = self.run_program(*arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def contents(self):
        """Every file in the folder with its bytes."""
        return {str(path.relative_to(self.folder)): path.read_bytes()
                for path in self.folder.rglob("*") if path.is_file()}

    def refuse(self, *arguments, code, says=(), **options):
        """Runs the program, which must fail with this code and one line, after warnings, that says
        all of the given words, and must leave every file as it was, and none more."""
        before = self.contents()
        result = self.run_program(*arguments, **options)
        self.assertEqual(result.returncode, code, result.stderr)
        lines = [line for line in result.stderr.splitlines()
                 if not line.startswith(("device: ", "maskcl: warning: ", "maskcl: recipe auto: "))]
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertTrue(lines[0].startswith("maskcl: error: "), lines[0])
        self.assertFalse(lines[0].endswith("."), lines[0])
        for word in says:
            self.assertIn(word, lines[0])
        self.assertEqual(self.contents(), before)
        return lines[0]

    # Files to read.

    def npy(self, name, shape, values, descr="<f4"):
        kind = {"<f4": "f", "<f8": "d", "|u1": "B", "<i4": "i", "<i8": "q"}[descr]
        return self.write(name, npy_bytes(descr, shape, array.array(kind, values).tobytes()))

    def random_rows(self, name, rows, columns, seed=1):
        generator = random.Random(seed)
        return self.npy(name, (rows, columns),
                        [generator.gauss(0, 1) for _ in range(rows * columns)])

    def images(self, name, rows, height=8, width=8, seed=1, compress=False):
        """IDX images of noise, and bright in the upper half where the row's number is odd."""
        generator = random.Random(seed)
        data = bytearray(struct.pack(">IIII", 0x803, rows, height, width))
        for row in range(rows):
            for y in range(height):
                bright = 128 if row % 2 and y < height // 2 else 0
                data += bytes(bright + generator.randrange(100) for _ in range(width))
        return self.write(name, gzip.compress(bytes(data)) if compress else bytes(data))

    def labels(self, name, rows, first=0):
        """The classes of images(); with first=1 each is the other one."""
        return self.write(name, struct.pack(">II", 0x801, rows) +
                          bytes((first + row) % 2 for row in range(rows)))

    def model(self, name="model.safetensors", columns=12, *options):
        """A model of rows with this many columns, hardly trained."""
        self.succeed("pretrain", "--synthetic", "8x%d" % columns, "-o", name, "--epochs", 1,
                     "--hidden", "6", "--embedding", "4", "-q", *options)
        return name

    def information(self, model):
        return json.loads(self.succeed("info", model, "--json").stdout)
