# SPDX-License-Identifier: Apache-2.0
"""maskcl finetune."""

import array
import json
import os
import pathlib
import signal
import time
import unittest

from program import ProgramTest, read_npy, read_tensors

FIXTURES = pathlib.Path(os.environ["MASKCL_SOURCE"]) / "tests/fixtures/parity"
PARITY = json.loads((FIXTURES / "finetune.json").read_text())
TOLERANCE = 1e-4


def fixture_tensors(run):
    data = (FIXTURES / "finetune.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    tensors = {}
    for key, entry in json.loads(data[8:8 + size]).items():
        name, _, tensor = key.partition("/")
        first, last = entry["data_offsets"]
        if name == run:
            tensors[tensor] = array.array("f", data[8 + size + first:8 + size + last])
    return tensors


class FinetuneTest(ProgramTest):
    def files(self, train=60, test=40):
        """A model, and images whose class can be seen."""
        self.images("train.idx", train, seed=1)
        self.labels("train-labels.idx", train)
        self.images("test.idx", test, seed=2)
        self.labels("test-labels.idx", test)
        self.succeed("pretrain", "train.idx", "-o", "m.safetensors", "-q", "--epochs", 2,
                     "--hidden", "16", "--embedding", "8", "--seed", "5")
        self.test = ["--test", "test.idx", "--test-labels", "test-labels.idx"]
        return ["m.safetensors", "train.idx", "train-labels.idx", "-o", "t.safetensors"]

    def test_classes_that_can_be_seen_are_learned(self):
        result = self.succeed("finetune", *self.files(), *self.test, "--batch", 10, "--lr", "0.01")
        lines = result.stdout.splitlines()
        self.assertRegex(lines[0], r"\Afine-tuned on 60 rows for 20 epochs in \d+\.\d s \(\d+ "
                                   r"rows/s\): loss \S+, accuracy \d\.\d\d\d; wrote "
                                   r"t\.safetensors\Z")
        self.assertEqual(lines[1].split(), ["begun", "from", "trainings", "test", "accuracy",
                                            "seconds"])
        self.assertRegex(lines[2], r"\Athe model +1 +100\.00% +\d+\.\d\Z")
        self.assertRegex(lines[3], r"\Adigest [0-9a-f]{32}\Z")
        self.assertEqual(len(lines), 4)
        self.assertEqual(self.information("t.safetensors")["digest"], lines[3].split()[1])
        epochs = [line for line in result.stderr.splitlines() if line.startswith("epoch")]
        self.assertEqual(len(epochs), 20)
        self.assertRegex(epochs[-1], r"\Aepoch 20/20  loss \S+  accuracy 1\.000  \S+ rows/s  "
                                     r"\d+\.\d s\Z")

    def test_quiet(self):
        result = self.succeed("finetune", *self.files(), "--epochs", 1, "-q")
        self.assertEqual(result.stdout + result.stderr, "")
        result = self.succeed("finetune", *self.files(), *self.test, "--epochs", 1, "-q")
        self.assertEqual(len(result.stdout.splitlines()), 2)
        self.assertEqual(result.stderr, "")

    def test_the_file(self):
        files = self.files()
        self.succeed("finetune", *files, "--epochs", 3, "--batch", 16, "--lr", "0.01", "--seed", 9,
                     "-q")
        tensors, metadata = read_tensors(self.path("t.safetensors"))
        before, pretrained = read_tensors(self.path("m.safetensors"))
        del pretrained["maskcl_digest"], pretrained["maskcl_file_digest"]
        self.assertEqual(tensors["head.weight"][0], [2, 8])
        self.assertEqual(tensors["head.bias"][0], [2])
        for name, values in before.items():
            (self.assertEqual if name.startswith("decoder") else self.assertNotEqual)(
                tensors[name], values, name)
        expected = {"classes": "2", "finetune_rows": "60", "finetune_batch": "16",
                    "finetune_epochs": "3", "finetune_steps": "9", "finetune_seed": "9",
                    "finetune_optimizer": "adamw", "finetune_learning_rate": "0.01",
                    "finetune_weight_decay": "0.01", "finetune_schedule": "cosine",
                    "finetune_from_scratch": "no"}
        for key, value in {**pretrained, **expected}.items():
            self.assertEqual(metadata[key], value, key)
        self.assertNotIn("finetune_labels_per_class", metadata)
        self.assertEqual(self.information("t.safetensors")["architecture"]["classes"], 2)
        self.assertIn("head        8 -> 2 classes", self.succeed("info", "t.safetensors").stdout)

    def test_other_commands_take_the_file(self):
        files = self.files()
        self.succeed("finetune", *files, "--epochs", 3, "-q")
        self.succeed("embed", "m.safetensors", "test.idx", "-o", "before.npy", "-q")
        self.succeed("embed", "t.safetensors", "test.idx", "-o", "after.npy", "-q")
        before, after = (read_npy(self.path(name + ".npy")) for name in ("before", "after"))
        self.assertEqual(before[0], after[0])
        self.assertNotEqual(before[1], after[1])
        answer = json.loads(self.succeed("probe", "t.safetensors", "train.idx", "train-labels.idx",
                                         "test.idx", "test-labels.idx", "--json", "-q").stdout)
        self.assertEqual(answer["results"][2]["linear_accuracy"], 1)
        self.succeed("finetune", "t.safetensors", *files[1:4], "again.safetensors", "--epochs", 1,
                     "-q")
        self.assertEqual(read_tensors(self.path("again.safetensors"))[0]["head.weight"][0], [2, 8])

    def test_from_scratch_is_a_model_of_its_own(self):
        files = self.files()
        self.succeed("finetune", *files, "--from-scratch", "--seed", 3, "--lr", "1e-30", "-q",
                     "--weight-decay", 0)
        self.succeed("pretrain", "train.idx", "-o", "new.safetensors", "-q", "--epochs", 1,
                     "--hidden", "16", "--embedding", "8", "--seed", 3, "--lr", "1e-30")
        tensors, metadata = read_tensors(self.path("t.safetensors"))
        new = read_tensors(self.path("new.safetensors"))[0]
        for name in "encoder.0.weight", "encoder.0.bias", "encoder.2.weight", "encoder.2.bias":
            self.assertEqual(tensors[name], new[name])
        self.assertEqual(metadata["finetune_from_scratch"], "yes")
        self.assertEqual(metadata["seed"], "3")
        self.assertEqual(metadata["input_shape"], "8x8")
        self.assertNotIn("objective", metadata)

    def test_few_labels(self):
        files = self.files()
        result = self.succeed("finetune", *files, *self.test, "--labels-per-class", 4, "--compare",
                              "--epochs", 5)
        lines = result.stdout.splitlines()
        number = r"\d+\.\d\d ± +\d+\.\d\d%"
        self.assertRegex(lines[1], r"\Athe model +5 +%s +\d+\.\d\Z" % number)
        self.assertRegex(lines[2], r"\Ascratch +5 +%s +\d+\.\d\Z" % number)
        self.assertEqual(len({len(line) for line in lines[:3]}), 1)
        self.assertEqual(lines[3], "wrote t.safetensors, the first one's model")
        runs = [line for line in result.stderr.splitlines() if line.startswith("from ")]
        self.assertEqual(len(runs), 10)
        for i, line in enumerate(runs):
            self.assertRegex(line, r"\Afrom %s, seed %d: test accuracy \d+\.\d\d%%  \d+\.\d s\Z" % (
                ["the model", "scratch"][i // 5], i % 5))
        metadata = read_tensors(self.path("t.safetensors"))[1]
        self.assertEqual((metadata["finetune_rows"], metadata["finetune_labels_per_class"],
                          metadata["finetune_seed"]), ("8", "4", "0"))
        answer = json.loads(self.succeed("finetune", *files, *self.test, "--labels-per-class", 4,
                                         "--compare", "--epochs", 5, "--json", "-q").stdout)
        self.assertEqual((answer["train_rows"], answer["labels_per_class"], answer["test_rows"],
                          answer["digest"]), (8, 4, 40, lines[4].split()[1]))
        for line, entry, name in zip(lines[1:], answer["results"], ["model", "scratch"]):
            self.assertEqual((entry["begun_from"], entry["trainings"]), (name, 5))
            self.assertIn("%.2f ± %5.2f%%" % (100 * entry["accuracy"], 100 * entry["deviation"]),
                          line)

    def right(self, data):
        """How many rows embed and the head put in the class of images()."""
        self.succeed("embed", "t.safetensors", data, "-o", "e.npy", "-q")
        (rows, width), values = read_npy(self.path("e.npy"))
        tensors = read_tensors(self.path("t.safetensors"))[0]
        weights, bias = tensors["head.weight"][1], tensors["head.bias"][1]
        right = 0
        for row in range(rows):
            z = values[row * width:(row + 1) * width]
            logits = [sum(a * b for a, b in zip(z, weights[c * width:(c + 1) * width])) + bias[c]
                      for c in range(2)]
            right += (logits[1] > logits[0]) == row % 2
        return right

    def test_the_accuracy_is_that_of_the_layers_in_use(self):
        """With running statistics and without dropout, which is where training ends and not what it
        goes by: as embed has them."""
        self.images("train.idx", 60, seed=1)
        self.images("test.idx", 40, seed=2)
        self.npy("train.npy", (60,), [row // 2 % 2 for row in range(60)], "<i4")
        self.npy("test.npy", (40,), [row % 2 for row in range(40)], "<i4")
        accuracies = set()
        for normalization in "batch", "layer":
            self.succeed("pretrain", "train.idx", "-o", "m.safetensors", "-q", "--epochs", 2,
                         "--hidden", "16,12", "--embedding", "8", "--normalization", normalization,
                         "--embedding-layer", "activated", "--projector", "6")
            for options in [], ["--dropout", "0.5"]:
                with self.subTest(normalization=normalization, options=options):
                    answer = json.loads(self.succeed(
                        "finetune", "m.safetensors", "train.idx", "train.npy", "-o",
                        "t.safetensors", "--batch", 10, "--epochs", 3, "--json", "-q", "--test",
                        "test.idx", "--test-labels", "test.npy", "--lr", "0.01", *options).stdout)
                    accuracy = answer["results"][0]["accuracy"]
                    self.assertEqual(40 * accuracy, self.right("test.idx"))
                    accuracies.add(accuracy)
        self.assertGreater(len(accuracies), 1)

    def test_dropout(self):
        """It is drawn for the seed, and no part of the model."""
        files = self.files()
        losses, digests = [], set()
        for options in [], ["--dropout", "0"], ["--dropout", "0.5"], ["--dropout", "0.5"]:
            self.succeed("finetune", *files, "--epochs", 1, "--batch", 20, "--metrics", "m.jsonl",
                         "-q", *options)
            losses.append([json.loads(line)["loss"]
                           for line in self.path("m.jsonl").read_text().splitlines()])
            digests.add(self.information("t.safetensors")["digest"])
        self.assertEqual(losses[0], losses[1])
        self.assertNotEqual(losses[0], losses[2])
        self.assertEqual(losses[2], losses[3])
        self.assertEqual(len(digests), 2)
        self.assertEqual(read_tensors(self.path("t.safetensors"))[1]["finetune_dropout"], "0.5")

    def test_batch_normalization(self):
        """It goes by the batch while training, moves its running statistics, and needs two rows."""
        files = self.files()
        self.succeed("pretrain", "train.idx", "-o", "m.safetensors", "-q", "--epochs", 2,
                     "--hidden", "16", "--embedding", "8", "--normalization", "batch")
        self.succeed("finetune", *files, "--epochs", 1, "-q", "--lr", "1e-30", "--weight-decay", 0)
        before, after = (read_tensors(self.path(name))[0] for name in ("m.safetensors", "t.safetensors"))
        moved = {name for name in before if after[name] != before[name]}
        self.assertEqual(moved, {name for name in before
                                 if "running" in name and name.startswith("encoder")})
        self.refuse("finetune", *files, "--batch", 1, code=2, says=["at least 2 rows"])
        self.refuse("finetune", *files, "--dropout", 1, code=2, says=["--dropout: 1 is not"])

    def test_one_draw_without_a_test(self):
        answer = json.loads(self.succeed("finetune", *self.files(), "--labels-per-class", 4,
                                         "--epochs", 1, "--json", "-q").stdout)
        self.assertEqual([entry["trainings"] for entry in answer["results"]], [1])
        self.assertNotIn("accuracy", answer["results"][0])

    def test_metrics(self):
        files = self.files()
        self.succeed("finetune", *files, "--epochs", 2, "--batch", 20, "--metrics", "m.jsonl", "-q")
        lines = [json.loads(line) for line in self.path("m.jsonl").read_text().splitlines()]
        self.assertEqual([(line["step"], line["epoch"]) for line in lines],
                         [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (6, 2)])
        for line in lines:
            self.assertEqual(set(line), {"step", "epoch", "loss", "accuracy", "lr", "rows_per_s",
                                         "seconds"})
            self.assertAlmostEqual(20 * line["accuracy"], round(20 * line["accuracy"]), places=5)

    def test_data_in_parts_changes_nothing(self):
        """Of a data set that does not fit, each batch is sent: the same rows with their labels."""
        files = self.files()
        self.images("train.idx", 600, seed=1)
        self.labels("train-labels.idx", 600)
        run = ["finetune", *files, "--batch", 8, "--epochs", 2, "-q"]
        self.succeed(*run)
        whole = self.path("t.safetensors").read_bytes()
        self.succeed(*run, "--device-memory", "50000")
        self.assertEqual(self.path("t.safetensors").read_bytes(), whole)

    def test_wrong_usage(self):
        files = self.files()
        for more, says in [
                (["--test-labels", "test-labels.idx"], ["--test-labels", "add --test"]),
                (["--compare"], ["--compare", "--test"]),
                (["--compare", "--from-scratch", *self.test], ["--compare", "--from-scratch"]),
                (["--momentum", "0.9"], ["--momentum", "--optimizer"]),
                (["--schedule", "step"], ["--lr-step"]),
                (["--checkpoint-every", "5", "--compare", *self.test], ["--checkpoint-every"]),
                (["--resume", "--labels-per-class", "2", *self.test], ["--resume", "one training"]),
                (["--early-stop", "0"], ["--early-stop"]),
                (["--ema", "1"], ["--ema"]),
                (["--clip-norm", "-1"], ["--clip-norm"]),
                (["--labels-per-class", "0"], ["--labels-per-class"]),
                (["--epochs", "0"], ["--epochs"]),
                (["--metrics", "m.jsonl", "--labels-per-class", "2", *self.test], ["--metrics"]),
                (["--metrics", "m.jsonl", "--compare", *self.test], ["--metrics"]),
                (["--metrics", "train.idx"], ["--metrics", "train.idx"]),
                (["--batch", "61"], ["61", "60 rows"]),
                (["--warmup", "21"], ["warm"])]:
            self.refuse("finetune", *files, *more, code=2, says=says)
        for output in "m.safetensors", "train.idx", "train-labels.idx":
            self.refuse("finetune", *files[:4], output, code=2, says=["-o", output])
        self.refuse("finetune", *files[:3], code=2, says=["-o"])
        self.refuse("finetune", *files, "--test", "test.idx", code=1,
                    says=["test.idx", "no labels", "--label"])
        self.refuse("finetune", *files[:2], *files[3:], code=1,
                    says=["train.idx", "no labels", "--label"])

    def test_labels_that_do_not_match(self):
        files = self.files()
        self.labels("short.idx", 59)
        self.labels("long.idx", 41)
        self.refuse("finetune", *files[:2], "short.idx", *files[3:], code=1,
                    says=["short.idx has 59 labels", "train.idx has 60 rows"])
        self.refuse("finetune", *files, *self.test[:3], "long.idx", code=1,
                    says=["long.idx has 41 labels", "test.idx has 40 rows"])
        self.npy("l.npy", (60,), [-1] * 60, "<i4")
        self.refuse("finetune", *files[:2], "l.npy", *files[3:], "-q", code=1,
                    says=["no row has a label"])
        self.images("wide.idx", 60, 8, 9)
        self.refuse("finetune", files[0], "wide.idx", *files[2:], code=1,
                    says=["wide.idx", "72 values", "64"])

    def test_classes_that_cannot_be_learned(self):
        files = self.files()
        self.npy("l.npy", (60,), [3] * 60, "<i4")
        self.refuse("finetune", *files[:2], "l.npy", *files[3:], code=1,
                    says=["all rows are of class 3"])
        self.npy("l.npy", (40,), [0, 1, 2] * 13 + [0], "<i4")
        self.refuse("finetune", *files, *self.test[:3], "l.npy", code=1,
                    says=["l.npy", "class 2", "training rows is 1"])
        self.npy("l.npy", (60,), [1] * 57 + [0] * 3, "<i4")
        self.refuse("finetune", *files[:2], "l.npy", *files[3:], "--labels-per-class", 4, code=1,
                    says=["class 0 has 3", "--labels-per-class to 3"])

    def test_classes_with_large_numbers(self):
        files = self.files()
        self.npy("l.npy", (60,), [3000 * (row % 2) for row in range(60)], "<i4")
        self.npy("l2.npy", (40,), [3000 * (row % 2) for row in range(40)], "<i4")
        answer = json.loads(self.succeed("finetune", *files[:2], "l.npy", *files[3:],
                                         *self.test[:3], "l2.npy", "--json", "-q", "--batch", 10,
                                         "--lr", "0.01").stdout)
        self.assertGreaterEqual(answer["results"][0]["accuracy"], 0.9)
        information = self.information("t.safetensors")
        self.assertEqual(information["architecture"]["classes"], 2)
        self.assertEqual(information["metadata"]["finetune_class_numbers"], "0,3000")
        self.npy("dense.npy", (60,), [row % 2 for row in range(60)], "<i4")
        self.succeed("finetune", *files[:2], "dense.npy", "-o", "dense.safetensors", "-q",
                     "--batch", 10, "--lr", "0.01")
        dense = self.information("dense.safetensors") # the same but for the names of the classes
        self.assertEqual(dense["digest"], information["digest"])
        self.assertNotIn("finetune_class_numbers", dense["metadata"])
        self.succeed("finetune", "t.safetensors", files[1], "dense.npy", "-o", "again.safetensors",
                     "-q", "--batch", 10)
        self.assertNotIn("finetune_class_numbers",
                         self.information("again.safetensors")["metadata"])

    def test_classes_that_no_training_row_has(self):
        files = self.files()
        self.npy("l.npy", (60,), [2 * (row % 2) for row in range(60)], "<i4")
        self.npy("l2.npy", (40,), [row % 3 for row in range(40)], "<i4")
        result = self.succeed("finetune", *files[:2], "l.npy", *files[3:], *self.test[:3], "l2.npy",
                              "-q", "--batch", 10)
        self.assertIn("warning: l2.npy: 13 of 40 test rows are of classes that no training row "
                      "has, such as 1:", result.stderr)

    def test_a_rate_that_is_too_high(self):
        self.refuse("finetune", *self.files(), "--lr", "1e30", "--optimizer", "sgd", "-q", code=1,
                    says=["no longer finite", "--lr"])

    def run_of(self, *options, epochs=500):
        """A run of 6 steps an epoch; with checkpoints it would be long."""
        return ["finetune", *self.files(), "--batch", 10, "--epochs", epochs, "--ema", "0.99",
                "--clip-norm", 1, "--seed", 4, *options]

    def end_after_a_checkpoint(self, number, run):
        process = self.start_program(*run, "--checkpoint-every", 5)
        checkpoint = self.path("t.checkpoint.safetensors")
        while not checkpoint.exists():
            self.assertIsNone(process.poll())
            time.sleep(0.01)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130 if number == signal.SIGINT else -number, said)
        return said

    def test_an_interrupted_run_goes_on(self):
        run = self.run_of("--metrics", "m.jsonl", "--validate")

        def metrics():
            lines = [json.loads(line) for line in self.path("m.jsonl").read_text().splitlines()]
            for line in lines:
                del line["rows_per_s"], line["seconds"]
            return lines
        self.succeed(*run, "-q")
        expected, steps = self.path("t.safetensors").read_bytes(), metrics()
        for number in signal.SIGINT, signal.SIGKILL:
            self.path("t.safetensors").unlink()
            said = self.end_after_a_checkpoint(number, run)
            if number == signal.SIGINT:
                self.assertIn("the model so far is in t.safetensors; --resume goes on", said)
                self.refuse(*run, "-q", "--checkpoint-every", 5, code=1,
                            says=["t.checkpoint.safetensors", "--resume"])
            result = self.succeed(*run, "--resume")
            self.assertRegex(result.stderr, r"(?m)^resuming after step [1-9]\d*, from "
                                            r"t\.checkpoint\.safetensors$")
            self.assertEqual(self.path("t.safetensors").read_bytes(), expected)
            self.assertEqual(metrics(), steps)
            for name in "t.checkpoint.safetensors", "t.checkpoint.previous.safetensors":
                self.assertFalse(self.path(name).exists())

    def test_a_finished_run_is_not_run_again(self):
        run = self.run_of(epochs=2)
        digest = self.succeed(*run, "--resume", "--metrics", "m.jsonl").stdout.splitlines()[-1]
        before = self.contents()
        again = self.succeed(*run, "--resume", "--metrics", "m.jsonl", *self.test)
        self.assertEqual(self.contents(), before)
        self.assertIn("t.safetensors: is what this run has come to: it is not run again",
                      again.stdout)
        self.assertRegex(again.stdout, r"(?m)^the model +1 +\d+\.\d\d%")
        self.assertEqual(again.stdout.splitlines()[-1], digest)
        self.refuse(*self.run_of(epochs=3), "--resume", code=1,
                    says=["ended after its 2 epochs, and 3 are wanted"])
        for option in (["--lr", "0.5"], ["--from-scratch"], ["--labels-per-class", 8]):
            said = self.succeed(*run, "--resume", *option)
            self.assertIn("fine-tuned on", said.stdout)
            self.succeed(*run, "-q")

    def test_another_run_is_not_resumed(self):
        run = self.run_of()
        self.end_after_a_checkpoint(signal.SIGKILL, run)
        for options, says in ((["--ema", "0.9"], "--ema was 0.99, and here it is 0.9:"),
                              (["--seed", 5], "--seed was 4, and here it is 5:"),
                              (["--labels-per-class", 8], "--labels-per-class was "),
                              (["--early-stop", 8], "--early-stop was never, and here it is 8:"),
                              (["--from-scratch"], "--from-scratch was no, and here it is yes:")):
            self.refuse(*run, "--resume", "-q", *options, code=2, says=[says])
        self.labels("other.idx", 60, first=1)
        self.refuse(*run[:3], "other.idx", *run[4:], "--resume", "-q", code=2,
                    says=["the labels' digest was "])
        self.succeed("pretrain", "train.idx", "-o", "m2.safetensors", "-q", "--epochs", 1,
                     "--hidden", "16", "--embedding", "8")
        self.refuse(run[0], "m2.safetensors", *run[2:], "--resume", "-q", code=2,
                    says=["the digest of the model to begin from was "])

    def test_validation_is_watched(self):
        run = [*self.run_of(epochs=3), "--batch", 20]
        self.succeed(*run, "-q")
        expected = self.path("t.safetensors").read_bytes()
        result = self.succeed(*run, "--validate", "--metrics", "m.jsonl")
        self.assertEqual(self.path("t.safetensors").read_bytes(), expected)
        last = json.loads(self.path("m.jsonl").read_text().splitlines()[-1])
        self.assertIn(", validation %.3f; wrote t.safetensors" % last["validation"], result.stdout)
        self.assertIn("  validation %.3f  " % last["validation"], result.stderr)

    def test_a_run_that_ends_early(self):
        result = self.succeed(*self.run_of(epochs=300), "--early-stop", 2, "--lr", "1e-30",
                              "--weight-decay", 0, "--schedule", "constant")
        metadata = read_tensors(self.path("t.safetensors"))[1]
        self.assertLess(int(metadata["finetune_epochs"]), 300)
        self.assertEqual(metadata["finetune_planned_epochs"], "300")
        self.assertEqual(metadata["finetune_early_stop"], "2")
        self.assertIn("for %s epochs in " % metadata["finetune_epochs"], result.stdout)
        self.assertIn("ended early: the loss had not fallen for 2 epochs of 300", result.stdout)

    def test_interrupted(self):
        files = self.files()
        process = self.start_program("finetune", *files, "--epochs", 1000000)
        while "epoch 3/" not in process.stderr.readline():
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors)
        self.assertRegex(errors.splitlines()[-1],
                         r"\Amaskcl: interrupted by SIGINT: stopped in epoch \d+ after step \d+; "
                         r"the model so far is in t\.safetensors\Z")
        metadata = read_tensors(self.path("t.safetensors"))[1]
        self.assertEqual(metadata["finetune_planned_steps"], "1000000")
        self.assertGreaterEqual(int(metadata["finetune_steps"]), 3)

    def test_interrupted_in_a_later_training(self):
        files = self.files()
        process = self.start_program("finetune", *files, *self.test, "--labels-per-class", 4,
                                     "--epochs", 2000)
        while not process.stderr.readline().startswith("from the model, seed 0"):
            self.assertIsNone(process.poll())
        first = self.path("t.safetensors").read_bytes()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors)
        self.assertRegex(errors.splitlines()[-1],
                         r"\Amaskcl: interrupted by SIGINT( in a later training: the model of the "
                         r"first|; the model) is in t\.safetensors\Z")
        self.assertEqual(self.path("t.safetensors").read_bytes(), first)


class ParityTest(ProgramTest):
    """Whole runs against PyTorch's, see tools/fixtures/torch_finetune.py."""

    def train(self, run, *more):
        images = FIXTURES / "images.npy"
        self.npy("labels.npy", (43,), PARITY["labels"], "<i8")
        common = ["--hidden", ",".join(map(str, run["hidden"])) or "none", "--embedding",
                  run["embedding"], "--activation", run["activation"]]
        self.succeed("pretrain", images, "-o", "m.safetensors", "-q", *common, "--seed",
                     run["model_seed"], "--epochs", 1, "--lr", "1e-30", *more)
        command = ["finetune", "m.safetensors", images, "labels.npy", "-o", "t.safetensors", "-q",
                   "--metrics", "metrics.jsonl"]
        for key in ["optimizer", "lr", "weight_decay", "schedule", "warmup", "batch", "epochs", "seed"]:
            command += ["--" + key.replace("_", "-"), run[key]]
        if run["optimizer"] == "sgd":
            command += ["--momentum", run["momentum"]]
        if run["labels_per_class"]:
            command += ["--labels-per-class", run["labels_per_class"]]
        if run["model_seed"] == run["seed"]:
            command += ["--from-scratch"]
        self.succeed(*command, *more)
        lines = [json.loads(line) for line in self.path("metrics.jsonl").read_text().splitlines()]
        return lines, read_tensors(self.path("t.safetensors"))[0]

    def compare(self, name, *more):
        run = PARITY["runs"][name]
        lines, tensors = self.train(run, *more)
        self.assertEqual(len(lines), len(run["losses"]))
        for line, loss, accuracy in zip(lines, run["losses"], run["accuracies"]):
            self.assertLessEqual(abs(line["loss"] - loss), TOLERANCE * loss, line)
            self.assertAlmostEqual(line["accuracy"], accuracy, places=6)
        for key, theirs in fixture_tensors(name).items():
            ours = tensors[key][1]
            self.assertEqual(len(ours), len(theirs), key)
            limit = TOLERANCE * max(map(abs, theirs))
            worst = max(abs(a - b) for a, b in zip(ours, theirs))
            self.assertLessEqual(worst, limit, f"{name}: {key}")

    def test_what_is_told(self):
        """The rows that the head tells right, as PyTorch counts them."""
        run = PARITY["runs"]["model"]
        self.train(run)
        answer = json.loads(self.succeed(
            "finetune", "m.safetensors", FIXTURES / "images.npy", "labels.npy", "-o",
            "t.safetensors", "--json", "-q", "--test", FIXTURES / "images.npy", "--test-labels",
            "labels.npy", "--lr", run["lr"], "--batch", run["batch"], "--epochs", run["epochs"],
            "--seed", run["seed"]).stdout)
        self.assertAlmostEqual(answer["results"][0]["accuracy"], run["right"], places=9)

    def test_both_native_kernels_give_the_same_bits(self):
        run = PARITY["runs"]["few"]
        by_cpu, by_gpu = (self.train(run, "--gemm", gemm)[1] for gemm in ("native-cpu", "native-gpu"))
        self.assertEqual(by_cpu, by_gpu)


for _name in PARITY["runs"]:
    setattr(ParityTest, "test_" + _name,
            lambda self, name=_name: self.compare(name, "--gemm", "native"))

if __name__ == "__main__":
    unittest.main()
