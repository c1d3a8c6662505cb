#!/usr/bin/env python3
"""`undergo serve` among those who mean it no good, or do not care: clients that lie about who they are, readers of its log
that stop reading."""
import os
import re
import signal
import socket
import subprocess
import tempfile
import unittest

from served import PATIENCE, UNDERGO, Lines, Served, read_all

GET = b"GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def make_folder(case):
    folder = tempfile.TemporaryDirectory(prefix="undergo-")
    case.addClassCleanup(folder.cleanup)
    os.mkdir(os.path.join(folder.name, "site"))
    with open(os.path.join(folder.name, "site", "a.txt"), "wb") as f:
        f.write(b"hello\n")
    return folder.name


class Names(unittest.TestCase):
    """A client of a Unix socket gives itself a name."""

    @classmethod
    def setUpClass(cls):
        cls.folder = make_folder(cls)

    def log_of(self, form):
        path = os.path.join(self.folder, f"{form}.sock")
        process = subprocess.Popen([UNDERGO, "serve", os.path.join(self.folder, "site"), "--listen", f"unix:{path}",
                                    "--log", form], stdout=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        out = Lines(process.stdout)
        out.wait("serving")
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            s.bind(os.path.join(self.folder, f'{form}\n1.2.3.4 - - [x] "GET forged" 200 5 \x1b[31m'))
            s.connect(path)
            s.sendall(GET)
            read_all(s)
        process.terminate()
        self.assertEqual(process.wait(PATIENCE), 0)
        return out.join()

    def test_cannot_forge_a_line_of_the_common_log(self):
        lines = self.log_of("common")
        self.assertEqual(len(lines), 3)
        self.assertRegex(lines[1], r'\Aunix: - - \[[^]]+\] "GET /a.txt HTTP/1.1" 200 6\Z')

    def test_cannot_forge_a_line_of_the_log_in_json(self):
        lines = self.log_of("json")
        self.assertEqual(len(lines), 3)
        self.assertRegex(lines[1], r'\A[ -~]+"target":"/a.txt"[ -~]+\Z')


class Readers(Served, unittest.TestCase):
    """Whoever reads the log has stopped, with the pipe full."""

    def setUp(self):
        self.folder = make_folder(type(self))
        self.process = subprocess.Popen([UNDERGO, "serve", os.path.join(self.folder, "site"), "--listen", "127.0.0.1:0"],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.process.stdout.close)
        self.addCleanup(self.process.stderr.close)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        port = int(re.search(rb":(\d+)/", self.process.stdout.readline()).group(1))
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as s:
            for _ in range(100):  # 200 kB of log, which no pipe takes
                s.sendall((b"GET /a.txt?" + b"x" * 200 + b" HTTP/1.1\r\nHost: x\r\n\r\n") * 10)
                got = b""
                while got.count(b"hello\n") < 10:
                    got += s.recv(1 << 16)

    def test_do_not_keep_it_from_ending(self):
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(PATIENCE), 0)
        self.assertRegex(self.process.stderr.read(), rb"\Aundergo serve: \d+ lines of the log got lost\n\Z")

    def test_do_not_keep_a_second_signal_from_ending_it_at_once(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.send_signal(signal.SIGINT)
        self.assertIn(self.process.wait(PATIENCE), (-signal.SIGINT, -signal.SIGTERM))


if __name__ == "__main__":
    unittest.main()
