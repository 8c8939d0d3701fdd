"""Measures maskcl and its peers in turn and prints the whole table; tools/bench/run installs and
builds what this needs."""

import argparse
import json
import os
import pathlib
import sys
import tempfile

import rows
from machine import Machine


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
        self.quick = options.quick
        self.rounds = options.rounds or (3 if options.quick else 7)
        self.seconds = options.seconds or (0.2 if options.quick else 0.5)
        self.folder = folder
        self.peaks = None
        self.threads = 1  # of PyTorch, its best for the work at hand

    def say(self, text):
        print(f"== {text}", file=sys.stderr, flush=True)


def parse():
    parser = argparse.ArgumentParser(prog="tools/bench/run", description=__doc__)
    parser.add_argument("--quick", action="store_true",
                        help="few and short rounds, without the peers that compile for minutes")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=rows.PARTS,
                        help="parts of the table: " + ", ".join(rows.PARTS))
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
    os.environ.pop("OPENBLAS_CORETYPE", None)
    os.environ.pop("OPENBLAS_L2_SIZE", None)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, pathlib.Path(folder))
        facts = bench.machine.facts(pathlib.Path(__file__).parent)
        results = {"machine": facts, "rounds": bench.rounds, "seconds": bench.seconds}
        for name, fact in facts.items():
            print(f"{name}: {fact}")
        print(f"median (lowest – highest) of {bench.rounds} rounds of {bench.seconds} s each")
        for name in options.only or rows.default_parts(bench):
            bench.say(name)
            results[name] = rows.PARTS[name](bench)
        load = bench.machine.other_load()
        results["other_load"] = load
        print(f"\nOther programs kept {load:.2f} of {bench.machine.processors} processors busy.")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
