# SPDX-License-Identifier: Apache-2.0
"""Signals outside of training, failed writes, and what standard streams can be."""

import fcntl
import json
import os
import resource
import signal
import struct
import subprocess
import termios
import time
import unittest

from program import PROGRAM, ProgramTest, environment

F_SETPIPE_SZ = 1031


class AtOnceTest(ProgramTest):
    """Where nothing is being trained or written, a signal ends the program."""

    def check_ended(self, process, number):
        _, said = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 128 + number, said)
        self.assertEqual(said.splitlines()[-1],
                         "maskcl: interrupted by %s: nothing is written" % number.name)

    def test_while_data_are_read(self):
        self.model("m.safetensors", 8)
        self.random_rows("rows.npy", 4, 8)
        os.mkfifo(self.path("pipe"))
        before = set(os.listdir(self.folder))
        for number, arguments in (
                (signal.SIGTERM, ["pretrain", "pipe", "-o", "o.safetensors"]),
                (signal.SIGHUP, ["pretrain", "rows.npy", "-o", "o.safetensors", "--metrics",
                                 "new.jsonl", "--validate", "pipe"]),
                (signal.SIGXCPU, ["finetune", "m.safetensors", "pipe", "pipe", "-o", "o"]),
                (signal.SIGQUIT, ["embed", "m.safetensors", "pipe", "-o", "o.npy"]),
                (signal.SIGINT, ["reconstruct", "m.safetensors", "pipe", "-o", "o.npy"]),
                (signal.SIGUSR1, ["views", "pipe", "-o", "o.png"]),
                (signal.SIGUSR2, ["probe", "m.safetensors", "pipe", "pipe", "pipe", "pipe"])):
            with self.subTest(arguments=arguments):
                process = self.start_program(*arguments)
                with open(self.path("pipe"), "wb"): # when it has opened it, too
                    process.send_signal(number)
                    self.check_ended(process, number)
                self.assertEqual(set(os.listdir(self.folder)), before)

    def test_while_kernels_are_compiled_or_run(self):
        process = self.start_program("verify")
        self.assertNotEqual(process.stdout.readline(), "")
        process.send_signal(signal.SIGTERM)
        self.check_ended(process, signal.SIGTERM)

    def test_while_a_device_is_tuned(self):
        cache = self.path("cache")
        process = self.start_program("tune", "--input", 64, "--hidden", 32, "--batch", 32, "--gemm",
                                     "native", env=environment(XDG_CACHE_HOME=cache))
        process.stderr.readline() # the device
        time.sleep(0.5)
        process.send_signal(signal.SIGHUP)
        _, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 129, said)
        self.assertRegex(said.splitlines()[-1], "^maskcl: interrupted by SIGHUP: (nothing is "
                         "written|only what was searched to the end is kept)$")
        self.assertEqual([path for path in cache.rglob("*.maskcl-*")], [])

    def test_children_are_waited_for_whatever_the_parent_ignores(self):
        """PoCL starts a linker for each kernel that is not in its cache."""
        env = environment(POCL_CACHE_DIR=self.path("kernels"))
        self.path("kernels").mkdir()
        self.succeed("views", self.random_rows("rows.npy", 4, 8), "-o", "o.npy", env=env,
                     preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))


class StandardOutputTest(ProgramTest):
    """What is written stays, and the message names it, when results do not get through."""

    def setUp(self):
        super().setUp()
        self.model("m.safetensors", 64)
        self.images("images", 12)
        self.labels("labels", 12)

    def commands(self):
        """(arguments, the file, what the message says of it)"""
        few = ["--epochs", 1, "--hidden", "6", "--embedding", "4"]
        tuned = ["finetune", "m.safetensors", "images", "labels", "--epochs", 1, "-o", "o"]
        return [(["pretrain", "images", *few, "-o", "o"], "o", "the model is in o"),
                (["pretrain", "images", *few, "--profile", "-q", "-o", "o"], "o",
                 "the model is in o"),
                (tuned, "o", "the model is in o"),
                ([*tuned, "--json", "-q"], "o", "the model is in o"),
                ([*tuned, "-q", "--test", "images", "--test-labels", "labels"], "o",
                 "the model is in o"),
                (["embed", "m.safetensors", "images", "-o", "o.npy"], "o.npy", "o.npy is written"),
                (["reconstruct", "m.safetensors", "images", "-o", "o.png"], "o.png",
                 "o.png is written"),
                (["views", "images", "-o", "o.npy"], "o.npy", "o.npy is written")]

    def check(self, arguments, name, says, reason, **options):
        result = self.run_program(*arguments, **options)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertEqual(result.stderr.splitlines()[-1],
                         "maskcl: error: cannot write to standard output: %s; %s" % (reason, says))
        self.assertGreater(self.path(name).stat().st_size, 0)
        self.path(name).unlink()

    def test_full(self):
        for arguments, name, says in self.commands():
            with self.subTest(arguments=arguments), open("/dev/full", "w") as full:
                self.check(arguments, name, says, "No space left on device", stdout=full)

    def test_a_reader_that_left(self):
        for arguments, name, says in self.commands()[-3:]:
            with self.subTest(arguments=arguments):
                reader, writer = os.pipe()
                os.close(reader)
                with open(writer, "w") as pipe:
                    self.check(arguments, name, says, "Broken pipe", stdout=pipe)

    def test_closed(self):
        """And a file does not get the number of a stream."""
        def close():
            for number in 0, 1:
                os.close(number)
        for arguments, name, says in self.commands()[-3:]:
            with self.subTest(arguments=arguments):
                self.check(arguments, name, says, "Bad file descriptor", preexec_fn=close)

    def test_all_closed(self):
        def close():
            for number in 0, 1, 2:
                os.close(number)
        for arguments, name, _ in self.commands()[-3:]:
            with self.subTest(arguments=arguments):
                whole = self.run_program(*arguments)
                self.assertEqual(whole.returncode, 0)
                expected = self.path(name).read_bytes()
                self.path(name).unlink()
                result = self.run_program(*arguments, preexec_fn=close)
                self.assertEqual(result.returncode, 1)
                self.assertEqual(self.path(name).read_bytes(), expected)
                self.path(name).unlink()

    def test_commands_that_write_no_file(self):
        for arguments in (["info", "m.safetensors", "--json"], ["devices", "--json"],
                          ["help", "pretrain"], ["--version"],
                          ["probe", "m.safetensors", *["images", "labels"] * 2, "--json"]):
            with self.subTest(arguments=arguments), open("/dev/full", "w") as full:
                result = self.run_program(*arguments, stdout=full)
                self.assertEqual(result.returncode, 1)
                self.assertEqual(result.stderr.splitlines()[-1], "maskcl: error: cannot write to "
                                 "standard output: No space left on device")

    def test_one_that_does_not_block_gets_everything(self):
        expected = self.succeed("help", "pretrain").stdout
        reader, writer = os.pipe()
        with open(reader, "rb") as pipe:
            fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
            os.set_blocking(writer, False)
            process = subprocess.Popen([PROGRAM, "help", "pretrain"], env=environment(),
                                       stdout=writer)
            time.sleep(0.3)
            self.assertFalse(os.get_blocking(writer)) # the parent's own is left as it is
            os.close(writer)
            self.assertEqual(pipe.read().decode(), expected)
        self.assertEqual(process.wait(10), 0)


class FullDiskTest(ProgramTest):
    """A disk that is full for a while: a limit of the size of files that goes away again."""

    RUN = ["pretrain", "--synthetic", "64x32", "--batch", "16", "--hidden", "64", "--embedding",
           "16", "-o", "m.safetensors"]
    BETWEEN = 40000 # the bytes of a model are less, those of a checkpoint more

    def limit(self, process, size):
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def run_limited(self, size, *arguments):
        """A run whose files stay below a size when its kernels are compiled; what it says but for
        the epochs, of which the first read may have left a piece."""
        process = self.start_program(*self.RUN, "--epochs", 3000, *arguments)
        self.wait_for(process, "epoch 1/")
        self.limit(process, size)
        _, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, said)
        self.information("m.safetensors")
        lines = [line for line in said.splitlines() if line.startswith("maskcl: ")]
        self.assertEqual(len(lines), 2, said)
        return lines

    def wait_for(self, process, text):
        while text not in (line := process.stderr.readline()):
            self.assertNotEqual(line, "", "it ended")
        return line

    def wait_until(self, holds):
        for _ in range(2000):
            if holds():
                return
            time.sleep(0.01)
        self.fail("not within 20 seconds")

    def test_checkpoints_are_tried_again(self):
        checkpoint = self.path("m.checkpoint.safetensors")
        process = self.start_program(*self.RUN, "--epochs", 1000000, "--checkpoint-every", 200,
                                     "-q")
        self.wait_until(checkpoint.exists)
        self.limit(process, self.BETWEEN)
        self.assertRegex(self.wait_for(process, "warning"),
                         r"^maskcl: warning: no checkpoint after step \d+: m\.checkpoint\."
                         r"safetensors: cannot write: File too large; training goes on, and the "
                         r"next is tried within a minute$")
        kept = self.information(checkpoint.name)["metadata"]["steps"]
        self.limit(process, resource.RLIM_INFINITY)
        self.assertRegex(self.wait_for(process, "warning"),
                         r"^maskcl: warning: checkpoints are written again, from step \d+ on$")
        self.assertGreater(int(self.information(checkpoint.name)["metadata"]["steps"]), int(kept))
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 143, said)
        self.assertTrue(said.splitlines()[-1].endswith("; --resume goes on"), said)

    def test_no_checkpoint_gets_through(self):
        warning, error = self.run_limited(self.BETWEEN, "--checkpoint-every", 5000)
        self.assertTrue(warning.startswith("maskcl: warning: no checkpoint after step 5000: "))
        self.assertRegex(error, "^maskcl: error: no checkpoint could be written: .*; the model is "
                                "in m.safetensors$")

    def test_a_last_checkpoint_that_fails(self):
        process = self.start_program(*self.RUN, "--epochs", 1000000, "--checkpoint-every", 200,
                                     "-q")
        self.wait_until(self.path("m.checkpoint.safetensors").exists)
        self.limit(process, self.BETWEEN)
        self.wait_for(process, "warning: no checkpoint")
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 1, said)
        self.assertRegex(said.splitlines()[-1], r"^maskcl: error: interrupted by SIGTERM: stopped "
                         r"in epoch \d+ after step \d+, without a checkpoint there: .*; the model "
                         r"is in m\.safetensors$")

    def test_metrics_are_tried_again(self):
        metrics = self.path("m.jsonl")
        process = self.start_program(*self.RUN, "--epochs", 1000000, "--metrics", "m.jsonl", "-q")
        self.wait_until(lambda: metrics.exists() and metrics.stat().st_size > 1000)
        self.limit(process, 1000)
        self.limit(process, metrics.stat().st_size + 100)
        self.wait_for(process, "warning: --metrics: m.jsonl: cannot write: File too large")
        self.assertTrue(metrics.read_bytes().endswith(b"}\n")) # no half of a line
        self.limit(process, resource.RLIM_INFINITY)
        size = metrics.stat().st_size
        self.wait_until(lambda: metrics.stat().st_size > size)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 143, said)
        self.assertNotIn("incomplete", said)
        steps = [json.loads(line)["step"] for line in metrics.read_text().splitlines()]
        self.assertEqual(steps, list(range(1, len(steps) + 1)))

    def test_a_reader_of_metrics_that_takes_nothing(self):
        """The run waits for it, but a signal ends it all the same."""
        os.mkfifo(self.path("m.jsonl"))
        reader = os.open(self.path("m.jsonl"), os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        process = self.start_program(*self.RUN, "--epochs", 1000000, "--metrics", "m.jsonl", "-q")

        def filled():
            return struct.unpack("i", fcntl.ioctl(reader, termios.FIONREAD, bytes(4)))[0]

        fcntl.fcntl(reader, F_SETPIPE_SZ, 16384)
        self.wait_until(lambda: filled() > 8192)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 143, said)
        self.assertIn("interrupted by SIGTERM: stopped in epoch ", said)
        self.assertRegex(said, r"m\.jsonl is incomplete: it lacks \d+ line")
        self.information("m.safetensors")

    def test_metrics_that_stay_away_are_counted(self):
        warning, error = self.run_limited(self.BETWEEN, "--metrics", "m.jsonl")
        self.assertIn("warning: --metrics: m.jsonl: cannot write", warning)
        steps = [json.loads(line)["step"] for line in self.path("m.jsonl").read_text().splitlines()]
        self.assertEqual(steps, list(range(1, len(steps) + 1)))
        self.assertEqual(error, "maskcl: error: --metrics: m.jsonl is incomplete: it lacks %d "
                         "lines; the model is in m.safetensors" % (12000 - len(steps)))


if __name__ == "__main__":
    unittest.main()
