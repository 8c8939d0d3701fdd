# SPDX-License-Identifier: Apache-2.0
"""--device-memory: the same results, whatever fits on the device."""

import json
import os
import re
import signal
import threading
import unittest

from program import ProgramTest, environment
from watched import WatchedTest

HUGE = "64G"


def needed_of(error):
    """(bytes that are needed, those of them for a batch) as the program says."""
    match = re.search(r": (\d+) bytes of device memory are needed, (\d+) of them for a batch of \d+ "
                      r"rows, but only \d+ may be used: raise the limit on device memory, or "
                      r"make the batch or the model smaller$", error)
    assert match, error
    return int(match[1]), int(match[2])


class LimitTest(ProgramTest):
    def needed(self, *arguments):
        return needed_of(self.refuse(*arguments, "--device-memory", 1, code=1))

    def output_with(self, limit, output, *arguments):
        """The bytes that the program writes under a limit."""
        options = () if limit is None else ("--device-memory", limit)
        self.succeed(*arguments, "-o", output, "-q", *options)
        written = self.path(output).read_bytes()
        self.path(output).unlink()
        return written

    def check_limits(self, output, *arguments, extra=()):
        """With too little memory for the whole of the data, and with just enough for a batch."""
        expected = self.output_with(None, output, *arguments)
        needed, batch = self.needed(*arguments, "-o", output)
        for limit in (needed, needed + 1, needed + batch, needed + 3 * batch - 1, *extra, HUGE):
            with self.subTest(limit=limit):
                self.assertTrue(expected == self.output_with(limit, output, *arguments))
        error = self.refuse(*arguments, "-o", output, "--device-memory", needed - 1, code=1)
        self.assertEqual(needed_of(error), (needed, batch))
        return needed, batch


class PretrainTest(LimitTest):
    def test_floats(self):
        self.random_rows("rows.npy", 700, 31)
        # Rows and their order are 92,400 bytes; beside one batch of 32 in memory they never fit.
        self.check_limits("m.safetensors", "pretrain", "rows.npy", "--batch", 32, "--epochs", 3,
                          "--hidden", 9, "--embedding", 5, "--objective", "nt-xent")

    def test_images_masked_in_blocks_with_a_decoder(self):
        self.images("rows.idx", 300)
        self.check_limits("m.safetensors", "pretrain", "rows.idx", "--batch", 50, "--epochs", 2,
                          "--hidden", 9, "--embedding", 5, "--mask", "block",
                          "--objective", "nt-xent+reconstruction:10")

    def test_one_batch_an_epoch(self):
        self.images("rows.idx", 60, compress=True)
        self.check_limits("m.safetensors", "pretrain", "rows.idx", "--batch", "all", "--epochs", 5,
                          "--hidden", 9, "--embedding", 5)

    def test_one_row_a_batch(self):
        self.random_rows("rows.npy", 50, 3)
        self.check_limits("m.safetensors", "pretrain", "rows.npy", "--batch", 1, "--epochs", 4,
                          "--hidden", "none", "--embedding", 2, "--objective", "cosine")

    def test_steps_are_reported_alike(self):
        arguments = ("pretrain", "--synthetic", "200x40", "--batch", 16, "--epochs", 3, "--hidden",
                     9, "--embedding", 5, "-o", "m.safetensors")
        needed, _ = self.needed(*arguments)
        reports = []
        for limit in needed, HUGE:
            self.succeed(*arguments, "--metrics", "m.jsonl", "--device-memory", limit)
            lines = [json.loads(line) for line in self.path("m.jsonl").read_text().splitlines()]
            reports.append([{name: value for name, value in line.items()
                             if name not in ("rows_per_s", "seconds")} for line in lines])
        self.assertEqual(len(reports[0]), 36)
        self.assertEqual(*reports)

    def test_units(self):
        arguments = ("pretrain", "--synthetic", "8x8", "-o", "m.safetensors", "-q",
                     "--device-memory")
        for limit in "1", "1K", "2K":
            error = self.refuse(*arguments, limit, code=1)
            self.assertIn(" only %d may" % eval(limit.replace("K", "*1024")), error)
        for limit in "100000000", "512000K", "100M", "1G", "16777215G":
            self.succeed(*arguments, limit)

    def test_limits_that_are_none(self):
        arguments = ("pretrain", "--synthetic", "8x8", "-o", "m.safetensors", "--device-memory")
        for limit in "0", "0M", "", "-1", "+1M", "1.5G", "1T", "1MB", "1 M", "M", "1k", "0x10", "all":
            with self.subTest(limit=limit):
                self.refuse(*arguments, limit, code=2,
                            says=["--device-memory: '%s' is not a number of bytes" % limit, "512M"])
        for limit in "18446744073709551616", "17179869184G", "99999999999999999999999K":
            with self.subTest(limit=limit):
                self.refuse(*arguments, limit, code=2, says=["--device-memory: " + limit])

    def test_it_is_for_whatever_uses_a_device(self):
        for command in "pretrain", "embed", "reconstruct", "probe", "finetune":
            self.assertIn("--device-memory LIMIT", self.succeed("help", command).stdout)


class InterruptedTest(LimitTest):
    def test_the_model_so_far_is_written(self):
        arguments = ("pretrain", "--synthetic", "64x8", "--batch", 16, "--epochs", 1000000,
                     "-o", "m.safetensors")
        needed, _ = self.needed(*arguments)
        for number in signal.SIGINT, signal.SIGTERM:
            process = self.start_program(*arguments, "--device-memory", needed)
            said = []
            begun = threading.Event()

            def read():
                for line in process.stderr:
                    said.append(line)
                    if line.startswith("epoch"):
                        begun.set()

            reader = threading.Thread(target=read)
            reader.start()
            self.assertTrue(begun.wait(60), said)
            process.send_signal(number)
            self.assertEqual(process.wait(30), 128 + number)
            reader.join()
            self.assertRegex(said[-1], r"interrupted by %s: stopped in epoch \d+ after step \d+; the "
                                       r"model so far is in m.safetensors" % number.name)
            steps = int(self.information("m.safetensors")["metadata"]["steps"])
            self.assertGreater(steps, 0)
            self.path("m.safetensors").unlink()


class AdviceTest(ProgramTest):
    def test_what_is_too_large_is_named(self):
        """And nothing else, which would not help."""
        for option, *more in (["--queue", "--objective", "moco"], ["--projector"], ["--hidden"],
                              ["--decoder", "--objective", "reconstruction"],
                              ["--predictor", "--objective", "simsiam"]):
            with self.subTest(option=option):
                said = self.refuse("pretrain", "--synthetic", "64x32", "-q", "-o", "o", *more,
                                   option, 4000000000, code=1 if option == "--queue" else 2)
                self.assertIn("use a smaller " + option, said)
                self.assertNotIn("less data", said)


class UseTest(LimitTest):
    """Commands that use a model."""

    def test_embed(self):
        # More than two whole batches of 1024 rows, and a smaller one.
        self.random_rows("rows.npy", 2500, 12)
        self.images("rows.idx", 2500)
        self.model("floats.safetensors", 12)
        self.model("bytes.safetensors", 64, "--activation", "gelu", "--hidden", "7,5")
        for model, rows in ("floats.safetensors", "rows.npy"), ("bytes.safetensors", "rows.idx"):
            with self.subTest(model=model):
                needed, batch = self.check_limits("out.npy", "embed", model, rows,
                                                  extra=["100K", "300K", "1M"])
                self.assertLess(batch, 1000)  # it is one row

    def test_reconstruct(self):
        self.images("rows.idx", 2200)
        self.model("m.safetensors", 64, "--objective", "reconstruction")
        self.check_limits("out.npy", "reconstruct", "m.safetensors", "rows.idx", "--first", 30,
                          "--rows", 2100, "--mask", "block", extra=["300K"])

    def test_probe(self):
        self.images("rows.idx", 300)
        self.labels("labels.idx", 300)
        self.model("m.safetensors", 64)
        arguments = "probe", "m.safetensors", *["rows.idx", "labels.idx"] * 2, "--json"
        results = [re.sub(r'((?:seconds|iterations|objective)":\s*)[0-9.e-]+', r"\1…",
                          self.succeed(*arguments, *options).stdout)
                   for options in ([], ["--device-memory", "30K"])]
        self.assertEqual(*results)


class ResidentTest(ProgramTest):
    """Where host and device share memory, as CPU devices do, the data set is there once."""

    def peak(self, rows, *options):
        # AddressSanitizer keeps freed memory for long, and needs an eighth more.
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
        process = self.start_program("pretrain", "--synthetic", "%dx784" % rows, "--batch", 64,
                                     "--epochs", 1, "--hidden", 8, "--embedding", 4, "-q",
                                     "-o", "m.safetensors", *options,
                                     env=environment(ASAN_OPTIONS=sanitizer))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0, process.stderr.read())
        return usage.ru_maxrss * 1024

    def test_peak_memory(self):
        shared = json.loads(self.succeed("devices", "--json").stdout)
        if not all(device["type"] == "CPU" for device in shared["devices"]):
            self.skipTest("a device with memory of its own")
        self.peak(100)  # drivers compile kernels
        small, rows = self.peak(100), 30000
        data = rows * 784 * 4
        for options in [], ["--device-memory", "20M"]:
            with self.subTest(options=options):
                self.assertLess(self.peak(rows, *options) - small, 1.3 * data)


class ReleaseTest(WatchedTest):
    def test_nothing_is_alive_at_the_end(self):
        self.model("m.safetensors", 8)
        self.random_rows("rows.npy", 500, 8)
        for arguments in (["pretrain", "rows.npy", "--batch", 10, "--epochs", 2, "--hidden", "none",
                           "--embedding", 2, "--objective", "cosine"],
                          ["embed", "m.safetensors", "rows.npy"]):
            output = ["-o", "out.npy", "-q", "--device-memory"]
            with self.subTest(command=arguments[0]):
                result = self.run_program(*arguments, *output, 1, env=self.watched())
                self.assertEqual(result.returncode, 1)
                self.check_released()
                needed, _ = needed_of(result.stderr.rstrip("\n"))
                self.succeed(*arguments, *output, needed, env=self.watched())
                log = self.check_released()
                names = [function for _, function, _ in log.calls]
                self.assertIn("clEnqueueBarrierWithWaitList", names)  # or nothing was streamed


if __name__ == "__main__":
    unittest.main()
