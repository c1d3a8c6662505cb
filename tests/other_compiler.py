#!/usr/bin/env python3
"""The compiler that did not make this build finds nothing to warn of in the library and the program either."""
import json
import os
import shlex
import shutil
import subprocess
import sys

build = os.environ["UG_BUILD"]
with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
    entries = [e for e in json.load(f) if e["output"].startswith(("libundergo", "undergo.p"))]
if not entries:
    sys.exit("nothing compiled")

made_with = shlex.split(entries[0]["command"])[0]
version = subprocess.run([made_with, "--version"], capture_output=True, text=True).stdout
other = "gcc" if "clang" in version else "clang"
if not shutil.which(other):
    print(f"there is no {other} here")
    sys.exit(77)

drop = ("-M", "-o", "-fno-semantic", "-Wframe-larger", "-fsanitize", "-fno-sanitize", "-fdiagnostics")
print(f"1..{len(entries)}")
bad = 0
for number, entry in enumerate(entries, 1):
    words = shlex.split(entry["command"])
    args, skip = [], False
    for word in words[1:]:
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MQ"):
            skip = True
        elif word != "-c" and not word.startswith(drop):
            args.append(word)
    # Warnings that need the flow of values show in an optimised compilation only.
    run = subprocess.run([other, *args, "-Werror", "-c", "-o", os.devnull], cwd=entry["directory"], capture_output=True,
                         text=True)
    print(f"{'not ok' if run.returncode else 'ok'} {number} - {entry['output'].split('.p/')[-1]} with {other}")
    if run.returncode:
        bad += 1
        print("\n".join(run.stderr.splitlines()[:20]))
sys.exit(1 if bad else 0)
