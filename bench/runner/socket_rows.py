# SPDX-License-Identifier: MIT
"""Sockets rows: a server, and bench/load, the same client for every system, which measures for itself.

A run takes about a second, so that five rounds of five systems at two numbers of processors pass in under a minute.
"""
import glob
import os
import resource
import subprocess
import time

import rows
from server import ADDRESS, Failed, Server, cores_of
from systems import BENCH, LeftOut, compile_c, made_in, say

SATURATED = 0.95  # of its cores in use: no time left
MANY = 64  # connections that saturate
SETTLED = 200  # memory that changes by less than one part in so many has settled


class Sockets:
    def __init__(self, systems, build, cores, quick, seconds):
        self.systems, self.build, self.cores, self.quick = systems, build, cores, quick
        self.seconds = seconds
        self.program = None
        self.tenth = {}  # procs: a tenth of the round trips a second that saturate
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # servers inherit it
        self.descriptors = hard

    def too_many(self, row):
        """Why the row cannot be run here, or None."""
        if self.connections(row) + 200 > self.descriptors:
            return f"it needs {self.connections(row) + 200} descriptors, and a process may have {self.descriptors}"
        return None

    def connections(self, row):
        if row.kind == "idle-connections":  # nine tenths of what a process may have, as servers themselves allow
            return min(500 if self.quick else 18000, self.descriptors * 9 // 10)
        return min(row.connections, 1000) if self.quick else row.connections

    def run(self, system, row, procs, env):
        self.make()
        if row.kind == "idle-connections":
            server_cores, client_cores = cores_of(procs, self.cores)
            with Server(system.servers[row.name](procs), server_cores, env) as server:
                return [(system.name, row.name, procs, self.idle(server, row, client_cores), "B/connection")]
        options = {"connections": self.connections(row)}
        if row.kind == "paced":
            options["rate"] = self.paced_rate(system, procs, env)
        seen = self.run_load(system, row, procs, env, **options)
        if row.kind in ("accept", "echo"):
            self.tell_bound(seen, system, row, procs)
        return list(lines(seen, system, row, procs))

    def run_load(self, system, row, procs, env, **options):
        """What the client has seen of one run against the system's server of that row."""
        self.make()
        server_cores, client_cores = cores_of(procs, self.cores)
        with Server(system.servers[row.name](procs), server_cores, env) as server:
            window = {"warm": 20, "run": 300} if self.quick else {"warm": 150, "run": (self.seconds or row.load) * 1000}
            return self.load("accept" if row.kind == "accept" else "echo", server, client_cores,
                             threads=min(procs, len(self.cores)), **window, **options)

    def make(self):
        if self.program:
            return
        program = os.path.join(made_in(self.build), "load")
        try:
            compile_c(program, *sorted(glob.glob(os.path.join(BENCH, "load", "*.c"))))
        except LeftOut as reason:
            raise Failed(reason) from None
        self.program = program

    def command(self, mode, server, cores, **options):
        command = [self.program, mode, ADDRESS, str(server.port), f"server={server.pid}"]
        if len(cores) == 1:
            command.append(f"core={cores[0]}")
        return command + [f"{name}={value}" for name, value in options.items()]

    def load(self, mode, server, cores, **options):
        """What the client has seen: done, time, server, client, p50, p99; times in nanoseconds."""
        command = self.command(mode, server, cores, **options)
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                  text=True, timeout=30 + options["run"] / 1000)
        except subprocess.TimeoutExpired:
            raise Failed("the client did not end") from None
        if done.returncode != 0:
            raise Failed(done.stderr.strip() or f"the client ended with status {done.returncode}")
        return {name: float(value) for name, value in (word.split("=") for word in done.stdout.split())}

    def paced_rate(self, system, procs, env):
        """A tenth of what saturates the hand-written loop, where it is there: one rate for all systems."""
        if procs not in self.tenth:
            base = next((s for s in self.systems if s.name == "epoll" and "echo-64" in s.servers), system)
            seen = self.run_load(base, rows.ROWS["echo-64"], procs, env, connections=MANY)
            self.tenth[procs] = round(per_second(seen) / 10)
            say(f"a tenth of what saturates {base.name} at {procs}: {self.tenth[procs]} round trips a second")
        return self.tenth[procs]

    def tell_bound(self, seen, system, row, procs):
        """Says so where the client had no time left and the server did: the rate is then the client's."""
        server_cores, client_cores = cores_of(procs, self.cores)
        theirs = seen["server"] / seen["time"] / len(server_cores)
        ours = seen["client"] / seen["time"] / len(client_cores)
        if server_cores != client_cores and ours >= SATURATED > theirs:
            say(f"{system.name} {row.name} at {procs}: the client saturates first, the server is busy for {theirs:.0%}:"
                " the CPU a unit counts, the rate is the client's")

    def idle(self, server, row, cores):
        """Bytes by which the server's memory grows a connection, after one came and went and once it has settled."""
        n = self.connections(row)
        for count, pause in (1, 0.25), (n, 1.0):  # the longer one for caches and collectors to give back what they may
            before = settled(server, 0.25)
            command = self.command("idle", server, cores, connections=count)
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
                if client.stdout.readline() != f"open={count}\n":
                    raise Failed("the client could not open all connections")
                after = settled(server, 0.1 if self.quick else pause)
                client.stdin.close()
                told = client.stdout.readline()
            if told != "closed=0\n":
                raise Failed(f"the server did not keep all of {count} connections: {told.strip()}")
        return f"{(after - before) / n:.1f}"


def settled(server, pause):
    """The server's memory once it hardly changes within a pause, or after four."""
    last = server.memory()
    for _ in range(4):
        time.sleep(pause)
        now = server.memory()
        if abs(now - last) <= last / SETTLED:
            break
        last = now
    return now


def per_second(seen):
    return seen["done"] / seen["time"] * 1e9


def lines(seen, system, row, procs):
    if row.kind in ("latency", "paced"):
        for share in "p50", "p99":
            yield system.name, f"{row.name}-{share}", procs, f"{seen[share] / 1e3:.2f}", "us"
        return
    unit = "connection" if row.kind == "accept" else "round-trip"
    cpu = f"{seen['server'] / seen['done'] / 1e3:.4f}"
    rate = f"{per_second(seen):.0f}"
    if row.kind == "accept":
        yield system.name, row.name, procs, rate, f"{unit}s/s"
        yield system.name, row.name + "-cpu", procs, cpu, f"us-cpu/{unit}"
    else:
        yield system.name, row.name, procs, cpu, f"us-cpu/{unit}"
        yield system.name, row.name + "-rate", procs, rate, f"{unit}s/s"
