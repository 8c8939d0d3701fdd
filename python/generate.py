#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes src/maskcl/_parameters.py: the estimators' explicit signatures, from the library's table of options.

    python/generate.py            writes the file
    python/generate.py --check    exits with 1 where it is not what this would write
"""
import argparse
import pathlib
import sys
import textwrap

from maskcl._options import Option, options_of

TARGET = pathlib.Path(__file__).parent / "src/maskcl/_parameters.py"

# Of the Python estimators in place of the options of these keys: random_state; what holds labels and rows; and
# what belongs to a run with files.
LEFT_OUT = {"seed", "label", "id", "delimiter", "decimal", "header", "checkpoint_every", "resume"}

# What is about the device, as in maskcl.devices().
DEVICE = [
    ("device", "str | int | None", "an index, `PLATFORM:DEVICE`, a part of a name, or `gpu`, `cpu`, `accelerator`; "
                                   "None takes MASKCL_DEVICE or the best"),
    ("platform", "str | int | None", "an index or a part of a name"),
    ("gemm", "str | None", "`auto`, `clblast`, `native`: who computes matrix products"),
    ("device_memory", "int | str | None", "bytes of device memory that may be used, or as in '512M'"),
    ("reproducible", "bool", "refuse a device whose bits are not those of every other one"),
]

COUNTS = {"N", "K", "M", "KEYS", "EPOCHS", "WIDTH", "PIXELS"}
NUMBERS = {"P", "PART", "RATE", "DECAY", "BETA", "EPSILON", "FACTOR", "NORM", "T", "L"}


def type_of(option: Option) -> str:
    values = option.values
    if values in ("no|yes", "yes|no"):
        return "bool | None"
    if option.key in ("margin", "momentum", "sigreg_weight"):
        return "float | None"
    if values in COUNTS:
        return "int | None"
    if values in NUMBERS:
        return "float | None"
    if values in ("WIDTHS", "mirror|WIDTHS"):
        return "int | Sequence[int] | str | None"
    if values in ("COLUMNS",):
        return "Sequence[str] | str | None"
    if values.startswith("N|"):
        return "int | str | None"
    if "|" in values and values.lower() == values:
        return "Literal[" + ", ".join(f'"{value}"' for value in values.split("|")) + "] | None"
    return "str | None" if values == "NAME" else "str | float | None"


def document(name: str, kind: str, default: str, text: str) -> str:
    kind = kind.replace(" | None", "")
    body = textwrap.fill(text.replace("\n", " "), 104, initial_indent=" " * 12, subsequent_indent=" " * 12)
    return f"        {name} : {kind}, default: {default}\n{body}"


def parameters(kinds: list[str]) -> list[tuple[str, str, str, str, str]]:
    """(name, type, value, default in words, help) of each parameter, in order."""
    listed = []
    if "finetune" in kinds:
        listed.append(("encoder", "Any", "None", "a new one", "what it begins with"))
    for kind in kinds:
        for option in options_of(kind):
            if option.key not in LEFT_OUT:
                value = '"auto"' if option.key == "recipe" else "None"
                listed.append((option.key, type_of(option), value, option.otherwise, option.help))
    for name, kind, help_text in DEVICE:
        value = "False" if kind == "bool" else "None"
        listed.append((name, kind, value, "no" if kind == "bool" else "none", help_text))
    listed.append(("random_state", "int | np.random.RandomState | None", "None", "drawn anew by every fit",
                   "the seed of everything that is drawn; equal seeds give equal bits"))
    listed.append(("verbose", "bool | None", "None", "where a terminal or a notebook shows it",
                   "show progress (tqdm)"))
    return listed


def class_text(name: str, summary: str, kinds: list[str]) -> str:
    listed = parameters(kinds)
    documented = "\n".join(document(key, kind, default, text) for key, kind, _, default, text in listed)
    signature = ",\n".join(f"        {key}: {kind} = {value}" for key, kind, value, _, _ in listed)
    stored = "\n".join(f"        self.{key} = {key}" for key, _, _, _, _ in listed)
    groups = "\n".join(
        f"    _{kind}_options = (" + ", ".join(f'"{o.key}"' for o in options_of(kind) if o.key not in LEFT_OUT) + ",)"
        for kind in kinds)
    return f'''class {name}:
    """{summary}

    Parameters, all by keyword; None leaves an option to its default, or to the recipe::

{documented}
    """

{textwrap.fill(groups, 10000, replace_whitespace=False)}

    def __init__(
        self,
        *,
{signature},
    ) -> None:
{stored}
'''


def text() -> str:
    head = '''# SPDX-License-Identifier: Apache-2.0
# Written by python/generate.py from the library's table of options; not to be edited.
# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np


'''
    return head + class_text("PretrainParameters", "The options of pre-training and of reading data.",
                             ["pretrain", "data"]) + "\n\n" + class_text(
        "FinetuneParameters", "The options of fine-tuning and of reading data.", ["finetune", "data"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        if TARGET.read_text() != text():
            print(f"{TARGET}: is not what python/generate.py writes: run it", file=sys.stderr)
            return 1
        return 0
    TARGET.write_text(text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
