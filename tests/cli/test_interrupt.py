"""Ctrl-C while a model is being trained."""

import array
import fcntl
import os
import signal
import termios
import threading
import time
import unittest

from program import ProgramTest

ENDLESS = ["--synthetic", "64x8", "--batch", "16", "--epochs", "1000000", "-o", "m.safetensors"]
OLD = b"what was here before"


class InterruptTest(ProgramTest):
    def train_until_it_runs(self, *options, **popen):
        """A run that has reported its first epoch. What it says is read in self.said."""
        process = self.start_program("pretrain", *ENDLESS, *options, **popen)
        self.said = []
        begun = threading.Event()

        def read():
            for line in process.stderr:
                self.said.append(line)
                if line.startswith("epoch"):
                    begun.set()

        reader = threading.Thread(target=read)
        reader.start()
        self.addCleanup(reader.join)
        self.assertTrue(begun.wait(60), self.said)
        self.reader = reader
        return process

    def end(self, process):
        code = process.wait(30)
        self.reader.join()
        return code

    def check_interrupted(self, process):
        self.assertEqual(self.end(process), 130)
        self.assertEqual(process.stdout.read(), "")
        self.assertRegex(self.said[-1], r"\Amaskcl: interrupted: stopped in epoch \d+ after step "
                                        r"\d+; the model so far is in m.safetensors\n\Z")
        self.assertFalse(any(line.startswith("maskcl: error") for line in self.said))
        self.assertEqual(list(self.contents()), ["m.safetensors"])
        self.assertEqual(self.information("m.safetensors")["architecture"]["input"], 8)

    def test_the_model_so_far_is_written(self):
        for number in signal.SIGINT, signal.SIGTERM:
            with self.subTest(number=number):
                process = self.train_until_it_runs()
                process.send_signal(number)
                self.check_interrupted(process)

    def test_an_old_model_is_replaced(self):
        self.write("m.safetensors", OLD)
        process = self.train_until_it_runs()
        process.send_signal(signal.SIGINT)
        self.check_interrupted(process)

    def test_the_model_so_far_can_be_used(self):
        process = self.train_until_it_runs()
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.end(process), 130)
        self.random_rows("rows.npy", 3, 8)
        self.succeed("embed", "m.safetensors", "rows.npy", "-o", "out.npy")

    def test_at_any_moment(self):
        """Nothing is written, or a whole model."""
        for delay in 0, 0.01, 0.03, 0.1, 0.2, 0.4, 0.8:
            with self.subTest(delay=delay):
                self.write("m.safetensors", OLD)
                process = self.start_program("pretrain", *ENDLESS)
                time.sleep(delay)
                process.send_signal(signal.SIGINT)
                _, said = process.communicate(timeout=30)
                # Before training begins a signal does what it always does.
                self.assertIn(process.returncode, (130, -signal.SIGINT), said)
                self.assertEqual(list(self.contents()), ["m.safetensors"])
                if self.path("m.safetensors").read_bytes() != OLD:
                    self.assertEqual(process.returncode, 130)
                    self.assertIn("the model so far is in", said)
                    self.information("m.safetensors")
                elif process.returncode == 130:
                    self.assertIn("interrupted before the first step", said)

    def test_a_signal_that_was_ignored_stays_so(self):
        """As of the background jobs of a shell."""
        process = self.train_until_it_runs(
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
        process.send_signal(signal.SIGINT)
        with self.assertRaises(Exception):
            process.wait(0.5)
        process.send_signal(signal.SIGTERM)
        self.check_interrupted(process)

    def test_metrics_end_with_a_whole_line(self):
        process = self.train_until_it_runs("--metrics", "metrics.jsonl")
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.end(process), 130)
        self.assertTrue(self.path("metrics.jsonl").read_bytes().endswith(b"}\n"))


class BlockedTest(ProgramTest):
    """A run that is stuck in a step: it waits for somebody to read its metrics."""

    def setUp(self):
        super().setUp()
        os.mkfifo(self.path("pipe"))
        self.write("m.safetensors", OLD)
        self.process = self.start_program("pretrain", *ENDLESS, "--metrics", "pipe", "-q")
        self.pipe = os.open(self.path("pipe"), os.O_RDONLY)
        self.addCleanup(lambda: os.close(self.pipe))
        # Full: 16 pages, at the end of each of which a line may not have fitted.
        waiting, before = array.array("i", [0]), -1
        while waiting[0] != before or waiting[0] < 60000:
            before = waiting[0]
            time.sleep(0.5)
            fcntl.ioctl(self.pipe, termios.FIONREAD, waiting)
            self.assertIsNone(self.process.poll())
        self.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        self.assertIsNone(self.process.poll())

    def test_the_first_waits_for_the_step(self):
        while os.read(self.pipe, 65536):
            pass
        self.assertEqual(self.process.wait(30), 130)
        self.information("m.safetensors")

    def test_the_second_ends_at_once(self):
        self.process.send_signal(signal.SIGINT)
        self.assertEqual(self.process.wait(5), -signal.SIGINT)
        self.assertEqual(self.path("m.safetensors").read_bytes(), OLD)
        self.assertEqual({path.name for path in self.folder.iterdir()}, {"m.safetensors", "pipe"})

    def test_another_signal_ends_at_once_as_well(self):
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(5), -signal.SIGTERM)
        self.assertEqual(self.path("m.safetensors").read_bytes(), OLD)



if __name__ == "__main__":
    unittest.main()
