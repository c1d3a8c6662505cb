# SPDX-License-Identifier: MIT
"""Runs rows: systems take turns, round after round, pinned to as many cores as the row has processors."""
import os
import subprocess
import time

import http_rows
import idle_row
import socket_rows
from server import Failed
from systems import BENCH, LeftOut, call, made_in, say

SLOW = 14  # seconds: a peer that takes longer for one run, and so is far behind, gets no second one


class Bench:
    def __init__(self, systems, build, rounds, quick, seconds=None):
        self.systems, self.build, self.rounds, self.quick, self.seconds = systems, build, rounds, quick, seconds
        self.failed = False
        self.cores = sorted(os.sched_getaffinity(0))
        self.figures = {}  # (row, procs): {system: (unit, [value, ...])}, in the order of arrival
        self.touch_program = None
        self.sockets = socket_rows.Sockets(systems, build, self.cores, quick, seconds)

    def run(self, row, procs):
        if row.procs and procs not in row.procs:
            return
        if procs > len(self.cores):
            say(f"left out: {row.name} at {procs}: the machine has {len(self.cores)} cores")
            return
        if row.connections and (reason := self.sockets.too_many(row)):
            say(f"left out: {row.name} at {procs}: {reason}")
            return
        table = "servers" if row.served else "programs"
        turns = [s for s in self.systems if row.name in getattr(s, table)]
        if not turns:
            return
        say(f"{row.name} at {procs}: {' '.join(s.name for s in turns)}")
        began = time.monotonic()
        if row.kind == "idle":
            self.run_idle(turns, row, procs)
            turns = []
        for _ in range(self.rounds):
            for system in list(turns):
                try:
                    if self.run_once(system, row, procs) > SLOW and system.name != "undergo" and self.rounds > 1:
                        say(f"{system.name} takes more than {SLOW} s for {row.name}: once is enough")
                        turns.remove(system)
                except Failed as reason:
                    say(f"failed: {system.name} {row.name} at {procs}: {reason}")
                    self.failed = True
                    turns.remove(system)
                    self.figures.get((row.name, procs), {}).pop(system.name, None)
        say(f"{row.name} at {procs}: {time.monotonic() - began:.0f} s")

    def run_idle(self, turns, row, procs):
        try:
            env = self.environment(procs)
            for line in idle_row.run(turns, row, procs, self.cores, env, self.quick, self.rounds):
                self.record(line)
        except Failed as reason:
            say(f"failed: {row.name} at {procs}: {reason}")
            self.failed = True

    def run_once(self, system, row, procs):
        """Answers how long it took, in seconds."""
        env = self.environment(procs)
        if row.touch:
            self.touch(row, procs)
        began = time.monotonic()
        if row.kind == "http":
            lines = http_rows.run(system, row, procs, self.cores, env, self.seconds)
        elif row.served:
            lines = self.sockets.run(system, row, procs, env)
        else:
            lines = self.program(system.programs[row.name], row, procs, env)
        for line in lines:
            self.record(line)
        return time.monotonic() - began

    def environment(self, procs):
        names = ("UG_PROCS", "GOMAXPROCS", "TOKIO_WORKER_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS")
        return dict(os.environ, **dict.fromkeys(names, str(procs)))

    def record(self, line):
        """Prints a line of five fields and keeps its figure."""
        fields = [str(f) for f in line]
        system, row, procs, value, unit = fields
        print(*fields, sep="\t", flush=True)
        per_system = self.figures.setdefault((row, int(procs)), {})
        per_system.setdefault(system, (unit, []))[1].append(float(value))

    def pinned(self, command, procs):
        return ["taskset", "-c", ",".join(map(str, self.cores[:procs])), *command]

    def program(self, command, row, procs, env):
        command = self.pinned(command + ["--quick"] * self.quick, procs)
        try:
            done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                                  timeout=row.limit)
        except subprocess.TimeoutExpired:
            raise Failed(f"not done within {row.limit} s") from None
        if done.returncode != 0:
            raise Failed(f"status {done.returncode}")
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        if not lines or any(len(line) != 5 for line in lines):
            raise Failed(f"unexpected output {done.stdout!r}")
        return lines

    def touch(self, row, procs):
        """Has the host back 6 GiB, and prints what touching costs: as such, or as what a million pages are in the row."""
        if not self.touch_program:
            program = os.path.join(made_in(self.build), "touch")
            try:
                call(["cc", "-O2", "-D_GNU_SOURCE", os.path.join(BENCH, "touch.c"), "-o", program, "-pthread"])
            except LeftOut as reason:
                raise Failed(reason) from None
            self.touch_program = program
        for system, name, _, value, unit in self.program([self.touch_program, row.name, str(procs)], row, procs, None):
            if row.touch == "s":  # the second that the tasks sleep, and a million pages
                value, unit = f"{1 + float(value) / 1000:.4f}", "s"
            elif row.touch == "ns/task":
                unit = row.touch
            self.record((system, name, procs, value, unit))
