#!/usr/bin/env python3
"""Hold the house: which file may include which, call which, and a few rules a compiler does not know.

usage: layers.py [--tree FOLDER] [--build FOLDER]        (defaults: $UG_SOURCE, $UG_BUILD)

The floors are in layers.txt. Checked, each as one case:
  includes     a file includes its own package and lower floors; NAME_priv.h stays in its package; the conformance
               tests, the examples and other users see public headers only; undergo.h is for users
  order        a file's own header and a blank line, then packages' headers, then the system's and undergo/: each by name
  symbols      the same floors, for what the linker sees: the undefined symbols of each object of the build
  names        what an object shows to others begins with ug_; what the shared library shows, not with ug__,
               unless undergo.map lists it
  platforms    no #if on a platform or an architecture but in a file whose suffix says so
  errno        only src/base reads it: a task may wake on another thread
  stdio        the library does not print; stdio keeps locks, and needs deep stacks
  length       no file has more than 600 lines
  listed       each C file of tests/ stands in a meson.build, or a script beside it compiles it: one that nobody compiles passes for ever
"""
import argparse
import json
import os
import re
import subprocess
import sys

LONGEST = 600
SUFFIXES = ("x86_64", "aarch64", "linux", "epoll", "uring", "inotify", "valgrind")
PLATFORM = re.compile(
    r"\b(__linux__|__linux|__gnu_linux__|linux|__unix__|__APPLE__|__MACH__|_WIN32|__\w*BSD__|__sun|__ANDROID__|"
    r"__x86_64__|__amd64__|__i386__|__aarch64__|__arm__|__ARM_\w+|__riscv\w*|__powerpc\w*|__s390\w*|__mips\w*|"
    r"__GLIBC__|__GLIBC_PREREQ|__SSE\w*__|__AVX\w*__|__LP64__|__BYTE_ORDER__|__SHSTK__|__CET__)\b")
STDIO = re.compile(
    r"^_*(?:v?[fsd]?n?printf|vasprintf|asprintf|puts|fputs|putchar|putc|fputc|fwrite|fread|fopen\w*|fdopen|fclose|"
    r"fflush|fgets|getline|perror|stdin|stdout|stderr)(?:_chk|_unlocked)?$|^__\w+printf_chk$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


class House:
    def __init__(self, path):
        self.floor, self.edges, self.stdio = {}, set(), set()
        with open(path, encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                line = line.strip()
                if not line or line.startswith("#"):
                    continue
                m = re.fullmatch(r"edge (\w+) -> (\w+): \S.*", line)
                s = re.fullmatch(r"stdio (\S+): \S.*", line)
                words = line.split()
                if words[0] == "floor" and len(words) > 2:
                    for package in words[2:]:
                        self.floor[package] = int(words[1])
                elif m:
                    self.edges.add(m.groups())
                elif s:
                    self.stdio.add(s.group(1))
                else:
                    sys.exit(f"{path}:{number}: not understood (a reason is needed): {line}")
        for a, b in self.edges:
            if self.floor.get(a) != self.floor.get(b):
                sys.exit(f"{path}: {a} -> {b} is no edge inside one floor")

    def may(self, a, b):
        return a == b or self.floor[b] < self.floor[a] or (a, b) in self.edges


def strip(text):
    """The text without comments and literals; lines stay where they are."""
    def blank(m):
        s = m.group(0)
        if s[0] == "/":
            return " " + "\n" * s.count("\n")
        return s[0] + s[0]
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", blank, text, flags=re.S)


def files(tree, *folders, ends=(".c", ".h", ".S")):
    for folder in folders:
        for where, below, names in os.walk(os.path.join(tree, folder)):
            below[:] = sorted(d for d in below if d not in ("__pycache__",) and not d.startswith("build"))
            for name in sorted(names):
                if name.endswith(ends):
                    yield os.path.relpath(os.path.join(where, name), tree)


def package_of(path):
    """The package that a file of the repository belongs to; None for a user of the library."""
    parts = path.split("/")
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if parts[:2] == ["include", "undergo"] and len(parts) == 3:
        name = parts[2].removesuffix(".h")
        return None if name == "undergo" else name
    if parts[0] == "cmd":
        return "cmd"
    return None


def tested_by(path):
    """The package whose inside a test may see: tests/unit/PKG/NAME.c, tests/fuzz/PKG_NAME.c."""
    m = re.match(r"tests/unit/(\w+)/|tests/fuzz/([a-z]+)_", path)
    return m and (m.group(1) or m.group(2))


class Tree:
    def __init__(self, root, house):
        self.root, self.house, self.text = root, house, {}

    def read(self, path):
        if path not in self.text:
            with open(os.path.join(self.root, path), encoding="utf-8") as f:
                self.text[path] = f.read()
        return self.text[path]

    def includes(self):
        """(file, line, included file of this repository) for each include that means one."""
        for path in files(self.root, "src", "include", "cmd", "examples", "tests", "bench"):
            text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), self.read(path), flags=re.S)
            for m in INCLUDE.finditer(text):
                kind, name = m.groups()
                tries = ["include/" + name, "src/" + name, "tests/" + name]
                if kind == '"':
                    tries.insert(0, os.path.normpath(os.path.join(os.path.dirname(path), name)))
                for found in tries:
                    if os.path.isfile(os.path.join(self.root, found)):
                        yield path, text.count("\n", 0, m.start()) + 1, found
                        break


def check_includes(tree):
    house = tree.house
    for path, line, other in tree.includes():
        at = f"{path}:{line}"
        me, it = package_of(path), package_of(other)
        private = other.startswith("src/")
        users = path.startswith(("tests/conformance/", "examples/"))
        if other == "include/undergo/undergo.h":
            if path.startswith(("src/", "include/")):
                yield f"{at}: undergo.h is for users; include the headers of the packages you stand on"
            continue
        if it is None:
            continue
        if it not in house.floor:
            yield f"{at}: {other} belongs to no package of layers.txt"
            continue
        if private and users:
            yield f"{at}: sees {other}; here only public headers may be included"
        if other.endswith("_priv.h"):
            own = me or tested_by(path)
            if own != it:
                yield f"{at}: {other} is private to {it}"
        if me is None:
            continue
        if me not in house.floor:
            yield f"{path}: belongs to no package of layers.txt"
        elif not house.may(me, it):
            yield (f"{at}: {me} (floor {house.floor[me]}) includes {other} of {it} (floor {house.floor[it]})")


def check_order(tree):
    for path in files(tree.root, "src", "cmd"):
        text = tree.read(path)
        found = [m.group(1) + m.group(2) for m in INCLUDE.finditer(text)]
        if re.match(r'(?:(?!#include ).*\n)*#include "[^"]*"\n\n', text):
            del found[0]
        if found != sorted(found, key=lambda name: (name[0] == "<", name)):
            yield f"{path}: includes in no order: {' '.join(name[1:] for name in found)}"
        for name in found:
            if path.startswith("src/") and name[0] == '"' and "/" not in name and name != '"config.h':
                yield f"{path}: includes {name[1:]} without its package"


def objects(tree, build):
    """(source, object) of the library and the program, as the build compiled them."""
    path = os.path.join(build, "compile_commands.json")
    with open(path, encoding="utf-8") as f:
        for entry in json.load(f):
            if not entry["output"].startswith(("libundergo", "undergo.p")):
                continue  # a test may compile a file of the library for itself
            where = os.path.realpath(entry["directory"])
            source = os.path.relpath(os.path.realpath(os.path.join(where, entry["file"])), os.path.realpath(tree.root))
            package = package_of(source)
            if package:
                yield source, package, os.path.join(where, entry["output"])


def nm(obj, *how):
    out = subprocess.run(["nm", "-P", *how, obj], capture_output=True, text=True, check=True).stdout
    return [(w[0].split("@")[0], w[1]) for w in (line.split() for line in out.splitlines()) if len(w) > 1]


def check_symbols(tree, build):
    house = tree.house
    home, wants = {}, []
    compiled = list(objects(tree, build))
    if not compiled:
        yield f"{build}: no object of the library; is it built?"
    for source, package, obj in compiled:
        if package not in house.floor:
            yield f"{source}: belongs to no package of layers.txt"
            continue
        for name, kind in nm(obj, "-g", "--defined-only"):
            if package != "cmd":
                home[name] = package
        wants.append((source, package, [name for name, kind in nm(obj, "-u")]))
    for source, package, names in wants:
        for name in names:
            if name in home and not house.may(package, home[name]):
                yield (f"{source}: {package} (floor {house.floor[package]}) calls {name} of {home[name]} "
                       f"(floor {house.floor[home[name]]})")


def check_names(tree, build):
    for source, package, obj in objects(tree, build):
        if package == "cmd":
            continue
        for name, kind in nm(obj, "-g", "--defined-only"):
            if not name.startswith("ug_") and not name.startswith(("__asan", "__odr_asan", "__tsan", "__start_", "__stop_")):
                yield f"{source}: shows {name}; make it static, or call it ug__{name}"
    shared = os.path.join(build, "libundergo.so")
    if os.path.exists(shared):
        listed = tree.read("src/undergo.map")
        for name, kind in nm(shared, "-D", "--defined-only"):
            if re.match(r"ug__|(?!ug_)(?!UNDERGO)(?!_)", name) and not re.search(rf"\b{name}\b", listed):
                yield f"libundergo.so: shows {name}, which undergo.map does not list"


def check_platforms(tree):
    for path in files(tree.root, "src", "include", "cmd"):
        stem = os.path.splitext(os.path.basename(path))[0]
        if stem.endswith(SUFFIXES):
            continue
        text = strip(tree.read(path)).replace("\\\n", "  ")
        for number, line in enumerate(text.splitlines(), 1):
            m = re.match(r"\s*#\s*(?:if|ifdef|ifndef|elif)\b(.*)", line)
            hit = m and PLATFORM.search(m.group(1))
            if hit:
                yield f"{path}:{number}: asks for {hit.group(0)}; make a file NAME_{{{','.join(SUFFIXES)}}} of it"


def check_errno(tree):
    for path in files(tree.root, "src", "cmd"):
        if path.startswith("src/base/"):
            continue
        text = strip(tree.read(path))
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(r"\berrno\b(?!\.h)", line):
                yield f"{path}:{number}: touches errno; call the wrappers of src/base"


def check_stdio(tree, build):
    for source, package, obj in objects(tree, build):
        if package == "cmd" or source in tree.house.stdio:
            continue
        for name, kind in nm(obj, "-u"):
            if STDIO.match(name):
                yield f"{source}: calls {name}"


def check_length(tree):
    for path in files(tree.root, "src", "include", "cmd", "examples", "tests", "bench", "scripts",
                      ends=(".c", ".h", ".S", ".py", ".sh", ".go", ".rs", ".js", ".css", ".html")):
        lines = tree.read(path).count("\n")
        if lines > LONGEST:
            yield f"{path}: {lines} lines, {LONGEST} are the limit"


def check_listed(tree):
    listed = set()
    for path in files(tree.root, "tests", ends=("meson.build",)):
        for name in re.findall(r"'([\w./-]+)'", tree.read(path)):
            for folder in (os.path.dirname(path), "tests"):
                listed.add(os.path.join(folder, name.removesuffix(".c")))
    for path in files(tree.root, "tests", ends=(".py",)):
        for name in re.findall(r"\b(\w+)\.c\b", tree.read(path)):
            listed.add(os.path.join(os.path.dirname(path), name))
    for path in files(tree.root, "tests", ends=(".c",)):
        if path.removesuffix(".c") not in listed:
            yield f"{path}: in no meson.build"


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--tree", default=os.environ.get("UG_SOURCE", "."))
    ap.add_argument("--build", default=os.environ.get("UG_BUILD"))
    args = ap.parse_args()
    tree = Tree(args.tree, House(os.path.join(args.tree, "tests", "layers.txt")))

    checks = [("includes", check_includes, False), ("order", check_order, False), ("platforms", check_platforms, False),
              ("errno", check_errno, False), ("length", check_length, False), ("listed", check_listed, False)]
    if args.build:
        checks += [("symbols", check_symbols, True), ("names", check_names, True), ("stdio", check_stdio, True)]
    print(f"1..{len(checks)}")
    bad = 0
    for number, (name, check, built) in enumerate(checks, 1):
        found = list(check(tree, args.build) if built else check(tree))
        print(f"{'not ok' if found else 'ok'} {number} - {name}")
        for line in found:
            print("  " + line)
        bad += bool(found)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
