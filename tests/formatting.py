#!/usr/bin/env python3
"""Every C file is as clang-format leaves it (`make format` makes it so): Debian 12's, for others see some lines differently."""
import os
import re
import shutil
import subprocess
import sys

VERSION = "14"

source = os.environ.get("UG_SOURCE", ".")
found = []
for folder in ("src", "include", "cmd", "examples", "tests", "bench"):
    for where, below, names in os.walk(os.path.join(source, folder)):
        below.sort()
        found += [os.path.join(where, n) for n in sorted(names) if n.endswith((".c", ".h"))]
if not found:
    sys.exit("no file to look at")
for program in f"clang-format-{VERSION}", "clang-format":
    if shutil.which(program):
        said = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True).stdout
        if re.search(rf"version {VERSION}\.", said):
            break
else:
    print(f"no clang-format {VERSION} here")
    sys.exit(77)
run = subprocess.run([program, "--dry-run", "--Werror", "--ferror-limit=3", *found])
sys.exit(run.returncode)
