# SPDX-License-Identifier: Apache-2.0
"""Rows from whatever Python programs have them in: arrays, tables, files."""
from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ._library import failure, ffi, lib, reworded, text, warn
from ._options import Options


class Data:
    """A data set of the library. Its messages have other words for these."""

    def __init__(self, pointer: Any, words: dict[str, str]) -> None:
        self.pointer = ffi.gc(pointer, lib.mcl_data_free)
        warning = lib.mcl_data_warning(self.pointer)
        if warning != ffi.NULL:
            for line in text(warning).split("\n"):
                warn(reworded(line, words))

    @property
    def rows(self) -> int:
        return int(lib.mcl_data_rows(self.pointer))

    @property
    def columns(self) -> int:
        return int(lib.mcl_data_columns(self.pointer))

    def labels(self) -> np.ndarray[Any, Any] | None:
        pointer = lib.mcl_data_labels(self.pointer)
        if pointer == ffi.NULL:
            return None
        return np.frombuffer(ffi.buffer(pointer, 4 * self.rows), dtype=np.int32).copy()


def column_names(rows: Any) -> list[str] | None:
    """The names of a table's columns; None of what is no table."""
    if is_table(rows):
        names = rows.column_names if hasattr(rows, "column_names") else rows.columns
        return [str(name) for name in names]
    return None


def is_table(rows: Any) -> bool:
    """Whether it is a table of pandas, polars or Arrow. One of pandas without names of columns, made from an array
    of numbers, is taken as that array."""
    module = type(rows).__module__.partition(".")[0]
    if module not in ("pandas", "polars", "pyarrow") or not hasattr(rows, "columns"):
        return False
    unnamed = module == "pandas" and type(rows.columns).__name__ == "RangeIndex"
    return not (unnamed and len({str(kind) for kind in rows.dtypes}) == 1 and rows.dtypes.iloc[0].kind in "biuf")


def is_path(rows: Any) -> bool:
    return isinstance(rows, (str, os.PathLike)) or (
        isinstance(rows, (list, tuple)) and len(rows) > 0 and all(isinstance(path, os.PathLike) for path in rows))


def open_data(rows: Any, options: Options, *, fitting: bool = False) -> Data:
    """The data set of rows: a path or several, a table, or an array of numbers. Where a schema is fitted, a
    table's own types decide which columns are numbers."""
    if is_path(rows):
        paths = [os.fspath(path) for path in (rows if isinstance(rows, (list, tuple)) else [rows])]
        return _open(paths, options)
    if is_table(rows):
        return _open_table(rows, options, fitting)
    with _file("array.npy") as (file, path):
        array = as_array(rows)
        np.lib.format.write_array(file, array, allow_pickle=False)
        file.flush()
        return _open([path], options, "the array")


def as_array(rows: Any) -> np.ndarray[Any, Any]:
    """An array of numbers, of the memory of whatever has DLPack or the array interface."""
    if hasattr(rows, "__dlpack__") and not isinstance(rows, np.ndarray):
        if hasattr(rows, "detach"):
            rows = rows.detach().cpu()
        rows = np.from_dlpack(rows)
    array = np.ascontiguousarray(rows)
    if array.dtype == object:
        raise ValueError("an array of Python objects has no numbers to train on: pass a table (pandas, polars, "
                         "Arrow), whose columns have names and kinds, or an array of numbers")
    return array


def _open(paths: Sequence[str], options: Options, name: str | None = None) -> Data:
    """Opens paths; name is said in messages in place of the first one's."""
    kept = [ffi.new("char[]", os.fsencode(path)) for path in paths]
    made = ffi.new("mcl_data **")
    status = lib.mcl_data_open_all(made, ffi.new("char *[]", kept), len(kept), options.pointer)
    if status != lib.MCL_OK:
        raise failure(status, {paths[0]: name} if name else {})
    return Data(made[0], {paths[0]: name} if name else {})


@contextmanager
def _file(name: str) -> Iterator[tuple[io.BufferedWriter, str]]:
    """A file that is in memory, where the system has such files."""
    if hasattr(os, "memfd_create"):
        with open(os.memfd_create(name), "w+b", closefd=True) as memory:
            yield memory, f"/proc/self/fd/{memory.fileno()}"
    else:
        with tempfile.NamedTemporaryFile(suffix=name) as file:
            yield file, file.name  # type: ignore[misc]


def _columns(table: Any) -> Iterator[tuple[str, bool, Iterable[Any]]]:
    """Name, whether it has numbers, and values, of each column; None is missing."""
    for name in table.column_names if hasattr(table, "column_names") else table.columns:
        column = table[name]
        kind = str(getattr(column, "dtype", None) or column.type).lower()
        numbers = kind.startswith(("int", "uint", "float", "double", "halffloat", "decimal"))
        if hasattr(column, "to_pylist"):  # Arrow
            values = column.to_pylist()
        elif hasattr(column, "to_list"):  # polars, pandas
            values = column.to_list()
        else:
            values = list(column)
        yield str(name), numbers, values


def _cell(value: Any, numbers: bool) -> str:
    if value is None or value is getattr(_pandas(), "NA", None):
        return ""
    if numbers:
        number = float(value) if not isinstance(value, int) else value
        return "" if number != number else repr(number)
    return "" if value != value else str(value)


def _pandas() -> Any:
    import sys

    return sys.modules.get("pandas")


def _open_table(table: Any, options: Options, fitting: bool) -> Data:
    columns = list(_columns(table))
    names = [name for name, _, _ in columns]
    if fitting:
        _add_kinds(options, [(name, numbers) for name, numbers, _ in columns])
    options.set("delimiter", "comma")
    options.set("decimal", "point")
    options.set("header", "yes")
    with _file("table.csv") as (file, path):
        stream = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=False)
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(zip(*[[_cell(value, numbers) for value in values] for _, numbers, values in columns]))
        stream.flush()
        try:
            return _open([path], options, "the table")
        finally:
            stream.detach()


def quoted_names(names: Iterable[str]) -> str:
    """Names joined by commas, quoted as in CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(list(names))
    return line.getvalue()


def _add_kinds(options: Options, columns: Sequence[tuple[str, bool]]) -> None:
    """The kinds that the table's types give its columns, but for those that are given."""
    named = options.columns_named()
    for key, wanted in ("numeric", True), ("categorical", False):
        names = [name for name, numbers in columns if numbers == wanted and name not in named]
        if names:
            given = options.given.get(key)
            options.set(key, ",".join(filter(None, [given, quoted_names(names)])))
