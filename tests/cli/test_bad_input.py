# SPDX-License-Identifier: Apache-2.0
"""Bad input of every kind: one clear line, and nothing written or lost."""

import gzip
import json
import math
import os
import resource
import struct
import subprocess
import tempfile
import unittest

from program import ProgramTest, environment, npy_bytes

OLD = b"what was here before"


class BadInputTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.write("out.safetensors", OLD)

    def refuse_data(self, name, *says, code=1):
        """Every command that reads rows says the same of them."""
        return self.refuse("pretrain", name, "-o", "out.safetensors", code=code,
                           says=[name, *says])


class RowsTest(BadInputTest):
    def test_a_row_and_columns_that_are_rows_are_known(self):
        """numpy.save(path, rows[0]) is a common way to one row; its advice leads to a file that
        is read."""
        model = self.model(columns=4)
        for shape, advice, right in [((4,), "save array.reshape(1, -1)", (1, 4)),
                                     ((4, 3), "save array.T", (3, 4))]:
            values = [float(i) for i in range(math.prod(shape))]
            self.npy("rows.npy", shape, values)
            self.refuse("embed", model, "rows.npy", "-o", "out.npy", code=1, says=[advice])
            self.npy("rows.npy", right, values)
            self.succeed("embed", model, "rows.npy", "-o", "embedded.npy", "-q")
        self.npy("rows.npy", (5, 3), [0.0] * 15)
        self.refuse("embed", model, "rows.npy", "-o", "out.npy", code=1,
                    says=["its rows have 3 values", "takes 4: use the data that it was trained for"])

    def test_missing(self):
        self.refuse_data("nonesuch.idx", "No such file")

    def test_a_folder(self):
        self.path("folder").mkdir()
        self.refuse_data("folder")

    def test_a_file_that_may_not_be_read(self):
        if os.geteuid() == 0:
            self.skipTest("root may read everything")
        self.images("images.idx", 2)
        self.path("images.idx").chmod(0)
        self.refuse_data("images.idx", "Permission denied")

    def test_empty(self):
        self.write("empty.idx", b"")
        self.refuse_data("empty.idx", "empty")
        self.write("empty.gz", gzip.compress(b""))
        self.refuse_data("empty.gz")

    def test_neither_idx_nor_npy(self):
        for data in b"hello, world\n" * 10, b"\x00", b"\x89PNG\r\n\x1a\n" + bytes(100):
            self.write("other", data)
            self.refuse_data("other")
        self.write("other", gzip.compress(b"hello, world\n" * 10))
        self.refuse_data("other")

    def test_truncated(self):
        self.images("images.idx", 6, 4, 4)
        whole = self.path("images.idx").read_bytes()
        for length in 3, 4, 7, 15, 16, 17, len(whole) - 1:
            self.write("images.idx", whole[:length])
            self.refuse_data("images.idx")
        packed = gzip.compress(whole)
        for length in 5, 12, len(packed) // 2, len(packed) - 9, len(packed) - 1:
            self.write("images.gz", packed[:length])
            self.refuse_data("images.gz")
        self.random_rows("rows.npy", 6, 4)
        whole = self.path("rows.npy").read_bytes()
        for length in 5, 9, 40, 127, 128, 129, len(whole) - 1:
            self.write("rows.npy", whole[:length])
            self.refuse_data("rows.npy")

    def test_trailing_bytes(self):
        self.images("images.idx", 6, 4, 4)
        self.write("images.idx", self.path("images.idx").read_bytes() + b"x")
        self.refuse_data("images.idx")

    def test_damaged_gzip(self):
        self.images("images.idx", 16, 8, 8)
        packed = bytearray(gzip.compress(self.path("images.idx").read_bytes()))
        packed[-6] ^= 1 # of the checksum
        self.write("images.gz", bytes(packed))
        self.refuse_data("images.gz")

    def test_wrong_endian_idx(self):
        self.write("images.idx", struct.pack("<IIII", 0x803, 2, 3, 3) + bytes(18))
        self.refuse_data("images.idx", "big-endian")

    def test_idx_without_rows(self):
        for sizes in (0, 3, 3), (2, 0, 3):
            self.write("images.idx", struct.pack(">IIII", 0x803, *sizes))
            self.refuse_data("images.idx")

    def test_an_absurd_shape(self):
        self.write("images.idx", struct.pack(">IIII", 0x803, *[0xFFFFFFFF] * 3) + bytes(100))
        self.refuse_data("images.idx")
        for shape in (2**62, 4), (2**40, 2**40), (0, 4), (4, 0), (), (10**30, 1):
            self.write("rows.npy", npy_bytes("<f4", shape, bytes(64)))
            self.refuse_data("rows.npy")

    def test_npy_of_types_that_are_not_read(self):
        for descr in "|O", "<c8", "|S3", "<U3", "<M8[s]", "|V4", "<f16", "f4":
            self.write("rows.npy", npy_bytes(descr, (4, 4), bytes(64)))
            self.refuse_data("rows.npy", descr)
        self.write("rows.npy", npy_bytes("|O", (4, 4), bytes(64)))
        self.refuse_data("rows.npy", "object")
        for descr in "<f2", "|b1", ">f4", "<u2": # which are read
            self.write("rows.npy", npy_bytes(descr, (4, 4), bytes(65)))
            self.refuse_data("rows.npy", "more bytes follow", descr)

    def test_npy_of_another_version(self):
        self.write("rows.npy", npy_bytes("<f4", (4, 4), bytes(64), version=b"\x09\x00"))
        self.refuse_data("rows.npy", "version")

    def test_a_number_that_is_none_is_named_by_row_and_column(self):
        for value in float("nan"), float("inf"), -float("inf"):
            for descr in "<f4", "<f8":
                values = [1.0] * 12
                values[2 * 3 + 1] = value
                self.npy("rows.npy", (4, 3), values, descr)
                self.refuse_data("rows.npy", "row 2", "column 1")

    def test_a_double_that_no_float_holds(self):
        self.npy("rows.npy", (2, 2), [1, 2, 1e300, 4], "<f8")
        self.refuse_data("rows.npy", "row 1", "column 0")

    def test_a_batch_larger_than_the_data(self):
        self.random_rows("rows.npy", 6, 4)
        self.refuse("pretrain", "rows.npy", "-o", "out.safetensors", "--batch", "7", code=2,
                    says=["a batch of 7 rows", "6 rows"])

    def test_every_command_refuses_them(self):
        self.model("m.safetensors", 12)
        self.write("rows.npy", npy_bytes("<f4", (4, 12), bytes(4)))
        self.write("out.npy", OLD)
        for command in "embed", "reconstruct":
            self.refuse(command, "m.safetensors", "rows.npy", "-o", "out.npy", code=1,
                        says=["rows.npy", "truncated"])
        self.labels("labels.idx", 4)
        self.refuse("probe", "m.safetensors", "rows.npy", "labels.idx", "rows.npy", "labels.idx",
                    code=1, says=["rows.npy", "truncated"])


class ModelTest(BadInputTest):
    def test_every_command_refuses_what_is_no_model(self):
        self.random_rows("rows.npy", 4, 12)
        self.write("out.npy", OLD)
        whole = self.path(self.model("m.safetensors", 12)).read_bytes()
        for name, data in [("empty", b""), ("short", whole[:7]), ("header", whole[:100]),
                           ("cut", whole[:-1]), ("long", whole + b"x"),
                           ("text", b"hello, world\n" * 100),
                           ("huge", b"\xff" * 8 + whole[8:])]:
            self.write(name, data)
            self.refuse("embed", name, "rows.npy", "-o", "out.npy", code=1, says=[name])
            self.refuse("reconstruct", name, "rows.npy", "-o", "out.npy", code=1, says=[name])
            if name != "text":  # which is a table
                self.refuse("info", name, code=1, says=[name])
        self.refuse("embed", "nonesuch", "rows.npy", "-o", "out.npy", code=1,
                    says=["nonesuch", "No such file"])

    def test_numbers_that_are_none(self):
        whole = self.path(self.model("m.safetensors", 12)).read_bytes()
        self.write("nan", whole[:-4] + struct.pack("<f", float("nan")))
        self.refuse("info", "nan", code=1, says=["nan"])


class OutputTest(BadInputTest):
    """The place to write to, checked before anything long."""

    def commands(self, output):
        yield "pretrain", "rows.npy", "-o", output, "--epochs", "1"
        yield "embed", "m.safetensors", "rows.npy", "-o", output
        yield "reconstruct", "m.safetensors", "rows.npy", "-o", output

    def setUp(self):
        super().setUp()
        self.model("m.safetensors", 12)
        self.random_rows("rows.npy", 4, 12)

    def test_a_folder_that_does_not_exist(self):
        for command in self.commands("nonesuch/out.npy"):
            self.refuse(*command, code=1, says=["nonesuch", "does not exist"])

    def test_a_folder_in_place_of_a_file(self):
        self.path("folder.npy").mkdir()
        for command in self.commands("folder.npy"):
            self.refuse(*command, code=1, says=["folder.npy", "folder"])

    def test_a_folder_that_may_not_be_written(self):
        if os.geteuid() == 0:
            self.skipTest("root may write everywhere")
        self.path("folder").mkdir(mode=0o500)
        for command in self.commands("folder/out.npy"):
            self.refuse(*command, code=1, says=["folder", "Permission denied"])

    def test_a_device_in_place_of_a_file(self):
        self.refuse("pretrain", "rows.npy", "-o", "/dev/null", code=1, says=["/dev/null"])

    def test_the_input(self):
        os.symlink("rows.npy", self.path("soft.npy"))
        os.link(self.path("rows.npy"), self.path("hard.npy"))
        for output in "rows.npy", "./rows.npy", "soft.npy", "hard.npy":
            for command in self.commands(output):
                self.refuse(*command, code=2, says=["-o: " + output, "input"])

    def full_commands(self, output):
        self.npy("big.npy", (50000, 12), [1.5, -0.5] * 300000)
        self.write("out.npy", OLD)
        yield ("pretrain", "rows.npy", "-o", output + ".safetensors", "--epochs", "1", "--hidden",
               "1024,1024")
        self.model("wide.safetensors", 12, "--embedding", "32")
        yield "embed", "wide.safetensors", "big.npy", "-o", output + ".npy"
        yield "reconstruct", "m.safetensors", "big.npy", "-o", output + ".npy"

    def refuse_full(self, command, says, **options):
        """The device is in use when the disk is found full."""
        before = self.contents()
        result = self.run_program(*command, "-q", **options)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertTrue(result.stderr.startswith("maskcl: error: "), result.stderr)
        for word in command[command.index("-o") + 1], says:
            self.assertIn(word, result.stderr)
        self.assertEqual(self.contents(), before)

    def test_a_file_that_may_not_be_as_long(self):
        commands = list(self.full_commands("out"))
        for command in commands:
            with self.subTest(command=command[0]):
                # The driver's compiler writes files as well, and aborts below this limit.
                self.refuse_full(command, "File too large", preexec_fn=lambda: resource.setrlimit(
                    resource.RLIMIT_FSIZE, (4000000, 4000000)))

    def test_a_full_disk(self):
        disk = self.path("disk")
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)],
                          stderr=subprocess.DEVNULL).returncode:
            self.skipTest("only root may mount a small disk")
        self.addCleanup(subprocess.run, ["umount", "-l", str(disk)])
        for name in "out.npy", "out.safetensors":
            (disk / name).write_bytes(OLD)
        for command in self.full_commands("disk/out"):
            with self.subTest(command=command[0]), tempfile.TemporaryDirectory() as elsewhere:
                self.refuse_full(command, "No space left", env=environment(TMPDIR=elsewhere))
                kept = os.listdir(elsewhere)  # the model, which took work
                self.assertEqual(len(kept), command[0] == "pretrain")


class DeviceTest(BadInputTest):
    def test_out_of_memory(self):
        """NT-Xent compares every view of a batch with every other."""
        devices = json.loads(self.succeed("devices", "--json").stdout)["devices"]
        largest = next(device for device in devices if device["used"])["largest_buffer"]
        rows = int(1.1 * math.sqrt(largest / 4) / 2)
        line = self.refuse("pretrain", "--synthetic", "%dx2" % rows, "--batch", "all", "-o",
                           "out.safetensors", "-q", code=1)
        self.assertRegex(line, "memory|buffer")
        self.assertIn("--batch", line)

    def test_kernels_that_do_not_compile(self):
        """The compiler's log follows the line."""
        planted = self.planted("views.cl", "kernel void NAME(views)(",
                               "kernel void NAME(views)(nonsense of, ")
        before = self.contents()
        result = self.run_program("pretrain", "--synthetic", "8x4", "-o", "out.safetensors", "-q",
                                  env=planted)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"(?m)^maskcl: error: .*: the kernels of views\.cl do not build")
        self.assertIn("nonsense", result.stderr)
        self.assertEqual(self.contents(), before)

    def test_data_that_no_host_holds(self):
        for size, code in [("99999999999x99999999", 1), ("18446744073709551615x2", 2)]:
            self.refuse("pretrain", "--synthetic", size, "-o", "out.safetensors", code=code)

    def test_a_loss_that_is_not_finite(self):
        """From the first step on, to which no learning rate has contributed, and later."""
        self.npy("rows.npy", (4, 4), [1e30] * 16)
        for data, says in ((["rows.npy"], "the loss is not finite in the first step, before"),
                           (["--synthetic", "4x4", "--lr", "1e30"],
                            "the loss is no longer finite in step 2: lower")):
            before = self.contents()
            result = self.run_program("pretrain", *data, "-o", "out.safetensors", "-q",
                                      "--objective", "reconstruction")
            self.assertEqual(result.returncode, 1)
            self.assertTrue(result.stderr.startswith("maskcl: error: " + says), result.stderr)
            self.assertEqual(len(result.stderr.splitlines()), 1)
            self.assertEqual(self.contents(), before)


if __name__ == "__main__":
    unittest.main()
