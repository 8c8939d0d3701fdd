# SPDX-License-Identifier: Apache-2.0
"""Tables from the file to a measured model: columns by name, labels, streams, what is said of them."""

import array
import csv
import json
import random
import subprocess
import unittest

from program import PROGRAM, ProgramTest, environment, read_npy

SPECIES = {"Adelie": (38.8, 18.3, 190, 3700), "Chinstrap": (48.8, 18.4, 196, 3733),
           "Gentoo": (47.5, 15.0, 217, 5076)}
ISLANDS = {"Adelie": ["Biscoe", "Dream", "Torgersen"], "Chinstrap": ["Dream"], "Gentoo": ["Biscoe"]}
SPREADS = 2, .8, 6, 400
COLUMNS = ["id", "species", "island", "bill_length", "bill_depth", "flipper", "mass", "sex"]
MODEL = []
SMALL = ["--epochs", 3, "--hidden", 8, "--embedding", 4, "-q"]


def penguins(rows, seed=1):
    """Dicts as of the Palmer penguins, with gaps."""
    generator = random.Random(seed)
    for number in range(rows):
        species = generator.choice(list(SPECIES))
        values = [generator.gauss(mean, spread) for mean, spread in zip(SPECIES[species], SPREADS)]
        mass = "" if number % 31 == 5 else "%.0f" % values[3]
        yield dict(zip(COLUMNS, ["N%d, %d" % (seed, number), species,
                                 generator.choice(ISLANDS[species]),
                                 *("%.1f" % value for value in values[:3]), mass,
                                 generator.choice(["male", "female", ""])]))


class DataTest(ProgramTest):
    def table(self, name, rows, columns=COLUMNS, **options):
        with open(self.path(name), "w", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore", **options)
            writer.writeheader()
            writer.writerows(rows)
        return name

    def penguins(self, name, rows=60, seed=1, columns=COLUMNS, **options):
        return self.table(name, penguins(rows, seed), columns, **options)

    def pretrained(self):
        """A model of penguins.csv, which is trained once for all tests."""
        self.penguins("penguins.csv")
        if not MODEL:
            self.succeed("pretrain", "penguins.csv", "--label", "species", "--id", "id", "-o",
                         "penguins.safetensors", *SMALL)
            MODEL.append(self.path("penguins.safetensors").read_bytes())
        return self.write("penguins.safetensors", MODEL[0])

    def embed(self, model, *arguments):
        self.succeed("embed", model, *arguments, "-o", "out.npy", "-q")
        return read_npy(self.path("out.npy"))

    def read(self, name):
        with open(self.path(name), newline="") as file:
            return list(csv.DictReader(file))


class TableTest(DataTest):
    def test_from_a_table_to_a_measured_model(self):
        """With no option but the names of columns and files."""
        self.penguins("penguins.csv", 150)
        self.penguins("train.csv", 90, seed=2)
        self.penguins("test.csv", 60, seed=3)
        said = self.succeed("pretrain", "penguins.csv", "--label", "species", "-o", "m.safetensors",
                            "--epochs", 20).stdout
        self.assertRegex(said, r"validation 0\.[89]|validation 1\.0")
        result = json.loads(self.succeed(
            "finetune", "m.safetensors", "train.csv", "--label", "species", "-o", "tuned.safetensors",
            "--test", "test.csv", "--json", "-q").stdout)
        self.assertGreater(result["results"][0]["accuracy"], 0.9)
        self.assertEqual([entry["name"] for entry in result["classes"]], sorted(SPECIES))
        self.assertEqual(sum(entry["test_rows"] for entry in result["classes"]), 60)
        metadata = self.information("tuned.safetensors")["metadata"]
        self.assertEqual(json.loads(metadata["class_names"]), sorted(SPECIES))
        said = self.succeed("finetune", "m.safetensors", "train.csv", "--label", "species", "-o",
                            "tuned.safetensors", "--test", "test.csv", "--epochs", 2).stdout
        for name in SPECIES:
            self.assertRegex(said, r"(?m)^ +\d+ +\d+\.\d+%%  %s$" % name)

    def test_columns_in_another_order_are_the_same(self):
        model = self.pretrained()
        rows = self.embed(model, self.penguins("new.csv", 20, seed=4))
        self.assertEqual(rows[0], (20, 4))
        others = [*reversed(COLUMNS)]
        self.assertEqual(self.embed(model, self.penguins("other.csv", 20, 4, others)), rows)
        self.assertEqual(
            self.embed(model, self.penguins("tabs.tsv", 20, 4, others, delimiter="\t")), rows)

    def test_columns_that_are_missing_or_new(self):
        model = self.pretrained()
        wrong = ["id", "island", "bill_length", "bill_width", "flipper", "mass", "sex"]
        rows = [{**row, "bill_width": "7"} for row in penguins(20)]
        self.refuse("embed", model, self.table("wrong.csv", rows, wrong), "-o", "out.npy", code=1,
                    says=["wrong.csv", "bill_depth", "bill_width"])
        error = self.succeed("embed", model, self.table(
            "more.csv", rows, [*COLUMNS, "bill_width"]), "-o", "out.npy", "-q").stderr
        self.assertNotIn("error", error)

    def test_new_categories_are_said(self):
        model = self.pretrained()
        rows = [{**row, "island": "Mars"} for row in penguins(20)]
        error = self.succeed("embed", model, self.table("mars.csv", rows), "-o", "out.npy",
                             "-q").stderr
        self.assertIn("Mars", error)
        self.assertIn("island", error)

    def test_columns_of_any_scale_train(self):
        generator = random.Random(5)
        rows = [{"a": generator.gauss(1e9, 1e7), "b": generator.gauss(0, 1e-6),
                 "c": generator.gauss(50, 9)} for _ in range(80)]
        self.table("wild.csv", rows, ["a", "b", "c"])
        said = self.succeed("pretrain", "wild.csv", "-o", "m.safetensors", "--epochs", 5,
                            "--recipe", "default").stdout
        loss = float(said.split("loss ")[1].split(",")[0])
        self.assertLess(loss, 100)

    def test_tables_and_plain_numbers_are_not_the_same(self):
        model = self.pretrained()
        self.random_rows("rows.npy", 8, 12)
        self.refuse("embed", model, "rows.npy", "-o", "out.npy", code=1, says=["rows.npy"])
        plain = self.model("plain.safetensors", 12)
        self.refuse("embed", plain, "penguins.csv", "-o", "out.npy", code=1,
                    says=["penguins.csv", "is a table"])

    def test_runs_are_reproduced_and_resumed(self):
        model = self.pretrained()
        self.succeed("reproduce", model, "--data", "penguins.csv", "-q")
        self.succeed("finetune", model, "penguins.csv", "--label", "species", "-o",
                     "tuned.safetensors", "--epochs", 2, "-q")
        self.succeed("reproduce", "tuned.safetensors", "--data", "penguins.csv", "--label",
                     "species", "--model", model, "-q")


class LabelsTest(DataTest):
    def test_labels_of_a_file(self):
        """As a column has them; with a heading or without, and of rows that have none."""
        model = self.pretrained()
        species = [row["species"] for row in penguins(60)]
        digests = set()
        for name, text in {"plain.txt": "\n".join(species), "head.csv": "\r\n".join(["s", *species]),
                           "quoted.csv": "".join('"%s"\n' % one for one in species)}.items():
            self.write(name, text.encode())
            said = self.succeed("finetune", model, "penguins.csv", name, "-o", "t.safetensors",
                                "--epochs", 1).stdout
            digests.add(said.splitlines()[-1])
        said = self.succeed("finetune", model, "penguins.csv", "--label", "species", "-o",
                            "t.safetensors", "--epochs", 1).stdout
        digests.add(said.splitlines()[-1])
        self.assertEqual(len(digests), 1, digests)
        self.write("some.txt", "\n".join(["", "-1", *species[2:]]).encode())
        result = self.succeed("finetune", model, "penguins.csv", "some.txt", "-o", "t.safetensors",
                              "--epochs", 1)
        self.assertIn("2 of 60 rows have no label", result.stderr)
        self.assertIn("fine-tuned on 58 rows", result.stdout)
        self.refuse("finetune", model, "penguins.csv", "some.txt", "--label", "species", "-o",
                    "t.safetensors", code=2, says=["--label", "some.txt"])

    def test_misspelt_classes_are_told(self):
        model = self.pretrained()
        rows = list(penguins(60))
        rows[7]["species"] = "Adelei"
        self.table("typo.csv", rows)
        said = "typo.csv: column 'species': 1 row of class 'Adelei', which the model does not know"
        for label in ["--label", "species"], []:
            for arguments in (["finetune", model, "typo.csv", "-o", "t.safetensors", "--epochs", 1],
                              ["probe", model, "typo.csv", "--encoder-only"]):
                self.assertIn(said, self.succeed(*arguments, *label).stderr)
        self.assertNotIn("class '", self.succeed("probe", model, "penguins.csv", "--label", "sex",
                                                 "--encoder-only").stderr)
        text = self.succeed("info", "t.safetensors").stdout
        self.assertIn("classes: Adelei, Adelie, Chinstrap, Gentoo", text)
        self.table("many.csv", [{**row, "species": "new %d" % (i % 8)}
                                for i, row in enumerate(rows)])
        error = self.succeed("finetune", model, "many.csv", "-o", "t.safetensors", "--epochs",
                             1).stderr
        self.assertEqual(error.count("which the model does not know"), 5)
        self.assertIn("does not know 3 classes more", error)

    def test_test_rows_are_matched_by_name(self):
        """However they are numbered by themselves."""
        model = self.pretrained()
        rows = [row for row in penguins(60, 3) if row["species"] != "Adelie"]
        self.table("test.csv", rows)
        arguments = ["finetune", model, "penguins.csv", "--label", "species", "-o", "t.safetensors",
                     "--epochs", 20, "--lr", 0.01, "-q", "--json", "--test"]
        result = json.loads(self.succeed(*arguments, "test.csv").stdout)
        self.assertGreater(result["results"][0]["accuracy"], 0.5)
        self.assertEqual(result["classes"][0], {"name": "Adelie", "test_rows": 0, "right": 0})
        self.table("new.csv", [{**row, "species": "Emperor"} for row in rows])
        result = self.succeed(*arguments, "new.csv")
        self.assertIn("Emperor", result.stderr)
        self.assertEqual(json.loads(result.stdout)["results"][0]["accuracy"], 0)


class EmbedTest(DataTest):
    def test_a_table_with_columns_beside(self):
        model = self.pretrained()
        shape, values = self.embed(model, "penguins.csv")
        self.succeed("embed", model, "penguins.csv", "-o", "out.csv", "--keep", "id,species,sex,mass",
                     "-q")
        rows = self.read("out.csv")
        self.assertEqual(list(rows[0]), ["id", "species", "sex", "mass", "e0", "e1", "e2", "e3"])
        for row, expected in zip(rows, penguins(60)):
            self.assertEqual({key: row[key] for key in ("id", "species", "sex", "mass")},
                             {key: expected[key] for key in ("id", "species", "sex", "mass")})
        self.assertEqual(
            array.array("f", (float(row["e%d" % i]) for row in rows for i in range(4))), values)
        self.succeed("embed", model, "penguins.csv", "-o", "beside.npy", "--keep", "id", "--names",
                     "-q")
        self.assertEqual(read_npy(self.path("beside.npy"))[0], shape)
        self.assertEqual([(row["name"], row["id"]) for row in self.read("beside.rows.csv")],
                         [(row["id"], row["id"]) for row in penguins(60)])
        self.refuse("embed", model, "penguins.csv", "-o", "out.csv", "--keep", "age", code=1,
                    says=["--keep: penguins.csv: there is no column 'age'"])

    def test_columns_beside_what_has_none(self):
        model = self.model("plain.safetensors", 5)
        self.random_rows("rows.npy", 8, 5)
        for columns in "id", "id,foo", "label":
            self.refuse("embed", model, "rows.npy", "-o", "out.csv", "--keep", columns, code=2,
                        says=["--keep: rows.npy is no table, and has no columns"])
        self.npy("wild.npy", (8, 2), [row * (1 if column else 1000) for row in range(8)
                                      for column in range(2)])
        self.succeed("pretrain", "wild.npy", "--standardize", "columns", "-o", "w.safetensors",
                     *SMALL)
        self.refuse("embed", "w.safetensors", "wild.npy", "-o", "out.csv", "--keep", "0", code=2,
                    says=["--keep: wild.npy is no table"])

    def test_standard_input_and_output(self):
        model = self.pretrained()
        self.succeed("embed", model, "penguins.csv", "-o", "out.csv", "--keep", "id", "-q")
        expected = self.path("out.csv").read_text()
        result = subprocess.run([PROGRAM, "embed", model, "-", "-o", "-", "--keep", "id"],
                                cwd=self.folder, env=environment(), text=True, capture_output=True,
                                input=self.path("penguins.csv").read_text(), check=True)
        self.assertEqual(result.stdout, expected)
        result = subprocess.run([PROGRAM, "embed", model, "-", "-o", "-", "--keep", "sex"],
                                cwd=self.folder, env=environment(), text=True, capture_output=True,
                                input=self.path("penguins.csv").read_text())
        self.assertEqual(result.returncode, 2)
        self.assertIn("read twice", result.stderr)

    def test_a_reader_that_has_enough(self):
        model = self.pretrained()
        self.penguins("long.csv", 20000)
        process = self.start_program("embed", model, "long.csv", "-o", "-", "-q")
        self.assertTrue(process.stdout.readline().startswith("e0,e1"))
        process.stdout.close()
        self.assertEqual(process.wait(60), 0)
        self.assertEqual(process.stderr.read(), "")

    def test_several_files_are_one(self):
        model = self.pretrained()
        whole = self.embed(model, "penguins.csv")
        rows = list(penguins(60))
        self.table("a.csv", rows[:25])
        self.table("b.csv", rows[25:], [*reversed(COLUMNS)])
        self.assertEqual(self.embed(model, "a.csv", "b.csv"), whole)
        self.succeed("pretrain", "a.csv", "b.csv", "--label", "species", "--id", "id", "-o",
                     "parts.safetensors", *SMALL)
        self.assertEqual(self.information("parts.safetensors")["digest"],
                         self.information(model)["digest"])


class OptionsTest(DataTest):
    def test_options_that_do_not_fit_the_data(self):
        self.penguins("penguins.csv")
        self.random_rows("rows.npy", 20, 5)
        for option, *value in (["--label", "x"], ["--id", "0"], ["--categorical", "3"],
                               ["--numeric", "3"], ["--ignore", "3"], ["--delimiter", "tab"],
                               ["--decimal", "comma"], ["--header", "no"]):
            for others in [], ["--standardize", "columns"]:
                if others and option in ("--numeric", "--delimiter", "--decimal", "--header"):
                    continue  # what an array's standardized columns are called is what a table's are
                self.refuse("pretrain", "rows.npy", option, *value, *others, "-o", "m.safetensors",
                            code=2, says=[option + ": rows.npy is no table, and has no columns"])
        for option, value in (("--size", 32), ("--colors", "grey"), ("--background", "00"),
                              ("--channels", "first")):
            for name in ("penguins.csv",) if option == "--channels" else ("penguins.csv", "rows.npy"):
                self.refuse("pretrain", name, option, value, "-o", "m.safetensors", code=2,
                            says=["%s: %s has no images" % (option, name)])
        self.refuse("info", "rows.npy", "--label", "species", "--id", "q", code=2,
                    says=["--label: rows.npy"])

    def test_columns_without_names_are_a_tables(self):
        self.write("numbers.csv", b"".join(b"%d,%d,%d\n" % (i, i * i, i % 2) for i in range(9)))
        for option, value in (("--numeric", "0"), ("--label", "2"), ("--id", "0"),
                              ("--ignore", "0"), ("--categorical", "2"), ("--delimiter", "comma")):
            self.succeed("info", "numbers.csv", "--header", "no", option, value)


class InfoTest(DataTest):
    def test_what_a_table_is(self):
        self.penguins("penguins.csv")
        text = self.succeed("info", "penguins.csv", "--label", "species", "--id", "id").stdout
        for line in [r"rows +60$", r"columns +8, which are \d+ inputs$", r"  id +id$",
                     r"  species +label +3: Adelie, Chinstrap, Gentoo$",
                     r"  island +category +3: Biscoe, Dream, Torgersen$",
                     r"  bill_depth +number +mean 17\.\d+, deviation 1\.\d+$",
                     r"  mass +number +mean .*, has missing values$",
                     r"labels +60: Adelie \d+, Chinstrap \d+, Gentoo \d+$"]:
            self.assertRegex(text, "(?m)^" + line)
        result = json.loads(self.succeed("info", "penguins.csv", "--label", "species",
                                         "--json").stdout)
        self.assertEqual(result["rows"], 60)
        self.assertEqual([column["name"] for column in result["columns"]], COLUMNS)
        self.assertEqual(sum(entry["rows"] for entry in result["classes"]), 60)

    def test_what_a_model_takes(self):
        model = self.pretrained()
        self.assertRegex(self.succeed("info", model).stdout,
                         r"(?m)^  island +category +3: Biscoe, Dream, Torgersen$")
        schema = self.information(model)["schema"]
        kinds = {column["name"]: column["kind"] for column in schema["columns"]}
        self.assertEqual((kinds["species"], kinds["id"], kinds["mass"], kinds["sex"]),
                         ("label", "id", "number", "category"))
        self.assertEqual(schema["inputs"], self.information(model)["architecture"]["input"])

    def test_what_an_array_is(self):
        self.random_rows("rows.npy", 30, 5)
        text = self.succeed("info", "rows.npy").stdout
        self.assertRegex(text, r"(?m)^values +5 a row, float32$")
        self.assertEqual(json.loads(self.succeed("info", "rows.npy", "--json").stdout)["row_shape"],
                         [5])


if __name__ == "__main__":
    unittest.main()
