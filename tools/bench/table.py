# SPDX-License-Identifier: Apache-2.0
"""Markdown tables that a terminal shows well too."""


def number(value):
    """Three significant digits or more, thousands apart."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def spread(values):
    """The median, and the lowest and highest in brackets; values ascend."""
    median = values[len(values) // 2]
    return f"{number(median)} ({number(values[0])} – {number(values[-1])})"


def table(header, rows):
    """header: titles, one that begins with '>' is of a column aligned to the right."""
    titles = [title.lstrip(">") for title in header]
    widths = [max(len(line[i]) for line in [titles, *rows]) for i in range(len(titles))]

    def line(cells):
        return "| " + " | ".join(
            cell.rjust(width) if title.startswith(">") else cell.ljust(width)
            for cell, width, title in zip(cells, widths, header)) + " |"

    rule = "|" + "|".join(
        "-" * (width + 1) + (":" if title.startswith(">") else "-")
        for width, title in zip(widths, header)) + "|"
    return "\n".join([line(titles), rule, *map(line, rows)])
