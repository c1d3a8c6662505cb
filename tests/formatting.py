#!/usr/bin/env python3
"""Every C file is as clang-format leaves it (`make format` makes it so): Debian 12's, for others see some lines differently.
It leaves comments as they are: here they are held to 120 columns too."""
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
wide = []
for name in found:
    with open(name, encoding="utf-8") as f:
        wide += [f"{name}:{i}: wider than 120 columns" for i, line in enumerate(f, 1)
                 if len(line.rstrip("\n").expandtabs(8)) > 120
                 and '"' not in line and not line.endswith("\\\n")]  # strings and macros are clang-format's
if wide:
    sys.exit("\n".join(wide))
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
