# SPDX-License-Identifier: Apache-2.0
"""Drivers with bad manners: what they print, their locale and their names stay harmless."""

import json
import os
import pty
import re
import subprocess
import unittest

from program import PROGRAM, ProgramTest, environment

SHIM = os.path.join(os.environ["MASKCL_BUILD"], "tests", "libdriver_shim.so")
FILE_SHIM = os.path.join(os.environ["MASKCL_BUILD"], "tests", "libfile_shim.so")
CALLS = os.path.join(os.environ["MASKCL_BUILD"], "tests", "libopencl_shim.so")
TINY = ("--hidden", "3", "--embedding", "2", "--epochs", "1")
NOISE = "19 warnings generated."


class DriversTest(ProgramTest):
    def shimmed(self, **changes):
        """An environment with a driver that behaves so, and that leaves its own cache alone."""
        return environment(LD_PRELOAD=SHIM, ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0",
                           **{"DRIVER_" + name.upper(): value for name, value in changes.items()})

    def test_the_shim_is_at_work(self):
        result = self.succeed("devices", env=self.shimmed(stdout=NOISE, stderr="to stderr\n"))
        self.assertIn(NOISE, result.stderr)
        self.assertIn("to stderr", result.stderr)

    def test_standard_output_has_the_program_s_own_text_alone(self):
        self.random_rows("rows.npy", 8, 4)
        self.labels("labels", 8)
        model = self.model(columns=4)
        env = self.shimmed(stdout=NOISE)
        clean = environment()
        for arguments in (["devices"], ["devices", "--json"], ["info", model],
                          ["probe", "rows.npy", "labels", "rows.npy", "labels", "--json"]):
            with self.subTest(arguments):
                expected = self.run_program(*arguments, env=clean)
                result = self.run_program(*arguments, env=env)
                self.assertEqual(result.returncode, expected.returncode)
                self.assertNotIn(NOISE, result.stdout)
                if "--json" in arguments:
                    json.loads(result.stdout or "null")
                if arguments[0] != "probe":
                    self.assertEqual(result.stdout, expected.stdout)

    def test_quiet_is_quiet_unless_the_run_fails(self):
        env = self.shimmed(stdout=NOISE, stderr=NOISE)
        arguments = ["pretrain", "--synthetic", "8x4", *TINY, "-q", "-o", "m.safetensors"]
        result = self.succeed(*arguments, env=env)
        if "SANITIZE" not in os.environ.get("MASKCL_BUILD", "").upper():
            self.assertEqual(result.stderr, "")
        self.assertEqual(result.stdout, "")
        for end, code in ("exit", 1), ("abort", -6):
            env["DRIVER_END"] = end
            result = self.run_program(*arguments, env=env)
            self.assertEqual(result.returncode, code)
            self.assertIn(NOISE, result.stderr)
            self.assertNotIn(NOISE, result.stdout)

    def test_quiet_where_no_file_can_be_made_for_what_drivers_print(self):
        env = self.shimmed(stdout=NOISE, stderr=NOISE)
        env.update(LD_PRELOAD=SHIM + " " + FILE_SHIM, MASKCL_TEST_FILES="tmpfile=30") # EROFS
        result = self.succeed("pretrain", "--synthetic", "8x4", *TINY, "-q", "-o", "m.safetensors",
                              env=env)
        if "SANITIZE" not in os.environ.get("MASKCL_BUILD", "").upper():
            self.assertEqual(result.stderr, "")
        self.assertEqual(result.stdout, "")

    def test_a_driver_without_threads(self):
        """As under `ulimit -u`: PoCL aborts. One that does not is made to."""
        env = self.shimmed(end="abort")
        env.update(LD_PRELOAD=SHIM + " " + FILE_SHIM, MASKCL_TEST_FILES="threads=11") # EAGAIN
        result = self.run_program("pretrain", "--synthetic", "8x4", *TINY, "-q", "-o",
                                  "m.safetensors", env=env)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertRegex(result.stderr, r"maskcl: error: .* for want of threads, .*\(ulimit -u")

    def test_metrics_to_standard_output(self):
        for name in "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1":
            result = self.succeed("pretrain", "--synthetic", "8x4", *TINY, "-q", "-o",
                                  "m.safetensors", "--metrics", name,
                                  env=self.shimmed(stdout=NOISE))
            for line in result.stdout.splitlines():
                self.assertIn("loss", json.loads(line))
            self.assertTrue(result.stdout)

    def on_terminal(self, *arguments, env):
        master, slave = pty.openpty()
        env["TERM"] = "xterm"
        with subprocess.Popen([PROGRAM, *map(str, arguments)], cwd=self.folder, env=env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=slave) as process:
            os.close(slave)
            seen = b""
            while True:
                try:
                    part = os.read(master, 4096)
                except OSError:
                    break
                if not part:
                    break
                seen += part
            os.close(master)
            self.assertEqual(process.wait(), 0, seen)
        return seen.decode()

    def test_bars_are_whole(self):
        """A driver's text has lines of its own, and no escape sequence of it reaches the terminal."""
        env = self.shimmed(stdout="on \x1b[31mstdout", stderr="on stderr")
        seen = self.on_terminal("pretrain", "--synthetic", "64x4", *TINY, "-o", "m.safetensors",
                                env=env)
        self.assertIn("driver: ", seen)
        self.assertNotIn("\x1b[31m", seen)
        for line in re.split(r"\r\n", seen):
            shown = re.sub(r"\x1b\[K", "", line.split("\r")[-1])
            if "on std" in line or "on ?[31mstd" in line:
                self.assertTrue(shown.startswith("driver: on "), repr(line))
        drawn = [part for part in re.split("[\r\n]+", seen) if part.startswith("epoch")]
        self.assertTrue(drawn)
        for part in drawn:
            self.assertNotIn("on std", part)

    def test_numbers_have_a_decimal_point(self):
        made = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8",
                               str(self.path("de_DE.UTF-8"))], capture_output=True)
        if made.returncode != 0:
            self.skipTest("localedef makes no locale with a decimal comma")
        env = self.shimmed(locale="de_DE.UTF-8")
        env["LOCPATH"] = str(self.folder)
        result = self.succeed("pretrain", "--synthetic", "8x4", *TINY, "-o", "m.safetensors",
                              "--metrics", "m.jsonl", env=env)
        self.assertIsNone(re.search(r"\d,\d", result.stdout + result.stderr))
        json.loads(self.path("m.jsonl").read_text().splitlines()[0])

    def test_names_that_are_no_utf8(self):
        for given, told in [(b"Intel\xae HD", "Intel? HD"), (b"A" * 126 + b"\xc2\xae", "A" * 126),
                            (b"a\x1b[31m\x07b\nc", "a?[31m?b?c"), (b"\xc2\x9b31m", "?31m")]:
            env = {name.encode(): value.encode() for name, value in
                   self.shimmed(name="").items()}
            env[b"DRIVER_NAME"] = given
            for arguments in ["devices"], ["devices", "--json"]:
                result = subprocess.run([PROGRAM, *arguments], capture_output=True, env=env)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertNotIn(b"\x1b", result.stdout)
                self.assertIn(told, result.stdout.decode())

    def test_a_driver_that_leaves_long_loops(self):
        """Its user is warned, and products are those of many short loops."""
        for name, short in ("llvmpipe (LLVM 15.0.6, 256 bits)", True), ("a CPU", False):
            env = self.shimmed(name=name)
            env["LD_PRELOAD"] += ":" + CALLS
            env["OPENCL_SHIM_LOG"] = self.path("calls")
            result = self.succeed("pretrain", "--synthetic", "8x4", *TINY, "-o", "m.safetensors",
                                  env=env)
            self.assertEqual("after 65535 iterations" in result.stderr, short)
            calls = self.path("calls").read_text()
            self.assertEqual(bool(re.search(r"NDRangeKernel gemm_gpu", calls)), short)
            self.assertEqual(bool(re.search(r"NDRangeKernel gemm\b", calls)), not short)

    def test_paths_that_are_no_utf8(self):
        name = b"\xff\x1b[31m.npy"
        result = subprocess.run([PROGRAM.encode(), b"info", name],
                                capture_output=True, cwd=self.folder, env=environment())
        self.assertEqual(result.returncode, 1)
        self.assertIn("??[31m.npy", result.stderr.decode())

    def digest(self, *options, env, runs=("8x4",)):
        """A model's digest, and what was said on the way."""
        result = self.succeed("pretrain", "--synthetic", *runs, "--epochs", 2, "--batch", 6,
                              "--hidden", 70, "--embedding", 33, "-q", "-o", "m.safetensors",
                              *options, env=env)
        return self.information("m.safetensors")["digest"], result.stderr

    def test_a_clblast_that_fails_or_is_wrong_is_replaced(self):
        for objective in "nt-xent", "sigreg":
            options = ("--objective", objective)
            native, said = self.digest(*options, "--gemm", "native", env=environment())
            self.assertEqual(said, "")
            for fault, why in ("fails", "failed"), ("wrong", "is wrong: element "):
                digest, said = self.digest(*options, "--gemm", "clblast",
                                           env=self.shimmed(clblast=fault))
                line, = said.splitlines()
                self.assertTrue(line.startswith("maskcl: warning: "), line)
                self.assertIn("CLBlast's product of ", line)
                self.assertIn(why, line)
                self.assertIn("native products take over", line)
                self.assertEqual(digest, native)

    def test_a_clblast_that_fails_has_no_rates(self):
        env = self.shimmed(clblast="fails")
        caches = env.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        env.setdefault("POCL_CACHE_DIR", os.path.join(caches, "pocl", "kcache"))
        env["XDG_CACHE_HOME"] = str(self.path("cache"))
        table = self.succeed("tune", "--quick", "--input", 8, "--hidden", 8, "--embedding", 4,
                             "--batch", 8, "--gemm", "clblast", env=env).stdout
        self.assertNotIn("nan", table)
        self.assertRegex(table, "all together +- +- +-\n")

    def test_clblast_s_parameters_that_write_outside_are_not_used(self):
        """CLBlast 1.5.3 has them for this name; a process did not always survive them."""
        env = self.shimmed(name="Intel(R) HD Graphics Skylake ULT GT2", type="gpu")
        for rows, batch in ("300x200", 200), ("8x4", 8):
            _, said = self.digest("--gemm", "clblast", "--batch", batch, runs=(rows,), env=env)
            self.assertEqual(said, "")

    def two(self, **changes):
        env = self.shimmed(**changes)
        env["POCL_DEVICES"] = "pthread pthread"
        listing = json.loads(self.succeed("devices", "--json", env=env).stdout)["devices"]
        if len(listing) < 2:
            self.skipTest("the OpenCL driver has no two devices")
        return listing, env

    def test_a_discrete_gpu_comes_before_an_integrated_one(self):
        gpus = {"type": "gpu|gpu", "units": "96|20", "name": "Intel Iris Xe|NVIDIA RTX 3050 GPU"}
        for unified in "1|0", "0|0", "1|1":
            listing, _ = self.two(**gpus, unified=unified)
            self.assertEqual([device["used"] for device in listing], [False, True])
            self.assertEqual([device["lanes"] for device in listing], [8, 128])
        listing, _ = self.two(**gpus, unified="0|1")
        self.assertEqual([device["used"] for device in listing], [True, False])

    def test_what_is_below_opencl_1_2_comes_last(self):
        listing, env = self.two(type="gpu|gpu", version="OpenCL 1.1 Mesa|", units="99|1")
        self.assertEqual([device["used"] for device in listing], [False, True])
        self.assertEqual([device["too_old"] for device in listing], [True, False])
        self.assertIn("below OpenCL 1.2", self.succeed("devices", env=env).stdout)
        for number, told in (0, True), (1, False):
            _, said = self.digest("--device", number, env=env)
            self.assertEqual("says 'OpenCL 1.1 Mesa', and the kernels need OpenCL 1.2" in said, told)


if __name__ == "__main__":
    unittest.main()
