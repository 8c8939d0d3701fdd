# SPDX-License-Identifier: Apache-2.0
"""maskcl diff: where two models part, and where two trainings do. tests/support/flip_shim.c makes one of
the two sides a device that computes wrongly."""

import json
import os
import pathlib
import unittest

from program import ProgramTest, environment, rewritten

SHIM = pathlib.Path(os.environ["MASKCL_BUILD"]) / "tests" / "libflip_shim.so"


class DiffTest(ProgramTest):
    def train(self, output, *options):
        self.succeed("pretrain", "--synthetic", "48x12", "--hidden", "8", "--embedding", "4", "--epochs", "3",
                     "--batch", "16", "-q", "-o", output, *options)
        return output

    def answer(self, *arguments, code, **options):
        result = self.run_program("diff", *arguments, "--json", **options)
        self.assertEqual(result.returncode, code, result.stderr)
        answer = json.loads(result.stdout)
        self.assertIs(answer["same"], code == 0)
        return answer

    def flawed(self, kernel, launch, argument, word, **changes):
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        return environment(LD_PRELOAD=SHIM, ASAN_OPTIONS=sanitizer, FLIP_SHIM="%s,%d,%d,%d" % (kernel, launch, argument, word), **changes)


class ModelsTest(DiffTest):
    def test_the_same_model(self):
        a = self.train("a.safetensors")
        self.train("b.safetensors", "--gemm", "native-gpu")
        for b in a, "b.safetensors":
            self.assertEqual(self.succeed("diff", a, b).stdout, "the models are the same\n")
        self.assertEqual(self.answer(a, a, code=0), {"metadata": [], "tensors": [], "same": True})

    def test_one_bit(self):
        a = self.train("a.safetensors")
        data = bytearray(rewritten(self.path(a).read_bytes()))
        header = int.from_bytes(data[:8], "little")
        before = data[8 + header:8 + header + 4 * (12 * 8 + 3)]
        data[8 + header + 4 * (12 * 8 + 2)] ^= 2  # of the third bias
        self.write("b.safetensors", bytes(data))
        answer = self.answer(a, "b.safetensors", code=1)
        tensor, = answer["tensors"]
        self.assertEqual((tensor["name"], tensor["elements"], tensor["differing"], tensor["first"],
                          tensor["largest_ulp"]), ("encoder.0.bias", 8, 1, 2, 2))
        bits = int.from_bytes(before[-4:], "little")
        self.assertTrue(tensor["a"].startswith("%08x (" % bits))
        self.assertTrue(tensor["b"].startswith("%08x (" % (bits ^ 2)))
        result = self.run_program("diff", a, "b.safetensors")
        self.assertRegex(result.stdout, r"(?m)^  encoder\.0\.bias +1 of 8 elements, by up to 2 ulp; the first is "
                                        r"element 2, a: %08x \(.+\)  b: %08x \(.+\)$" % (bits, bits ^ 2))
        self.assertIn("maskcl reproduce", result.stdout)

    def test_other_options(self):
        a, b = self.train("a.safetensors"), self.train("b.safetensors", "--lr", "0.01", "--clip-norm", "1")
        answer = self.answer(a, b, code=1)
        options = [entry for entry in answer["metadata"] if not entry["key"].startswith("collapse")]
        self.assertEqual(options, [{"key": "learning_rate", "a": "0.001", "b": "0.01"},
                                   {"key": "clip_norm", "b": "1"}])
        self.assertEqual(len(answer["tensors"]), 8)
        self.assertIn("  learning_rate        a: 0.001  b: 0.01\n", self.run_program("diff", a, b).stdout)

    def test_other_shapes(self):
        a, b = self.train("a.safetensors"), self.train("b.safetensors", "--embedding", "5", "--projector", "3")
        problems = {entry["name"]: entry.get("problem") for entry in self.answer(a, b, code=1)["tensors"]}
        self.assertEqual(problems["encoder.2.weight"], "has another shape")
        self.assertEqual(problems["projector.0.weight"], "is in b alone")
        self.assertIsNone(problems["encoder.0.weight"])

    def test_wrong_usage(self):
        a = self.train("a.safetensors")
        self.refuse("diff", code=2, says=["two models"])
        self.refuse("diff", a, code=2, says=["--device-a"])
        self.refuse("diff", a, a, "--device-memory", "1G", code=2, says=["--replay"])
        self.refuse("diff", a, "none.safetensors", code=1, says=["none.safetensors"])
        self.refuse("diff", a, "--device-b", "no such", code=1, says=["no such"])


class TrainingsTest(DiffTest):
    def test_two_products_of_ours_agree(self):
        a = self.train("a.safetensors")
        result = self.succeed("diff", a, "--gemm-a", "native-cpu", "--gemm-b", "native-gpu")
        lines = result.stdout.splitlines()
        self.assertRegex(lines[0], r"\Aa  .+ \(.+, driver .+\), products by native-cpu\Z")
        self.assertRegex(lines[1], r"\Ab  .+ \(.+, driver .+\), products by native-gpu\Z")
        self.assertEqual(lines[2:], ["the trainings have the same bits after each of 9 steps"])

    def test_the_step_the_kernel_and_the_element(self):
        # A word that one launch of one kernel gets wrong, and the step that it is in.
        a = self.train("a.safetensors")
        for kernel, launch, argument, word, step, parameter in [
                ("adam", 5, 0, 17, 5, "parameters"), ("adam", 8, 3, 30, 8, "square"), ("adam", 1, 2, 0, 1, "mean")]:
            with self.subTest(kernel=kernel, argument=argument):
                training = self.answer(a, "--replay", code=1,
                                       env=self.flawed(kernel, launch, argument, word))["training"]
                self.assertEqual((training["steps"], training["kernel"], training["argument"],
                                  training["parameter"], training["element"], training["differing"]),
                                 (step, kernel, argument, parameter, word, 1))
                values = [int(training["value_" + side].split()[0], 16) for side in "ab"]
                self.assertEqual(values[0] ^ values[1], 1)

    def test_a_kernel_in_the_middle_of_a_step(self):
        a = self.train("a.safetensors")
        result = self.run_program("diff", a, "--replay", env=self.flawed("views", 4, 11, 5))
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("the first step that differs is step 4\n", result.stdout)
        self.assertRegex(result.stdout, r"the first launch that differs is number 1 of that step, kernel views: 1 word "
                                        r"of its argument 11 \(views\), the first of them element 5, a: \S+ \(.+\)  b: ")

    def test_products_of_two_kinds_count_as_one_launch(self):
        a = self.train("a.safetensors")
        training = self.answer(a, "--gemm-b", "native-gpu", code=1,
                               env=self.flawed("gemm_gpu", 2, 0, 3))["training"]
        self.assertEqual((training["steps"], training["element"], training["differing"]), (1, 3, 1))
        self.assertRegex(training["kernel"], r"\Agemm [NT][NT] \d+×\d+×\d+\Z")

    def test_a_fault_that_does_not_come_again(self):
        a = self.train("a.safetensors")
        result = self.run_program("diff", a, "--replay", env=self.flawed("adam", 5, 0, 17, FLIP_SHIM_ONCE=1))
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("the first step that differs is step 5\n", result.stdout)
        self.assertIn("does not compute the same twice", result.stdout)

    def test_other_kernels(self):
        a, b = self.train("a.safetensors"), self.train("b.safetensors", "--optimizer", "sgd")
        training = self.answer(a, b, "--replay", code=1)["training"]
        self.assertEqual((training["steps"], training["kernel"], training["kernel_b"]), (1, "adam", "sgd"))

    def test_fine_tuning_and_data_of_a_file(self):
        self.images("rows.idx", 40)
        self.labels("labels.idx", 40)
        self.succeed("pretrain", "rows.idx", "--hidden", "8", "--embedding", "4", "--epochs", "1", "-q",
                     "-o", "m.safetensors")
        self.succeed("finetune", "m.safetensors", "rows.idx", "labels.idx", "--epochs", "2", "--batch", "8", "-q",
                     "-o", "t.safetensors")
        data = ["--data", "rows.idx", "--labels", "labels.idx", "--model", "m.safetensors"]
        training = self.answer("t.safetensors", *data, code=0)["training"]
        self.assertEqual((training["same"], training["steps"]), (True, 10))
        self.assertEqual(training["a"]["state_digest"], training["b"]["state_digest"])
        self.refuse("diff", "t.safetensors", "--data", "rows.idx", "--model", "m.safetensors", code=2,
                    says=["--labels"])


if __name__ == "__main__":
    unittest.main()
