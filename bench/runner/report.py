# SPDX-License-Identifier: MIT
"""Ratios of medians, and the table in bench/RESULTS.md."""
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import time

import rows

RESULTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "RESULTS.md")
HEAD = """\
# Results

Written by `bench/run --write`. Each figure is the median of its runs, in which the systems took turns; the ratio is the
peer's cost divided by undergo's, so that above 1.00 undergo is ahead. `touch` is a bare program that touches as many
pages, side by side or one every 256 KiB; `limit` is what the figure itself may be at the most. A goal is met, level
(within 3 %, the 99th percentile of latency 5 or 10 %, of a goal of 1), or behind. A peer that takes more than 14 s for one
run of a row has had one.

"""
COLUMNS = "| row | procs | unit | undergo | peer | its figure | ratio | goal | run |\n|---|--:|---|--:|---|--:|--:|---|--:|\n"


def ratio(own, peer, unit):
    """The peer's cost over undergo's; rates are turned round."""
    if unit.endswith("/s"):
        own, peer = peer, own
    if own == peer:
        return 1.0
    return peer / own if own else float("inf")


def medians(figures):
    return {key: {system: (unit, statistics.median(values)) for system, (unit, values) in per_system.items()}
            for key, per_system in figures.items()}


def ratios(figures):
    for (row, procs), systems in medians(figures).items():
        unit, own = systems.get("undergo", ("", None))
        for peer, (peer_unit, value) in systems.items():
            if own is not None and peer != "undergo" and peer_unit == unit:
                yield "ratio", row, procs, peer, f"{ratio(own, value, unit):.2f}"


def verdict(goal, asked, reached):
    if asked is None:
        return ""
    if reached >= asked:
        word = "met"
    elif asked == 1 and reached >= 1 / (1 + goal.level):
        word = "level"
    else:
        word = "behind"
    return f"{asked:g} {word}"


def table_lines(figures, run):
    """{(row, procs, peer): cells} of what was measured now."""
    lines = {}
    for (row, procs), systems in medians(figures).items():
        goal = rows.GOALS.get(row, rows.Goal())
        unit, own = systems.pop("undergo", ("", None))
        if own is None:
            continue
        peers = dict(systems)
        if goal.ceiling is not None:
            peers["limit"] = unit, goal.ceiling
        for peer, (peer_unit, value) in (peers or {"": (unit, None)}).items():
            cells = [row, str(procs), unit, number(own), peer]
            if value is None:
                cells += ["", "", ""]
            elif peer_unit != unit:
                cells += [f"{number(value)} {peer_unit}", "", ""]
            else:
                asked = goal.ratio.get(peer)
                if isinstance(asked, tuple):
                    asked = asked[min(procs, len(asked)) - 1]
                reached = ratio(own, value, unit)
                said = verdict(goal, asked, reached) if peer != "limit" else "met" if own <= value else "behind"
                cells += [number(value), f"{reached:.2f}", said]
            lines[row, str(procs), peer] = cells + [str(run)]
    return lines


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def read():
    """The lines of the table and the descriptions of its runs, as they stand in the file."""
    lines, runs = {}, {}
    if os.path.exists(RESULTS):
        with open(RESULTS) as f:
            for text in f:
                cells = [cell.strip() for cell in text.strip().strip("|").split("|")] if text.startswith("| ") else []
                if len(cells) == 9 and cells[0] != "row":
                    lines[cells[0], cells[1], cells[4]] = cells
                described = re.match(r"(\d+)\. (.*)", text)
                if described:
                    runs[int(described[1])] = described[2]
    return lines, runs


def write(figures, rounds, systems):
    """Puts what was measured now in the place of what the table had for the same rows."""
    lines, runs = read()
    run = max(runs, default=0) + 1
    fresh = table_lines(figures, run)
    again = {key[:2] for key in fresh}
    lines = {key: cells for key, cells in lines.items() if key[:2] not in again}
    lines.update(fresh)
    runs[run] = describe(rounds, systems)
    order = {name: i for i, name in enumerate([*rows.GOALS])}
    with open(RESULTS, "w") as f:
        f.write(HEAD + COLUMNS)
        for key in sorted(lines, key=lambda k: (order.get(k[0], len(order)), int(k[1]))):
            f.write("| " + " | ".join(lines[key]) + " |\n")
        f.write("\n## Runs\n\n")
        used = {cells[8] for cells in lines.values()}
        for number_, text in sorted(runs.items()):
            if str(number_) in used:
                f.write(f"{number_}. {text}\n")


def describe(rounds, systems):
    with open("/proc/cpuinfo") as f:
        cpu = re.search(r"model name\s*: (.*)", f.read())
    compiler = subprocess.run(["cc", "--version"], stdout=subprocess.PIPE, text=True).stdout.partition("\n")[0]
    versions = ", ".join(f"{s.name} {s.version}" for s in systems)
    return (f"{time.strftime('%Y-%m-%d')}; Linux {platform.release()} {platform.machine()}; "
            f"{cpu[1] if cpu else 'CPU unknown'}, {len(os.sched_getaffinity(0))} cores; {compiler}; {versions}; "
            f"{rounds} rounds; `{shlex.join(['bench/run', *sys.argv[1:]])}`")
