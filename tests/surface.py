#!/usr/bin/env python3
"""The public surface: each function of the headers is called by some test, and all that states the version agrees."""
import os
import re
import sys

tree = os.environ.get("UG_SOURCE", ".")
NAME = re.compile(r"\b(?:ug|UG)_\w+")


def read(path):
    with open(os.path.join(tree, path), encoding="utf-8") as f:
        return f.read()


def files(folder, *ends):
    for where, _, names in os.walk(os.path.join(tree, folder)):
        for name in sorted(names):
            if name.endswith(ends):
                yield os.path.relpath(os.path.join(where, name), tree)


def headers():
    for path in sorted(files("include", ".h")):
        yield path, re.sub(r"/\*.*?\*/", "", read(path), flags=re.S)


MACRO = re.compile(r"^#define (\w+)\b((?:.*\\\n)*.*)", re.M)
FUNCTION = re.compile(r"^(?!typedef)[\w *]*?\b(ug_[a-z]\w*)\([^;{]*;", re.M)


def check_called():
    called = {n for folder in ("tests", "examples") for p in files(folder, ".c", ".h", ".py") for n in NAME.findall(read(p))}
    macros = {name: set(NAME.findall(body)) for _, text in headers() for name, body in MACRO.findall(text)}
    more = called
    while more:  # what is called by way of macros
        more = {inner for name in more for inner in macros.get(name, ())} - called
        called |= more
    count = 0
    for path, text in headers():
        for name in FUNCTION.findall(MACRO.sub("", text)):
            count += 1
            if name not in called:
                yield f"{path}: no test calls {name}"
    if count < 250:
        yield f"only {count} functions were found"


def check_version():
    header = read("include/undergo/base.h")
    built = re.search(r"^  version: '(.*)'", read("meson.build"), re.M).group(1)
    said = re.search(r'#define UG_VERSION "(.*)"', header).group(1)
    parts = [re.search(rf"#define UG_VERSION_{part} (\d+)", header).group(1) for part in ("MAJOR", "MINOR")]
    if said != built or said.split(".")[:2] != parts:
        yield f"base.h says {said} and {'.'.join(parts)}, meson.build {built}"


checks = [check_called, check_version]
print(f"1..{len(checks)}")
bad = 0
for number, check in enumerate(checks, 1):
    found = list(check())
    print(f"{'not ok' if found else 'ok'} {number} - {check.__name__.removeprefix('check_')}")
    for line in found:
        print("  " + line)
    bad += bool(found)
sys.exit(1 if bad else 0)
