# SPDX-License-Identifier: Apache-2.0
"""The program on PoCL that tests/support/opencl_personas.c makes look like the device PERSONA: each
command, with the bits that it has on the CPU."""

import json
import os
import pathlib
import re
import signal
import sys
import time
import unittest

SOURCE = pathlib.Path(os.environ["MASKCL_SOURCE"])
sys.path.insert(0, str(SOURCE / "tests" / "cli"))

from program import ProgramTest, environment  # noqa: E402

LAYER = pathlib.Path(os.environ["MASKCL_BUILD"]) / "tests" / "libopencl_personas.so"
PERSONA = os.environ["PERSONA"]
# What is kept of compiled kernels stays where it is.
POCL_CACHE = os.environ.get("POCL_CACHE_DIR") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "pocl", "kcache")

# What the table in opencl_personas.h says, as `devices` shows it: units, GiB of memory, shared with
# the host or not, fma, subnormals, version.
DEVICES = {
    "nvidia-h200": (132, 139, False, True, True, "3.0"),
    "rtx-3060": (28, 12, False, True, True, "3.0"),
    "rx-6700-xt": (20, 12, False, True, True, "2.0"),
    "rx-580": (36, 8, False, False, False, "3.0"),
    "uhd-620": (24, 6, True, True, True, "3.0"),
    "iris-xe": (96, 12, True, True, True, "3.0"),
    "mali-g52": (2, 3, True, True, False, "2.0"),
    "gcn-laptop": (6, 2, False, True, True, "1.2"),
    "haswell-beignet": (20, 2, True, False, True, "1.2"),
}

# Where the system ends launches: after 640 ms and 2 s. PoCL on a busy machine is too slow for that.
WATCHED = "uhd-620", "gcn-laptop"

ROWS, COLUMNS = 128, 48
TRAIN = ["pretrain", "rows.npy", "--recipe", "default", "--hidden", "24", "--embedding", 8, "--batch", 32]
NATIVE = ["--reproducible"]


class PersonaTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.report_path = self.path("report")
        self.random_rows("rows.npy", ROWS, COLUMNS)
        self.labels("labels.idx", ROWS)

    def persona(self, **changes):
        """The environment in which PoCL is the persona. Caches of programs and of tunings are the
        test's own."""
        return environment(LD_PRELOAD=LAYER, PERSONA=PERSONA, PERSONA_REPORT=self.report_path,
                           XDG_CACHE_HOME=self.path("cache"), POCL_CACHE_DIR=POCL_CACHE, **changes)

    def on_persona(self, *arguments, **changes):
        return self.succeed(*arguments, env=self.persona(**changes))

    def report(self):
        """{word: number} of the last program."""
        words = self.report_path.read_text().splitlines()[-1].split()
        self.assertEqual(words[:2], ["persona", PERSONA])
        return {name: float(value) for name, value in zip(words[2:-1:2], words[3:-1:2])}

    def digest(self, name):
        return self.information(name)["digest"]


class DeviceTest(PersonaTest):
    def test_devices(self):
        device, = json.loads(self.on_persona("devices", "--json").stdout)["devices"]
        units, memory, shared, fma, subnormals, version = DEVICES[PERSONA]
        self.assertEqual(device["type"], "GPU")
        self.assertEqual(device["compute_units"], units)
        self.assertEqual(device["global_memory"], memory << 30)
        self.assertEqual((device["host_memory"], device["fma"], device["subnormals"]),
                         (shared, fma, subnormals))
        self.assertTrue(device["opencl_version"].startswith("OpenCL " + version))

    def test_it_cannot_be_divided(self):
        if DEVICES[PERSONA][0] > 1:
            self.refuse(*TRAIN, "--compute-units", 1, "-o", "m.safetensors", code=2,
                        says=["cannot be divided"], env=self.persona())


class UseTest(PersonaTest):
    def test_every_command_has_the_bits_of_the_cpu(self):
        def both(output, *arguments):
            """An output of the persona and of the CPU, which are the same; the first remains."""
            self.succeed(*arguments, "-o", "cpu-" + output, *NATIVE)
            said = self.on_persona(*arguments, "-o", output, *NATIVE)
            self.assertEqual(self.path("cpu-" + output).read_bytes(),
                             self.path(output).read_bytes(), arguments)
            return said

        both("m.safetensors", *TRAIN, "--epochs", 2)
        report = self.report()
        # No launch of training leaves its work-groups to the driver; trials of fma may.
        self.assertLess(report["chosen"], 10)
        self.assertGreater(report["poisoned"], 0)
        self.assertIn("measured peaks", both("p.safetensors", *TRAIN, "--epochs", 2,
                                             "--profile").stdout)
        both("t.safetensors", "finetune", "m.safetensors", "rows.npy", "labels.idx", "--epochs", 2)
        both("e.npy", "embed", "m.safetensors", "rows.npy")
        both("r.npy", "reconstruct", "m.safetensors", "rows.npy", "--rows", 20)
        probe = ["probe", "m.safetensors", *["rows.npy", "labels.idx"] * 2, "--json", *NATIVE]
        numbers = [json.loads(result.stdout)["results"]
                   for result in (self.succeed(*probe), self.on_persona(*probe))]
        self.assertEqual(*[re.sub(r'seconds": [^,}]+', "", json.dumps(result))
                           for result in numbers])

    def test_the_default_product(self):
        """It is CLBlast's, whose bits are its own, and whose results are near; or the native one,
        where CLBlast's goes wrong. The larger products are those of both its kernels."""
        for run in TRAIN, ["pretrain", "--synthetic", "512x784"]:
            losses = []
            for env in environment(), self.persona():
                said = self.succeed(*run, "--epochs", 1, "-o", "m.safetensors", env=env).stdout
                losses.append(float(re.search(r"loss ([\d.]+)", said)[1]))
            self.assertAlmostEqual(*losses, delta=0.002 * losses[0])

    def test_a_run_that_went_over_to_the_cpu(self):
        run = [*TRAIN, "--epochs", 300, *NATIVE, "-o", "m.safetensors"]
        self.succeed(*run)
        expected = self.digest("m.safetensors")
        self.path("m.safetensors").unlink()
        process = self.start_program(*run, "--checkpoint-every", 5, env=self.persona())
        checkpoint = self.path("m.checkpoint.safetensors")
        for _ in range(6000):
            if checkpoint.exists() or process.poll() is not None:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        _, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, -signal.SIGKILL, said)
        said = self.succeed(*run, "--resume").stderr
        self.assertIn("resuming after step ", said)
        self.assertEqual(self.digest("m.safetensors"), expected)

    def test_a_tuned_product(self):
        self.succeed(*TRAIN, "--epochs", 2, *NATIVE, "-o", "cpu.safetensors")
        self.on_persona("tune", "--quick", "--gemm", "native", "--input", COLUMNS, "--hidden", "24",
                        "--embedding", 8, "--batch", 32)
        self.on_persona(*TRAIN, "--epochs", 2, *NATIVE, "-o", "m.safetensors")
        self.assertEqual(self.digest("m.safetensors"), self.digest("cpu.safetensors"))


class MemoryTest(PersonaTest):
    """Data of several times the device's memory, and memory that others hold."""

    def setUp(self):
        super().setUp()
        self.random_rows("rows.npy", 2000, COLUMNS)
        self.run = [*TRAIN, "--epochs", 1, *NATIVE, "-o", "m.safetensors"]
        self.succeed(*self.run)
        self.expected = self.digest("m.safetensors")

    def test_streaming(self):
        self.on_persona(*self.run, PERSONA_MEMORY=300000)
        self.assertEqual(self.digest("m.safetensors"), self.expected)
        self.assertLessEqual(self.report()["peak"], 300000)

    def test_memory_that_others_hold(self):
        """The driver tells of all memory, and fails when a buffer is made or first used."""
        self.on_persona(*self.run, PERSONA_FREE=300000)
        self.assertEqual(self.digest("m.safetensors"), self.expected)


@unittest.skipUnless(PERSONA in WATCHED, "nothing ends its launches")
class WatchdogTest(PersonaTest):
    """A launch that takes too long loses the device."""

    def test_a_device_that_is_lost(self):
        result = self.run_program("pretrain", "--synthetic", "512x784", "--epochs", 1, *NATIVE,
                                  "-o", "m.safetensors", env=self.persona(PERSONA_WATCHDOG_MS=1))
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertRegex(result.stderr.splitlines()[-1],
                         r"\Amaskcl: error: .* failed: CL_OUT_OF_RESOURCES \(-5\)")
        self.assertFalse(self.path("m.safetensors").exists())


if __name__ == "__main__":
    unittest.main()
