# SPDX-License-Identifier: Apache-2.0
"""Options by key, as the library's table has them."""
from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ._library import check, failure, ffi, lib, text


@dataclass(frozen=True)
class Option:
    """A row of the library's table of options."""

    key: str
    group: str
    values: str  #: what a value looks like
    help: str
    otherwise: str  #: the default
    of_recipe: bool
    decides_bits: bool


def options_of(kind: str) -> Iterator[Option]:
    """The options of "pretrain", "finetune" or "data"."""
    info = ffi.new("mcl_option_info *")
    number = getattr(lib, "MCL_OPTIONS_" + kind.upper())
    index = 0
    while lib.mcl_option_at(info, number, index) == lib.MCL_OK:
        yield Option(text(info.key), text(info.group), text(info.values), text(info.help), text(info.otherwise),
                     bool(info.of_recipe), bool(info.decides_bits))
        index += 1


def value_text(value: Any) -> str:
    """A value as mcl_options_set() reads it: numbers, names, and lists of them joined by commas."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return repr(value)
    if not isinstance(value, str) and hasattr(value, "__iter__"):
        return ",".join(value_text(item) for item in value) or "none"
    return str(value)


class Options:
    """An option struct of the library, with the texts that its members point to."""

    def __init__(self, kind: str) -> None:
        self.pointer = ffi.new(f"mcl_{kind}_options *")
        self._texts: list[Any] = []
        self.given: dict[str, str] = {}
        check(getattr(lib, f"mcl_{kind}_options_init")(self.pointer))

    def set(self, key: str, value: Any) -> None:
        self.given[key] = value_text(value)
        kept = ffi.new("char[]", self.given[key].encode())
        self._texts.append(kept)
        status = lib.mcl_options_set(ffi.addressof(self.pointer.base), key.encode(), kept)
        if status != lib.MCL_OK:
            raise type(failure(status))(f"`{key}`: {value!r}: {failure(status)}")

    def set_all(self, values: Mapping[str, Any]) -> None:
        """Sets those that are not None."""
        for key, value in values.items():
            if value is not None:
                self.set(key, value)

    def check_conflicts(self, keys: Mapping[str, Any]) -> None:
        """Raises ValueError where an option that is given makes no sense beside the others."""
        reason = ffi.new("char[512]")
        for key, value in keys.items():
            if value is not None and lib.mcl_options_conflict(reason, 512, ffi.addressof(self.pointer.base),
                                                              key.encode()):
                raise ValueError(f"`{key}`: {text(reason)}")

    def columns_named(self) -> frozenset[str]:
        """The columns that options such as `label` and `numeric` name."""
        lists = (self.given.get(key, "") for key in ("label", "id", "categorical", "numeric", "ignore"))
        return frozenset(name for line in lists for row in csv.reader(io.StringIO(line, newline="")) for name in row)
