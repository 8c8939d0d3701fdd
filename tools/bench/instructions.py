# SPDX-License-Identifier: Apache-2.0
"""Which vector instructions all that is measured uses: the processor's, or AVX2 where it has more,
so that a machine with AVX-512 tells what one without would do."""

import json
import os
import subprocess
import sys

# What OpenBLAS says that it takes a processor for, where it uses these instructions, and the name
# to give it where it does not: it is older than some processors, and then uses none.
CORES = {"AVX-512": ("SKYLAKEX", {"SkylakeX", "Cooperlake", "SapphireRapids"}),
         "AVX2": ("HASWELL", {"Haswell", "Zen"})}

# Python that prints the names by which NumPy knows instructions after AVX2.
NEWER_OF_NUMPY = """import json
from numpy._core._multiarray_umath import __cpu_dispatch__ as names
print(json.dumps([name for name in names if name.startswith("AVX512") or name == "X86_V4"]))"""


def of_processor():
    """AVX-512, AVX2, or "" for another processor."""
    with open("/proc/cpuinfo") as file:
        flags = next((line.split() for line in file if line.startswith("flags")), [])
    return "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else ""


def limit_to_avx2(build):
    """Makes every program started from now on use AVX2 at most. What drivers compile goes to a
    cache of its own."""
    tools = build.resolve() / "tools" / "bench"
    cache = str(build.resolve() / "cache-avx2")
    newer = subprocess.run([sys.executable, "-c", NEWER_OF_NUMPY], check=True,
                           stdout=subprocess.PIPE, text=True).stdout
    preloaded = os.environ.get("LD_PRELOAD")
    os.environ.update({
        "LD_PRELOAD": str(tools / "libavx2.so") + (f":{preloaded}" if preloaded else ""),  # PoCL
        "POCL_CACHE_DIR": cache, "XDG_CACHE_HOME": cache,
        "CL_CONFIG_CPU_TARGET_ARCH": "core-avx2",  # Intel's CPU runtime
        "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",  # PyTorch
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "NPY_DISABLE_CPU_FEATURES": " ".join(json.loads(newer)),
        "TORCHINDUCTOR_CACHE_DIR": os.path.join(cache, "inductor"),
        "TORCHINDUCTOR_CPP_MARCH": "haswell",
    })


def choose_openblas(instructions, bench_gemm):
    """Lets OpenBLAS use these instructions, and no others."""
    os.environ.pop("OPENBLAS_CORETYPE", None)
    if instructions not in CORES or not bench_gemm.exists():
        return
    head = subprocess.run([bench_gemm, "--json", "1", "--only", "(none)"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    name, known = CORES[instructions]
    if not known & set(json.loads(head)["openblas"].split()):
        os.environ["OPENBLAS_CORETYPE"] = name
