# SPDX-License-Identifier: Apache-2.0
"""--reproducible, and the digest that tells two models apart."""

import hashlib
import json
import shutil
import subprocess
import unittest

from program import ProgramTest

TRAIN = ["pretrain", "--synthetic", "64x8", "--epochs", "2", "--hidden", "6", "--embedding", "4"]


class DigestTest(ProgramTest):
    def train(self, *options, name="m.safetensors"):
        return self.succeed(*TRAIN, *options, "-o", name).stdout.splitlines()

    def test_it_is_the_last_line(self):
        lines = self.train()
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[-1], r"\Adigest [0-9a-f]{32}\Z")
        self.assertEqual(self.train("--profile")[-1], lines[-1])

    def test_info_prints_the_same(self):
        digest = self.train()[-1].split()[1]
        self.assertEqual(self.information("m.safetensors")["digest"], digest)
        self.assertRegex(self.succeed("info", "m.safetensors").stdout, r"(?m)^digest +%s$" % digest)

    def test_it_follows_the_parameters_and_nothing_else(self):
        digest = self.train()[-1]
        self.assertEqual(self.train("--batch", "64")[-1], digest)
        self.assertEqual(self.train(name="other")[-1], digest)
        for changed in (["--seed", "1"], ["--lr", "0.002"], ["--batch", "32"]):
            self.assertNotEqual(self.train(*changed)[-1], digest)

    def test_it_is_of_the_data_of_the_file(self):
        """A changed bit in the last tensor changes it, one in the metadata does not. Without the digests
        in the file, either would make it a damaged one."""
        digest = self.train()[-1].split()[1]
        data = self.path("m.safetensors").read_bytes()
        for name in b"maskcl_digest", b"maskcl_file_digest":
            data = data.replace(name, name.replace(b"maskcl", b"former"))
        data = bytearray(data)
        self.write("m.safetensors", data)
        data[-1] ^= 1
        self.write("bit", data)
        self.assertNotEqual(self.information("bit")["digest"], digest)
        text = self.path("m.safetensors").read_bytes()
        self.write("text", text.replace(b'"seed":"0"', b'"seed":"1"'))
        self.assertNotEqual(self.path("text").read_bytes(), text)
        self.assertEqual(self.information("text")["digest"], digest)

    @unittest.skipUnless(shutil.which("xxhsum"), "xxhsum is not installed")
    def test_it_is_what_xxhsum_prints(self):
        digest = self.train()[-1].split()[1]
        data = self.path("m.safetensors").read_bytes()
        size = int.from_bytes(data[:8], "little")
        printed = subprocess.run(["xxhsum", "-H2"], input=data[8 + size:], stdout=subprocess.PIPE,
                                 check=True).stdout.decode()
        self.assertIn(digest, printed)


class ReproducibleTest(ProgramTest):
    def test_the_same_bits_with_any_native_product(self):
        found = set()
        for gemm in "auto", "native", "native-cpu", "native-gpu":
            self.succeed(*TRAIN, "--reproducible", "--gemm", gemm, "-o", gemm)
            found.add(hashlib.sha256(self.path(gemm).read_bytes()).hexdigest())
        self.assertEqual(len(found), 1)

    def test_clblast_is_refused(self):
        self.refuse(*TRAIN, "--reproducible", "--gemm", "clblast", "-o", "m", code=2,
                    says=["CLBlast", "native product (--gemm)"])

    def test_every_command_takes_it(self):
        self.model("m", 8)
        self.random_rows("rows.npy", 4, 8)
        self.labels("labels", 4)
        self.succeed("embed", "m", "rows.npy", "-o", "out.npy", "--reproducible")
        self.succeed("reconstruct", "m", "rows.npy", "-o", "out.npy", "--reproducible")
        self.succeed("probe", "m", "rows.npy", "labels", "rows.npy", "labels", "--reproducible")

    def test_a_device_without_fma_is_refused(self):
        """What a driver declares is believed, so that only a device that does not declare fma can
        be given a wrong one."""
        devices = json.loads(self.succeed("devices", "--json").stdout)["devices"]
        if any(device["used"] and device["fma"] for device in devices):
            self.skipTest("the device declares fma")
        self.refuse(*TRAIN, "--reproducible", "-o", "m", code=1,
                    says=["has no correctly rounded fma", "--device"],
                    env=self.planted("fma.cl", "= fma(a[j], b[j], c[j])", "= a[j] * b[j] + c[j]"))


if __name__ == "__main__":
    unittest.main()
