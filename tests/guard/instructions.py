#!/usr/bin/env python3
"""Counts the instructions of one switch, round trip, item, task, select, HTTP request, and compares them with ceilings.

usage: instructions.py [--update] [--ceilings FILE] [BUILD]

valgrind's callgrind counts what the thread that runs the tasks executes, so that the machine's speed and load do not
matter; the monitor's own thread is left out. The cost of a unit is the difference of two runs in one process by the
difference of their sizes. A count that is 3 % above its ceiling in three attempts is a failure: what disturbs a run adds
to it. Counts hold for one compiler, C library and architecture, which FILE names; elsewhere nothing is compared (status
77). --update writes what was counted as the new ceilings.
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
SLACK = 1.03
ATTEMPTS = 3
HERE = os.path.dirname(os.path.abspath(__file__))
HEAD = """\
# Instructions of one unit of work at one processor, as tests/guard/instructions.py counts them; 3 % above is a failure.
# `tests/guard/instructions.py --update BUILD` writes this file. A ceiling goes up only with a reason in the commit.
"""


class Skip(Exception):
    pass


def world(program):
    """What the counts depend on: compiler, C library, architecture, optimisation."""
    return subprocess.run([program, "world"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def measure(program):
    """{unit: instructions}"""
    if not shutil.which("valgrind"):
        raise Skip("valgrind is not installed")
    # UG_PROCS and its like stay out; what the C library copies with does not depend on this machine's processor
    env = {name: value for name, value in os.environ.items() if not name.startswith("UG_")}
    env["GLIBC_TUNABLES"] = "glibc.cpu.hwcaps=-AVX2,-AVX,-ERMS,-FSRM"
    with tempfile.TemporaryDirectory(prefix="undergo-guard-") as folder:
        done = subprocess.run(["valgrind", "--tool=callgrind", "--separate-threads=yes",
                               f"--callgrind-out-file={folder}/out", program], env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
        if done.returncode != 0:
            sys.exit(f"valgrind {program} ended with status {done.returncode}\n{done.stdout}")
        profiles = []
        for path in glob.glob(folder + "/out*"):
            with open(path, encoding="utf-8", errors="replace") as f:
                profiles.append(f.read())
    return per_unit(profiles)


def per_unit(profiles):
    """Of the texts of callgrind's profiles, one a thread and stage."""
    totals = {}  # unit: {(what, n): instructions}
    for text in profiles:
        stage = re.search(r"^desc: Trigger: Client Request: (\S+) (small|large) (\d+)$", text, re.M)
        total = re.search(r"^totals: (\d+)$", text, re.M)
        if stage and total and "monitor_main" not in text:
            runs = totals.setdefault(stage[1], {})
            key = stage[2], int(stage[3])
            runs[key] = runs.get(key, 0) + int(total[1])
    counts = {}
    for unit, runs in totals.items():
        (_, large), (_, small) = sorted(runs)  # "large" is before "small"
        counts[unit] = (runs["large", large] - runs["small", small]) / (large - small)
    if not counts:
        raise Skip("this valgrind, or the program, tells no counts (was valgrind/callgrind.h there when it was built?)")
    return counts


def read(path):
    """The world of the ceilings, and {unit: ceiling}."""
    made_for, ceilings = "", {}
    with open(path) as f:
        for line in f:
            words = line.split()
            if words and words[0] == "for":
                made_for = line.partition(" ")[2].strip()
            elif words and words[0] != "#":
                ceilings[words[0]] = float(words[1])
    return made_for, ceilings


def write(path, made_for, counts):
    with open(path, "w") as f:
        f.write(f"{HEAD}for {made_for}\n")
        for unit, count in sorted(counts.items()):
            f.write(f"{unit} {count:.2f}\n")


def above(counts, ceilings):
    """Units that cost too much, were not counted, or have no ceiling."""
    return [unit for unit in sorted(set(counts) | set(ceilings))
            if unit not in counts or unit not in ceilings or counts[unit] > ceilings[unit] * SLACK]


def table(counts, ceilings):
    print(f"{'unit':16}{'instructions':>14}{'ceiling':>12}")
    for unit in sorted(set(counts) | set(ceilings)):
        count, ceiling = counts.get(unit), ceilings.get(unit)
        note = "" if unit not in above(counts, ceilings) else "  too many" if count and ceiling else "  missing"
        if count and ceiling:
            note = f"  {count / ceiling - 1:+.1%}" + note
            if count * SLACK < ceiling:
                note += "  (--update lowers the ceiling)"
        print(f"{unit:16}{count or 0:14.2f}{ceiling or 0:12.2f}{note}")


def main():
    parser = argparse.ArgumentParser(usage=__doc__.splitlines()[2][7:])
    parser.add_argument("build", nargs="?", default=os.environ.get("UG_BUILD", "build-test"))
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--ceilings", default=os.path.join(HERE, "instructions.txt"))
    args = parser.parse_args()
    program = os.path.join(args.build, "tests", "guard", "units")
    here = world(program)
    try:
        if args.update:
            counts = measure(program)
            write(args.ceilings, here, counts)
            table(counts, counts)
            return 0
        made_for, ceilings = read(args.ceilings)
        if here != made_for:
            raise Skip(f"the ceilings are for {made_for}; this is {here}")
        counts = measure(program)
        for _ in range(ATTEMPTS - 1):
            if not above(counts, ceilings):
                break
            counts = {unit: min(count, counts.get(unit, count)) for unit, count in measure(program).items()}
    except Skip as reason:
        print(f"skipped: {reason}")
        return SKIPPED
    table(counts, ceilings)
    return 1 if above(counts, ceilings) else 0


if __name__ == "__main__":
    sys.exit(main())
