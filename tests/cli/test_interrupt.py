# SPDX-License-Identifier: Apache-2.0
"""A signal while a model is being trained."""

import array
import fcntl
import json
import os
import re
import resource
import signal
import subprocess
import termios
import threading
import time
import unittest

from program import PROGRAM, ProgramTest, environment

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

    def check_interrupted(self, process, number=signal.SIGINT):
        self.assertEqual(self.end(process), 128 + number)
        self.assertEqual(process.stdout.read(), "")
        self.assertRegex(self.said[-1], r"\Amaskcl: interrupted by %s: stopped in epoch \d+ after "
                                        r"step \d+; the model so far is in m.safetensors\n\Z" %
                         number.name)
        self.assertFalse(any(line.startswith("maskcl: error") for line in self.said))
        self.assertEqual(list(self.contents()), ["m.safetensors"])
        self.assertEqual(self.information("m.safetensors")["architecture"]["input"], 8)

    def test_the_model_so_far_is_written(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT,
                       signal.SIGXCPU, signal.SIGUSR1, signal.SIGUSR2):
            with self.subTest(number=number):
                process = self.train_until_it_runs()
                process.send_signal(number)
                self.check_interrupted(process, number)

    def test_several_within_a_moment_are_one(self):
        """Of a wrapper that passes on the terminal's Ctrl-C; of systemd; of a batch system."""
        for numbers in ([signal.SIGINT, signal.SIGINT], [signal.SIGTERM, signal.SIGHUP],
                        [signal.SIGXCPU, signal.SIGTERM], [signal.SIGQUIT, signal.SIGINT]):
            with self.subTest(numbers=numbers):
                process = self.train_until_it_runs()
                for number in numbers:
                    process.send_signal(number)
                    time.sleep(0.02) # else they may arrive in the order of their numbers
                self.check_interrupted(process, numbers[0])

    def test_a_terminal_that_closes(self):
        """The model is there; nobody is left to be told."""
        process, master = os.forkpty()
        if process == 0:
            os.chdir(self.folder)
            os.execve(PROGRAM, [PROGRAM, "pretrain", *ENDLESS], environment(TERM="xterm"))
        said = b""
        while b"epoch" not in said:
            said += os.read(master, 4096)
        os.close(master)
        _, status = os.waitpid(process, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 128 + signal.SIGHUP)
        self.information("m.safetensors")

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
        """Nothing is written, or a whole model, and the last line says which."""
        for delay in 0, 0.01, 0.03, 0.1, 0.2, 0.4, 0.8:
            with self.subTest(delay=delay):
                self.write("m.safetensors", OLD)
                process = self.start_program("pretrain", *ENDLESS)
                time.sleep(delay)
                process.send_signal(signal.SIGTERM)
                _, said = process.communicate(timeout=30)
                self.assertEqual(list(self.contents()), ["m.safetensors"])
                if process.returncode == -signal.SIGTERM: # before main()
                    self.assertLess(delay, 0.05)
                    continue
                self.assertEqual(process.returncode, 143, said)
                last = said.splitlines()[-1]
                self.assertTrue(last.startswith("maskcl: interrupted by SIGTERM"), said)
                if self.path("m.safetensors").read_bytes() != OLD:
                    self.assertIn("the model so far is in", last)
                    self.information("m.safetensors")
                else:
                    self.assertRegex(last, ": nothing is written$| before the first step: "
                                           "m.safetensors is not written$")

    def test_a_signal_that_was_ignored_stays_so(self):
        """As of the background jobs of a shell, and of nohup."""
        def ignore():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        process = self.train_until_it_runs(preexec_fn=ignore)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGHUP)
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGTERM)
        self.check_interrupted(process, signal.SIGTERM)

    def test_one_that_was_blocked_counts(self):
        """A parent that blocks a signal in the thread that starts programs hands that down."""
        process = self.train_until_it_runs(
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]))
        process.send_signal(signal.SIGTERM)
        self.check_interrupted(process, signal.SIGTERM)

    def test_a_stop_and_a_new_size_of_the_window_change_nothing(self):
        process = self.train_until_it_runs()
        for number in (signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH, signal.SIGSTOP,
                       signal.SIGCONT):
            process.send_signal(number)
            time.sleep(0.05)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        self.check_interrupted(process)

    def test_a_limit_of_processor_time(self):
        """The kernel sends SIGXCPU every second from the soft limit on."""
        process = self.train_until_it_runs()
        resource.prlimit(process.pid, resource.RLIMIT_CPU, (1, 60))
        self.check_interrupted(process, signal.SIGXCPU)

    def test_a_limit_that_would_kill(self):
        """`ulimit -t` sets both limits: SIGXCPU comes first all the same."""
        for before, after in ((1000, 1000), (940, 1000)), ((100, 100), (89, 100)), \
                ((50, 1000), (50, 1000)):
            process = self.train_until_it_runs(preexec_fn=lambda limits=before: resource.setrlimit(
                resource.RLIMIT_CPU, limits))
            self.assertEqual(resource.prlimit(process.pid, resource.RLIMIT_CPU), after)
            process.send_signal(signal.SIGXCPU)
            self.check_interrupted(process, signal.SIGXCPU)

    def test_metrics_are_those_of_every_step_that_was_trained(self):
        process = self.train_until_it_runs("--metrics", "metrics.jsonl")
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.end(process), 130)
        text = self.path("metrics.jsonl").read_text()
        self.assertTrue(text.endswith("}\n"))
        steps = [json.loads(line)["step"] for line in text.splitlines()]
        trained = int(self.information("m.safetensors")["metadata"]["steps"])
        self.assertEqual(steps, list(range(1, trained + 1)))

    def test_the_model_tells_how_far_it_came(self):
        process = self.train_until_it_runs()
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.end(process), 130)
        epoch, step = map(int, re.search(r"in epoch (\d+) after step (\d+);",
                                         self.said[-1]).groups())
        self.assertEqual(epoch, step // 4 + 1)
        metadata = self.information("m.safetensors")["metadata"]
        self.assertEqual(metadata["steps"], str(step))
        self.assertEqual(metadata["epochs"], str(step // 4))
        self.assertEqual(metadata["planned_epochs"], "1000000")
        self.assertEqual(metadata["planned_steps"], "4000000")
        self.assertRegex(self.succeed("info", "m.safetensors").stdout,
                         r"(?m)^training +interrupted after step %d of 4000000, in epoch %d of "
                         r"1000000$" % (step, epoch))

    def test_a_whole_run_tells_what_it_trained(self):
        self.succeed("pretrain", *ENDLESS[:-4], "--epochs", 3, "-o", "whole.safetensors", "-q")
        metadata = self.information("whole.safetensors")["metadata"]
        self.assertEqual((metadata["epochs"], metadata["steps"]), ("3", "12"))
        self.assertNotIn("planned_steps", metadata)
        self.assertNotIn("interrupted", self.succeed("info", "whole.safetensors").stdout)


class BlockedTest(ProgramTest):
    """A run that is stuck in a step: it waits for somebody to read its standard error."""

    def setUp(self):
        super().setUp()
        self.write("m.safetensors", OLD)
        self.process = self.start_program("pretrain", *ENDLESS)
        self.pipe = self.process.stderr.fileno()
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
        """Unless it comes within a moment."""
        self.process.send_signal(signal.SIGINT)
        with self.assertRaises(subprocess.TimeoutExpired):
            self.process.wait(1.5)
        self.process.send_signal(signal.SIGINT)
        self.assertEqual(self.process.wait(5), -signal.SIGINT)
        self.assertEqual(self.path("m.safetensors").read_bytes(), OLD)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["m.safetensors"])

    def test_another_signal_ends_at_once_as_well(self):
        time.sleep(1.2)
        for number in signal.SIGHUP, signal.SIGXCPU: # these do not: they come in numbers
            self.process.send_signal(number)
        time.sleep(0.2)
        self.assertIsNone(self.process.poll())
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(5), -signal.SIGTERM)
        self.assertEqual(self.path("m.safetensors").read_bytes(), OLD)


if __name__ == "__main__":
    unittest.main()
