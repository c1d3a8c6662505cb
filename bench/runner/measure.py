# SPDX-License-Identifier: MIT
"""Runs rows: systems take turns, round after round, pinned to as many cores as the row has processors."""
import os
import select
import subprocess
import time

import http_rows
import socket_rows
from server import Failed
from systems import BENCH, LeftOut, call, made_in, say


class Bench:
    def __init__(self, systems, build, rounds, quick):
        self.systems, self.build, self.rounds, self.quick = systems, build, rounds, quick
        self.failed = False
        self.cores = sorted(os.sched_getaffinity(0))
        self.figures = {}  # (row, procs): {system: (unit, [value, ...])}, in the order of arrival
        self.touch_program = None
        self.sockets = socket_rows.Sockets(systems, build, self.cores, quick)

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
        for _ in range(self.rounds):
            for system in list(turns):
                try:
                    self.run_once(system, row, procs)
                except Failed as reason:
                    say(f"failed: {system.name} {row.name} at {procs}: {reason}")
                    self.failed = True
                    turns.remove(system)
                    self.figures.get((row.name, procs), {}).pop(system.name, None)

    def run_once(self, system, row, procs):
        env = dict(os.environ, UG_PROCS=str(procs), GOMAXPROCS=str(procs), TOKIO_WORKER_THREADS=str(procs),
                   RAYON_NUM_THREADS=str(procs), OMP_NUM_THREADS=str(procs))
        if row.touch:
            self.touch(row, procs)
        if row.kind == "http":
            lines = http_rows.run(system, row, procs, self.cores, env, self.quick)
        elif row.served:
            lines = self.sockets.run(system, row, procs, env)
        elif row.kind == "idle":
            lines = self.idle(system, row, procs, env)
        else:
            lines = self.program(system.programs[row.name], row, procs, env)
        for line in lines:
            self.record(line)

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

    def idle(self, system, row, procs, env):
        """Counts from outside how often threads of a process that has nothing to do wake up in 10 s."""
        seconds = 1 if self.quick else 10
        process = subprocess.Popen(self.pinned(system.programs[row.name], procs), env=env, stdout=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL)
        try:
            if not select.select([process.stdout], [], [], 10)[0] or process.stdout.readline() != b"ready\n":
                raise Failed("did not become ready")
            time.sleep(3)  # a monitor may look around for a while yet
            before = switches(process.pid)
            time.sleep(seconds)
            after = switches(process.pid)
        finally:
            process.kill()
            process.wait()
        count = sum(after[thread] - before.get(thread, 0) for thread in after)
        return [(system.name, row.name, procs, count, f"wakeups/{seconds}s")]


def switches(pid):
    """The voluntary context switches of each thread."""
    counts = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status") as status:
            for line in status:
                if line.startswith("voluntary_ctxt_switches"):
                    counts[thread] = int(line.split()[1])
    return counts
