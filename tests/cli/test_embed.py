# SPDX-License-Identifier: Apache-2.0
"""maskcl embed and maskcl info."""

import json
import math
import os
import unittest

from program import ProgramTest, environment, read_npy, read_tensors


def linear(rows, weight, bias):
    """x·Wᵀ + b of [rows], with weight as (shape, flat values)."""
    (outputs, inputs), values = weight
    return [[sum(x * values[o * inputs + i] for i, x in enumerate(row)) + bias[1][o]
             for o in range(outputs)] for row in rows]


class EmbedTest(ProgramTest):
    def check(self, model, data, rows):
        """The embeddings are those that the model file's own numbers give."""
        result = self.succeed("embed", model, data, "-o", "out.npy")
        self.assertRegex(result.stderr, r"\Adevice: .*\n\Z")
        tensors, metadata = read_tensors(self.path(model))
        act = {"relu": lambda x: max(x, 0.0), "tanh": math.tanh}[metadata["activation"]]
        layers = sorted({name.rsplit(".", 1)[0] for name in tensors if name.startswith("encoder")})
        for number, layer in enumerate(layers):
            rows = linear(rows, tensors[layer + ".weight"], tensors[layer + ".bias"])
            if number + 1 < len(layers):
                rows = [[act(x) for x in row] for row in rows]
        shape, values = read_npy(self.path("out.npy"))
        self.assertEqual(shape, (len(rows), len(rows[0])))
        self.assertIn("wrote out.npy, %d x %d\n" % shape, result.stdout)
        self.assertIn("embedded %d rows in" % len(rows), result.stdout)
        for got, expected in zip(values, [x for row in rows for x in row]):
            self.assertAlmostEqual(got, expected, delta=1e-5 * max(1.0, abs(expected)))

    def test_floats(self):
        numbers = [math.sin(i) for i in range(7 * 12)]
        self.npy("rows.npy", (7, 12), numbers)
        rows = [numbers[12 * i:12 * i + 12] for i in range(7)]
        for options in [], ["--hidden", "none"], ["--hidden", "5,9,3", "--activation", "tanh"]:
            with self.subTest(options=options):
                self.check(self.model("m.safetensors", 12, *options), "rows.npy", rows)

    def test_a_layer(self):
        """Hidden layers, the embedding, and those of the projector, by the file's own numbers."""
        numbers = [math.sin(i) for i in range(7 * 12)]
        self.npy("rows.npy", (7, 12), numbers)
        model = self.model("m.safetensors", 12, "--hidden", "5,9", "--objective", "nt-xent",
                           "--projector", "6,3")
        tensors, _ = read_tensors(self.path(model))
        rows = [numbers[12 * i:12 * i + 12] for i in range(7)]
        names = ["encoder.0", "encoder.2", "encoder.4", "projector.0", "projector.2"]
        for number, name in enumerate(names, 1):
            rows = linear(rows, tensors[name + ".weight"], tensors[name + ".bias"])
            if name not in ("encoder.4", "projector.2"):
                rows = [[max(x, 0.0) for x in row] for row in rows]
            self.succeed("embed", model, "rows.npy", "-o", "out.npy", "--layer", number)
            shape, values = read_npy(self.path("out.npy"))
            self.assertEqual(shape, (7, len(rows[0])))
            for got, expected in zip(values, [x for row in rows for x in row]):
                self.assertAlmostEqual(got, expected, delta=1e-5 * max(1.0, abs(expected)))
            if name == "encoder.4":
                self.succeed("embed", model, "rows.npy", "-o", "whole.npy")
                self.assertTrue(read_npy(self.path("whole.npy"))[1] == values)
        self.refuse("embed", model, "rows.npy", "-o", "out.npy", "--layer", 6, code=2,
                    says=["--layer: there is no layer 6", "1 to 3", "projector"])

    def test_bytes_are_scaled_as_in_training(self):
        self.npy("rows.npy", (3, 4), range(0, 240, 20), "|u1")
        rows = [[20 * (4 * i + j) / 255 for j in range(4)] for i in range(3)]
        self.npy("train.npy", (8, 4), range(0, 256, 8), "|u1")
        self.succeed("pretrain", "train.npy", "-o", "m.safetensors", "--epochs", 1, "--hidden", 6,
                     "--embedding", 4, "-q")
        self.check("m.safetensors", "rows.npy", rows)

    def test_one_row(self):
        self.npy("rows.npy", (1, 12), range(12))
        self.check(self.model(), "rows.npy", [list(range(12))])

    def test_embeddings_do_not_depend_on_the_rows_around(self):
        model = self.model()
        self.random_rows("many.npy", 1500, 12)
        self.succeed("embed", model, "many.npy", "-o", "many-out.npy", "-q")
        _, rows = read_npy(self.path("many.npy"))
        _, many = read_npy(self.path("many-out.npy"))
        self.npy("last.npy", (1, 12), rows[-12:])
        self.succeed("embed", model, "last.npy", "-o", "last-out.npy", "-q")
        self.assertEqual(read_npy(self.path("last-out.npy"))[1], many[-4:])

    def test_quiet_says_nothing_and_an_old_file_is_replaced(self):
        self.npy("rows.npy", (2, 12), range(24))
        self.write("out.npy", b"old" * 1000)
        result = self.succeed("embed", self.model(), "rows.npy", "--output=out.npy", "--quiet")
        self.assertEqual((result.stdout, result.stderr), ("", ""))
        self.assertEqual(read_npy(self.path("out.npy"))[0], (2, 4))

    def test_another_width_is_refused(self):
        self.npy("rows.npy", (2, 5), range(10))
        self.refuse("embed", self.model(), "rows.npy", "-o", "out.npy", code=1,
                    says=["rows.npy", "5 values", "model.safetensors", "12"])

    def test_data_scaled_otherwise_than_the_models(self):
        self.images("images", 5)
        self.succeed("pretrain", "images", "--epochs", 1, "-o", "m.safetensors", "-q")
        self.npy("far.npy", (2, 8, 8), [255.0] * 128, "<f4")
        self.npy("near.npy", (2, 8, 8), [1.5] * 128, "<f4")
        result = self.succeed("embed", "m.safetensors", "far.npy", "-o", "out.npy", "-q")
        self.assertEqual(result.stderr, "maskcl: warning: far.npy: has values such as 255, and "
                                        "the model was trained on bytes that were divided by 255: "
                                        "divide these in the same way, or leave them bytes\n")
        result = self.succeed("embed", "m.safetensors", "near.npy", "-o", "out.npy", "-q")
        self.assertEqual(result.stderr, "")

    def test_data_of_another_scale_than_floats(self):
        """Every command that takes a model says so, and nothing of rows like those trained on."""
        self.random_rows("rows.npy", 64, 16)
        self.random_rows("alike.npy", 20, 16, seed=2)
        self.npy("zeros.npy", (20, 16), [0.0] * 320)
        self.npy("bytes.npy", (20, 16), [i % 256 for i in range(320)], "|u1")
        shape, rows = read_npy(self.path("alike.npy"))
        self.npy("large.npy", shape, [100 * x for x in rows])
        self.npy("small.npy", shape, [x / 100 for x in rows])
        self.npy("l.npy", (20,), [0, 1] * 10, "|u1")
        self.succeed("pretrain", "rows.npy", "-o", "m.safetensors", "--epochs", 1, "--hidden", 6,
                     "--embedding", 4, "-q")

        def commands(name):
            yield "embed", "m.safetensors", name, "-o", "out.npy"
            yield "reconstruct", "m.safetensors", name, "-o", "out.npy"
            yield "probe", "m.safetensors", name, "l.npy", name, "l.npy", "--encoder-only"
            yield ("finetune", "m.safetensors", name, "l.npy", "-o", "t.safetensors", "--epochs",
                   "1", "--batch", "4")

        for name, says in (("alike.npy", None), ("zeros.npy", None), ("bytes.npy", "has bytes"),
                           ("large.npy", "scale these as those were"),
                           ("small.npy", "scale these as those were")):
            for command in commands(name):
                with self.subTest(rows=name, command=command[0]):
                    error = self.succeed(*command, "-q").stderr
                    if says:
                        self.assertIn("maskcl: warning: %s: " % name, error)
                        self.assertIn(says, error)
                    else:
                        self.assertEqual(error, "")

    def test_bytes_that_are_no_pixels(self):
        self.npy("truth.npy", (16, 8), [i // 3 % 2 for i in range(128)], "|u1")
        run = ("pretrain", "truth.npy", "-o", "m.safetensors", "--epochs", 1, "--hidden", 6,
               "--embedding", 4, "-q")
        self.assertIn("maskcl: warning: truth.npy: no byte is above 1, and bytes are divided by 255",
                      self.succeed(*run).stderr)
        self.assertEqual(self.succeed("embed", "m.safetensors", "truth.npy", "-o", "out.npy",
                                      "-q").stderr, "")
        self.npy("truth.npy", (16, 8), [i // 3 % 2 for i in range(128)])
        self.assertEqual(self.succeed(*run).stderr, "")

    def test_inputs_are_not_written_over(self):
        model = self.model()
        self.npy("rows.npy", (2, 12), range(24))
        os.link(self.path(model), self.path("hard"))
        os.symlink("rows.npy", self.path("soft"))
        for output in model, "rows.npy", "hard", "soft", "./rows.npy":
            self.refuse("embed", model, "rows.npy", "-o", output, code=2, says=["-o: " + output])


class InfoTest(ProgramTest):
    def test_text_and_json_agree_with_the_file(self):
        model = self.model("m.safetensors", 12, "--hidden", "6,5", "--activation", "gelu")
        tensors, metadata = read_tensors(self.path(model))
        information = self.information(model)
        self.assertEqual(information["architecture"], {
            "input": 12, "hidden": [6, 5], "embedding": 4, "activation": "gelu"})
        self.assertEqual(metadata.pop("maskcl_digest"), information["digest"])
        self.assertRegex(metadata.pop("maskcl_file_digest"), "^[0-9a-f]{32}$")
        self.assertEqual(information["metadata"], metadata)
        self.assertEqual({entry["name"]: entry["shape"] for entry in information["tensors"]},
                         {name: shape for name, (shape, _) in tensors.items()})
        sizes = {name: len(values) for name, (_, values) in tensors.items()}
        encoder = sum(size for name, size in sizes.items() if name.startswith("encoder"))
        self.assertEqual(information["parameters"], sum(sizes.values()))
        self.assertEqual(information["encoder_parameters"], encoder)
        text = self.succeed("info", model).stdout
        self.assertRegex(text, r"(?m)^encoder +12 -> 6 -> 5 -> 4$")
        self.assertRegex(text, r"(?m)^decoder +4 -> 5 -> 6 -> 12$")
        self.assertRegex(text, r"(?m)^activation +gelu$")
        self.assertRegex(
            text, r"(?m)^parameters +%d, of which %d " % (sum(sizes.values()), encoder))
        for key, value in metadata.items():
            self.assertRegex(text, r"(?m)^  %s +%s$" % (key, value.replace("+", r"\+")))
        for name, (shape, _) in tensors.items():
            self.assertRegex(text, r"(?m)^  %s +%s$" % (name, " x ".join(map(str, shape))))

    def test_it_needs_no_device(self):
        model = self.model()
        self.path("none").mkdir()
        self.succeed("info", model, env=environment(OCL_ICD_VENDORS=self.path("none")))

    def test_a_foreign_model_cannot_steer_the_terminal(self):
        data = self.path(self.model()).read_bytes()
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8:8 + size])
        metadata = header["__metadata__"]
        metadata["recipe"] = "a\x1b[2Jb\nc"
        del metadata["maskcl_digest"], metadata["maskcl_file_digest"]
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        self.write("foreign", len(text).to_bytes(8, "little") + text + data[8 + size:])
        result = self.run_program("info", "foreign")
        self.assertNotIn("\x1b", result.stdout + result.stderr)
        if result.returncode == 0:
            self.assertIn("a?[2Jb?c", result.stdout)

    def test_what_is_neither_a_model_nor_data(self):
        self.write("empty", b"")
        for name in "empty", "nonesuch", ".":
            self.refuse("info", name, code=1, says=[name])


if __name__ == "__main__":
    unittest.main()
