# SPDX-License-Identifier: MIT
"""A server under load: started on a free port, pinned, awaited, its time and memory read from /proc, ended."""
import os
import signal
import socket
import subprocess
import tempfile
import time

ADDRESS = "127.0.0.1"


class Failed(Exception):
    pass


def cores_of(procs, cores):
    """Cores of the server and of its client: at 1 processor one each; at more both may use all."""
    return (cores[:1], cores[1:2]) if procs == 1 and len(cores) > 1 else (cores, cores)


def pin(cores):
    return ["taskset", "-c", ",".join(map(str, cores))]


def cpu_clock(pid):
    """man 3 clock_getcpuclockid, which Python has not: ~pid in all bits but three, and the kind of clock."""
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0


class Server:
    """Runs as long as the block:  with Server(command, cores, env) as server.  `command` is a function of (port, folder)."""

    def __init__(self, command, cores, env):
        self.command, self.cores, self.env = command, cores, env
        self.top = tempfile.TemporaryDirectory(prefix="undergo-bench-")
        self.folder = os.path.join(self.top.name, "files")  # what it serves, where it serves files
        os.mkdir(self.folder)
        with socket.socket() as s:
            s.bind((ADDRESS, 0))
            self.port = s.getsockname()[1]

    def __enter__(self):
        self.process = subprocess.Popen(pin(self.cores) + self.command(self.port, self.folder), env=self.env,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.pid = self.process.pid
        try:
            self.await_port()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.top.cleanup()

    def await_port(self):
        for _ in range(500):
            if self.process.poll() is not None:
                raise Failed(f"the server ended with status {self.process.returncode}")
            try:
                socket.create_connection((ADDRESS, self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.01)
        raise Failed("the server does not listen")

    def cpu_seconds(self):
        """CPU time of the process and of those under it, ended ones left out; to the nanosecond, unlike /proc/PID/stat."""
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/stat") as f:
                        parents[int(entry)] = int(f.read().rpartition(")")[2].split()[1])
                except OSError:
                    continue
        family = {self.pid}
        while True:
            more = {child for child, parent in parents.items() if parent in family} - family
            if not more:
                return sum(cpu_clock(pid) for pid in family)
            family |= more

    def memory(self):
        """Bytes that the process itself has in memory: neither files that are mapped nor page tables."""
        with open(f"/proc/{self.pid}/status") as f:
            kb = {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in f)
                  if name in ("RssAnon", "RssShmem")}
        return sum(kb.values()) * 1024
