# SPDX-License-Identifier: Apache-2.0
"""Trains and measures one run."""

import datetime
import gzip
import json
import pathlib
import statistics
import subprocess
import time

import machine
import plan
from maskcl import Failure

TOOLS = pathlib.Path(__file__).resolve().parent
ROWS = {"train": 2000, "test": 500}  # of the short form
FILES = {"train": "train", "test": "t10k"}


def npy(path, shape, data):
    """A .npy file of bytes."""
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}"
    head = head.ljust(128 - 10 - 1) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + data)
    return path


def mean(entries):
    """The mean of each number of several probes of the same features."""
    return {key: statistics.fmean(entry[key] for entry in entries) for key in entries[0]}


class Study:
    """What runs have in common: the program, the data, and the model that the last run trained."""

    def __init__(self, program, results, folder, images, short, environment):
        self.program = program
        self.results = results
        self.folder = folder
        self.images = images
        self.short = short
        self.environment = environment
        self.trained = None  # the last model's (data files, options, seed) and what is known of it
        self.splits = {}     # (table, folds, seed): the files of each fold
        processors = machine.processor_name()
        device = program.device
        self.machine = (f"{processors}; {device['name']} ({device['type']}, "
                        f"{device['compute_units']} compute units), {device['platform']} "
                        f"{device['driver_version']}")
        self.few = {plan.FASHION: 5 if short else 60}  # labels a class

    def labels_per_class(self, run):
        return self.few.get(run.data, 5 if self.short else 10)

    def layers(self, run):
        """What the untrained encoder depends on besides the seed."""
        options = plan.resolved(run, self.program)
        return [options[name] for name in plan.LAYERS if name in options] + [run.layer]

    def data_name(self, run):
        if run.folds:
            return f"{run.data}, {run.folds} folds"
        return f"{run.data}, {ROWS['train']} rows" if self.short else run.data

    def what(self, run):
        """All that makes the run what it is, apart from the seed and the program's version. A
        recipe's options are among it, since a recipe may change within a version."""
        what = {"data": self.data_name(run), "measure": run.measure, "options": run.options,
                "labels_per_class": self.labels_per_class(run)}
        if "recipe" in run.options:
            what["recipe"] = self.program.recipes[run.options["recipe"]]
        if run.layer:
            what["layer"] = run.layer
        return what

    def has(self, run, seed):
        return self.results.has(self.what(run), seed, self.program.version)

    def measure(self, run, seed):
        """The line of the results."""
        line = {"group": run.group, "name": run.name, "seed": seed, "what": self.what(run),
                "version": self.program.version, "machine": self.machine,
                "date": datetime.date.today().isoformat(), "data": self.data_name(run)}
        if run.measure == "peer":
            return {**line, **self.peer(run, seed)}
        files = self.folds(run, seed) if run.folds else [self.fashion()]
        if run.measure == "finetune":
            return {**line, **self.finetune(run, seed, *files)}
        folds = [self.probe(run, seed, each) for each in files]
        return {**line, "layers": self.layers(run),
                "seconds": sum(fold["seconds"] for fold in folds),
                "digest": " ".join(fold["digest"] for fold in folds),
                "features": {kind: mean([fold["features"][kind] for fold in folds])
                             for kind in folds[0]["features"]}}

    def pretrain(self, run, seed, files):
        """The model, the seconds of its training, and its digest."""
        wanted = (files, run.options, seed)
        if not self.trained or self.trained[0] != wanted:
            self.trained = None
            model = self.folder / "model.safetensors"
            options = [part for name, value in {"recipe": "default", **run.options}.items()
                       for part in (f"--{name}", value)]
            begun = time.monotonic()
            output = self.program.run("pretrain", files["train"], *options, "--seed", seed,
                                      "-o", model)
            seconds = time.monotonic() - begun
            digest = output.split("digest ")[-1].strip()
            self.trained = (wanted, model, seconds, digest)
        return self.trained[1:]

    def probe(self, run, seed, files):
        """Measures the model, and where nobody has yet for this data and seed, raw inputs and the
        untrained encoder."""
        model, seconds, digest = self.pretrain(run, seed, files)
        layers = self.layers(run)
        known = {kind: self.results.features(self.data_name(run), kind, of)
                 for kind, of in (("raw", None), ("untrained", layers))}
        raw_known = known["raw"] and (not run.folds or seed in known["raw"])
        baselines = not (raw_known and seed in known["untrained"])
        command = ["probe", model, files["train"], files["train-labels"], files["test"],
                   files["test-labels"], "--json", "--quiet"]
        command += ["--layer", run.layer] if run.layer else []
        command += [] if baselines else ["--encoder-only"]
        everything = self.program.run_json(*command)["results"]
        few = self.program.run_json(
            *command, "--labels-per-class", self.labels_per_class(run))["results"]
        features = {}
        for all_labels, few_labels in zip(everything, few):
            if not (all_labels["converged"] and few_labels["converged"]):
                raise Failure(f"maskcl probe: {all_labels['features']}: not converged")
            features[all_labels["features"]] = {
                "width": all_labels["width"], "linear": all_labels["linear_accuracy"],
                "knn": all_labels["knn_accuracy"], "few": few_labels["linear_accuracy"],
                "few_deviation": few_labels["linear_deviation"]}
        return {"seconds": seconds, "digest": digest, "features": features}

    def finetune(self, run, seed, files):
        model, seconds, digest = self.pretrain(run, seed, files)
        result = self.program.run_json(
            "finetune", model, files["train"], files["train-labels"], "-o",
            self.folder / "tuned.safetensors", "--test", files["test"], "--test-labels",
            files["test-labels"], "--labels-per-class", self.labels_per_class(run), "--compare",
            "--seed", seed, "--json", "--quiet", *(["--epochs", 2] if self.short else []))
        return {"seconds": seconds, "digest": digest, "finetune": {
            entry["begun_from"]: {"accuracy": entry["accuracy"], "deviation": entry["deviation"]}
            for entry in result["results"]}}

    def fashion(self):
        """The files of Fashion-MNIST, or of its first rows."""
        files = {}
        for part, prefix in FILES.items():
            for kind, name in ("", "images-idx3"), ("-labels", "labels-idx1"):
                path = self.images / f"{prefix}-{name}-ubyte.gz"
                if not path.is_file():
                    raise Failure(f"there is no {path}: install dataset-fashion-mnist, or name its "
                                  "folder with --data")
                files[part + kind] = self.cut(path, part, kind) if self.short else path
        return files

    def cut(self, path, part, kind):
        cut = self.folder / f"{part}{kind}.npy"
        if not cut.exists():
            shape = (ROWS[part],) if kind else (ROWS[part], 28, 28)
            size = ROWS[part] * (1 if kind else 784)
            with gzip.open(path) as file:
                file.read(8 if kind else 16)
                npy(cut, shape, file.read(size))
        return cut

    def tables(self, *arguments):
        """What tables.py prints."""
        command = [self.environment(), TOOLS / "tables.py", *arguments]
        result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if result.returncode:
            raise Failure(f"tables.py: {(result.stderr.splitlines() or ['failed'])[-1]}")
        return json.loads(result.stdout)

    def folds(self, run, seed):
        wanted = (run.data, run.folds, seed)
        if wanted not in self.splits:
            folder = self.folder / f"{run.data}-{run.folds}-{seed}".replace(" ", "-")
            self.splits[wanted] = self.tables("split", run.data, run.folds, seed, folder)
        return self.splits[wanted]

    def peer(self, run, seed):
        return {"layers": [], "features": {"encoder": self.tables(
            "peer", run.data, run.folds, seed, run.name, self.labels_per_class(run))}}
