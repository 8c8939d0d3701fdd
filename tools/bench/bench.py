# SPDX-License-Identifier: Apache-2.0
"""Measures maskcl and its peers in turn and prints what was found; tools/bench/run installs and
builds what this needs."""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import figures
import instructions
import peers
import probes
import program
import steps
import table
from machine import Machine
from products import gemm, peaks, tune
from targets import target
from workers import Worker

QUIET = 0.1  # processors that other programs may keep busy

PARTS = {
    "peaks": peaks,
    "step-32": steps.step("reference", 32, [
        (peers.torch_eager, "step-32 published"), (peers.torch_best, "step-32 best")]),
    "step-256": steps.step("reference", 256, [
        (peers.torch_eager, "step-256 published"), (peers.torch_best, "step-256 best"),
        (peers.torch_compile, "step-256 compile"), (peers.tinygrad, "step-256 tinygrad")]),
    "step-1024": steps.step("reference", 1024, [
        (peers.torch_eager, "step-1024 published"), (peers.torch_best, "step-1024 best"),
        (peers.tinygrad, "step-1024 tinygrad")]),
    "share": steps.share_of_peak,
    "wide-512": steps.step("wide", 512, [
        (peers.torch_eager, "wide-512 published"), (peers.torch_best, "wide-512 best")]),
    "embed": steps.embed,
    "convolutions": steps.convolution_step,
    "convolutions-embed": steps.convolution_embed,
    "convolution": steps.convolution,
    "probe": probes.probe,
    "requests": steps.requests,
    "beside": steps.beside,
    "units": steps.units,
    "stream": steps.stream,
    "watch": steps.watch,
    "gemm": gemm("openblas"),
    "gemm-clblast": gemm("clblast"),
    "tune": tune,
    "start": program.start,
    "memory": program.memory,
    "flat": program.flat,
}


def default_parts(machine, quick):
    """OpenBLAS is no peer of a GPU, and CLBlast none of a CPU: it is far behind there. Tuning
    compiles for minutes."""
    left_out = ["gemm" if machine.gpu else "gemm-clblast", *(["tune", "watch"] if quick else [])]
    return [name for name in PARTS if name not in left_out]


def has_cuda(python):
    command = [python, "-c", "import torch; exit(not torch.cuda.is_available())"]
    return subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0


class Bench:
    """What every part needs: programs, device, and how long to measure."""

    def __init__(self, options, folder):
        self.program = options.build / "maskcl"
        self.tools = options.build / "tools" / "bench"
        self.python = options.python
        self.gemm = ["--gemm", options.gemm] if options.gemm else []
        selection = []
        for name in "platform", "device":
            if getattr(options, name) is not None:
                selection += [f"--{name}", getattr(options, name)]
        self.machine = Machine(self.program, selection, options.instructions)
        self.cuda = self.machine.gpu and has_cuda(self.python)
        self.quick = options.quick
        self.rounds = options.rounds or (3 if options.quick else 7)
        self.seconds = options.seconds or (0.2 if options.quick else 0.5)
        self.folder = folder
        self.threads = 1  # of PyTorch, its best for the work at hand
        self.threads_of = {}  # the counts to try, by the work, where the best is known
        self.versions = {}  # of peers, where only a part knows them

    def target(self, key):
        return target(key, self.machine.instructions)

    def own(self, name, *options, title="maskcl"):
        """A program of ours on the chosen device."""
        return Worker(title, [self.tools / name, *self.machine.selection, *self.gemm, *options])

    def empty_caches(self, name):
        """An environment in which no kernel has been compiled and none tuned yet."""
        cache = self.folder / f"cache-{name}"
        cache.mkdir()
        return {variable: str(cache) for variable in ("POCL_CACHE_DIR", "XDG_CACHE_HOME")}

    def output(self, command, environment):
        return subprocess.run([str(part) for part in command], check=True, text=True,
                              stdout=subprocess.PIPE, env={**os.environ, **environment}).stdout

    def run_of(self, parts):
        """What a file of figures has of this run, once all children have ended."""
        return {**self.machine.facts(pathlib.Path(__file__).parent), **self.versions,
                "rounds": self.rounds, "seconds": self.seconds,
                "busy elsewhere": round(self.machine.other_load(), 2), "parts": parts}

    def say(self, text):
        print(f"== {text}", file=sys.stderr, flush=True)


def parse():
    parser = argparse.ArgumentParser(prog="tools/bench/run", description=__doc__)
    parser.add_argument("--quick", action="store_true",
                        help="few and short rounds, without the peers and parts that take minutes")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=PARTS,
                        help="parts to measure: " + ", ".join(PARTS))
    parser.add_argument("--isa", choices=["native", "avx2"], default="native",
                        help="let all sides use the processor's instructions, or AVX2 at most")
    parser.add_argument("--platform", help="the OpenCL platform, as maskcl takes it")
    parser.add_argument("--device", help="the device, as maskcl takes it")
    parser.add_argument("--gemm", help="who computes maskcl's products, as it takes it")
    parser.add_argument("--rounds", type=int, help="measurements of each kind (default: 7)")
    parser.add_argument("--seconds", type=float, help="of one measurement (default: 0.5)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE",
                        help="write the figures to a file for docs/figures/, in which parts that "
                        "are measured again replace the former")
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--python", default=sys.executable, help=argparse.SUPPRESS)
    return parser.parse_args()


def choose_instructions(options):
    """For this run and all programs that it starts."""
    options.instructions = instructions.of_processor()
    if options.isa == "avx2" and options.instructions != "AVX2":
        instructions.limit_to_avx2(options.build)
        options.instructions = "AVX2"
    os.environ.pop("OPENBLAS_L2_SIZE", None)
    instructions.choose_openblas(
        options.instructions, options.build / "tools" / "bench" / "bench_gemm")


def measure(bench, names):
    """The rows of each part that could be measured; prints them."""
    parts = {}
    for name in names:
        bench.say(name)
        try:
            parts[name] = PARTS[name](bench)
            print(f"\n{table.figures(parts[name])}", flush=True)
        except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
            bench.say(f"{name} failed: {error}")
    return parts


def main():
    options = parse()
    choose_instructions(options)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, pathlib.Path(folder))
        machine = bench.machine.identity()
        old = figures.load(options.json) if options.json and options.json.exists() else None
        figures.merge(old, machine, {"parts": {}})
        names = options.only or default_parts(bench.machine, options.quick)
        print(", ".join(machine.values()))
        parts = measure(bench, names)
        run = bench.run_of(parts)
    if options.json and parts:
        options.json.write_text(figures.text_of(figures.merge(old, machine, run)))
    print("\n" + table.table(["", "this run"], [
        [key, str(value)] for key, value in run.items() if key != "parts"]))
    verdicts = [table.is_met(row) for rows in parts.values() for row in rows]
    print(f"\n{verdicts.count(True)} targets met, {verdicts.count(False)} missed.")
    if run["busy elsewhere"] > QUIET:
        bench.say("the machine was not quiet: these figures are of little use")
    return 1 if len(parts) < len(names) else 0


if __name__ == "__main__":
    sys.exit(main())
