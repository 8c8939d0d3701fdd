# SPDX-License-Identifier: Apache-2.0
"""Where results go: nothing trained is lost, no file plays two parts, and no two runs write one
file."""

import json
import os
import pathlib
import signal
import stat
import subprocess
import unittest

from program import ProgramTest, environment

SHIM = pathlib.Path(os.environ["MASKCL_BUILD"]) / "tests" / "libfile_shim.so"
SMALL = "--hidden", "6", "--embedding", "4", "-q"
PRETRAIN = "pretrain", "--synthetic", "64x12", "--epochs", "1", *SMALL


class OutputTest(ProgramTest):
    def failing(self, calls, to="", named=False):
        """The environment in which calls on files fail, by errno; with `named` files cannot be made
        without a name either."""
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        calls += " unnamed=95" if named else ""  # EOPNOTSUPP, as on network folders
        return environment(LD_PRELOAD=SHIM, MASKCL_TEST_FILES=calls, MASKCL_TEST_FILES_TO=to,
                           ASAN_OPTIONS=sanitizer)

    def names(self):
        return sorted(path.name for path in self.folder.iterdir())


class FileSystemTest(OutputTest):
    """File systems that lack something."""

    def test_neither_mode_nor_sync(self):
        for named in False, True:
            with self.subTest(named=named):
                self.succeed(*PRETRAIN, "-o", "m.safetensors",
                             env=self.failing("fchmod=1 fsync=22", named=named))
                self.information("m.safetensors")
                self.assertEqual(self.names(), ["m.safetensors"])

    def test_a_disk_that_fails(self):
        self.write("m.safetensors", b"old")
        env = self.failing("fsync=5")
        env["TMPDIR"] = env["HOME"] = str(self.folder)
        result = self.run_program(*PRETRAIN, "-o", "m.safetensors", env=env)
        self.assertEqual(result.returncode, 1)
        self.assertIn("m.safetensors: cannot write: Input/output error", result.stderr)
        self.assertEqual(self.contents(), {"m.safetensors": b"old"})

    def test_a_name_that_cannot_be_renamed_to(self):
        """As a mount point: what is there is written over."""
        self.write("m.safetensors", b"old")
        os.link(self.path("m.safetensors"), self.path("same"))
        for named in False, True:
            self.succeed(*PRETRAIN, "-o", "m.safetensors", "--seed", int(named),
                         env=self.failing("rename=16", "m.safetensors", named))
            self.information("m.safetensors")
            self.assertTrue(os.path.samefile(self.path("same"), self.path("m.safetensors")))
            self.assertEqual(self.names(), ["m.safetensors", "same"])

    def test_a_folder_that_goes_away(self):
        """The model is saved elsewhere, and the message says where."""
        self.path("out").mkdir()
        self.path("elsewhere").mkdir()
        process = self.start_program(
            "pretrain", "--synthetic", "64x12", "--epochs", 1000000, *SMALL, "-o",
            "out/m.safetensors", "--metrics", "m.jsonl", "--checkpoint-every", 50,
            env=environment(TMPDIR=self.path("elsewhere")))
        while not self.path("out/m.checkpoint.safetensors").exists():
            self.assertIsNone(process.poll())
        self.path("out").rename(self.path("gone"))
        self.assertIn("no checkpoint after step ", process.stderr.readline())
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1]
        self.assertEqual(process.returncode, 1, said)
        self.assertIn("the folder out does not exist; the model is in ", said)
        self.assertNotIn("last checkpoint", said)
        kept = [path for path in self.path("elsewhere").iterdir()]
        self.assertEqual(len(kept), 1)
        self.assertIn(str(kept[0]), said)
        self.information(kept[0])

    def test_the_longest_names(self):
        """A name is written, checkpoints too, or refused before training."""
        for length in 242, 243, 244, 255:
            name = "n" * (length - len(".safetensors")) + ".safetensors"
            for named in False, True:
                with self.subTest(length=length, named=named):
                    self.succeed(*PRETRAIN, "-o", name, env=self.failing("", named=named))
                    self.path(name).unlink()
        self.refuse(*PRETRAIN, "-o", "n" * 256, code=1, says=["longer than the file system allows"])
        self.refuse(*PRETRAIN, "-o", "n" * 255, "--checkpoint-every", 1, code=1,
                    says=[".checkpoint.safetensors", "longer than the file system allows"])
        name = "n" * (255 - len(".checkpoint.previous.safetensors"))
        self.succeed(*PRETRAIN, "-o", name, "--checkpoint-every", 1)
        self.refuse(*PRETRAIN, "-o", "n" + name, "--checkpoint-every", 1, code=1,
                    says=[".checkpoint.previous.safetensors", "longer than the file system allows"])

    def test_a_checkpoint_s_link_to_another_file_system_stays(self):
        self.path("scratch").mkdir()
        os.symlink("scratch/kept", self.path("m.checkpoint.safetensors"))
        env = self.failing("linkat=18", ".previous.safetensors") # EXDEV
        process = self.start_program("pretrain", "--synthetic", "64x12", "--epochs", 1000000,
                                     *SMALL, "-o", "m.safetensors", "--checkpoint-every", 50,
                                     "--metrics", "m.jsonl", env=env)
        while not self.path("m.jsonl").exists() or self.path("m.jsonl").stat().st_size < 20000:
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 143)
        self.assertTrue(self.path("m.checkpoint.safetensors").is_symlink())
        self.information("scratch/kept")
        self.path("scratch/kept").unlink()
        self.succeed(*PRETRAIN, "-o", "m.safetensors", "--checkpoint-every", 1, env=env)
        self.assertTrue(self.path("m.checkpoint.safetensors").is_symlink())
        self.assertEqual(list(self.path("scratch").iterdir()), [])

    def test_links_stay(self):
        self.path("store").mkdir()
        os.symlink("store/m.safetensors", self.path("latest"))
        for before in None, b"old":
            if before:
                self.write("store/m.safetensors", before)
            self.succeed(*PRETRAIN, "-o", "latest")
            self.assertTrue(self.path("latest").is_symlink())
            self.information("store/m.safetensors")

    def test_write_protected(self):
        self.write("m.safetensors", b"precious")
        self.path("m.safetensors").chmod(0o444)
        self.refuse(*PRETRAIN, "-o", "m.safetensors", code=1, says=["write-protected"])

    def test_any_umask(self):
        """What a run has written it can go on with."""
        for mask in 0, 0o777:
            with self.subTest(mask=oct(mask)):
                run = ("pretrain", "--synthetic", "64x12", *SMALL, "-o", "m.safetensors",
                       "--checkpoint-every", 1, "--epochs")
                before = os.umask(mask)
                try:
                    self.succeed(*run, 2, "--metrics", "m.jsonl")
                finally:
                    os.umask(before)
                mode = stat.S_IMODE(self.path("m.safetensors").stat().st_mode)
                self.assertEqual(mode, 0o600 | (0o666 & ~mask))
                self.path("m.safetensors").unlink()
                self.path("m.jsonl").unlink()


class StandardOutputTest(OutputTest):
    def test_no_open_file_is_replaced(self):
        """/dev/stdout is a link; here one of our own leads there, too."""
        self.model("m.safetensors")
        self.random_rows("rows.npy", 3, 12)
        os.symlink("/proc/self/fd/1", self.path("out"))
        for name in "out", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1":
            for kind in "file", "pipe":
                with self.subTest(name=name, kind=kind):
                    with open(self.path("caught"), "wb") as file:
                        result = self.run_program(
                            "embed", "m.safetensors", "rows.npy", "-q", "-o", name,
                            stdout=file if kind == "file" else subprocess.PIPE)
                    self.assertEqual(result.returncode, 1)
                    self.assertIn("is not a regular file and would be replaced", result.stderr)
                    self.assertTrue(self.path("out").is_symlink())
                    self.assertEqual(self.path("caught").read_bytes(), b"")
        self.assertTrue(os.path.islink("/dev/stdout"))

    def test_metrics_are_appended_to_open_files(self):
        for name in "/dev/stdout", "/proc/self/fd/1":
            with self.subTest(name=name):
                self.write("log", b"earlier\n")
                with open(self.path("log"), "ab") as file:
                    self.succeed(*PRETRAIN, "-o", "m.safetensors", "--metrics", name, stdout=file)
                lines = self.path("log").read_text().splitlines()
                self.assertEqual(lines[0], "earlier")
                self.assertEqual(json.loads(lines[1])["step"], 1)


class RolesTest(OutputTest):
    """No file plays two parts."""

    def test_pretrain(self):
        self.random_rows("rows.npy", 64, 12)
        self.labels("labels", 64)
        run = "pretrain", "rows.npy", "--epochs", 2, *SMALL, "-o", "o.safetensors"
        checkpoints = "--checkpoint-every", 1
        self.refuse(*run, "--metrics", "o.safetensors", code=2, says=["--metrics: ", "the model"])
        self.refuse(*run, "--metrics", "./o.safetensors", code=2, says=["--metrics: "])
        for name in "o.checkpoint.safetensors", "o.checkpoint.previous.safetensors":
            self.refuse(*run, *checkpoints, "--metrics", name, code=2,
                        says=["--metrics: " + name, "checkpoint"])
            os.link(self.path("rows.npy"), self.path(name))
            self.refuse(*run, *checkpoints, code=2, says=[name, "an input"])
            self.refuse(*run[2:] and ("pretrain", name, *run[2:]), *checkpoints, code=2,
                        says=[name, "an input"])
            self.path(name).unlink()
            self.refuse("pretrain", "rows.npy", "--epochs", 2, *SMALL, "-o", "o", *checkpoints,
                        "--metrics", "o", code=2, says=["--metrics: "])
        os.symlink("o.safetensors", self.path("soft"))
        self.refuse(*run, "--metrics", "soft", code=2, says=["--metrics: soft"])
        os.link(self.path("labels"), self.path("hard"))
        self.refuse(*run, "--validate", "labels", "--metrics", "hard", code=2,
                    says=["--metrics: hard", "an input"])
        self.refuse("pretrain", "rows.npy", "--validate", "labels", *SMALL, "-o", "hard", code=2,
                    says=["-o: hard", "an input"])
        self.succeed(*run, *checkpoints, "--metrics", "m.jsonl")

    def test_finetune(self):
        model = self.model("m.safetensors", 64)
        self.images("images", 40)
        self.labels("labels", 40)
        run = "finetune", model, "images", "labels", "--epochs", 1, "-q", "-o"
        for name in model, "images", "labels":
            self.refuse(*run, name, code=2, says=["-o: " + name, "an input"])
            self.refuse(*run, "t.safetensors", "--metrics", name, code=2,
                        says=["--metrics: " + name, "an input"])
        self.refuse(*run, "t.safetensors", "--checkpoint-every", 1, "--metrics",
                    "t.checkpoint.safetensors", code=2, says=["--metrics: "])


class TwoAtOnceTest(OutputTest):
    def test_the_second_run_is_refused(self):
        self.random_rows("rows.npy", 64, 12)
        os.symlink("a.safetensors", self.path("link"))
        run = "pretrain", "rows.npy", *SMALL, "--epochs"
        first = self.start_program(*run, 1000000, "-o", "a.safetensors", "--checkpoint-every", 100000,
                                   "--metrics", "a.jsonl")
        while not (self.path("a.jsonl").exists() and self.path("a.jsonl").stat().st_size):
            self.assertIsNone(first.poll())
        for arguments in (["-o", "a.safetensors"], ["-o", "link"],
                          ["-o", self.path("a.safetensors")],
                          ["-o", "a", "--checkpoint-every", 1],  # its checkpoints' name is the same
                          ["-o", "b.safetensors", "--metrics", "a.jsonl"],
                          ["-o", "a.jsonl"]):
            with self.subTest(arguments=arguments):
                before = self.names()
                result = self.run_program(*run, 1, *arguments)
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn("another run is writing this file", result.stderr)
                self.assertEqual(self.names(), before)
        self.succeed(*run, 1, "-o", "b.safetensors", "--metrics", "b.jsonl")
        first.kill()
        first.wait()
        self.succeed(*run, 1, "-o", "a.safetensors", "--metrics", "a.jsonl")
        for line in self.path("a.jsonl").read_text().splitlines():
            json.loads(line)

    def test_locks_leave_nothing(self):
        self.succeed(*PRETRAIN, "-o", "m.safetensors", "--metrics", "m.jsonl")
        self.assertEqual(self.names(), ["m.jsonl", "m.safetensors"])


if __name__ == "__main__":
    unittest.main()
