# SPDX-License-Identifier: Apache-2.0
"""A picture of all tables as SVG: a dot for the mean of the seeds, a bar for their deviation, and
lines for raw inputs and the untrained encoder."""

from xml.sax.saxutils import escape

LINE = 15           # height of a row
LEFT = 265          # where the first column of plots begins
PLOT = 270          # its width
GAP = 30
MEASURES = [("linear", "linear probe, %"), ("few", "few labels, %")]
COLOURS = {"raw": "#888888", "untrained": "#c2571a", "encoder": "#1f5fa8"}


def text(x, y, what, size=10, anchor="start", colour="#222222", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'fill="{colour}" font-weight="{weight}">{escape(what)}</text>')


def line(x1, y1, x2, y2, colour, width=1, dash=""):
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"{dashes}/>')


def limits(rows, measure):
    """The least and the greatest value shown; what lies far below the rest is cut off."""
    means = sorted(figure.mean for figure in (row.figure(measure) for row in rows)
                   if figure.mean is not None)
    if not means:
        return None
    middle = means[len(means) // 2]
    high = means[-1] + 0.004
    low = max(means[0] - 0.004, middle - 3 * (high - middle) - 0.03)
    return low, high


def plot(rows, measure, x, y, height):
    """One column of a panel: the marks of all rows."""
    bounds = limits(rows, measure)
    if not bounds:
        return []
    low, high = bounds

    def place(value):
        return x + PLOT * min(1.0, max(0.0, (value - low) / (high - low)))

    parts = [line(x, y + height, x + PLOT, y + height, "#bbbbbb")]
    for end, anchor in (low, "start"), (high, "end"):
        parts.append(text(place(end), y + height + 11, f"{100 * end:.1f}", 9, anchor, "#666666"))
    for index, row in enumerate(rows):
        figure = row.figure(measure)
        if figure.mean is None:
            continue
        colour = COLOURS[row.kind]
        middle = y + (index + 0.5) * LINE
        centre = place(figure.mean)
        if row.kind != "encoder":
            parts.append(line(centre, y, centre, y + height, colour, 1, "3,3"))
        if figure.deviation:
            parts.append(line(place(figure.mean - figure.deviation), middle,
                              place(figure.mean + figure.deviation), middle, colour, 2))
        parts.append(f'<circle cx="{centre:.1f}" cy="{middle:.1f}" r="3.5" fill="{colour}"/>')
        if figure.mean < low:
            parts.append(text(x + 7, middle + 3.5, f"{100 * figure.mean:.1f}, off the scale", 9,
                              colour="#666666"))
    return parts


def draw(panels):
    """panels: the title and the rows of each table; what has no figures yet is left out."""
    parts = []
    y = 20
    for title, rows in panels:
        rows = [row for row in rows
                if any(row.figure(measure).mean is not None for measure, _ in MEASURES)]
        if not rows:
            continue
        parts.append(text(10, y, title, 13, weight="bold"))
        for column, (_, name) in enumerate(MEASURES):
            parts.append(text(LEFT + column * (PLOT + GAP), y, name, 11, colour="#444444"))
        y += 8
        height = len(rows) * LINE
        for index, row in enumerate(rows):
            parts.append(text(LEFT - 10, y + (index + 0.5) * LINE + 3.5, row.name, 10, "end",
                              COLOURS[row.kind]))
        for column, (measure, _) in enumerate(MEASURES):
            parts += plot(rows, measure, LEFT + column * (PLOT + GAP), y, height)
        y += height + 40
    width = LEFT + 2 * PLOT + GAP + 20
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" width="{width}" '
            f'height="{y}" font-family="sans-serif">\n'
            f'<rect width="{width}" height="{y}" fill="#ffffff"/>\n' + "\n".join(parts) +
            "\n</svg>\n")
