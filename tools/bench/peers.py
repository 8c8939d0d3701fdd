# SPDX-License-Identifier: Apache-2.0
"""The peers as programs that take turns, each in the form that is fastest here."""

import os

from contest import fastest
from workers import Worker

HERE = os.path.dirname(os.path.abspath(__file__))


def torch(bench, name, *options, threads):
    cuda = ["--cuda"] if bench.cuda else []
    title = name if cuda else f"{name}, {threads} thread{'s' if threads > 1 else ''}"
    return Worker(title, [bench.python, f"{HERE}/peer_torch.py", "--threads", threads, *cuda,
                          *options], {"OMP_NUM_THREADS": str(threads)})


FORMS = {"as published": [], "joined views": ["--joined"], "fused Adam": ["--fused"],
         "joined views, fused Adam": ["--joined", "--fused"]}


def thread_counts(bench):
    """Of PyTorch: all are tried; with CUDA they do not matter."""
    return [1] if bench.cuda else bench.machine.thread_counts()


def torch_eager(bench, *options):
    """The loop as it was published, by the best of its thread counts, which is sought once."""
    best = fastest(bench, {
        threads: lambda threads=threads: torch(bench, "PyTorch eager, as published", *options,
                                               threads=threads)
        for threads in bench.threads_of.get(options, thread_counts(bench))})
    bench.threads = best.key if best else 1
    bench.threads_of[options] = [bench.threads]
    return best


def torch_best(bench, *options):
    """PyTorch's eager mode by the best way to write the loop, with as many threads."""
    return fastest(bench, {
        form: lambda form=form: torch(bench, f"PyTorch eager, {form}", *options, *FORMS[form],
                                      threads=bench.threads)
        for form in FORMS if form != "as published"})


def torch_compile(bench, *options):
    """torch.compile by the better way to write the views, with as many threads."""
    return fastest(bench, {
        form: lambda form=form: torch(bench, f"torch.compile, {form}", *options, *FORMS[form],
                                      "--compile", threads=bench.threads)
        for form in FORMS if "fused Adam" in form})


def torch_convolutions(bench, *options):
    """PyTorch's eager mode by the better order of a map's values, with the best of its thread
    counts."""
    return fastest(bench, {
        (threads, form): lambda threads=threads, form=form: torch(
            bench, f"PyTorch eager, {form[0]}", *options, *form[1:], threads=threads)
        for threads in thread_counts(bench)
        for form in (("channels first",), ("channels last", "--channels-last"))})


def tinygrad(bench, *options):
    """tinygrad on the same device, by the best way to write the loop."""
    file = bench.machine.icd_file()
    if file is None:
        return None
    environment = {"DEV": "CL", "OCL_ICD_VENDORS": str(file)}
    return fastest(bench, {
        (form, gather): lambda form=form, gather=gather: Worker(
            f"tinygrad, {form}, gather on the {gather}",
            [bench.python, f"{HERE}/peer_tinygrad.py", *options, *FORMS[form], "--gather", gather],
            environment)
        for form in ("as published", "joined views") for gather in ("device", "host")})


def torch_embed(bench, file):
    """PyTorch's eager mode by the best of its thread counts and batches."""
    return fastest(bench, {
        (threads, batch): lambda threads=threads, batch=batch: torch(
            bench, f"PyTorch eager, batch {batch}", "--data", file, "--batch", batch,
            threads=threads)
        for threads in thread_counts(bench) for batch in (256, 1024, 8192)})
