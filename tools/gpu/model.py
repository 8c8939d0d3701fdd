#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a training step takes on a GPU that is not there: a model of each launch by its operations,
bytes and work-items, against the peaks of the device.

  model.py [--maskcl build/maskcl]                  a table of all recipes on all devices
  model.py --recipe recommended --device rtx-3060   the step's kernels, one by one
  model.py --measured profile.json --device …       a real profile beside the model of its launches
  model.py --update                                 writes the table to docs/gpu.md

A real profile is what maskcl pretrain prints with -q --profile-json.
Launches are those of a real run on the device that record.c makes up."""

import argparse
import dataclasses
import json
import os
import pathlib
import re
import struct
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGE = ROOT / "docs" / "gpu.md"
BEGIN, END = "<!-- made by tools/gpu/model.py --update -->", "<!-- end of the table -->"

OPTIMIZERS = ("sgd", "adam", "lars", "lamb")  # the kernels that end a step
BATCH, COLUMNS = 128, 784  # of every recipe, so that they can be compared
RECIPES = ("reference", "default", "recommended", "few-labels", "fast", "tabular")


@dataclasses.dataclass(frozen=True)
class Device:
    units: int        # compute units, as the driver counts them
    lanes: int        # fused multiply-adds of a unit in a cycle
    warp: int         # lanes that go together
    gigahertz: float
    gigabytes: float  # a second, of memory
    launch: float     # microseconds from one launch to the next in a queue, at least


# The personas of tests/support/opencl_personas.h. Lanes and memory are the makers' figures; what a
# launch takes is a guess until one has been measured.
DEVICES = {
    "nvidia-h200": Device(132, 128, 32, 1.980, 4800, 3),
    "rtx-3060": Device(28, 128, 32, 1.777, 360, 4),
    "rx-6700-xt": Device(20, 128, 32, 2.581, 384, 6),
    "rx-580": Device(36, 64, 64, 1.340, 256, 10),
    "uhd-620": Device(24, 8, 8, 1.100, 34, 10),
    "iris-xe": Device(96, 8, 8, 1.300, 68, 8),
    "mali-g52": Device(2, 24, 8, 0.850, 10, 30),
    "gcn-laptop": Device(6, 64, 64, 0.825, 14, 15),
    "haswell-beignet": Device(20, 8, 8, 1.000, 25, 20),
}

CYCLES = 4        # of an operation that waits for the one before
LATENCY = 0.6e-6  # seconds of a read of memory
IN_FLIGHT = 64    # bytes that a work-item reads before it waits
GROUP = 64        # work-items of a group where the driver chooses
EFFICIENCY = 0.7  # of products in local memory, of their peak


@dataclasses.dataclass(frozen=True)
class Command:
    """All launches of one name in a step."""
    name: str
    calls: float
    operations: float
    bytes: float
    items: float
    groups: float

    def seconds(self, device):
        """What the launches take: the longest of their arithmetic, their memory and the chain that
        is in each, and the time to the next launch."""
        calls = self.calls
        items = max(self.items / calls, 1)
        size = self.items / self.groups if self.groups else min(GROUP, items)
        warps = items / size * -(-size // device.warp)  # a warp is busy, however many lanes are
        clock = device.gigahertz * 1e9
        busy = min(1.0, warps * device.warp / (device.units * device.lanes * CYCLES))
        used = size / (-(-size // device.warp) * device.warp)
        peak = 2 * device.units * device.lanes * clock * EFFICIENCY
        arithmetic = self.operations / calls / (peak * busy * used)
        reached = min(device.gigabytes * 1e9, items * IN_FLIGHT / LATENCY)
        memory = self.bytes / calls / reached
        chain = re.fullmatch(r"gemm .. \d+×\d+×(\d+)", self.name)
        depth = int(chain[1]) * CYCLES / clock if chain else 0.0
        return calls * (device.launch * 1e-6 + max(arithmetic, memory, depth))


def commands_of(profile):
    return {row["name"]: Command(*(row[field.name] for field in dataclasses.fields(Command)))
            for row in profile["commands"] if row["items"] > 0}


class Recorder:
    """Runs recipes on the device that record.c makes up."""

    def __init__(self, maskcl, folder, units=28):
        self.maskcl, self.folder = pathlib.Path(maskcl).resolve(), pathlib.Path(folder)
        self.library = self.folder / "record.so"
        self.units = units
        subprocess.run(["cc", "-std=c11", "-shared", "-fPIC", "-o", self.library, HERE / "record.c",
                        "-ldl"], check=True)

    def run(self, recipe, steps):
        """(the profile of so many steps of a recipe, the launches of each as lists of words)"""
        data, launches = self.folder / "rows.npy", self.folder / "launches"
        rows = steps * BATCH
        header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({rows}, {COLUMNS}), }}"
        header += " " * (117 - len(header)) + "\n"
        data.write_bytes(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() +
                         bytes(i % 251 for i in range(rows * COLUMNS)))
        launches.unlink(missing_ok=True)
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("MASKCL_")}
        environment.update(LD_PRELOAD=str(self.library), RECORD_FOLDER=str(self.folder),
                           RECORD_UNITS=str(self.units), RECORD_LAUNCHES=str(launches),
                           XDG_CACHE_HOME=str(self.folder / "cache"))
        result = subprocess.run(
            [self.maskcl, "pretrain", data, "--recipe", recipe, "--batch", str(BATCH), "--epochs",
             "1", "--reproducible", "--exclusive", "--quiet", "--profile-json", "-o",
             self.folder / "model.safetensors"], env=environment, text=True, capture_output=True,
            stdin=subprocess.DEVNULL)
        if result.returncode != 0:
            raise RuntimeError(f"maskcl with the recipe {recipe}: {result.stderr.strip()}")
        parts = [[line.split() for line in part.splitlines()]
                 for part in launches.read_text().split("step\n")]
        # Embedding rows, by which a collapse is judged, is marked as steps are, but updates nothing.
        return json.loads(result.stdout), [
            part for part in parts if any(launch[0] in OPTIMIZERS for launch in part)]

    def step(self, recipe):
        """The commands of a step of which nothing is reported: what a step more adds to a run."""
        fewer, more = (commands_of(self.run(recipe, steps)[0]) for steps in (2, 3))
        none = Command("", 0, 0, 0, 0, 0)
        values = dataclasses.astuple
        added = [Command(name, *(a - b for a, b in zip(values(command)[1:],
                                                       values(fewer.get(name, none))[1:])))
                 for name, command in more.items()]
        return [command for command in added if command.calls > 0]


def table(steps):
    lines = ["| recipe | launches | " + " | ".join(DEVICES) + " |",
             "|---|--:|" + "--:|" * len(DEVICES)]
    for recipe, commands in steps.items():
        times = [sum(command.seconds(device) for command in commands) * 1e3
                 for device in DEVICES.values()]
        launches = sum(command.calls for command in commands)
        lines.append(f"| {recipe} | {launches:.0f} | " +
                     " | ".join(f"{time:.3g}" for time in times) + " |")
    return "\n".join(lines)


def list_commands(commands, device):
    print(f"{'kernel':32} {'calls':>6} {'items':>10} {'groups':>8} {'MFLOP':>9} {'MB':>8} {'µs':>9}")
    ranked = sorted(commands, key=lambda command: -command.seconds(device))
    for c in ranked:
        print(f"{c.name:32} {c.calls:6.0f} {c.items / c.calls:10.0f} {c.groups / c.calls:8.0f} "
              f"{c.operations / 1e6:9.1f} {c.bytes / 1e6:8.2f} {c.seconds(device) * 1e6:9.1f}")
    print(f"{'all':32} {sum(c.calls for c in ranked):6.0f} {'':10} {'':8} "
          f"{sum(c.operations for c in ranked) / 1e6:9.1f} {sum(c.bytes for c in ranked) / 1e6:8.2f} "
          f"{sum(c.seconds(device) for c in ranked) * 1e6:9.1f}")


def compare(profile, device):
    """A measured profile beside the model of the same launches."""
    print(f"{'kernel':32} {'calls':>6} {'measured µs':>12} {'model µs':>10} {'ratio':>6}")
    rows = {row["name"]: row["seconds"] for row in profile["commands"]}
    total = [0.0, 0.0]
    for name, command in commands_of(profile).items():
        # The gap between launches is in the profile's "between".
        model = command.seconds(device) - command.calls * device.launch * 1e-6
        measured = rows[name]
        total = [total[0] + measured, total[1] + model]
        print(f"{name:32} {command.calls:6.0f} {measured / command.calls * 1e6:12.1f} "
              f"{model / command.calls * 1e6:10.1f} {measured / model if model else 0:6.2f}")
    launches = sum(command.calls for command in commands_of(profile).values())
    print(f"all kernels: {total[0] * 1e3:.2f} ms measured, {total[1] * 1e3:.2f} ms by the model; "
          f"between launches {profile['between'] / launches * 1e6:.1f} µs, "
          f"by the model {device.launch} µs")


def update_page(text):
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--maskcl", default=ROOT / "build" / "maskcl")
    parser.add_argument("--recipe", choices=RECIPES)
    parser.add_argument("--device", choices=DEVICES, default="rtx-3060")
    parser.add_argument("--measured", metavar="PROFILE.json", type=pathlib.Path)
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    device = DEVICES[arguments.device]
    if arguments.measured:
        return compare(json.loads(arguments.measured.read_text()), device)
    with tempfile.TemporaryDirectory(prefix="maskcl-model-") as folder:
        recorder = Recorder(arguments.maskcl, folder)
        if arguments.recipe:
            recorder.units = device.units
            return list_commands(recorder.step(arguments.recipe), device)
        text = table({recipe: recorder.step(recipe) for recipe in RECIPES})
    if arguments.update:
        update_page(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
