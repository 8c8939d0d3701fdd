# SPDX-License-Identifier: Apache-2.0
"""What the measurements were taken on."""

import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import resource
import subprocess


class Machine:
    """The device that maskcl would use, and the machine around it."""

    def __init__(self, program, selection, instructions):
        listing = json.loads(subprocess.run(
            [program, "devices", "--json", *selection], check=True, capture_output=True,
            text=True).stdout)
        self.device = next(device for device in listing["devices"] if device["used"])
        self.program = program
        self.instructions = instructions
        self.gpu = self.device["type"] == "GPU"
        self.processors = len(os.sched_getaffinity(0))
        self._busy = busy_seconds()

    @property
    def selection(self):
        """The options that choose this device again."""
        return ["--platform", self.device["platform_index"],
                "--device", self.device["device_index"]]

    def icd_file(self):
        """The .icd file of the device's platform, for programs that take the first platform."""
        folder = pathlib.Path(os.environ.get("OCL_ICD_VENDORS", "/etc/OpenCL/vendors"))
        for file in [folder] if folder.is_file() else sorted(folder.glob("*.icd")):
            listing = subprocess.run(
                [self.program, "devices", "--json"], capture_output=True, text=True,
                env={**os.environ, "OCL_ICD_VENDORS": str(file), "MASKCL_PLATFORM": "",
                     "MASKCL_DEVICE": ""})
            if listing.returncode == 0 and any(
                    device["platform"] == self.device["platform"]
                    for device in json.loads(listing.stdout)["devices"]):
                return file
        return None

    def thread_counts(self):
        """1, 2, 4 … and as many as there are processors."""
        counts = {1 << power for power in range(self.processors.bit_length())}
        return sorted(count for count in counts | {self.processors} if count <= self.processors)

    def identity(self):
        """What one file of figures is of."""
        return {
            "processor": f"{processor_name()}, {self.processors} processors",
            "instructions": "" if self.gpu else self.instructions,
            "device": f"{self.device['name']} ({self.device['type']}, "
                      f"{self.device['compute_units']} compute units)",
        }

    def facts(self, folder):
        revision = subprocess.run(["git", "-C", folder, "describe", "--always", "--dirty"],
                                  capture_output=True, text=True).stdout.strip()
        driver = " ".join(self.device[key]
                          for key in ("platform", "driver_version", "opencl_version"))
        return {
            "date": datetime.date.today().isoformat(),
            "maskcl": revision or "unknown",
            "system": f"{system_name()}, Linux {platform.release()}",
            "driver": driver,
            "PyTorch": package_version("torch"),
            "tinygrad": package_version("tinygrad"),
        }

    def other_load(self):
        """Processors that anything but this run and its children kept busy since the start; to be
        asked when all children have ended."""
        busy, own, time = (now - then for now, then in zip(busy_seconds(), self._busy))
        return max(0.0, busy - own) / time


def busy_seconds():
    """Seconds that processors were busy, that we and our children used of them, and the time."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    with open("/proc/uptime") as file:
        return busy, own, float(file.read().split()[0])


def processor_name():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()


def system_name():
    return platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")


def package_version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
