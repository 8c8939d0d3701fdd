# SPDX-License-Identifier: Apache-2.0
"""maskcl probe."""

import json
import unittest
import zipfile

from program import ProgramTest


class ProbeTest(ProgramTest):
    def files(self, train=60, test=40):
        """A model, and images whose class can be seen."""
        self.images("train.idx", train, seed=1)
        self.labels("train-labels.idx", train)
        self.images("test.idx", test, seed=2)
        self.labels("test-labels.idx", test)
        self.succeed("pretrain", "train.idx", "-o", "m.safetensors", "-q", "--epochs", 2,
                     "--hidden", "16", "--embedding", "8", "--seed", "5")
        return ["m.safetensors", "train.idx", "train-labels.idx", "test.idx", "test-labels.idx"]

    def test_classes_that_can_be_seen_are_seen(self):
        result = self.succeed("probe", *self.files(), "--json")
        self.assertRegex(result.stderr, r"\Adevice: .*\n\Z")
        answer = json.loads(result.stdout)
        self.assertEqual((answer["train_rows"], answer["test_rows"]), (60, 40))
        self.assertEqual([entry["features"] for entry in answer["results"]],
                         ["raw", "untrained", "encoder"])
        self.assertEqual([entry["width"] for entry in answer["results"]], [64, 8, 8])
        for entry in answer["results"]:
            self.assertGreaterEqual(entry["linear_accuracy"], 0.9)
            self.assertGreaterEqual(entry["knn_accuracy"], 0.9)
            self.assertLessEqual(max(entry["linear_accuracy"], entry["knn_accuracy"]), 1)
            self.assertIs(entry["converged"], True)
            self.assertGreater(entry["iterations"], 0)
            self.assertLessEqual(0, entry["linear_seconds"])
            self.assertLessEqual(entry["linear_seconds"], entry["seconds"])
            self.assertGreater(entry["objective"], 0)

    def test_the_table_says_the_same(self):
        files = self.files()
        answer = json.loads(self.succeed("probe", *files, "--json", "-q").stdout)
        result = self.succeed("probe", *files, "-q")
        self.assertEqual(result.stderr, "")
        lines = result.stdout.splitlines()
        self.assertEqual(lines[0].split(),
                         ["features", "width", "linear", "probe", "balanced", "macro-F1", "20-NN",
                          "strength", "iterations", "seconds"])
        self.assertEqual(lines[4:], [each["text"] for each in answer["verdict"]])
        for line, title, entry in zip(lines[1:4], ["raw inputs", "untrained encoder",
                                                  "this encoder"], answer["results"]):
            self.assertRegex(line, r"\A%s +%d +%.2f%% +%.2f%% +%.2f%% +%.2f%% +%g +%d +\d+\.\d\Z" % (
                title, entry["width"], 100 * entry["linear_accuracy"],
                100 * entry["balanced_accuracy"], 100 * entry["macro_f1"],
                100 * entry["knn_accuracy"], entry["strength"], entry["iterations"]))

    def test_rows_far_from_0_whose_cosines_merge_are_told(self):
        """Of rows around 1e5 float32 has 1 for all cosines; not of such around 100."""
        model = self.model(columns=4)
        self.npy("labels.npy", (40,), [i % 2 for i in range(40)], "<i4")
        for offset, told in (1e5, True), (100.0, False):
            values = [offset + 7919 * i % 101 / 25 for i in range(160)]
            self.npy("rows.npy", (40, 4), values)
            said = self.succeed("probe", model, "rows.npy", "labels.npy", "rows.npy", "labels.npy",
                                "-q").stderr
            self.assertEqual("rows of 4 features point so nearly the same way" in said, told, said)
            self.assertEqual("subtract each column's mean" in said, told)

    def test_the_untrained_encoder_is_the_one_that_training_began_with(self):
        files = self.files()
        first = json.loads(self.succeed("probe", *files, "--json", "-q").stdout)
        self.succeed("pretrain", "train.idx", "-o", "m.safetensors", "-q", "--epochs", 1,
                     "--hidden", "16", "--embedding", "8", "--seed", "5", "--lr", "1e-30")
        second = json.loads(self.succeed("probe", *files, "--json", "-q").stdout)
        for entry in second["results"] + first["results"]:
            del entry["seconds"], entry["linear_seconds"], entry["features_seconds"], entry["features"]
        self.assertEqual(second["results"][1], first["results"][1])
        self.assertEqual(second["results"][2], first["results"][1])
        self.assertEqual(second["results"][0], first["results"][0])

    def test_labels_that_do_not_match(self):
        files = self.files()
        self.labels("short.idx", 59)
        self.labels("long.idx", 41)
        self.refuse("probe", *files[:2], "short.idx", *files[3:], code=1,
                    says=["short.idx has 59 labels", "train.idx has 60 rows"])
        self.refuse("probe", *files[:4], "long.idx", code=1,
                    says=["long.idx has 41 labels", "test.idx has 40 rows"])

    def test_rows_and_labels_swapped(self):
        files = self.files()
        self.refuse("probe", files[0], files[2], files[1], *files[3:], code=1)

    def test_another_width_is_refused(self):
        files = self.files()
        self.images("wide.idx", 40, 8, 9)
        self.refuse("probe", *files[:3], "wide.idx", files[4], code=1,
                    says=["wide.idx", "72 values", "m.safetensors", "64"])
        self.images("wide.idx", 60, 8, 9)
        self.refuse("probe", files[0], "wide.idx", *files[2:], code=1, says=["wide.idx"])

    def test_a_single_class_is_refused(self):
        files = self.files()
        self.npy("same.npy", (60,), [3] * 60, "|u1")
        self.refuse("probe", *files[:2], "same.npy", *files[3:], code=1,
                    says=["same.npy: all rows are of class 3: there is nothing to tell apart"])

    def test_labels_of_any_whole_type(self):
        files = self.files()
        expected = json.loads(self.succeed("probe", *files, "--json", "-q").stdout)
        for descr in "<i4", "<i8", "|u1":
            self.npy("l.npy", (60,), [row % 2 for row in range(60)], descr)
            answer = json.loads(
                self.succeed("probe", *files[:2], "l.npy", *files[3:], "--json", "-q").stdout)
            for got, wanted in zip(answer["results"], expected["results"]):
                self.assertEqual(got["linear_accuracy"], wanted["linear_accuracy"])

    def test_labels_that_cannot_be(self):
        files = self.files()
        self.npy("l.npy", (60,), [-1] + [1] * 59, "<i4")
        self.refuse("probe", *files[:2], "l.npy", *files[3:], code=1, says=["l.npy", "class 1"])
        self.refuse("probe", *files[:2], code=1, says=["train.idx", "no labels", "--label"])
        self.npy("l.npy", (60,), [-1] + [row % 2 for row in range(59)], "<i4")
        answer = json.loads(
            self.succeed("probe", *files[:2], "l.npy", *files[3:], "--json", "-q").stdout)
        self.assertEqual(answer["train_rows"], 59)
        self.npy("l.npy", (60,), [0.5] * 60, "<f4")
        self.refuse("probe", *files[:2], "l.npy", *files[3:], code=1, says=["l.npy"])

    def test_few_labels(self):
        files = self.files()
        answer = json.loads(
            self.succeed("probe", *files, "--labels-per-class", 3, "--json", "-q").stdout)
        self.assertEqual((answer["labels_per_class"], answer["labelled_rows"], answer["draws"]),
                         (3, 6, 5))
        self.assertEqual([entry["features"] for entry in answer["results"]],
                         ["raw", "untrained", "encoder"])
        for entry in answer["results"]:
            self.assertIs(entry["converged"], True)
            self.assertGreater(entry["linear_accuracy"], 0.8)
            self.assertLessEqual(entry["linear_accuracy"], 1)
            for name in "linear", "knn":
                self.assertGreaterEqual(entry[name + "_deviation"], 0)
                self.assertLess(entry[name + "_deviation"], 0.3)
        lines = self.succeed("probe", *files, "--labels-per-class", 3, "-q").stdout.splitlines()
        self.assertEqual(lines[0].split(),
                         ["features", "width", "linear", "probe", "20-NN", "seconds"])
        for line, title, entry in zip(lines[1:4], ["raw inputs", "untrained encoder",
                                                   "this encoder"], answer["results"]):
            self.assertRegex(line, r"\A%s +%d +%.2f ± %.2f%% +%.2f ± %.2f%% +\d+\.\d\Z" % (
                title, entry["width"], *(100 * entry[name] for name in (
                    "linear_accuracy", "linear_deviation", "knn_accuracy", "knn_deviation"))))
        self.assertEqual(lines[4:], ["mean and standard deviation of 5 draws of 6 labelled rows, "
                                     "3 a class", *(each["text"] for each in answer["verdict"])])
        self.assertEqual(len({len(line) for line in lines[:4]}), 1)

    def test_few_labels_are_all_that_counts(self):
        """With as many labels a class as there are, every draw is the same."""
        files = self.files(train=20)
        answer = json.loads(self.succeed("probe", *files, "--labels-per-class", 10, "--json",
                                         "--encoder-only", "-q").stdout)
        self.assertEqual([entry["features"] for entry in answer["results"]], ["encoder"])
        self.assertEqual(answer["results"][0]["linear_deviation"], 0)
        self.assertEqual(answer["results"][0]["knn_deviation"], 0)

    def test_a_held_out_fifth_and_folds(self):
        model, rows, labels, *_ = self.files()
        answer = json.loads(self.succeed("probe", model, rows, labels, "--json", "-q").stdout)
        self.assertEqual((answer["train_rows"], answer["test_rows"]), (48, 12))
        self.assertEqual(answer["classes"], ["0", "1"])
        answer = json.loads(
            self.succeed("probe", model, rows, labels, "--cv", 4, "--json", "-q").stdout)
        self.assertEqual((answer["folds"], answer["rows"]), (4, 60))
        for entry in answer["results"]:
            right, wrong = entry["confusion"][0]
            self.assertEqual(right + wrong, 30)
            right += entry["confusion"][1][1]
            self.assertAlmostEqual(entry["linear_accuracy"], right / 60)
            self.assertGreaterEqual(entry["linear_deviation"], 0)
            self.assertGreater(entry["balanced_accuracy"], 0.8)
        lines = self.succeed("probe", model, rows, labels, "--cv", 4, "-q",
                             "--confusion").stdout.splitlines()
        self.assertEqual(lines[4], "mean and standard deviation of 4 folds of 60 labelled rows")
        self.assertRegex(lines[5], "^this encoder is .* than the raw inputs")
        self.assertEqual(lines[-2].split()[0], "0")
        again = self.succeed("probe", model, rows, labels, "--cv", 4, "-q", "--seed", 1)
        self.assertNotEqual(again.stdout, "")

    def test_strength_and_weights(self):
        files = self.files()
        answer = json.loads(self.succeed("probe", *files, "--strength", "0.5", "--class-weights",
                                         "balanced", "--json", "-q").stdout)
        self.assertEqual({entry["strength"] for entry in answer["results"]}, {0.5})
        self.refuse("probe", *files, "--strength", "0", code=2, says=["--strength"])
        self.refuse("probe", *files, "--class-weights", "even", code=2, says=["even"])
        self.refuse("probe", *files, "--cv", "3", code=2, says=["--cv", "test.idx"])
        self.refuse("probe", *files, "--labels-per-class", "3", "--confusion", code=2,
                    says=["--labels-per-class"])

    def test_tables_bring_their_labels(self):
        rows = "".join(f"{i % 2 + (i * 7919 % 100) / 300},{i * 31 % 17},{'ab'[i % 2]}\n"
                       for i in range(60))
        self.write("all.csv", ("x,y,kind\n" + rows + "0.5,3,\n").encode())
        self.succeed("pretrain", "all.csv", "--label", "kind", "-o", "t.safetensors", "-q",
                     "--recipe", "default", "--epochs", 1, "--hidden", "8", "--embedding", "4")
        answer = json.loads(self.succeed("probe", "t.safetensors", "all.csv", "--label", "kind",
                                         "--cv", 3, "--json", "-q").stdout)
        self.assertEqual(answer["classes"], ["a", "b"])
        self.assertEqual(answer["rows"], 60)
        answer = json.loads(self.succeed("probe", "t.safetensors", "all.csv", "all.csv", "--label",
                                         "kind", "--json", "-q").stdout)
        self.assertEqual((answer["train_rows"], answer["test_rows"]), (60, 60))

    def numbers_table(self):
        """A model, and a table whose columns y and z are numbers that follow from x."""
        def value(i):
            return (i * 7919 % 1000) / 500 - 1

        lines = [f"{value(i)},{i * 31 % 17},{3 * value(i) + value(i * i) / 20 + 10:.4f},"
                 f"{round(30 * value(i)) + 50}" for i in range(90)]
        self.write("rows.csv", "\n".join(["x,w,y,z", *lines, "0.5,3,,"]).encode())
        self.succeed("pretrain", "rows.csv", "--label", "y", "--ignore", "z", "-o",
                     "t.safetensors", "-q", "--recipe", "default", "--epochs", 1, "--hidden", "8",
                     "--embedding", "4")
        return ["t.safetensors", "rows.csv", "--label"]

    def test_numbers_that_are_no_classes(self):
        table = self.numbers_table()
        result = self.succeed("probe", *table, "y", "--json")
        self.assertIn("labels are numbers, not all of them whole: ridge regression", result.stderr)
        answer = json.loads(result.stdout)
        self.assertEqual((answer["task"], answer["train_rows"], answer["test_rows"]),
                         ("regression", 72, 18))
        raw = answer["results"][0]
        self.assertGreater(raw["r2"], 0.98)
        self.assertLess(raw["rmse"], 0.2)
        self.assertNotIn("classes", answer)
        lines = self.succeed("probe", *table, "y", "-q").stdout.splitlines()
        self.assertEqual(lines[0].split(), ["features", "width", "R²", "RMSE", "strength", "seconds"])
        self.assertRegex(lines[1], r"\Araw inputs +2 +%.4f +%.6g +%g +\d+\.\d\Z" % (
            raw["r2"], raw["rmse"], raw["strength"]))
        self.assertEqual(len({len(line) for line in lines[:4]}), 1)
        self.assertRegex(lines[5], r"\Athis encoder is .* than the raw inputs.* points of R²")
        lines = self.succeed("probe", *table, "y", "--cv", 3, "-q").stdout.splitlines()
        self.assertEqual(len({len(line) for line in lines[:4]}), 1)
        self.assertEqual(lines[4], "mean and standard deviation of 3 folds of 90 labelled rows")
        again = json.loads(self.succeed("probe", *table[:2], "rows.csv", "--label", "y", "--json",
                                        "--strength", 0.5, "-q").stdout)
        self.assertEqual((again["train_rows"], again["test_rows"]), (90, 90))
        self.assertEqual(again["results"][0]["strength"], 0.5)
        self.refuse("probe", *table, "y", "--confusion", code=2,
                    says=["--confusion", "--task classes"])
        self.refuse("compare", *table[1:], "y", code=1, says=["rows.csv", "not all of them whole"])
        self.refuse("finetune", *table, "y", "-o", "n.safetensors", code=1,
                    says=["not all of them whole", "maskcl probe"])
        self.assertIn("labels      90 numbers from 6.95 to 12.8816",
                      self.succeed("info", "rows.csv", "--label", "y").stdout)

    def test_whole_numbers_are_what_the_task_says(self):
        table = self.numbers_table()
        said = self.succeed("probe", *table, "z", "--encoder-only", "--strength", 1)
        self.assertIn("--task regression takes them for numbers", said.stderr)
        answer = json.loads(
            self.succeed("probe", *table, "z", "--task", "regression", "--json", "-q").stdout)
        self.assertGreater(answer["results"][0]["r2"], 0.98)
        answer = json.loads(self.succeed("probe", *table, "y", "--task", "classes", "--json", "-q",
                                         "--encoder-only", "--strength", 1).stdout)
        self.assertEqual(answer["task"], "classes")
        self.refuse("probe", *table, "z", "--task", "ridge", code=2, says=["ridge"])
        self.write("w.csv", b"x,w,y,z\n" + b"1,2,a,1\n2,1,b,2\n" * 6)
        self.refuse("probe", table[0], "w.csv", "--label", "y", "--task", "regression", code=1,
                    says=["the label 'a' is no number"])

    def test_numbers_from_files(self):
        model, rows, *_ = self.files(train=20)
        values = [row % 2 + row / 100 for row in range(20)]
        self.npy("numbers.npy", (20,), [-1.0, float("nan"), *values[2:]], "<f8")
        answer = json.loads(self.succeed("probe", model, rows, "numbers.npy", rows, "numbers.npy",
                                         "--json", "-q").stdout)
        self.assertEqual((answer["task"], answer["train_rows"]), ("regression", 19))
        with zipfile.ZipFile(self.path("numbers.npz"), "w") as archive:
            archive.write(self.path("numbers.npy"), "a.npy")
            archive.write(self.path("train-labels.idx"), "b.npy")
        packed = json.loads(self.succeed("probe", model, rows, "numbers.npz:a", rows,
                                         "numbers.npz:a", "--json", "-q").stdout)
        self.assertEqual([each["r2"] for each in packed["results"]],
                         [each["r2"] for each in answer["results"]])
        self.refuse("probe", model, rows, "numbers.npz:c", code=1, says=["has no 'c' in it"])
        self.refuse("probe", model, rows, "numbers.npz", code=1, says=["more than one array"])
        self.refuse("pretrain", rows, "--validate", "numbers.npy", "-o", "n.safetensors", code=1,
                    says=["numbers.npy", "not all of them whole"])

    def test_few_labels_refused(self):
        files = self.files(train=21)
        self.refuse("probe", *files, "--labels-per-class", 11, code=1,
                    says=["11 labelled rows", "class 1 has 10", "--labels-per-class to 10"])
        self.refuse("probe", *files, "--labels-per-class", 0, code=2,
                    says=["--labels-per-class"])


if __name__ == "__main__":
    unittest.main()
