# SPDX-License-Identifier: Apache-2.0
"""The library: errors as exceptions, warnings, text, and contexts on devices."""
from __future__ import annotations

import os
import threading
import warnings
from typing import Any

try:
    from ._binding import ffi as ffi
    from ._binding import lib as lib
except ImportError as error:
    if "libOpenCL" not in str(error):
        raise
    raise ImportError(
        "maskcl needs libOpenCL.so.1 and a driver: install ocl-icd-libopencl1 and your device's driver, or "
        "pocl-opencl-icd, a driver for the CPU (Debian and Ubuntu)"
    ) from error


class MaskclError(RuntimeError):
    """What went wrong, in the library's one line."""


class MaskclWarning(UserWarning):
    """What went wrong and was put right, or what should be known of the data."""


class DeviceError(MaskclError):
    """No OpenCL device, or one that reported an error."""


_EXCEPTIONS: dict[int, type[Exception]] = {
    lib.MCL_ERROR_ARGUMENT: ValueError,
    lib.MCL_ERROR_MEMORY: MemoryError,
    lib.MCL_ERROR_FILE: OSError,
    lib.MCL_ERROR_FORMAT: ValueError,
    lib.MCL_ERROR_DATA: ValueError,
    lib.MCL_ERROR_NO_DEVICE: DeviceError,
    lib.MCL_ERROR_DEVICE: DeviceError,
}


def text(pointer: Any) -> str:
    """A C string that the library owns."""
    return str(ffi.string(pointer).decode("utf-8", "replace"))


def spelled(line: str) -> str:
    """Messages name options by their keys in backquotes, which here are keyword arguments."""
    return line.replace("`seed`", "`random_state`")


def check(status: int) -> None:
    """Raises what the status says."""
    if status != lib.MCL_OK:
        raise failure(status)


def reworded(line: str, words: dict[str, str]) -> str:
    for word, other in words.items():
        line = line.replace(word, other)
    return line


def failure(status: int, words: dict[str, str] | None = None) -> Exception:
    """The exception that says what has failed, with other words for these."""
    return _EXCEPTIONS.get(status, MaskclError)(reworded(spelled(text(lib.mcl_error_message())), words or {}))


def warn(line: str) -> None:
    warnings.warn(spelled(line), MaskclWarning, stacklevel=4)


@ffi.def_extern()  # type: ignore[untyped-decorator]
def binding_warn(line: Any, user: Any) -> None:
    # The library may call this on a thread of ours, where a warning that is an error must not raise.
    _pending.append(text(line))


_pending: list[str] = []


def flush_warnings() -> None:
    """Warns of what the library has told of since the last time."""
    while _pending:
        warn(_pending.pop(0))


class Context:
    """A context on a device, which one thread at a time uses."""

    def __init__(self, key: tuple[Any, ...]) -> None:
        platform, device, gemm, reproducible = key
        made = ffi.new("mcl_context **")
        check(lib.binding_open(made, _argument(platform), _argument(device), _argument(gemm)))
        self.pointer = ffi.gc(made[0], lib.mcl_context_close)
        self.lock = threading.RLock()
        if reproducible:
            check(lib.mcl_context_require_reproducible(self.pointer))


def _argument(value: str | int | None) -> Any:
    return ffi.NULL if value is None else ffi.from_buffer(str(value).encode() + b"\0")


_contexts: dict[tuple[Any, ...], Context] = {}
_contexts_lock = threading.Lock()
_used_in: int | None = None


def context(platform: str | int | None = None, device: str | int | None = None, gemm: str | None = None,
            reproducible: bool = False) -> Context:
    """The context on a device, opened when it is first asked for and kept: kernels are compiled once."""
    refuse_fork()
    key = (platform, device, gemm, reproducible)
    with _contexts_lock:
        if key not in _contexts:
            _contexts[key] = Context(key)
        return _contexts[key]


def refuse_fork() -> None:
    """OpenCL drivers do not survive fork(): their threads are gone, and calls would wait for ever."""
    global _used_in
    if _used_in is None:
        _used_in = os.getpid()
    elif _used_in != os.getpid():
        raise MaskclError("OpenCL has been used by the process that this one was forked from, which no driver "
                          "survives: start workers by 'spawn' or 'forkserver' (joblib's default, loky, does)")
