# SPDX-License-Identifier: MIT
"""HTTP rows: a server, wrk against it, and the server's CPU time a request.

One second, which is the least that wrk knows: five rounds of four systems at two numbers of processors pass in a minute. The
connections that begin in it are 64 of a hundred thousand requests.
"""
import os
import re
import shutil
import subprocess

from server import ADDRESS, Failed, Server, cores_of, pin

CONNECTIONS = 64


def run(system, row, procs, cores, env, seconds):
    if not shutil.which("wrk"):
        raise Failed("wrk is not installed; bench/setup installs it")
    server_cores, client_cores = cores_of(procs, cores)
    with Server(system.servers[row.name](procs), server_cores, env) as server:
        for name, size in ("4k.bin", 4 << 10), ("1m.bin", 1 << 20):
            with open(os.path.join(server.folder, name), "wb") as f:
                f.write(os.urandom(size))
        wrk = pin(client_cores) + ["wrk", f"-t{procs}", f"-c{CONNECTIONS}", "--latency",
                                   f"http://{ADDRESS}:{server.port}{row.path}"]
        before = server.cpu_seconds()
        requests, latency = drive(wrk, max(1, round(seconds or 1)))
        cpu = server.cpu_seconds() - before
    lines = [(system.name, row.name, procs, f"{cpu / requests * 1e6:.4f}", "us-cpu/request")]
    if row.name == "http-hello":
        lines += [(system.name, f"{row.name}-{share}", procs, f"{latency[share]:.1f}", "us") for share in latency]
    return lines


def drive(wrk, seconds):
    """Requests that were answered, and {"p50": …, "p99": …} of latency in microseconds."""
    try:
        done = subprocess.run(wrk[:-1] + [f"-d{seconds}s", wrk[-1]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, text=True, timeout=seconds + 30)
    except subprocess.TimeoutExpired:
        raise Failed("wrk did not end") from None
    out = done.stdout
    requests = re.search(r"(\d+) requests in", out)
    latency = {f"p{share}": float(value) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]
               for share, value, unit in re.findall(r"\b(50|99)%\s+([\d.]+)(us|ms|s)\b", out)}
    if done.returncode != 0 or not requests or len(latency) != 2 or not int(requests[1]):
        raise Failed(f"wrk says: {out.strip()}")
    for bad in ("Non-2xx", "Socket errors"):
        if bad in out:
            raise Failed("wrk says: " + next(line.strip() for line in out.splitlines() if bad in line))
    return int(requests[1]), latency
