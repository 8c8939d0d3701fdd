# SPDX-License-Identifier: Apache-2.0
"""Help, version, typing errors, and standard output that cannot be written."""

import os
import re
import shlex
import subprocess
import unittest

from program import PROGRAM, ProgramTest, environment

COMMANDS = ["devices", "pretrain", "embed", "neighbors", "probe", "compare", "finetune", "predict",
            "reconstruct", "views", "info", "reproduce", "diff", "tune", "verify", "help"]


class HelpTest(ProgramTest):
    def test_overview_lists_every_command(self):
        text = self.succeed("help").stdout
        listed = re.findall(r"^  ([a-z]+) ", text, re.MULTILINE)
        self.assertEqual([name for name in listed if name != "maskcl"], COMMANDS)
        self.assertEqual(self.succeed("--help").stdout, text)
        self.assertEqual(self.succeed("-h").stdout, text)

    def test_commands_that_are_not_there_are_not_in_the_help(self):
        text = self.succeed("help").stdout
        text += "".join(self.succeed("help", command).stdout for command in COMMANDS)
        for name in "bench", "report", "export":
            self.assertNotIn("maskcl " + name, text)
            self.assertEqual(self.run_program(name).returncode, 2)

    def test_help_of_a_command_can_be_asked_for_in_three_ways(self):
        for command in COMMANDS:
            text = self.succeed("help", command).stdout
            self.assertTrue(text.startswith("Usage: maskcl " + command), text)
            self.assertIn("Examples:", text)
            self.assertEqual(self.succeed(command, "--help").stdout, text)
            self.assertEqual(self.succeed(command, "-h").stdout, text)

    def test_help_is_given_in_spite_of_other_mistakes(self):
        self.assertIn("Usage:", self.succeed("pretrain", "--epochs", "many", "--help").stdout)

    def test_help_behind_two_dashes_is_a_file_name(self):
        self.refuse("info", "--", "--help", code=1, says=["--help"])

    def test_usage_lines_name_what_is_required(self):
        """An option without a letter by its name; and no page has a byte that is no text."""
        for topic in [[], *([name] for name in COMMANDS)]:
            self.assertNotIn("\0", self.succeed("help", *topic).stdout)
        self.assertIn("MODEL DATA --query ROW|NAME|FILE",
                      self.succeed("help", "neighbors").stdout)

    def test_lines_fit_80_columns(self):
        for topic in [[], *([name] for name in COMMANDS), ["objectives"], ["recipes"], ["data"],
                      ["tables"], ["images"]]:
            for line in self.succeed("help", *topic).stdout.splitlines():
                self.assertLessEqual(len(line), 88 if line.startswith("  maskcl") else 80, line)

    def test_pretrain_shows_every_option_of_the_manual_with_its_default(self):
        text = " ".join(self.succeed("help", "pretrain").stdout.split())
        for option in ["--hidden", "--embedding", "--activation", "--views", "--mask", "--mask-ratio",
                       "--mask-patch", "--objective", "--temperature", "--target-decay", "--queue", "--negatives", "--margin",
                       "--reconstruct", "--reconstruction-loss", "--projector", "--predictor", "--optimizer", "--lr",
                       "--weight-decay", "--momentum", "--schedule", "--warmup", "--lr-final",
                       "--lr-step", "--lr-gamma", "--ema", "--clip-norm", "--early-stop", "--batch", "--epochs", "--seed", "--recipe",
                       "--synthetic", "--validate", "--metrics", "--metrics-every", "--platform", "--device",
                       "--gemm", "--quiet", "-o, --output"]:
            self.assertIn(" %s " % option, text)
        self.assertRegex(text, r"--hidden WIDTHS [^(]*\(default: 128\)")
        self.assertRegex(text, r"--embedding WIDTH [^(]*\(default: 64\)")
        self.assertRegex(text, r"--lr RATE [^(]*\(default: 0.001\)")

    def test_examples_are_right(self):
        for command in COMMANDS:
            text = self.succeed("help", command).stdout.split("Examples:\n")[1]
            for line in text.replace("\\\n", " ").strip().splitlines():
                words = shlex.split(line)
                self.assertEqual(words[:2], ["maskcl", command])
                # The files, and a second device, are not there; anything else is wrong usage.
                result = self.run_program(*words[1:])
                self.assertIn(result.returncode, (0, 1), line + "\n" + result.stderr)
                if result.returncode:
                    self.assertRegex(result.stderr, "No such file|no device has the number '1'")

    def test_recipes_show_what_they_set(self):
        text = self.succeed("help", "recipes").stdout
        recipes = dict(re.findall(r"^([a-z]+)\n(?:  \w.*\n)+((?:  --.*\n)+)", text, re.MULTILINE))
        self.assertIn("default", recipes)
        reference = dict(line.split(None, 1) for line in recipes["reference"].splitlines())
        self.assertEqual(reference["--mask"], "uniform")
        self.assertEqual(reference["--objective"], "cosine")
        self.assertEqual(reference["--hidden"], "128")
        self.assertEqual(reference["--embedding"], "64")
        self.assertEqual(reference["--batch"], "all")
        self.assertEqual(reference["--optimizer"], "adam")
        self.assertEqual(reference["--lr"], "0.001")
        self.assertEqual(reference["--epochs"], "10")
        for option in "--mask-ratio", "--temperature", "--momentum", "--seed", "--output":
            self.assertNotIn(option, reference)

    def test_objectives_have_a_sentence_each(self):
        names = re.search(r"unknown objective '': it is (.*)", self.run_program(
            "pretrain", "--synthetic", "9x9", "--objective", "", "-o", "m").stderr)[1]
        names = re.split(", | or ", names)
        self.assertGreater(len(names), 9)
        text = self.succeed("help", "objectives").stdout
        for name in names:
            self.assertRegex(text, r"(?m)^  %s +\w" % name)

    def test_version(self):
        self.assertRegex(self.succeed("--version").stdout, r"\Amaskcl \d+\.\d+\.\d+\n\Z")


class TypingErrorTest(ProgramTest):
    def check(self, *arguments, says):
        return self.refuse(*arguments, code=2, says=says)

    def test_commands(self):
        for typed, meant in [("pretain", "pretrain"), ("device", "devices"), ("emebd", "embed"),
                             ("recon", "reconstruct"), ("inof", "info"), ("porbe", "probe")]:
            self.check(typed, says=["unknown command '%s'" % typed, "did you mean '%s'?" % meant])
        line = self.check("frobnicate", says=["unknown command 'frobnicate'", "maskcl help"])
        self.assertNotIn("did you mean", line)
        self.check("x" * 5000, says=["unknown command"])

    def test_no_command(self):
        self.check(says=["maskcl help"])

    def test_options(self):
        self.assertEqual(self.check("pretrain", "--epohcs", "3", says=[]),
                         "maskcl: error: unknown option '--epohcs': did you mean '--epochs'?")
        for typed, meant in [("--temprature=1", "--temperature"), ("--qiuet", "--quiet"),
                             ("--out", "--output"), ("--lrr", "--lr")]:
            self.check("pretrain", typed, says=["did you mean '%s'?" % meant])
        self.check("embed", "--epochs", "3", says=["unknown option '--epochs'", "help embed"])
        self.check("pretrain", "-z", says=["unknown option '-z'"])
        self.check("--quiet", "pretrain", says=["--quiet", "follow"])

    def test_topics(self):
        self.check("help", "recipies", says=["did you mean 'recipes'?"])
        self.check("help", "nonsense", says=["maskcl help"])

    def test_missing_and_superfluous_values(self):
        self.check("pretrain", "--synthetic", "9x9", "-o", says=["-o needs a value"])
        self.check("pretrain", "-o", "--quiet", says=["-o needs a value"])
        self.check("pretrain", "--lr", "-o", "x", says=["--lr needs a value"])
        self.check("pretrain", "--quiet=yes", says=["--quiet takes no value"])
        self.check("pretrain", "--synthetic", "9x9", says=["pretrain needs -o"])
        self.check("pretrain", "-o", "", "--synthetic", "9x9", says=["-o", "empty"])
        self.check("embed", "-o", "x.npy", says=["embed needs MODEL"])
        self.check("embed", "m", "-o", "x.npy", says=["embed needs DATA"])
        self.check("probe", "a", "b", "c", "d", says=["probe needs TEST_LABELS"])
        self.check("views", "a", "b", "-o", "x.npy", says=["unexpected argument 'b'"])
        self.check("devices", "x", says=["unexpected argument 'x'"])

    def test_control_characters_do_not_reach_the_terminal(self):
        line = self.check("in\x1b[31mfo\n", says=["in?[31mfo?"])
        self.assertNotIn("\x1b", line)


class OutputErrorTest(ProgramTest):
    """Standard output that cannot be written is noticed by every command."""

    def fail(self, *arguments, **options):
        result = self.run_program(*arguments, **options)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("maskcl: error: cannot write to standard output: ", result.stderr)
        self.assertEqual(result.stderr.count("maskcl: error"), 1)
        return result.stderr

    def test_full(self):
        for arguments in ["--version"], ["help"], ["devices"], ["devices", "--json"]:
            with open("/dev/full", "w") as full:
                self.assertIn("No space left", self.fail(*arguments, stdout=full))

    def test_closed_pipe(self):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            self.assertIn("Broken pipe", self.fail("help", stdout=writer))
        finally:
            os.close(writer)

    def test_closed(self):
        self.fail("--version", stdout=None, preexec_fn=lambda: os.close(1))

    def test_a_closed_stream_is_not_taken_for_the_model(self):
        def close():
            os.close(1)
            os.close(2)

        whole = self.model("whole.safetensors")
        result = subprocess.run(
            [PROGRAM, "pretrain", "--synthetic", "8x12", "-o", "model.safetensors", "--epochs", "1",
             "--hidden", "6", "--embedding", "4"],
            cwd=self.folder, env=environment(), preexec_fn=close)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(self.path("model.safetensors").read_bytes(),
                         self.path(whole).read_bytes())


if __name__ == "__main__":
    unittest.main()
