# SPDX-License-Identifier: MIT
"""The row of what processes with nothing to do cost: wake-ups of their threads in 10 s, counted from outside.

All rounds of all systems run at the same time: they are idle, so that none can be in another's way.
"""
import contextlib
import os
import select
import subprocess
import time

from server import Failed, pin


def run(systems, row, procs, cores, env, quick, rounds):
    """The lines of all, or Failed."""
    seconds = 1 if quick else 10
    with contextlib.ExitStack() as ends:
        running = [(system, start(system, row, cores[:procs], env, ends)) for _ in range(rounds) for system in systems]
        for system, process in running:
            if not select.select([process.stdout], [], [], 10)[0] or process.stdout.readline() != b"ready\n":
                raise Failed(f"{system.name} did not become ready")
        time.sleep(3)  # a monitor may look around for a while yet
        before = [switches(process.pid) for _, process in running]
        time.sleep(seconds)
        after = [switches(process.pid) for _, process in running]
    for (system, _), old, new in zip(running, before, after):
        count = sum(new[thread] - old.get(thread, 0) for thread in new)
        yield system.name, row.name, procs, count, f"wakeups/{seconds}s"


def start(system, row, cores, env, ends):
    process = subprocess.Popen(pin(cores) + system.programs[row.name], env=env, stdout=subprocess.PIPE,
                               stdin=subprocess.DEVNULL)
    ends.callback(process.wait)
    ends.callback(process.kill)
    return process


def switches(pid):
    """The voluntary context switches of each thread."""
    counts = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status") as status:
            for line in status:
                if line.startswith("voluntary_ctxt_switches"):
                    counts[thread] = int(line.split()[1])
    return counts
