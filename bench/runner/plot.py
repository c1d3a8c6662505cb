# SPDX-License-Identifier: MIT
"""Plots of cost against size as SVG, both axes logarithmic, legible on light and on dark pages: they bring their own ground."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 76, 112, 84, 56
MARKS = ("circle", "square", "triangle")
STYLE = """\
svg { font: 14px system-ui, sans-serif; }
.ground { fill: #fdfdfc; }
text { fill: #24292f; }
.small { font-size: 12px; }
.title { font-size: 17px; font-weight: 600; }
.grid { stroke: #d8dbe0; stroke-width: 1; }
.axis { stroke: #57606a; stroke-width: 1; }
.line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
.s0 { stroke: #0757a8; } .f0 { fill: #0757a8; }
.s1 { stroke: #b3470b; } .f1 { fill: #b3470b; }
.s2 { stroke: #6b3fa0; } .f2 { fill: #6b3fa0; }
@media (prefers-color-scheme: dark) {
.ground { fill: #14181d; }
text { fill: #e6e9ed; }
.grid { stroke: #333a43; }
.axis { stroke: #9aa4af; }
.s0 { stroke: #6cb6ff; } .f0 { fill: #6cb6ff; }
.s1 { stroke: #ffa657; } .f1 { fill: #ffa657; }
.s2 { stroke: #c8a5ff; } .f2 { fill: #c8a5ff; }
}
"""


def short(number):
    """1000000 as 1 M, 0.25 as 0.25."""
    for factor, letter in (1e6, " M"), (1e3, " k"):
        if number >= factor:
            return f"{number / factor:g}{letter}"
    return f"{number:g}"


def ticks(low, high):
    """1, 2 and 5 of each power of ten that lie between, and one at each end beyond; of many, the powers alone."""
    every = [m * 10.0**e for e in range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2) for m in (1, 2, 5)]
    below = max(t for t in every if t <= low)
    above = min(t for t in every if t >= high * 1.0001)
    return [float(f"{t:.0e}") for t in every if below <= t <= above]


class Scale:
    """From a value to a place, by logarithms."""

    def __init__(self, low, high, start, end):
        self.low, self.high, self.start, self.end = math.log10(low), math.log10(high), start, end

    def __call__(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return self.start + share * (self.end - self.start)


def mark(kind, x, y, number):
    style = f'class="f{number}"'
    if kind == "circle":
        return f'<circle {style} cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'
    if kind == "square":
        return f'<rect {style} x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"/>'
    return f'<path {style} d="M{x:.1f} {y - 5:.1f}l5.5 9.5h-11z"/>'


def text(x, y, words, style="", anchor="start"):
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def apart(places, least):
    """The same places in the same order, moved so that neighbours are `least` apart."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    for last, i in zip(order, order[1:]):
        moved[i] = max(moved[i], moved[last] + least)
    beyond = max(moved, default=0) - (HEIGHT - BOTTOM)
    return [place - max(beyond, 0) for place in moved]


def draw(title, unit, axis, lines):
    """`lines` is {name: [(size, cost), ...]}, in the order of the legend."""
    sizes = sorted({size for line in lines.values() for size, _ in line})
    costs = [cost for line in lines.values() for _, cost in line]
    marks = ticks(min(costs), max(costs))
    x = Scale(sizes[0], sizes[-1], LEFT, WIDTH - RIGHT)
    y = Scale(marks[0], marks[-1], HEIGHT - BOTTOM, TOP)
    powers = len(marks) > 12  # then the fives and twos are lines without a number
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">',
           f"<title>{escape(title)}: {escape(unit)} by {escape(axis)}</title>", f"<style>\n{STYLE}</style>",
           f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="6"/>', text(16, 30, title, "title"),
           text(16, TOP - 16, unit, "small"), text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, axis, "small", "middle")]
    for cost in marks:
        out.append(f'<path class="grid" d="M{LEFT} {y(cost):.1f}H{WIDTH - RIGHT}"/>')
        if not powers or math.log10(cost) % 1 == 0:
            out.append(text(LEFT - 8, y(cost) + 4, short(cost), "small", "end"))
    for size in sizes:
        out.append(f'<path class="grid" d="M{x(size):.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        out.append(text(x(size), HEIGHT - BOTTOM + 20, short(size), "small", "middle"))
    out.append(f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none"/>')
    ends = apart([y(line[-1][1]) for line in lines.values()], 18)
    at = WIDTH - RIGHT - 90 * len(lines)
    for i, ((name, line), end) in enumerate(zip(lines.items(), ends)):
        places = [(x(size), y(cost)) for size, cost in line]
        out.append(f'<polyline class="line s{i}" points="' + " ".join(f"{a:.1f},{b:.1f}" for a, b in places) + '"/>')
        out += [mark(MARKS[i], a, b, i) for a, b in places]
        out.append(text(places[-1][0] + 12, end + 5, f"{name} {line[-1][1]:.3g}" if line[-1][1] < 1000 else
                        f"{name} {line[-1][1]:,.0f}", f"small f{i}"))
        out += [mark(MARKS[i], at + 90 * i, TOP - 20, i), text(at + 90 * i + 10, TOP - 15, name, "small")]
    return "\n".join(out) + "\n</svg>\n"
