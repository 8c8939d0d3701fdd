# SPDX-License-Identifier: Apache-2.0
"""The table of what kernels take on each target, docs/gpu-kernels.tsv: a line for a kernel with a set
of options, and what its ceilings are."""

from toolchains import Use

GRANULE = 8  # GPUs give registers in eights: up to the next multiple is free

# Another version of a compiler than the table's may spill a bit more.
SLACK_SPILLS, SLACK_SCRATCH = 16, 512


class Table:
    def __init__(self, versions, rows):
        self.versions = versions  # {target: text}
        self.rows = rows          # {(file, kernel, defines): {target: Use}}

    @property
    def targets(self):
        return list(self.versions)

    def text(self):
        lines = ["# What kernels take on each target, made by tools/gpu/compilers --update: see"
                 " gpu-kernels.md"]
        lines += [f"# {target}: {version}" for target, version in self.versions.items()]
        lines.append("\t".join(["file", "kernel", *self.targets, "options"]))
        for (file, kernel, defines), uses in sorted(self.rows.items()):
            cells = [str(uses[target]) for target in self.targets]
            lines.append("\t".join([file, kernel, *cells, defines]).rstrip())
        return "\n".join(lines) + "\n"


def read_use(cell, target):
    first, spills, scratch = map(int, cell.split("/"))
    return Use(0, spills, scratch, first) if target == "tgllp" else Use(first, spills, scratch)


def read(text):
    versions, rows, targets = {}, {}, None
    for line in text.splitlines():
        if line.startswith("#"):
            target, mark, version = line[2:].partition(": ")
            if " " not in target and mark:
                versions[target] = version
        elif targets is None:
            targets = line.split("\t")[2:-1]
        else:
            file, kernel, *cells = line.split("\t")
            uses = {target: read_use(cell, target) for target, cell in zip(targets, cells)}
            defines = cells[len(targets)] if len(cells) > len(targets) else ""
            rows[file, kernel, defines] = uses
    return Table(versions, rows)


def round_up(count):
    return (count + GRANULE - 1) // GRANULE * GRANULE


def exceeded(use, row, strict):
    """[(what, from, to)] for what is above its ceiling. With another compiler than the table's only a
    kernel that spills much more is."""
    if strict:
        checks = [("registers", row.registers, use.registers, use.registers > round_up(row.registers)),
                  ("work-items a thread", row.lanes, use.lanes, use.lanes < row.lanes),
                  ("spills", row.spills, use.spills, use.spills > row.spills),
                  ("bytes of scratch", row.scratch, use.scratch, use.scratch > row.scratch)]
    else:
        checks = [("spills", row.spills, use.spills, use.spills > row.spills + SLACK_SPILLS),
                  ("bytes of scratch", row.scratch, use.scratch,
                   use.scratch > 2 * row.scratch + SLACK_SCRATCH)]
    return [(what, before, after) for what, before, after, above in checks if above]


def compare(table, measured, toolchains, whole):
    """(failures, notes) of {(file, kernel, defines): {target: Use}} against the table. `whole` is
    whether all programs were compiled."""
    failures, notes = [], []
    strict = {}
    for toolchain in toolchains:
        target = toolchain.name
        strict[target] = table.versions.get(target) == toolchain.version
        if not strict[target]:
            notes.append(f"{target}: {toolchain.version}, and the table was made with "
                         f"{table.versions.get(target, 'none')}: only much more spilling fails")
    for key, uses in sorted(measured.items()):
        name = "{0}: {1} {2}".format(*key).strip()
        if key not in table.rows:
            failures.append(f"{name}: is not in the table")
            continue
        better = []
        for target, use in uses.items():
            row = table.rows[key][target]
            for what, before, after in exceeded(use, row, strict[target]):
                failures.append(f"{name}: {target}: {what} from {before} to {after}")
            if strict[target] and use != row and not exceeded(use, row, True):
                better.append(f"{target} {row} to {use}")
        if better:
            notes.append(f"{name}: within its ceilings: {', '.join(better)}")
    if whole:
        for key in sorted(set(table.rows) - set(measured)):
            failures.append("{0}: {1} {2}".format(*key).strip() +
                            ": is in the table, and nothing compiles it")
    return failures, notes
