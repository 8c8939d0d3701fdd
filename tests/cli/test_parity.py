# SPDX-License-Identifier: Apache-2.0
"""Whole runs against PyTorch's, from the numbers that tools/fixtures/torch_runs.py committed: the
loss of every step, and the final parameters, within 1e-4."""

import array
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from program import npy_bytes, read_tensors

FIXTURES = pathlib.Path(os.environ["MASKCL_SOURCE"]) / "tests/fixtures/parity"
RUNS = json.loads((FIXTURES / "runs.json").read_text())["runs"]
TOLERANCE = 1e-4


def fixture_tensors(name):
    """{tensor: values}: the fixtures have no metadata."""
    data = (FIXTURES / f"{name}.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    tensors = {}
    for key, entry in json.loads(data[8:8 + size]).items():
        first, last = entry["data_offsets"]
        tensors[key] = array.array("f", data[8 + size + first:8 + size + last])
    return tensors


class ParityTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def data(self, name):
        if name != "normals":
            return FIXTURES / f"{name}.npy"
        numbers = array.array("b", (FIXTURES / "normals.bin").read_bytes())
        path = self.folder / "normals.npy"
        path.write_bytes(npy_bytes("<f4", (100, 784), array.array("f", (v / 32 for v in numbers)).tobytes()))
        return path

    def train(self, run, *more):
        model, metrics = self.folder / "model.safetensors", self.folder / "metrics.jsonl"
        command = [
            os.environ["MASKCL_PROGRAM"], "pretrain", self.data(run["data"]), "-o", model, "-q",
            "--recipe", "default",
            "--metrics", metrics, "--activation", run["activation"],
            "--objective", "+".join(f"{name}:{weight}" for name, weight in run["objectives"]),
            "--optimizer", run["optimizer"], "--lr", run["lr"], "--weight-decay", run["weight_decay"],
            "--batch", run["batch"], "--epochs", run["epochs"], "--seed", run["seed"], *more]
        if "encoder" in run:
            command += ["--encoder", run["encoder"], "--decoder", run.get("decoder", "mirror")]
        else:
            command += ["--hidden", ",".join(map(str, run["hidden"])) or "none",
                        "--embedding", run["embedding"]]
        if run["views"]:
            command += ["--views", run["views"]]
        else:
            command += ["--mask", run["mask"]]
            if run["mask"] != "uniform":
                command += ["--mask-ratio", run["ratio"]]
            if run["mask"] == "block":
                command += ["--mask-patch", run["patch"]]
        command += ["--normalization", run["normalization"],
                    "--embedding-layer", run["embedding_layer"]]
        if run["schedule"] != "constant":
            command += ["--schedule", run["schedule"]]
        if run["schedule"] == "step":
            command += ["--lr-step", run["step_epochs"], "--lr-gamma", run["gamma"]]
        if run["clip_norm"]:
            command += ["--clip-norm", run["clip_norm"]]
        if run["projector"]:
            command += ["--projector", ",".join(map(str, run["projector"]))]
        if run["predictor"]:
            command += ["--predictor", ",".join(map(str, run["predictor"]))]
        if any(name in ("byol", "moco") for name, _ in run["objectives"]):
            command += ["--target-decay", run["target_decay"]]
        if any(name == "moco" for name, _ in run["objectives"]):
            command += ["--queue", run["queue"]]
        if run["negatives"]:
            command += ["--negatives", run["negatives"], "--margin", run["margin"]]
        if any(name == "reconstruction" for name, _ in run["objectives"]):
            command += ["--reconstruct", run["reconstruct"],
                        "--reconstruction-loss", run["reconstruction_loss"]]
        if run.get("dropout"):
            command += ["--dropout", run["dropout"]]
        if run["ema"]:
            command += ["--ema", run["ema"]]
        if run["warmup"]:
            command += ["--warmup", run["warmup"]]
        if run["optimizer"] in ("sgd", "lars"):
            command += ["--momentum", run["momentum"]]
        if any(name in ("nt-xent", "scarf", "moco") for name, _ in run["objectives"]):
            command += ["--temperature", run["temperature"]]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        losses = [json.loads(line)["loss"] for line in metrics.read_text().splitlines()]
        return losses, read_tensors(model)[0]

    def compare(self, name, *more):
        run = RUNS[name]
        losses, tensors = self.train(run, *more)
        self.assertEqual(len(losses), len(run["losses"]))
        for step, (ours, theirs) in enumerate(zip(losses, run["losses"]), 1):
            self.assertLessEqual(abs(ours - theirs), TOLERANCE * abs(theirs), f"{name}: step {step}")
        for key, theirs in fixture_tensors(name).items():
            ours = tensors[key][1][::run["stride"]]
            self.assertEqual(len(ours), len(theirs), key)
            limit = TOLERANCE * max(map(abs, theirs))
            worst = max(abs(a - b) for a, b in zip(ours, theirs))
            self.assertLessEqual(worst, limit, f"{name}: {key}")

    def test_clblast(self):
        """The other provider of the matrix product."""
        self.compare("joined", "--gemm", "clblast")

    def test_both_native_kernels_give_the_same_bits(self):
        run = RUNS["joined"]
        by_cpu, by_gpu = (self.train(run, "--gemm", gemm) for gemm in ("native-cpu", "native-gpu"))
        self.assertEqual(by_cpu, by_gpu)


for _name in RUNS:
    setattr(ParityTest, "test_" + _name.replace("-", "_"),
            lambda self, name=_name: self.compare(name, "--gemm", "native"))

if __name__ == "__main__":
    unittest.main()
