#!/usr/bin/env python3
"""The examples that need someone to speak to, and each example as its users would compile it."""
import itertools
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

SOURCE = os.environ["UG_SOURCE"]
EXAMPLES = os.path.join(os.environ["UG_BUILD"], "examples")
PATIENCE = 30  # seconds, for a machine that does other things too


PORTS = itertools.count(7000)


def own_address():
    """One that no other test uses: all of 127.0.0.0/8 is this host. With io_uring a port outlives its killed server a little."""
    pid = os.getpid()
    return f"127.{(pid >> 15) + 1}.{pid >> 8 & 127}.{pid & 255}", next(PORTS)


def wait_for(address, program):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(address, timeout=PATIENCE)
        except ConnectionRefusedError:
            if program.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.01)


class Served(unittest.TestCase):
    def start(self, name, address):
        program = subprocess.Popen([os.path.join(EXAMPLES, name), "%s:%d" % address], stdout=subprocess.PIPE)
        self.addCleanup(program.stdout.close)
        self.addCleanup(program.wait, PATIENCE)
        self.addCleanup(program.terminate)
        wait_for(address, program).close()
        return program


class Echo(Served):
    def setUp(self):
        self.address = own_address()
        self.program = self.start("06-echo", self.address)

    def test_gives_back_what_it_gets_until_the_end(self):
        data = random.Random(1).randbytes(1 << 20)
        with socket.create_connection(self.address, timeout=PATIENCE) as s:
            back = b""
            for i in range(0, len(data), 1 << 16):
                s.sendall(data[i:i + (1 << 16)])
                while len(back) < i + (1 << 16):
                    back += s.recv(1 << 16)
            s.shutdown(socket.SHUT_WR)
            self.assertEqual(s.recv(1), b"")
        self.assertEqual(back, data)

    def test_one_client_that_resets_does_not_end_it(self):
        with socket.create_connection(self.address, timeout=PATIENCE) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            s.sendall(b"x" * 1000)
        with socket.create_connection(self.address, timeout=PATIENCE) as s:
            s.sendall(b"still there")
            self.assertEqual(s.recv(100), b"still there")

    def test_serves_many_at_once(self):
        clients = [socket.create_connection(self.address, timeout=PATIENCE) for _ in range(100)]
        for i, s in enumerate(clients):
            s.sendall(b"%d" % i)
        for i, s in enumerate(clients):
            self.assertEqual(s.recv(10), b"%d" % i)
            s.close()

    def test_says_why_it_cannot_listen(self):
        second = subprocess.run([os.path.join(EXAMPLES, "06-echo"), "%s:%d" % self.address], stdout=subprocess.PIPE,
                                timeout=PATIENCE)
        self.assertEqual((second.returncode, second.stdout), (1, b"echo: Address already in use\n"))


class Http(Served):
    def setUp(self):
        self.address = own_address()
        self.program = self.start("07-http", self.address)

    def get(self, path, **more):
        return urllib.request.urlopen(urllib.request.Request("http://%s:%d%s" % (*self.address, path), **more),
                                      timeout=PATIENCE)

    def test_answers_on_both_routes(self):
        with self.get("/") as r:
            self.assertEqual((r.status, r.read()), (200, b"hello, world\n"))
        with self.get("/hello/Ada") as r:
            self.assertEqual((r.status, r.read()), (200, b"hello, Ada\n"))

    def test_answers_404_and_405_elsewhere(self):
        for path, more, status in (("/elsewhere", {}, 404), ("/", {"data": b"x"}, 405)):
            with self.assertRaises(urllib.error.HTTPError) as e:
                self.get(path, **more)
            e.exception.close()
            self.assertEqual(e.exception.code, status)

    def test_ends_with_status_0_when_told_to(self):
        self.program.send_signal(signal.SIGTERM)
        self.assertEqual(self.program.wait(PATIENCE), 0)


class Pipeline(unittest.TestCase):
    def words(self, text):
        with tempfile.NamedTemporaryFile() as f:
            f.write(text)
            f.flush()
            run = subprocess.run([os.path.join(EXAMPLES, "09-pipeline"), f.name], stdout=subprocess.PIPE, check=True,
                                 timeout=PATIENCE)
        return int(re.match(rb"(\d+) words in ", run.stdout).group(1))

    def test_counts_as_python_does(self):
        rng = random.Random(2)
        text = b"".join(rng.choice([b"word", b"a" * 70, b" ", b"\n", b"\t ", b"x"]) for _ in range(400_000))
        self.assertEqual(self.words(text), len(text.split()))

    def test_words_that_span_blocks_count_once(self):
        block = 64 * 1024
        for text in (b"", b" ", b"a", b"a" * block, b"a" * (block + 1), b"a" * (3 * block) + b" b",
                     b" " * block + b"a", b"a" * (block - 1) + b" b"):
            self.assertEqual(self.words(text), len(text.split()))

    def test_says_what_is_wrong_with_the_file(self):
        run = subprocess.run([os.path.join(EXAMPLES, "09-pipeline"), "/nowhere"], stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual((run.returncode, run.stderr), (1, b"/nowhere: No such file or directory\n"))


class Hello(unittest.TestCase):
    def test_greets_each_once(self):
        run = subprocess.run([os.path.join(EXAMPLES, "01-hello"), "Ada", "Grace", "Mary"], stdout=subprocess.PIPE, check=True,
                             timeout=PATIENCE)
        self.assertEqual(sorted(run.stdout.splitlines()), [b"hello, Ada", b"hello, Grace", b"hello, Mary"])

    def test_greets_the_world_where_nobody_is_named(self):
        self.assertEqual(subprocess.check_output([os.path.join(EXAMPLES, "01-hello")], timeout=PATIENCE), b"hello, world\n")


class Compiled(unittest.TestCase):
    def test_without_a_warning_as_c_and_as_cxx(self):
        folder = os.path.join(SOURCE, "examples")
        names = sorted(n for n in os.listdir(folder) if n.endswith(".c"))
        self.assertEqual(len(names), 9)
        warnings = ["-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
        ways = [("gcc", "c", "c11"), ("clang", "c", "c11"), ("g++", "c++", "c++17"), ("clang++", "c++", "c++17")]
        for compiler, language, standard in ways:
            for name in names:
                with self.subTest(name=name, compiler=compiler):
                    if not shutil.which(compiler):
                        self.skipTest(f"there is no {compiler} here")
                    run = subprocess.run([compiler, "-x", language, "-std=" + standard, *warnings, "-O2", "-c", "-o", os.devnull,
                                          "-I", os.path.join(SOURCE, "include"), os.path.join(folder, name)],
                                         stderr=subprocess.PIPE, text=True)
                    self.assertEqual(run.returncode, 0, run.stderr)

    def test_each_says_what_it_shows_in_3_to_6_lines(self):
        folder = os.path.join(SOURCE, "examples")
        for name in os.listdir(folder):
            if name.endswith(".c"):
                with open(os.path.join(folder, name), encoding="utf-8") as f, self.subTest(name=name):
                    comment = re.match(r"/\*\n(.*?)\n \*/\n", f.read(), re.S).group(1)
                    self.assertIn(len([line for line in comment.split("\n") if line.strip(" *")]), range(3, 7))


if __name__ == "__main__":
    unittest.main()
