"""What the tests of `undergo serve` share: the program under test, raw connections to it, and tables of cases.

A server that a test started has to end well: every cleanup sends SIGTERM, waits, and fails the test where the status is
not 0 or anything stands on standard error that the test did not ask for.
"""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

UNDERGO = os.environ.get("UNDERGO", "build/undergo")
PATIENCE = 60  # seconds, for what has to happen, on a machine that does other things too
POLLERS = ("epoll", "uring")
SKIPPED = 77


def sanitized():
    """Whether the program has a sanitizer in it, which takes memory and time of its own."""
    with open(UNDERGO, "rb") as f:
        return re.search(rb"__[at]san_init", f.read()) is not None


def wait_until(true, what, patience=PATIENCE):
    """For what no event tells of. Answers the first true value."""
    end = time.monotonic() + patience
    while True:
        value = true()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {patience} s")
        time.sleep(0.01)


class Lines:
    """The lines of a stream, as they come."""

    def __init__(self, stream):
        self.all, self.ended, self.changed = [], False, threading.Condition()
        self.thread = threading.Thread(target=self.read, args=(stream,), daemon=True)
        self.thread.start()

    def read(self, stream):
        for line in stream:
            with self.changed:
                self.all.append(line.decode().rstrip("\n"))
                self.changed.notify_all()
        stream.close()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait(self, pattern, patience=PATIENCE):
        """The first line that the pattern is found in, as a match; None where the stream ends without one."""
        def find():
            return next((m for m in map(re.compile(pattern).search, self.all) if m), None)
        with self.changed:
            if not self.changed.wait_for(lambda: find() or self.ended, patience):
                raise AssertionError(f"no line with {pattern!r} within {patience} s: {self.all[-20:]}")
            return find()

    def join(self):
        self.thread.join(PATIENCE)
        return self.all


class Server:
    """A running `undergo serve`."""

    def __init__(self, folder, *options, poller=None, listen="127.0.0.1:0", descriptors=None, env=None):
        limit = ["prlimit", f"--nofile={descriptors}:{descriptors}"] if descriptors else []
        env = dict(os.environ, **(env or {}))
        if poller:
            env["UG_POLLER"] = poller
        self.process = subprocess.Popen([*limit, UNDERGO, "serve", folder, "--listen", listen, *options], env=env,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.out, self.err = Lines(self.process.stdout), Lines(self.process.stderr)
        self.pid = self.process.pid
        try:
            m = self.out.wait(r"http://([^/\s\"]+):(\d+)/")
        except AssertionError:
            self.kill()
            raise
        if not m:
            self.process.wait(PATIENCE)
            raise AssertionError(f"it did not start: status {self.process.returncode}, {self.err.join()}")
        self.url, self.address = m.group(0).rstrip("/"), (m.group(1).strip("[]"), int(m.group(2)))

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)

    def signal(self, signo):
        self.process.send_signal(signo)

    def wait(self, patience=PATIENCE):
        """The status; all it has said is there afterwards."""
        try:
            status = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)  # what its tasks do says why
            time.sleep(1)
            self.kill()
            raise AssertionError("it did not end:\n" + "\n".join(self.err.join())) from None
        self.out.join()
        self.err.join()
        return status

    def connect(self, receive_buffer=None):
        s = socket.socket()
        if receive_buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        s.settimeout(PATIENCE)
        try:
            s.connect(self.address)
        except OSError:
            s.close()
            raise
        return s

    def http(self):
        return http.client.HTTPConnection(*self.address, timeout=PATIENCE)

    def get(self, path, method="GET", headers=None, body=None):
        """On a connection of its own: status, fields, body."""
        c = self.http()
        try:
            c.request(method, path, headers=headers or {}, body=body)
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def talk(self, data, pieces=False):
        """Sends the bytes, and answers all that comes until the server closes."""
        with self.connect() as s:
            try:
                if pieces:
                    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    for i in range(len(data)):
                        s.sendall(data[i:i + 1])
                else:
                    s.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it may refuse before it has heard all
            return read_all(s)

    def memory(self, name):
        """VmRSS or VmHWM, in bytes."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            return int(re.search(rf"^{name}:\s+(\d+) kB", f.read(), re.M).group(1)) << 10

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def entries(self):
        """The lines of an access log in JSON, so far."""
        return [json.loads(line) for line in list(self.out.all) if '"event"' not in line]


def read_all(s):
    data = b""
    while True:
        piece = s.recv(1 << 16)
        if not piece:
            return data
        data += piece


def read_exactly(s, n):
    """n bytes, fewer where the server closes before. (MSG_WAITALL does not wait on a socket with a time-out.)"""
    data = bytearray()
    while len(data) < n:
        piece = s.recv(n - len(data))
        if not piece:
            break
        data += piece
    return data


class Response:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def __repr__(self):
        return f"{self.status} {self.fields} {self.body[:100]}"


def responses(data, methods=()):
    """All responses in the bytes; `methods` says which of them answer a HEAD. Strict: rubbish is an AssertionError."""
    found = []
    while data:
        head, separator, data = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        m = re.fullmatch(rb"HTTP/1\.1 (\d{3}) [ -~]+", lines[0])
        if not separator or not m:
            raise AssertionError(f"no response: {head[:200]!r}")
        status, fields = int(m.group(1)), {}
        for line in lines[1:]:
            m = re.fullmatch(rb"([A-Za-z-]+): ([ -~]*)", line)
            if not m or m.group(1).lower() in fields:
                raise AssertionError(f"bad field {line!r}")
            fields[m.group(1).lower().decode()] = m.group(2).decode()
        body = b""
        bodyless = status < 200 or status in (204, 304) or (methods[len(found):] or ["GET"])[0] == "HEAD"
        if fields.get("transfer-encoding") == "chunked" and not bodyless:
            body, data = dechunk(data)
        elif not bodyless:
            n = int(fields["content-length"])
            body, data = data[:n], data[n:]
            if len(body) != n:
                raise AssertionError(f"{len(body)} bytes of {n}")
        found.append(Response(status, fields, body))
    return found


def dechunk(data):
    body = b""
    while True:
        line, separator, data = data.partition(b"\r\n")
        n = int(line, 16)
        if not separator or data[n:n + 2] != b"\r\n":
            raise AssertionError("bad chunk")
        body, data = body + data[:n], data[n + 2:]
        if n == 0:
            return body, data


class Served:
    """For a unittest.TestCase."""
    poller = None

    @classmethod
    def start(cls, folder, *options, **more):
        """A server for all tests of the class, from setUpClass."""
        server = Server(folder, *options, poller=cls.poller, **more)
        cls.addClassCleanup(end_well, server)
        return server

    def serve(self, folder, *options, **more):
        """A server for this test. One that has ended by then has been looked at by the test."""
        server = Server(folder, *options, poller=self.poller, **more)
        self.addCleanup(end_well, server)
        return server

    def connect(self, server, **more):
        s = server.connect(**more)
        self.addCleanup(s.close)
        return s


def end_well(server):
    if server.process.returncode is not None:
        return
    server.signal(signal.SIGTERM)
    status = server.wait()
    if status != 0 or server.err.all:
        raise AssertionError(f"status {status} at the end:\n" + "\n".join(server.err.all))


def on_each_poller(case):
    """The test case becomes one for each poller, in its module."""
    module = sys.modules[case.__module__]
    for poller in POLLERS:
        name = f"{case.__name__}_{poller}"
        setattr(module, name, type(name, (case, unittest.TestCase), {"poller": poller, "__module__": case.__module__}))
    return case


def each(table):
    """Makes a method check(self, value...) one test for each line of the table, {name: value or tuple}."""
    def mark(check):
        check.table = table
        return check
    return mark


def with_tables(case):
    """Makes the tests of all methods that are marked with each()."""
    for check in [v for v in vars(case).values() if hasattr(v, "table")]:
        for name, values in check.table.items():
            def test(self, check=check, values=values):
                check(self, *(values if isinstance(values, tuple) else (values,)))
            method = "test_" + re.sub(r"\W+", "_", f"{check.__name__} {name}")
            assert not hasattr(case, method), method
            setattr(case, method, test)
    return case
