# SPDX-License-Identifier: Apache-2.0
"""The report: a Markdown file of which the parts between markers

    <!-- study:begin NAME -->
    <!-- study:end NAME -->

are written anew, and the others stay as people wrote them; and its picture."""

import pathlib
import re
import statistics

import picture
import plan
from maskcl import Failure
from table import table

TEMPLATE = pathlib.Path(__file__).resolve().parent / "learning.md"
MARKERS = re.compile(r"(<!-- study:begin (\S+) -->\n)(.*?)(<!-- study:end \2 -->)", re.S)


class Figure:
    """A measure over the seeds."""

    def __init__(self, values):
        self.count = len(values)
        self.mean = statistics.fmean(values) if values else None
        self.deviation = statistics.stdev(values) if self.count > 1 else None

    def percent(self):
        if self.mean is None:
            return "–"
        if self.deviation is None:
            return f"{100 * self.mean:.2f}"
        return f"{100 * self.mean:.2f} ± {100 * self.deviation:.2f}"


class Row:
    """A line of a table: lines are {seed: line of the results}, kind the features of them."""

    def __init__(self, name, lines, kind="encoder", options="", baseline=None):
        self.name = name
        self.options = options
        self.lines = lines
        self.kind = kind
        self.baseline = baseline  # the row of the same layers, untrained

    def values(self, measure):
        return {seed: line["features"][self.kind][measure] for seed, line in self.lines.items()
                if measure in line["features"][self.kind]}

    def figure(self, measure):
        return Figure(list(self.values(measure).values()))

    def seconds(self):
        """The shortest training, which other programs disturbed least."""
        times = [line["seconds"] for line in self.lines.values() if "seconds" in line]
        return f"{min(times):.0f}" if times and self.kind == "encoder" else "–"

    def over(self):
        """Points of the linear probe over the untrained encoder of the same seeds."""
        if not self.baseline:
            return "–"
        own, base = self.values("linear"), self.baseline.values("linear")
        seeds = own.keys() & base.keys()
        if not seeds:
            return "–"
        return f"{100 * statistics.fmean(own[seed] - base[seed] for seed in seeds):+.2f}"


def options_text(run):
    """The options of a run as they are typed, of an ablation those that differ from its base."""
    if run.measure == "peer":
        return ""
    base = {} if "recipe" in run.options else (plan.TABULAR_BASE if run.folds else plan.BASE)
    text = [f"--{name} {value}" for name, value in run.options.items() if base.get(name) != value]
    text += [f"no --{name}" for name in base if name not in run.options]
    if run.layer:
        text.append(f"probe --layer {run.layer}")
    return "`" + " ".join(text) + "`" if text else "the base"


def rows_of(runs, results, study):
    """The rows of a table: raw inputs, the untrained encoders of the same layers, the runs."""
    data = study.data_name(runs[0])
    rows = [Row("raw pixels" if data.startswith(plan.FASHION) else "raw columns",
                results.features(data, "raw"), "raw")]
    if not runs[0].folds:
        rows[0].lines = dict(list(rows[0].lines.items())[:1])  # the same for every seed
    probed = [run for run in runs if run.measure == "probe"]
    several = len({tuple(study.layers(run)) for run in probed}) > 1
    untrained = {}
    for run in probed:
        layers = tuple(study.layers(run))
        if layers not in untrained:
            title = f"untrained, {describe(study, run)}" if several else "untrained"
            untrained[layers] = Row(title, results.features(data, "untrained", list(layers)),
                                    "untrained")
    rows += untrained.values()
    return rows + [
        Row(run.name, results.of(study.what(run)), options=options_text(run),
            baseline=untrained[tuple(study.layers(run))] if run in probed else None)
        for run in runs]


def describe(study, run):
    options = plan.resolved(run, study.program)
    widths = ("" if options["hidden"] == "none" else options["hidden"].replace(",", "-") + "-")
    text = widths + options["embedding"]
    if options.get("normalization", "none") != "none":
        text += f", {options['normalization']} norm"
    if options.get("embedding-layer") == "activated":
        text += ", activated"
    return text + (f", layer {run.layer}" if run.layer else "")


def group_table(runs, results, study):
    rows = rows_of(runs, results, study)
    labels = study.labels_per_class(runs[0])
    lines = []
    for row in rows:
        lines.append([row.name, row.figure("linear").percent(), row.over(),
                      row.figure("few").percent(),
                      row.figure("knn").percent(), row.seconds(),
                      str(len(row.lines)) if row.kind != "raw" else "–", row.options])
    return table(["", ">linear probe, %", ">over untrained", f">{labels} labels a class, %",
                  ">20-NN, %", ">training, s", ">seeds", "options"], lines)


def finetune_table(runs, results, study):
    lines = []
    for run in runs:
        done = results.of(study.what(run))
        figures = {begun: Figure([line["finetune"][begun]["accuracy"] for line in done.values()])
                   for begun in ("model", "scratch")}
        gain = "–" if not done else f"{100 * (figures['model'].mean - figures['scratch'].mean):+.2f}"
        lines.append([run.name, figures["model"].percent(), figures["scratch"].percent(), gain,
                      str(len(done)), options_text(run)])
    return table(["begun from", ">fine-tuned, %", ">the same network from scratch, %", ">gain",
                  ">seeds", "options"], lines)


def measured(used, study):
    """Where the figures come from."""
    machines = sorted({line["machine"] for line in used})
    versions = sorted({line["version"] for line in used})
    dates = sorted({line["date"] for line in used})
    data = sorted({line["data"] for line in used})
    facts = [["machine", machine] for machine in machines]
    facts += [["program", ", ".join(versions)],
              ["dates", dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"],
              ["data", "; ".join(data)],
              ["runs", str(len(used))],
              ["training", f"{sum(line.get('seconds', 0) for line in used) / 3600:.1f} hours"]]
    base = " ".join(f"--{name} {value}" for name, value in plan.BASE.items())
    tabular = " ".join(f"--{name} {value}" for name, value in plan.TABULAR_BASE.items())
    return "\n".join([
        table(["", "measured on"], facts), "",
        "The ablations start from `maskcl pretrain DATA -o MODEL` with", "",
        "```", base, "```", "", "and those of tables from", "", "```", tabular, "```"])


def title(group, data):
    return data if group == "tabular" else group


def write(path, runs, results, study):
    """Writes the blocks of which there is a result, and the picture."""
    groups = {}
    for run in runs:
        groups.setdefault(run.group, []).append(run)
    blocks = {}
    panels = []
    used = []
    for group, members in groups.items():
        done = [line for run in members for line in results.of(study.what(run)).values()]
        if not done:
            continue
        used += [line for line in done if line not in used]
        if group == "finetune":
            blocks[group] = finetune_table(members, results, study)
            continue
        parts = []
        for data in dict.fromkeys(run.data for run in members):
            some = [run for run in members if run.data == data]
            heading = f"**{data}**\n\n" if group == "tabular" else ""
            parts.append(heading + group_table(some, results, study))
            panels.append((title(group, data), rows_of(some, results, study)))
        blocks[group] = "\n\n".join(parts)
    if not used:
        raise Failure(f"there are no results to report in {results.path}")
    image = path.with_suffix(".svg")
    blocks["measured"] = measured(used, study)
    blocks["picture"] = f"![The linear probe and the probe with few labels of all runs]({image.name})"
    text = (path if path.exists() else TEMPLATE).read_text()
    there = {match[2] for match in MARKERS.finditer(text)}
    for name in blocks.keys() - there:
        raise Failure(f"{path} has no line <!-- study:begin {name} --> with its end: add them where "
                      "that table is to stand")
    text = MARKERS.sub(lambda match: match[1] + (
        blocks[match[2]] + "\n" if match[2] in blocks else match[3]) + match[4], text)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    image.write_text(picture.draw(panels))
