#!/usr/bin/env python3
"""Run one example: it must end with status 0, and print what NAME.out holds if there is such a file.

usage: example.py PROGRAM NAME.out [ARG...]
"""
import os
import subprocess
import sys

program, expected, *args = sys.argv[1:]
run = subprocess.run([program, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
printed = run.stdout.decode(errors="replace")
sys.stdout.write(printed)
if run.returncode != 0:
    sys.exit(f"status {run.returncode}")
if os.path.exists(expected):
    with open(expected, encoding="utf-8") as f:
        if f.read() != printed:
            sys.exit(f"the output differs from {os.path.basename(expected)}")
