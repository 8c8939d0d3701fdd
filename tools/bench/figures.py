# SPDX-License-Identifier: Apache-2.0
"""The files of docs/figures/: what was measured on one processor, in one run or several.

    title    of the processor's section on the page
    machine  processor, instructions, device: the same for all runs
    runs     each with the date, maskcl's commit, the versions of drivers and peers, rounds and
             seconds of a measurement, the processors that other programs kept busy, and parts:
             rows (table.py) by the part's name, of which no other run has one"""

import json
import re


def load(path):
    return json.loads(path.read_text())


def title_of(machine):
    processor = re.sub(r"\((R|TM)\)| Processor$", "", machine["processor"].split(",")[0])
    return ", ".join(filter(None, [processor, machine["instructions"]]))


def merge(old, machine, run):
    """What a file has once the run's parts have replaced those of the same names. old: the file's
    contents, or None."""
    old = old or {"title": title_of(machine), "machine": machine, "runs": []}
    if old["machine"] != machine:
        raise ValueError(f"it has figures of {old['machine']}, these are of {machine}")
    runs = [{**earlier, "parts": {name: rows for name, rows in earlier["parts"].items()
                                  if name not in run["parts"]}} for earlier in old["runs"]]
    return {**old, "runs": [earlier for earlier in [*runs, run] if earlier["parts"]]}


def text_of(content):
    """JSON with a line for every list of numbers and every row."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    text = re.sub(r"\[\s+([^\[\]{}\"]*?)\s+\]",
                  lambda match: "[" + re.sub(r"\s+", " ", match[1]) + "]", text)
    return re.sub(r"\{\s+(\"work\"[^{}]*?)\s+\}",
                  lambda match: "{" + re.sub(r"\n\s+", " ", match[1]) + "}", text) + "\n"
