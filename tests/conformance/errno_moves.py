#!/usr/bin/env python3
"""errno after a wait on another thread: errno.c compiled by each compiler at -O2, with and without link-time optimisation.

With the archive of this build, and with the library's own sources compiled along with the program, so that link-time
optimisation sees through every call. With UG_KEEP_ERRNO, the system's own accessor, some way has to go wrong.
"""
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

source = os.environ["UG_SOURCE"]
build = os.environ["UG_BUILD"]
program = os.path.join(source, "tests/conformance/errno.c")
PACKAGES = ("src/base/", "src/stack/", "src/poll/", "src/sched/", "src/sync/")


def library():
    """Sources of the packages that errno.c needs, and the options that name folders and features."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        entries = [e for e in json.load(f) if "libundergo" in e["output"]]
    files, options = [], []
    for e in entries:
        path = os.path.normpath(os.path.join(e["directory"], e["file"]))
        if os.path.relpath(path, source).startswith(PACKAGES) and path not in files:
            files.append(path)
            if not options and path.endswith(".c"):
                options = [w for w in shlex.split(e["command"]) if w.startswith(("-I", "-D", "-std="))]
    return files, [o if not o.startswith("-I") else "-I" + os.path.join(build, o[2:]) for o in options]


def ways_to_build(compiler):
    """(name, command, whether it is the control that has to go wrong)"""
    files, options = library()
    public = ["-std=gnu11", "-D_GNU_SOURCE", "-I", os.path.join(source, "include")]
    tail = ["-pthread"]
    if shutil.which("pkg-config"):
        tail += subprocess.run(["pkg-config", "--libs", "liburing"], capture_output=True, text=True).stdout.split()
    archive = os.path.join(build, "libundergo.a")
    lto = ["-flto"] + (["-fuse-ld=lld"] if compiler == "clang" and shutil.which("ld.lld") else [])
    return [
        ("-O2", [*public, program, archive, *tail], False),
        ("-O2 -flto", [*lto, *public, program, archive, *tail], False),
        ("-O2 -flto, library and all", [*lto, *options, *public, program, *files, *tail], False),
        ("-O2 -DUG_KEEP_ERRNO", ["-DUG_KEEP_ERRNO", *public, program, archive, *tail], True),
    ]


def attempt(compiler, arguments, exe):
    """Status and output of the program; None where it cannot be made."""
    made = subprocess.run([compiler, "-O2", *arguments, "-o", exe], capture_output=True, text=True)
    if made.returncode:
        return None, made.stderr
    run = subprocess.run([exe], capture_output=True, text=True, timeout=60)
    return run.returncode, (run.stdout + run.stderr).strip()


def main():
    compilers = [c for c in ("gcc", "clang") if shutil.which(c)]
    if not compilers:
        print("no compiler to test with")
        sys.exit(77)
    results, control = [], []
    with tempfile.TemporaryDirectory() as folder:
        for compiler in compilers:
            for name, arguments, is_control in ways_to_build(compiler):
                status, text = attempt(compiler, arguments, os.path.join(folder, "errno"))
                if is_control:
                    control.append(status == 1)
                else:
                    results.append((status == 0, f"{compiler} {name}: {text[-2000:]}"))
    results.append((any(control), "the system's accessor goes wrong, so that this test can see it"))
    print(f"1..{len(results)}")
    for number, (good, text) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {text}")
    sys.exit(0 if all(good for good, _ in results) else 1)


if __name__ == "__main__":
    main()
