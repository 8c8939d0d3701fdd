# SPDX-License-Identifier: Apache-2.0
"""--checkpoint-every and --resume: a run that is interrupted, or killed at any moment, goes on and
ends with the bits of one that was not. MASKCL_KILLS sets how often one is killed (5)."""

import json
import os
import random
import signal
import subprocess
import time
import unittest

from program import ProgramTest

KILLS = int(os.environ.get("MASKCL_KILLS", "5"))
CHECKPOINT = "m.checkpoint.safetensors"
PREVIOUS = "m.checkpoint.previous.safetensors"
EVERY = ["--checkpoint-every", "5"]


def run_of(*options, epochs=200):
    """Options of a run of 12 steps an epoch, far longer with checkpoints than without."""
    return ["pretrain", "--synthetic", "200x16", "--hidden", "8", "--embedding", "4", "--batch",
            "16", "--epochs", str(epochs), "-o", "m.safetensors", *options]


class CheckpointTest(ProgramTest):
    def whole(self, *options, epochs=200):
        """The model's bytes without an interruption."""
        self.succeed(*run_of(*options, epochs=epochs), "-q")
        model = self.path("m.safetensors").read_bytes()
        self.path("m.safetensors").unlink()
        return model

    def wait_for_checkpoint(self, process, name=CHECKPOINT):
        """Until there is another one than now."""
        path = self.path(name)
        before = path.stat().st_mtime_ns if path.exists() else None
        for _ in range(12000):
            if path.exists() and path.stat().st_mtime_ns != before:
                return True
            if process.poll() is not None:
                return False
            time.sleep(0.005)
        self.fail("no checkpoint within a minute")

    def interrupt(self, *options, number=signal.SIGKILL, name=CHECKPOINT):
        """Starts a run with checkpoints and ends it by a signal behind one; its standard error."""
        process = self.start_program(*run_of(*EVERY, *options))
        self.assertTrue(self.wait_for_checkpoint(process, name), "it ended by itself")
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130 if number == signal.SIGINT else -number, said)
        return said

    def resumed(self, *options):
        """The model's bytes when the run has gone on to its end."""
        said = self.succeed(*run_of("--resume", *options)).stderr
        self.assertRegex(said, r"(?m)^resuming after step [1-9]\d*, from %s$" % CHECKPOINT)
        self.assertFalse(self.path(CHECKPOINT).exists())
        self.assertFalse(self.path(PREVIOUS).exists())
        return self.path("m.safetensors").read_bytes()


class ResumeTest(CheckpointTest):
    def test_every_kind_of_run_ends_with_the_same_bytes(self):
        for options in ([], ["--optimizer", "sgd", "--clip-norm", "0.1"],
                        ["--optimizer", "sgd", "--momentum", "0.9"],
                        ["--optimizer", "adamw", "--objective", "nt-xent", "--mask", "uniform"],
                        ["--schedule", "cosine", "--warmup", "10.5"],
                        ["--normalization", "batch", "--dropout", "0.3"],
                        ["--schedule", "step", "--lr-step", "45", "--ema", "0.99"],
                        ["--optimizer", "lars", "--lr", "0.1"], ["--optimizer", "lamb"],
                        ["--objective", "vime"],
                        ["--early-stop", "35", "--lr", "1e-5"],
                        ["--holdout", "0.2", "--keep-best", "--early-stop", "50", "--lr", "0.01"],
                        ["--objective", "byol", "--predictor", "3", "--projector", "5",
                         "--normalization", "batch", "--target-decay", "0.99"],
                        ["--objective", "moco", "--queue", "41"],
                        ["--objective", "cosine", "--activation", "gelu"]):
            with self.subTest(options=options):
                options = [*options, "--epochs", "60"]
                expected = self.whole(*options)
                self.interrupt(*options)
                self.assertTrue(self.resumed(*options) == expected)

    def test_by_another_product(self):
        expected = self.whole()
        self.interrupt()
        self.assertTrue(self.resumed("--gemm", "native-gpu") == expected)

    def test_ctrl_c_writes_a_checkpoint(self):
        expected = self.whole()
        said = self.interrupt(number=signal.SIGINT)
        last = said.splitlines()[-1]
        self.assertTrue(last.endswith("; the model so far is in m.safetensors; --resume goes on"))
        step = last.split("after step ")[1].split(";")[0]
        self.assertEqual(self.information(CHECKPOINT)["metadata"]["steps"], step)
        self.assertEqual(self.information(CHECKPOINT)["digest"],
                         self.information("m.safetensors")["digest"])
        self.assertTrue(self.resumed() == expected)

    def test_every_so_many_seconds(self):
        process = self.start_program(*run_of("--checkpoint-every", "1s", epochs=1000000))
        self.assertTrue(self.wait_for_checkpoint(process))
        process.kill()
        self.information(CHECKPOINT)

    def test_a_checkpoint_is_a_model(self):
        self.interrupt()
        self.random_rows("rows.npy", 3, 16)
        self.succeed("embed", CHECKPOINT, "rows.npy", "-o", "out.npy")
        self.assertEqual(self.information(CHECKPOINT)["metadata"]["planned_steps"], "2400")

    def test_only_the_one_before_is_there(self):
        """As a kill may leave it on a file system without hard links."""
        expected = self.whole()
        self.interrupt()
        self.path(PREVIOUS).unlink(missing_ok=True)  # or both are names of one file, which stay
        os.rename(self.path(CHECKPOINT), self.path(PREVIOUS))
        self.refuse(*run_of(), "--checkpoint-every", 10, code=1, says=[PREVIOUS, "--resume"])
        self.assertTrue(self.resumed() == expected)

    def test_without_a_checkpoint_it_begins(self):
        expected = self.whole(epochs=2)
        said = self.succeed(*run_of("--resume", *EVERY, epochs=2)).stderr
        self.assertIn("no checkpoint at %s: starting from the beginning" % CHECKPOINT, said)
        self.assertTrue(self.path("m.safetensors").read_bytes() == expected)

    def test_the_same_run_again_is_not_run(self):
        expected = self.whole(epochs=2)
        self.path("m.safetensors").write_bytes(expected)
        for options in [], EVERY, ["--device-memory", "64M"]:
            result = self.succeed(*run_of("--resume", *options, epochs=2))
            self.assertRegex(result.stdout, r"\Am.safetensors: is what this run has come to: .*\n"
                                            r"digest [0-9a-f]{32}\n\Z")
            self.assertNotIn("epoch ", result.stderr)
        self.refuse(*run_of("--resume", epochs=3), code=1,
                    says=["m.safetensors", "after its 2 epochs", "--init m.safetensors"])
        self.assertTrue(self.path("m.safetensors").read_bytes() == expected)
        for options in ["--seed", "1"], ["--lr", "0.1"], ["--ema", "0.9"], ["--holdout", "0.1"]:
            said = self.succeed(*run_of("--resume", *options, epochs=2)).stderr
            self.assertIn("starting from the beginning", said)
            self.assertIn("epoch 2/2", said)
        early = ["--early-stop", 1, "--holdout", "0.3", "--batch", "all"]
        self.succeed(*run_of(*early, epochs=500))
        self.assertIn("is not run again", self.succeed(*run_of("--resume", *early, epochs=500)).stdout)

    def test_more_epochs_than_the_checkpoint_s_run(self):
        self.interrupt()
        result = self.run_program(*run_of("--resume", epochs=300))
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, r"--epochs was 200, and here it is 300: .* of a finished "
                                        r"one \(--init\)\n\Z")

    def test_metrics_are_those_of_a_whole_run(self):
        def lines():
            read = [json.loads(line) for line in self.path("m.jsonl").read_text().splitlines()]
            for line in read:
                del line["rows_per_s"], line["seconds"]
            return read
        metrics = ["--metrics", "m.jsonl", "--metrics-every", "3"]
        self.whole(*metrics)
        expected = lines()
        self.path("m.jsonl").unlink()
        self.interrupt(*metrics)
        self.resumed(*metrics)
        self.assertEqual(lines(), expected)


class RefusedTest(CheckpointTest):
    def test_another_run(self):
        self.interrupt()
        for option, value in (("--seed", "1"), ("--lr", "0.002"), ("--epochs", "201"),
                              ("--batch", "20"), ("--mask", "uniform"), ("--hidden", "9"),
                              ("--objective", "cosine"), ("--embedding", "5"),
                              ("--activation", "tanh"), ("--projector", "9"),
                              ("--reconstruct", "hidden"), ("--optimizer", "sgd"),
                              ("--weight-decay", "0.5"), ("--schedule", "cosine"),
                              ("--warmup", "2"), ("--ema", "0.5"), ("--early-stop", "3"),
                              ("--clip-norm", "2")):
            with self.subTest(option=option):
                before = self.contents()
                result = self.run_program(*run_of("--resume", "-q", option, value))
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertRegex(result.stderr, r"\Amaskcl: error: %s: is of a run in which %s was "
                                                r"\S+, and here it is %s(:1)?: " %
                                 (CHECKPOINT, option, value))
                self.assertEqual(self.contents(), before)
        self.refuse(*run_of("--resume", "-q", "--gemm", "clblast"), code=2,
                    says=["the product (gemm) was native, and here it is clblast: "])
        result = self.run_program(*run_of("--resume", "--synthetic", "200x17"))
        self.assertEqual(result.returncode, 2)
        self.assertIn("is of a run in which the data was 200 x 16, digest ", result.stderr)

    def test_other_numbers_of_the_same_shape(self):
        self.random_rows("a.npy", 200, 16, seed=1)
        self.random_rows("b.npy", 200, 16, seed=2)
        run = run_of()
        del run[1:3]
        process = self.start_program(*run, "a.npy", *EVERY)
        self.assertTrue(self.wait_for_checkpoint(process))
        process.kill()
        process.wait()
        self.refuse(*run, "b.npy", "--resume", "-q", code=2, says=["the data was", "digest"])

    def test_to_begin_anew(self):
        self.interrupt()
        self.refuse(*run_of(*EVERY), code=1, says=[CHECKPOINT, "--resume", "remove it"])

    def test_a_damaged_one(self):
        expected = self.whole()
        self.interrupt(name=PREVIOUS)
        good = self.path(CHECKPOINT).read_bytes()
        middle = len(good) // 2
        for damaged in (good[:middle], good[:-1], good + b"x", b"", bytes(8),
                        good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1:],
                        good.replace(b'"seed":"0"', b'"seed":"1"')):
            # A kill between the link and the rename leaves one file under both names.
            self.path(CHECKPOINT).unlink()
            self.write(CHECKPOINT, damaged)
            self.refuse(*run_of("--resume", "-q"), code=1,
                        says=[CHECKPOINT, "to go on from the one before it: mv %s %s" %
                              (PREVIOUS, CHECKPOINT)])
        self.path(PREVIOUS).rename(self.path(CHECKPOINT))
        self.assertTrue(self.resumed() == expected)

    def test_the_advice_can_be_pasted(self):
        """Into a shell, whatever the name."""
        run = ["pretrain", "--synthetic", "64x8", "--hidden", "4", "--embedding", "2", "--batch",
               "16", "--epochs", "1000000", "--checkpoint-every", "100", "-q"]
        for name in "my run's $HOME", "-x":
            process = self.start_program(*run, "--output=" + name)
            self.assertTrue(self.wait_for_checkpoint(process, name +
                                                     ".checkpoint.previous.safetensors"))
            process.kill()
            process.wait()
            self.path(name + ".checkpoint.safetensors").unlink()
            self.write(name + ".checkpoint.safetensors", b"damaged")
            said = self.run_program(*run, "--output=" + name, "--resume").stderr
            advice = said.split("the one before it: ")[1]
            subprocess.run(advice, shell=True, cwd=self.folder, check=True)
            self.assertGreater(
                self.path(name + ".checkpoint.safetensors").stat().st_size, len(b"damaged"))

    def test_a_damaged_one_that_is_the_first(self):
        self.write(CHECKPOINT, b"nothing")
        self.refuse(*run_of("--resume", "-q"), code=1, says=["there is none before it"])

    def test_a_model_that_is_no_checkpoint(self):
        self.succeed(*run_of(epochs=1), "-q")
        self.path("m.safetensors").rename(self.path(CHECKPOINT))
        self.refuse(*run_of("--resume", "-q"), code=1, says=["is not a checkpoint of a run"])

    def test_wrong_usage(self):
        for every in "0", "s", "1m", "-1", "1.5", "1ss", "99999999999999999999":
            self.refuse(*run_of("--checkpoint-every=" + every), code=2,
                        says=["--checkpoint-every", every])


class KillTest(CheckpointTest):
    def test_killed_at_any_moment(self):
        epochs = 100 * KILLS
        expected = self.whole(epochs=epochs)
        run = run_of("--resume", epochs=epochs)
        generator = random.Random(KILLS)
        kills = 0
        for attempt in range(2 * KILLS):
            process = self.start_program(*run, "--checkpoint-every", "20")
            if attempt % 5:  # each fifth one before training has begun, or hardly
                self.wait_for_checkpoint(process)
            time.sleep(generator.random() * 0.2)
            process.kill()
            process.communicate()
            if process.returncode == 0:  # a fast machine has come to the end: once more
                self.assertTrue(self.path("m.safetensors").read_bytes() == expected)
                self.path("m.safetensors").unlink()
            else:
                kills += 1
            if kills == KILLS:
                break
        self.assertEqual(kills, KILLS)
        self.succeed(*run)
        self.assertTrue(self.path("m.safetensors").read_bytes() == expected)


if __name__ == "__main__":
    unittest.main()
