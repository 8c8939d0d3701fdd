# SPDX-License-Identifier: Apache-2.0
"""Rows from whatever Python programs have them in: arrays, tables, files."""
from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ._library import check, failure, ffi, lib, reworded, text, warn
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


def column_names(rows: Any) -> list[str] | None:
    """The names of a table's columns; None of what is no table."""
    if is_table(rows):
        if not hasattr(rows, "__len__"):
            raise ValueError(f"{type(rows).__name__}: its rows are not there yet: pass what collect() gives")
        names = rows.column_names if hasattr(rows, "column_names") else rows.columns
        return [str(name) for name in names]
    return None


def is_table(rows: Any) -> bool:
    """Whether it is a table of pandas, polars or Arrow. One of pandas without names of columns, made from an array
    of numbers, is taken as that array."""
    module = type(rows).__module__.partition(".")[0]
    if module not in ("pandas", "polars", "pyarrow") or not hasattr(type(rows), "columns"):
        return False
    if module != "pandas" or type(rows.columns).__name__ != "RangeIndex" or len(rows.columns) == 0:
        return True
    numbers = len({str(kind) for kind in rows.dtypes}) == 1 and rows.dtypes.iloc[0].kind in "biuf"
    return not numbers or bool(rows.isna().any(axis=None))


def is_path(rows: Any) -> bool:
    """Whether it is a path, or a list of paths."""
    return isinstance(rows, (str, os.PathLike)) or (
        isinstance(rows, (list, tuple)) and len(rows) > 0
        and all(isinstance(path, os.PathLike) or (isinstance(path, str) and os.path.exists(path)) for path in rows))


def open_data(rows: Any, options: Options, *, fitting: bool = False) -> Data:
    """The data set of rows: a path or several, a table, or an array of numbers. Where a schema is fitted, what the
    table has as categories are some."""
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
            rows = rows.float() if str(rows.dtype) == "torch.bfloat16" else rows
        rows = np.from_dlpack(rows)
    refuse_masks(rows)
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
def _file(name: str) -> Iterator[tuple[Any, str]]:
    """A file in memory."""
    with open(os.memfd_create(name), "w+b") as memory:
        yield memory, f"/proc/self/fd/{memory.fileno()}"


def refuse_masks(rows: Any) -> None:
    """A masked array has values where there are none, which must not be taken for some."""
    if np.ma.isMaskedArray(rows) and np.ma.getmaskarray(rows).any():
        raise ValueError("a masked array: fill what is masked, or pass a table, whose missing values are known as such")


def _columns(table: Any) -> Iterator[tuple[str, Any, str]]:
    """Name, values, and the type's name, of each column."""
    names = [str(name) for name in (table.column_names if hasattr(table, "column_names") else table.columns)]
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise ValueError(f"the table: two of its columns are called {twice!r}")
    for i, name in enumerate(names):
        column = table.iloc[:, i] if hasattr(table, "iloc") else table[name]
        kind = str(getattr(column, "dtype", None) or column.type).lower()
        if kind.startswith("sparse"):
            column = np.asarray(column)
            kind = str(column.dtype)
        yield name, column, kind


def _numbers(column: Any) -> np.ndarray[Any, Any]:
    """A column of numbers, NaN where there is none."""
    if hasattr(column, "to_numpy"):
        try:
            values = column.to_numpy()
            if values.dtype.kind in "iuf" and values.dtype.itemsize <= 8:
                return np.ascontiguousarray(values)
        except (TypeError, ValueError):
            pass
    return np.array([np.nan if value is None or value != value else float(value)
                     if _is_number(value) else np.nan for value in _values(column)], np.float64)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _texts(column: Any) -> list[bytes | None]:
    """A column of texts, None where there is none."""
    return [None if value is None or not _equals_itself(value) else str(value).encode() for value in _values(column)]


def _values(column: Any) -> list[Any]:
    return list(column.to_pylist() if hasattr(column, "to_pylist") else column)


_NUMBER = re.compile(rb"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")


def _are_numbers(texts: list[bytes | None]) -> bool:
    """Whether texts are numbers, as a CSV file would have them: some, and nothing else."""
    there = [text for text in texts if text]
    return bool(there) and all(_NUMBER.fullmatch(text) for text in there)


def _equals_itself(value: Any) -> bool:
    """Whether a value is one: NaN, NaT and NA are not."""
    try:
        return bool(value == value)
    except TypeError:
        return False


_NUMBERS = {"i1": "INT8", "i2": "INT16", "i4": "INT32", "i8": "INT64", "u1": "UINT8", "u2": "UINT16", "u4": "UINT32",
            "u8": "UINT64", "f2": "FLOAT16", "f4": "FLOAT32", "f8": "FLOAT64"}

_NUMERIC = ("int", "uint", "float", "double", "halffloat", "decimal")
_CATEGORIES = ("category", "categorical", "enum", "dictionary")


def _open_table(table: Any, options: Options, fitting: bool) -> Data:
    columns = list(_columns(table))
    if fitting:
        _add_categories(options, [name for name, _, kind in columns if kind.startswith(_CATEGORIES)])
    described = ffi.new("mcl_column_values[]", len(columns))
    kept: list[Any] = []  # what the description points to
    rows = len(table)
    for entry, (name, column, kind) in zip(described, columns):
        texts = None if kind.startswith(_NUMERIC) else _texts(column)
        numbers = texts is None or (not kind.startswith(_CATEGORIES) and _are_numbers(texts))
        kept.append(ffi.new("char[]", name.encode()))
        entry.name = kept[-1]
        entry.texts = not numbers
        if numbers:
            values = _numbers(column if texts is None else texts)
            if values.dtype.kind == "f" and np.isinf(values).any() and name not in options.columns_named():
                raise ValueError(f"the table: row {int(np.isinf(values).argmax())} (counted from 0), column {name!r}: is "
                                 "infinite; replace or remove it")
            entry.type = getattr(lib, "MCL_NUMBER_" + _NUMBERS[values.dtype.str[1:]])
            kept.append(ffi.from_buffer(values))
            entry.values = kept[-1]
        else:
            pointers = [ffi.NULL if value is None else ffi.new("char[]", value) for value in texts or []]
            kept.extend([pointers, ffi.new("char *[]", pointers)])
            entry.values = kept[-1]
    description = ffi.new("mcl_table_description *", {"columns": described, "count": len(columns), "rows": rows})
    made = ffi.new("mcl_data **")
    check(lib.mcl_data_from_table(made, description, options.pointer))
    return Data(made[0], {})


def quoted_names(names: Iterable[str]) -> str:
    """Names joined by commas, quoted as in CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(list(names))
    return line.getvalue()


def _add_categories(options: Options, names: Sequence[str]) -> None:
    """What a table has as categories are some, whatever they look like, but for what options say otherwise."""
    named = options.columns_named()
    line = quoted_names(name for name in names if name not in named)
    if line:
        options.set("categorical", ",".join(filter(None, [options.given.get("categorical"), line])))
