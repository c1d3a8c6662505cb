#!/usr/bin/env python3
"""Every C file is as clang-format leaves it (`make format` makes it so)."""
import os
import subprocess
import sys

source = os.environ.get("UG_SOURCE", ".")
found = []
for folder in ("src", "include", "cmd", "examples", "tests", "bench"):
    for where, below, names in os.walk(os.path.join(source, folder)):
        below.sort()
        found += [os.path.join(where, n) for n in sorted(names) if n.endswith((".c", ".h"))]
if not found:
    sys.exit("no file to look at")
run = subprocess.run(["clang-format", "--dry-run", "--Werror", "--ferror-limit=3", *found])
sys.exit(run.returncode)
