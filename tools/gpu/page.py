# SPDX-License-Identifier: Apache-2.0
"""docs/gpu-kernels.md, made from the table."""

import collections

from table import GRANULE
from toolchains import TARGETS, Use

TEXT = """<!-- made by tools/gpu/compilers --update -->
# What the kernels take on GPUs

The registers and memory of every kernel, as the compilers of three vendors report them; that needs no GPU. A
kernel is compiled with each set of options that a recipe's commands or `maskcl verify` ask for on a GPU, {programs}
programs in all. [gpu-kernels.tsv](gpu-kernels.tsv) has a line for each. Its figures are ceilings:
`tools/gpu/compilers`, which CI runs, fails where a kernel takes more. To accept more, run
`tools/gpu/compilers --fetch --update` and commit both files; see
[development.md](development.md#compilers-of-gpus).

{legend}

Registers may rise to the next multiple of {granule}, as the hardware gives them. Fewer registers let more
work-items run at once; what is spilled, and scratch, goes through memory.

## The worst of each kernel's sets of options

| file | kernel | sets |{targets} |
|---|---|--:|{line}|
{rows}

## What is spilled or has scratch

{spilling}
"""


def worst(uses):
    return Use(max(use.registers for use in uses), max(use.spills for use in uses),
               max(use.scratch for use in uses), min(use.lanes for use in uses))


def cell(use):
    return str(use).replace("/", " / ")


def spilling(rows, targets):
    """Lines of a table of the kernels that are not in registers alone somewhere."""
    lines = []
    for (file, kernel), uses in rows.items():
        cells = []
        for target in targets:
            use = worst([one[target] for one in uses])
            cells.append(f" {use.spills} / {use.scratch} " if use.spills or use.scratch else "  ")
        if any(one.strip() for one in cells):
            lines.append(f"| {file} | {kernel} |{'|'.join(cells)}|")
    return lines


def text(table):
    rows = collections.defaultdict(list)
    for (file, kernel, _), uses in sorted(table.rows.items()):
        rows[file, kernel].append(uses)
    targets = table.targets
    body = [f"| {file} | {kernel} | {len(uses)} | " +
            " | ".join(cell(worst([one[target] for one in uses])) for target in targets) + " |"
            for (file, kernel), uses in rows.items()]
    head = [f"| file | kernel | {' | '.join(targets)} |", "|---|---|" + "--:|" * len(targets)]
    legend = "\n".join(f"- `{name}`: {title.partition(' (')[0]}, by {table.versions[name]}: {kind.unit}"
                       for kind, name, title in TARGETS)
    return TEXT.format(programs=len({(file, defines) for file, _, defines in table.rows}),
                       legend=legend, granule=GRANULE, targets=" |".join(f" {t}" for t in targets),
                       line="|".join("--:" for _ in targets), rows="\n".join(body),
                       spilling="\n".join(head + spilling(rows, targets)))
