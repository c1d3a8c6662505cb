# SPDX-License-Identifier: MIT
"""undergo and its peers: how each is built, and the commands that run its rows. What cannot be had is left out, said so."""
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

import nginx
import rows

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOP = os.path.dirname(BENCH)


CROWDS = [row.name for row in rows.ROWS.values() if row.kind in ("echo", "accept")]
ECHO = [row.name for row in rows.ROWS.values() if row.kind in ("latency", "paced", "echo", "accept")]
ASKED = ["http-hello", "idle-conn-memory"]  # rows that ask for /hello
FILES = ["http-4k", "http-1m"]


PATIENCE = 300  # seconds for one step of a build, which may fetch what it needs


class LeftOut(Exception):
    pass


@dataclass
class System:
    name: str
    version: str
    programs: dict = field(default_factory=dict)  # row: command
    servers: dict = field(default_factory=dict)  # row: function of procs that answers one of (port, folder): a command
    least: int = 1  # processors that it is for


told = []  # what was left out or failed


def say(*words):
    line = " ".join(words)
    if line.startswith(("left out", "failed")):
        told.append(line)
    print("bench:", line, file=sys.stderr, flush=True)


def call(command, **options):
    """Runs a step of a build; its output matters only where it fails."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                              timeout=PATIENCE, **options)
    except (OSError, subprocess.TimeoutExpired) as reason:
        raise LeftOut(str(reason)) from None
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        raise LeftOut(f"{' '.join(command[:2])} failed")
    return done.stdout


def compile_c(program, *sources, compiler=("cc", "-O2", "-D_GNU_SOURCE"), libraries=()):
    """Makes a program of sources that lie in one folder, unless it is newer than all there and than this file."""
    folder = os.path.dirname(sources[0])
    used = [os.path.join(folder, name) for name in os.listdir(folder)] + [__file__]
    if not os.path.exists(program) or os.path.getmtime(program) < max(map(os.path.getmtime, used)):
        call([*compiler, *sources, "-o", program, *libraries, "-pthread"])


def tool(name, package):
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if not path:
        raise LeftOut(f"{package} is not installed; bench/setup installs it")
    return path


def made_in(build):
    """The folder for programs of the benchmark that are no part of undergo's build."""
    folder = os.path.join(TOP, build, "bench-peers")
    os.makedirs(folder, exist_ok=True)
    return folder


def listed(command):
    """The rows that a peer's program says it has."""
    return {row: [command, row] for row in call([command, "rows"]).split()}


def serves(system, names, command):
    """The system has a server for these rows that is told by the environment how many processors it has."""
    for row in names:
        system.servers[row] = lambda procs: command


def undergo(build):
    build = os.path.join(TOP, build)
    meson = tool("meson", "meson")
    if not os.path.exists(os.path.join(build, "build.ninja")):
        call([meson, "setup", build, TOP])
    options = {o["name"]: o["value"] for o in json.loads(call([meson, "introspect", "--buildoptions", build]))}
    if options["optimization"] in ("0", "g") or options["b_sanitize"] != "none":
        raise LeftOut(f"{build} is a debugging build")
    ninja = [tool("ninja", "ninja-build"), "-C", build]
    known = set(re.findall(r"^([^:\n]+):", call([*ninja, "-t", "targets", "all"]), re.M))
    own = ["bench/" + name for name in (*rows.ROWS, "echo", "tasks")]
    targets = [target for target in ["undergo", *own] if target in known]
    subprocess.run([*ninja, "-k0", *targets], stdout=subprocess.DEVNULL)  # what fails is told next, one by one
    made = {}
    for target in targets:
        try:
            call([*ninja, target])
            made[os.path.basename(target)] = os.path.join(build, target)
        except LeftOut:
            say(f"left out: {target} cannot be built")

    system = System("undergo", call(["git", "-C", TOP, "describe", "--always", "--dirty"]).strip())
    for row in rows.ROWS.values():
        if not row.served and row.name in made:
            system.programs[row.name] = [made[row.name]]
    if "tasks" in made:
        system.programs["tasks"] = [made["tasks"]]  # for bench/curves
    if "echo" in made:
        serves(system, ECHO, lambda port, folder: [made["echo"], f"127.0.0.1:{port}"])
    if "http-hello" in made:
        serves(system, ASKED, lambda port, folder: [made["http-hello"], f"127.0.0.1:{port}"])
    if "undergo" in made:
        serves(system, FILES, lambda port, folder: [
            made["undergo"], "serve", folder, "--listen", f"127.0.0.1:{port}", "--log", "none"])
    return system


def go(build):
    compiler = tool("go", "Go")
    version = call([compiler, "env", "GOVERSION"]).strip()
    # The language version decides on the runtime's defaults: a new Go shall run with its own.
    modfile, program = os.path.join(made_in(build), "go.mod"), os.path.join(made_in(build), "gobench")
    with open(modfile, "w") as f:
        f.write("module gobench\n\ngo " + re.match(r"go(\d+\.\d+)", version)[1] + "\n")
    call([compiler, "build", "-buildvcs=false", "-modfile=" + modfile, "-o", program, "."],
         cwd=os.path.join(BENCH, "peers", "go"), env=dict(os.environ, GOTOOLCHAIN="local"))
    system = System("go", version, listed(program))
    serves(system, ASKED + FILES, lambda port, folder: [program, "serve", f"127.0.0.1:{port}", folder])
    serves(system, ECHO, lambda port, folder: [program, "echo", f"127.0.0.1:{port}"])
    return system


def nginx_plain(build):
    return nginx_system("nginx", ("http-hello", "http-4k", "http-1m"), cached=False)


def nginx_cached(build):
    """nginx that also keeps descriptors and attributes of files for a while, and may then serve what is stale."""
    return nginx_system("nginx-cached", ("http-4k", "http-1m"), cached=True)


def nginx_system(name, served, cached):
    program = tool("nginx", "nginx-light")
    version = call([program, "-v"]).strip().rpartition("/")[2]
    system = System(name, version)
    for row in served:
        system.servers[row] = lambda procs: lambda port, folder: nginx.command(program, port, folder, procs, cached)
    return system


def epoll(build):
    program = os.path.join(made_in(build), "epollbench")
    compile_c(program, os.path.join(BENCH, "peers", "epoll", "epoll.c"))
    system = System("epoll", "by hand")
    serves(system, ["http-hello"], lambda port, folder: [program, "http", "127.0.0.1", str(port)])
    for name in FILES:
        serves(system, [name], lambda port, folder, file=rows.ROWS[name].path:
               [program, "file", "127.0.0.1", str(port), folder + file])
    serves(system, ECHO, lambda port, folder: [program, "echo", "127.0.0.1", str(port)])
    return system


def epoll_shared(build):
    """What the loop costs where all threads share their poller, so that none is idle beside a connection that is ready."""
    program = os.path.join(made_in(build), "epollshared")
    compile_c(program, os.path.join(BENCH, "peers", "epoll", "shared.c"))
    system = System("epoll-shared", "by hand", least=2)
    serves(system, CROWDS, lambda port, folder: [program, "127.0.0.1", str(port)])
    return system


def libuv(build):
    if not os.path.exists("/usr/include/uv.h"):
        raise LeftOut("libuv1-dev is not installed; bench/setup installs it")
    program = os.path.join(made_in(build), "uvbench")
    compile_c(program, os.path.join(BENCH, "peers", "libuv", "echo.c"), libraries=["-luv"])
    with open("/usr/include/uv/version.h") as f:
        version = dict(re.findall(r"define UV_VERSION_(MAJOR|MINOR|PATCH) (\d+)", f.read()))
    system = System("libuv", ".".join(version[part] for part in ("MAJOR", "MINOR", "PATCH")))
    serves(system, ECHO, lambda port, folder: [program, "127.0.0.1", str(port)])
    return system


def tokio(build):
    """And Rayon, for the loop."""
    cargo, target = tool("cargo", "Rust"), os.path.join(made_in(build), "cargo")
    folder = os.path.join(BENCH, "peers", "tokio")
    call([cargo, "build", "--release", "--locked", "--target-dir", target], cwd=folder)
    with open(os.path.join(folder, "Cargo.lock")) as f:
        version = re.search(r'name = "tokio"\nversion = "(.*)"', f.read())[1]
    program = os.path.join(target, "release", "tokiobench")
    system = System("tokio", version, listed(program))
    serves(system, ECHO, lambda port, folder: [program, "echo", f"127.0.0.1:{port}"])
    return system


def boost_fiber(build):
    header = "/usr/include/boost/version.hpp"
    if not os.path.exists(header):
        raise LeftOut("libboost-fiber-dev is not installed; bench/setup installs it")
    program, folder = os.path.join(made_in(build), "fiberbench"), os.path.join(BENCH, "peers", "boost_fiber")
    compile_c(program, *(os.path.join(folder, name) for name in ("boost_fiber.cpp", "many.cpp")),
              compiler=("c++", "-O2", "-DNDEBUG", "-std=c++17"), libraries=["-lboost_fiber", "-lboost_context"])
    with open(header) as f:
        version = re.search(r'BOOST_LIB_VERSION "(.*)"', f.read())[1].replace("_", ".")
    return System("boost-fiber", version, listed(program))


def openmp(build):
    program = os.path.join(made_in(build), "openmpbench")
    compile_c(program, os.path.join(BENCH, "peers", "openmp", "parfor.c"), compiler=("cc", "-O2", "-fopenmp"))
    return System("openmp", "of cc", listed(program))


def bare(build):
    """What the same work costs without undergo: a program of bench/limits a row, for the rows that have one."""
    system, folder = System("bare", "of cc"), os.path.join(made_in(build), "limits")
    os.makedirs(folder, exist_ok=True)
    for row in rows.ROWS:
        source = os.path.join(BENCH, "limits", row.replace("-", "_").lower() + ".c")
        if not os.path.exists(source):
            continue
        program = os.path.join(folder, row)
        try:
            compile_c(program, source)
            system.programs[row] = [program]
        except LeftOut:
            say(f"left out: {os.path.basename(source)} of bench/limits cannot be built")
    return system


PEERS = {"undergo": undergo, "go": go, "nginx": nginx_plain, "nginx-cached": nginx_cached, "epoll": epoll,
         "epoll-shared": epoll_shared, "libuv": libuv, "tokio": tokio, "boost-fiber": boost_fiber, "openmp": openmp, "bare": bare}


def build(folder, only, wanted):
    """The systems that can be had, undergo first; `only` are names. Says which of the wanted rows each lacks."""
    made = []
    for name, make in PEERS.items():
        if name not in only:
            continue
        say("building", name)
        try:
            made.append(make(folder))
        except LeftOut as reason:
            say(f"left out: {name}: {reason}")
    for system in made:
        for table, served in (system.programs, False), (system.servers, True):
            lacks = [row.name for row in wanted if row.served == served and row.name not in table]
            if table and lacks and system.name not in rows.BARE[:-1]:  # the limit of a row that needs none
                say(f"left out: {system.name} has no program for {', '.join(lacks)}")
    return made
