# SPDX-License-Identifier: MIT
"""Ratios of medians, and the table in bench/RESULTS.md."""
import math
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
peer's cost divided by undergo's, so that above 1.00 undergo is ahead. `limit` is what the figure itself may be at the most.
`bare` is C without undergo that does the same work, or the part of it that nobody can leave out (bench/limits); `touch` is a
program that touches as many pages, side by side or one every 256 KiB; `epoll` is a loop by hand, with a poller and a listening socket for each thread,
and `epoll-shared` the same with one poller and one socket for all, so that no thread is idle beside a connection that is ready: the bare C of
the rows of connections at two processors. The hog rows are the 99th percentile of all starts of all rounds.

A goal is met, level (within 3 %, the 99th percentile of latency 5 or 10 %, of a goal of 1), or behind; it is 1 where nothing
else is asked. Where bare C is behind it too, what that reaches stands beside it, and the row counts as bounded.

"""
VERDICTS = ("met", "level", "bounded", "behind")  # from the best to the worst
COLUMNS = "| row | procs | unit | undergo | peer | its figure | ratio | goal | run |\n|---|--:|---|--:|---|--:|--:|---|--:|\n"


def ratio(own, peer, unit):
    """The peer's cost over undergo's; rates are turned round."""
    if unit.endswith("/s"):
        own, peer = peer, own
    if own == peer:
        return 1.0
    return peer / own if own else float("inf")


def figure(row, unit, values):
    """What counts of a system's figures, and its unit."""
    share = rows.ROWS[row].share if row in rows.ROWS else 0.5
    if share == 0.5:
        return unit, statistics.median(values)
    return f"{unit}-p{share * 100:.0f}", sorted(values)[math.ceil(share * len(values)) - 1]


def medians(figures):
    return {(row, procs): {system: figure(row, unit, values) for system, (unit, values) in per_system.items()}
            for (row, procs), per_system in figures.items()}


def ratios(figures):
    for (row, procs), systems in medians(figures).items():
        unit, own = systems.get("undergo", ("", None))
        for peer, (peer_unit, value) in systems.items():
            if own is not None and peer != "undergo" and peer_unit == unit:
                yield "ratio", row, procs, peer, f"{ratio(own, value, unit):.2f}"


def asked_of(goal, peer, procs):
    """The ratio to a peer that a row shall reach, or None."""
    asked = goal.ratio.get(peer)
    if isinstance(asked, tuple):
        return asked[min(procs, len(asked)) - 1]
    if asked is None and peer not in (*goal.shown, "touch", *rows.BARE[:-1]):
        return 1
    return asked


def word_for(goal, asked, reached):
    if reached >= asked:
        return "met"
    return "level" if asked == 1 and reached >= 1 / (1 + goal.level) else "behind"


def verdict(goal, asked, reached, bare):
    """`bare` is the ratio that bare C reaches, None where there is none."""
    word = word_for(goal, asked, reached)
    if word == "behind" and bare is not None and word_for(goal, asked, bare) == "behind":
        return f"{asked:g} behind, bare {bare:.2f}"
    return f"{asked:g} {word}"


def table_lines(figures, run):
    """{(row, procs, peer): cells} of what was measured now."""
    lines = {}
    for (row, procs), systems in medians(figures).items():
        goal = rows.GOALS.get(row, rows.Goal())
        unit, own = systems.pop("undergo", ("", None))
        if own is None:
            continue
        bare = next((value for name in rows.BARE if (value := systems.get(name, ("", None))[1]) is not None), None)
        peers = dict(systems)
        if goal.ceiling is not None:
            peers["limit"] = unit, goal.ceiling
        for peer, (peer_unit, value) in (peers or {"": (unit, None)}).items():
            cells = [row, str(procs), unit, number(own), peer]
            if value is None:
                cells += ["", "", ""]
            elif peer == "limit":
                cells += [number(value), f"{ratio(own, value, unit):.2f}", "met" if own <= value else "behind"]
            else:
                asked, reached = asked_of(goal, peer, procs), ratio(own, value, unit)
                most = ratio(bare, value, unit) if bare is not None else None
                cells += [number(value), f"{reached:.2f}", verdict(goal, asked, reached, most) if asked else ""]
            lines[row, str(procs), peer] = cells + [str(run)]
    return lines


def verdict_of(cell):
    """One of VERDICTS, from the goal's cell of a line, or None."""
    if "bare" in cell:
        return "bounded"
    return next((word for word in VERDICTS if cell.endswith(word)), None)


def summary(lines):
    """How many rows met all that is asked of them, by processors, and which did not."""
    worst = {}  # procs: {row: (index into VERDICTS, line)}
    for cells in lines:
        word = verdict_of(cells[7])
        if word:
            rank = VERDICTS.index(word)
            of_procs = worst.setdefault(int(cells[1]), {})
            of_procs[cells[0]] = max(of_procs.get(cells[0], (-1, None)), (rank, cells), key=lambda known: known[0])
    text = "| procs | rows | " + " | ".join(VERDICTS) + " |\n|--:|--:|--:|--:|--:|--:|\n"
    for procs, of_procs in sorted(worst.items()):
        counts = [sum(rank == i for rank, _ in of_procs.values()) for i in range(len(VERDICTS))]
        text += f"| {procs} | {len(of_procs)} | " + " | ".join(map(str, counts)) + " |\n"
    for word in "behind", "bounded":
        for procs, of_procs in sorted(worst.items()):
            named = [f"{row} ({cells[4]} {cells[6]}, asked {cells[7].split()[0]})" if cells[4] != "limit" else
                     f"{row} ({cells[3]}, at most {cells[5]})"
                     for row, (rank, cells) in of_procs.items() if VERDICTS[rank] == word]
            if named:
                text += f"\n{word.capitalize()} at {procs}: {', '.join(named)}.\n"
    return text + "\n"


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


def render(lines, runs):
    """The file's text."""
    order = {name: i for i, name in enumerate(rows.GOALS)}
    ordered = [lines[key] for key in sorted(lines, key=lambda k: (order.get(k[0], len(order)), int(k[1])))]
    text = HEAD + summary(ordered) + COLUMNS + "".join("| " + " | ".join(cells) + " |\n" for cells in ordered)
    used = {cells[8] for cells in ordered}
    return text + "\n## Runs\n\n" + "".join(f"{i}. {told}\n" for i, told in sorted(runs.items()) if str(i) in used)


class Table:
    """bench/RESULTS.md, in which what this run measures takes the place of what stood there for the same rows."""

    def __init__(self, rounds, systems):
        self.lines, self.runs = read()
        self.run = max(self.runs, default=0) + 1
        self.runs[self.run] = describe(rounds, systems)

    def write(self, figures):
        fresh = table_lines(figures, self.run)
        again = {key[:2] for key in fresh}
        lines = {key: cells for key, cells in self.lines.items() if key[:2] not in again}
        lines.update(fresh)
        with open(RESULTS + ".new", "w") as f:
            f.write(render(lines, self.runs))
        os.replace(RESULTS + ".new", RESULTS)


def describe(rounds, systems):
    with open("/proc/cpuinfo") as f:
        cpu = re.search(r"model name\s*: (.*)", f.read())
    compiler = subprocess.run(["cc", "--version"], stdout=subprocess.PIPE, text=True).stdout.partition("\n")[0]
    versions = ", ".join(f"{s.name} {s.version}" for s in systems)
    return (f"{time.strftime('%Y-%m-%d')}; Linux {platform.release()} {platform.machine()}; "
            f"{cpu[1] if cpu else 'CPU unknown'}, {len(os.sched_getaffinity(0))} cores; {compiler}; {versions}; "
            f"{rounds} round{'s' * (rounds != 1)}; load average {os.getloadavg()[0]:.1f}; `{shlex.join([f'bench/{os.path.basename(sys.argv[0])}', *sys.argv[1:]])}`")
