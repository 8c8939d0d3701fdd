# SPDX-License-Identifier: Apache-2.0
"""tools/gpu/compilers: what it reads from compilers, and what it holds against the table. The compilers
themselves are a stage of tools/test.sh."""

import os
import pathlib
import shutil
import sys
import tempfile
import types
import unittest

ROOT = pathlib.Path(os.environ["MASKCL_SOURCE"])
sys.path.insert(0, str(ROOT / "tools/gpu"))

import page  # noqa: E402 (found in the folder above)
import programs  # noqa: E402
import table  # noqa: E402
import toolchains  # noqa: E402
from toolchains import Use  # noqa: E402

AMD = """
	.amdgpu_metadata
---
amdhsa.kernels:
  - .args:
      - .name:           sums
        .size:           8
    .name:           first
    .private_segment_fixed_size: 36
    .sgpr_spill_count: 3
    .vgpr_count:     182
    .vgpr_spill_count: 7
  - .args:           []
    .name:           second
    .private_segment_fixed_size: 0
    .vgpr_count:     9
    .vgpr_spill_count: 0
amdhsa.version:
  - 1
"""
NVIDIA = """ptxas info    : Compiling entry function 'first' for 'sm_86'
ptxas info    : Function properties for first
    112 bytes stack frame, 8 bytes spill stores, 16 bytes spill loads
ptxas info    : Used 126 registers, used 1 barriers, 488 bytes cmem[0]
ptxas info    : Compiling entry function 'second' for 'sm_86'
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 9 registers, 488 bytes cmem[0]
"""
INTEL_LOG = "warning: kernel first  compiled SIMD8 allocated 128 regs and spilled around 13\n"
INTEL_TOKENS = """Kernel #0
	KernelName first
Unidentified PatchToken:
	4 Token 18
	4 Size 16
	Hex 0 0 0 0 0 20 0 0
Unidentified PatchToken:
	4 Token 23
	4 Size 136
	Hex 0 0 0 0 0 0 0 0 0 0 0 0 8 0 0 0 1 0 0 0
	KernelName second
Unidentified PatchToken:
	4 Token 23
	4 Size 136
	Hex 0 0 0 0 0 0 0 0 0 0 0 0 20 0 0 0 1 0 0 0
"""

KEY = ("a.cl", "first", "TILE=4")


def a_toolchain(version="1.0"):
    return types.SimpleNamespace(name="gfx1030", version=version)


def a_table(use):
    return table.Table({"gfx1030": "1.0"}, {KEY: {"gfx1030": use}})


class ReadTest(unittest.TestCase):
    def test_what_compilers_say(self):
        self.assertEqual(toolchains.parse_amd(AMD), {"first": Use(182, 7, 36), "second": Use(9, 0, 0)})
        self.assertEqual(toolchains.parse_nvidia(NVIDIA),
                         {"first": Use(126, 8, 112), "second": Use(9, 0, 0)})
        self.assertEqual(toolchains.parse_intel(INTEL_LOG, INTEL_TOKENS),
                         {"first": Use(0, 13, 8192, 8), "second": Use(0, 0, 0, 32)})

    def test_what_packagers_add_to_a_version_does_not_count(self):
        self.assertEqual(toolchains.upstream("1:15.0.6-4+b1"), "15.0.6")
        self.assertEqual(toolchains.upstream("22.43.24595.41-1"), "22.43.24595.41")


class CompareTest(unittest.TestCase):
    def failures(self, row, use, version="1.0"):
        return table.compare(a_table(row), {KEY: {"gfx1030": use}}, [a_toolchain(version)], True)[0]

    def test_what_exceeds_a_ceiling_is_said(self):
        self.assertEqual(self.failures(Use(60, 0, 36), Use(60, 0, 36)), [])
        self.assertEqual(self.failures(Use(60, 0, 36), Use(64, 0, 0)), [])  # what is allocated anyway
        self.assertEqual(self.failures(Use(60, 0, 36), Use(65, 1, 40)), [
            "a.cl: first TILE=4: gfx1030: registers from 60 to 65",
            "a.cl: first TILE=4: gfx1030: spills from 0 to 1",
            "a.cl: first TILE=4: gfx1030: bytes of scratch from 36 to 40"])
        self.assertEqual(self.failures(Use(0, 0, 0, 16), Use(0, 0, 0, 8)),
                         ["a.cl: first TILE=4: gfx1030: work-items a thread from 16 to 8"])

    def test_another_version_fails_for_much_more_alone(self):
        self.assertEqual(self.failures(Use(60, 0, 0), Use(90, 16, 512), "2.0"), [])
        self.assertEqual(len(self.failures(Use(60, 0, 0), Use(90, 17, 513), "2.0")), 2)

    def test_an_improvement_is_a_note(self):
        failures, notes = table.compare(a_table(Use(60, 4, 0)), {KEY: {"gfx1030": Use(60, 0, 0)}},
                                        [a_toolchain()], True)
        self.assertEqual(failures, [])
        self.assertEqual(notes, ["a.cl: first TILE=4: within its ceilings: gfx1030 60/4/0 to 60/0/0"])

    def test_a_kernel_that_came_or_went(self):
        use, other = Use(1, 0, 0), ("a.cl", "second", "")
        came = table.compare(a_table(use), {KEY: {"gfx1030": use}, other: {"gfx1030": use}},
                             [a_toolchain()], True)[0]
        self.assertEqual(came, ["a.cl: second: is not in the table"])
        self.assertEqual(table.compare(a_table(use), {}, [a_toolchain()], False)[0], [])
        self.assertEqual(table.compare(a_table(use), {}, [a_toolchain()], True)[0],
                         ["a.cl: first TILE=4: is in the table, and nothing compiles it"])


class CommittedTest(unittest.TestCase):
    def test_table_and_page_are_of_one_making(self):
        text = (ROOT / "docs/gpu-kernels.tsv").read_text()
        read = table.read(text)
        self.assertEqual(read.text(), text)
        self.assertEqual(read.targets, [name for _, name, _ in toolchains.TARGETS])
        self.assertEqual((ROOT / "docs/gpu-kernels.md").read_text(), page.text(read))
        self.assertEqual({path.name for path in (ROOT / "cl").glob("*.cl")},
                         {file for file, _, _ in read.rows})


class RecordTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="maskcl-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def test_programs_of_a_run_on_a_made_up_device(self):
        recorder = programs.Recorder(os.environ["MASKCL_PROGRAM"], self.folder)
        self.assertIn("recommended", recorder.recipes())
        recorder.run("pretrain", "images", "--recipe", "default", "--epochs", 1, "-o",
                     "model.safetensors", "--quiet", "--gemm", "native", units=8)
        recorded = recorder.programs()
        self.assertIn(("optimizer.cl", ""), {(one.file, one.defines) for one in recorded})
        product = next(one for one in recorded if one.file == "gemm_gpu.cl")
        self.assertIn("#define ITEM_ROWS", product.source)
        self.assertRegex(product.defines, r"^ITEM_ROWS=\d+ ITEM_COLUMNS=\d+ ")
        self.assertIn("-cl-fp32-correctly-rounded-divide-sqrt", product.options)

    def test_a_run_that_fails_is_said(self):
        recorder = programs.Recorder(os.environ["MASKCL_PROGRAM"], self.folder)
        with self.assertRaisesRegex(RuntimeError, "maskcl embed nothing.*exit code"):
            recorder.run("embed", "nothing", "images", "-o", "out.npy")


if __name__ == "__main__":
    unittest.main()
