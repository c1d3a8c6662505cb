#!/usr/bin/env python3
"""Run a program that holds a race: ThreadSanitizer must report it and end the program with its own status.

usage: seen.py PROGRAM
"""
import subprocess
import sys

run = subprocess.run([sys.argv[1]], capture_output=True, text=True, errors="replace")
if run.returncode != 66 or "ThreadSanitizer: data race" not in run.stderr:
    sys.exit(f"no race was reported; status {run.returncode}\n{run.stderr}")
if "planted" not in run.stderr:
    sys.exit(f"a race was reported, but another one\n{run.stderr}")
