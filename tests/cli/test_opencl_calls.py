# SPDX-License-Identifier: Apache-2.0
"""Every OpenCL object is released, and compiled programs are kept."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import unittest

from program import PROGRAM
from watched import SHIM, WatchedTest


class ShimTest(WatchedTest):
    """What must be noticed is."""

    def use(self, lines):
        script = ("import ctypes\n"
                  "ctypes.CDLL('libOpenCL.so.1', ctypes.RTLD_GLOBAL)\n"
                  "cl, null = ctypes.CDLL(None), ctypes.c_void_p()\n"
                  "cl.clCreateContextFromType.restype = ctypes.c_void_p\n"
                  "cl.clCreateBuffer.restype = ctypes.c_void_p\n"
                  "context = ctypes.c_void_p(cl.clCreateContextFromType(\n"
                  "    null, ctypes.c_ulong(0xffffffff), null, null, null))\n"
                  "buffer = ctypes.c_void_p(cl.clCreateBuffer(\n"
                  "    context, ctypes.c_ulong(1), ctypes.c_size_t(64), null, null))\n" + lines)
        subprocess.run([sys.executable, "-c", script], check=True, env=self.watched(), timeout=60)
        return self.log().faults

    def test_an_object_that_stays_alive(self):
        self.assertEqual(self.use(""), ["alive cl_mem, 1 references"])

    def test_one_retained_without_a_release(self):
        self.assertEqual(self.use("cl.clRetainMemObject(buffer); cl.clReleaseMemObject(buffer)"),
                         ["alive cl_mem, 1 references"])

    def test_one_released_too_often(self):
        self.assertEqual(self.use("cl.clRetainMemObject(buffer)\n" +
                                  "cl.clReleaseMemObject(buffer)\n" * 2), [])
        self.assertEqual(self.use("cl.clReleaseMemObject(buffer)\n" * 2),
                         ["unknown cl_mem released"])

    def test_every_function_that_the_library_uses_is_watched(self):
        def names(path, kind):
            listing = subprocess.run(["nm", "-D", kind, path], check=True, text=True,
                                     stdout=subprocess.PIPE).stdout
            return set(re.findall(r"\bcl[A-Z]\w+", listing))

        library = pathlib.Path(PROGRAM).parent / "libmaskcl.so"
        used = names(library, "--undefined-only")
        self.assertIn("clCreateBuffer", used)
        self.assertEqual(used - names(SHIM, "--defined-only"), set())


class ReleaseTest(WatchedTest):
    """Nothing is alive when the program has ended."""

    def run_watched(self, *arguments, code=0, **changes):
        cache = {"XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME")}
        result = self.run_program(*arguments, env=self.watched(**cache, **changes))
        self.assertEqual(result.returncode, code, result.stderr)
        log = self.check_released()
        self.assertTrue(any(function == "clCreateContext" for _, function, _ in log.calls))
        return result

    def test_pretrain(self):
        for options in (["--objective", "cosine", "--mask", "uniform", "--optimizer", "sgd"],
                        ["--objective", "nt-xent", "--optimizer", "adamw", "--profile"],
                        ["--objective", "reconstruction", "--metrics", "m.jsonl",
                         "--compute-units", 1],
                        ["--objective", "moco+byol+vime", "--queue", 9, "--predictor", 3,
                         "--projector", 5, "--normalization", "batch"]):
            with self.subTest(options=options):
                self.run_watched("pretrain", "--synthetic", "9x12", "--batch", 4, "--epochs", 20,
                                 *options, "-o", "m.safetensors")
        self.images("images", 9)
        self.labels("labels", 9)
        self.run_watched("pretrain", "images", "--validate", "labels", "-o", "m.safetensors")

    def test_clblast(self):
        """Its kernels and programs go with the context, and its copies share one buffer."""
        self.succeed("pretrain", "--synthetic", "70x40", "--hidden", 70, "--embedding", 33,
                     "--epochs", 3, "--gemm", "clblast", "-q", "-o", "m.safetensors",
                     env=self.watched())
        calls = self.check_released().calls
        made = [number for number, function, _ in calls if function == "clCreateBuffer"]
        launched = [number for number, function, _ in calls if function == "clEnqueueNDRangeKernel"]
        begin, end = launched[len(launched) // 4], launched[len(launched) // 4 * 3]
        self.assertEqual([number for number in made if begin < number < end], [])

    def test_what_uses_a_model(self):
        model = self.model(columns=64)
        self.images("images", 9)
        self.labels("labels", 9)
        self.run_watched("embed", model, "images", "-o", "out.npy")
        self.run_watched("reconstruct", model, "images", "-o", "out.png")
        self.run_watched("probe", model, "images", "labels", "images", "labels")
        self.run_watched("finetune", model, "images", "labels", "-o", "tuned.safetensors", "--test",
                         "images", "--test-labels", "labels", "--labels-per-class", 2, "--compare")
        self.run_watched("reproduce", model)
        other = self.model("other.safetensors", 64, "--seed", 2)
        self.run_watched("diff", model, other, "--replay", code=1)

    def test_errors(self):
        new = ["-o", "new.safetensors"]
        result = self.run_watched("pretrain", "--synthetic", "9x12", "--lr", "1e30", *new, code=1)
        self.assertIn("no longer finite", result.stderr)
        self.run_watched("pretrain", "--synthetic", "9x12", "--batch", 10, *new, code=2)
        kernels = self.path("kernels")
        kernels.mkdir()
        self.run_watched("pretrain", "--synthetic", "9x12", *new, code=1, MASKCL_KERNELS=kernels)
        for name in pathlib.Path(os.environ["MASKCL_SOURCE"], "cl").iterdir():
            (kernels / name.name).write_text("this does not compile\n")
        result = self.run_watched("pretrain", "--synthetic", "9x12", *new, code=1,
                                  MASKCL_KERNELS=kernels)
        self.assertIn("do not build", result.stderr)

    def test_interrupted(self):
        process = self.start_program("pretrain", "--synthetic", "64x8", "--batch", 16, "--epochs",
                                     1000000, "-o", "m.safetensors", env=self.watched())
        begun = threading.Event()
        reader = threading.Thread(
            target=lambda: [begun.set() for line in process.stderr if line.startswith("epoch")])
        reader.start()
        self.addCleanup(reader.join)
        self.assertTrue(begun.wait(60))
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(30), 130)
        self.check_released()


class CacheTest(WatchedTest):
    """Compiled programs that cannot be stored or loaded are compiled again."""

    def train(self, fail="0"):
        env = self.watched(fail, XDG_CACHE_HOME=self.path("cache"))
        self.succeed("pretrain", "--synthetic", "4x5", "--hidden", 3, "--embedding", 2, "--epochs",
                     1, "-o", "m.safetensors", "-q", env=env)
        return self.check_released(), self.path("m.safetensors").read_bytes()

    def calls(self, log, name):
        return [number for number, function, _ in log.calls if function == name]

    def test_calls_for_the_cache(self):
        cold, whole = self.train()
        entries = list(self.path("cache").glob("maskcl/*.program"))
        if not entries:
            self.skipTest("this driver has a cache of its own")
        self.assertEqual(len(entries), len(self.calls(cold, "clCreateProgramWithSource")))
        self.assertEqual(self.calls(cold, "clCreateProgramWithBinary"), [])
        warm, again = self.train()
        self.assertEqual(again, whole)
        self.assertEqual(self.calls(warm, "clCreateProgramWithSource"), [])
        self.assertEqual(len(self.calls(warm, "clCreateProgramWithBinary")), len(entries))
        for name in "clCreateProgramWithBinary", "clBuildProgram":
            numbers = self.calls(warm, name)
            for number in (numbers[0], numbers[-1]):
                log, again = self.train(str(number))
                self.assertEqual(log.failed, [(number, name, "")])
                self.assertEqual(again, whole)
                self.assertEqual(len(self.calls(log, "clCreateProgramWithSource")), 1)


if __name__ == "__main__":
    unittest.main()
