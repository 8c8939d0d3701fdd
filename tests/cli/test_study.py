# SPDX-License-Identifier: Apache-2.0
"""tools/study: its short form through every group, what it does not do again, and its report."""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

from program import PROGRAM, environment

SOURCE = pathlib.Path(os.environ["MASKCL_SOURCE"])
DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
sys.path.insert(0, str(SOURCE / "tools" / "learning"))

import plan  # noqa: E402 (found in the folder above)
from maskcl import Program, parse_recipes  # noqa: E402


def python_with_scikit_learn():
    for python in (os.environ.get("MASKCL_STUDY_PYTHON"), os.environ.get("MASKCL_PYTHON"),
                   sys.executable):
        if python and subprocess.run([python, "-c", "import sklearn"], capture_output=True,
                                     cwd="/").returncode == 0:
            return python
    return None


SCIKIT_LEARN = python_with_scikit_learn()
GROUPS = [group for group in plan.GROUPS if group != "tabular" or SCIKIT_LEARN]


@unittest.skipUnless(DATA.is_dir(), "needs dataset-fashion-mnist")
class StudyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="maskcl-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.results = cls.folder / "results.jsonl"
        cls.report = cls.folder / "docs" / "learning.md"
        cls.first = cls.study("--only", ",".join(GROUPS), "--report", cls.report)
        cls.program = Program(pathlib.Path(PROGRAM))

    @classmethod
    def study(cls, *arguments, results=None):
        python = {"MASKCL_STUDY_PYTHON": SCIKIT_LEARN} if SCIKIT_LEARN else {}
        return subprocess.run(
            [sys.executable, SOURCE / "tools" / "study", "--maskcl", PROGRAM, "--short",
             "--results", results or cls.results, *arguments],
            capture_output=True, text=True, timeout=500, env=environment(**python))

    def lines(self):
        return [json.loads(line) for line in self.results.read_text().splitlines()]

    def table(self, group):
        """{name: cells} of a table of the report."""
        text = self.report.read_text()
        block = text.split(f"<!-- study:begin {group} -->")[1].split(
            f"<!-- study:end {group} -->")[0]
        rows = [[cell.strip() for cell in line.strip("|").split("|")]
                for line in block.splitlines() if line.startswith("|")]
        return {row[0]: row[1:] for row in rows}

    def wanted(self):
        """The names of the runs of each group."""
        names = collections.defaultdict(list)
        for run in plan.plan(self.program, True, 1.0):
            if run.group in GROUPS:
                names[run.group].append(run.name)
        return names

    def test_every_group_runs(self):
        self.assertEqual(self.first.returncode, 0, self.first.stderr)
        self.assertEqual(self.first.stdout, "")
        wanted = self.wanted()
        empty = set() if self.program.probes_layers else {"layer"}
        self.assertEqual(set(wanted), set(GROUPS) - empty)
        for group in "recipes", "mask", "epochs":
            self.assertEqual(len(wanted[group]), 2, group)

    def test_a_line_has_what_was_measured(self):
        for line in self.lines():
            self.assertEqual(line["seed"], 0)
            self.assertEqual(line["version"], self.program.version)
            self.assertIn(self.program.device["name"], line["machine"])
            if line["what"]["measure"] == "probe":
                self.assertRegex(line["digest"], r"\A[0-9a-f]{32}( [0-9a-f]{32})*\Z")
                self.assertGreater(line["seconds"], 0)
                for features in line["features"].values():
                    for measure in "linear", "few", "knn":
                        self.assertTrue(0.05 < features[measure] <= 1, line)
            elif line["what"]["measure"] == "finetune":
                self.assertEqual(set(line["finetune"]), {"model", "scratch"})

    def test_the_report_has_a_row_for_each_run(self):
        for group, names in self.wanted().items():
            table = self.table(group)
            for name in names:
                self.assertRegex(table[name][0], r"\A\d\d\.\d\d\Z", (group, name))
            if group not in ("finetune", "tabular"):
                self.assertRegex(table["raw pixels"][0], r"\A\d\d\.\d\d\Z")
                untrained = [row for name, row in table.items() if name.startswith("untrained")]
                self.assertTrue(untrained)
                for row in untrained:
                    self.assertRegex(row[0], r"\A\d\d\.\d\d\Z")

    def test_the_report_is_what_the_lines_say(self):
        line = next(line for line in self.lines() if line["name"] == "no mask")
        row = self.table("mask")["no mask"]
        self.assertEqual(row[0], f"{100 * line['features']['encoder']['linear']:.2f}")
        self.assertEqual(row[3], f"{100 * line['features']['encoder']['knn']:.2f}")
        layers = line["layers"]
        untrained = next(other for other in self.lines() if other.get("layers") == layers and
                         "untrained" in other["features"])["features"]["untrained"]["linear"]
        self.assertEqual(
            row[1], f"{100 * (line['features']['encoder']['linear'] - untrained):+.2f}")

    def test_the_picture(self):
        picture = xml.etree.ElementTree.parse(self.report.with_suffix(".svg")).getroot()
        texts = [element.text for element in picture.iter() if element.tag.endswith("}text")]
        for name in self.wanted()["mask"] + ["raw pixels", "untrained"]:
            self.assertIn(name, texts)
        self.assertIn("(learning.svg)", self.report.read_text())

    def test_what_is_there_is_not_run_again(self):
        before = self.results.read_bytes()
        again = self.study("--only", ",".join(GROUPS))
        self.assertEqual((again.returncode, again.stderr), (0, ""))
        self.assertEqual(self.results.read_bytes(), before)

    def test_an_interrupted_study_goes_on(self):
        lines = self.results.read_bytes().splitlines(keepends=True)
        part = self.folder / "part.jsonl"
        epochs = [line for line in lines if json.loads(line)["group"] == "epochs"]
        kept = [line for line in lines if line not in epochs]
        part.write_bytes(b"".join(kept) + epochs[0][:50])  # killed within a line
        result = self.study("--only", "epochs", results=part)
        self.assertEqual(result.returncode, 0, result.stderr)
        again = [json.loads(line) for line in part.read_text().splitlines()]
        self.assertEqual([line["digest"] for line in again[len(kept):]],
                         [json.loads(line)["digest"] for line in epochs])

    def test_what_people_wrote_stays(self):
        mine = self.folder / "mine.md"
        text = self.report.read_text()
        text = text.replace("## What to use when\n", "## What to use when\n\nIt depends.\n")
        text = re.sub(r"(<!-- study:begin mask -->\n).*?(<!-- study:end mask -->)",
                      r"\1an old table\n\2", text, flags=re.S)
        mine.write_text(text)
        self.assertEqual(self.study("--seeds", "0", "--report", mine).returncode, 0)
        self.assertEqual(
            mine.read_text().replace("\n\nIt depends.", "").replace("mine.svg", "learning.svg"),
            self.report.read_text())
        mine.write_text("no markers")
        result = self.study("--seeds", "0", "--report", mine)
        self.assertEqual(result.returncode, 1)
        self.assertIn("<!-- study:begin", result.stderr)
        self.assertEqual(mine.read_text(), "no markers")

    def test_a_run_that_fails_is_told_and_not_kept(self):
        for command, instead, told in (
                ("pretrain", 'echo "maskcl: error: no luck" >&2; exit 1',
                 "maskcl pretrain: maskcl: error: no luck"),
                ("probe", f'"{PROGRAM}" "$@" | sed "/converged/s/true/false/"',
                 "maskcl probe: raw: not converged")):
            program = self.folder / "broken"
            program.write_text(f'#!/bin/sh\ncase "$1" in\n{command}) {instead} ;;\n'
                               f'*) exec "{PROGRAM}" "$@" ;;\nesac\n')
            program.chmod(0o755)
            results = self.folder / "broken.jsonl"
            result = self.study("--only", "epochs", "--maskcl", program, results=results)
            self.assertEqual(result.returncode, 1)
            self.assertEqual(result.stderr.count("failed: " + told), 2, result.stderr)
            self.assertFalse(results.exists())

    def test_wrong_usage(self):
        for arguments in (["--only", "mask,masks"], ["--seeds", "-1"], ["--epochs-scale", "0"]):
            result = self.study(*arguments)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn(arguments[0].lstrip("-") if arguments[0] != "--only" else "masks",
                          result.stderr)
        result = self.study("--maskcl", self.folder / "nowhere")
        self.assertEqual(result.returncode, 1)
        self.assertIn("there is no program", result.stderr)
        result = self.study("--seeds", "0", "--report", self.report,
                            results=self.folder / "none.jsonl")
        self.assertEqual(result.returncode, 1)
        self.assertIn("no results", result.stderr)


class PlanTest(unittest.TestCase):
    def test_recipes_are_read(self):
        self.assertEqual(
            parse_recipes("A recipe is a set.\n\nsmall\n  what it is for\n  --hidden   12,3\n"
                          "  --batch    256, or all\n\nlarge\n  more\n  --hidden  99\n"),
            {"small": {"hidden": "12,3", "batch": "256, or all"}, "large": {"hidden": "99"}})

    def test_rows_have_names_of_their_own(self):
        runs = plan.plan(Program(pathlib.Path(PROGRAM)), False, 1.0)
        names = [(run.group, run.data, run.name) for run in runs]
        self.assertEqual(len(set(names)), len(names))

    def test_a_model_is_tuned_while_it_is_there(self):
        runs = plan.plan(Program(pathlib.Path(PROGRAM)), False, 1.0)
        tuned = [index for index, run in enumerate(runs) if run.measure == "finetune"]
        self.assertTrue(tuned)
        for index in tuned:
            self.assertEqual(runs[index - 1].options, runs[index].options)

    def test_epochs_are_scaled(self):
        program = Program(pathlib.Path(PROGRAM))
        runs = {(run.group, run.name): run.options for run in plan.plan(program, False, 0.5)}
        self.assertEqual(runs["epochs", "16"]["epochs"], "8")
        self.assertEqual(runs["epochs", "16"]["warmup"], "0.8")
        recipe = round(0.5 * int(program.recipes["default"]["epochs"]))
        self.assertEqual(runs["recipes", "default"]["epochs"], str(recipe))


if __name__ == "__main__":
    unittest.main()
