# SPDX-License-Identifier: Apache-2.0
"""An OpenCL call that fails ends the program with one line, and nothing is written."""

import unittest

from watched import WatchedTest

INJECTED = "CL_OUT_OF_HOST_MEMORY (-6)"

# Of a driver that does not answer these, the program makes do with less or says that there is no
# device, but for the first, whose error it names.
QUERIES = ("clGetPlatformIDs", "clGetPlatformInfo", "clGetDeviceIDs", "clGetDeviceInfo",
           "clGetProgramInfo", "clGetKernelWorkGroupInfo")

# A model is written all the same where it cannot be seen whether it collapsed.
UNSEEN = "whether the embeddings collapse cannot be seen: "

# Kernels that do not build together are built one by one.
BUILDS = ("clCreateProgramWithSource", "clBuildProgram")


def parameters(model):
    """What follows the header of a model file."""
    return model[8 + int.from_bytes(model[:8], "little"):]


class FailureTest(WatchedTest):
    def check_every_failure(self, output, *arguments):
        """Lets calls fail in turn: of each function the first and the last, of each kernel the first
        launch, and from five calls on all."""
        arguments = *arguments, "-o", output, "-q"
        self.succeed(*arguments, env=self.watched())
        calls = self.check_released().calls
        whole = self.path(output).read_bytes()
        self.path(output).unlink()
        chosen = {}
        for number, function, detail in calls:
            kernel = detail if function == "clEnqueueNDRangeKernel" else ""
            chosen.setdefault((function, kernel), number)
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
        # Some only wait before memory is released: the results are there by then.
        if result.returncode == 0 and call[1] in QUERIES + BUILDS + ("clFinish",):
            self.assertEqual(self.path(output).read_bytes(), whole)
            self.path(output).unlink()
            return
        if result.returncode == 0 and UNSEEN in result.stderr:
            self.assertEqual(parameters(self.path(output).read_bytes()), parameters(whole))
            self.path(output).unlink()
            return
        self.assertEqual(result.returncode, 1, result.stderr)
        lines = [line for line in result.stderr.splitlines()
                 if not line.startswith(("device: ", "maskcl: warning: "))]
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertTrue(lines[0].startswith("maskcl: error: "), lines[0])
        if call[1] not in QUERIES or call[1] == "clGetPlatformIDs":
            self.assertIn(INJECTED, lines[0])
        self.assertEqual(self.contents(), before)

    def test_pretrain(self):
        self.random_rows("rows.npy", 4, 5)
        self.labels("labels", 4)
        self.check_every_failure("m.safetensors", "pretrain", "rows.npy", "--validate", "labels",
                                 "--hidden", 3, "--embedding", 2, "--epochs", 1)

    def test_pretrain_with_little_device_memory(self):
        """A batch at a time is on the device: there is room for two of five."""
        self.check_every_failure("m.safetensors", "pretrain", "--synthetic", "5000x5", "--hidden",
                                 3, "--embedding", 2, "--epochs", 1, "--batch", 1000,
                                 "--device-memory", 210000, "--objective", "cosine")

    def test_embed(self):
        self.model(columns=5)
        self.random_rows("rows.npy", 3, 5)
        self.check_every_failure("out.npy", "embed", "model.safetensors", "rows.npy")

    def test_finetune(self):
        self.model(columns=64)
        self.images("images", 5)
        self.labels("labels", 5)
        self.check_every_failure("tuned.safetensors", "finetune", "model.safetensors", "images",
                                 "labels", "--epochs", 1)


if __name__ == "__main__":
    unittest.main()
