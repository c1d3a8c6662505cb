#!/usr/bin/env python3
"""Who is too slow is cut at its limit, who is too many waits, and all others are served meanwhile."""
import os
import signal
import socket
import tempfile
import threading
import time
import unittest

from served import PATIENCE, Served, on_each_poller, read_all, read_exactly, responses, wait_until

SMALL = b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n"
LATE = 30  # seconds beyond a limit that a loaded machine may need
BRISK = 5  # seconds in which others are answered meanwhile, generously: it takes a millisecond


def setUpModule():
    global folder
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    with open(os.path.join(folder.name, "small"), "wb") as f:
        f.write(b"small\n")
    with open(os.path.join(folder.name, "big"), "wb") as f:
        f.truncate(256 << 20)


class Others:
    """Clients who go on while somebody is slow: one that keeps its connection, one that makes a new one each time."""

    def __init__(self, server):
        self.server, self.stopping, self.times, self.fault = server, threading.Event(), [], None
        self.threads = [threading.Thread(target=self.run, args=(kept,)) for kept in (True, False)]

    def run(self, kept):
        try:
            c = self.server.http()
            while not self.stopping.is_set():
                start = time.monotonic()
                c.request("GET", "/small")
                r = c.getresponse()
                if (r.status, r.read()) != (200, b"small\n"):
                    raise AssertionError(r.status)
                self.times.append(time.monotonic() - start)
                if not kept:
                    c.close()
                self.stopping.wait(0.01)
            c.close()
        except Exception as e:
            self.fault = e

    def __enter__(self):
        for t in self.threads:
            t.start()
        wait_until(lambda: len(self.times) >= 2 or self.fault, "others are not answered at all")
        return self

    def __exit__(self, *exception):
        self.stopping.set()
        for t in self.threads:
            t.join()
        if exception[0]:
            return
        if self.fault:
            raise self.fault
        if len(self.times) < 4 or max(self.times) > BRISK:
            raise AssertionError(f"others were answered {len(self.times)} times, in up to {max(self.times)} s")


def drip(s, data, pause, count=10_000, start=None):
    """Sends byte by byte until the other end answers or closes. Answers what came back, and how long it took."""
    start = start or time.monotonic()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.settimeout(pause)
    got = b""
    for i in range(count):
        try:
            s.sendall(data[i % len(data):][:1])
        except (BrokenPipeError, ConnectionResetError):
            break
        try:
            got = s.recv(1 << 16)
            break
        except TimeoutError:
            pass
    took = time.monotonic() - start
    s.settimeout(PATIENCE)
    return (got + read_all(s) if got else b""), took


class Limits(Served):
    def cut(self, took, limit):
        self.assertGreater(took, limit * 0.9)
        self.assertLess(took, limit + LATE)


@on_each_poller
class Slow(Limits):
    def test_a_slow_head_is_cut(self):
        server = self.serve(folder.name, "--limit", "head-time=1s", "--log", "json")
        with Others(server):
            start = time.monotonic()
            got, took = drip(self.connect(server), b"GET /small HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 100, 0.1,
                             start=start)
        self.cut(took, 1)
        self.assertEqual([(r.status, r.fields["connection"]) for r in responses(got)], [(408, "close")])

    def test_the_time_of_a_server_that_stood_still_is_not_the_clients(self):
        server = self.serve(folder.name, "--limit", "head-time=1s", "--log", "none")
        for _ in range(5):
            s = self.connect(server)
            s.sendall(SMALL[:20])
            start = time.monotonic()
            server.signal(signal.SIGSTOP)
            time.sleep(1.8)  # nothing happens in a process that is stopped
            resumed = time.monotonic()
            server.signal(signal.SIGCONT)
            time.sleep(0.2)  # the limits are looked at meanwhile
            try:
                s.sendall(SMALL[20:])
                s.shutdown(socket.SHUT_WR)
                late = (resumed - start - 1.8) + (time.monotonic() - resumed) > 0.5
                got = read_all(s)
            except ConnectionResetError:
                got, late = b"", False
            if not late:
                self.assertEqual([(r.status, r.body) for r in responses(got)], [(200, b"small\n")])
                return
        self.skipTest("this machine is too slow")

    def test_a_silent_client_is_cut(self):
        server = self.serve(folder.name, "--limit", "head-time=1s", "--log", "none")
        start = time.monotonic()
        s = self.connect(server)
        with Others(server):
            got = read_all(s)
        self.cut(time.monotonic() - start, 1)
        self.assertIn([r.status for r in responses(got)], ([], [408]))

    def test_a_slow_body_is_cut(self):
        server = self.serve(folder.name, "--limit", "rate-time=1s", "--limit", "head-time=1s", "--log", "none")
        for head, data in ((b"Content-Length: 100000", b"x"), (b"Transfer-Encoding: chunked", b"1\r\nx\r\n")):
            with self.subTest(head=head):
                s = self.connect(server)
                with Others(server):
                    s.sendall(b"POST /small HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n" % head)
                    start = time.monotonic()
                    got, _ = drip(s, data, 0.1)
                    took = time.monotonic() - start
                self.cut(took, 1)
                r, = responses(got)  # nobody wanted the body: what the answer would have been is as good
                self.assertIn(r.status, (405, 408))
                self.assertEqual(r.fields.get("connection"), "close")

    def ends_early(self, server, s, read):
        """Reads as `read` does until the server has given up on /big. Answers how long that took."""
        start = time.monotonic()
        with Others(server):
            s.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
            def logged():
                read()
                return next((e for e in server.entries() if e["target"] == "/big"), None)
            entry = wait_until(logged, "a slow reader is not cut")
        took = time.monotonic() - start
        try:
            while piece := s.recv(1 << 20):
                self.read += len(piece)
        except ConnectionResetError:
            pass
        self.assertLess(self.read, 256 << 20)
        self.assertLess(entry["bytes"], 256 << 20)
        return took

    def test_a_reader_that_stops_is_cut(self):
        server = self.serve(folder.name, "--limit", "rate-time=1s", "--log", "json")
        self.read = 0
        took = self.ends_early(server, self.connect(server, receive_buffer=1 << 14), lambda: None)
        self.cut(took, 1)

    def test_a_slow_reader_is_cut(self):
        server = self.serve(folder.name, "--limit", "rate-time=1s", "--limit", "write-rate=1M", "--log", "json")
        s = self.connect(server, receive_buffer=1 << 14)
        self.read = 0

        def read():
            self.read += len(s.recv(1000))
            time.sleep(0.05)
        took = self.ends_early(server, s, read)
        self.cut(took, 1)

    def test_an_idle_connection_is_closed_at_its_limit(self):
        server = self.serve(folder.name, "--limit", "idle-time=1s", "--limit", "head-time=60s", "--log", "none")
        s = self.connect(server)
        for _ in range(2):
            start = time.monotonic()
            s.sendall(SMALL)
            got = b""
            while not got.endswith(b"small\n"):
                got += s.recv(1000)
        with Others(server):
            self.assertEqual(s.recv(1), b"", "it closes, and says nothing")
        self.cut(time.monotonic() - start, 1)

    # ---- many ----

    def test_too_many_connections_wait_and_the_others_go_on(self):
        server = self.serve(folder.name, "--limit", "connections=4", "--log", "none")
        first = [server.http() for _ in range(4)]
        for c in first:
            self.addCleanup(c.close)
            c.request("GET", "/small")
            c.getresponse().read()
        late = self.connect(server)
        late.sendall(SMALL)
        late.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            late.recv(1)
        for c in first:
            c.request("GET", "/small")
            self.assertEqual(c.getresponse().read(), b"small\n")
        first[2].close()
        late.settimeout(PATIENCE)
        self.assertEqual(read_exactly(late, 12), b"HTTP/1.1 200")

    def test_out_of_descriptors_it_lives_and_leaks_none(self):
        server = self.serve(folder.name, "--limit", "connections=none", "--log", "none", descriptors=48)
        server.get("/small")
        before = wait_until(server.descriptors, "no descriptors")
        first = server.http()
        self.addCleanup(first.close)
        first.request("GET", "/small")
        self.assertEqual(first.getresponse().read(), b"small\n")
        many = [self.connect(server) for _ in range(200)]
        for s in many:
            s.sendall(SMALL)
        # Who is connected is answered, if only that it is busy; the others may have been closed.
        for _ in range(3):
            first.request("GET", "/small")
            r = first.getresponse()
            self.assertIn((r.status, r.read() == b"small\n"), ((200, True), (503, False)))
        self.assertIsNone(server.process.poll())
        self.assertGreaterEqual(server.descriptors(), 40)
        for s in many:
            s.close()
        first.close()
        wait_until(lambda: self.is_served(server), "it does not recover")
        wait_until(lambda: server.descriptors() <= before, "descriptors leak")

    def is_served(self, server):
        try:
            return server.get("/small")[::2] == (200, b"small\n")
        except ConnectionError:
            return False

    def test_a_hundred_slow_ones_hold_up_nobody(self):
        server = self.serve(folder.name, "--limit", "head-time=2s", "--limit", "rate-time=2s", "--log", "none")
        start = time.monotonic()
        heads = [self.connect(server) for _ in range(50)]
        readers = [self.connect(server, receive_buffer=1 << 14) for _ in range(50)]
        with Others(server):
            for s in heads:
                s.sendall(b"GET /sma")
            for s in readers:
                s.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual([[r.status for r in responses(read_all(s))] for s in heads], [[408]] * 50)
            self.cut(time.monotonic() - start, 2)
        for s in readers:
            s.close()


class WithOnePoller(Limits, unittest.TestCase):
    """What takes its time, and is the same with each."""

    def test_a_slow_head_behind_another_request_is_cut(self):
        server = self.serve(folder.name, "--limit", "head-time=1s", "--log", "none")
        s = self.connect(server)
        s.sendall(SMALL)
        self.assertEqual(read_exactly(s, 1), b"H")
        while not s.recv(1000).endswith(b"small\n"):
            pass
        with Others(server):
            got, took = drip(s, b"A" * 1000, 0.1)
        self.cut(took, 1)
        self.assertEqual([r.status for r in responses(got)], [408])

    def test_a_head_at_one_byte_a_second_is_cut(self):
        server = self.serve(folder.name, "--limit", "head-time=2s", "--log", "none")
        with Others(server):
            start = time.monotonic()
            _, took = drip(self.connect(server), b"GET /small HTTP/1.1\r\n", 1, start=start)
        self.cut(took, 2)

    def test_a_body_above_the_least_rate_may_take_its_time(self):
        server = self.serve(folder.name, "--limit", "rate-time=2s", "--limit", "read-rate=10", "--limit",
                            "head-time=1s", "--log", "none")
        s = self.connect(server)
        s.sendall(b"POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 300\r\n\r\n")
        for _ in range(30):
            s.sendall(b"x" * 10)
            time.sleep(0.1)
        s.sendall(b"GET /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertEqual([r.status for r in responses(read_all(s))], [405, 200])

    def test_a_reader_above_the_least_rate_may_take_its_time(self):
        """However long that is, and whatever the kernel has in store: what counts is what the client takes."""
        server = self.serve(folder.name, "--limit", "rate-time=1s", "--limit", "write-rate=5k", "--log", "none")
        s = self.connect(server, receive_buffer=1 << 16)
        s.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\nRange: bytes=0-33554431\r\nConnection: close\r\n\r\n")
        total = 0
        for _ in range(80):
            total += len(s.recv(5000))
            time.sleep(0.1)
        while piece := s.recv(1 << 20):
            total += len(piece)
        self.assertGreater(total, 33554431)

    def test_what_was_taken_of_the_first_bytes_counts(self):
        """A pause is forgiven for what was taken before it, though that is less than the kernel took at first."""
        server = self.serve(folder.name, "--limit", "rate-time=1s", "--limit", "write-rate=50k", "--log", "none")
        s = self.connect(server, receive_buffer=1 << 16)
        start = time.monotonic()
        s.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\nRange: bytes=0-33554431\r\nConnection: close\r\n\r\n")
        total = len(read_exactly(s, 200_000))
        time.sleep(0.5)
        total += len(read_exactly(s, 100_000))  # which makes room for the second second; in the third none is made
        time.sleep(max(0, start + 3.4 - time.monotonic()))
        if time.monotonic() > start + 3.8:
            self.skipTest("this machine is too slow")
        while piece := s.recv(1 << 20):
            total += len(piece)
        self.assertGreater(total, 33554431)

    def test_what_a_busy_connection_does_is_no_idling(self):
        server = self.serve(folder.name, "--limit", "idle-time=2s", "--limit", "head-time=2s", "--log", "none")
        s = self.connect(server)
        for _ in range(7):
            time.sleep(0.4)
            s.sendall(SMALL)
            got = b""
            while not got.endswith(b"small\n"):
                got += s.recv(1000)


if __name__ == "__main__":
    unittest.main()
