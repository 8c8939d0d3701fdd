# SPDX-License-Identifier: Apache-2.0
"""Which programs a GPU compiles: the files of cl/ with each set of options that runs ask for.

The runs are real ones of maskcl, with every command and recipe, on a device that record.c makes up: it
computes nothing, so that they take a moment, and writes down what is to be compiled."""

import dataclasses
import os
import pathlib
import struct
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
KERNELS = HERE.parent.parent / "cl"

# Rows, sides of the images and columns of the table, of which a GPU of few compute units gets the
# largest tiles of the products, and one of many the smallest.
ROWS, SIDE, COLUMNS, CLASSES = 600, 28, 64, 10
UNITS = (8, 32, 132)

# Encoders that have every layer of maps between them.
ENCODERS = (
    ("batch", "conv:16x3,pool:max,residual(conv:16x3),depthwise:3/2,pool:grid:2,dense:32"),
    ("group", "conv:16x5/2,conv:24x3,pool:avg,conv:32x3,pool:global"),
)


@dataclasses.dataclass(frozen=True, order=True)
class Program:
    file: str
    defines: str  # "A=1 B=2", in the order of the host; "" for none
    source: str = dataclasses.field(compare=False)  # the whole text
    options: str = dataclasses.field(compare=False)  # for the compiler

    @property
    def name(self):
        return f"{self.file} {self.defines}".strip()


class Recorder:
    """Runs maskcl in a folder and collects what it would compile."""

    def __init__(self, maskcl, folder):
        self.maskcl = maskcl
        self.folder = folder
        self.library = folder / "record.so"
        self.runs = 0
        # The kernels of the tree, whatever the program was built with.
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("MASKCL_")} | {"MASKCL_KERNELS": str(KERNELS)}
        subprocess.run(["cc", "-std=c11", "-shared", "-fPIC", "-o", self.library, HERE / "record.c",
                        "-ldl"], check=True)
        self.write_data()

    def write_data(self):
        size = ROWS * SIDE * SIDE
        (self.folder / "images").write_bytes(struct.pack(">IIII", 0x803, ROWS, SIDE, SIDE) +
                                             bytes(i % 251 for i in range(size)))
        self.write_array("rows.npy", "<f4", (ROWS, COLUMNS), bytes(4 * ROWS * COLUMNS))
        self.write_array("colours.npy", "|u1", (ROWS, SIDE, SIDE, 3), bytes(i % 251 for i in range(3 * size)))
        (self.folder / "labels").write_bytes(struct.pack(">II", 0x801, ROWS) +
                                             bytes(i % CLASSES for i in range(ROWS)))

    def write_array(self, name, descr, shape, content):
        header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
        header += " " * (117 - len(header)) + "\n"
        (self.folder / name).write_bytes(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() +
                                         content)

    def run(self, *arguments, units=UNITS[0], codes=(0,)):
        """Runs maskcl on a GPU of so many compute units; every cache is its own and empty."""
        self.runs += 1
        folder = self.folder / f"run-{self.runs}"
        folder.mkdir()
        environment = dict(self.environment, LD_PRELOAD=str(self.library),
                           RECORD_FOLDER=str(folder), RECORD_UNITS=str(units),
                           XDG_CACHE_HOME=str(folder / "cache"))
        result = subprocess.run([self.maskcl, *map(str, arguments)], cwd=self.folder, text=True,
                                env=environment, stdin=subprocess.DEVNULL, capture_output=True)
        if result.returncode not in codes:
            raise RuntimeError(f"maskcl {' '.join(map(str, arguments))}: exit code "
                               f"{result.returncode}: {result.stderr.strip()}")
        return result.stdout

    def recipes(self):
        """{name: epochs to run it for} of all recipes: the words that begin a line of their help. auto is one of
        the others. A recipe without training stays one."""
        recipes = {}
        for line in self.run("help", "recipes").splitlines():
            if line and line == line.strip() and " " not in line:
                name = line
                recipes[name] = 1
            elif line.split() == ["--epochs", "0"]:
                recipes[name] = 0
        del recipes["auto"]
        return recipes

    def programs(self):
        found = set()
        for path in self.folder.glob("run-*/*.cl"):
            program = parse(path.read_text(), path.with_suffix(".options").read_text())
            if program:
                found.add(program)
        return found


def parse(source, options):
    """The program of a recorded text, or None for one of CLBlast's: lines of #define, which give its
    options, before the first file of cl/."""
    head, mark, rest = source.partition('#line 1 "')
    if not mark:
        return None
    defines = [line.split(" ", 2)[1:] for line in head.splitlines() if line.startswith("#define ")]
    text = " ".join("=".join(define) for define in defines if define[0] != "VARIANT")
    return Program(rest.partition('"')[0], text, source, options)


def record(maskcl, folder):
    """All programs: of every recipe, of whatever else is measured and checked, on GPUs of several sizes."""
    recorder = Recorder(maskcl, folder)
    native = ("--gemm", "native", "--quiet")
    recipes = recorder.recipes()
    if len(recipes) < 2:
        raise RuntimeError(f"'maskcl help recipes' names {len(recipes)} recipes")
    for recipe, epochs in recipes.items():
        model = f"{recipe}.safetensors"
        chosen = ("--recipe", recipe, "--epochs", epochs, "-o", model)
        for units in UNITS:
            recorder.run("pretrain", "rows.npy", *chosen, *native, units=units,
                         codes=(0, 2))  # 2 where the recipe is for images alone
            recorder.run("pretrain", "images", *chosen, *native, units=units)
            recorder.run("embed", model, "images", "-o", "out.npy", *native, units=units)
            recorder.run("finetune", model, "images", "labels", "--epochs", 1, "-o",
                         "tuned.safetensors", *native, units=units)
        recorder.run("pretrain", "images", *chosen, "--gemm", "clblast", "--quiet")
        recorder.run("reconstruct", model, "images", "-o", "out.npy", "--gemm", "native",
                     codes=(0, 1))  # 1 where the recipe has no decoder
    for normalization, encoder in ENCODERS:
        for units in UNITS:
            recorder.run("pretrain", "colours.npy", "--recipe", "default", "--encoder", encoder, "--normalization",
                         normalization, "--views", "crop,flip,color,grey,blur,mask:block:0.5:complement", "--epochs",
                         1, "-o", "maps.safetensors", *native, units=units)
    recorder.run("pretrain", "images", *chosen, "--gemm", "native", "--profile")
    recorder.run("probe", model, "images", "labels", "images", "labels", "--gemm", "native")
    recorder.run("verify", codes=(1,))  # it has every objective and view; nothing agrees here
    return recorder.programs()
