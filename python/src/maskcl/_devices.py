# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass

from ._library import check, ffi, lib, refuse_fork, text


@dataclass(frozen=True)
class Device:
    """An OpenCL device as its driver describes it."""

    platform_index: int
    device_index: int
    platform: str
    name: str
    vendor: str
    driver_version: str
    opencl_version: str
    type: str
    compute_units: int
    global_memory: int  #: bytes
    host_memory: bool  #: host and device share memory
    usable: bool

    @property
    def id(self) -> str:
        """What `device=` takes."""
        return f"{self.platform_index}:{self.device_index}"


def devices() -> list[Device]:
    """The OpenCL devices of this machine, in the loader's order."""
    refuse_fork()
    listed, count = ffi.new("mcl_device_info **"), ffi.new("size_t *")
    check(lib.mcl_devices_list(listed, count))
    try:
        return [_device(listed[0][i]) for i in range(count[0])]
    finally:
        lib.mcl_devices_free(listed[0])


def _device(info: object) -> Device:
    values: dict[str, object] = {}
    for name in Device.__dataclass_fields__:
        value = getattr(info, name)
        values[name] = text(value) if isinstance(value, ffi.CData) else value
    values["type"] = text(lib.mcl_device_type_name(info.type))  # type: ignore[attr-defined]
    values["usable"] = info.usable and not info.too_old  # type: ignore[attr-defined]
    return Device(**values)  # type: ignore[arg-type]
