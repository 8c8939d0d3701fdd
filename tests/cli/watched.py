# SPDX-License-Identifier: Apache-2.0
"""Runs the program with tests/support/opencl_shim.c between it and the OpenCL loader."""

import os
import pathlib
import re

from program import ProgramTest, environment

SHIM = pathlib.Path(os.environ["MASKCL_BUILD"]) / "tests" / "libopencl_shim.so"

# PoCL keeps its own cache, without which it would be slow, where there is none of compiled programs.
POCL_CACHE = os.environ.get("POCL_CACHE_DIR", pathlib.Path.home() / ".cache/pocl/kcache")


class Log:
    def __init__(self, path):
        self.lines = path.read_text().splitlines()
        self.calls = []  # (number, function, detail)
        self.failed = []
        self.faults = []  # objects alive, and released too often
        for line in self.lines[:-1]:
            match = re.match(r"(call|failed) (\d+) (\w+) (\w*)", line)
            if match:
                call = int(match[2]), match[3], match[4]
                self.calls.append(call)
                if match[1] == "failed":
                    self.failed.append(call)
            else:
                self.faults.append(line)
        assert self.lines[-1] == "end", self.lines[-1]


class WatchedTest(ProgramTest):
    def watched(self, fail="0", **changes):
        self.log_path = self.path("calls.log")
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        changes = {"XDG_CACHE_HOME": "/dev/null", **changes}
        return environment(LD_PRELOAD=SHIM, OPENCL_SHIM_LOG=self.log_path, OPENCL_SHIM_FAIL=fail,
                           ASAN_OPTIONS=sanitizer, POCL_CACHE_DIR=POCL_CACHE, **changes)

    def log(self):
        log = Log(self.log_path)
        self.log_path.unlink()
        return log

    def check_released(self):
        log = self.log()
        self.assertEqual(log.faults, [])
        return log
