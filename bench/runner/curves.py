# SPDX-License-Identifier: MIT
"""Cost against size: what is measured, the table in bench/CURVES.md, and how far each curve bends."""
import os
import re
import statistics
import time
from dataclasses import dataclass

import measure
import plot
import rows
from server import Failed
from systems import BENCH, TOP, say

TABLE = os.path.join(BENCH, "CURVES.md")
PLOTS = os.path.join(TOP, "docs", "curves")
SYSTEMS = ("undergo", "go", "tokio")
MOST = 5  # times that one may cost at ten times the size
HEAD = f"""\
# Curves

Written by `bench/curves`: what one unit costs, by how many there are, the median of the runs in which the systems took turns.
[docs/curves.md](../docs/curves.md) has the plots and says how to read them.

Cost is linear where ten times as many cost ten times as much in all, so that one costs the same; it is quadratic where one costs
ten times as much. With more tasks or connections memory is farther away, beyond one cache after the other, so that one may
cost up to half of what it would if cost were quadratic: {MOST:g} times as much at ten times the size. With more processors, which share
more and cannot be had beyond the machine's cores, a unit may take at most twice as long at twice as many. A curve that keeps to
this at each step holds; one that does not bends.

"""


@dataclass(frozen=True)
class Curve:
    name: str
    title: str
    unit: str
    axis: str  # what the sizes are
    sizes: tuple
    program: str = ""  # tasks: of the program that is run with the size
    row: str = ""  # processors, connections: of which row this is
    least: int = 1  # no figures below this size

    @property
    def bound(self):
        """By how much one unit's cost may grow where the size does by `by`."""
        return (lambda by: by) if self.axis == "processors" else lambda by: by * MOST / 10


TASKS = (1, 10, 100, 1000, 10_000, 100_000, 1_000_000)
CONNECTIONS = (1, 10, 100, 1000, 10_000)
PROCS = (1, 2, 4, 8)
CURVES = {curve.name: curve for curve in (
    Curve("tasks-life", "A task's life: start, wait, wake, end", "ns/task", "tasks at a time", TASKS, program="tasks"),
    Curve("tasks-memory", "Memory of a task that waits", "B/task", "tasks", TASKS, program="tasks", least=1000),
    Curve("tasks-trip", "A message to one of many tasks, and back", "ns/round-trip", "tasks that wait", TASKS,
          program="tasks"),
    Curve("connections", "Server CPU of a 64-byte round trip", "us-cpu/round-trip", "connections", CONNECTIONS, row="echo-64"),
    Curve("procs-spawn", "Starting tasks and waiting for all", "ns/task", "processors", PROCS, row="spawn-join"),
    Curve("procs-channel", "An item through one channel, 8 senders, 8 receivers", "ns/item", "processors", PROCS,
          row="chan-mpmc-8x8"),
    Curve("procs-echo", "Server CPU of a 64-byte round trip, 64 connections", "us-cpu/round-trip", "processors", PROCS,
          row="echo-64"),
)}


class Runner:
    def __init__(self, systems, build, rounds, quick):
        self.systems, self.rounds, self.quick = systems, rounds, quick
        self.bench = measure.Bench(systems, build, rounds, quick)
        self.failed = False

    def run(self, wanted):
        """{name: {size: {system: cost}}} of the curves."""
        figures = {curve.name: {} for curve in wanted}
        began = time.monotonic()
        todo = self.points(wanted)
        for i, (key, size, curves) in enumerate(todo):
            say(f"{i + 1}/{len(todo)} {', '.join(curve.name for curve in curves)} at {size}; "
                f"{measure.minutes(time.monotonic() - began)} so far")
            self.point(size, curves, figures)
        return {name: {size: {system: statistics.median(seen) for system, seen in per_system.items()}
                       for size, per_system in points.items()} for name, points in figures.items()}

    def points(self, wanted):
        """What one run gives is one point: of several curves, where a program gives several figures."""
        found = {}
        for curve in wanted:
            for size in curve.sizes[:2] if self.quick else curve.sizes:
                reason = curve.axis == "connections" and self.bench.sockets.too_many(rows.Row("", connections=size))
                if reason:
                    say(f"left out: {curve.name} at {size}: {reason}")
                else:
                    found.setdefault((curve.program or curve.name, size), []).append(curve)
        return [(key, size, curves) for (key, size), curves in found.items()]

    def point(self, size, curves, figures):
        running = [s for s in self.systems if curves[0].program in s.programs or curves[0].row in {**s.programs, **s.servers}]
        for _ in range(self.rounds):
            for system in list(running):
                try:
                    seen = self.once(system, curves[0], size)
                except (Failed, OSError, ValueError) as reason:
                    say(f"failed: {system.name} {curves[0].name} at {size}: {reason}")
                    self.failed = True
                    running.remove(system)
                    for curve in curves:
                        figures[curve.name].get(size, {}).pop(system.name, None)
                    continue
                for curve in curves:
                    if curve.name in seen:
                        figures[curve.name].setdefault(size, {}).setdefault(system.name, []).append(seen[curve.name])

    def once(self, system, curve, size):
        """{curve's name: cost}, by one run."""
        procs = size if curve.axis == "processors" else 1
        env = self.bench.environment(procs)
        if curve.program:
            command = system.programs[curve.program] + [str(size)]
            lines = self.bench.output(command, 1, env, 60)
            return {name: float(value) for _, name, _, value, _ in lines}
        row = rows.ROWS[curve.row]
        if not row.served:
            command = system.programs[curve.row] + ["--quick"] * self.quick
            return {curve.name: float(self.bench.output(command, procs, env, row.limit)[0][3])}
        connections = size if curve.axis == "connections" else row.connections
        seen = self.bench.sockets.run_load(system, row, procs, env, connections=connections)
        return {curve.name: seen["server"] / seen["done"] / 1e3}


@dataclass(frozen=True)
class Bend:
    """The step at which a unit's cost grows the most, compared with what it may."""
    times: float
    at: int
    most: float

    @property
    def holds(self):
        return self.times <= self.most

    def text(self):
        return f"{self.times:.2f} times at {plot.short(self.at)}, at most {self.most:.2f}: {'holds' if self.holds else 'bends'}"


def bend(curve, points):
    """The worst Bend of [(size, cost)...], None with fewer than two."""
    steps = [Bend(cost / last_cost, size, curve.bound(size / last))
             for (last, last_cost), (size, cost) in zip(points, points[1:])]
    return max(steps, key=lambda step: step.times / step.most, default=None)


def series(points, system):
    return [(size, per_system[system]) for size, per_system in sorted(points.items()) if system in per_system]


def bends(table):
    for name, curve in CURVES.items():
        for system in SYSTEMS:
            worst = bend(curve, series(table[name][0], system)) if name in table else None
            if worst:
                yield name, system, worst


def render(table):
    """The file's text; `table` is {name: ({size: {system: cost}}, what the run was)}."""
    text = HEAD
    for name, curve in CURVES.items():
        if name not in table:
            continue
        points, told = table[name]
        text += f"## {name}\n\n{curve.title}: {curve.unit} by {curve.axis}.\n\n"
        text += f"| {curve.axis} | {' | '.join(SYSTEMS)} |\n|--:|" + "--:|" * len(SYSTEMS) + "\n"
        for size, per_system in sorted(points.items()):
            costs = (f"{per_system[system]:.4g}" if system in per_system else "" for system in SYSTEMS)
            text += f"| {size} | {' | '.join(costs)} |\n"
        worst = {system: bend(curve, series(points, system)) for system in SYSTEMS}
        text += "| worst step | " + " | ".join(b.text() if b else "" for b in worst.values()) + " |\n"
        text += f"\nMeasured: {told}\n\n"
    return text.rstrip("\n") + "\n"


def rounded(table):
    """As it stands in the file."""
    return {name: ({size: {system: float(f"{cost:.4g}") for system, cost in per_system.items()}
                    for size, per_system in points.items()}, told) for name, (points, told) in table.items()}


def write(table):
    with open(TABLE + ".new", "w") as f:
        f.write(render(rounded(table)))
    os.replace(TABLE + ".new", TABLE)


def read():
    table = {}
    if not os.path.exists(TABLE):
        return table
    with open(TABLE) as f:
        sections = re.split(r"^## ", f.read(), flags=re.M)[1:]
    for section in sections:
        name = section.partition("\n")[0]
        points = {}
        for size, cells in re.findall(r"^\| (\d+) \| (.*) \|$", section, re.M):
            costs = zip(SYSTEMS, (cell.strip() for cell in cells.split("|")))
            points[int(size)] = {system: float(cost) for system, cost in costs if cost}
        told = re.search(r"^Measured: (.*)$", section, re.M)
        table[name] = points, told[1]
    return table


def plots(table):
    """(path, text) of each."""
    for name, (points, _) in rounded(table).items():
        curve = CURVES[name]
        lines = {system: line for system in SYSTEMS if (line := series(points, system))}
        if lines:
            yield os.path.join(PLOTS, name + ".svg"), plot.draw(curve.title, curve.unit, curve.axis, lines)
