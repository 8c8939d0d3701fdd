#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what the compiler does not: that includes follow the layers of tools/layers.txt, that every
source file names its license, that functions of kernels are static, and
that the program prints to streams of its own.

    tools/sources.py [FOLDER]    the tree to check, by default this one

Prints FILE:LINE: and what is wrong; exit code 1 if anything is."""

import pathlib
import re
import sys

TOP = ("cl", "cmake", "examples", "include", "python", "src", "tests", "tools", ".ci")
NOT_SOURCES = {"fixtures", "corpus", "__pycache__"}
SUFFIXES = {".c", ".h", ".cpp", ".cl", ".clh", ".py", ".sh", ".cmake"}
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]')
INLINE = re.compile(r"(?<!static )\binline\b")
OUTPUT = re.compile(r"(?<![\w])(printf|puts|putchar|perror)\(|\b(stdout|stderr|STD(OUT|ERR)_FILENO)\b")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)


def source_files(root):
    """Sources below the project's folders, and CMakeLists.txt beside them."""
    for path in sorted(root.glob("*")):
        if path.name == "CMakeLists.txt":
            yield path
        elif path.name in TOP:
            yield from (file for file in sorted(path.rglob("*"))
                        if file.is_file() and not NOT_SOURCES & set(file.relative_to(root).parts)
                        and is_source(file))


def is_source(path):
    """By its name, or as a script without a suffix by its first two bytes."""
    if path.suffix in SUFFIXES or path.name == "CMakeLists.txt":
        return True
    with path.open("rb") as file:
        return path.suffix == "" and file.read(2) == b"#!"


def read_layers(path):
    """{folder: all that it may include}, the transitive closure of the file's edges."""
    below = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            folder, _, names = line.partition(":")
            below[folder] = set(names.split())

    def closure(folder):
        direct = below.get(folder, set())
        return direct.union(*map(closure, direct))

    return {folder: closure(folder) for folder in below}


def folder_of(name, file, root):
    """To which layer a header belongs, from how it is included; None: the system's."""
    if name.startswith("maskcl/"):
        return "include"
    if (root / "src" / name).is_file() and "/" in name:
        return name.split("/")[0]
    if (file.parent / name).is_file():
        return file.relative_to(root).parts[1 if file.is_relative_to(root / "src") else 0]
    if (root / "cl" / name).is_file():
        return "cl"
    return None


def check_includes(file, lines, root, layers):
    """Arrows that point the wrong way, of a file in src/, include/ or cl/."""
    parts = file.relative_to(root).parts
    own = parts[1] if parts[0] == "src" else parts[0]
    if parts[0] == "src" and own not in layers:
        yield 1, f"src/{own} is not in tools/layers.txt"
        return
    allowed = {own} | layers.get(own, set()) | ({"include"} if parts[0] == "src" else set())
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        folder = match and folder_of(match[1], file, root)
        if folder and folder not in allowed:
            yield number, f"{own} must not include {folder} ({match[1]}); see tools/layers.txt"


def check_inline(text):
    """Without static, C99's inline defines no function to link with."""
    code = COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    for number, line in enumerate(code.splitlines(), 1):
        if INLINE.search(line):
            yield number, "a kernel's function is static inline, not inline"


def check_output(text):
    """What the program prints goes to streams of its own: drivers print to the process's."""
    code = COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    for number, line in enumerate(code.splitlines(), 1):
        if OUTPUT.search(line) and "format(printf" not in line:
            yield number, "the program prints by mcl_print(), or to mcl_out and mcl_err"


def check(file, root, layers):
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()
    if not any("SPDX-License-Identifier:" in line for line in lines[:2]):
        yield 1, "the first line, or the one after #!, is not SPDX-License-Identifier: …"
    top = file.relative_to(root).parts[0]
    if top in ("src", "include", "cl"):
        yield from check_includes(file, lines, root, layers)
    if top == "cl":
        yield from check_inline(text)
    if file.parent == root / "src" / "cli" and file.stem != "streams":
        yield from check_output(text)


def main(arguments):
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parents[1]).resolve()
    layers = read_layers(root / "tools" / "layers.txt")
    wrong = [f"{file.relative_to(root)}:{number}: {text}" for file in source_files(root)
             for number, text in check(file, root, layers)]
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
