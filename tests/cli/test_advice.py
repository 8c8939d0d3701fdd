# SPDX-License-Identifier: Apache-2.0
"""Messages name only options that exist, and a command's only those that it has."""

import os
import pathlib
import re
import unittest

from program import ProgramTest, environment

SOURCE = pathlib.Path(os.environ["MASKCL_SOURCE"]) / "src"
OTHERS = {"--name", "--help", "--version"}  # of a form, and of the program itself


def literals(text):
    """The string literals of C text, adjacent ones joined, without those in comments."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    parts = re.findall(r'(?:"(?:[^"\\\n]|\\.)*"\s*)+', text)
    return ["".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', part)) for part in parts]


class AdviceTest(ProgramTest):
    def options(self, command):
        text = self.succeed("help", command).stdout
        return set(re.findall(r"--[a-z][a-z-]*", "\n".join(
            line for line in text.splitlines() if re.match(r"[ *]+(-[a-z], )?--", line))))

    def test_every_option_that_a_message_names_is_there(self):
        commands = re.findall(r"^  ([a-z]+)  ", self.succeed("help").stdout, re.M)
        self.assertIn("pretrain", commands)
        of = {command: self.options(command) for command in commands}
        every = set.union(*of.values()) | OTHERS
        for path in sorted((SOURCE / "cli").glob("*.c")):
            others = path.stem not in of or path.stem in ("compare", "help")  # of other commands
            known = every if others else of[path.stem] | OTHERS
            for text in literals(path.read_text()):
                for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", text):
                    self.assertIn(option, known, "%s: %s" % (path.name, text))

    def test_the_library_names_options_by_keys_only(self):
        for path in sorted(SOURCE.rglob("*.c")):
            if path.parent.name == "cli":
                continue
            for text in literals(path.read_text()):
                self.assertIsNone(re.search(r"(?<![\w-])--[a-z]", text), path)

    def test_a_key_is_spelled_where_the_command_has_it(self):
        """Of a device that is not there, each command may say `platform`."""
        env = environment(POCL_DEVICES="pthread pthread")
        model = self.model(columns=4)
        self.random_rows("rows.npy", 4, 4)
        for command, arguments in {
                "pretrain": ["--synthetic", "4x4", "-o", "m.safetensors"],
                "embed": [model, "rows.npy", "-o", "out.npy"], "devices": []}.items():
            result = self.run_program(command, *arguments, "--device", "r", env=env)
            if "fits" not in result.stderr:
                self.skipTest("the OpenCL driver has no two devices")
            self.assertEqual(result.returncode, 1)
            self.assertNotIn("`", result.stderr)
            for option in re.findall(r"--[a-z][a-z-]*", result.stderr):
                self.assertIn(option, self.options(command))


if __name__ == "__main__":
    unittest.main()
