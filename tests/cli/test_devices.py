# SPDX-License-Identifier: Apache-2.0
"""maskcl devices, and the choice of a device."""

import json
import os
import pathlib
import shutil
import unittest

from program import ProgramTest, environment


class DevicesTest(ProgramTest):
    def listing(self, *arguments, **options):
        return json.loads(self.succeed("devices", "--json", *arguments, **options).stdout)

    def test_json_has_every_property(self):
        listing = self.listing()
        self.assertGreater(len(listing["devices"]), 0)
        for device in listing["devices"]:
            for name in "platform", "name", "vendor", "driver_version", "opencl_version":
                self.assertIsInstance(device[name], str)
            self.assertIn(device["type"], ["CPU", "GPU", "accelerator", "other"])
            for name in ("platform_index", "device_index", "compute_units", "global_memory",
                         "largest_buffer", "local_memory"):
                self.assertIsInstance(device[name], int)
            for name in "fma", "subnormals", "host_memory", "usable", "used":
                self.assertIsInstance(device[name], bool)
        self.assertEqual(sum(device["used"] for device in listing["devices"]), 1)
        self.assertGreater(len(listing["reason"]), 0)
        self.assertEqual(listing["driver_problems"], [])

    def test_table_agrees_with_json(self):
        listing = self.listing()
        lines = self.succeed("devices").stdout.splitlines()
        rows = [line for line in lines[1:] if line[2:3].isdigit()]
        self.assertEqual(len(rows), len(listing["devices"]))
        for row, device in zip(rows, listing["devices"]):
            self.assertEqual(row[0], "*" if device["used"] else " ")
            fields = row[1:].split(None, 7)
            self.assertEqual(fields[0], "%d:%d" % (device["platform_index"],
                                                   device["device_index"]))
            self.assertEqual(fields[1], device["type"])
            self.assertEqual(fields[2], str(device["compute_units"]))
            self.assertIn(fields[4], ["B", "KiB", "MiB", "GiB", "TiB"])
            self.assertEqual(fields[5], "yes" if device["fma"] else "no")
            self.assertEqual(fields[6], "yes" if device["subnormals"] else "no")
            self.assertEqual(fields[7], device["name"])
        text = "\n".join(lines)
        for device in listing["devices"]:
            for name in "platform", "vendor", "driver_version", "opencl_version":
                self.assertIn(device[name] or "unknown", text)
        self.assertIn("would be used: " + listing["reason"], text)

    def test_a_device_is_named_by_index_or_by_part_of_its_name(self):
        used = next(device for device in self.listing()["devices"] if device["used"])
        part = used["platform"].split()[0]
        index = used["platform_index"]
        for platform in index, part, part.upper(), part.lower():
            for arguments, env in [(["--platform", platform], environment()),
                                   ([], environment(MASKCL_PLATFORM=platform))]:
                chosen = [device for device in self.listing(*arguments, env=env)["devices"]
                          if device["used"]]
                self.assertEqual(chosen[0]["platform_index"], index)
        chosen = self.listing("--platform", index, "--device", used["device_index"])
        self.assertIn("asked for", chosen["reason"])

    def test_an_option_counts_more_than_the_environment(self):
        self.listing("--platform", "0", env=environment(MASKCL_PLATFORM="nonesuch"))

    def test_a_device_that_is_not_there_still_lists_what_is(self):
        for arguments, env in [(["--device", "nonesuch"], environment()),
                               ([], environment(MASKCL_DEVICE="nonesuch")),
                               (["--platform", "77"], environment())]:
            result = self.run_program("devices", *arguments, env=env)
            self.assertEqual(result.returncode, 1)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertTrue(result.stderr.startswith("maskcl: error: no "), result.stderr)
            self.assertIn(self.listing()["devices"][0]["name"], result.stdout)
            self.assertNotIn("*", result.stdout)

    def test_an_unknown_device_is_refused_wherever_one_is_used(self):
        model = self.model(columns=12)
        self.random_rows("rows.npy", 4, 12)
        device = ["--device", "nonesuch"]
        for arguments in (["pretrain", "rows.npy", "-o", "new.safetensors"],
                          ["embed", model, "rows.npy", "-o", "out.npy"],
                          ["reconstruct", model, "rows.npy", "-o", "out.npy"]):
            self.refuse(*arguments, *device, code=1, says=["nonesuch"])
            self.refuse(*arguments, code=1, says=["nonesuch"],
                        env=environment(MASKCL_PLATFORM="nonesuch"))

    def test_two_devices_that_match(self):
        """PoCL makes as many devices as it is told to."""
        env = environment(POCL_DEVICES="pthread pthread")
        devices = self.listing(env=env)["devices"]
        if len(devices) < 2 or devices[0]["name"] != devices[1]["name"]:
            self.skipTest("the OpenCL driver has no two devices of one name")
        name = devices[0]["name"]
        result = self.run_program("devices", "--device", name, env=env)
        self.assertEqual(result.returncode, 1)
        self.assertIn("'%s' fits 2 devices: 0 %s, 1 %s" % (name, name, name), result.stderr)
        self.refuse("pretrain", "--synthetic", "4x4", "-o", "m.safetensors", "--device", name,
                    code=1, says=["fits 2 devices"], env=env)
        second = self.listing("--device", "1", env=env)["devices"]
        self.assertEqual([device["used"] for device in second[:2]], [False, True])


class DriverTest(ProgramTest):
    """Machines without a driver, or with one that does not work."""

    def drivers(self, **files):
        folder = self.path("vendors")
        folder.mkdir()
        for name, text in files.items():
            (folder / (name + ".icd")).write_text(text)
        return environment(OCL_ICD_VENDORS=folder)

    def test_no_driver(self):
        env = self.drivers()
        self.refuse("devices", code=1, says=["no OpenCL driver is installed", "install",
                                             "pocl-opencl-icd"], env=env)
        self.refuse("pretrain", "--synthetic", "4x4", "-o", "m.safetensors", code=1,
                    says=["no OpenCL driver is installed"], env=env)

    def test_a_driver_whose_library_is_missing(self):
        env = self.drivers(broken="libnonesuch.so.9\n")
        self.refuse("devices", code=1, says=["broken.icd", "libnonesuch.so.9", "reinstall"],
                    env=env)

    def test_a_driver_that_is_no_library(self):
        self.write("driver.txt", b"not a library\n")
        env = self.drivers(text=str(self.path("driver.txt")) + "\n")
        self.refuse("devices", code=1, says=["text.icd", "driver.txt"], env=env)

    def test_a_driver_file_that_names_nothing(self):
        env = self.drivers(empty="")
        self.refuse("devices", code=1, says=["empty.icd", "names no library"], env=env)

    def test_a_broken_driver_beside_a_working_one_is_a_warning(self):
        env = self.drivers(broken="libnonesuch.so.9\n")
        for source in pathlib.Path(
                os.environ.get("OCL_ICD_VENDORS") or "/etc/OpenCL/vendors").glob("*.icd"):
            shutil.copy(source, self.path("vendors"))
        result = self.succeed("devices", "--json", env=env)
        lines = result.stderr.splitlines()
        self.assertTrue(any(line.startswith("maskcl: warning: ") and "broken.icd" in line
                            for line in lines), result.stderr)
        listing = json.loads(result.stdout)
        self.assertGreater(len(listing["devices"]), 0)
        self.assertTrue(any("broken.icd" in line for line in listing["driver_problems"]))


if __name__ == "__main__":
    unittest.main()
