# SPDX-License-Identifier: Apache-2.0
"""What a user sees on a terminal."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import time
import unittest

from program import PROGRAM, TIMEOUT, ProgramTest, environment

CLEAR = "\r\x1b[K"


class TerminalTest(ProgramTest):
    def run_on_terminal(self, *arguments, columns=80, term="xterm"):
        """(exit code, standard output, what the terminal got, seconds)."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        start = time.monotonic()
        process = subprocess.Popen([PROGRAM, *map(str, arguments)], cwd=self.folder, text=True,
                                   env=environment(TERM=term), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=slave)
        os.close(slave)
        seen = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError: # how Linux tells that the other side is closed
                break
            if not part:
                break
            seen += part
        os.close(master)
        out = process.communicate(timeout=TIMEOUT)[0]
        return process.returncode, out, seen.decode(), time.monotonic() - start

    def train(self, *options, **terminal):
        code, out, seen, seconds = self.run_on_terminal(
            "pretrain", "--synthetic", "4000x64", "--batch", 32, "--epochs", 4, "-o", "m", *options,
            **terminal)
        self.assertEqual(code, 0, seen)
        return out, seen, seconds

    def frames(self, seen, width):
        """The lines drawn, each over the one before."""
        device, rest = seen.split("\r\n", 1)
        self.assertTrue(device.startswith("device: "), device)
        self.assertNotIn("\n", rest)
        self.assertTrue(rest.endswith(CLEAR), rest)
        frames = re.split(r"\r", rest)[1:-1]
        for frame in frames:
            self.assertTrue(frame.endswith("\x1b[K"), frame)
            self.assertLess(len(frame) - 3, width)
        return [frame[:-3] for frame in frames]

    def test_compiler_warnings_are_not_shown(self):
        """As on a processor without AVX-512, where clang warns of every float16 argument."""
        env = self.planted("normalize.cl", "#include \"common.clh\"",
                           "#include \"common.clh\"\n#warning a processor of another kind")
        env["POCL_CACHE_DIR"] = str(self.path("cache"))
        self.path("cache").mkdir()
        result = self.succeed("pretrain", "--synthetic", "64x8", "--batch", 32, "--epochs", 1,
                              "-o", "m", env=env)
        self.assertNotIn("warning", result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 2, result.stderr)

    def test_one_line_is_redrawn(self):
        out, seen, seconds = self.train()
        frames = self.frames(seen, 80)
        steps = [frame for frame in frames if frame.startswith("epoch")]
        self.assertGreater(len(steps), 1)
        self.assertLess(len(frames), 10 * seconds + 4)
        done = []
        for frame in steps:
            match = re.match(r"epoch [1-4]/4 \[(=*)>? *\] loss +\d+\.\d{4}  spread \d\.\d{3}  "
                             r" *\d+(\.\d+)? rows/s  +\d+:\d\d left\Z", frame)
            self.assertTrue(match, frame)
            done.append(len(match.group(1)))
        self.assertEqual(done, sorted(done))
        self.assertRegex(steps[-1], r"epoch 4/4 \[=+\] .* 0:00 left\Z")
        self.assertRegex(out, r"\Atrained on 4000 rows for 4 epochs")

    def test_the_line_fits_a_terminal_of_any_width(self):
        for columns in 20, 60, 200:
            with self.subTest(columns=columns):
                frames = self.frames(self.train(columns=columns)[1], columns)
                self.assertEqual("[" in frames[-1], columns >= 80)
                self.assertTrue(frames[-1].startswith("epoch 4/4"))

    def test_the_line_has_the_validation(self):
        self.images("images", 4000)
        self.labels("labels", 4000)
        code, _, seen, _ = self.run_on_terminal("pretrain", "images", "--validate", "labels",
                                                "--recipe", "default", "--batch", 16, "--epochs", 2, "-o", "m")
        self.assertEqual(code, 0, seen)
        steps = [frame for frame in self.frames(seen, 80) if frame.startswith("epoch")]
        self.assertRegex(steps[-1], r"\Aepoch 2/2 \[=+\] loss +\d+\.\d{4}  valid \d\.\d{3}  +\d+ rows/s")
        self.assertIn("  spread ", steps[0])

    def test_a_terminal_that_cannot_redraw_gets_lines(self):
        for term in "dumb", "":
            out, seen, _ = self.train(term=term)
            self.assertNotIn("\x1b", seen)
            lines = seen.split("\r\n")
            self.assertEqual(len(lines), 6, seen)
            self.assertTrue(all(line.startswith("epoch") for line in lines[1:5]))

    def test_quiet_says_nothing(self):
        self.assertEqual(self.train("-q")[:2], ("", ""))

    def test_a_terminal_does_not_change_the_model(self):
        self.train()
        model = self.path("m").read_bytes()
        self.succeed("pretrain", "--synthetic", "4000x64", "--batch", 32, "--epochs", 4, "-o", "n")
        self.assertEqual(self.path("n").read_bytes(), model)

    def test_a_warning_has_a_line_of_its_own(self):
        self.npy("same.npy", (32, 4), [1, 2, 3, 4] * 32)
        code, _, seen, _ = self.run_on_terminal(
            "pretrain", "same.npy", "-o", "m", "--epochs", 40, "--lr", "0.05", "--objective",
            "cosine", "--mask", "uniform", "--hidden", "8", "--embedding", "4")
        self.assertEqual(code, 0)
        self.assertTrue(seen.endswith(
            CLEAR + "maskcl: warning: the rows are all alike, and so are their embeddings: there "
            "is nothing to learn from them\r\n"), seen)
        self.assertEqual(seen.count("warning"), 1)

    def test_an_error_has_a_line_of_its_own(self):
        self.npy("rows.npy", (4, 4), [1e30] * 16)
        code, out, seen, _ = self.run_on_terminal("pretrain", "rows.npy", "-o", "m", "--objective",
                                                  "reconstruction")
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(seen, r"\r\x1b\[Kmaskcl: error: [^\r]*\r\n\Z")

    def test_the_other_commands_leave_a_clean_line(self):
        self.images("images.idx", 20)
        self.labels("labels.idx", 20)
        self.succeed("pretrain", "images.idx", "-o", "m.safetensors", "--epochs", 1, "--hidden", 6,
                     "--embedding", 4, "-q")
        for arguments in (["embed", "m.safetensors", "images.idx", "-o", "out.npy"],
                          ["reconstruct", "m.safetensors", "images.idx", "-o", "out.png"],
                          ["probe", "m.safetensors", "images.idx", "labels.idx", "images.idx",
                           "labels.idx"]):
            code, out, seen, _ = self.run_on_terminal(*arguments, columns=30)
            self.assertEqual(code, 0, seen)
            self.frames(seen, 30)
            self.assertGreater(len(out), 0)

    def test_tune_shows_a_bar(self):
        cache, before = str(self.path("cache")), os.environ.get("XDG_CACHE_HOME")
        os.environ["XDG_CACHE_HOME"] = cache # the user's own tuning stays
        try:
            code, out, seen, _ = self.run_on_terminal(
                "tune", "--quick", "--gemm", "native", "--input", 12, "--hidden", "none",
                "--embedding", 4, "--batch", 4)
        finally:
            if before is None:
                del os.environ["XDG_CACHE_HOME"]
            else:
                os.environ["XDG_CACHE_HOME"] = before
        self.assertEqual(code, 0, seen)
        frames = self.frames(seen, 80)
        self.assertRegex(frames[0], r"\Anative-[cg]pu  0/\d+ \[> *\] \Z")
        self.assertRegex(frames[-1], r"\[=+>?\s*\] best so far \d+\.\d GFLOP/s\Z")
        self.assertIn("wrote " + cache, out)


if __name__ == "__main__":
    unittest.main()
