# SPDX-License-Identifier: MIT
"""Runs rows: systems take turns, round after round, pinned to as many cores as the row has processors."""
import os
import subprocess
import time

import http_rows
import idle_row
import socket_rows
from server import Failed
from systems import BENCH, LeftOut, System, compile_c, made_in, say

LONG, AIM = 1.6, 0.8  # seconds: a run that takes longer than the first is followed by shorter ones where the row allows it
SLOW = 5  # seconds: where it does not, a peer that takes longer for one run and twice as long as undergo has no second one
ENOUGH = 10  # seconds: such a peer that takes longer than this is not run again with more processors
MEMORY = 8 << 30
TOUCH = System("touch", "")  # takes its turn in rows about page faults


class Bench:
    def __init__(self, systems, build, rounds, quick, seconds=None):
        self.systems, self.build, self.rounds, self.quick, self.seconds = systems, build, rounds, quick, seconds
        self.failed = False
        self.cores = sorted(os.sched_getaffinity(0))
        self.figures = {}  # (row, procs): {system: (unit, [value, ...])}, in the order of arrival
        self.given = {}  # system: {(row, system) of the lines that it has given in the row that runs}
        self.enough = set()  # (row, system) that is not run again
        self.touch_program = None
        self.sockets = socket_rows.Sockets(systems, build, self.cores, quick, seconds)

    def turns(self, row, procs):
        """The systems that have the row, none where it cannot be run here."""
        if row.procs and procs not in row.procs:
            return []
        if procs > len(self.cores):
            say(f"left out: {row.name} at {procs}: the machine has {len(self.cores)} cores")
            return []
        if row.connections and (reason := self.sockets.too_many(row)):
            say(f"left out: {row.name} at {procs}: {reason}")
            return []
        if row.pages and (have := memory()) < MEMORY and not self.quick:
            say(f"left out: {row.name} at {procs}: it takes 8 GiB of memory, and {have >> 30} are free")
            return []
        table = "servers" if row.served else "programs"
        return [s for s in self.systems if row.name in getattr(s, table) and procs >= s.least]

    def run_all(self, wanted, procs, after):
        """Runs each of the rows at each of the numbers of processors, and calls `after` after each."""
        todo = [(row, p, turns) for row in wanted for p in procs if (turns := self.turns(row, p))]
        due = [estimate(row, self.rounds, self.quick) for row, _, _ in todo]
        say(f"{len(todo)} runs of rows, about {minutes(sum(due))}")
        began = time.monotonic()
        for i, (row, p, turns) in enumerate(todo):
            say(f"{i + 1}/{len(todo)} {row.name} at {p}: {' '.join(s.name for s in turns)}")
            start = time.monotonic()
            self.run(row, p, turns)
            now = time.monotonic()
            left = sum(due[i + 1:]) * (now - began) / sum(due[:i + 1])
            say(f"{row.name} at {p}: {now - start:.0f} s; {minutes(now - began)} so far, about {minutes(left)} to go")
            after()

    def run(self, row, procs, turns):
        self.given = {}
        if row.kind == "idle":
            self.run_idle(turns, row, procs)
            return
        took, parts = {}, {}
        turns = [s for s in turns if (row.name, s.name) not in self.enough]
        if row.touch:
            turns.insert(0, TOUCH)
        elif row.pages:
            self.attempt(TOUCH, row, procs, self.back)
        for turn in range(self.rounds * row.repeat):
            for system in list(turns):
                if turn % 2 and system.name in row.seldom:
                    continue
                part = parts.get(system.name, 1)
                if not self.attempt(system, row, procs, lambda: self.run_once(system, row, procs, part, took)):
                    turns.remove(system)
                    self.forget(system, procs)
                    continue
                self.shorten(system, row, took, parts, turns)

    def attempt(self, system, row, procs, step):
        try:
            step()
            return True
        except (Failed, OSError, ValueError, subprocess.SubprocessError) as reason:
            say(f"failed: {system.name} {row.name} at {procs}: {reason}")
            self.failed = True
            return False

    def shorten(self, system, row, took, parts, turns):
        """Sees to it that a slow peer does not keep the others waiting."""
        seconds = took[system.name]
        if system.name in row.fewer and seconds > LONG and system.name not in parts:
            parts[system.name] = round(seconds / AIM)
        elif system.name not in ("undergo", TOUCH.name) and self.rounds > 1 and seconds > max(SLOW, 2 * took.get("undergo", 0)):
            say(f"{system.name} takes {seconds:.0f} s for {row.name}: once is enough")
            turns.remove(system)
            if seconds > ENOUGH and not self.quick:
                say(f"left out: {row.name} of {system.name} with more processors, for it takes {seconds:.0f} s")
                self.enough.add((row.name, system.name))

    def forget(self, system, procs):
        """What a system that failed later gave for the row that runs is no figure."""
        for name, told in self.given.pop(system.name, ()):
            self.figures[name, procs].pop(told, None)

    def run_idle(self, turns, row, procs):
        try:
            env = self.environment(procs)
            for line in idle_row.run(turns, row, procs, self.cores, env, self.quick, self.rounds):
                self.record(line[0], line)
        except (Failed, OSError) as reason:
            say(f"failed: {row.name} at {procs}: {reason}")
            self.failed = True

    def run_once(self, system, row, procs, part, took):
        if row.pages and row.touch:
            self.back()
        began = time.monotonic()
        self.measure(system, row, procs, part)
        took[system.name] = time.monotonic() - began

    def measure(self, system, row, procs, part):
        if system is TOUCH:
            self.touch(row, procs)
            return
        env = self.environment(procs)
        if row.kind == "http":
            lines = http_rows.run(system, row, procs, self.cores, env, self.seconds)
        elif row.served:
            lines = self.sockets.run(system, row, procs, env)
        else:
            lines = self.program(system.programs[row.name] + [f"--part={part}"] * (part > 1), row, procs, env)
        for line in lines:
            self.record(system.name, line)

    def environment(self, procs):
        names = ("UG_PROCS", "GOMAXPROCS", "TOKIO_WORKER_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS")
        return dict(os.environ, **dict.fromkeys(names, str(procs)))

    def record(self, turn, line):
        """Prints a line of five fields and keeps its figure."""
        fields = [str(f) for f in line]
        system, row, procs, value, unit = fields
        value = float(value)
        print(*fields, sep="\t", flush=True)
        self.given.setdefault(turn, set()).add((row, system))
        per_system = self.figures.setdefault((row, int(procs)), {})
        per_system.setdefault(system, (unit, []))[1].append(value)

    def pinned(self, command, procs):
        return ["taskset", "-c", ",".join(map(str, self.cores[:procs])), *command]

    def program(self, command, row, procs, env):
        return self.output(command + ["--quick"] * self.quick, procs, env, row.limit)

    def output(self, command, procs, env, limit):
        """The lines of five fields that a program prints."""
        try:
            done = subprocess.run(self.pinned(command, procs), env=env, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                  text=True, timeout=limit)
        except subprocess.TimeoutExpired:
            raise Failed(f"not done within {limit} s") from None
        if done.returncode != 0:
            raise Failed(f"status {done.returncode}")
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        if not lines or any(len(line) != 5 for line in lines):
            raise Failed(f"unexpected output {done.stdout!r}")
        return lines

    def back(self):
        """Has the host back 6 GiB."""
        subprocess.run([self.touch_command(), "back"] + ["--quick"] * self.quick, check=True, timeout=120)

    def touch(self, row, procs):
        """Prints what touching costs, as what a million pages are in the row."""
        for system, name, _, value, _ in self.program([self.touch_command(), row.name, str(procs)], row, procs, None):
            if row.touch == "s":  # the second that the tasks sleep, and a million pages
                value = f"{1 + float(value) / 1000:.4f}"
            self.record(TOUCH.name, (system, name, procs, value, row.touch))

    def touch_command(self):
        if not self.touch_program:
            program = os.path.join(made_in(self.build), "touch")
            try:
                compile_c(program, os.path.join(BENCH, "touch.c"))
            except LeftOut as reason:
                raise Failed(reason) from None
            self.touch_program = program
        return self.touch_program


def memory():
    """Bytes that may be had."""
    with open("/proc/meminfo") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("MemAvailable:")) << 10


def estimate(row, rounds, quick):
    """Seconds that the row takes at one number of processors."""
    if row.kind == "idle":  # all rounds at once
        return 5 if quick else row.seconds
    return rounds if quick else row.seconds * rounds / 5


def minutes(seconds):
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s" if seconds >= 60 else f"{seconds:.0f} s"
