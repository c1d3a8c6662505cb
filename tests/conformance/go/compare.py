#!/usr/bin/env python3
"""Run the same cases in Go and in C and compare what they say, line by line.

usage: compare.py PROGRAM FOLDER    PROGRAM: cases.c, built; FOLDER: where cases.go is
"""
import os
import re
import shutil
import subprocess
import sys

program, folder = sys.argv[1:]
OLDEST = (1, 21)  # context.AfterFunc and WithoutCancel


def skip(why):
    print(why)
    sys.exit(77)


def go_lines():
    go = shutil.which("go")
    if not go:
        skip("there is no go here")
    version = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True).stdout
    found = re.match(r"go(\d+)\.(\d+)", version)
    if not found or tuple(map(int, found.groups())) < OLDEST:
        skip(f"go is too old here: {version.strip()}")
    build = os.path.join(os.environ.get("UG_BUILD", "/tmp"), "go-conformance")
    os.makedirs(build, exist_ok=True)
    env = {**os.environ, "GO111MODULE": "off", "GOFLAGS": "", "GOTOOLCHAIN": "local", "GOPROXY": "off",
           "GOCACHE": os.path.join(build, "cache")}
    exe = os.path.join(build, "cases")
    made = subprocess.run([go, "build", "-o", exe, os.path.join(folder, "cases.go")], env=env, capture_output=True, text=True)
    if made.returncode:
        sys.exit(f"go build: {made.stderr}")
    return lines(exe, {})


def lines(exe, env):
    run = subprocess.run([exe], env={**os.environ, **env}, capture_output=True, text=True, timeout=60)
    if run.returncode:
        sys.exit(f"{exe}: status {run.returncode}\n{run.stdout}{run.stderr}")
    return run.stdout.splitlines()


def main():
    expected = go_lines()
    runs = [("1", "epoll"), ("2", "epoll"), ("8", "epoll"), ("2", "uring")]
    print(f"1..{len(expected) * len(runs)}")
    number = bad = 0
    for procs, poller in runs:
        said = lines(program, {"UG_PROCS": procs, "UG_POLLER": poller})
        said += ["nothing"] * (len(expected) - len(said))
        for go, c in zip(expected, said):
            number += 1
            print(f"{'ok' if go == c else 'not ok'} {number} - procs={procs} {poller} {go}")
            if go != c:
                bad += 1
                print(f"Go: {go}\n C: {c}")
        if len(said) > len(expected):
            bad += 1
            print(f"Go has nothing for: {said[len(expected):]}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
