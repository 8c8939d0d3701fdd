# SPDX-License-Identifier: Apache-2.0
"""maskcl verify: the table, the answer for programs, and a device that breaks the contract."""

import json
import os
import socket
import unittest

from program import ProgramTest

YES = "this device reproduces the reference bits"


class VerifyTest(ProgramTest):
    def test_the_table(self):
        lines = self.succeed("verify").stdout.splitlines()
        self.assertRegex(lines[0], r"\A.+ \(.+, driver .+\)\Z")
        self.assertEqual(lines[1].split(), ["stage", "kernel", "cases"])
        self.assertEqual(lines[-1], YES)
        for line in lines[2:-1]:
            if not line.startswith("note: "):
                self.assertRegex(line, r"\A.{15} \S.{58}. +\d+  agrees\Z")
        stages = [line.split("  ")[0] for line in lines[2:-1] if line[0] != " "]
        self.assertEqual([stage for stage in stages if not stage.startswith("note")],
                         ["arithmetic", "functions", "random numbers", "views", "products",
                          "convolutions", "sums", "layers", "maps", "objectives", "optimizers",
                          "training"])

    def test_every_device(self):
        devices = json.loads(self.succeed("devices", "--json").stdout)["devices"]
        lines = self.succeed("verify", "--all").stdout.splitlines()
        summary = lines[-len(devices):]
        for device, line in zip(devices, summary):
            self.assertTrue(line.startswith(device["name"]), line)
            self.assertRegex(line, r": reproduces the reference bits, \d+ checks\Z")

    def test_for_programs(self):
        answer = json.loads(self.succeed("verify", "--json", "--certificate", "device.json").stdout)
        self.assertIs(answer["reproduces"], True)
        device, = answer["devices"]
        self.assertIs(device["reproduces"], True)
        self.assertEqual(device["reason"], "")
        self.assertTrue(all(check["agrees"] for check in device["checks"]))
        self.assertGreater(len(device["checks"]), 170)
        self.assertEqual(set(device["checks"][0]), {"stage", "kernel", "cases", "agrees"})
        self.check_certificate(device)

    def check_certificate(self, device):
        """That of a device that agrees; it tells nothing of the machine."""
        text = self.path("device.json").read_text()
        certificate = json.loads(text)
        self.assertEqual(certificate["device"]["name"], device["name"])
        self.assertEqual(certificate["driver"], device["driver_version"])
        self.assertRegex(certificate["date"], r"\A\d{4}-\d\d-\d\d\Z")
        checks = len(device["checks"])
        self.assertEqual((certificate["verify"]["checks"], certificate["verify"]["agree"]), (checks, checks))
        self.assertEqual(len(certificate["digests"]), 8)
        for entry in certificate["digests"].values():
            self.assertRegex(entry["digest"], r"\A[0-9a-f]{16}\Z")
            self.assertIs(entry["agrees"], True)
        self.assertGreater(certificate["speed"]["fma_gflops"], 0)
        self.assertNotIn("differing", certificate)
        for word in socket.gethostname(), str(self.folder), os.environ.get("USER") or "/home/":
            self.assertNotIn('"%s' % word, text)

    def test_a_device_without_fma(self):
        env = self.planted("common.clh", "#define MCL_COMMON_CLH",
                           "#define MCL_COMMON_CLH\n#define fma(a, b, c) ((a) * (b) + (c))")
        result = self.run_program("verify", env=env)
        self.assertEqual(result.returncode, 1, result.stderr)
        lines = result.stdout.splitlines()
        self.assertRegex(lines[-1], r"\Athis device does not reproduce the reference bits: \d+ of "
                                    r"\d+ checks differ; its fma is not correctly rounded\Z")
        self.assertRegex(lines[2], r"\Aarithmetic +fma +8192  DIFFERS: fma\(\S+, \S+, \S+\) is "
                                   r"[0-9a-f]{8} \(\S+\) instead of [0-9a-f]{8} \(\S+\)\Z")

    def test_a_kernel_that_differs(self):
        env = self.planted("optimizer.cl", "fma(rest2 * g, g, beta2 * square[j])",
                           "rest2 * (g * g) + beta2 * square[j]")
        result = self.run_program("verify", "--json", "--certificate", "device.json", env=env)
        self.assertEqual(result.returncode, 1, result.stderr)
        answer = json.loads(result.stdout)
        self.assertIs(answer["reproduces"], False)
        device, = answer["devices"]
        self.assertIn("adam: square (optimizers) differs", device["reason"])
        wrong = [check for check in device["checks"] if not check["agrees"]]
        self.assertEqual(wrong[0]["kernel"], "adam: square")
        self.assertRegex(wrong[0]["place"], r"\Aelement \d+\Z")
        self.assertNotEqual(wrong[0]["expected"], wrong[0]["got"])
        self.assertEqual({check["stage"] for check in wrong}, {"optimizers", "training"})
        certificate = json.loads(self.path("device.json").read_text())
        self.assertEqual([check["kernel"] for check in certificate["differing"]],
                         [check["kernel"] for check in wrong])
        self.assertEqual(certificate["verify"]["agree"], len(device["checks"]) - len(wrong))
        self.assertEqual(certificate["verify"]["reason"], device["reason"])

    def test_kernels_that_do_not_compile(self):
        env = self.planted("cosine.cl", "kernel void cosine_embedding", "kernel void nothing; x")
        result = self.run_program("verify", env=env)
        self.assertEqual(result.returncode, 1)
        self.assertIn("maskcl: error: ", result.stderr)
        self.assertNotIn(YES, result.stdout)

    def test_wrong_usage(self):
        self.refuse("verify", "--all", "--device", "0", code=2, says=["--all", "--device"])
        self.refuse("verify", "--device", "no such", code=1, says=["no such"])
        self.refuse("verify", "--all", "--certificate", "c.json", code=2, says=["--certificate", "one device"])
        self.refuse("verify", "--certificate", "none/c.json", code=1, says=["none"])


if __name__ == "__main__":
    unittest.main()
