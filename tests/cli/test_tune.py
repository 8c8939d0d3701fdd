# SPDX-License-Identifier: Apache-2.0
"""maskcl tune, the file it keeps, and what becomes of a file that cannot be trusted."""

import json
import os
import unittest

from program import ProgramTest, environment

WIDTHS = ["--input", 20, "--hidden", "16", "--embedding", 8, "--batch", 32]
# PoCL's own cache of kernels stays where it is.
POCL_CACHE = os.environ.get("POCL_CACHE_DIR") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "pocl", "kcache")
QUICK = ["tune", "--quick", *WIDTHS]
TRAIN = ["pretrain", "--synthetic", "64x20", "--hidden", "16", "--embedding", 8, "--batch", 32,
         "--epochs", 2, "-q", "-o"]


class TuneTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.cache = self.path("cache")
        self.env = environment(XDG_CACHE_HOME=self.cache, POCL_CACHE_DIR=POCL_CACHE)

    def tuned(self):
        devices = json.loads(self.succeed("devices", "--json", env=self.env).stdout)["devices"]
        return next(device for device in devices if device["used"])["tuned"]

    def file(self):
        files = list((self.cache / "maskcl").glob("tuning-*.json"))
        self.assertEqual(len(files), 1)
        return files[0]

    def train(self, name, *options):
        """What training says, and the bytes of the model."""
        result = self.succeed(*TRAIN, name, *options, env=self.env)
        return result.stderr, self.path(name).read_bytes()

    def warned(self, damage, says):
        """A file damaged like this is a warning, and changes no bit."""
        file = self.file()
        good = file.read_text()
        damage(file)
        said, model = self.train("warned")
        lines = said.splitlines()
        self.assertEqual(len(lines), 1, said)
        self.assertTrue(lines[0].startswith("maskcl: warning: "), said)
        self.assertIn(str(file), lines[0])
        self.assertIn(says, lines[0])
        self.assertEqual(model, self.model)
        if file.is_file():
            file.write_text(good)

    def test_the_native_product(self):
        self.assertFalse(self.tuned())
        said, self.model = self.train("untuned")
        self.assertEqual(said, "")

        result = self.succeed(*QUICK, "--gemm", "native", "--json", env=self.env)
        answer = json.loads(result.stdout)
        self.assertEqual(answer["file"], str(self.file()))
        self.assertEqual(len(answer["providers"]), 1)
        provider = answer["providers"][0]
        self.assertIn(provider["gemm"], ["native-cpu", "native-gpu"])
        self.assertGreater(provider["gflops"], 0)
        products = {("T" if p["transpose_a"] else "N") + ("T" if p["transpose_b"] else "N") +
                    " %d %d %d" % (p["m"], p["n"], p["k"]) for p in provider["products"]}
        self.assertEqual(products, {
            "NT 64 16 20", "TN 16 20 64",                # encoder
            "NT 64 8 16", "TN 8 16 64", "NN 64 16 8",
            "NT 64 16 8", "TN 16 8 64", "NN 64 8 16",    # decoder
            "NT 64 20 16", "TN 20 16 64", "NN 64 16 20",
            "NT 64 64 8", "NN 64 8 64"})                 # nt-xent
        for product in provider["products"]:
            self.assertGreaterEqual(product["gflops"], product["gflops_before"])

        self.assertTrue(self.tuned())
        self.assertIn("tuned     yes", self.succeed("devices", env=self.env).stdout)
        stored = json.loads(self.file().read_text())
        self.assertEqual(len(stored[provider["gemm"]]["products"]), len(products))
        said, model = self.train("tuned")
        self.assertEqual(said, "")
        self.assertEqual(model, self.model)

        # None of these is used.
        key = provider["gemm"]
        self.warned(lambda file: file.write_text("{"), "damaged")
        self.warned(lambda file: file.write_text(""), "damaged")
        self.warned(lambda file: file.write_bytes(bytes(range(256))), "damaged")
        self.warned(lambda file: file.write_text("[" * 100000), "damaged")
        self.warned(lambda file: file.write_text(" " * 300000), "cannot be read")
        self.file().parent.chmod(0o755)
        self.warned(lambda file: file.chmod(0o606), "others can write it")
        self.file().parent.chmod(0o700)
        self.assertTrue(self.tuned())  # nobody else gets at it
        self.file().chmod(0o600)

        def change(edit):
            def damage(file):
                content = json.loads(file.read_text())
                edit(content)
                file.write_text(json.dumps(content))
            return damage

        def tile(**members):
            return change(lambda content: content[key]["products"][3]["tile"].update(members))

        self.warned(change(lambda content: content.update(maskcl_tuning=2)), "another version")
        self.warned(change(lambda content: content.update(driver_version="0.9")),
                    "another driver_version")
        self.warned(change(lambda content: content.update(maskcl="0.0.1")), "another maskcl")
        self.warned(change(lambda content: content.update(device="toaster")), "another device")
        self.warned(change(lambda content: content.pop("platform")), "another platform")
        self.warned(change(lambda content: content[key]["products"].append({})), "damaged")
        self.warned(change(lambda content: content[key]["products"][0].pop("tile")), "damaged")
        self.warned(change(lambda content: content.update(clblast={"Xgemm": {"MWG": 16}})),
                    "damaged")
        self.warned(tile(vector=-4), "damaged")
        self.warned(tile(vector=4.5), "damaged")
        self.warned(tile(vector="4"), "damaged")
        self.warned(tile(vector=1e300), "damaged")
        self.warned(tile(vector=5), "do not suit")
        self.warned(tile(vector=0), "do not suit")

        # A refused file is replaced.
        self.file().write_text("{")
        self.assertFalse(self.tuned())
        self.assertIn("no: the file does not fit", self.succeed("devices", env=self.env).stdout)

    def test_what_cannot_be_stored_is_refused_before_the_search(self):
        self.write("file", b"")
        self.refuse("tune", "--gemm", "native", code=1, says=["cache folder", "XDG_CACHE_HOME"],
                    env=environment(XDG_CACHE_HOME=self.path("file"), POCL_CACHE_DIR=POCL_CACHE))
        (self.cache / "maskcl").mkdir(parents=True)
        (self.cache / "maskcl").chmod(0o500)
        if os.geteuid() != 0:  # root may write everywhere
            self.refuse("tune", "--gemm", "native", code=1,
                        says=["cannot write in", "XDG_CACHE_HOME"], env=self.env)
            self.refuse("tune", "--gemm", "native", code=1,
                        says=["cannot be made: Permission denied", "XDG_CACHE_HOME"],
                        env=environment(XDG_CACHE_HOME=self.cache / "maskcl",
                                        POCL_CACHE_DIR=POCL_CACHE))
        (self.cache / "maskcl").chmod(0o700)

    def test_one_search_at_a_time(self):
        first = self.start_program("tune", "--gemm", "native", "-q", env=self.env)
        while not (self.cache / "maskcl").exists():
            self.assertIsNone(first.poll())
        result = self.run_program(*QUICK, "--gemm", "native", env=self.env)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("another run is tuning this device", result.stderr)
        first.kill()
        first.wait()

    def test_any_umask(self):
        before = os.umask(0)
        try:
            self.succeed(*QUICK, "--gemm", "native", "-q", env=self.env)
        finally:
            os.umask(before)
        self.assertEqual(self.file().stat().st_mode & 0o777, 0o600)
        self.assertTrue(self.tuned())

    def test_a_device_that_was_not_asked_for_is_not_tuned(self):
        self.refuse(*QUICK, "--device", "nonesuch", code=1, says=["nonesuch"], env=self.env)

    def test_usage(self):
        model = super().model()
        self.refuse("tune", "--model", model, "--hidden", 12, code=2, says=["--hidden", "--model"],
                    env=self.env)
        self.refuse("tune", "--model", model, "--objective", "vicreg", code=2,
                    says=["--objective", "--model"], env=self.env)
        self.refuse("tune", "--batch", "all", code=2, says=["--batch", "number of rows"],
                    env=self.env)
        self.refuse("tune", "--model", "nonesuch", code=1, says=["nonesuch"], env=self.env)
        self.refuse("tune", "--batch", 0, code=2, says=["--batch"], env=self.env)
        self.refuse("tune", "rows.npy", code=2, says=["rows.npy"], env=self.env)

    def test_without_a_cache_folder(self):
        self.refuse(*QUICK, "--gemm", "native", code=1, says=["cache folder", "XDG_CACHE_HOME"],
                    env=environment(XDG_CACHE_HOME=None, HOME=None))

    def test_a_model_is_tuned_for(self):
        """And parameters of other products stay in the file."""
        name = super().model()
        self.succeed("tune", "--quick", "--batch", 4, "--gemm", "native", "--model", name,
                     env=self.env)
        before = self.file().read_text()
        result = self.succeed("tune", "--quick", "--batch", 4, "--gemm", "native", "--json",
                              "--input", 12, "--hidden", "none", "--embedding", 4, env=self.env)
        kernel = json.loads(result.stdout)["providers"][0]["gemm"]
        shapes = [{(product["transpose_a"], product["transpose_b"], product["m"], product["n"],
                    product["k"]) for product in json.loads(text)[kernel]["products"]}
                  for text in (before, self.file().read_text())]
        self.assertIn((False, True, 8, 6, 12), shapes[0])
        self.assertNotIn((False, True, 8, 4, 12), shapes[0])
        self.assertEqual(shapes[1] - shapes[0], {
            (False, True, 8, 4, 12), (True, False, 4, 12, 8), (False, True, 8, 12, 4),
            (True, False, 12, 4, 8), (False, False, 8, 4, 12)})
        self.assertLessEqual(shapes[0], shapes[1])

    def test_all_parts_of_a_run(self):
        result = self.succeed("tune", "--quick", "--batch", 4, "--gemm", "native", "--json",
                              "--input", 12, "--hidden", "none", "--embedding", 4, "--objective",
                              "vicreg", "--projector", 5, env=self.env)
        products = {("T" if p["transpose_a"] else "N") + ("T" if p["transpose_b"] else "N") +
                    " %d %d %d" % (p["m"], p["n"], p["k"])
                    for p in json.loads(result.stdout)["providers"][0]["products"]}
        self.assertEqual(products, {
            "NT 8 4 12", "TN 4 12 8",                    # encoder
            "NT 8 5 4", "TN 5 4 8", "NN 8 4 5",          # projector
            "TN 5 5 4", "NN 4 5 5"})                     # vicreg

    def test_clblast(self):
        result = self.succeed(*QUICK, "--gemm", "clblast", "--json", env=self.env)
        provider, = json.loads(result.stdout)["providers"]
        self.assertEqual(provider["gemm"], "clblast")
        self.assertGreaterEqual(provider["gflops"], provider["gflops_before"])
        stored = json.loads(self.file().read_text())["clblast"]
        if stored:
            self.assertIn("XGEMM_MIN_INDIRECT_SIZE", stored["GemmRoutine"])
        self.assertEqual(self.train("clblast", "--gemm", "clblast")[0], "")
        for kernel, names in (("GemmRoutine", "XGEMM_MIN_INDIRECT_SIZE"),
                              ("Xgemm", "GEMMK KREG KWG KWI MDIMA MDIMC MWG NDIMB NDIMC NWG SA SB "
                                        "STRM STRN VWM VWN")):
            # in range, but no tile of CLBlast's
            stored[kernel] = {name: 3 if name != "GEMMK" else 0 for name in names.split()}
        content = json.loads(self.file().read_text())
        content["clblast"] = stored
        self.file().write_text(json.dumps(content))
        said = self.train("clblast2", "--gemm", "clblast")[0]
        self.assertNotIn("native", said) # with parameters that every device has room for


if __name__ == "__main__":
    unittest.main()
