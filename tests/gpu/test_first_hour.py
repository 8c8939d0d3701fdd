# SPDX-License-Identifier: Apache-2.0
"""tools/gpu/first-hour on the device that is there, in its short form, and what it does where parts hang
or fail."""

import getpass
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(os.environ["MASKCL_SOURCE"])
BUILD = pathlib.Path(os.environ["MASKCL_BUILD"])
SCRIPT = ROOT / "tools/gpu/first-hour"
sys.path.insert(0, str(ROOT / "tools/gpu"))

import parts  # noqa: E402 (found in the folder above)


class FolderTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="maskcl-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def first_hour(self, *arguments, build=BUILD, **variables):
        """(its result, the certificate, the text beside it)"""
        output = self.folder / "out"
        result = subprocess.run([sys.executable, SCRIPT, "--build", build, "--output", output,
                                 *map(str, arguments)], text=True, capture_output=True, timeout=400,
                                env=dict(os.environ, **variables), stdin=subprocess.DEVNULL)
        written = sorted(output.glob("*.json"))
        self.assertEqual(len(written), 1, result.stderr)
        return result, json.loads(written[0].read_text()), written[0].with_suffix(".txt").read_text()


class ShortTest(FolderTest):
    def test_a_device_is_described_and_its_user_is_not(self):
        result, certificate, text = self.first_hour("--short", "--minutes", 4)
        done = {name: part["result"] for name, part in certificate["parts"].items()}
        self.assertLessEqual({"devices", "digests", "verify", "memory", "kernels"}, set(done))
        # A slow machine may have no time for what compiles anew; nothing may fail.
        self.assertLessEqual(set(done.values()), {"done", "skipped", "out of time"},
                             f"{result.stderr}\n{certificate['parts']}")
        for name in "devices", "digests", "verify":
            self.assertEqual(done[name], "done", result.stderr)
        self.assertTrue(certificate["verify"]["reproduces"])
        self.assertEqual(certificate["verify"]["agree"], certificate["verify"]["checks"])
        self.assertTrue(all(entry["agrees"] for entry in certificate["digests"].values()))
        self.assertTrue(certificate["device"]["name"])
        self.assertTrue(certificate["driver"])
        self.assertRegex(certificate["maskcl"], r"^\d+\.\d+\.\d+$")
        if done["kernels"] == "done":
            self.assertIn("gemm_gpu", certificate["parts"]["kernels"]["found"])
        self.assertIn("reproduces the reference bits", text)
        whole = json.dumps(certificate) + text
        for word in (socket.gethostname(), str(ROOT), str(BUILD), str(pathlib.Path.home()) + "/",
                     str(self.folder)):
            self.assertNotIn(word, whole)

    def test_a_program_that_hangs_is_ended_and_one_that_fails_is_kept(self):
        program = self.folder / "build/maskcl"
        program.parent.mkdir()
        program.write_text("#!/bin/sh\ncase $1 in --version) echo maskcl 1.2.3 ;;\n"
                           "devices) echo \"no driver in /data/secret/driver\" >&2; exit 1 ;;\n"
                           "*) sleep 100 ;; esac\n")
        program.chmod(0o755)
        started = time.monotonic()
        result, certificate, text = self.first_hour("--minutes", 0.05, "--only", "digests,verify",
                                                    build=program.parent)
        self.assertLess(time.monotonic() - started, 30)
        self.assertEqual(result.returncode, 1)
        self.assertEqual({name: part["result"] for name, part in certificate["parts"].items()},
                         {"devices": "failed", "digests": "out of time", "verify": "out of time"})
        self.assertEqual(certificate["maskcl"], "1.2.3")
        self.assertNotIn("secret", text + json.dumps(certificate))

    def test_what_is_wrong_is_refused(self):
        for arguments, words in ((("--only", "nothing"), "there is no part nothing"),
                                 (("--build", self.folder), "tools/gpu/prepare")):
            result = subprocess.run([sys.executable, SCRIPT, "--build", BUILD, "--output", self.folder,
                                     *arguments], text=True, capture_output=True, timeout=60)
            self.assertEqual(result.returncode, 1)
            self.assertIn(words, result.stderr)
            self.assertEqual(len(result.stderr.splitlines()), 1)


class PartsTest(FolderTest):
    def run_parts(self, *wanted, minutes=1):
        certificate, kept = {"parts": {}}, []
        parts.run_parts(wanted, certificate, lambda: kept.append(json.dumps(certificate)), minutes,
                        lambda text: None)
        self.assertEqual(len(kept), len(wanted))  # after each, so that a lost session loses one part
        return certificate["parts"], [json.loads(text)["parts"] for text in kept]

    def test_a_part_that_hangs_is_killed_with_what_it_started_and_keeps_what_it_had(self):
        child = self.folder / "child"

        def hangs(found, clock):
            found["first"] = 1
            parts.call(["sh", "-c", f"trap '' TERM HUP; (sleep 2; touch {child}) & sleep 100"], clock)

        def works(found, clock):
            found["second"] = parts.call(["echo", "yes"], clock)

        started = time.monotonic()
        result, kept = self.run_parts(("hangs", 0.5, hangs), ("works", 10, works))
        self.assertLess(time.monotonic() - started, 8)
        self.assertEqual((result["hangs"]["result"], result["hangs"]["found"]),
                         ("out of time", {"first": 1}))
        self.assertEqual((result["works"]["result"], result["works"]["found"]),
                         ("done", {"second": (0, "yes\n", "")}))
        self.assertNotIn("works", kept[0])
        time.sleep(2.5)
        self.assertFalse(child.exists())

    def test_a_part_that_fails_is_recorded_and_the_rest_goes_on(self):
        def fails(found, _):
            found["had"] = True
            raise KeyError("nothing there")

        def skips(_, __):
            raise parts.Skipped("no PyTorch")

        result, _ = self.run_parts(("fails", 10, fails), ("skips", 10, skips),
                                   ("works", 10, lambda found, clock: None))
        self.assertEqual([(part["result"], part.get("reason")) for part in result.values()],
                         [("failed", "'nothing there'"), ("skipped", "no PyTorch"), ("done", None)])
        self.assertEqual(result["fails"]["found"], {"had": True})

    def test_all_end_when_the_whole_time_is_over(self):
        def waits(_, clock):
            parts.call(["sleep", "100"], clock)

        started = time.monotonic()
        result, _ = self.run_parts(("one", 50, waits), ("two", 50, waits), minutes=0.01)
        self.assertLess(time.monotonic() - started, 8)
        self.assertEqual([part["result"] for part in result.values()], ["out of time", "out of time"])

    def test_nothing_tells_whose_machine_it_is(self):
        scrubber = parts.Scrubber([self.folder])
        user, host = getpass.getuser(), socket.gethostname()
        text = scrubber.text(f"{self.folder}/a.cl:3: {user}@{host}: /data/secret/rows.npy, 3/4, a/b, "
                             f"~/x, {pathlib.Path.home()}/y, gemm {user}like")
        for word in (str(self.folder), "secret", f"{user}@", f"@{host}", str(pathlib.Path.home()) + "/"):
            self.assertNotIn(word, text)
        for word in ("a.cl:3", "3/4", "a/b", f"gemm {user}like"):
            self.assertIn(word, text)
        self.assertEqual(scrubber.value({"a": [user, 1, True, None]}), {"a": ["USER", 1, True, None]})


if __name__ == "__main__":
    unittest.main()
