# SPDX-License-Identifier: Apache-2.0
"""maskcl devices, and the choice of a device."""

import json
import os
import pathlib
import shutil
import subprocess
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

    def test_a_variable_that_misleads_the_loader_is_named(self):
        folder = self.drivers()["OCL_ICD_VENDORS"]
        self.write("text", b"no library")
        for variable in "OCL_ICD_VENDORS", "OPENCL_VENDOR_PATH":
            for value, why in [(folder, "a folder without .icd files"),
                               (folder + "/nonesuch", "No such file"),
                               (str(self.path("vendors")) + "/../vendors", "without .icd files")]:
                env = environment(**{"OCL_ICD_VENDORS": None, variable: value})
                self.refuse("devices", code=1, env=env,
                            says=["no OpenCL driver is found", "%s is '%s'" % (variable, value),
                                  why, "'unset %s'" % variable])
        env = environment(OCL_ICD_VENDORS=folder)
        self.refuse("pretrain", "--synthetic", "4x4", "-o", "m.safetensors", code=1,
                    says=["no OpenCL driver is found", "OCL_ICD_VENDORS"], env=env)
        for value in "libnonesuch.so", self.path("text"):
            self.refuse("devices", code=1, env=environment(OCL_ICD_VENDORS=value),
                        says=["cannot be loaded", "OCL_ICD_VENDORS"])

    def test_a_driver_file_that_cannot_be_read(self):
        env = self.drivers()
        (self.path("vendors") / "link.icd").symlink_to("nonesuch")
        self.refuse("devices", code=1, says=["link.icd", "No such file"], env=env)

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

    def test_a_driver_file_of_windows_is_told(self):
        """The loader takes the carriage return for a part of the name."""
        env = self.drivers()
        (self.path("vendors") / "dos.icd").write_bytes(b"libpocl.so.2\r\n")
        self.refuse("devices", code=1, says=["dos.icd", "ends with a carriage return"], env=env)

    def alone(self, library):
        """The environment with one driver of the system's, skipped where it is not installed."""
        for source in pathlib.Path("/etc/OpenCL/vendors").glob("*.icd"):
            if library in source.read_text():
                env = self.drivers(alone=source.read_text())
                env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
                return env
        self.skipTest("there is no " + library)
        return None

    def test_rusticl_without_a_device_names_its_variable(self):
        env = dict(self.alone("Rusticl"), RUSTICL_ENABLE="")
        self.refuse("devices", code=1, env=env, says=[
            "rusticl", "RUSTICL_ENABLE=radeonsi", "iris", "llvmpipe"])
        env["RUSTICL_ENABLE"] = "nonesuch"
        self.refuse("devices", code=1, env=env, says=["RUSTICL_ENABLE is 'nonesuch'"])

    def test_clover_without_a_device(self):
        if os.path.exists("/dev/dri"):
            self.skipTest("there is a GPU")
        self.refuse("devices", code=1, env=self.alone("MesaOpenCL"),
                    says=["Clover", "/dev/dri/renderD128", "render", "amdgpu"])

    def test_pocl_without_a_device(self):
        env = self.alone("pocl")
        self.write("file", b"")
        env["POCL_CACHE_DIR"] = str(self.path("file") / "cache")
        self.refuse("devices", code=1, env=env,
                    says=["Portable Computing Language", "file/cache",
                          "Not a directory: make it one that can be, or set POCL_CACHE_DIR to "
                          "another folder"])
        env["POCL_CACHE_DIR"] = str(self.path("cache"))
        env["POCL_DEVICES"] = "nonesuch"
        self.refuse_devices(env, "POCL_DEVICES is 'nonesuch'")

    def refuse_devices(self, env, word):
        """The same where the driver makes its folder of caches."""
        result = self.run_program("devices", env=env)
        self.assertEqual(result.returncode, 1)
        self.assertIn(word, result.stderr)

    def test_a_platform_without_a_device_is_a_warning_beside_another(self):
        env = dict(self.alone("Rusticl"), RUSTICL_ENABLE="")
        for source in pathlib.Path(os.environ["OCL_ICD_VENDORS"]).glob("*.icd"):
            shutil.copy(source, self.path("vendors"))
        result = self.succeed("devices", "--json", env=env)
        self.assertIn("RUSTICL_ENABLE", result.stderr)
        problems = json.loads(result.stdout)["driver_problems"]
        self.assertEqual(len(problems), 1)
        self.assertIn("the platform rusticl has no device", problems[0])

    def test_a_full_cache_folder_is_named(self):
        """PoCL keeps there what it compiles from: on a small file system, whoever may mount one."""
        folder = self.path("small")
        folder.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)],
                          stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no small file system can be mounted")
        self.addCleanup(subprocess.run, ["umount", str(folder)])
        env = self.alone("pocl")
        env["POCL_CACHE_DIR"] = str(folder / "cache")
        result = self.run_program("pretrain", "--synthetic", "8x4", "-o", "m.safetensors",
                                  "--epochs", 1, "-q", env=env)
        self.assertEqual(result.returncode, 1)
        warning, error = result.stderr.splitlines()[:2]
        self.assertTrue(warning.startswith("maskcl: warning: "), warning)
        self.assertIn("has only 16 KB left", warning)
        self.assertIn("small/cache cannot be written: No space left on device: free space", error)
        self.assertIn("POCL_CACHE_DIR", error)
        self.assertFalse(self.path("m.safetensors").exists())

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
