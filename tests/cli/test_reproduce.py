# SPDX-License-Identifier: Apache-2.0
"""maskcl reproduce: a model trained once more from its own metadata."""

import json
import os
import pathlib
import re
import signal
import struct
import threading
import unittest

from program import ProgramTest, rewritten

FORMER = pathlib.Path(os.environ["MASKCL_SOURCE"]) / "tests/fixtures/former"

# Runs that together have every kind of option away from its default.
RUNS = [
    [],
    ["--objective", "nt-xent:0.5+vicreg+vime", "--temperature", "0.3", "--optimizer", "lars", "--lr", "0.1",
     "--momentum", "0.8", "--schedule", "step", "--lr-step", "2", "--lr-gamma", "0.3", "--warmup", "25%",
     "--hidden", "none", "--activation", "tanh", "--seed", 2**64 - 1],
    ["--objective", "moco+scarf+cosine", "--queue", "41", "--negatives", "2", "--margin", "0.3", "--projector",
     "5,3", "--normalization", "batch", "--dropout", "0.3", "--ema", "0.9", "--clip-norm", "0.1"],
    ["--objective", "byol", "--predictor", "3", "--target-decay", "0.9", "--normalization", "layer",
     "--schedule", "cosine", "--lr-final", "1e-5", "--beta1", "0.8", "--epsilon", "1e-6"],
    ["--recipe", "tabular", "--embedding", "6", "--decoder", "7,5", "--epochs", "3", "--views",
     "corrupt:0.3,noise:0.1,mask:uniform"],
    ["--recipe", "reference", "--mask", "none", "--views", "noise:0.2", "--early-stop", "1", "--epochs", "40",
     "--lr", "1e-7"],
]


class ReproduceTest(ProgramTest):
    def train(self, *options, data=("--synthetic", "70x12"), output="m.safetensors"):
        self.succeed("pretrain", *data, "--hidden", "8", "--embedding", "4", "--epochs", "4", "--batch", "16", "-q",
                     "-o", output, *options)
        return self.information(output)["digest"]

    def answer(self, *arguments, **options):
        return json.loads(self.succeed("reproduce", *arguments, "--json", "-q", **options).stdout)

    def test_what_is_printed(self):
        digest = self.train("--epochs", 1)
        lines = self.succeed("reproduce", "m.safetensors").stdout.splitlines()
        self.assertRegex(lines[0], r"\Arun       pre-training, 4 steps, by maskcl \d+\.\d+\.\d+\Z")
        self.assertEqual(lines[1], "data      synthetic, 70x12, seed 0")
        self.assertRegex(lines[2], r"\Adevice    .+ \(.+, driver .+\), products by native\Z")
        self.assertEqual(lines[3:5], ["expected  " + digest, "found     " + digest])
        self.assertRegex(lines[5], r"\Areproduced: all bits of the model are the same, in \d+\.\d s\Z")
        self.assertEqual(len(lines), 6)

    def test_every_kind_of_option(self):
        for options in RUNS:
            with self.subTest(options=options):
                digest = self.train(*options)
                answer = self.answer("m.safetensors", "-o", "again.safetensors")
                self.assertEqual((answer["same"], answer["expected"], answer["found"], answer["causes"]),
                                 (True, digest, digest, []))
                self.assertEqual(self.path("again.safetensors").read_bytes(),
                                 self.path("m.safetensors").read_bytes())

    def test_data_of_a_file(self):
        self.images("rows.idx", 40)
        self.images("other.idx", 40, seed=2)
        digest = self.train("--mask", "block", "--mask-patch", "2", data=["rows.idx"])
        self.assertEqual(self.answer("m.safetensors", "--data", "rows.idx")["found"], digest)
        expected = self.information("m.safetensors")["metadata"]["data_digest"]
        self.refuse("reproduce", "m.safetensors", code=2, says=["m.safetensors", expected, "--data"])
        line = self.refuse("reproduce", "m.safetensors", "--data", "other.idx", code=1,
                           says=["other.idx", expected, "--data"])
        self.assertEqual(len(re.findall("[0-9a-f]{32}", line)), 2)

    def test_fine_tuned_models(self):
        self.images("rows.idx", 40)
        self.labels("labels.idx", 40)
        self.labels("others.idx", 40, first=1)
        self.train(data=["rows.idx"])
        tune = ["rows.idx", "labels.idx", "--epochs", "3", "--batch", "8", "-q"]
        self.succeed("finetune", "m.safetensors", *tune, "-o", "t.safetensors", "--labels-per-class", "8",
                     "--clip-norm", "0.5", "--ema", "0.9", "--dropout", "0.2")
        # What was fine-tuned twice tells of the second time alone.
        self.succeed("finetune", "t.safetensors", *tune, "-o", "u.safetensors", "--seed", "7")
        self.succeed("finetune", "m.safetensors", *tune, "-o", "s.safetensors", "--from-scratch")
        self.assertNotIn("finetune_clip_norm", self.information("u.safetensors")["metadata"])
        data = ["--data", "rows.idx", "--labels", "labels.idx"]
        for model, begin in ("t", ["--model", "m.safetensors"]), ("u", ["--model", "t.safetensors"]), ("s", []):
            with self.subTest(model=model):
                answer = self.answer(model + ".safetensors", *data, *begin, "-o", "again.safetensors")
                self.assertIs(answer["same"], True)
                self.assertEqual(answer["training"], "finetune")
                self.assertEqual(self.path("again.safetensors").read_bytes(),
                                 self.path(model + ".safetensors").read_bytes())
        self.refuse("reproduce", "u.safetensors", *data, "--model", "m.safetensors", code=1,
                    says=["m.safetensors", self.information("t.safetensors")["digest"], "--model"])
        self.refuse("reproduce", "s.safetensors", "--data", "rows.idx", "--labels", "others.idx", code=1,
                    says=["others.idx", "the labels", "--labels"])
        self.refuse("reproduce", "t.safetensors", "--data", "rows.idx", "--model", "m.safetensors", code=2,
                    says=["--labels"])
        self.refuse("reproduce", "t.safetensors", *data, code=2, says=["--model"])
        self.refuse("reproduce", "m.safetensors", *data, code=2, says=["--labels", "m.safetensors"])

    def test_an_interrupted_run_is_trained_as_far(self):
        process = self.start_program("pretrain", "--synthetic", "64x8", "--batch", "16", "--epochs", "1000000",
                                     "-o", "m.safetensors")
        while not process.stderr.readline().startswith("epoch"):
            pass
        process.send_signal(signal.SIGINT)
        process.communicate()
        answer = self.answer("m.safetensors", "-o", "again.safetensors")
        self.assertIs(answer["same"], True)
        self.assertEqual(str(answer["steps"]), self.information("m.safetensors")["metadata"]["steps"])
        self.assertEqual(self.path("again.safetensors").read_bytes(), self.path("m.safetensors").read_bytes())

    def test_ctrl_c(self):
        self.train("--epochs", 1)
        self.change(steps="4000000", planned_epochs="1000000", epochs="1000000")
        for arguments in ["reproduce", "-o", "again.safetensors"], ["diff", "--replay"]:
            with self.subTest(command=arguments[0]):
                process = self.start_program(*arguments, "m.safetensors")
                threading.Timer(2, process.send_signal, [signal.SIGINT]).start()
                out, error = process.communicate(timeout=60)
                self.assertEqual((process.returncode, out), (130, ""), error)
                self.assertIn("maskcl: interrupted by SIGINT", error)
        self.assertFalse(self.path("again.safetensors").exists())

    def test_other_bits(self):
        digest = self.train()
        env = self.planted("optimizer.cl", "fma(rest2 * g, g, beta2 * square[j])",
                           "rest2 * (g * g) + beta2 * square[j]")
        result = self.run_program("reproduce", "m.safetensors", env=env)
        self.assertEqual(result.returncode, 1, result.stderr)
        for said in "not reproduced", "expected  " + digest, "maskcl verify", "maskcl diff":
            self.assertIn(said, result.stdout)
        result = self.run_program("reproduce", "m.safetensors", "--json", env=env)
        self.assertEqual(result.returncode, 1)
        answer = json.loads(result.stdout)
        self.assertEqual((answer["same"], answer["expected"], len(answer["causes"])), (False, digest, 1))

    def change(self, **changes):
        self.write("m.safetensors", rewritten(self.path("m.safetensors").read_bytes(), **changes))

    def test_causes_that_a_model_tells(self):
        self.train()
        self.change(numeric_contract="7", seed="1")
        result = self.run_program("reproduce", "m.safetensors")
        self.assertEqual(result.returncode, 1)
        self.assertIn("version 7 of the numeric contract", result.stdout)

    def test_clblast_is_outside_the_contract(self):
        digest = self.train("--gemm", "clblast")
        self.assertEqual(self.information("m.safetensors")["metadata"]["product"], "clblast")
        answer = self.answer("m.safetensors")
        self.assertEqual((answer["product"], answer["found"]), ("clblast", digest))

    def test_metadata_that_make_no_sense(self):
        self.train()
        kept = self.path("m.safetensors").read_bytes()
        for change in {"schedule": "unheard of"}, {"mask_ratio": "0.6"}, {"steps": "-1"}, {"product": "cublas"}, \
                {"data_digest": "12"}, {"synthetic": "70"}:
            with self.subTest(change=change):
                self.change(**change)
                self.refuse("reproduce", "m.safetensors", code=1, says=["m.safetensors", "metadata"])
            self.write("m.safetensors", kept)

    def test_models_of_version_0_1(self):
        self.random_rows("rows.npy", 200, 16)
        model = str(FORMER / "plain.safetensors")
        self.refuse("reproduce", model, code=2, says=["does not tell which data", "--data"])
        result = self.run_program("reproduce", model, "--data", "rows.npy")
        self.assertEqual(result.returncode, 1)
        self.assertIn("warning: %s: does not tell dropout, beta1, beta2, warmup: the defaults are taken" % model, result.stderr)
        self.assertIn("the data are others than the model's", result.stdout)

    def test_models_without_a_run(self):
        header = json.dumps({"__metadata__": {
            "maskcl_format": "1", "maskcl_version": "0.1.0", "input": "1", "hidden": "", "embedding": "1",
            "activation": "none"},
            **{name: {"dtype": "F32", "shape": [1, 1] if "weight" in name else [1],
                      "data_offsets": [4 * i, 4 * i + 4]}
               for i, name in enumerate(["encoder.0.weight", "encoder.0.bias", "decoder.0.weight", "decoder.0.bias"])}})
        self.write("m.safetensors", struct.pack("<Q", len(header)) + header.encode() + bytes(16))
        self.refuse("reproduce", "m.safetensors", code=1, says=["does not say how it was trained"])

    def test_wrong_usage(self):
        self.train("--epochs", 1)
        self.refuse("reproduce", code=2, says=["MODEL"])
        self.refuse("reproduce", "m.safetensors", "-o", "m.safetensors", code=2, says=["-o"])


if __name__ == "__main__":
    unittest.main()
