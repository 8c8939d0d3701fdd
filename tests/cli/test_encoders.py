# SPDX-License-Identifier: Apache-2.0
"""--encoder: layers in words through everything that takes a model."""

import json
import math
import os
import pathlib
import subprocess
import sys
import unittest

from program import ProgramTest, read_npy, read_tensors, rewritten

ROWS, SHAPE = 40, (9, 8, 3)
WORDS = "conv:5x3/2,residual(conv:5x3),pool:max,dense:6"
RUN = ["--encoder", WORDS, "--normalization", "batch", "--epochs", 2, "--batch", 16, "-q"]

TORCH = """
import sys
sys.path.insert(0, sys.argv[1])
import torch, numpy as np
from torch_model import load
encoder, decoder = load(sys.argv[2])
rows = torch.from_numpy(np.load(sys.argv[3])).permute(0, 3, 1, 2)
with torch.no_grad():
    embeddings = encoder(rows)
    assert decoder(embeddings).shape == rows.shape
expected = torch.from_numpy(np.load(sys.argv[4]))
assert (embeddings - expected).abs().max() <= 1e-5 * expected.abs().max()
"""


class EncodersTest(ProgramTest):
    def setUp(self):
        super().setUp()
        count = ROWS * math.prod(SHAPE)
        self.npy("images.npy", (ROWS, *SHAPE), [0.5 + 0.5 * math.sin(i * i % 977) for i in range(count)])
        self.npy("flat.npy", (ROWS, math.prod(SHAPE)), [0.25] * count)

    def train(self, name, *more):
        self.succeed("pretrain", "images.npy", "-o", name, *RUN, *more)
        return name

    def test_metadata_and_names(self):
        tensors, metadata = read_tensors(self.path(self.train("m.safetensors")))
        self.assertEqual({key: metadata[key] for key in ("maskcl_format", "encoder", "height", "width", "channels",
                                                         "hidden", "embedding")},
                         {"maskcl_format": "2", "encoder": WORDS, "height": "9", "width": "8", "channels": "3",
                          "hidden": "", "embedding": "6"})
        self.assertEqual(tensors["encoder.3.body.0.weight"][0], [5, 5, 3, 3])
        self.assertEqual(tensors["encoder.6.weight"][0], [6, 20])
        self.assertEqual(json.loads(self.succeed("info", "m.safetensors", "--json").stdout)["architecture"]["encoder"],
                         WORDS)
        self.assertIn(f"9 x 8 x 3 -> {WORDS} -> 6\n", self.succeed("info", "m.safetensors").stdout)

    def test_a_dense_encoder_is_as_before(self):
        self.succeed("pretrain", "images.npy", "-o", "a.safetensors", "-q", "--epochs", 1)
        self.succeed("pretrain", "images.npy", "-o", "b.safetensors", "-q", "--epochs", 1, "--encoder", "dense")
        self.assertEqual(self.path("a.safetensors").read_bytes(), self.path("b.safetensors").read_bytes())
        self.assertNotIn("encoder", read_tensors(self.path("a.safetensors"))[1])

    def test_every_layer(self):
        model = self.train("m.safetensors")
        for layer, width in enumerate([5 * 4 * 5, 5 * 4 * 5, 5 * 4 * 5, 2 * 2 * 5, 6], 1):
            self.succeed("embed", model, "images.npy", "-o", "e.npy", "-q", "--layer", layer)
            self.assertEqual(read_npy(self.path("e.npy"))[0], (ROWS, width))

    def test_in_pytorch(self):
        python = os.environ.get("MASKCL_PYTHON", sys.executable)
        if subprocess.run([python, "-c", "import torch, numpy, safetensors"], capture_output=True).returncode:
            self.skipTest("MASKCL_PYTHON names no interpreter with PyTorch")
        model = self.train("m.safetensors")
        self.succeed("embed", model, "images.npy", "-o", "e.npy", "-q")
        examples = pathlib.Path(os.environ["MASKCL_SOURCE"]) / "examples"
        done = subprocess.run([python, "-c", TORCH, examples, *map(self.path, (model, "images.npy", "e.npy"))],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_streamed_to_the_same_bits(self):
        expected = self.path(self.train("m.safetensors")).read_bytes()
        streamed = self.path(self.train("other.safetensors", "--device-memory", "2500K")).read_bytes()
        self.assertEqual(streamed, expected)

    def test_what_takes_a_model(self):
        model = self.train("m.safetensors")
        self.path("labels.txt").write_text("".join(f"{i % 2}\n" for i in range(ROWS)))
        self.succeed("pretrain", "images.npy", "-o", "on.safetensors", "--init", model, "--epochs", 1, "-q")
        self.succeed("finetune", model, "images.npy", "labels.txt", "-o", "f.safetensors", "--epochs", 1, "-q")
        self.succeed("predict", "f.safetensors", "images.npy", "-o", "p.npy", "-q")
        self.succeed("reconstruct", model, "images.npy", "-o", "r.npy", "-q")
        self.assertEqual(read_npy(self.path("r.npy"))[0][0], ROWS)

    def refuse(self, message, *arguments):
        result = self.run_program("pretrain", *arguments, "-o", "x.safetensors", "-q")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(message, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1)

    def test_frozen_layers_stay(self):
        chosen = ("--recipe", "default", "--encoder", "conv:6x3/2,conv:8x3,dense:5", "--normalization", "batch",
                  "--optimizer", "adamw", "--weight-decay", "0.5", "-q")
        for name, options in (("begin", ("--epochs", "0")), ("frozen", ("--epochs", "2", "--freeze", "2")),
                              ("free", ("--epochs", "2"))):
            self.succeed("pretrain", "images.npy", *chosen, *options, "-o", name + ".safetensors")
        begin, frozen, free = (read_tensors(self.path(name + ".safetensors"))[0]
                               for name in ("begin", "frozen", "free"))
        moved = {name for name in begin if frozen[name] != begin[name]
                 and name.startswith("encoder") and "running" not in name}
        self.assertEqual(moved, {"encoder.7.weight", "encoder.7.bias"})
        self.assertNotEqual(free["encoder.0.weight"], begin["encoder.0.weight"])
        self.assertEqual(self.information("frozen.safetensors")["metadata"]["freeze"], "2")
        self.assertNotIn("freeze", self.information("free.safetensors")["metadata"])
        self.labels("y.idx", ROWS)
        self.succeed("finetune", "free.safetensors", "images.npy", "y.idx", "--epochs", "1", "--freeze", "3", "-q", "-o",
                     "tuned.safetensors")
        tuned = read_tensors(self.path("tuned.safetensors"))[0]
        for name in ("encoder.0.weight", "encoder.7.weight", "encoder.7.bias"):
            self.assertEqual(tuned[name], free[name], name)
        said = super().refuse("pretrain", "images.npy", *chosen, "--freeze", "4", "-o", "o.safetensors", code=2)
        self.assertIn("--freeze: the encoder has 3 layers, not 4", said)

    def test_refusals(self):
        self.refuse("--encoder: at character 10, 'conv:64y5': it is not conv:CHANNELSxKERNEL",
                    "images.npy", "--encoder", "conv:4x3,conv:64y5")
        self.refuse("--encoder: at character 1, 'conv:4x10p0': its kernel of 10 does not fit the map of 9 × 8 × 3",
                    "images.npy", "--encoder", "conv:4x10p0")
        self.refuse("is of images, rows of height × width or height × width × channels, and these are of 216 values",
                    "flat.npy", "--encoder", "conv:4x3")
        self.refuse("is of series, rows of time × channels, and these are of 9 × 8 × 3",
                    "images.npy", "--encoder", "conv1d:4x3")
        self.refuse("--hidden: the layers of the encoder are in words",
                    "images.npy", "--encoder", "conv:4x3", "--hidden", 5)
        self.refuse("its encoder is", "images.npy", "--encoder", "conv:4x3", "--init", self.train("m.safetensors"))

    def test_rows_of_another_shape(self):
        model = self.train("m.safetensors")
        self.npy("turned.npy", (2, 8, 9, 3), [0.0] * (2 * 216))
        result = self.run_program("embed", model, "turned.npy", "-o", "e.npy", "-q")
        self.assertEqual(result.returncode, 1)
        self.assertIn("the model takes rows of 9 × 8 × 3", result.stderr)
        self.succeed("embed", model, "flat.npy", "-o", "e.npy", "-q")

    def test_damaged_metadata(self):
        data = self.path(self.train("m.safetensors")).read_bytes()
        for changes, message in [({"encoder": "conv:5x"}, "metadata 'encoder' is 'conv:5x', not layers"),
                                 ({"encoder": "dense"}, "metadata 'encoder' is 'dense'"),
                                 ({"height": "8"}, "are no maps of 8 × 8 × 3"),
                                 ({"height": "0"}, "metadata 'height' is '0'"),
                                 ({"embedding": "7"}, "gives embeddings of 6 values, not 7"),
                                 ({"hidden": "4"}, "no hidden ones besides"),
                                 ({"encoder": "conv:5x3/2,dense:6"}, "tensor")]:
            with self.subTest(changes=changes):
                self.path("bad.safetensors").write_bytes(rewritten(data, **changes))
                result = self.run_program("info", "bad.safetensors")
                self.assertEqual(result.returncode, 1)
                self.assertIn(message, result.stderr)


if __name__ == "__main__":
    unittest.main()
