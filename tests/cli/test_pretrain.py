# SPDX-License-Identifier: Apache-2.0
"""maskcl pretrain: what the options do, and what it says."""

import json
import os
import random
import re
import unittest

from program import ProgramTest, read_tensors

DEVICE_LINE = r"device: .+ \(.+, (CPU|GPU|accelerator|other), \d+ compute units?\), " \
              r"products by (native|clblast)"


class OptionsTest(ProgramTest):
    def train(self, *options, data=("--synthetic", "20x12")):
        """The metadata and architecture of a small model trained with options."""
        self.succeed("pretrain", *data, "-o", "m.safetensors", "-q", "--epochs", 1, "--hidden", "6",
                     "--embedding", 4, *options)
        information = self.information("m.safetensors")
        return {**information["metadata"], **{"hidden": information["architecture"]["hidden"]}}

    def test_every_option_reaches_the_run(self):
        """Options that do not need each other are given together, so that a run tells of many."""
        byol, moco = ["--objective", "byol", "--predictor", "5"], ["--objective", "moco"]
        for options, expected in [
                ([], {"temperature": "0.2", "views": "mask:bernoulli:0.5:complement",
                      "reconstruct": "all", "reconstruction_loss": "mse", "schedule": "constant"}),
                (["--hidden", "7,5,3", "--embedding", "9", "--activation", "gelu", "--decoder", "9,5",
                  "--mask", "uniform", "--optimizer", "adamw", "--batch", "5", "--epochs", "3"],
                 {"hidden": [7, 5, 3], "embedding": "9", "activation": "gelu", "decoder": "9,5",
                  "mask": "uniform", "optimizer": "adamw", "weight_decay": "0.01", "batch": "5",
                  "epochs": "3"}),
                (["--hidden", "none", "--activation", "none", "--decoder", "none",
                  "--mask-ratio", "0.25", "--temperature", "0.5", "--schedule", "cosine",
                  "--batch", "all", "--seed", "18446744073709551615"],
                 {"hidden": [], "activation": "none", "decoder": "", "mask_ratio": "0.25",
                  "temperature": "0.5", "schedule": "cosine", "final_learning_rate": "0",
                  "batch": "20", "seed": "18446744073709551615"}),
                (["--normalization", "batch", "--dropout", "0.25", "--projector", "8,6", "--lr", "0.25",
                  "--schedule", "cosine", "--lr-final", "1e-5", "--warmup", "0.5", "--ema", "0.9"],
                 {"normalization": "batch", "dropout": "0.25", "projector": "8,6",
                  "learning_rate": "0.25", "final_learning_rate": "1e-05", "warmup_epochs": "0.5",
                  "ema": "0.9"}),
                (["--normalization", "layer", "--embedding-layer", "activated",
                  "--reconstruct", "hidden", "--lr=5e-1", "--schedule", "step", "--lr-step", "3",
                  "--clip-norm", "0.5", "--weight-decay", "0.125"],
                 {"normalization": "layer", "activated_embedding": "yes", "reconstruct": "hidden",
                  "learning_rate": "0.5", "learning_rate_step_epochs": "3",
                  "learning_rate_gamma": "0.1", "clip_norm": "0.5", "weight_decay": "0.125"}),
                (["--objective", "nt-xent:0.5+cosine:2", "--schedule", "step", "--lr-step", "3",
                  "--lr-gamma", "0.5", "--weight-decay", "0"],
                 {"objective": "nt-xent:0.5+cosine:2", "learning_rate_gamma": "0.5",
                  "weight_decay": "0"}),
                (["--objective", "scarf"], {"scarf_temperature": "1", "views": "corrupt:0.6:one"}),
                (["--objective", "nt-xent+scarf", "--recipe", "reference"],
                 {"views": "corrupt:0.6:one"}),
                (["--objective", "scarf", "--views", "noise:0.5"], {"views": "noise:0.5"}),
                (["--objective", "scarf", "--mask", "uniform"], {"views": "mask:uniform:complement"}),
                (["--objective", "scarf", "--mask-ratio", "0.25"],
                 {"views": "mask:bernoulli:0.25:complement"}),
                (["--objective", "vime"], {"views": "corrupt:0.3"}),
                (["--objective", "vime+nt-xent"], {"mask_head": "yes"}),
                (["--objective", "cosine"], {"objective": "cosine", "negatives": "0"}),
                (["--objective", "cosine", "--negatives", "3"], {"negatives": "3"}),
                (["--objective", "cosine", "--negatives", "3", "--margin", "0.25"],
                 {"margin": "0.25"}),
                (["--objective", "simsiam", "--predictor", "5", "--optimizer", "sgd",
                  "--momentum", "0.5"], {"predictor": "5", "momentum": "0.5"}),
                (byol, {"byol_target_decay": "0.996"}),
                ([*byol, "--target-decay", "0.5"], {"byol_target_decay": "0.5"}),
                ([*moco, "--optimizer", "lamb"],
                 {"moco_temperature": "0.07", "moco_target_decay": "0.999", "queue": "4096",
                  "weight_decay": "0.01"}),
                ([*moco, "--queue", "640", "--optimizer", "lars", "--lr", "0.3"],
                 {"queue": "640", "momentum": "0.9", "weight_decay": "1e-06"})]:
            with self.subTest(options=options):
                metadata = self.train(*options)
                self.assertEqual({key: metadata.get(key) for key in expected}, expected)

    def test_vime_has_a_layer_of_its_own(self):
        self.train("--objective", "vime", "--embedding", "9", data=["--synthetic", "20x7"])
        said = self.succeed("info", "m.safetensors").stdout
        self.assertRegex(said, r"(?m)^mask head +9 -> 7$")
        self.assertRegex(said, r"(?m)^  mask_head\.weight +7 x 9$")

    def test_block_masks_take_a_patch(self):
        self.images("images.idx", 8)
        metadata = self.train("--mask", "block", "--mask-patch", "2", data=["images.idx"])
        self.assertEqual((metadata["mask"], metadata["mask_patch"]), ("block", "2"))

    def test_of_an_option_given_twice_the_last_counts(self):
        self.assertEqual(self.train("--seed", "1", "--seed=2")["seed"], "2")

    def test_a_recipe_comes_before_the_options_beside_it(self):
        for options in (["--recipe", "reference", "--lr", "0.5"],
                        ["--lr", "0.5", "--recipe", "reference"]):
            metadata = self.train(*options)
            self.assertEqual(metadata["objective"], "cosine")
            self.assertEqual(metadata["learning_rate"], "0.5")
            self.assertEqual(metadata["recipe"], "reference")
            self.assertEqual(metadata["hidden"], [6])
        self.assertEqual(self.train()["recipe"], "default")

    def test_the_recipe_is_chosen_by_the_data(self):
        self.random_rows("rows.npy", 40, 3)
        data = ["rows.npy", "--recipe", "auto"]
        result = self.succeed("pretrain", *data, "-o", "m.safetensors", "--epochs", 2, "--mask-ratio", 0.25,
                              "--embedding", 64, "--schedule", "cosine", "--lr-final", "0.0001")
        said = "recipe auto: tabular for vectors of 40 rows × 3 inputs"
        self.assertIn(said + ": batches of 16\n", result.stderr)
        small = "-o", "n.safetensors", "--epochs", 1
        for options, rest in (([], ": embeddings of 256 numbers, batches of 16"),
                              (["--batch", 40], ": embeddings of 256 numbers"),
                              (["--batch", 40, "--embedding", 4], "")):
            self.assertIn(said + rest + "\n",
                          self.succeed("pretrain", *data, *small, *options).stderr)
        metadata = self.information("m.safetensors")["metadata"]
        expected = {"recipe": "tabular", "objective": "reconstruction", "batch": "16", "epochs": "2",
                    "mask_ratio": "0.25", "embedding": "64", "learning_rate": "0.003"}
        self.assertEqual({key: metadata[key] for key in expected}, expected)
        again = self.succeed("reproduce", "m.safetensors", "--data", "rows.npy", "--json")
        self.assertTrue(json.loads(again.stdout)["same"])
        self.refuse("pretrain", *data, "-o", "n.safetensors", "--temperature", "1", code=2,
                    says=["--temperature"])
        self.assertEqual(self.train("--recipe", "auto")["recipe"], "default")  # synthetic rows

    def test_the_seed_decides_every_byte(self):
        models = []
        for seed in 1, 1, 2:
            self.train("--seed", seed, "--epochs", "3")
            models.append(read_tensors(self.path("m.safetensors"))[0])
        self.assertEqual(models[0], models[1])
        for name in models[0]:
            self.assertNotEqual(models[0][name], models[2][name], name)

    def test_the_whole_file_is_the_same_again(self):
        for name in "a", "b":
            self.train("--epochs", "3")
            self.path("m.safetensors").rename(self.path(name))
        self.assertEqual(self.path("a").read_bytes(), self.path("b").read_bytes())

    def test_options_may_stand_anywhere(self):
        self.random_rows("-rows.npy", 6, 5)
        self.succeed("pretrain", "-q", "-om.safetensors", "--epochs=1", "--", "-rows.npy")
        self.assertEqual(self.information("m.safetensors")["metadata"]["input"], "5")

    def test_numbers_are_read_strictly(self):
        for option, text, says in [
                ("--epochs", "10x", "'10x' is not a whole number"),
                ("--epochs", "1e3", "'1e3' is not a whole number"),
                ("--epochs", "-1", "'-1' is not a whole number"),
                ("--epochs", "+1", "'+1' is not a whole number"),
                ("--epochs", " 1", "' 1' is not a whole number"),
                ("--epochs", "", "'' is not a whole number"),
                ("--epochs", "4294967296", "4294967296 is not from 0 to 4294967295"),
                ("--seed", "18446744073709551616", "is not from 0 to 18446744073709551615"),
                ("--seed", "1.5", "'1.5' is not a whole number"),
                ("--batch", "0", "0 is not from 1"),
                ("--batch", "some", "'some' is not a whole number"),
                ("--embedding", "0", "0 is not from 1 to"),
                ("--hidden", "128,", "'' is not a whole number"),
                ("--hidden", "128,,64", "'' is not a whole number"),
                ("--hidden", "128;64", "'128;64' is not a whole number"),
                ("--hidden", "0", "0 is not from 1 to"),
                ("--hidden", ",".join(["2"] * 17), "at most 16 layers"),
                ("--lr", "fast", "'fast' is not a number"),
                ("--lr", "0", "0 is not a number above 0"),
                ("--lr", "-1", "-1 is not a number above 0"),
                ("--lr", "nan", "'nan' is not a number"),
                ("--lr", "inf", "'inf' is not a number"),
                ("--lr", "1e999", "'1e999' is not a number"),
                ("--lr", "0x1p-3", "'0x1p-3' is not a number"),
                ("--lr", "1e-3 ", "'1e-3 ' is not a number"),
                ("--lr", "", "'' is not a number"),
                ("--temperature", "1e-60", "1e-60 is not a number above 0"),
                ("--mask-ratio", "0", "0 is not a number between 0 and 1"),
                ("--mask-ratio", "1", "1 is not a number between 0 and 1"),
                ("--mask-ratio", "0.99999999999", "is not a number between 0 and 1"),
                ("--momentum", "1", "1 is not a number from 0 to below 1"),
                ("--weight-decay", "-0.1", "-0.1 is not a number of 0 or above"),
                ("--warmup", "-1", "-1 is not a number of 0 or above"),
                ("--lr-final", "-1", "-1 is not a number of 0 or above"),
                ("--lr-step", "0", "0 is not from 1"),
                ("--lr-step", "1.5", "'1.5' is not a whole number"),
                ("--early-stop", "0", "0 is not from 1"),
                ("--clip-norm", "0", "0 is not a number above 0"),
                ("--target-decay", "0", "0 is not a number between 0 and 1"),
                ("--target-decay", "1", "1 is not a number between 0 and 1"),
                ("--queue", "1", "1 is not from 2"),
                ("--ema", "0", "0 is not a number between 0 and 1"),
                ("--ema", "1", "1 is not a number between 0 and 1"),
                ("--lr-gamma", "0", "0 is not a number above 0"),
                ("--metrics-every", "0", "0 is not from 1"),
                ("--synthetic", "100", "'100' is not ROWSxCOLUMNS"),
                ("--synthetic", "x100", "'x100' is not ROWSxCOLUMNS"),
                ("--synthetic", "100x", "'100x' is not ROWSxCOLUMNS"),
                ("--synthetic", "0x10", "0 is not from 1"),
                ("--synthetic", "10x1x2", "'1x2' is not a whole number")]:
            with self.subTest(option=option, text=text):
                self.refuse("pretrain", "--synthetic", "8x8", "-o", "m.safetensors",
                            "%s=%s" % (option, text), code=2, says=[option + ": ", says])

    def test_names_are_read_strictly(self):
        for option, text in [("--mask", "blok"), ("--objective", "simclr"), ("--optimizer", "Adam"),
                             ("--activation", "selu"), ("--gemm", "cublas"), ("--recipe", "none"),
                             ("--schedule", "linear"), ("--normalization", "instance"),
                             ("--embedding-layer", "relu"), ("--dropout", "1"),
                             ("--objective", ""), ("--objective", "cosine+"),
                             ("--objective", "cosine:0"), ("--objective", "cosine+cosine"),
                             ("--objective", "cosine:x")]:
            with self.subTest(option=option, text=text):
                self.refuse("pretrain", "--synthetic", "8x8", "-o", "m.safetensors",
                            "%s=%s" % (option, text), code=2, says=[option + ": "])

    def test_options_that_contradict(self):
        for options, says in [
                (["--mask-patch", "4"], "--mask-patch: only a block mask"),
                (["--mask", "uniform", "--mask-ratio", "0.5"], "--mask-ratio: a uniform mask"),
                (["--recipe", "reference", "--mask-ratio", "0.5"], "--mask-ratio: a uniform mask"),
                (["--objective", "cosine", "--temperature", "1"], "--temperature: only"),
                (["--objective", "simsiam"], "simsiam needs a predictor"),
                (["--objective", "byol"], "byol needs a predictor"),
                (["--objective", "byol+simsiam", "--predictor", "4"], "would train one predictor"),
                (["--predictor", "4"], "a predictor is for objectives that predict"),
                (["--target-decay", "0.5"], "--target-decay: only the objectives byol and moco"),
                (["--queue", "64"], "--queue: only the objective moco"),
                (["--objective", "moco", "--batch", "7", "--queue", "13"],
                 "a queue of 13 keys is too small for a batch of 7 rows, whose views add 14"),
                (["--negatives", "2"], "--negatives: only the objective cosine"),
                (["--objective", "cosine", "--margin", "0.1"], "--margin: it is of --negatives"),
                (["--objective", "cosine", "--negatives", "300"], "300 negatives a row"),
                (["--objective", "cosine", "--reconstruct", "all"], "--reconstruct: only the objective"),
                (["--objective", "nt-xent", "--reconstruction-loss", "mse"],
                 "--reconstruction-loss: only the objective"),
                (["--objective", "vime", "--mask", "none"], "these views alter none"),
                (["--objective", "vime+reconstruction"], "there is one decoder"),
                (["--objective", "vime", "--projector", "4"], "a projector is for"),
                (["--reconstruct", "hidden", "--views", "noise"], "these views hide none"),
                (["--reconstruct", "hidden", "--mask", "none"], "these views hide none"),
                (["--reconstruction-loss", "bce"], "the loss bce needs values from 0 to 1"),
                (["--objective", "reconstruction", "--projector", "4"], "a projector is for"),
                (["--objective", "vime", "--mask", "uniform"], "a uniform mask alters all"),
                (["--objective", "nt-xent", "--decoder", "5"], "--decoder: no objective here"),
                (["--objective", "cosine", "--views", "none"],
                 "cosine compares a row's two views, and these are the same"),
                (["--views", "corrupt:1"], "corrupt:1 leaves nothing of a row in either view"),
                (["--recipe", "fast", "--reconstruction-loss", "mse", "--dropout", "0.5"],
                 "a dropout of 0.5: it is of hidden layers, and this encoder has none"),
                (["--optimizer", "lars"], "--optimizer: a step of lars"),
                (["--momentum", "0.9"], "--momentum: only sgd and lars"),
                (["--optimizer", "adamw", "--momentum", "0.9"], "--momentum: only sgd"),
                (["--lr-final", "0.1"], "--lr-final: only the schedule cosine"),
                (["--schedule", "step", "--lr-final", "0.1"], "--lr-final: only"),
                (["--lr-step", "2"], "--lr-step: only the schedule step"),
                (["--schedule", "cosine", "--lr-gamma", "0.5"], "--lr-gamma: only"),
                (["--schedule", "step"], "(--lr-step)"),
                (["--warmup", "10"], "a warm-up of 10 epochs in a run of 10"),
                (["--metrics-every", "5"], "--metrics-every: "),
                (["--validate", "l.idx"], "--validate: the rows of --synthetic have no classes")]:
            with self.subTest(options=options):
                self.refuse("pretrain", "--synthetic", "8x8", "-o", "m.safetensors", *options,
                            code=2, says=[says])

    def test_data_or_synthetic(self):
        self.random_rows("rows.npy", 4, 4)
        self.refuse("pretrain", "rows.npy", "--synthetic", "4x4", "-o", "m", code=2,
                    says=["--synthetic", "rows.npy"])
        self.refuse("pretrain", "-o", "m", code=2, says=["DATA", "--synthetic"])

    def test_batch_normalization_needs_two_rows(self):
        self.refuse("pretrain", "--synthetic", "8x8", "--batch", 1, "--normalization", "batch",
                    "--objective", "cosine", "-o", "m.safetensors", code=2,
                    says=["at least 2 rows", "--normalization layer"])
        self.succeed("pretrain", "--synthetic", "8x8", "--batch", 1, "--normalization", "layer",
                     "--objective", "cosine", "--epochs", 1, "-o", "m.safetensors")

    def test_corruption_needs_two_rows(self):
        self.refuse("pretrain", "--synthetic", "1x8", "--objective", "vime", "-o", "m", code=2,
                    says=["corruption takes values of other rows, and there are none"])

    def test_cross_entropy_and_brightness(self):
        """Bytes stay below 1 when they are made brighter, floats do not."""
        run = ["--objective", "reconstruction", "--reconstruction-loss", "bce", "--views",
               "brightness,mask", "--epochs", 1]
        self.images("images", 5)
        self.succeed("pretrain", "images", *run, "-o", "m.safetensors")
        self.npy("floats.npy", (5, 8, 8), [1.0] * 320, "<f4")
        self.refuse("pretrain", "floats.npy", *run, "-o", "new", code=2,
                    says=["the loss bce", "brightness"])

    def test_images_with_channels_first(self):
        self.npy("first.npy", (4, 3, 8, 8), range(768))
        self.npy("last.npy", (4, 8, 8, 3), [0.5] * 768)
        self.refuse("pretrain", "first.npy", "--views", "affine,mask", "-o", "m", code=2,
                    says=["3 × 8 × 8", "channels first", "x.transpose(0, 2, 3, 1)"])
        self.succeed("pretrain", "last.npy", "--views", "affine,mask", "--epochs", 1, "-o", "m")

    def test_views_that_differ_by_dropout_alone(self):
        self.succeed("pretrain", "--synthetic", "8x8", "--views", "none", "--objective", "nt-xent",
                     "--dropout", "0.1", "--epochs", 1, "-o", "m.safetensors")

    def test_a_recipe_of_larger_batches_than_the_data(self):
        self.succeed("pretrain", "--synthetic", "20x8", "--recipe", "tabular", "--epochs", 1, "-o",
                     "m.safetensors")
        self.assertEqual(self.information("m.safetensors")["metadata"]["batch"], "20")

    def test_a_recipes_warm_up_is_a_part_of_its_epochs(self):
        for options, warmup in (["--epochs", 1], "0.1"), (["--epochs", 1, "--warmup", 0], "0"):
            self.succeed("pretrain", "--synthetic", "20x8", "--recipe", "tabular", *options, "-o",
                         "m.safetensors")
            metadata = self.information("m.safetensors")["metadata"]
            self.assertEqual(metadata.get("warmup_epochs"), warmup)

    def test_one_row_has_no_spread(self):
        result = self.succeed("pretrain", "--synthetic", "9x8", "--batch", 1, "--objective",
                              "reconstruction", "--metrics", "m.jsonl", "-o", "m.safetensors")
        self.assertRegex(result.stderr, r"\nepoch 1/10  loss \S+  spread -  \d+ rows/s")
        for line in self.path("m.jsonl").read_text().splitlines():
            self.assertIsNone(json.loads(line)["spread"])

    def test_nt_xent_needs_two_rows(self):
        self.refuse("pretrain", "--synthetic", "8x4", "--batch", "1", "-o", "m", code=2,
                    says=["nt-xent", "2 rows"])

    def test_products_by_either_provider(self):
        for gemm in "native", "auto":
            result = self.succeed("pretrain", "--synthetic", "8x4", "--gemm", gemm, "-o", "m",
                                  "--epochs", 1)
            self.assertRegex(result.stderr.splitlines()[0], r"\A%s\Z" % DEVICE_LINE)
            if gemm != "auto":
                self.assertIn("products by " + gemm, result.stderr)


class DataTest(ProgramTest):
    def metadata(self, data):
        self.succeed("pretrain", data, "-o", "m.safetensors", "-q", "--epochs", 1)
        return self.information("m.safetensors")["metadata"]

    def test_idx_is_told_by_content(self):
        self.images("images.png", 5, 6, 7)
        metadata = self.metadata("images.png")
        self.assertEqual((metadata["rows"], metadata["input"]), ("5", "42"))
        self.assertEqual((metadata["input_shape"], metadata["input_scaling"]), ("6x7", "1/255"))
        plain = read_tensors(self.path("m.safetensors"))
        self.images("images.npy", 5, 6, 7, compress=True)
        self.metadata("images.npy")
        self.assertEqual(read_tensors(self.path("m.safetensors")), plain)

    def test_npy_of_every_type(self):
        values = [0, 1, 2, 3, 4, 5, 6, 250]
        models = []
        for descr in "<f4", "<f8":
            self.npy("rows", (2, 4), values, descr)
            self.assertEqual(self.metadata("rows")["input_scaling"], "1")
            models.append(read_tensors(self.path("m.safetensors")))
        self.assertEqual(models[0], models[1])
        self.npy("rows", (2, 2, 2), values, "|u1")
        metadata = self.metadata("rows")
        self.assertEqual((metadata["input"], metadata["input_shape"]), ("4", "2x2"))
        self.assertEqual(metadata["input_scaling"], "1/255")


class ReportTest(ProgramTest):
    def test_a_pipe_gets_the_device_and_a_line_an_epoch(self):
        result = self.succeed("pretrain", "--synthetic", "64x8", "--batch", 16, "--epochs", 3, "-o",
                              "m.safetensors")
        lines = result.stderr.splitlines()
        self.assertRegex(lines[0], r"\A%s\Z" % DEVICE_LINE)
        self.assertEqual(len(lines), 4)
        for number, line in enumerate(lines[1:], 1):
            self.assertRegex(line, r"\Aepoch %d/3  loss \d+(\.\d+)?  spread \d\.\d{3}  "
                                   r"\d+(\.\d+)?(e\+\d+)? rows/s  \d+\.\d s\Z" % number)
        self.assertRegex(result.stdout, r"\Atrained on 64 rows for 3 epochs in \d+\.\d s \(\d+ "
                                        r"rows/s\): loss \S+, spread \d\.\d{3} \(untrained "
                                        r"\d\.\d{3}\), effective rank \d+\.\d; wrote "
                                        r"m.safetensors\ndigest [0-9a-f]{32}\n\Z")
        last_loss = lines[-1].split()[3]
        self.assertIn("loss %s," % last_loss, result.stdout)

    def test_quiet_says_nothing(self):
        result = self.succeed("pretrain", "--synthetic", "9x9", "--epochs", 2, "-q", "-o", "m")
        self.assertEqual((result.stdout, result.stderr), ("", ""))


class CollapseTest(ProgramTest):
    """What is told of a model whose embeddings do not tell rows apart."""

    def train(self, data, *options, code=0):
        """Returns the warnings, and the model's metadata."""
        result = self.run_program("pretrain", data, "-o", "m.safetensors", *options)
        self.assertEqual(result.returncode, code, result.stderr)
        self.out = result.stdout
        told = json.loads(self.succeed("info", "m.safetensors", "--json").stdout)["metadata"]
        warnings = [line for line in result.stderr.splitlines()
                    if line.startswith("maskcl: warning: ")]
        return warnings, told

    def icons(self):
        """Small dark squares on white."""
        pixels = [255] * 300 * 144
        for i in range(300):
            for k in range(3):
                y, x, size = (7 * i + 5 * k) % 9, (11 * i + 3 * k * k) % 9, 1 + (i + k) % 3
                for j in range(size * size):
                    pixels[144 * i + 12 * (y + j // size) + x + j % size] = (37 * i) % 120
        self.npy("icons.npy", (300, 12, 12), pixels, "|u1")

    def test_rows_that_are_alike(self):
        self.npy("same.npy", (64, 4), [1, 2, 3, 4] * 64)
        self.npy("near.npy", (64, 4),
                 [v * (1 + 1e-3 * ((7 * i) % 13)) for i in range(64) for v in (1, 2, 3, 4 + i % 2 / 99)])
        for recipe in "default", "tabular", "reference":
            for name, said in ("same", "the rows are all alike, and"), ("near", "alike but for little"):
                warnings, told = self.train(name + ".npy", "-q", "--recipe", recipe, "--epochs", 9,
                                            "--standardize", "none")
                self.assertEqual(len(warnings), 1, warnings) # --quiet hides none
                self.assertIn(said, warnings[0])
                self.assertEqual(told["collapse"], "the rows are alike")
                self.assertLess(float(told["collapse_spread_inputs"]), 0.05)
                self.assertLess(float(told["collapse_spread"]), 0.05)

    def test_what_is_advised_ends_the_collapse(self):
        self.icons()
        warnings, told = self.train("icons.npy", "--epochs", 20)
        self.assertEqual(len(warnings), 1)
        self.assertEqual(told["collapse"], "yes")
        self.assertLess(float(told["collapse_spread"]),
                        0.22 * float(told["collapse_spread_untrained"]))
        self.assertRegex(warnings[0], r"the embeddings have collapsed: .* \(spread 0\.0\d\d, ")
        self.assertIn(", spread %.3f (untrained %.3f), effective rank %.1f; wrote" % tuple(
            float(told["collapse_" + key]) for key in ("spread", "spread_untrained", "rank")),
            self.out)
        advised = re.findall(r"(--(?:normalization|embedding-layer)) (\w+)", warnings[0])
        self.assertEqual(len(advised), 2)
        for options in sum(advised, ()), ["--recipe", "tabular"]:
            warnings, told = self.train("icons.npy", "--epochs", 20, *options)
            self.assertEqual((warnings, told["collapse"]), ([], "no"))
            self.assertGreater(float(told["collapse_spread"]),
                               float(told["collapse_spread_untrained"]))

    def test_an_objective_that_does_not_keep_rows_apart(self):
        self.icons()
        warnings, told = self.train("icons.npy", "--recipe", "reference", "--lr", "0.003",
                                    "--epochs", 40)
        self.assertEqual((len(warnings), told["collapse"]), (1, "yes"))
        self.assertIn("use --recipe recommended for images or tabular for tables", warnings[0])

    def test_a_collapse_can_be_a_failure(self):
        self.icons()
        for options, expected in ([], 1), (["--recipe", "tabular"], 0):
            _, told = self.train("icons.npy", "--epochs", 20, "--fail-on-collapse", "--metrics",
                                 "m.jsonl", *options, code=expected)
            self.assertEqual(told["collapse"], "yes" if expected else "no")
            lines = [json.loads(line) for line in self.path("m.jsonl").read_text().splitlines()]
            self.assertEqual([line.get("collapse") for line in lines[-2:]], [None, expected == 1])
            self.assertAlmostEqual(lines[-1]["collapse_rank"], float(told["collapse_rank"]), 4)
        self.succeed("pretrain", "--synthetic", "20x4", "--early-stop", 1, "--epochs", 99,
                     "--metrics", "m.jsonl", "-o", "m")
        lines = [json.loads(line) for line in self.path("m.jsonl").read_text().splitlines()]
        self.assertEqual([line.get("collapse") for line in lines[-2:]], [None, False])

    def test_none_is_seen_where_there_is_none(self):
        for size, recipe in ("64x16", "default"), ("9x1", "tabular"), ("2x3", "default"):
            result = self.succeed("pretrain", "--synthetic", size, "--epochs", 20, "--recipe",
                                  recipe, "-o", "m")
            self.assertNotIn("warning", result.stderr, (size, recipe))
        hot = [float(j == (5 * i + i * i) % 7 or j == 7 + i % 3) for i in range(100) for j in range(10)]
        self.npy("hot.npy", (100, 10), hot)
        self.assertEqual(self.train("hot.npy")[0], [])

    def test_one_row(self):
        self.npy("one.npy", (1, 8), range(8))
        warnings, told = self.train("one.npy", "--batch", 1, "--objective",
                                    "reconstruction", "--fail-on-collapse")
        self.assertEqual(warnings, [])
        self.assertNotIn("collapse", told)
        self.assertRegex(self.out, r"\): loss [^,]*; wrote")


class BeginningTest(ProgramTest):
    """--init: training that begins with a model's parameters."""

    def train(self, output, *options):
        self.succeed("pretrain", "--synthetic", "40x8", "--batch", 10, "--epochs", 2, "-q", "-o",
                     output, *options)
        return self.information(output)

    def test_parameters_and_architecture_are_the_model_s(self):
        options = ["--hidden", "7,5", "--embedding", 3, "--normalization", "batch",
                   "--embedding-layer", "activated", "--activation", "gelu", "--decoder", "6"]
        first = self.train("a", *options, "--objective", "reconstruction")
        self.train("b", "--init", "a", "--lr", "1e-30", "--seed", 5, "--objective",
                   "reconstruction")
        tensors = [read_tensors(self.path(name))[0] for name in "ab"]
        self.assertEqual(set(tensors[0]), set(tensors[1]))
        for name in tensors[0]:
            if "running" not in name:
                self.assertEqual(tensors[0][name], tensors[1][name], name)
        told = self.information("b")["metadata"]
        self.assertEqual((told["hidden"], told["decoder"], told["model_digest"]),
                         ("7,5", "6", first["digest"]))
        other = self.train("c", "--init", "a", "--objective", "nt-xent", "--hidden", "7,5")
        self.assertEqual(other["metadata"]["model_digest"], first["digest"])

    def test_it_goes_on(self):
        self.train("a")
        once = self.train("b", "--init", "a")
        self.assertEqual(self.train("c", "--init", "a")["digest"], once["digest"])
        self.assertNotEqual(self.train("c")["digest"], once["digest"])
        self.assertIn("reproduced: ", self.succeed("reproduce", "b", "--model", "a").stdout)
        self.refuse("reproduce", "b", code=2, says=["begun with another model", "--model"])
        other = self.train("d", "--seed", 1)["digest"]
        self.refuse("reproduce", "b", "--model", "d", code=1, says=["d", other, "--model"])

    def test_what_does_not_fit(self):
        self.train("a")
        pretrain = ["pretrain", "--synthetic", "40x8", "-o", "b", "--init"]
        self.refuse(*pretrain, "a", "--hidden", "9", code=2, says=["hidden is 128", "it is 9"])
        self.refuse(*pretrain, "none", code=1, says=["none"])
        self.refuse("pretrain", "--synthetic", "40x9", "-o", "b", "--init", "a", code=2,
                    says=["input is 8", "it is 9"])
        self.refuse("pretrain", "--synthetic", "40x8", "-o", "a", "--init", "a", code=2, says=["a"])


class HoldoutTest(ProgramTest):
    """--holdout and --keep-best."""

    def train(self, *options):
        result = self.succeed("pretrain", "--synthetic", "300x8", "--batch", 32, "--epochs", 9,
                              "--holdout", "0.2", "--metrics", "m.jsonl", "-o", "m", *options)
        lines = [json.loads(line) for line in self.path("m.jsonl").read_text().splitlines()]
        told = self.information("m")["metadata"]
        per_epoch = int(told["rows"]) // 32
        self.assertEqual([line["step"] for line in lines if "held_out" in line],
                         list(range(per_epoch, 9 * per_epoch + 1, per_epoch)))
        return result, told, [line["held_out"] for line in lines if "held_out" in line]

    def test_the_loss_on_rows_that_are_not_trained_on(self):
        result, told, losses = self.train()
        self.assertEqual(int(told["rows"]) + int(told["held_out_rows"]), 300)
        self.assertTrue(40 <= int(told["held_out_rows"]) <= 80)
        self.assertLess(losses[-1], losses[0])
        self.assertIn("  held out %.6g  spread" % losses[-1], result.stderr)
        self.assertRegex(result.stdout, "trained on %s rows .*, held out %s, "
                         % (told["rows"], re.escape("%.6g" % losses[-1])))
        self.assertNotIn("best_epoch", told)
        self.assertEqual(self.train()[2], losses)

    def test_the_best_epoch_is_kept(self):
        options = ["--keep-best", "--lr", "0.05", "--hidden", "64", "--objective", "nt-xent"]
        result, told, losses = self.train(*options)
        best = losses.index(min(losses))
        self.assertTrue(0 < best < 8, losses)
        self.assertEqual(told["best_epoch"], str(best + 1))
        self.assertAlmostEqual(float(told["held_out_loss"]), losses[best], delta=1e-6 * losses[best])
        self.assertIn(", held out %.6g (epoch %d), " % (float(told["held_out_loss"]), best + 1),
                      result.stdout)
        digest = self.information("m")["digest"]
        self.assertIn("reproduced: ", self.succeed("reproduce", "m").stdout)
        self.assertNotEqual(self.train(*options[1:])[0].stdout.split()[-1], digest)
        self.succeed("pretrain", "--synthetic", "300x8", "--batch", 32, "--epochs", best + 1,
                     "--holdout", "0.2", "-o", "n", *options[1:])
        self.assertEqual(self.information("n")["digest"], digest)

    def test_what_cannot_be(self):
        for options, code, says in ((["--keep-best"], 2, "--holdout"), (["--holdout", "1"], 2, "1"),
                                    (["--holdout", "1e-9"], 1, "at least 2")):
            self.refuse("pretrain", "--synthetic", "20x4", "-o", "m", *options, code=code,
                        says=["holdout", says])


class ValidationTest(ProgramTest):
    """--validate, on images whose class can be seen."""

    def setUp(self):
        super().setUp()
        self.images("images.idx", 300)
        self.labels("labels.idx", 300)

    def train(self, *options, epochs=45, code=0):
        """Of 9 steps an epoch: 200 steps are over in epochs 23 and 45."""
        result = self.run_program("pretrain", "images.idx", "-o", "m.safetensors", "--batch", 32,
                                  "--hidden", "16", "--embedding", "8", "--epochs", epochs, *options)
        self.assertEqual(result.returncode, code, result.stderr)
        return result

    def test_it_is_told_wherever_steps_are(self):
        result = self.train("--validate", "labels.idx", "--metrics", "m.jsonl", epochs=47)
        lines = [json.loads(line) for line in self.path("m.jsonl").read_text().splitlines()]
        told = {line["step"]: line["validation"] for line in lines if "validation" in line}
        self.assertEqual(list(told), [9 * 23, 9 * 45, 9 * 47])
        for line in lines:
            self.assertEqual("validation" in line, "effective_rank" in line)
        for accuracy in told.values():
            self.assertAlmostEqual(150 * accuracy, round(150 * accuracy), places=9)
        self.assertGreater(told[9 * 47], 0.9)
        epochs = [line for line in result.stderr.splitlines() if line.startswith("epoch ")]
        self.assertEqual(len(epochs), 47)
        for number, line in enumerate(epochs, 1):
            if 9 * number in told:
                self.assertRegex(line, r"\Aepoch %d/47  loss \S+  spread \d\.\d{3}  validation %.3f  "
                                       r"\d+ rows/s  \d+\.\d s\Z" % (number, told[9 * number]))
            else:
                self.assertNotIn("validation", line)
        self.assertRegex(result.stdout.splitlines()[0],
                         r", effective rank \d\.\d, validation %.3f; wrote m" % told[9 * 47])

    def test_it_changes_nothing(self):
        for options in ([], ["--normalization", "batch", "--dropout", "0.2", "--ema", "0.9"]):
            with self.subTest(options=options):
                self.train(*options)
                without = self.path("m.safetensors").read_bytes()
                result = self.train("--validate", "labels.idx", *options)
                self.assertIn("validation", result.stderr)
                self.assertTrue(self.path("m.safetensors").read_bytes() == without)

    def random_classes(self, *options):
        """Of rows whose classes cannot be seen; any other weights tell others right."""
        generator = random.Random(3)
        self.npy("l.npy", (300,), [generator.randrange(2) for _ in range(300)], "<i8")
        self.train("--validate", "l.npy", "--metrics", "m.jsonl", *options, epochs=1)
        return json.loads(self.path("m.jsonl").read_text().splitlines()[-1])["validation"]

    def test_it_is_of_the_model_that_is_written(self):
        """Of the average, and without dropout."""
        initial = self.random_classes("--lr", "1e-30")
        self.assertTrue(0.3 < initial < 0.7, initial)
        self.assertEqual(self.random_classes("--lr", "1e-30", "--dropout", "0.9"), initial)
        learned = self.random_classes("--lr", "0.05")
        self.assertNotEqual(learned, initial)
        self.assertNotEqual(self.random_classes("--lr", "0.05", "--ema", "0.9"), learned)

    def test_a_run_that_was_interrupted_goes_on(self):
        self.train("--validate", "labels.idx", "--metrics", "whole.jsonl", epochs=400)
        process = self.start_program(
            "pretrain", "images.idx", "-o", "m.safetensors", "--batch", 32, "--hidden", "16",
            "--embedding", "8", "--epochs", 400, "--validate", "labels.idx", "--metrics", "m.jsonl",
            "--checkpoint-every", 50)
        while "validation" not in process.stderr.readline():
            self.assertIsNone(process.poll())
        process.kill()
        process.communicate()
        self.train("--validate", "labels.idx", "--metrics", "m.jsonl", "--checkpoint-every", 50,
                   "--resume", epochs=400)
        whole, resumed = ([(line["step"], line.get("validation"))
                           for line in map(json.loads, self.path(name).read_text().splitlines())]
                          for name in ("whole.jsonl", "m.jsonl"))
        self.assertEqual(resumed, whole)

    def test_labels_that_do_not_fit(self):
        self.labels("short.idx", 299)
        self.npy("same.npy", (300,), [3] * 300, "<i4")
        run = ["pretrain", "images.idx", "-o", "m.safetensors", "--validate"]
        self.refuse(*run, "short.idx", code=1,
                    says=["short.idx has 299 labels", "images.idx has 300 rows"])
        self.refuse(*run, "same.npy", code=1, says=["all rows are of class 3"])
        self.refuse(*run, "missing.idx", code=1, says=["missing.idx"])
        self.refuse(*run, "images.idx", code=1, says=["images.idx", "labels have one dimension"])
        self.refuse("pretrain", "-o", "m.safetensors", "--validate", "labels.idx", code=2,
                    says=["DATA"])
        self.refuse(*run[:3], "labels.idx", "--validate", "labels.idx", code=2,
                    says=["-o", "labels.idx"])
        self.refuse(*run, "labels.idx", "--metrics", "labels.idx", code=2,
                    says=["--metrics", "labels.idx"])


class MetricsTest(ProgramTest):
    def metrics(self, *options, name="metrics.jsonl"):
        self.result = self.succeed("pretrain", "--synthetic", "40x8", "--batch", 8, "--epochs", 2,
                                   "-o", "m.safetensors", "--metrics", name, *options)
        return [json.loads(line) for line in self.path(name).read_text().splitlines()]

    def test_an_object_a_step(self):
        lines = self.metrics("--objective", "nt-xent:0.5+reconstruction:10")
        self.assertEqual([line["step"] for line in lines], list(range(1, 11)))
        self.assertEqual([line["epoch"] for line in lines], [1] * 5 + [2] * 5)
        last = lines[-1]
        self.assertEqual({key for key in set(last) - set(lines[0]) if "collapse" not in key},
                         {"alignment", "uniformity", "effective_rank"})
        self.assertTrue(0 < last["alignment"] < 4)
        self.assertTrue(-8 < last["uniformity"] < 0)
        self.assertTrue(1 <= last["effective_rank"] <= 8)
        for line in lines:
            self.assertLessEqual({"step", "epoch", "loss", "nt-xent", "reconstruction", "spread",
                                  "lr", "rows_per_s", "seconds"}, set(line))
            total = 0.5 * line["nt-xent"] + 10 * line["reconstruction"]
            self.assertAlmostEqual(line["loss"], total, delta=1e-6 * total)
            self.assertGreater(line["rows_per_s"], 0)
        seconds = [line["seconds"] for line in lines]
        self.assertEqual(seconds, sorted(seconds))
        mean = sum(line["loss"] for line in lines[5:]) / 5
        self.assertIn("loss %.6g," % mean, self.result.stdout)

    def test_the_learning_rate_of_every_step(self):
        lines = self.metrics("--schedule", "cosine", "--warmup", "0.4", "--lr", "0.01")
        rates = [line["lr"] for line in lines]
        self.assertEqual(rates[:3], [0, 0.005, 0.01])
        self.assertAlmostEqual(rates[6], 0.005, delta=1e-9)
        self.assertEqual(rates[2:], sorted(rates[2:], reverse=True))
        lines = self.metrics("--schedule", "step", "--lr-step", "1", "--lr", "0.01")
        self.assertEqual([line["lr"] for line in lines], [0.01] * 5 + [0.001] * 5)

    def test_it_ends_when_the_loss_no_longer_falls(self):
        for patience in 1, 3:
            lines = self.metrics("--epochs", 300, "--lr", "1e-9", "--early-stop", patience)
            losses = [sum(line["loss"] for line in lines[i:i + 5]) / 5
                      for i in range(0, len(lines), 5)]
            self.assertLess(len(losses), 300)
            since = [i - losses.index(min(losses[:i + 1])) for i in range(len(losses))]
            self.assertEqual(since[-1], patience)
            self.assertLess(max(since[:-1]), patience)
            self.assertRegex(self.result.stdout, "for %d epochs in .*\nended early: the loss had "
                             "not fallen for %d epochs? of 300\n" % (len(losses), patience))
            metadata = self.information("m.safetensors")["metadata"]
            self.assertEqual(metadata["epochs"], str(len(losses)))
            self.assertEqual(metadata["planned_epochs"], "300")
            self.assertEqual(metadata["early_stop"], str(patience))

    def test_every_epoch_that_may_be_the_last_is_measured(self):
        lines = self.metrics("--epochs", 300, "--lr", "1e-9", "--early-stop", 2)
        self.assertEqual([line["step"] for line in lines if "alignment" in line],
                         [line["step"] for line in lines if line["step"] % 5 == 0])

    def test_patience_begins_with_a_full_queue(self):
        """While moco's queue has empty places the loss rises."""
        lines = self.metrics("--epochs", 300, "--lr", "1e-9", "--early-stop", 1, "--objective",
                             "moco", "--queue", 400)
        self.assertGreaterEqual(lines[-1]["step"], 5 * 7)

    def test_the_rate_is_that_of_a_steady_run(self):
        """However short the steps are, and though epochs end. tests/unit/test_rate.c is strict;
        here another program may slow the run down for a while: one of several must be steady."""
        for data in ["30000x4", "--epochs", 4], ["640x4", "--epochs", 200]:
            worst = []
            while not worst or (worst[-1] > 1.5 and len(worst) < 4):
                self.succeed("pretrain", "--synthetic", *data, "--batch", 64, "--hidden", 8,
                             "--embedding", 4, "-o", "m", "-q", "--metrics", "m.jsonl")
                lines = [json.loads(line) for line in self.path("m.jsonl").read_text().splitlines()]
                begin, end = lines[0], lines[-1]
                rate = 64 * (end["step"] - begin["step"]) / (end["seconds"] - begin["seconds"])
                worst.append(max(max(line["rows_per_s"] / rate, rate / line["rows_per_s"])
                                 for line in lines))
            self.assertLess(worst[-1], 1.5, worst)

    def test_every_third_step_and_the_last_of_an_epoch(self):
        lines = self.metrics("--metrics-every", "3", "--objective", "cosine")
        self.assertEqual([line["step"] for line in lines], [3, 5, 6, 9, 10])
        self.assertEqual([line["loss"] for line in lines], [line["cosine"] for line in lines])

    def test_metrics_do_not_change_the_model(self):
        self.metrics()
        with_metrics = self.path("m.safetensors").read_bytes()
        self.succeed("pretrain", "--synthetic", "40x8", "--batch", 8, "--epochs", 2, "-o",
                     "other.safetensors")
        self.assertEqual(self.path("other.safetensors").read_bytes(), with_metrics)

    def test_an_old_file_is_replaced(self):
        self.write("metrics.jsonl", b"x" * 100000)
        self.assertEqual(len(self.metrics()), 10)

    def test_an_old_file_stays_when_nothing_is_trained(self):
        self.write("metrics.jsonl", b"precious")
        for options, code in [(["--batch", "400"], 2), (["--device", "nonesuch"], 1)]:
            for name in "metrics.jsonl", "new.jsonl":
                self.refuse("pretrain", "--synthetic", "40x8", "-o", "m", "--metrics", name,
                            *options, code=code)

    def test_a_file_that_cannot_be_written_is_refused_at_once(self):
        self.path("folder").mkdir()
        for name, says in [("nonesuch/m.jsonl", "No such file"), ("folder", "directory")]:
            self.refuse("pretrain", "--synthetic", "40x8", "-o", "m", "--metrics", name, code=1,
                        says=["--metrics: " + name, says])

    def test_the_input_and_the_model_are_refused(self):
        self.random_rows("rows.npy", 8, 4)
        os.symlink("rows.npy", self.path("link"))
        for name in "rows.npy", "./rows.npy", "link":
            self.refuse("pretrain", "rows.npy", "-o", "m", "--metrics", name, code=2,
                        says=["--metrics: ", "rows.npy"])
        for name in "m", "./m":
            self.refuse("pretrain", "rows.npy", "-o", "m", "--metrics", name, code=2,
                        says=["--metrics: ", "model"])
        self.write("old", b"an old model")
        self.refuse("pretrain", "rows.npy", "-o", "old", "--metrics", "old", code=2)

    def test_a_full_disk_while_training_loses_metrics_only(self):
        result = self.run_program("pretrain", "--synthetic", "40x8", "--batch", 8, "--epochs", 2,
                                  "-o", "m.safetensors", "--metrics", "/dev/full", "-q")
        self.assertEqual(result.returncode, 1)
        warning, error = result.stderr.splitlines()
        self.assertIn("maskcl: warning: --metrics: /dev/full: cannot write: No space left", warning)
        self.assertIn("maskcl: error: --metrics: /dev/full is incomplete", error)
        self.succeed("pretrain", "--synthetic", "40x8", "--batch", 8, "--epochs", 2, "-o", "other",
                     "-q")
        self.assertEqual(self.path("m.safetensors").read_bytes(), self.path("other").read_bytes())

    def test_lines_come_as_they_are_made(self):
        os.mkfifo(self.path("pipe"))
        process = self.start_program("pretrain", "--synthetic", "40x8", "--epochs", 10**6, "-o",
                                     "m", "--metrics", "pipe", "-q")
        with open(self.path("pipe")) as pipe:
            self.assertEqual(json.loads(pipe.readline())["step"], 1)
            self.assertIsNone(process.poll())
            process.kill()


if __name__ == "__main__":
    unittest.main()
