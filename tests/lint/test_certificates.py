# SPDX-License-Identifier: Apache-2.0
"""docs/devices.md is that of certificates/, which tell nothing of whoever made them."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["MASKCL_SOURCE"])
TOOL = SOURCE / "tools" / "certificates"

# All that a certificate may have.
KEYS = {"maskcl", "numeric_contract", "date", "device", "driver", "system", "digests", "differing", "verify", "speed",
        "parts"}


def check(folder):
    return subprocess.run([sys.executable, TOOL, "--check", folder], text=True, stderr=subprocess.PIPE)


class CertificatesTest(unittest.TestCase):
    def test_the_page_is_up_to_date(self):
        result = check(SOURCE)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_what_certificates_tell(self):
        files = list((SOURCE / "certificates").glob("*.json"))
        self.assertGreaterEqual(len(files), 2)
        for path in files:
            with self.subTest(file=path.name):
                certificate = json.loads(path.read_text())
                self.assertLessEqual(set(certificate), KEYS)
                self.assertNotIn("/home/", path.read_text())

    def test_an_old_page_and_a_gpu(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            shutil.copytree(SOURCE / "certificates", root / "certificates")
            (root / "docs").mkdir()
            (root / "docs" / "devices.md").write_text((SOURCE / "docs" / "devices.md").read_text())
            self.assertEqual(check(root).returncode, 0)
            (root / "certificates" / "card.json").write_text(json.dumps({
                "maskcl": "9.9.9", "device": {"name": "A|Card", "platform": "P", "type": "GPU"}, "driver": "1",
                "digests": {"a": {"digest": "0", "agrees": True}, "b": {"digest": "1", "agrees": False}},
                "verify": {"reproduces": False, "checks": 9, "agree": 8, "reason": "its fma is not"}}))
            result = check(root)
            self.assertEqual(result.returncode, 1)
            self.assertIn("run tools/certificates", result.stderr)
            subprocess.run([sys.executable, TOOL, folder], check=True)
            self.assertEqual(check(root).returncode, 0)
            text = (root / "docs" / "devices.md").read_text()
            self.assertIn("| A\\|Card (GPU) | P, 1 |  | 1 of 2 | 8 of 9: its fma is not |  | 9.9.9 |  |", text)
            self.assertNotIn("All of them are CPUs", text)


if __name__ == "__main__":
    unittest.main()
