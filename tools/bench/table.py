# SPDX-License-Identifier: Apache-2.0
"""Figures as rows of Markdown tables that a terminal shows well too.

A row is what JSON files and docs/performance.md have of a figure: a dictionary of work and what
else there is of
    work       what was measured, with its unit at the end
    figure     [lowest, median, highest]
    against    with whom it is compared
    other      their [lowest, median, highest]
    ratio      of the one to the other, or None
    least, most   bounds that are wanted of the ratio, or of the median where there is none"""


def number(value):
    """Three significant digits or more, thousands apart."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def spread(values):
    """The median, and the lowest and highest in brackets; nothing of None. The highest may be None
    too: not known."""
    if values is None:
        return ""
    lowest, median, highest = values
    if lowest == highest:
        return number(median)
    end = "" if highest is None else f" {number(highest)}"
    return f"{number(median)} ({number(lowest)} –{end})"


def summary(values):
    """[lowest, median, highest], to four digits."""
    values = sorted(values)
    return [rounded(values[i]) for i in (0, len(values) // 2, -1)]


def rounded(value):
    return float(f"{value:.4g}")


def row(work, figure, against=None, other=None, ratio=None, *, least=None, most=None):
    """figure, other: values of all rounds; the ratio is that of the medians unless it is given."""
    figure, other = (summary(values) if values else None for values in (figure, other))
    if ratio is None and figure and other:
        ratio = figure[1] / other[1]
    found = {"work": work, "figure": figure, "against": against, "other": other,
             "ratio": ratio and rounded(ratio), "least": least, "most": most}
    return {key: value for key, value in found.items() if value is not None}


def is_met(row):
    """Whether the wanted bounds are kept; None without any."""
    if "least" not in row and "most" not in row:
        return None
    value = row["ratio"] if "ratio" in row else row["figure"][1]
    return row.get("least", value) <= value <= row.get("most", value)


def cells(row):
    bounds = [f"{sign} {row[key]:g}" for sign, key in (("≥", "least"), ("≤", "most"))
              if key in row]
    return [row["work"], spread(row.get("figure")), row.get("against", ""),
            spread(row.get("other")), f"{row['ratio']:.3g}" if "ratio" in row else "",
            ", ".join(bounds), {True: "yes", False: "no", None: ""}[is_met(row)]]


def figures(rows):
    return table(["work", ">figure", "against", ">its figure", ">ratio", ">wanted", "met"],
                 [cells(row) for row in rows])


def table(header, lines):
    """header: titles, one that begins with '>' is of a column aligned to the right."""
    titles = [title.lstrip(">") for title in header]
    widths = [max(len(line[i]) for line in [titles, *lines]) for i in range(len(titles))]

    def line(cells):
        return "| " + " | ".join(
            cell.rjust(width) if title.startswith(">") else cell.ljust(width)
            for cell, width, title in zip(cells, widths, header)) + " |"

    rule = "|" + "|".join(
        "-" * (width + 1) + (":" if title.startswith(">") else "-")
        for width, title in zip(widths, header)) + "|"
    return "\n".join([line(titles), rule, *map(line, lines)])
