# SPDX-License-Identifier: Apache-2.0
"""Rows that memory has no room for: the same bits as in memory, in as much less memory, and nothing
left on the disk. MASKCL_LARGE_BYTES sets how many bytes they have (64 MB), MASKCL_LARGE_LIMIT how many
of them memory has room for (8 MB); where they are told, rates are shown and compared, too."""

import gzip
import os
import pathlib
import random
import re
import signal
import statistics
import subprocess
import sys
import time
import unittest

from program import PROGRAM, ProgramTest, environment, npy_bytes

LONG = "MASKCL_LARGE_BYTES" in os.environ
BYTES = int(os.environ.get("MASKCL_LARGE_BYTES", 64 << 20))
LIMIT = int(os.environ.get("MASKCL_LARGE_LIMIT", 8 << 20))
COLUMNS = 3072
BLOCK = 256  # rows that are written at once
OPTIONS = ("--recipe", "default", "--batch", "512" if LONG else "64", "--hidden", "16",
           "--embedding", "8")
NEEDED = 24 << 20  # bytes that two runs may differ in beside what they hold of the rows
SHIM = pathlib.Path(os.environ["MASKCL_BUILD"]) / "tests" / "libfile_shim.so"


def write_floats(stream, rows):
    """Rows of floats from 0.1 to 0.5, no two of them alike, at the speed of a disk."""
    generator = random.Random(rows)
    stream.write(npy_bytes("<f4", (rows, 3, 32, 32), b""))
    blocks = []
    for _ in range(16):
        block = bytearray(generator.randbytes(4 * BLOCK * COLUMNS))
        block[3::4] = b"\x3e" * (BLOCK * COLUMNS)
        blocks.append(block)
    for first in range(0, rows, BLOCK):
        block = blocks[generator.randrange(16)]
        count = min(BLOCK, rows - first)
        for row in range(count):
            at = 4 * COLUMNS * row
            block[at:at + 7] = b"%03d" % (row % 1000) + b"\x3e" + (first % (1 << 24)).to_bytes(
                3, "little")
        stream.write(memoryview(block)[:4 * COLUMNS * count])


class LargeTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.folder.joinpath("scratch").mkdir()

    def run_measured(self, data, memory, epochs=1, **changes):
        """(digest, bytes of memory, rows a second) of a training."""
        places = dict.fromkeys(("XDG_CACHE_HOME", "TMPDIR"), self.folder / "scratch")
        if "POCL_CACHE_DIR" not in os.environ: # the driver has its cache there
            places = {}
        output = self.path("m.safetensors")
        process = subprocess.Popen(
            [PROGRAM, "pretrain", data, "-o", output, "--host-memory", str(memory), "--epochs",
             str(epochs), *OPTIONS], cwd=self.folder, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(**places, **changes))
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0, text)
        process.stdout.close()
        digest = re.search(r"digest ([0-9a-f]{32})", text)
        self.assertIsNotNone(digest, text)
        return (digest.group(1), 1024 * usage.ru_maxrss,
                float(re.search(r"(\d+) rows/s", text).group(1)))

    def assert_no_rows_left(self):
        for path in self.path("scratch").rglob("*"):
            self.assertFalse(path.is_file() and "program" not in path.name, path)

    def write_rows(self, name, count):
        with open(self.path(name), "wb") as stream:
            write_floats(stream, count)
        return name

    def drop(self, name):
        """Lets the system forget what it has of a file."""
        with open(self.path(name), "rb") as stream:
            os.fdatasync(stream.fileno())
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def test_memory(self):
        rows = BYTES // (4 * COLUMNS)
        data = self.write_rows("rows.npy", rows)
        part = self.write_rows("part.npy", 1024)
        for memory in 1 << 20, 1 << 30:  # kernels are built
            self.run_measured(part, memory)
        digest, low, warm = self.run_measured(data, LIMIT)
        self.assert_no_rows_left()
        if LONG:
            print("in files, %d MB: %d MB of memory, %.0f rows/s, digest %s" % (
                BYTES >> 20, low >> 20, warm, digest))
            _, base, _ = self.run_measured(part, LIMIT)
            self.assertLess(low - base, LIMIT)
            return
        expected, high, _ = self.run_measured(data, 2 * BYTES)
        self.assertEqual(digest, expected)
        self.assertGreater(high - low, BYTES - LIMIT - NEEDED)

    @unittest.skipIf(not LONG, "takes long")
    def test_rates(self):
        """Of a part that fits memory: in memory, in files that the system has in memory, and in files
        that it has not."""
        data = self.write_rows("rows.npy", min(BYTES, 1 << 30) // (4 * COLUMNS))
        rates = {"in memory": [], "in files": [], "in files, read anew": []}
        for _ in range(3):
            rates["in memory"].append(self.run_measured(data, 4 << 30)[2])
            rates["in files"].append(self.run_measured(data, 1 << 28)[2])
            self.drop(data)
            rates["in files, read anew"].append(self.run_measured(data, 1 << 28)[2])
        for name, found in rates.items():
            print("%s: %s rows/s" % (name, ", ".join("%.0f" % rate for rate in found)))
        self.assertGreater(statistics.median(rates["in files"]),
                           0.85 * statistics.median(rates["in memory"]))

    @unittest.skipIf(LONG, "is no longer with more rows")
    def test_packed_rows(self):
        data = self.write_rows("rows.npy", 2048)
        self.path("rows.npy.gz").write_bytes(gzip.compress(self.path(data).read_bytes(), 1))
        expected = self.run_measured(data, 1 << 30)[0]
        self.assertEqual(self.run_measured("rows.npy.gz", 1 << 20)[0], expected)
        self.assert_no_rows_left()
        shards = []
        raw = self.path(data).read_bytes()[-2048 * 4 * COLUMNS:]
        for first, count in (0, 1000), (1000, 1), (1001, 1047):
            part = raw[4 * COLUMNS * first:4 * COLUMNS * (first + count)]
            shards.append("shard-%d.npy" % first)
            self.write(shards[-1], npy_bytes("<f4", (count, 3, 32, 32), part))
        by_name = b"".join(self.path(name).read_bytes()[128:] for name in sorted(shards))
        self.write("all.npy", npy_bytes("<f4", (2048, 3, 32, 32), by_name))
        expected = self.run_measured("all.npy", 1 << 30)[0]
        for memory in 1 << 20, 1 << 30:
            self.assertEqual(self.run_measured("shard-*.npy", memory)[0], expected)

    @unittest.skipIf(LONG, "is no longer with more rows")
    def test_a_full_disk(self):
        data = self.write_rows("rows.npy", 512)
        self.path("rows.npy.gz").write_bytes(gzip.compress(self.path(data).read_bytes(), 1))
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        env = environment(LD_PRELOAD=SHIM, MASKCL_TEST_FILES="write=28", ASAN_OPTIONS=sanitizer)
        self.refuse("pretrain", "rows.npy.gz", "-o", "m.safetensors", "--host-memory", "1M",
                    *OPTIONS, code=1, says=("rows.npy.gz: ", "No space left on device", "--host-memory"),
                    env=env)

    @unittest.skipIf(LONG, "is no longer with more rows")
    def test_a_kill(self):
        data = self.write_rows("rows.npy", 2048)
        self.path("rows.npy.gz").write_bytes(gzip.compress(self.path(data).read_bytes(), 1))
        env = environment(XDG_CACHE_HOME=self.path("scratch"), TMPDIR=self.path("scratch"))
        process = self.start_program(
            "pretrain", "rows.npy.gz", "-o", "m.safetensors", "--host-memory", "1M", "--epochs",
            "100000", *OPTIONS, "--metrics", "steps.jsonl", env=env)
        end = time.time() + 120
        while time.time() < end and process.poll() is None and not (
                self.path("steps.jsonl").exists() and self.path("steps.jsonl").stat().st_size):
            time.sleep(0.05)
        self.assertIsNone(process.poll())
        self.assertTrue([link for link in pathlib.Path("/proc/%d/fd" % process.pid).iterdir()
                         if str(self.path("scratch")) in os.readlink(link)])
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assert_no_rows_left()


if __name__ == "__main__":
    sys.exit(unittest.main())
