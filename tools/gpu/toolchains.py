# SPDX-License-Identifier: Apache-2.0
"""The compilers of three vendors, as they stand in a folder or are installed, and what they say of a
kernel: registers, what was spilled, and memory besides registers (scratch).

Nothing of them is installed but clang and libclc: Intel's packages bring a driver, which would show up
among the devices of this machine."""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

# Unpacked into the folder.
DEBIAN = ["rocm-device-libs", "intel-opencl-icd", "libigc1", "libigdfcl1", "libigdgmm12",
          "libopencl-clang14", "libllvmspirvlib14"]
PTXAS = "nvidia-cuda-nvcc==13.0.88"
CLANG = "clang-15"
LIBCLC = pathlib.Path("/usr/lib/clc/nvptx64--nvidiacl.bc")  # of libclc-15


class Failure(Exception):
    """A program that does not compile."""


class Missing(Exception):
    """A compiler that is not there, or not whole."""


@dataclasses.dataclass(frozen=True)
class Use:
    """What a kernel takes. `lanes` is 0 but for Intel, whose compiler chooses how many work-items
    share a thread: the more the better."""
    registers: int
    spills: int
    scratch: int
    lanes: int = 0

    def __str__(self):
        return f"{self.lanes or self.registers}/{self.spills}/{self.scratch}"


def call(command, **options):
    result = subprocess.run([str(word) for word in command], text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
                            timeout=300, **options)
    if result.returncode != 0:
        raise Failure(f"{pathlib.Path(str(command[0])).name}: exit code {result.returncode}\n"
                      f"{result.stdout.strip()}")
    return result.stdout


def version_of(package):
    """What the packagers of an upstream version add does not change what it compiles."""
    if not shutil.which("dpkg-query"):
        return "?"
    result = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], text=True,
                            capture_output=True)
    return upstream(result.stdout) if result.returncode == 0 else "?"


def upstream(version):
    return re.sub(r"^\d+:|-[^-]*$", "", version)


def clang_options(program):
    options = [option for option in program.options.replace("-D ", "-D").split() if option != "-w"]
    return ["-x", "cl", "-w", "-O3", "-S", "-Xclang", "-finclude-default-header", *options]


class Amd:
    unit = "vector registers / spilled / bytes of scratch"

    def __init__(self, name, title, folder):
        self.name, self.title = name, title
        self.libraries = folder / "root/usr/lib/x86_64-linux-gnu/amdgcn/bitcode"
        if not self.libraries.is_dir():
            self.libraries = pathlib.Path("/usr/lib/x86_64-linux-gnu/amdgcn/bitcode")
        if not (self.libraries / "ocml.bc").exists():
            raise Missing("rocm-device-libs")
        if not shutil.which(CLANG):
            raise Missing(CLANG)
        self.version = f"clang {version_of(CLANG)}, rocm-device-libs {unpacked(folder, 'rocm-device-libs')}"

    def compile(self, program, folder):
        (folder / "a.cl").write_text(program.source)
        call([CLANG, *clang_options(program), "-target", "amdgcn-amd-amdhsa", f"-mcpu={self.name}",
              f"--rocm-device-lib-path={self.libraries}", "-o", folder / "a.s", folder / "a.cl"])
        return parse_amd((folder / "a.s").read_text())


def parse_amd(assembly):
    """The kernels' metadata, at the end of what clang writes: a list of YAML."""
    uses = {}
    metadata = assembly.partition(".amdgpu_metadata")[2]
    for kernel in re.split(r"^  - (?=\.)", metadata.partition("amdhsa.kernels:")[2], flags=re.M)[1:]:
        def number(key):
            return int(re.search(rf"^\s*\.{key}:\s*(\d+)", kernel, re.M).group(1))
        # The arguments, deeper in, have names too.
        name = re.search(r"^    \.name:\s*(\S+)", kernel, re.M).group(1)
        uses[name] = Use(number("vgpr_count"), number("vgpr_spill_count"),
                         number("private_segment_fixed_size"))
    return uses


# libclc lacks this for NVIDIA's GPUs, whose driver has the offset in these registers.
OFFSET = """ulong __attribute__((overloadable)) get_global_offset(uint dimension)
{
    uint offset;
    __asm__("mov.u32 %0, %%envreg3;" : "=r"(offset));
    return offset;
}
"""


class Nvidia:
    unit = "registers / bytes spilled / bytes of stack"

    def __init__(self, name, title, folder):
        self.name, self.title = name, title
        self.ptxas = next(iter(sorted(folder.glob("nvidia/*/bin/ptxas"))), None)
        if not self.ptxas:
            raise Missing(PTXAS)
        if not shutil.which(CLANG):
            raise Missing(CLANG)
        if not LIBCLC.exists():
            raise Missing("libclc-15")
        self.version = (f"clang {version_of(CLANG)}, libclc {version_of('libclc-15')}, ptxas " +
                        re.search(r"V([\d.]+)", call([self.ptxas, "--version"])).group(1))

    def compile(self, program, folder):
        (folder / "a.cl").write_text(OFFSET + program.source)
        call([CLANG, *clang_options(program), "-target", "nvptx64-nvidia-cuda",
              "-Xclang", "-target-cpu", "-Xclang", "sm_80", "-Xclang", "-target-feature", "-Xclang",
              "+ptx72", "-Xclang", "-mlink-builtin-bitcode", "-Xclang", LIBCLC,
              "-o", folder / "a.ptx", folder / "a.cl"])
        return parse_nvidia(call([self.ptxas, "-arch", self.name, "-v", "-o", folder / "a.cubin",
                                  folder / "a.ptx"]))


def parse_nvidia(log):
    uses = {}
    for kernel in log.split("Compiling entry function '")[1:]:
        def number(pattern):
            return int(re.search(pattern, kernel).group(1))
        uses[kernel.partition("'")[0]] = Use(number(r"Used (\d+) registers"),
                                             number(r"(\d+) bytes spill stores"),
                                             number(r"(\d+) bytes stack frame"))
    return uses


class Intel:
    unit = "work-items a thread / registers spilled, about / bytes of scratch a thread"

    def __init__(self, name, title, folder):
        self.name, self.title = name, title
        root = folder / "root/usr"
        self.ocloc = root / "bin/ocloc"
        self.environment = dict(os.environ, LD_LIBRARY_PATH=str(root / "lib/x86_64-linux-gnu"))
        if not self.ocloc.exists():
            raise Missing("intel-opencl-icd")
        try:
            call([self.ocloc, "--help"], env=self.environment)
        except (Failure, OSError) as failure:  # libraries that it needs are not there
            raise Missing(f"ocloc does not run: {str(failure).splitlines()[-1]}") from failure
        self.version = (f"ocloc {unpacked(folder, 'intel-opencl-icd')}, "
                        f"IGC {unpacked(folder, 'libigc1')}")

    def compile(self, program, folder):
        (folder / "a.cl").write_text(program.source)
        options = " ".join(word for word in program.options.split() if word != "-w")
        log = call([self.ocloc, "compile", "-file", folder / "a.cl", "-device", self.name, "-options",
                    options, "-out_dir", folder, "-output", "a"],
                   env=self.environment)
        (folder / "parts").mkdir()
        call([self.ocloc, "disasm", "-file", next(folder.glob("a_*.bin")), "-dump", folder / "parts"],
             env=self.environment)
        return parse_intel(log, (folder / "parts/PTM.txt").read_text())


# Of the patch tokens of Intel's binaries (patch_list.h of its compute runtime): where there is scratch,
# and how a kernel is executed; the words in them that count.
TOKEN_SCRATCH, WORD_SCRATCH = 18, 1
TOKEN_EXECUTION, WORD_LANES = 23, 3


def parse_intel(log, tokens):
    uses = {}
    for kernel in tokens.split("\tKernelName ")[1:]:
        name = kernel.split()[0]

        def word(token, index, default):
            found = re.search(rf"Token {token}\n\t4 Size \d+\n\tHex ([0-9a-f ]+)", kernel)
            if not found:
                return default
            data = bytes(int(byte, 16) for byte in found.group(1).split())
            return int.from_bytes(data[4 * index:4 * index + 4], "little")

        spilled = re.search(rf"kernel {name}\s+compiled SIMD\d+ .*spilled around (\d+)", log)
        lanes = word(TOKEN_EXECUTION, WORD_LANES, None)
        if lanes not in (8, 16, 32):
            raise Failure(f"ocloc: {name} has no SIMD width in its binary: {lanes}")
        uses[name] = Use(0, int(spilled.group(1)) if spilled else 0,
                         word(TOKEN_SCRATCH, WORD_SCRATCH, 0), lanes)
    return uses


TARGETS = [
    (Amd, "gfx906", "AMD Vega 20 (gfx906)"),
    (Amd, "gfx1030", "AMD RDNA 2 (gfx1030)"),
    (Nvidia, "sm_86", "NVIDIA Ampere (sm_86)"),
    (Intel, "tgllp", "Intel Xe-LP (tgllp)"),
]


def find(folder):
    """([toolchain], [why one is missing])"""
    found, missing = [], []
    for kind, name, title in TARGETS:
        try:
            found.append(kind(name, title, folder))
        except Missing as reason:
            missing.append(f"{title}: {reason} is not there")
    return found, missing


def unpacked(folder, package):
    """The version of a package in the folder, or else of the installed one."""
    archive = next(folder.glob(f"{package}_*.deb"), None)
    # apt writes ':' as %3a.
    return upstream(archive.name.split("_")[1].replace("%3a", ":")) if archive else version_of(package)


def fetch(folder):
    """Downloads and unpacks what is not in the folder yet. What this distribution does not have is left
    out, and will be missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for package in DEBIAN:
        if any(folder.glob(f"{package}_*.deb")) or not shutil.which("apt-get"):
            continue
        if subprocess.run(["apt-get", "download", "-q", package], cwd=folder, capture_output=True,
                          text=True).returncode != 0:
            print(f"apt-get has no {package}", file=sys.stderr)
            continue
        subprocess.run(["dpkg", "-x", next(folder.glob(f"{package}_*.deb")), folder / "root"], check=True)
    if any(folder.glob("nvidia/*/bin/ptxas")):
        return
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, PTXAS],
                   check=True)
    with zipfile.ZipFile(next(folder.glob("nvidia_cuda_nvcc-*.whl"))) as wheel:
        for name in wheel.namelist():
            if name.endswith("/bin/ptxas"):
                pathlib.Path(wheel.extract(name, folder)).chmod(0o755)
