#!/usr/bin/env python3
"""Compile each public header alone: twice in one file, as C11 and as C++17, with gcc and clang, every warning an error."""
import os
import shutil
import subprocess
import sys

source = os.environ.get("UG_SOURCE", ".")
include = os.path.join(source, "include")
headers = sorted(h for h in os.listdir(os.path.join(include, "undergo")) if h.endswith(".h"))

common = ["-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wundef", "-Werror", "-fsyntax-only", "-I", include]
ways = [
    ("gcc", ["-x", "c", "-std=c11", "-Wstrict-prototypes", "-Wshadow"]),
    ("clang", ["-x", "c", "-std=c11", "-Wstrict-prototypes", "-Wshadow"]),
    ("g++", ["-x", "c++", "-std=c++17"]),
    ("clang++", ["-x", "c++", "-std=c++17"]),
]
if not headers:
    sys.exit("no header to test")

print(f"1..{len(headers) * len(ways)}")
number = bad = 0
for header in headers:
    for compiler, options in ways:
        number += 1
        if not shutil.which(compiler):
            print(f"ok {number} # SKIP {header}: there is no {compiler} here")
            continue
        text = f"#include <undergo/{header}>\n" * 2 + "int main(void);\nint main(void) { return 0; }\n"
        run = subprocess.run([compiler, *common, *options, "-"], input=text, capture_output=True, text=True)
        print(f"{'not ok' if run.returncode else 'ok'} {number} - {header} with {compiler} {options[2]}")
        if run.returncode:
            bad += 1
            print("\n".join(run.stderr.splitlines()[:20]))
sys.exit(1 if bad else 0)
