# SPDX-License-Identifier: Apache-2.0
"""Running the parts of tools/gpu/first-hour, each within its time, and keeping what was had by then."""

import getpass
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

OUTPUT_MAX = 20000  # characters of a command's output that are kept
DEATH = 5           # seconds for a killed process to end; one that waits for a hung driver may not


class OutOfTime(Exception):
    """A part's time is over."""


class Failed(Exception):
    """A part found that something is wrong; the others go on."""


class Skipped(Exception):
    """What a part needs is not there."""


class Scrubber:
    """Takes out of texts what tells whose machine this is."""

    def __init__(self, folders):
        words = {str(pathlib.Path(folder).resolve()): "FOLDER" for folder in folders}
        words[str(pathlib.Path.home())] = "HOME"
        words[tempfile.gettempdir()] = "TMP"
        names = {socket.gethostname(): "HOST", socket.gethostname().partition(".")[0]: "HOST"}
        try:
            names[getpass.getuser()] = "USER"
        except (KeyError, OSError):
            pass
        # Paths as they stand, the longest first; names as whole words, for "root" is in other words too.
        patterns = [(re.escape(path), word) for path, word in
                    sorted(words.items(), key=lambda item: -len(item[0])) if path != "/"]
        patterns += [(rf"(?<!\w){re.escape(name)}(?!\w)", word) for name, word in names.items() if name]
        # Any other path that is left, of more than one folder.
        patterns.append((r"(?<![\w/.])(?:/[\w.+@~-]+){2,}/?", "PATH"))
        self.patterns = [(re.compile(pattern), word) for pattern, word in patterns]

    def text(self, text):
        for pattern, word in self.patterns:
            text = pattern.sub(word, text)
        return text

    def value(self, value):
        """The same of everything in lists and dictionaries."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value


class Clock:
    """What is left of a part's time."""

    def __init__(self, seconds):
        self.end = time.monotonic() + seconds

    def left(self):
        left = self.end - time.monotonic()
        if left <= 0:
            raise OutOfTime
        return left


def end_group(process):
    """Kills a process with all that it started. One in the kernel, waiting for a device that hangs, is
    left behind."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    try:
        process.wait(DEATH)
    except subprocess.TimeoutExpired:
        pass


def call(command, clock, env=None, cwd=None, most=None):
    """(exit code, standard output, standard error) of a command, or OutOfTime when neither the part's time
    nor `most` seconds were enough; it is killed then. Outputs go through files: a pipe would be held open
    by processes that are left behind."""
    seconds = min(clock.left(), most or 1e9)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=error, env=env, cwd=cwd, start_new_session=True)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise OutOfTime from None
        finally:
            end_group(process)
        out.seek(0)
        error.seek(0)
        return code, out.buffer.read().decode(errors="replace"), error.buffer.read().decode(
            errors="replace")


def write(path, text):
    """Replaces a file at once, so that what was had is never lost."""
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(text)
    temporary.replace(path)


def run_parts(parts, certificate, keep, minutes, say):
    """Runs each (name, seconds, function) of `parts` in turn, until `minutes` are over. A function fills
    the dictionary that it gets, and whatever it has put there by its end is kept, by keep() after each.
    certificate["parts"][name] = {"result": "done", "failed", "out of time" or "skipped", …}."""
    end = time.monotonic() + 60 * minutes
    for name, seconds, function in parts:
        found = {}
        part = certificate["parts"][name] = {"result": "done", "seconds": 0.0, "found": found}
        started = time.monotonic()
        try:
            function(found, Clock(min(seconds, end - started)))
        except OutOfTime:
            part["result"] = "out of time"
        except Skipped as reason:
            part.update(result="skipped", reason=str(reason))
        except Exception as reason:  # pylint: disable=broad-except
            part.update(result="failed", reason=str(reason)[-OUTPUT_MAX:])
        part["seconds"] = round(time.monotonic() - started, 1)
        reason = part.get("reason", "").strip().splitlines()
        say(f"{name}: {part['result']}, {part['seconds']:g} s" + (f": {reason[-1]}" if reason else ""))
        keep()


def to_json(value):
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
