"""Every OpenCL object is released, and every OpenCL call may fail.

tests/support/opencl_shim.c stands between the program and the loader."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import unittest

from program import PROGRAM, ProgramTest, environment

SHIM = pathlib.Path(os.environ["MASKCL_BUILD"]) / "tests" / "libopencl_shim.so"
INJECTED = "CL_OUT_OF_HOST_MEMORY (-6)"

# Of a driver that does not answer these, the program makes do with less or says that there is none.
QUERIES = ("clGetPlatformIDs", "clGetPlatformInfo", "clGetDeviceIDs", "clGetDeviceInfo",
           "clGetProgramInfo")

# Kernels that do not build together are built one by one.
BUILDS = ("clCreateProgramWithSource", "clBuildProgram")

# PoCL keeps its own cache, without which it would be slow, where there is none of compiled programs.
POCL_CACHE = os.environ.get("POCL_CACHE_DIR", pathlib.Path.home() / ".cache/pocl/kcache")


class Log:
    def __init__(self, path):
        self.lines = path.read_text().splitlines()
        self.calls = []  # (number, function, detail)
        self.failed = []
        self.faults = []  # objects alive, and released too often
        for line in self.lines[:-1]:
            match = re.match(r"(call|failed) (\d+) (\w+) (\w*)", line)
            if match:
                call = int(match[2]), match[3], match[4]
                self.calls.append(call)
                if match[1] == "failed":
                    self.failed.append(call)
            else:
                self.faults.append(line)
        assert self.lines[-1] == "end", self.lines[-1]


class WatchedTest(ProgramTest):
    def watched(self, fail="0", **changes):
        self.log_path = self.path("calls.log")
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        changes = {"XDG_CACHE_HOME": "/dev/null", **changes}
        return environment(LD_PRELOAD=SHIM, OPENCL_SHIM_LOG=self.log_path, OPENCL_SHIM_FAIL=fail,
                           ASAN_OPTIONS=sanitizer, POCL_CACHE_DIR=POCL_CACHE, **changes)

    def log(self):
        log = Log(self.log_path)
        self.log_path.unlink()
        return log

    def check_released(self):
        log = self.log()
        self.assertEqual(log.faults, [])
        return log


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
        result = self.run_program(*arguments, env=self.watched(**changes))
        self.assertEqual(result.returncode, code, result.stderr)
        log = self.check_released()
        self.assertTrue(any(function == "clCreateContext" for _, function, _ in log.calls))
        return result

    def test_pretrain(self):
        for options in (["--objective", "cosine", "--mask", "uniform", "--optimizer", "sgd"],
                        ["--objective", "nt-xent", "--optimizer", "adamw"],
                        ["--objective", "reconstruction", "--metrics", "m.jsonl"]):
            with self.subTest(options=options):
                self.run_watched("pretrain", "--synthetic", "9x12", "--batch", 4, "--epochs", 20,
                                 *options, "-o", "m.safetensors")

    def test_what_uses_a_model(self):
        model = self.model(columns=64)
        self.images("images", 9)
        self.labels("labels", 9)
        self.run_watched("embed", model, "images", "-o", "out.npy")
        self.run_watched("reconstruct", model, "images", "-o", "out.png")
        self.run_watched("probe", model, "images", "labels", "images", "labels")

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


class FailureTest(WatchedTest):
    """An OpenCL call that fails ends the program with one line, and nothing is written."""

    def check_every_failure(self, output, *arguments):
        """Lets calls fail in turn: of each function, and of each kernel, the first and the last."""
        arguments = *arguments, "-o", output, "-q"
        self.succeed(*arguments, env=self.watched())
        calls = self.check_released().calls
        whole = self.path(output).read_bytes()
        self.path(output).unlink()
        chosen = {}
        for number, function, detail in calls:
            chosen.setdefault((function, detail), number)
            chosen[function] = number
        for number in sorted(set(chosen.values())):
            with self.subTest(call=calls[number - 1]):
                self.check_failure(str(number), calls[number - 1], output, whole, *arguments)
        for number in range(1, len(calls), len(calls) // 5):
            with self.subTest(from_call=calls[number - 1]):
                self.check_failure("%d+" % number, calls[number - 1], output, whole, *arguments)

    def check_failure(self, fail, call, output, whole, *arguments):
        before = self.contents()
        env = self.watched(fail)
        if call[1] in QUERIES:
            # The program loads the drivers to see which are broken; they leak when they are unloaded.
            env["ASAN_OPTIONS"] += ":detect_leaks=0"
        result = self.run_program(*arguments, env=env)
        log = self.check_released()
        self.assertEqual(log.failed[0], call)
        # By the time of the last one, which only waits before the end, the results are there.
        last = len(log.calls) == call[0] and call[1] == "clFinish"
        if result.returncode == 0 and (call[1] in QUERIES + BUILDS or last):
            self.assertEqual(self.path(output).read_bytes(), whole)
            self.path(output).unlink()
            return
        self.assertEqual(result.returncode, 1, result.stderr)
        lines = [line for line in result.stderr.splitlines() if not line.startswith("device: ")]
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertTrue(lines[0].startswith("maskcl: error: "), lines[0])
        if call[1] not in QUERIES:
            self.assertIn(INJECTED, lines[0])
        self.assertEqual(self.contents(), before)

    def test_pretrain(self):
        self.check_every_failure("m.safetensors", "pretrain", "--synthetic", "4x5", "--hidden", 3,
                                 "--embedding", 2, "--epochs", 1)

    def test_embed(self):
        self.model(columns=5)
        self.random_rows("rows.npy", 3, 5)
        self.check_every_failure("out.npy", "embed", "model.safetensors", "rows.npy")


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
            for number in self.calls(warm, name):
                log, again = self.train(str(number))
                self.assertEqual(log.failed, [(number, name, "")])
                self.assertEqual(again, whole)
                self.assertEqual(len(self.calls(log, "clCreateProgramWithSource")), 1)


if __name__ == "__main__":
    unittest.main()
