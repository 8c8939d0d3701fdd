# SPDX-License-Identifier: Apache-2.0
"""maskcl as a user runs it, and what it says of itself."""

import json
import re
import subprocess


class Failure(Exception):
    """Something that a person has to know of, in one line."""


class Program:
    def __init__(self, path):
        self.path = path
        if not path.is_file():
            raise Failure(f"there is no program {path}: build it, or name one with --maskcl")
        self.version = self.run("--version").strip()
        self.recipes = parse_recipes(self.run("help", "recipes"))
        self.objectives = re.findall(r"^  ([a-z][a-z-]*)  ", self.run("help", "objectives"), re.M)
        self.probes_layers = "--layer" in self.run("help", "probe")
        devices = self.run_json("devices", "--json")["devices"]
        self.device = next(device for device in devices if device["used"])

    def run(self, *arguments):
        """What the program prints."""
        command = [str(self.path), *map(str, arguments)]
        result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if result.returncode:
            lines = [line for line in result.stderr.splitlines() if "error" in line]
            reason = lines[-1] if lines else f"exit code {result.returncode}"
            raise Failure(f"maskcl {arguments[0]}: {reason}")
        return result.stdout

    def run_json(self, *arguments):
        return json.loads(self.run(*arguments))


def parse_recipes(text):
    """{name: {option: value}} of 'maskcl help recipes'."""
    recipes = {}
    name = None
    for line in text.splitlines():
        option = re.fullmatch(r"  --([a-z-]+) +(.*)", line)
        if option and name:
            recipes[name][option[1]] = option[2]
        elif re.fullmatch(r"[a-z][a-z-]*", line):
            name = line
            recipes[name] = {}
    return recipes
