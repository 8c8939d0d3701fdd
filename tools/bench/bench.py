# SPDX-License-Identifier: Apache-2.0
"""Measures maskcl and its peers in turn and prints the whole table; tools/bench/run installs and
builds what this needs."""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import peers
import program
from machine import Machine
from products import gemm, peaks
from steps import embed, share_of_peak, step, stream, units, watch
from table import number, table

QUIET = 0.1  # processors that other programs may keep busy

PARTS = {
    "peaks": peaks,
    "step-32": step("reference", 32, [(peers.torch_eager, 4.0), (peers.torch_best, None)]),
    "step-256": step("reference", 256, [
        (peers.torch_eager, 2.5), (peers.torch_best, None), (peers.torch_compile, 2.3),
        (peers.tinygrad, 6.0)]),
    "step-1024": step("reference", 1024, [
        (peers.torch_eager, 1.7), (peers.torch_best, None), (peers.tinygrad, 6.0)]),
    "share": share_of_peak,
    "wide-512": step("wide", 512, [(peers.torch_eager, 1.2), (peers.torch_best, None)]),
    "embed": embed,
    "units": units,
    "stream": stream,
    "watch": watch,
    "gemm": gemm("openblas"),
    "gemm-clblast": gemm("clblast"),
    "start": program.start,
    "memory": program.memory,
    "flat": program.flat,
}


def default_parts(machine):
    """OpenBLAS is no peer of a GPU, and CLBlast none of a CPU: it is far behind there."""
    left_out = "gemm" if machine.gpu else "gemm-clblast"
    return [name for name in PARTS if name != left_out]


def has_cuda(python):
    command = [python, "-c", "import torch; exit(not torch.cuda.is_available())"]
    return subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0


class Bench:
    """What every part of the table needs: programs, device, and how long to measure."""

    def __init__(self, options, folder):
        self.build = options.build
        self.program = options.build / "maskcl"
        self.tools = options.build / "tools" / "bench"
        self.python = options.python
        self.gemm = ["--gemm", options.gemm] if options.gemm else []
        selection = []
        for name in "platform", "device":
            if getattr(options, name) is not None:
                selection += [f"--{name}", getattr(options, name)]
        self.machine = Machine(self.program, selection)
        self.cuda = self.machine.gpu and has_cuda(self.python)
        self.quick = options.quick
        self.rounds = options.rounds or (3 if options.quick else 7)
        self.seconds = options.seconds or (0.2 if options.quick else 0.5)
        self.folder = folder
        self.threads = 1  # of PyTorch, its best for the work at hand
        self.summary = []

    def wanted(self, work, peer, value, least=None, most=None):
        """A line of the summary: a figure, and the bounds that are wanted of it."""
        bounds = [f"≥ {least:g}"] if least is not None else []
        bounds += [f"≤ {most:g}"] if most is not None else []
        met = (least is None or value >= least) and (most is None or value <= most)
        verdict = ("yes" if met else "no") if bounds else ""
        self.summary.append([work, peer, number(value), ", ".join(bounds), verdict])

    def say(self, text):
        print(f"== {text}", file=sys.stderr, flush=True)


def parse():
    parser = argparse.ArgumentParser(prog="tools/bench/run", description=__doc__)
    parser.add_argument("--quick", action="store_true",
                        help="few and short rounds, without the peers that compile for minutes")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=PARTS,
                        help="parts of the table: " + ", ".join(PARTS))
    parser.add_argument("--platform", help="the OpenCL platform, as maskcl takes it")
    parser.add_argument("--device", help="the device, as maskcl takes it")
    parser.add_argument("--gemm", help="who computes maskcl's products, as it takes it")
    parser.add_argument("--rounds", type=int, help="measurements of each kind (default: 7)")
    parser.add_argument("--seconds", type=float, help="of one measurement (default: 0.5)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures too")
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--python", default=sys.executable, help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = parse()
    failed = False
    sys.stdout.reconfigure(line_buffering=True)
    os.environ.pop("OPENBLAS_CORETYPE", None)
    os.environ.pop("OPENBLAS_L2_SIZE", None)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, pathlib.Path(folder))
        facts = bench.machine.facts(pathlib.Path(__file__).parent)
        results = {"machine": facts, "rounds": bench.rounds, "seconds": bench.seconds}
        print(table(["", "measured on"], [[name, fact] for name, fact in facts.items()]))
        print(f"\nRates are the median (lowest – highest) of {bench.rounds} rounds of "
              f"{bench.seconds:g} s.")
        for name in options.only or default_parts(bench.machine):
            bench.say(name)
            try:
                results[name] = PARTS[name](bench)
            except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
                bench.say(f"{name} failed: {error}")
                failed = True
        load = bench.machine.other_load()
        results["other_load"] = load
        print("\n" + table(["work", "against", ">figure", ">wanted", "met"], bench.summary))
        print(f"\nOther programs kept {load:.2f} of {bench.machine.processors} processors busy.")
        if load > QUIET:
            bench.say("the machine was not quiet: these figures are of little use")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
