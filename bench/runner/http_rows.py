# SPDX-License-Identifier: MIT
"""HTTP rows: a server, wrk against it, and the server's CPU time a request from /proc."""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

CONNECTIONS = 64


class Failed(Exception):
    pass


def run(system, row, procs, cores, env, quick):
    """At 1 processor server and client have a core each; at more both may use all."""
    if not shutil.which("wrk"):
        raise Failed("wrk is not installed; bench/setup installs it")
    one = procs == 1 and len(cores) > 1
    server_cores, client_cores = (cores[:1], cores[1:2]) if one else (cores, cores)
    with tempfile.TemporaryDirectory(prefix="undergo-bench-") as top:
        folder = os.path.join(top, "files")
        os.mkdir(folder)
        for name, size in ("4k.bin", 4 << 10), ("1m.bin", 1 << 20):
            with open(os.path.join(folder, name), "wb") as f:
                f.write(os.urandom(size))
        port = free_port()
        server = subprocess.Popen(pin(server_cores) + system.servers[row.name](port, folder, procs), env=env,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            await_port(server, port)
            wrk = pin(client_cores) + ["wrk", f"-t{procs}", f"-c{CONNECTIONS}", "--latency",
                                       f"http://127.0.0.1:{port}{row.path}"]
            drive(wrk, 1)  # warms both up
            before = cpu_seconds(server.pid)
            requests, p99 = drive(wrk, 1 if quick else 5)
            cpu = cpu_seconds(server.pid) - before
        finally:
            stop(server)
    lines = [(system.name, row.name, procs, f"{cpu / requests * 1e6:.4f}", "us-cpu/request")]
    if row.name == "http-hello":
        lines.append((system.name, row.name + "-p99", procs, f"{p99:.1f}", "us"))
    return lines


def pin(cores):
    return ["taskset", "-c", ",".join(map(str, cores))]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def await_port(server, port):
    for _ in range(500):
        if server.poll() is not None:
            raise Failed(f"the server ended with status {server.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise Failed("the server does not listen")


def drive(wrk, seconds):
    """Requests that were answered, and the 99th percentile of latency in microseconds."""
    try:
        done = subprocess.run(wrk[:-1] + [f"-d{seconds}s", wrk[-1]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, text=True, timeout=seconds + 30)
    except subprocess.TimeoutExpired:
        raise Failed("wrk did not end") from None
    out = done.stdout
    requests = re.search(r"(\d+) requests in", out)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", out)
    if done.returncode != 0 or not requests or not p99 or not int(requests[1]):
        raise Failed(f"wrk says: {out.strip()}")
    for bad in ("Non-2xx", "Socket errors"):
        if bad in out:
            raise Failed("wrk says: " + next(line.strip() for line in out.splitlines() if bad in line))
    return int(requests[1]), float(p99[1]) * {"us": 1, "ms": 1e3, "s": 1e6}[p99[2]]


def cpu_seconds(pid):
    """User and system time of the process and of those under it, ended ones left out."""
    parents, times = {}, {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as f:
                    fields = f.read().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry)] = int(fields[1])
            times[int(entry)] = int(fields[11]) + int(fields[12])
    family = {pid}
    while True:
        more = {child for child, parent in parents.items() if parent in family} - family
        if not more:
            break
        family |= more
    return sum(times.get(p, 0) for p in family) / os.sysconf("SC_CLK_TCK")


def stop(server):
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
