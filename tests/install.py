#!/usr/bin/env python3
"""After an install, the README's example compiles with pkg-config's flags alone, as C11 and C++17, against both libraries.

The example is the first block of README.md that holds a main; it is compiled and linked, not run.
"""
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

source, build = os.environ["UG_SOURCE"], os.environ["UG_BUILD"]
WAYS = [("cc", "c", "-std=c11"), ("c++", "c++", "-std=c++17"), ("clang", "c", "-std=c11"), ("clang++", "c++", "-std=c++17")]


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def main():
    readme = os.path.join(source, "README.md")
    if not os.path.exists(readme):
        print("there is no README.md")
        sys.exit(77)
    with open(readme, encoding="utf-8") as f:
        blocks = [b for b in re.findall(r"^```c\n(.*?)^```", f.read(), re.M | re.S) if re.search(r"\bmain\(", b)]
    if not blocks:
        sys.exit("README.md holds no block of C with a main")

    with tempfile.TemporaryDirectory() as root:
        done = run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", root])
        if done.returncode != 0:
            sys.exit(done.stdout + done.stderr)
        found = [where for where, _, names in os.walk(root) if "undergo.pc" in names]
        headers = [where for where, _, names in os.walk(root) if "undergo.h" in names]
        if len(found) != 1 or len(headers) != 1:
            sys.exit(f"undergo.pc in {found}, undergo.h in {headers}")
        env = {**os.environ, "PKG_CONFIG_PATH": found[0], "PKG_CONFIG_SYSROOT_DIR": root}
        libs = os.path.dirname(found[0])
        ways = [(w, how) for w in WAYS for how in ("shared", "static")]
        print(f"1..{len(ways)}")
        bad = 0
        for number, ((compiler, language, standard), how) in enumerate(ways, 1):
            if not shutil.which(compiler):
                print(f"ok {number} # SKIP there is no {compiler} here")
                continue
            asked = ["pkg-config", "--cflags", "--libs", "undergo"] + (["--static"] if how == "static" else [])
            flags = shlex.split(run(asked, env=env, check=True).stdout)
            if how == "static":
                flags = [os.path.join(libs, "libundergo.a") if f == "-lundergo" else f for f in flags]
            made = run([compiler, "-x", language, standard, "-Wall", "-Werror", "-", "-x", "none", "-o", root + "/example",
                        *flags], input=blocks[0])
            ok = made.returncode == 0
            if ok:
                needed = run(["readelf", "-d", root + "/example"]).stdout
                ok = ("libundergo.so.0" in needed) == (how == "shared")
            print(f"{'ok' if ok else 'not ok'} {number} - {compiler} {standard} {how}")
            if not ok:
                bad += 1
                print("\n".join((made.stdout + made.stderr).splitlines()[:20]))
        sys.exit(1 if bad else 0)


main()
