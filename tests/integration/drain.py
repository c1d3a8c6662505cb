#!/usr/bin/env python3
"""What signals do to `undergo serve`: SIGTERM and SIGINT let it finish what runs, for a while; a second one does not;
SIGQUIT shows its tasks."""
import hashlib
import os
import re
import signal
import tempfile
import time
import unittest

from served import Served, on_each_poller, read_all, read_exactly, responses, wait_until

MIB = 1 << 20
SIZE = 100 * MIB
REQUEST = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n"


def setUpModule():
    global folder, expected
    folder = tempfile.TemporaryDirectory(dir=os.environ.get("UG_BUILD"))
    unittest.addModuleCleanup(folder.cleanup)
    data = os.urandom(MIB)
    with open(os.path.join(folder.name, "big"), "wb") as f:
        digest = hashlib.sha256()
        for i in range(SIZE // MIB):
            piece = bytes([i]) + data[1:]
            f.write(piece)
            digest.update(piece)
    expected = digest.digest()
    with open(os.path.join(folder.name, "small"), "wb") as f:
        f.write(b"small\n")


def refuses(server):
    try:
        server.connect().close()
    except (ConnectionRefusedError, ConnectionResetError):
        return True
    return False


def unread(server, s):
    """Bytes of a connection that the server has not read yet; None: it has not come there."""
    ends = f":{server.address[1]:04X}", f":{s.getsockname()[1]:04X}"
    with open("/proc/net/tcp", encoding="ascii") as f:
        for _, local, remote, _, queues, *_ in map(str.split, f):
            if local.endswith(ends[0]) and remote.endswith(ends[1]):
                return int(queues.split(":")[1], 16)
    return None


@on_each_poller
class Drain(Served):
    def begin(self, *options, name=b"/big"):
        """A server in the middle of a download of which its client has not read the most part."""
        server = self.serve(folder.name, *options)
        s = self.connect(server, receive_buffer=1 << 16)
        s.sendall(REQUEST % name)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += s.recv(1)
        self.assertIn(b" 200 ", head)
        return server, s

    def stop(self, server, signo=signal.SIGTERM):
        """Returns once it has heard."""
        server.signal(signo)
        wait_until(lambda: refuses(server), "it goes on accepting")

    def finish(self, s, pause):
        digest, total = hashlib.sha256(), 0
        for _ in range(SIZE // MIB):
            piece = read_exactly(s, MIB)
            digest.update(piece)
            total += len(piece)
            time.sleep(pause)
        self.assertEqual((total, digest.digest()), (SIZE, expected))
        self.assertEqual(s.recv(1), b"")

    def test_a_slow_download_is_finished_new_connections_are_refused_and_the_status_is_0(self):
        server, s = self.begin("--drain", "120s")
        digest = hashlib.sha256()
        digest.update(read_exactly(s, MIB))
        self.stop(server)
        for i in range(SIZE // MIB - 1):
            digest.update(read_exactly(s, MIB))
            time.sleep(0.02)
            if i % 20 == 0:
                self.assertTrue(refuses(server))
                self.assertIsNone(server.process.poll())
        self.assertEqual(digest.digest(), expected)
        self.assertEqual(s.recv(1), b"", "the connection ends with the answer")
        self.assertEqual(server.wait(), 0)
        self.assertEqual(server.err.all, [])
        self.assertRegex(server.out.all[-1], rf"^served 1 requests on \d+ connections, {SIZE} bytes; 2xx 1,")

    def test_so_it_is_with_sigint(self):
        server, s = self.begin("--drain", "120s")
        self.stop(server, signal.SIGINT)
        self.finish(s, 0)
        self.assertEqual(server.wait(), 0)

    def test_a_request_that_has_begun_is_answered_and_told_that_it_is_the_last(self):
        server = self.serve(folder.name, "--drain", "120s")
        s = self.connect(server)
        s.sendall(b"GET /small HTTP/1.1\r\n")
        wait_until(lambda: unread(server, s) == 0, "it does not read")
        time.sleep(0.1)
        self.stop(server)
        s.sendall(b"Host: x\r\n\r\n" + REQUEST % b"/small")
        r, = responses(read_all(s))
        self.assertEqual((r.status, r.body, r.fields.get("connection")), (200, b"small\n", "close"))
        self.assertEqual(server.wait(), 0)

    def test_idle_connections_do_not_hold_it_up(self):
        server = self.serve(folder.name, "--drain", "none")
        idle = [self.connect(server) for _ in range(20)]
        for s in idle[:10]:
            s.sendall(REQUEST % b"/small")
            while not s.recv(1000).endswith(b"small\n"):
                pass
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)
        for s in idle[:10]:
            self.assertEqual(s.recv(1), b"")

    def test_what_goes_on_too_long_is_cut(self):
        server, s = self.begin("--drain", "1s", "--limit", "write-rate=none")
        start = time.monotonic()
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 1)
        self.assertGreater(time.monotonic() - start, 0.9)
        self.assertEqual(len(server.err.all), 1, server.err.all)
        self.assertIn("drain time", server.err.all[0])
        with self.assertRaises((ConnectionError, AssertionError)):
            self.finish(s, 0)

    def test_a_second_signal_ends_it_at_once(self):
        for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT),
                              (signal.SIGTERM, signal.SIGINT)):
            with self.subTest(first=first, second=second):
                server, _ = self.begin("--drain", "none", "--limit", "write-rate=none")
                self.stop(server, first)
                self.assertIsNone(server.process.poll())
                server.signal(second)
                self.assertEqual(server.wait(), -second)

    def dumps(self, server):
        before = len(server.err.all)
        server.signal(signal.SIGQUIT)
        for name in ("http", "access log"):
            task = re.compile(rf"\b{name}\b")
            wait_until(lambda: any(map(task.search, server.err.all[before:])), f"no task is named {name}")

    def test_sigquit_shows_the_tasks_and_it_serves_on(self):
        server, s = self.begin("--drain", "120s")
        for _ in range(2):
            self.dumps(server)
            self.assertEqual(server.get("/small")[2], b"small\n")
        self.stop(server)
        self.dumps(server)
        self.finish(s, 0)
        self.assertEqual(server.wait(), 0)

    def test_nobody_to_wait_for(self):
        server = self.serve(folder.name)
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)
        self.assertEqual(len(server.out.all), 2, server.out.all)

    def test_its_port_is_free_again(self):
        first = self.serve(folder.name)
        first.get("/small")
        first.signal(signal.SIGTERM)
        self.assertEqual(first.wait(), 0)
        second = self.serve(folder.name, listen="%s:%d" % first.address)
        self.assertEqual(second.get("/small")[2], b"small\n")


if __name__ == "__main__":
    unittest.main()
